/*
 * join_memory - what a watcher remembers of requests to join, as a text for a file. Pure.
 *
 * A request that was taken must be known as a replay also after a restart of the watcher, for as
 * long as it could pass for a fresh one. One line each: cluster, uid, time, nonce. A file that says
 * anything else is read as far as it makes sense: what is lost is protection, for ten minutes.
 */
#ifndef WATCHER_JOIN_MEMORY_H
#define WATCHER_JOIN_MEMORY_H

#include "base/str.h"
#include "watcher/join_table.h"

#define JOIN_MEMORY_BYTES_MAX (JOIN_TABLE_MAX * 160U)

/* Append a line for each request that is held or remembered and not too old yet. */
MUST_USE int join_memory_write(const struct join_table *table, uint64_t now_ms, struct str *out,
                               struct err *err);

/* Remember what the text tells, in an empty table. Lines that are none are passed over. */
MUST_USE int join_memory_read(struct join_table *table, const char *text, uint64_t now_ms,
                              struct err *err);

#endif
