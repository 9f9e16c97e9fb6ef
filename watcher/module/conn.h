/*
 * conn - what the module knows of one client connection, found by its descriptor.
 *
 * Made when memcached accepts the connection, released when it closes the descriptor. A
 * connection belongs to one memcached thread at a time; memcached hands it over with a lock
 * between, so that nothing here needs one. The one thing that other threads could meet is a
 * queue (queue.h): only the thread that owns a queue changes it.
 */
#ifndef MODULE_CONN_H
#define MODULE_CONN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "discovery/pollers.h"
#include "discovery/reply.h"
#include "discovery/tracker.h"
#include "watcher/module/copy.h"
#include "watcher/module/hold.h"

#define CONN_FD_MAX (1 << 18) /* connections with higher descriptors pass untouched */

/* Data that follows a command of ours. */
enum intake {
    INTAKE_NONE,
    INTAKE_VALUE, /* collected, then handed to the inbox */
    INTAKE_SKIP,  /* thrown away: the command was refused */
};

/* What memcached told epoll about the connection. */
struct interest {
    bool registered;
    int epoll_fd;
    uint32_t events;
    epoll_data_t data;
};

struct queue;
struct ssl_st;

struct conn {
    int fd;
    struct ssl_st *ssl; /* memcached's, of a TLS connection; NULL: plain */
    bool pending;       /* TLS has bytes that the kernel doesn't know of */
    int claim;          /* what SSL_get_error is to say of our last result; 0: not ours */
    unsigned round;     /* of the gate, in which it was accepted */
    struct tracker tracker;
    struct hold hold;
    bool stalled; /* what is held makes no sense without further bytes */

    enum intake intake;
    struct request request; /* whose data is coming in */
    uint64_t intake_bytes;  /* of it, so far */
    char *value;

    bool blocked; /* `reply` waits for room in the socket */
    struct reply reply;
    struct copy *copy; /* that the reply points into */
    size_t sent_bytes;
    uint32_t send_event; /* of epoll, that can get it on */
    char *record;        /* TLS: the bytes that SSL_write has to be given again; NULL: none */
    size_t record_bytes;

    struct poller_peer peer; /* see conn_peer() */

    struct interest interest;
    struct queue *queue; /* that it is in; NULL: none */
    struct conn *next;
    atomic_bool closed; /* released by a thread that does not own the queue */
};

struct conn_table;

/* An empty table; NULL without memory. */
struct conn_table *conn_table_new(void);
void conn_table_free(struct conn_table *table);

/* The connection, or NULL: not ours to follow. */
struct conn *conn_find(struct conn_table *table, int fd);

/* Begin to follow a connection; without memory it just is not followed. */
void conn_open(struct conn_table *table, int fd, enum tracker_listener listener);

/* Take the connection out of the table; the caller releases it. */
struct conn *conn_remove(struct conn_table *table, int fd);

/* Release what the connection holds, and itself. */
void conn_free(struct conn *conn);

/* Who the client is; of no family, while the kernel does not tell. */
const struct poller_peer *conn_peer(struct conn *conn);

/* Whether memcached would find something to read that the kernel doesn't know of. */
bool conn_ready(const struct conn *conn);

#endif
