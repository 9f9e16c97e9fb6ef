/*
 * cordon - taking a host out of use and back, by its key `cordons/<host>`.
 *
 * The command line alone writes those keys. Each write compares the mod_revision that was read.
 */
#ifndef CLI_CORDON_H
#define CLI_CORDON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "client/context.h"
#include "model/node.h"

#define CORDON_TRIES_MAX 5

/* What an operator wants of a host. */
enum cordon_wish {
    CORDON_OFF,   /* it takes nodes */
    CORDON_ON,    /* it keeps its nodes and takes no new ones */
    CORDON_DRAIN, /* its nodes move away, too */
};

/*
 * What is to stand in the key: pure. `current` NULL: no key. `reason` NULL: the one that is there
 * stays. Returns 1 when nothing has to be written; CORDON_OFF needs no `next`. The time is that of
 * the last change between the three states.
 */
MUST_USE int cordon_decide(const struct cordon *current, const char *host, enum cordon_wish wish,
                           const char *reason, uint64_t now_ms, struct cordon *next);

/*
 * Bring a host's key in line with the wish. ERR_NOT_FOUND names the hosts that are known;
 * `changed` tells whether anything was written, `away` whether no watcher of the host lives.
 */
struct cordon_outcome {
    bool changed;
    bool away;
};
MUST_USE int cordon_change(struct context *context, const char *host, enum cordon_wish wish,
                           const char *reason, struct cordon_outcome *out, struct err *err);

/* ERR_USAGE when the reason (NULL: none) is too long. */
MUST_USE int cordon_reason_check(const char *reason, struct err *err);

#endif
