/*
 * partition - the reserved partitions of this host's nodes: what comes in, and what is served.
 *
 * A partition is a directory <partition-dir>/<cluster>/<slot> (of a watcher with one partition:
 * that directory itself) with a segment, which this program alone writes, and an inbox, into which
 * the node's memcached (and the discovery server) put what was written to them
 * (discovery/segment.h, discovery/inbox.h). One inotify descriptor follows all inboxes. A record is
 * put in force only when it is whole, of the right cluster and incarnation, sealed by a trusted
 * key, and newer than what was ever held; what is served is its canonical JSON form, so that
 * nothing unsigned gets through with it.
 *
 * The segment is looked at when somebody touches it, and every PARTITION_CHECK_MS: what is in force
 * is put back when it is damaged or holds anything else. Verifying takes time, and anybody may
 * write to an inbox: of what comes in, the newest PARTITION_VERIFY_PER_S a second are looked at
 * (after a pause up to PARTITION_VERIFY_BURST at once), older ones that wait meanwhile are dropped.
 */
#ifndef WATCHER_PARTITION_H
#define WATCHER_PARTITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "codec/envelope.h"
#include "discovery/segment.h"
#include "discovery/tally.h"
#include "loop/loop.h"
#include "model/config.h"
#include "model/name.h"
#include "model/node.h"
#include "watcher/judge.h"

/* So that every path below it fits PARTITION_PATH_MAX. */
#define PARTITIONS_DIR_MAX 3000
#define PARTITION_CHECK_MS 5000U
/* However often it is touched, the segment is not looked at more often than this. */
#define PARTITION_CHECK_PAUSE_MS 20U
#define PARTITION_VERIFY_BURST 16U
#define PARTITION_VERIFY_PER_S 8U

struct partitions;
struct partition;

struct partitions_options {
    const char *dir; /* borrowed */
    bool single;     /* `dir` is itself the one partition, and belongs to whoever runs memcached */
    const struct trusted_keys *keys; /* borrowed */
    uid_t uid;                       /* who memcached runs as: owns the inboxes */
    gid_t gid;
};

/* Makes the directory when it is missing. */
MUST_USE int partitions_new(struct loop *loop, const struct partitions_options *options,
                            struct partitions **out, struct err *err);
/* After all of its partitions. */
void partitions_free(struct partitions *partitions);
DEFINE_CLEANUP(struct partitions, partitions_free);

struct partition_events {
    /* A record is in force: a new one, or (`again`) one that was in force already. */
    void (*served)(void *ctx, bool again);
    /* Something was refused. */
    void (*refused)(void *ctx, const struct err *err);
    /* A verified record of the version in force has another content; what is in force stays. */
    void (*conflict)(void *ctx, const struct err *err);
    /* The segment was damaged, or held something else, and holds what is in force again; or the
     * inbox was removed, and is there again. */
    void (*repaired)(void *ctx, const char *what);
    /* Something came in below a key of requests to join; nobody has looked at it yet. May be NULL.
     */
    void (*joining)(void *ctx, const char *uid, const char *request, size_t request_bytes);
    /* A version is about to be put in force, higher than any before: it is to be kept in mind
     * beyond a restart, for partition_begun(). May be NULL. */
    void (*begins)(void *ctx, uint32_t version);
    /* Somebody has switched writes off, or on again. May be NULL. */
    void (*closed)(void *ctx, bool closed);
};

/* Why a record is not put in force: name, word */
#define PARTITION_REFUSALS(X)                                                              \
    X(MALFORMED, "malformed")   /* it is no record */                                      \
    X(UNVERIFIED, "unverified") /* its signature or digest is wrong, or its key unknown */ \
    X(FOREIGN, "foreign")       /* of another cluster, or a former one of this name */     \
    X(OUTDATED, "outdated")     /* older than what is or was in force */                   \
    X(FAILED, "failed")         /* no memory, no room in the file system */

enum partition_refusal {
#define X(name, word) PARTITION_REFUSED_##name,
    PARTITION_REFUSALS(X)
#undef X
        PARTITION_REFUSAL_COUNT
};

/* Since it was opened, and what is now. */
struct partition_counts {
    bool closed;      /* nobody may write to it */
    uint64_t taken;   /* records that were looked at: put in force, in force already, or refused */
    uint64_t refused; /* of these */
    uint64_t refused_for[PARTITION_REFUSAL_COUNT]; /* of these, and of what was offered */
    uint64_t fetched;  /* records from elsewhere that were put in force: partition_offer() */
    uint64_t dropped;  /* records that nobody looked at, because too many came in at once */
    uint64_t repaired; /* the segment */
    uint64_t conflicts;
};

/*
 * Make or take over the partition of a node. What is in its segment stays in force only when it
 * verifies and belongs to `id->uid`; `problem` says why something was dropped, else its code is 0.
 * Versions below `version_seen` will be refused.
 */
MUST_USE int partition_open(struct partitions *partitions, const struct partition_id *id,
                            uint32_t version_seen, const struct partition_events *events, void *ctx,
                            struct partition **out, struct err *problem, struct err *err);

/*
 * A former watcher was about to put `version` in force: older ones are refused from now on. What
 * the segment holds stays, because that may never have happened. Call it before anything else.
 */
void partition_begun(struct partition *partition, uint32_t version);

/* Let go of it; the files stay. */
void partition_free(struct partition *partition);
DEFINE_CLEANUP(struct partition, partition_free);

/* Let go of it and remove its files. */
void partition_remove(struct partition *partition);

/* Another incarnation of the cluster begins here: nothing is served, the highest version is kept in
 * mind. */
MUST_USE int partition_reset(struct partition *partition, const char *uid, struct err *err);

/* Make sure that the files are where memcached looks for them, and hold what is in force. */
MUST_USE int partition_repair(struct partition *partition, struct err *err);

/* Take in what lies in the inbox already. */
void partition_look(struct partition *partition);

/*
 * A record from elsewhere, judged as one from the inbox is, but not counted against its limits.
 * 0: it is in force now (`served` was told). PARTITION_SAME: it was already. PARTITION_TWIN: it is
 * a verified one of the version in force, with another content. ERR_CONFLICT: it is of another
 * cluster or incarnation; ERR_UNVERIFIED; ERR_INVALID and others: older, or no record.
 */
#define PARTITION_SAME JUDGE_SAME
#define PARTITION_TWIN JUDGE_TWIN
MUST_USE int partition_offer(struct partition *partition, const char *record, size_t record_bytes,
                             struct err *err);

struct partition_counts partition_counts(const struct partition *partition);

/* Its directory, and what lies in there; the texts live as long as the partition. */
const char *partition_path(const struct partition *partition);
const char *partition_segment_path(const struct partition *partition);
const char *partition_inbox_path(const struct partition *partition);
const char *partition_uid(const struct partition *partition);

/* What is in force; version 0: nothing. */
struct served partition_served(const struct partition *partition);

/* The same, as the segment holds it; valid as long as the partition, its content until the next
 * `served` event or reset. */
const struct segment_cell *partition_cell(const struct partition *partition);

/* What memcached has told of its clients, see partition_files_tally(). */
bool partition_tally(struct partition *partition, uint64_t now_s, struct tally_counters *counters,
                     struct pollers *pollers, uint64_t *since_s);

/* Memcached is about to start, see partition_files_uncount(). */
void partition_uncount(struct partition *partition);

/* The highest version that was ever in force here. */
uint32_t partition_version_seen(const struct partition *partition);

/* That, or a higher one that was to be: nothing below it will be. */
uint32_t partition_version_begun(const struct partition *partition);

/* Whether these are the bytes of the record in force. */
bool partition_holds(const struct partition *partition, const char *record, size_t record_bytes);

#endif
