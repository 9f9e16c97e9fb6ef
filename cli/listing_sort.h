/*
 * listing_sort - the order of listed objects by what a jsonpath finds in each of them.
 *
 * Objects without it come first, then numbers as numbers, then texts by their bytes; what is equal
 * stays in the listing's own order. Pure; memory is an arena's.
 */
#ifndef CLI_LISTING_SORT_H
#define CLI_LISTING_SORT_H

#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "codec/jsonpath.h"

struct sorted {
    const char *element; /* JSON, not ended by NUL */
    size_t size;
    const char *key;
    double number; /* where the key is one */
    int rank;      /* nothing, number, text */
    size_t place;  /* in the listing */
};

struct listing_order {
    struct sorted *list;
    size_t count;
};

/* ".spec.nodes", "spec.nodes" or "{.spec.nodes}". ERR_USAGE. */
MUST_USE int listing_sort_parse(const char *text, struct jsonpath **out, struct err *err);

/*
 * The order of the elements of a JSON list, which outlives `out`; of another value, of none.
 * ERR_USAGE: none of them has what the path asks for.
 */
MUST_USE int listing_sort(const struct jsonpath *by, const char *json, struct arena *arena,
                          struct listing_order *out, struct err *err);

/* Append the elements as a list; and lines, one for each element of the listing, in that order. */
void listing_sort_json(const struct listing_order *order, struct str *out);
MUST_USE int listing_sort_lines(const struct listing_order *order, const char *lines,
                                struct arena *arena, struct str *out, struct err *err);

#endif
