/*
 * stream - what memcached gets when it reads from a client.
 */
#ifndef MODULE_STREAM_H
#define MODULE_STREAM_H

#include <sys/types.h>

#include "watcher/module/module.h"

/*
 * read(2) for memcached: the next bytes that are its own, at most `size`, with the commands of the
 * partition taken out and answered. -1 with EAGAIN when there are none at the moment, also while
 * an answer of ours waits for room; 0 at the end of the stream, and where the boundaries of
 * commands can't be known any more.
 *
 * What is answered is what the segment held after this thread last waited for events, or newer: so
 * what was written before epoll told of a request is served with it. Between two waits the segment
 * is looked at once, and again when the kernel's clock has ticked.
 */
ssize_t stream_read(struct module *module, struct conn *conn, char *out, size_t size);

#endif
