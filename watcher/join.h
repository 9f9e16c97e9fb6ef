/*
 * join - asking one node after the other to let a memcached join its cluster.
 *
 * At each try one of the hosts is asked what it serves; what a trusted key has signed tells which
 * cluster it is. Then a fresh request, sealed with the cluster's token, is written below
 * `muster:join:<uid>` at the port that answered: the data port, if its memcached has a partition,
 * else the discovery port below it. A plain memcached, for which that would be an ordinary key, is
 * never written to. A data port takes every request; a discovery port says what is wrong with one.
 * So every other round begins there: but only at a port that serves the same cluster as the host's
 * own did, for there may be a node of another one. The watchers that see the request report it;
 * whether it was admitted shows elsewhere (an intent): until then it is repeated, with growing
 * pauses, at the next host. A name stands for all of its addresses but the joiner's own: each of
 * them is tried before the next host is.
 *
 * The files of keys and token are borrowed; the token is read anew at each try.
 */
#ifndef WATCHER_JOIN_H
#define WATCHER_JOIN_H

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "codec/envelope.h"
#include "loop/loop.h"
#include "loop/resolve.h"
#include "loop/tls.h"
#include "model/join.h"
#include "watcher/config.h"

#define JOIN_ANSWER_MS 2000U
/* After a request that was taken; doubles. */
#define JOIN_PAUSE_FIRST_MS 5000U
#define JOIN_PAUSE_MAX_MS 60000U
/* After a host that could not be asked, when others are left; and when none is. */
#define JOIN_NEXT_MS 100U
#define JOIN_ROUND_MS 2000U

struct joiner;

/* Borrowed. */
struct joiner_options {
    const struct log *log;
    const struct join_host *hosts;
    size_t hosts_count; /* at least 1 */
    const struct trusted_keys *keys;
    const char *token_file;
    const char *cluster;            /* the only one to join; NULL: that of the hosts */
    struct tls_context *const *tls; /* to discovery ports (memtext_use_tls()); NULL: plain */
    const char *own_ip;             /* where the joiner's own memcached is: it is not asked */
    uint16_t own_port;
};

struct joiner_events {
    /* Fill in all that the joiner itself does not know: uid, host, addresses, settings, wish and
     * the time, which is later than that of any former request. */
    void (*compose)(void *ctx, struct join *out);
    /* All hosts were tried, and none of them is a node that could be asked, or has refused. Told
     * once a round, which takes up to JOIN_ANSWER_MS for each port of each address. */
    void (*alone)(void *ctx);
};

/*
 * Pure: the addresses of a host in the order in which they are asked in a round, in place: without
 * the joiner's own (where the port is its, too), and another one first after each two rounds, of
 * which one begins at data ports and one at discovery ports.
 */
void joiner_order(struct resolve_ips *ips, const struct joiner_options *options, uint16_t port,
                  size_t round);

MUST_USE int joiner_new(struct loop *loop, const struct joiner_options *options,
                        const struct joiner_events *events, void *ctx, struct joiner **out,
                        struct err *err);
void joiner_free(struct joiner *joiner);
DEFINE_CLEANUP(struct joiner, joiner_free);

/* Ask until told to stop; nothing happens when that is so already. */
void joiner_start(struct joiner *joiner);
void joiner_stop(struct joiner *joiner);

#endif
