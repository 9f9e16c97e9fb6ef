/*
 * real - the functions that this library stands in front of.
 *
 * Looked up once, as the next definitions behind our own, so that other preloaded libraries keep
 * their place. Where the C library lacks one, or dlsym(3) itself, the kernel is called directly, so
 * that memcached runs in any case; the module then is inactive.
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
    X(sendmsg, ssize_t, (int, const struct msghdr *, int))      \
    X(close, int, (int))                                        \
    X(epoll_ctl, int, (int, int, int, struct epoll_event *))    \
    X(epoll_wait, int, (int, struct epoll_event *, int, int))

struct real {
#define X(name, result, parameters) result(*name) parameters;
    REAL_FUNCTIONS(X)
#undef X
};

/* All of them. */
const struct real *real_functions(void);

/* The name of one that the C library lacks; NULL: none. */
const char *real_missing(void);

/* Whether callers of all these functions reach ours first. */
int real_ours_come_first(void);

/* Look up any name: the next definition behind this library, or the first one of all. NULL: there
 * is none. */
void *real_next(const char *name);
void *real_first(const char *name);

/* A library that is loaded already, which then stays; NULL: it is not. And a name in it. */
void *real_loaded(const char *library);
void *real_within(void *library, const char *name);

#endif
