/*
 * tally - the file in which memcached tells its watcher what the partition was asked, and by whom.
 *
 * A file of fixed size, named <partition>/tally: an identification, one block of counters, and
 * POLLERS_MAX rows of pollers. The watcher makes it and gives it to memcached's user; the module
 * writes, the watcher reads, both with pread(2) and pwrite(2): it is never mapped. Block and rows
 * carry checksums, so that a torn one tells nothing. What a client is served never depends on it:
 * a missing, full, truncated or damaged file loses figures, nothing else.
 *
 * Memcached's user may write whatever it likes here. A reader therefore believes nothing but
 * figures, and takes a time that has not come yet for now.
 *
 * One writer process at a time (it serialises its threads); any number of readers.
 */
#ifndef DISCOVERY_TALLY_H
#define DISCOVERY_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "discovery/pollers.h"

/* A row is written when its version changes, else when what it says of the last request is as old
 * as this: so a poller may have been seen up to so much later than the file tells. */
#define TALLY_REFRESH_S 5

/* name, in `stats` as muster_partition_<name>, what it counts since memcached has started */
#define TALLY_COUNTERS(X)                                                              \
    X(CONFIG_GETS, "config_gets", "config get cluster, text and binary")               \
    X(PAYLOAD_GETS, "payload_gets", "reads of AmazonElastiCache:cluster")              \
    X(RECORD_GETS, "record_gets", "reads of muster:config")                            \
    X(HANDED_OUT, "handed_out", "of the reads: answered with a configuration")         \
    X(NOTHING_YET, "nothing_yet", "of the reads: there was no configuration")          \
    X(WRITES, "writes", "values that were handed to the watcher")                      \
    X(WRITES_REFUSED, "writes_refused", "writes and other commands that were refused") \
    X(HELD_BYTES, "held_bytes", "bytes of clients that were held back")                \
    X(HELD, "held", "how often bytes were held back")                                  \
    X(BLOCKED, "blocked", "answers that had to wait for their client")

enum tally_counter {
#define X(name, text, meaning) TALLY_##name,
    TALLY_COUNTERS(X)
#undef X
        TALLY_COUNT
};

struct tally_counters {
    uint64_t started_s; /* when the writer began; 0: no writer has told anything yet */
    uint64_t counts[TALLY_COUNT];
};

/* "config_gets" … */
const char *tally_counter_text(enum tally_counter counter);

/* Outcome: there is nothing that could be used. */
#define TALLY_NOTHING 1

/*
 * Watcher: make sure that a good one is at `path`, which belongs to `uid` and `gid` where this
 * process may say so (mode 0600), and open it for reading. What a good one holds is kept; anything
 * else of that name is replaced by rename(2). A new one tells of all pollers from `since_s` on.
 */
MUST_USE int tally_create(const char *path, uid_t uid, gid_t gid, uint64_t since_s, int *fd,
                          struct err *err);

/* Writer: open a good one for writing; TALLY_NOTHING when there is none. */
MUST_USE int tally_open(const char *path, int *fd);

/* Whether `fd` still is what readers find at its name: false after the file was replaced. */
bool tally_linked(int fd);

/* Writer: put the row `index` or the counters in place. TALLY_NOTHING: it could not be. */
MUST_USE int tally_write_row(int fd, size_t index, const struct poller *row);
MUST_USE int tally_write_counters(int fd, const struct tally_counters *counters);

/* What the file tells of the counters; TALLY_NOTHING for a torn, damaged or empty block. */
MUST_USE int tally_read_counters(int fd, struct tally_counters *out);

/* Writer: nobody can tell any more who asked before `since_s`. */
MUST_USE int tally_write_since(int fd, uint64_t since_s);

/* Add every whole row to `pollers`; `*since_s` is from when on these are all: `now_s` where a row
 * is damaged, for it may have been anybody's. Times after `now_s` become `now_s`. TALLY_NOTHING for
 * a file that is none. */
MUST_USE int tally_read_rows(int fd, uint64_t now_s, struct pollers *pollers, uint64_t *since_s);

#endif
