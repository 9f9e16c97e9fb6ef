/*
 * join - a memcached that muster did not place asks to become a node of a cluster.
 *
 * Its watcher (sidecar mode) writes the request into one node's partition; the watchers that see it
 * there check it and report it as `clusters/<c>/joins/<uid>/<host>`, one key for each watcher that
 * saw it. The controller admits it by an intent for the joiner's own host (`attached`). Plain data;
 * texts belong to an arena.
 */
#ifndef MODEL_JOIN_H
#define MODEL_JOIN_H

#include <stddef.h>
#include <stdint.h>

#include "model/name.h"
#include "model/spec.h"

#define JOIN_UID_SIZE 17   /* 16 hex digits and NUL: who asks, the same for life */
#define JOIN_NONCE_SIZE 33 /* 32 hex digits and NUL: which request */
#define JOIN_MAC_SIZE 65   /* HMAC-SHA256 in hex and NUL */
#define JOIN_BYTES_MAX 4096
/* A request counts for so long; who still waits then asks anew. */
#define JOIN_LIFETIME_MS 600000U
/* How far clocks of hosts may differ. */
#define JOIN_CLOCK_SKEW_MS 60000U
/* So many at once per cluster; more are passed over. */
#define JOINS_MAX 256

struct join {
    const char *cluster;
    const char *cluster_uid; /* of the incarnation that the joiner wants to be part of */
    const char *uid;
    const char *host; /* the joiner's: intents for it are read under this name */
    const char *ip;
    uint16_t data_port;
    uint16_t discovery_port;       /* the data port - 1; checked */
    uint32_t slot_wanted;          /* honoured when free; 0: any */
    struct node_settings settings; /* as its memcached says that it was started, brought into the
                                      bounds of node_settings_check(), which is checked */
    uint64_t issued_ms;            /* wall clock of the joiner; grows from request to request,
                                      but when the clock was set back by JOIN_CLOCK_SKEW_MS */
    const char *nonce;
    const char *mac; /* over all of the above, under the cluster's join token; "" in reports */
};

/* `clusters/<c>/joins/<uid>/<host>`: `host` saw the request; only its watcher writes the key. */
struct join_report {
    struct join join;
    const char *seen_by; /* host */
    uint32_t
        seen_in_slot; /* whose partition it was written to; 0: none, the joiner itself says so */
    uint64_t seen_ms;
};

#endif
