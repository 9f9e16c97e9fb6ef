/*
 * join_table - the requests to join that this watcher has seen, and what to make of the next one.
 * Pure.
 *
 * A request is held until it is admitted, replaced by a newer one of the same uid, or too old;
 * after that it is remembered against replays for as long as it could still pass for a fresh one.
 * Who asks again asks with a newer time and another nonce. Entries are JOIN_TABLE_MAX at most: when
 * all are taken, further uids are passed over until one is too old.
 *
 * Times are the wall clock's, because other hosts' clocks are compared with it.
 */
#ifndef WATCHER_JOIN_TABLE_H
#define WATCHER_JOIN_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "model/config.h"
#include "model/join.h"

#define JOIN_TABLE_MAX JOINS_MAX

/* clang-format off */
/* verdict, name in counters, what it says of the request; refusals begin with DUPLICATE */
#define JOIN_VERDICTS(X)                                                                   \
    X(TAKEN, "taken", "it is new, and is held")                                            \
    X(KNOWN, "known", "it is held already, or its joiner is listed, and was seen at another node")        \
    X(DUPLICATE, "duplicate", "it was written here before")                                \
    X(REPLAYED, "replayed", "it is not newer than the last one of its uid, or not its own") \
    X(EXPIRED, "expired", "it is too old")                                                 \
    X(EARLY, "early", "it is from the future: clocks differ too much")                     \
    X(FOREIGN, "foreign", "it asks to join another cluster, or a former one of this name") \
    X(MALFORMED, "malformed", "it is no request")                                          \
    X(FORGED, "forged", "it was not made with a token of this cluster, or was altered")    \
    X(UNTOKENED, "untokened", "no token of this cluster can be read here")                 \
    X(HURRIED, "hurried", "too many requests came at once")                                \
    X(FULL, "full", "too many wait already")
/* clang-format on */

enum join_verdict {
#define X(name, word, text) JOIN_##name,
    JOIN_VERDICTS(X)
#undef X
        JOIN_VERDICT_COUNT
};

/* Where a request was seen. */
struct join_place {
    const char *cluster;
    const char *cluster_uid;
    uint32_t slot;    /* in whose partition */
    bool own;         /* which is one of this watcher's, not a peer's */
    uint32_t version; /* in force here: a later one that lists the joiner has admitted it */
    /* The configuration in force here, for a request that was seen at a peer: whom it lists already
     * has been admitted by then, or asks that peer anew, whose watcher reports it. NULL: none. */
    const struct config_draft *config;
};

struct join_entry {
    bool used;
    bool held; /* it still asks; else it is remembered only */
    char cluster[CLUSTER_NAME_MAX + 1];
    char uid[JOIN_UID_SIZE];
    char nonce[JOIN_NONCE_SIZE];
    char ip[IPV4_TEXT_SIZE];
    uint16_t data_port;
    uint64_t issued_ms;
    uint32_t slot;
    bool own;
    uint32_t version;
    void *user; /* the owner's; kept when a newer request of the uid takes the place */
};

struct join_table {
    struct join_entry *entries; /* JOIN_TABLE_MAX, once there is one */
    size_t held;
};

void join_table_init(struct join_table *table);
void join_table_deinit(struct join_table *table);

/* What to make of a request by what it says alone, whoever made it: TAKEN, or why not. */
enum join_verdict join_table_screen(const struct join *join, const struct join_place *place,
                                    uint64_t now_ms);

/* What to make of a request that was found genuine (form and code). */
enum join_verdict join_table_judge(const struct join_table *table, const struct join *join,
                                   const struct join_place *place, uint64_t now_ms);

/*
 * Judge a request that was found genuine, and hold it if it is TAKEN: `*out` is its
 * entry then. ERR_NOMEM, or the verdict (>= 0).
 */
MUST_USE int join_table_take(struct join_table *table, const struct join *join,
                             const struct join_place *place, uint64_t now_ms,
                             struct join_entry **out, struct err *err);

/* The held request of that uid; NULL. */
struct join_entry *join_table_find(struct join_table *table, const char *cluster, const char *uid);

/* The next held entry behind `entry` (NULL: the first); NULL: none. */
struct join_entry *join_table_next(struct join_table *table, const struct join_entry *entry);

/* Whether a configuration of `version` that lists this address has admitted the request. */
bool join_entry_admitted(const struct join_entry *entry, uint32_t version, const char *ip,
                         uint16_t data_port);

/* Whether nobody takes it for a fresh one any more. */
bool join_entry_is_over(const struct join_entry *entry, uint64_t now_ms);

/* Remember a request of which nothing else counts any more than cluster, uid, time and nonce; when
 * it is too old, or there is no room, nothing happens. */
MUST_USE int join_table_remember(struct join_table *table, const struct join *join, uint64_t now_ms,
                                 struct err *err);

/* It asks no more; it is remembered. */
void join_table_release(struct join_table *table, struct join_entry *entry);

/* A held request that is too old by now, NULL: none. Those that are only remembered are forgotten
 * when they are too old. */
struct join_entry *join_table_expired(struct join_table *table, uint64_t now_ms);

/* When the next held one is too old; UINT64_MAX: none is held. */
uint64_t join_table_wake_ms(const struct join_table *table);

const char *join_verdict_word(enum join_verdict verdict);
const char *join_verdict_text(enum join_verdict verdict);

#endif
