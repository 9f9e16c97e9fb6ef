/*
 * resolve - the IPv4 addresses of a host's name, without keeping the loop waiting.
 *
 * The system's resolver is asked (an address is its own name) on a thread of the loop's
 * pool, which may take many seconds; resolve_free() does not wait for it, and `done` does not come
 * any more then.
 */
#ifndef LOOP_RESOLVE_H
#define LOOP_RESOLVE_H

#include "base/cleanup.h"
#include "base/err.h"
#include "loop/loop.h"

#define RESOLVE_NAME_SIZE 256
#define RESOLVE_IP_SIZE 16
/* Further ones are left out. */
#define RESOLVE_IPS_MAX 64U

struct resolve;

/* In the resolver's order: of several, the one that is nearest to this machine first, be it the
 * machine itself. */
struct resolve_ips {
    char ip[RESOLVE_IPS_MAX][RESOLVE_IP_SIZE];
    size_t count; /* 0 on failure only */
};

/* `ips` is NULL on failure: ERR_NOT_FOUND says why. It is valid during the call, which is never
 * from inside resolve_new(). */
typedef void resolve_fn(void *ctx, const struct resolve_ips *ips, const struct err *err);

/* ERR_LIMIT for a name of RESOLVE_NAME_SIZE bytes or more. */
MUST_USE int resolve_new(struct loop *loop, const char *name, resolve_fn *done, void *ctx,
                         struct resolve **out, struct err *err);
/* Also inside `done`, and when it has not come yet. */
void resolve_free(struct resolve *resolve);
DEFINE_CLEANUP(struct resolve, resolve_free);

#endif
