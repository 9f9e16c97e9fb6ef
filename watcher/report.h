/*
 * report - what the watcher says in etcd: its host's key and one key per node, all on one lease.
 *
 * Changes of one turn of the loop go out as one transaction; while one is on its way, later ones
 * gather for the next. A key whose value did not change is not written. When the lease was lost and
 * a new one is granted, everything is put again. While etcd is away nothing is lost but
 * intermediate values.
 *
 * A write whose outcome is unknown may still happen, much later, and bring back what was deleted
 * since, or take away what was put since. So every transaction compares the revision of one key,
 * the fence, which is written anew at the start, with each new lease, and after each doubtful
 * outcome: what was sent before then has no effect any more.
 *
 * Nobody else writes these keys, but somebody may delete or replace them, or restore the store from
 * a backup with the lease in it. So what was put is looked at again, now and then and when asked
 * for, and put again where it is missing.
 */
#ifndef WATCHER_REPORT_H
#define WATCHER_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "etcd/etcd.h"
#include "loop/loop.h"
#include "store/keys.h"

#define REPORT_VALUE_BYTES_MAX 65536U
/* Put together in one transaction; a report is about 1 KiB. */
#define REPORT_TXN_BYTES_MAX 1000000U
#define REPORT_RETRY_MS 500U
/* One read of so many keys as fit into a transaction. */
#define REPORT_LOOK_MS 5000U

struct report;
struct report_key;

/* `log` and `host` (this host's name) are borrowed. */
MUST_USE int report_new(struct loop *loop, struct etcd *etcd, uint64_t lease_ttl_s,
                        const char *host, const struct log *log, struct report **out,
                        struct err *err);
/* Stops; the lease is not revoked, and the keys live until its end. */
void report_free(struct report *report);
DEFINE_CLEANUP(struct report, report_free);

/*
 * Begin with a key; nothing is written before report_key_put(). It belongs to `report`. A key that
 * was dropped may be begun with again at once.
 */
MUST_USE int report_key_new(struct report *report, const char *key, struct report_key **out,
                            struct err *err);

/* Let `key` be the fence of the whole report, before anything is put. Nothing else is written
 * before it has a value. */
void report_fence(struct report_key *key);

/* The key's value from now on; copied. */
MUST_USE int report_key_put(struct report_key *key, const char *value, size_t value_bytes,
                            struct err *err);

/* Write the value once more, although it did not change: somebody seems to miss it. */
void report_key_again(struct report_key *key);

/* The store may be another one than it was: look soon whether all keys are there. */
void report_look(struct report *report);

/* Delete the key, whatever it holds, and let go of it. */
void report_key_drop(struct report_key *key);

/* Whether everything is written as it should be. */
bool report_is_clean(const struct report *report);

/* Call `done` when everything is written, at the next turn of the loop at the earliest. */
void report_when_clean(struct report *report, loop_fn *done, void *ctx);

#endif
