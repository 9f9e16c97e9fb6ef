/*
 * jsonpath_parts - what a template was read into: parts, and the steps of their expressions.
 * Between jsonpath_parse.c and jsonpath.c only.
 */
#ifndef CODEC_JSONPATH_PARTS_H
#define CODEC_JSONPATH_PARTS_H

#include <stdbool.h>
#include <stddef.h>

#include "codec/jsonpath.h"

enum step_kind { STEP_MEMBER, STEP_DEEP, STEP_ALL, STEP_INDEX, STEP_SLICE, STEP_FILTER };

enum filter_op { FILTER_EXISTS, FILTER_EQ, FILTER_NE, FILTER_LT, FILTER_LE, FILTER_GT, FILTER_GE };

enum literal_kind { LITERAL_TEXT, LITERAL_NUMBER, LITERAL_TRUE, LITERAL_FALSE };

struct jsonpath_literal {
    enum literal_kind kind;
    const char *text;
    double number;
};

struct jsonpath_step {
    enum step_kind kind;
    const char *name; /* MEMBER; DEEP: NULL for all */
    long from;        /* INDEX, SLICE; below 0: from the end */
    long to;
    bool to_end; /* SLICE without an end */
    /* FILTER: the steps of the left side follow this one. */
    size_t left_count;
    enum filter_op op;
    struct jsonpath_literal right;
};

enum part_kind { PART_TEXT, PART_VALUES, PART_RANGE, PART_END };

struct jsonpath_part {
    enum part_kind kind;
    const char *text;
    bool of_all; /* begins at `$`, not at the element at hand */
    size_t first_step;
    size_t steps_count;
    size_t end; /* RANGE: the part of its end */
};

struct jsonpath {
    struct jsonpath_part parts[JSONPATH_PARTS_MAX];
    size_t parts_count;
    struct jsonpath_step steps[JSONPATH_STEPS_MAX];
    size_t steps_count;
    char pool[2 * JSONPATH_TEXT_MAX]; /* texts and names, each with its NUL */
    size_t pool_used;
};

#endif
