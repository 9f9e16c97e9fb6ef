/*
 * discovery_parts - the inside of the discovery ports, shared by the files that make them up.
 *
 *     discovery_host.c        who is connected, and who has to go
 *     discovery_connection.c  input and output of one connection, plain and TLS
 *     discovery.c             one port: listening, and telling subscribers
 */
#ifndef WATCHER_DISCOVERY_PARTS_H
#define WATCHER_DISCOVERY_PARTS_H

#include <stdint.h>

#include "base/str.h"
#include "discovery/rate.h"
#include "discovery/session.h"
#include "watcher/discovery.h"

#define DISCOVERY_ADDRESS_BUCKETS 1024U
#define DISCOVERY_SCRATCH_BYTES 16384U
/* A longer answer is a costly one. */
#define DISCOVERY_CHEAP_BYTES_MAX 16384U

/* What a connection is waiting for; each standing has a list, those who wait longest first. */
enum standing {
    STANDING_BUSY,       /* for the rest of a request or handshake, for its turn, or for the client
                            to read */
    STANDING_IDLE,       /* for a request */
    STANDING_SUBSCRIBED, /* for a change */
    STANDING_COUNT,
};

/* Input is read only when all replies before it are sent: `waiting` is what was read too far.
 *
 * One turn takes in what one read gives, and gives one costly answer at most: what is behind that
 * waits until the others have had their turn. */
struct connection {
    struct discovery *server;
    struct connection *next;
    struct connection *previous;
    struct loop_fd *watch;
    struct tls_stream *tls; /* NULL: plain */
    struct str unsent;
    struct str waiting;
    uint64_t since_ms; /* in its standing; busy: since the last progress in sending */
    struct poller_peer peer;
    int fd;
    enum standing standing;
    bool greeted; /* its first byte was seen */
    bool closing; /* when `unsent` is sent */
    bool spent;   /* a costly answer was given in this turn */
    struct session session;
};

struct discovery {
    struct discovery_host *host;
    struct loop *loop;
    int fd;
    struct loop_fd *watch;
    struct loop_timer *pause;
    size_t count;
    size_t count_tls;
    uint64_t count_ever;
    size_t subscribers;
    uint64_t cuts[CUT_COUNT];
    uint32_t version_told; /* to the subscribers */
    struct rates *writes;  /* by address; NULL: nobody has written yet */
    const struct poller_peer *asking;
    struct session_source source;
    void (*polled)(void *ctx, const struct poller_peer *peer, uint32_t version);
    struct session_env env;
};

struct connections {
    struct connection *first;
    struct connection *last;
};

struct discovery_host {
    struct loop *loop;
    struct loop_timer *sweep;
    struct discovery_host_options options;
    struct tls_context *tls;       /* NULL: plain only */
    struct tls_context *peers_tls; /* to other ports; NULL: plain */
    struct connections standing[STANDING_COUNT];
    size_t count;
    size_t unread_bytes;
    struct session_values values;
    uint16_t by_address[DISCOVERY_ADDRESS_BUCKETS]; /* connections; addresses share buckets */
    char *scratch; /* a reply in one piece, for TLS; NULL without */
};

/* ---- discovery_host.c ---- */

/* Make room for one more connection, by ending another one if need be. */
void discovery_host_make_room(struct discovery_host *host);
/* Take a connection in, as idle, and let it go. */
void discovery_host_add(struct discovery_host *host, struct connection *c);
void discovery_host_remove(struct discovery_host *host, struct connection *c);
/* Something was heard from it or sent to it: put it where it belongs now. `progress`: some of what
 * was unsent was read, or of what waited was answered. */
void discovery_host_place(struct discovery_host *host, struct connection *c, bool progress);
/* End who leaves most unread, until all together leave no more than they may. */
void discovery_host_relieve(struct discovery_host *host);
/* End the oldest unfinished value. */
void discovery_host_give_up_value(struct discovery_host *host);

/* ---- discovery_connection.c ---- */

/* Takes over `fd`; without memory it is closed. */
void connection_new(struct discovery *server, int fd, const struct poller_peer *peer);
void connection_free(struct connection *c);
/* The same, counted. */
void connection_cut(struct connection *c, enum discovery_cut why);
/* Send a line that nobody asked for. The connection may be gone afterwards. */
void connection_tell(struct connection *c, const struct reply *line);

#endif
