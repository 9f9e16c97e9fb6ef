/*
 * queue - the connections of one thread that need more than the kernel's events.
 *
 * In it are connections with bytes held back, which epoll can't know of, and those with an
 * answer that waits for its client. Each thread has one queue; only that thread puts connections
 * in and takes them out, when it waits for events.
 */
#ifndef MODULE_QUEUE_H
#define MODULE_QUEUE_H

#include <sys/epoll.h>

#include "watcher/module/conn.h"

struct queue {
    struct conn *first;
    struct conn *last;
    unsigned blocked;   /* how many of them wait to send */
    bool waited;        /* the thread has waited for events through us */
    uint64_t looked_ms; /* at the segment, since it waited last; 0: it has not */
};

/* The calling thread's. */
struct queue *queue_own(void);

/* Put the connection in, if it is in none. */
void queue_add(struct conn *conn);

/* Take it out of the calling thread's queue. False: it is in another thread's. */
bool queue_remove(struct conn *conn);

/*
 * Write events for connections that are ready, at most `max`, and drop from the queue what needs
 * it no more. Returns their number.
 */
int queue_collect(struct queue *queue, int epoll_fd, struct epoll_event *events, int max);

#endif
