/*
 * module - the reserved partition inside an unmodified memcached.
 *
 * libmuster_partition.so is loaded with LD_PRELOAD and stands in front of functions of libc and
 * libssl. It serves discovery on memcached's own data port, from a copy of the configuration in
 * memcached's own memory, in order with all other commands of a connection. Everything else
 * passes untouched, byte for byte.
 *
 *     accept, accept4, close   which descriptors are clients (interpose.c)
 *     SSL_set_fd               which of them speak TLS (interpose_tls.c)
 *     read, SSL_read           where commands begin; ours are answered and not handed on (stream.c)
 *     SSL_get_error            what our results of SSL_read mean
 *     sendmsg, SSL_write       what memcached answers to a login (discovery/login.h)
 *     epoll_ctl                what memcached waits for
 *     epoll_wait               reports connections readable whose bytes were held back (loop.c)
 *
 * It does nothing at all unless MUSTER_PARTITION names a partition and the program is memcached,
 * and stays inactive, saying so once on stderr, when one of its assumptions does not hold:
 * another library answers first, libevent would not use epoll, the self-test fails, memcached is
 * older than the module knows, the C library lacks a function. It stays inactive too with a proxy
 * configuration and with listeners of a fixed protocol (`-l proto[...]`). It can be switched off
 * while memcached runs (gate.h). Where memcached wants a login, nothing is answered before
 * memcached has accepted one. UDP never passes here.
 *
 * What memcached can't know: its `stats` don't count our answers, and a connection that sends
 * nothing but discovery commands is idle to `-o idle_timeout`.
 *
 * It allocates nothing per ordinary request, never blocks, never calls memcached, and needs
 * nothing but a C library (libc.h).
 */
#ifndef MODULE_MODULE_H
#define MODULE_MODULE_H

#include <pthread.h>
#include <stdatomic.h>

#include "discovery/names.h"
#include "discovery/rate.h"
#include "watcher/module/conn.h"
#include "watcher/module/copy.h"
#include "watcher/module/counting.h"
#include "watcher/module/gate.h"
#include "watcher/module/setting.h"
#include "watcher/module/values.h"

struct module {
    struct conn_table *table; /* NULL: inactive */
    struct setting setting;
    struct gate gate;
    struct copies copies;
    char inbox[PARTITION_PATH_MAX + 16];
    atomic_uint inbox_writes;
    pthread_mutex_t writes_lock;
    struct rates writes; /* to the inbox */
    struct values values;
    struct counting counting;
};

/* A connection was accepted: follow it, where the module may. */
void module_follow(struct module *module, int fd);

/*
 * The one instance. A library that is called back through libc's names gets no context from its
 * callers; this is its main.c.
 */
struct module *module_own(void);

#endif
