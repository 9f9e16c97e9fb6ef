/*
 * inbox - writes that reached a partition through the protocol, on their way to the watcher.
 *
 * Each write becomes one file in <partition>/inbox, written under a temporary name and then
 * renamed: `config.<n>` (a configuration that somebody wants to be served) or `join.<n>` (a join
 * request; the file begins with its uid and a line feed). n is 0..INBOX_RING-1 and wraps: the
 * newest write replaces the oldest, so an inbox holds at most INBOX_RING files of a kind however
 * often it is written to. A watcher follows the directory with inotify (IN_MOVED_TO), reads what
 * is there, oldest first, and removes it. Nothing of an inbox is ever served unverified.
 *
 * The directory is the switch: when it is missing, writes are refused (INBOX_OFF). Whoever makes
 * it decides by owner and mode who can write; memcached's user must be able to.
 */
#ifndef DISCOVERY_INBOX_H
#define DISCOVERY_INBOX_H

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "discovery/names.h"

#define INBOX_RING 16
#define INBOX_NAME_SIZE 16 /* "config.15" and NUL, with room */
#define INBOX_VALUE_BYTES_MAX DISCOVERY_RECORD_BYTES_MAX

enum inbox_kind { INBOX_CONFIG, INBOX_JOIN };
#define INBOX_KINDS 2
#define INBOX_ENTRIES_MAX 32U /* INBOX_RING of each kind */

struct inbox_entry {
    enum inbox_kind kind;
    char uid[JOIN_UID_CHARS + 1]; /* "" for INBOX_CONFIG */
    const char *value;            /* in the caller's buffer */
    size_t value_bytes;
};

/* Outcome: the inbox is switched off. */
#define INBOX_OFF 1

/*
 * Writer: store an entry as number `n % INBOX_RING` of its kind in the directory `path`. Counting
 * is the caller's; concurrent calls with different `n` don't disturb each other. ERR_LIMIT for a
 * value that is too large, ERR_IO when the directory can't be written.
 */
MUST_USE int inbox_put(const char *path, uint32_t n, const struct inbox_entry *entry,
                       struct err *err);

struct inbox_list {
    char names[INBOX_ENTRIES_MAX][INBOX_NAME_SIZE];
    size_t count;
};

/*
 * Reader: the entries that are there, oldest first (by time of writing). Temporary files that a
 * dead writer left are removed; foreign names are passed over. INBOX_OFF without a directory.
 */
MUST_USE int inbox_scan(const char *path, struct inbox_list *out, struct err *err);

#define INBOX_BUFFER_BYTES (INBOX_VALUE_BYTES_MAX + JOIN_UID_CHARS + 1)

/*
 * Reader: read the entry `name` into `buffer` (INBOX_BUFFER_BYTES) and remove the file, whatever
 * it holds; what is no file goes out of the way. ERR_NOT_FOUND when it is gone, ERR_INVALID when it
 * is none.
 */
MUST_USE int inbox_take(const char *path, const char *name, char *buffer, struct inbox_entry *out,
                        struct err *err);

/* Whether the text is a uid as join requests have them. */
int inbox_uid_valid(const char *uid, size_t size);

#endif
