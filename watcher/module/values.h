/*
 * values - the values of ours that come in, of all connections of the process.
 *
 * Only so many come in at the same time. A client that leaves its value unfinished must not keep
 * others from writing: a further value has the oldest one given up, by ending its connection.
 */
#ifndef MODULE_VALUES_H
#define MODULE_VALUES_H

#include <pthread.h>
#include <stddef.h>

#define VALUES_MAX 16

struct conn;

/* All zero is an empty one. Any thread may call; nothing is done below the lock that could wait. */
struct values {
    pthread_mutex_t lock;
    struct conn *conns[VALUES_MAX]; /* oldest first */
    size_t count;
};

/* A value begins to come in at `conn`. */
void values_begin(struct values *values, struct conn *conn);

/* It has come whole, or its descriptor is about to be closed. One that was given up is not there
 * any more. */
void values_end(struct values *values, const struct conn *conn);

#endif
