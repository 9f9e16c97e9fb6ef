/*
 * loop - memcached's event loop, told of what the kernel can't know.
 */
#ifndef MODULE_LOOP_H
#define MODULE_LOOP_H

#include <sys/epoll.h>

#include "watcher/module/module.h"

/* epoll_ctl(2) on a followed connection. */
int loop_control(struct conn *conn, int epoll_fd, int operation, struct epoll_event *event);

/* epoll_wait(2), with events for connections whose bytes were held back. */
int loop_wait(struct module *module, int epoll_fd, struct epoll_event *events, int max,
              int timeout_ms);

#endif
