/*
 * partition_files - one partition in memory (tmpfs): its directory, segment and inbox.
 *
 * The edge below partition.h, which decides what may be put there. One inotify descriptor follows
 * all inboxes of a host; its news come on the loop, never from inside a call.
 */
#ifndef WATCHER_PARTITION_FILES_H
#define WATCHER_PARTITION_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "discovery/inbox.h"
#include "discovery/segment.h"
#include "discovery/tally.h"
#include "loop/loop.h"

struct inboxes;
struct partition_files;

/* Follow inboxes, which will belong to `uid` and `gid`. */
MUST_USE int inboxes_new(struct loop *loop, uid_t uid, gid_t gid, struct inboxes **out,
                         struct err *err);
/* After all files that it follows. */
void inboxes_free(struct inboxes *inboxes);
DEFINE_CLEANUP(struct inboxes, inboxes_free);

/* Whether `dir` lies in memory (tmpfs, ramfs). */
bool partitions_in_memory(const char *dir);

struct partition_files_events {
    /* The inbox may hold something. */
    void (*arrived)(void *ctx);
    /* partition_files_make() has to look: the inbox was removed, so that until it is made again
     * nothing arrives, or somebody has closed or opened it. */
    void (*lost)(void *ctx);
    /* Somebody, perhaps this program, wrote to the segment, removed or replaced it. */
    void (*touched)(void *ctx);
};

/* Those of a slot below `root`, or, without a cluster (NULL), those in `root` itself: makes the
 * directory and, unless a usable one is there, the segment; but no inbox yet. A new partition gets
 * its kill switch, the file `active`; where somebody has removed it from one that is there, it
 * stays away. */
MUST_USE int partition_files_open(struct inboxes *inboxes, const char *root, const char *cluster,
                                  uint32_t slot, const struct partition_files_events *events,
                                  void *ctx, struct partition_files **out, struct err *err);

/* Let go of them; they stay. */
void partition_files_free(struct partition_files *files);
DEFINE_CLEANUP(struct partition_files, partition_files_free);

/* Let go of them and remove them. */
void partition_files_remove(struct partition_files *files);

/* The directory, and what lies in there; the texts live as long as the files. */
const char *partition_files_dir(const struct partition_files *files);
const char *partition_files_segment(const struct partition_files *files);
const char *partition_files_inbox(const struct partition_files *files);

/* Make sure that directory, tally and inbox are there, and follow the inbox and the segment. Where
 * somebody has made the file `closed`, the inbox is taken away instead, with what is in it. A tally
 * that can't be made is missed by nobody who is served. */
MUST_USE int partition_files_make(struct partition_files *files, struct err *err);

/* Whether somebody has removed the inbox since it was made, and not by way of `closed`. */
bool partition_files_lack_inbox(const struct partition_files *files);

/* Whether the inbox was taken away because of `closed`. */
bool partition_files_closed(const struct partition_files *files);

/* Whether readers find `cell` in the segment, by its name, byte for byte. */
bool partition_files_hold(const struct partition_files *files, const struct segment_cell *cell);

/* Put `cell` into the segment. */
MUST_USE int partition_files_write(struct partition_files *files, const struct segment_cell *cell,
                                   struct err *err);

/* Make sure that a good segment has its name, in place of whatever has it now, and put `cell` into
 * it. `takes_back`: as segment_write_back(). */
MUST_USE int partition_files_renew(struct partition_files *files, const struct segment_cell *cell,
                                   uint32_t takes_back, struct err *err);

/*
 * What memcached has told of its clients until now: adds its pollers to `pollers`, `*since_s` is
 * from when on these are all. Returns whether there were counters, too. A tally that can't be used
 * is made anew; then `*since_s` is now.
 */
bool partition_files_tally(struct partition_files *files, uint64_t now_s,
                           struct tally_counters *counters, struct pollers *pollers,
                           uint64_t *since_s);

/* Memcached is about to start: what the former process counted goes, so that a module that does not
 * count is not taken for one that does. Who asked before stays known. */
void partition_files_uncount(struct partition_files *files);

/* What has the segment's name holds `*bytes` (payload, then record; to be freed); NULL: nothing
 * that could be read. */
void partition_files_read(const struct partition_files *files, struct segment_head *head,
                          char **bytes);

/* Take all join requests out of the inbox, and the newest configurations, at most `configs_max`
 * (0: they stay), oldest first; configurations that are older are removed unread, and the call
 * returns how many these were. `entry` is valid during its call only, and NULL for what was none:
 * then `err` says why. */
typedef void partition_entry_fn(void *ctx, const struct inbox_entry *entry, const struct err *err);
size_t partition_files_take(struct partition_files *files, size_t configs_max,
                            partition_entry_fn *fn);

#endif
