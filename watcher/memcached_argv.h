/*
 * memcached_argv - what memcached is started with. Pure.
 */
#ifndef WATCHER_MEMCACHED_ARGV_H
#define WATCHER_MEMCACHED_ARGV_H

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "model/node.h"
#include "watcher/memcached.h"

/*
 * The argument vector for a node (NULL-terminated, in `arena`): addresses and settings of `intent`,
 * `user` for -u ("": none), the extra arguments last. ERR_INVALID for an extra argument that is not
 * on the allow-list, whoever wrote it.
 */
MUST_USE int memcached_argv(const struct memcached_program *program, const struct intent *intent,
                            const char *user, struct arena *arena, const char *const **argv,
                            struct err *err);

/*
 * What a memcached with these settings may take of the machine, in bytes, before something is
 * wrong with it: the cache and a quarter of it (hash table and its growing, 9 % of it for items of
 * one byte), 64 MiB (a page of each size of items is taken beyond any limit), 64 KiB a connection
 * (18 KiB in the middle of a value, and what waits in its socket), 2 MiB a thread.
 */
uint64_t memcached_bytes_max(const struct node_settings *settings);

#endif
