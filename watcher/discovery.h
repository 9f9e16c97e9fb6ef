/*
 * discovery - the discovery port of one node: the commands of the partition without memcached.
 *
 * Answers what the node's segment holds with the parser that the module inside memcached uses; a
 * write goes into the inbox. `config watch cluster` subscribes a connection to one line per change.
 * Everything is bounded: connections, values that come in (the oldest unfinished one gives way),
 * bytes per request and waiting to be sent, idle time (subscribers may be idle for ever).
 */
#ifndef WATCHER_DISCOVERY_H
#define WATCHER_DISCOVERY_H

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "discovery/segment.h"
#include "discovery/session.h"
#include "loop/loop.h"

#define DISCOVERY_CONNECTIONS_MAX 1024
#define DISCOVERY_IDLE_MS 300000U
/* What clients may leave unread; who goes beyond either is cut off. */
#define DISCOVERY_UNREAD_BYTES_MAX (1U << 20)
#define DISCOVERY_UNREAD_TOTAL_MAX (16U << 20)

struct discovery;

/* All borrowed. */
struct discovery_options {
    const char *ip;
    uint16_t port;
    const struct segment_cell *cell; /* what is served; tell discovery_changed() of changes */
    const char *inbox;               /* path, see discovery/names.h */
    struct session_source source;    /* more rows of `stats`, and the join requests that are held */
};

/*
 * Listen for a partition. ERR_CONFLICT: the port is in use; ERR_IO: it can't be listened at, for
 * example because the address is none of this machine.
 */
MUST_USE int discovery_new(struct loop *loop, const struct discovery_options *options,
                           struct discovery **out, struct err *err);
void discovery_free(struct discovery *discovery);
DEFINE_CLEANUP(struct discovery, discovery_free);

/* What is served has changed: tell the subscribers. */
void discovery_changed(struct discovery *discovery);

/* A join request has come to those that options.source tells of: tell the subscribers. */
void discovery_joining(struct discovery *discovery, const char *uid);

#endif
