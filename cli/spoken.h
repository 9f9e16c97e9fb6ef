/*
 * spoken - arguments as this program itself writes objects: "cluster/sessions", "host/cache-a1".
 *
 * Verbs take names, or a kind and a name. Where the first argument is both in one, spoken_read()
 * makes of it what the verb takes; likewise of the others where they name more of the same kind.
 * Whatever else is said stays as it is, wrong or right.
 */
#ifndef CLI_SPOKEN_H
#define CLI_SPOKEN_H

#include "base/cleanup.h"
#include "base/err.h"
#include "cli/verb.h"

#define SPOKEN_KIND_SIZE 64

struct spoken {
    int argc;
    char **argv; /* ends with NULL; the texts are those that were given, or `kind` */
    char kind[SPOKEN_KIND_SIZE];
};

/* The arguments in `out`, to be released by spoken_deinit(), also after a failure. ERR_NOMEM. */
MUST_USE int spoken_read(const struct verb *verb, int argc, char *const *argv, struct spoken *out,
                         struct err *err);

/* NULL in `argv` is fine. */
void spoken_deinit(struct spoken *spoken);

#endif
