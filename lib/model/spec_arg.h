/*
 * spec_arg - the allow-list of memcached's options: what `spec.extraArgs` may hold.
 *
 * spec_extra_arg_check() in spec.h judges by it; the schema is made of it.
 */
#ifndef MODEL_SPEC_ARG_H
#define MODEL_SPEC_ARG_H

#include <stddef.h>
#include <stdint.h>

#define SPEC_ARG_CHARS ":/.,;_|#%+=-"

enum spec_arg_kind {
    SPEC_ARG_NONE,    /* the option stands alone */
    SPEC_ARG_NUMBER,  /* decimal integer within min..max */
    SPEC_ARG_DECIMAL, /* digits, perhaps with a fraction, within min..max (in thousandths) */
    SPEC_ARG_WORD,    /* one of `words`, separated by '|' */
    SPEC_ARG_CHAR,    /* one of SPEC_ARG_CHARS */
    SPEC_ARG_LIST,    /* suboptions with commas between them, see spec_suboptions() */
};

struct spec_arg {
    const char *name;
    enum spec_arg_kind kind;
    uint64_t min;
    uint64_t max;
    const char *words;
};

/* The options, and those of -o. */
const struct spec_arg *spec_args(size_t *count);
const struct spec_arg *spec_suboptions(size_t *count);

#endif
