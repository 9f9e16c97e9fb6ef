/*
 * joins - the requests to join that reached partitions here, or were seen at peers.
 *
 * Each is checked (form, token, time, replays; join_table.h says what is refused) and, when
 * genuine, reported as `clusters/<c>/joins/<uid>/<this host>` until it is admitted, too old, or
 * replaced by a newer one of its uid. Refusals are counted and logged; an event tells of them now
 * and then. The reports wait while etcd is away.
 *
 * The tokens are files, one for each cluster, named like it, in one directory (codec/join_token.h).
 * They are read when a request is to be checked: a change of a token needs no restart.
 */
#ifndef WATCHER_JOINS_H
#define WATCHER_JOINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "discovery/rate.h"
#include "discovery/session.h"
#include "loop/loop.h"
#include "model/config.h"
#include "store/event_log.h"
#include "watcher/join_table.h"
#include "watcher/report.h"

/* Of what is written to the inbox of one partition, or seen at the peers of one node: what comes
 * beyond is dropped unread. */
#define JOINS_CHECKED_PER_S 64U
/* Of all that are genuine: each costs a file and a key. */
#define JOINS_TAKEN_PER_S 64U
#define JOINS_REFUSED_LOG_MS 1000U
#define JOINS_REFUSED_EVENT_MS 60000U

struct joins;

/* All borrowed; outlives the joins. */
struct joins_options {
    const struct log *log;
    struct report *report;
    struct event_log *events;
    const char *prefix;
    const char *host;
    const char *state_dir; /* where it is remembered what was taken: <state-dir>/joins */
    const char *tokens;    /* directory; NULL: every request is refused */
};

struct joins_events {
    /* A request waits in the partition of this slot, which is one of ours. */
    void (*requested)(void *ctx, const char *cluster, uint32_t slot, const char *uid);
};

MUST_USE int joins_new(struct loop *loop, const struct joins_options *options,
                       const struct joins_events *events, void *ctx, struct joins **out,
                       struct err *err);
/* Before the report. The keys stay until the lease ends. */
void joins_free(struct joins *joins);
DEFINE_CLEANUP(struct joins, joins_free);

/* A request was written below the key of `uid`. `checks` is the budget of where it comes from
 * (JOINS_CHECKED_PER_S): whoever floods one partition keeps nobody from asking at another. */
void joins_take(struct joins *joins, const struct join_place *place, struct rate *checks,
                const char *uid, const char *request, size_t request_bytes);

/* What would become of a request that is about to be written there. A refusal is counted and told
 * of like any other, else nothing changes. */
enum join_verdict joins_judge(struct joins *joins, const struct join_place *place, const char *uid,
                              const char *request, size_t request_bytes);

/* Whether requests for this cluster are held, so that it is worth telling of configurations. */
bool joins_wait(struct joins *joins, const char *cluster);

/* This configuration is in force: whom it lists is admitted. */
void joins_configured(struct joins *joins, const struct config_draft *config);

/* The request at `index` of those that wait in the partition of a slot of ours; false: there are
 * no more. The texts live until the loop's next turn. */
bool joins_at(const struct joins *joins, const char *cluster, uint32_t slot, size_t index,
              struct session_join *out);

/* How many requests had the verdict, and how many are held. */
uint64_t joins_count(const struct joins *joins, enum join_verdict verdict);
size_t joins_held(const struct joins *joins);

/* The rows of `stats joins`: how many requests are held, and how many had each verdict. */
void joins_stats(const struct joins *joins, struct rows *rows);

#endif
