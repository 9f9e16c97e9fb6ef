/*
 * context - a verb's connection: the loop, etcd, and memory for what is read.
 *
 * etcd is found by --etcd-endpoints, else by the operator's named connection (context_file.h), else
 * by what `muster up` wrote into the state directory, else at etcd's usual address on this machine;
 * but a state directory that was asked for must say it.
 */
#ifndef CLIENT_CONTEXT_H
#define CLIENT_CONTEXT_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "client/ask_nodes.h"
#include "client/facts.h"
#include "client/options.h"
#include "client/state_dir.h"
#include "etcd/etcd.h"
#include "loop/loop.h"
#include "memd/discovery_tls.h"

#define CONTEXT_ARENA_BYTES_MAX (1024U << 20)
#define CONTEXT_ENDPOINTS_SIZE 1024

struct context {
    struct loop *loop;
    struct etcd *etcd;
    struct discovery_tls_flags discovery; /* what the named connection says of discovery ports */
    struct tls_context *discovery_tls;    /* NULL: plain */
    struct node_asker asker;              /* with it */
    struct arena arena;
    char prefix[KEYS_PREFIX_MAX + 1];
    char endpoints[CONTEXT_ENDPOINTS_SIZE]; /* for messages */
    char state_dir[STATE_PATH_SIZE];        /* "" when there is none */
    uint64_t timeout_ms;
};

/* Nothing is connected yet; `options` must outlive the context. */
MUST_USE int context_open(struct context *context, struct options *options, struct err *err);
/*
 * How to speak to discovery ports: by the flags, else by what the named connection says; plain text
 * without. After context_open().
 */
MUST_USE int context_use_tls(struct context *context, const struct discovery_tls_flags *flags,
                             struct err *err);
/* For CLEANUP; fine on a zeroed context. */
void context_close(struct context *context);

/* Told of a key, which is valid during the call only; a failure ends the reading. */
typedef int context_kv_fn(void *ctx, const struct etcd_kv *kv, struct err *err);

/*
 * Read ranges, several at a time, at the revision that the first of them names, else when it is
 * read.
 * ERR_UNAVAILABLE names the endpoints.
 */
MUST_USE int context_each(struct context *context, const struct etcd_range *ranges, size_t count,
                          context_kv_fn *take, void *ctx, struct err *err);

/* The same, into `facts`. */
MUST_USE int context_read(struct context *context, const struct etcd_range *ranges, size_t count,
                          struct facts *facts, struct err *err);

/* Have an ERR_UNAVAILABLE name the endpoints; returns its code. Others are left as they are. */
int context_name_etcd(const struct context *context, struct err *err);

/* A key's text below the prefix, in the context's arena; NULL: no memory. */
const char *context_key(struct context *context, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* One transaction; ERR_CONFLICT when a compare did not hold. */
MUST_USE int context_write(struct context *context, const struct etcd_txn *txn, struct err *err);

#endif
