/*
 * The names that stand in front of libc's. For descriptors that are not followed, and all of
 * them while the module is inactive, they are nothing but the real functions.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "watcher/module/conn.h"
#include "watcher/module/loop.h"
#include "watcher/module/module.h"
#include "watcher/module/queue.h"
#include "watcher/module/real.h"
#include "watcher/module/stream.h"

#define EXPORT __attribute__((visibility("default")))

/* Forget a descriptor that is about to be used anew, or not at all. */
static void forget(int fd)
{
    struct module *module = module_own();
    struct conn *conn = conn_remove(module->table, fd);

    if (conn == NULL) {
        return;
    }
    if (conn->value != NULL) {
        values_end(&module->values, conn);
    }
    if (queue_remove(conn)) {
        conn_free(conn);
    } else {
        atomic_store_explicit(&conn->closed, true, memory_order_release);
    }
}

static int accepted(int fd)
{
    if (0 <= fd) {
        forget(fd);
        module_follow(module_own(), fd);
    }
    return fd;
}

EXPORT int accept(int fd, struct sockaddr *address, socklen_t *size)
{
    return accepted(real_functions()->accept(fd, address, size));
}

EXPORT int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
    return accepted(real_functions()->accept4(fd, address, size, flags));
}

EXPORT ssize_t read(int fd, void *out, size_t size)
{
    struct module *module = module_own();
    struct conn *conn = conn_find(module->table, fd);

    return conn == NULL || conn->ssl != NULL ? real_functions()->read(fd, out, size)
                                             : stream_read(module, conn, out, size);
}

/* What memcached answers to a login tells whether it was accepted. */
static void hear(struct conn *conn, const struct msghdr *message, ssize_t sent)
{
    size_t left = (size_t)sent;
    size_t i;

    for (i = 0; i < message->msg_iovlen && 0 < left; i++) {
        const struct iovec *part = &message->msg_iov[i];
        size_t taken = part->iov_len < left ? part->iov_len : left;

        tracker_hear(&conn->tracker, part->iov_base, taken);
        left -= taken;
    }
}

EXPORT ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    struct conn *conn = conn_find(module_own()->table, fd);
    ssize_t n = real_functions()->sendmsg(fd, message, flags);

    if (conn != NULL && conn->ssl == NULL && 0 < n && tracker_listens(&conn->tracker)) {
        hear(conn, message, n);
    }
    return n;
}

EXPORT int close(int fd)
{
    int saved = errno;

    forget(fd);
    errno = saved;
    return real_functions()->close(fd);
}

EXPORT int epoll_ctl(int epoll_fd, int operation, int fd, struct epoll_event *event)
{
    struct conn *conn = conn_find(module_own()->table, fd);

    return conn == NULL ? real_functions()->epoll_ctl(epoll_fd, operation, fd, event)
                        : loop_control(conn, epoll_fd, operation, event);
}

EXPORT int epoll_wait(int epoll_fd, struct epoll_event *events, int max, int timeout_ms)
{
    return loop_wait(module_own(), epoll_fd, events, max, timeout_ms);
}
