/*
 * listing - objects of one kind, printed once or followed: what `get` and `events` have in common.
 *
 * Followed, each object is a line when it is new or has changed (YAML: a document), and one line
 * tells that it is gone. Etcd's watches tell of changes; nothing is polled.
 */
#ifndef CLI_LISTING_H
#define CLI_LISTING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "client/context.h"
#include "codec/jsonpath.h"
#include "show/show.h"

#define LISTING_VALUES "table|wide|json|yaml|name|jsonpath=TEMPLATE"
#define LISTING_FORMS "table, wide, json, yaml, name or jsonpath=TEMPLATE"

enum listing_form {
    LISTING_TABLE,
    LISTING_WIDE,
    LISTING_JSON,
    LISTING_YAML,
    LISTING_NAME,
    LISTING_JSONPATH
};

struct listing {
    struct context *context;
    const struct show_kind *kind;
    struct show_request request;
    enum listing_form form;
    struct jsonpath *path; /* of LISTING_JSONPATH */
    struct selector selector;
    bool headless;         /* tables have no heading */
    struct jsonpath *sort; /* by what objects are sorted; NULL: not at all */
};

/* For CLEANUP; fine on a zeroed one. */
void listing_deinit(struct listing *listing);

/* How to print: what --output says. ERR_USAGE. */
MUST_USE int listing_use_form(struct listing *listing, const char *text, struct err *err);

/* Which objects: what --selector says (NULL: nothing). ERR_USAGE. */
MUST_USE int listing_use_selector(struct listing *listing, const char *text, struct err *err);

/* In which order: what --sort-by says (NULL: the listing's own). ERR_USAGE. Not when followed. */
MUST_USE int listing_use_sort(struct listing *listing, const char *text, struct err *err);

/* Which objects: those of the names, which outlive the listing. ERR_USAGE for what can't be one. */
MUST_USE int listing_use_names(struct listing *listing, const char *const *names, size_t count,
                               struct err *err);

/* Read and print. ERR_NOT_FOUND names what is not there; what is there is printed all the same. */
MUST_USE int listing_print(struct listing *listing, struct err *err);

/* Print, and follow until a signal to end comes, or for `timeout_ms` (UINT64_MAX: no limit); 0
 * either way. */
MUST_USE int listing_watch(struct listing *listing, uint64_t timeout_ms, struct err *err);

/* Append the objects as the form says. */
MUST_USE int listing_render(const struct listing *listing, const struct facts *facts,
                            struct str *out, struct err *err);

#endif
