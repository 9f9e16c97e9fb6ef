/*
 * yaml_mistakes - what is wrong with a file, gathered with places and told in their order.
 *
 * Internal to codec. Texts are copied into the arena; control characters in them become '?', so
 * that each mistake is one line and nothing reaches a terminal but text.
 */
#ifndef CODEC_YAML_MISTAKES_H
#define CODEC_YAML_MISTAKES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "codec/spec_yaml.h"

/* Line and column from 1; line 0 stands for the file as a whole. */
struct yaml_place {
    unsigned line;
    unsigned column;
};

struct yaml_mistake {
    struct yaml_place place;
    const char *text;
};

struct yaml_mistakes {
    const char *file;
    struct arena *arena;
    struct yaml_mistake list[SPEC_YAML_MISTAKES_MAX];
    size_t count; /* of all; the list holds the first SPEC_YAML_MISTAKES_MAX */
    bool failed;  /* for want of memory */
};

void yaml_mistakes_init(struct yaml_mistakes *mistakes, const char *file, struct arena *arena);

void yaml_mistake(struct yaml_mistakes *mistakes, struct yaml_place place, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/* 0 when there are none; else ERR_SPEC, a line for each in `out`, and the first in `err`. */
MUST_USE int yaml_mistakes_tell(struct yaml_mistakes *mistakes, struct str *out, struct err *err);

#endif
