/*
 * yaml_tree - a YAML file as plain trees, one per document, with the place of every node.
 *
 * Internal to codec. Only what a spec needs: texts, lists, and mappings from texts. Anchors,
 * aliases, tags, other keys, duplicate keys, and what exceeds a limit are recorded as mistakes
 * and left out. Trees live in an arena of the reader until the next document is read.
 */
#ifndef CODEC_YAML_TREE_H
#define CODEC_YAML_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "codec/yaml_mistakes.h"

#define YAML_DEPTH_MAX 16
#define YAML_CHILDREN_MAX 1024
#define YAML_TREE_BYTES_MAX (64U << 20)

enum yaml_kind {
    YAML_NONE, /* nothing, "~" or "null" */
    YAML_TEXT,
    YAML_LIST,
    YAML_MAP,
};

struct yaml_node {
    enum yaml_kind kind;
    struct yaml_place place;
    const char *text; /* YAML_TEXT */
    bool plain;       /* written without quotes */
    const char *key;  /* in a mapping */
    struct yaml_place key_place;
    struct yaml_node *children; /* the first; of a list or a mapping */
    struct yaml_node *next;     /* the sibling */
};

struct yaml_reader;

void yaml_reader_free(struct yaml_reader *reader);
DEFINE_CLEANUP(struct yaml_reader, yaml_reader_free);

/* A reader of `bytes`, which must outlive it. Bytes that are no text are a mistake, told once. */
MUST_USE int yaml_reader_new(const char *bytes, size_t size, struct yaml_mistakes *mistakes,
                             struct yaml_reader **out, struct err *err);

/* 1: the next document's root is in `*root` (NULL: it is empty); 0: there is none, or its syntax
 * is a mistake. */
MUST_USE int yaml_reader_next(struct yaml_reader *reader, const struct yaml_node **root,
                              struct err *err);

/* The member of a mapping, or NULL. */
const struct yaml_node *yaml_member(const struct yaml_node *map, const char *key);

#endif
