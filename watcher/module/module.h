/*
 * module - the reserved partition inside an unmodified memcached.
 *
 * libmuster_partition.so is loaded with LD_PRELOAD and stands in front of six functions of libc.
 * It serves discovery on memcached's own data port, from a copy of the configuration in
 * memcached's own memory, in order with all other commands of a connection. Everything else
 * passes untouched, byte for byte.
 *
 *     accept, accept4, close   which descriptors are clients (interpose.c)
 *     read                     where commands begin; ours are answered and not handed on (stream.c)
 *     epoll_ctl                what memcached waits for
 *     epoll_wait               reports connections readable whose bytes were held back (loop.c)
 *
 * It does nothing at all unless MUSTER_PARTITION names a partition and the program is memcached,
 * and stays inactive, saying so once on stderr, when one of its assumptions does not hold:
 * another library answers first, libevent would not use epoll, the self-test fails. It stays
 * inactive too with -Y or -S (nothing may be answered before login), with a proxy configuration
 * and with listeners of a fixed protocol (`-l proto[...]`). UDP never passes here; TLS connections
 * are seen (their first read differs) and pass untouched.
 *
 * What memcached can't know: its `stats` don't count our answers, and a connection that sends
 * nothing but discovery commands is idle to `-o idle_timeout`.
 *
 * It allocates nothing per ordinary request, never blocks, never calls memcached, and needs libc
 * only.
 */
#ifndef MODULE_MODULE_H
#define MODULE_MODULE_H

#include <stdatomic.h>

#include "discovery/names.h"
#include "discovery/tracker.h"
#include "watcher/module/conn.h"
#include "watcher/module/copy.h"
#include "watcher/module/counting.h"
#include "watcher/module/values.h"

struct module {
    struct conn_table *table; /* NULL: inactive */
    enum tracker_listener listener;
    struct copies copies;
    char inbox[PARTITION_PATH_MAX + 16];
    atomic_uint inbox_writes;
    struct values values;
    struct counting counting;
};

/*
 * The one instance. A library that is called back through libc's names gets no context from its
 * callers; this is its main.c.
 */
struct module *module_own(void);

#endif
