/*
 * selector - which objects are meant, by their labels: "tier=gold,zone!=a,!old,owner".
 *
 * Terms are parted by commas and must all hold: NAME=VALUE (or ==), NAME!=VALUE (also of an object
 * without that label), NAME (has it), !NAME (has it not). Pure.
 */
#ifndef SHOW_SELECTOR_H
#define SHOW_SELECTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "model/spec.h"

#define SELECTOR_TERMS_MAX 16
#define SELECTOR_TEXT_MAX 64 /* bytes of a name or a value */

enum selector_op { SELECTOR_HAS, SELECTOR_HAS_NOT, SELECTOR_IS, SELECTOR_IS_NOT };

struct selector_term {
    enum selector_op op;
    char name[SELECTOR_TEXT_MAX];
    char value[SELECTOR_TEXT_MAX];
};

struct selector {
    struct selector_term terms[SELECTOR_TERMS_MAX];
    size_t count; /* 0: everything */
};

/* ERR_USAGE names the term that is none. */
MUST_USE int selector_parse(const char *text, struct selector *out, struct err *err);

bool selector_matches(const struct selector *selector, const struct label *labels, size_t count);

#endif
