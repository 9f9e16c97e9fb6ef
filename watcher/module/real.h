/*
 * real - the functions that this library stands in front of.
 *
 * Looked up once, as the next definitions behind our own, so that other preloaded libraries keep
 * their place.
 */
#ifndef MODULE_REAL_H
#define MODULE_REAL_H

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>

/* name, result, parameters */
#define REAL_FUNCTIONS(X)                                       \
    X(accept, int, (int, struct sockaddr *, socklen_t *))       \
    X(accept4, int, (int, struct sockaddr *, socklen_t *, int)) \
    X(read, ssize_t, (int, void *, size_t))                     \
    X(close, int, (int))                                        \
    X(epoll_ctl, int, (int, int, int, struct epoll_event *))    \
    X(epoll_wait, int, (int, struct epoll_event *, int, int))

struct real {
#define X(name, result, parameters) result(*name) parameters;
    REAL_FUNCTIONS(X)
#undef X
};

/* All of them; stops the program when libc lacks one. */
const struct real *real_functions(void);

/* Whether callers of all these functions reach ours first. */
int real_ours_come_first(void);

#endif
