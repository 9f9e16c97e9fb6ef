/*
 * slot_parts - the inside of a slot, shared by the files that make it up.
 *
 *     slot.c          intents, and the agent's steps
 *     slot_process.c  starting, adopting and watching memcached
 *     slot_attached.c the same for a memcached that joined: it is only listened to
 *     slot_serve.c    partition, discovery port, and the proof of what is served
 *     slot_peers.c    the nodes that this one watches
 *     slot_joins.c    requests to join that were written here, or seen at peers
 *     slot_stats.c    what the discovery port tells besides the configuration
 *     slot_report.c   what is said about the slot: report, files, log, events
 */
#ifndef WATCHER_SLOT_PARTS_H
#define WATCHER_SLOT_PARTS_H

#include "base/arena.h"
#include "discovery/tally.h"
#include "memd/memtext.h"
#include "proc/proc.h"
#include "watcher/agent.h"
#include "watcher/attached.h"
#include "watcher/discovery.h"
#include "watcher/files.h"
#include "watcher/health.h"
#include "watcher/overhear.h"
#include "watcher/peers.h"
#include "watcher/slot.h"

#define SLOT_PROBLEM_SIZE 320
#define SLOT_LISTEN_RETRY_MS 1000U
#define SLOT_READ_RETRY_MS 100U
#define SLOT_READ_RETRY_MAX_MS 2000U
/* At most one event about refused records per slot in so long. */
#define SLOT_REFUSED_EVENT_MS 60000U
#define SLOT_REFUSED_LOG_MS 1000U
/* At most one about repairs of its partition, and of a peer's. */
#define SLOT_REPAIRED_EVENT_MS 10000U
/* An acknowledgement is repeated at most so often. */
#define SLOT_REPEAT_MS 1000U

/* An intent with the memory that it lives in. */
struct held_intent {
    struct arena arena;
    struct intent intent;
    bool known;
};

/* The proof: the record in force was read where clients ask for it. */
enum proof_state {
    PROOF_NONE,     /* nothing to prove, or not proven yet */
    PROOF_RECALLED, /* nothing is in force; memcached is asked what it holds */
    PROOF_ASKED,    /* the question is on its way */
    PROOF_FAILED,   /* asked again when the timer ends */
    PROOF_GIVEN,    /* `proven` was served */
};

struct proof {
    enum proof_state state;
    uint64_t retry_ms;
    uint32_t version;    /* what is, or was, asked for */
    struct served given; /* what was proven last; its digest is below */
    char digest[CONFIG_DIGEST_SIZE];
    char problem[SLOT_PROBLEM_SIZE];
};

/* The slots of peers that don't answer, as a report tells of them. */
struct unreachable {
    char texts[RING_SUCCESSORS][SLOT_TEXT_SIZE];
    const char *list[RING_SUCCESSORS];
    size_t count;
};

struct slot {
    const struct slot_host *host;
    char cluster[CLUSTER_NAME_MAX + 1];
    uint32_t number;
    struct arena names; /* of the files */
    struct node_files files;
    struct loop_defer *step;
    struct loop_timer *wake;

    struct agent agent;
    struct held_intent wanted;  /* the last intent that could be read */
    struct held_intent running; /* what the process was started with */
    bool present;               /* the intent's key exists, as far as etcd was heard */
    bool bygone;                /* the cluster is gone, and nothing that is known here is lost */
    bool asked;                 /* it was heard by this watcher, and is there */

    struct proc *proc; /* NULL for one that joined */
    bool adopted;      /* and has not answered since */
    struct health *health;
    enum partition_mode mode; /* NONE until the process has answered */
    uint64_t started_wall_ms;
    uint32_t starts;
    uint64_t log_from; /* size of the log when the process was started */
    struct overhear overhear;
    int64_t clients;
    char process_problem[SLOT_PROBLEM_SIZE];

    /* Of one that joined: */
    char heard_ip[IPV4_TEXT_SIZE]; /* where `health` listens to it */
    uint16_t heard_port;
    int64_t heard_pid; /* who answered there last; 0: nobody yet */
    uint32_t refusals; /* of connections, in a row */
    bool leaving;

    struct partition *partition;
    uint32_t version_noted; /* the highest valid version ever, as the files tell */
    uint32_t begun_noted;   /* and the highest that was to be */
    struct discovery *discovery;
    struct loop_timer *listen_retry;
    char listen_ip[IPV4_TEXT_SIZE];
    uint16_t listen_port;
    char listen_problem[SLOT_PROBLEM_SIZE];
    struct memtext *beside; /* to the discovery port, while it is asked what it serves */
    struct loop_timer *proof_retry;
    struct proof proof;
    char refused[ERR_MSG_MAX]; /* the last refusal that was logged */
    uint64_t refused_logged_ms;
    uint64_t refused_event_ms;
    uint64_t conflict_event_ms;
    struct loop_timer *repaired_next;      /* runs while repairs of the partition are not told: */
    uint32_t repaired_untold;              /* so many */
    char repaired_what[SLOT_PROBLEM_SIZE]; /* the last one */
    uint64_t repeated_ms;                  /* when the acknowledgement was last repeated */
    struct pollers pollers;                /* of the discovery port */
    uint64_t pollers_since_s;              /* from when on these are all; 0: ever */
    struct asked *told;                    /* what was told of them lately; NULL: nothing */
    struct rate checks_own;                /* of requests to join: in the own inbox, */
    struct rate checks_of_peers;           /* and seen at peers */

    struct peers *peers;           /* NULL: nobody was watched yet */
    char peers_ip[IPV4_TEXT_SIZE]; /* from where: */
    uint16_t peers_port;
    uint64_t peer_repaired_event_ms;
    uint64_t repairs_given; /* to peers */
    struct unreachable unreachable;

    struct report_key *report;
    struct loop_timer *keeper; /* runs while report.json is to be written */
    bool kept;                 /* it says what a restart needs: */
    uint32_t kept_version;
    uint32_t kept_restarts;
    bool said; /* what was logged last: */
    enum node_state said_state;
    uint32_t said_version;
};

void held_intent_init(struct held_intent *held);
void held_intent_deinit(struct held_intent *held);
/* Decode into `held`, which keeps what it had when that fails. */
MUST_USE int held_intent_read(struct held_intent *held, const char *json, size_t json_bytes,
                              struct err *err);

MUST_USE int held_intent_copy(struct held_intent *to, const struct held_intent *from,
                              struct err *err);

/* What the process was started with, as far as that is known; else what is wanted. */
const struct intent *slot_start_of(const struct slot *slot);

/* Something changed: a step follows, once, at the end of this turn of the loop. */
void slot_touch(struct slot *slot);

/* ---- slot_process.c ---- */

/* Start memcached as it is wanted now; or take over one that a forgotten start has left. */
MUST_USE int slot_process_start(struct slot *slot, struct err *err);
/* Adopt what a former watcher started. When nothing runs any more, nothing happens. */
MUST_USE int slot_process_take_up(struct slot *slot, struct err *err);
/* Count clients while the slot drains. */
void slot_process_count_clients(struct slot *slot);

/* ---- slot_attached.c ---- */

/* Whether its memcached is not ours to start or to end. */
bool slot_is_attached(const struct slot *slot);
/* Serve and listen to what the intent names, unless it says stop. */
void slot_attached_open(struct slot *slot);
/* Answer no more, and let go of the partition. */
void slot_attached_close(struct slot *slot);
/* After a step: what was let go is not listened to any more. */
void slot_attached_stopped(struct slot *slot);

/* ---- slot_serve.c ---- */

MUST_USE int slot_serve_init(struct slot *slot, struct err *err);
void slot_serve_deinit(struct slot *slot);
/* Open the partition for the incarnation `uid`, or turn the open one over to it. */
MUST_USE int slot_serve_open(struct slot *slot, const char *uid, struct err *err);
/* Listen at the discovery port of what runs, or of what is wanted. */
void slot_serve_listen(struct slot *slot);
/* The process answers (again): prove what is served. */
void slot_serve_prove(struct slot *slot);
/* The process has gone: nothing is proven any more. */
void slot_serve_unprove(struct slot *slot);
/* Discovery is answered elsewhere than before (in the process or beside it): nothing is proven
 * there. */
void slot_serve_turn(struct slot *slot, enum partition_mode mode);
/* Stop answering discovery; the partition stays. */
void slot_serve_close(struct slot *slot);
/* The highest version that was ever valid here. */
uint32_t slot_serve_version_seen(const struct slot *slot);
/* One above it that was to be in force: nothing below it will be. 0: there is none. */
uint32_t slot_serve_version_begun(const struct slot *slot);

/* ---- slot_peers.c ---- */

/* Watch the successors in the configuration that is in force now, from the address of now. */
void slot_peers_follow(struct slot *slot);
/* Watch nobody. */
void slot_peers_stop(struct slot *slot);
/* For the discovery port: the rows of `stats peers`. */
bool slot_peers_stats(const struct slot *slot, const char *group, struct rows *rows);

/* ---- slot_joins.c ---- */

/* A request to join was seen in the partition of `seen_in_slot`, which is ours (`own`), or a
 * peer's. Nobody has looked at it yet. */
void slot_joining(struct slot *slot, uint32_t seen_in_slot, bool own, const char *uid,
                  const char *request, size_t request_bytes);
/* Another configuration is in force: whom it lists is admitted. */
void slot_joins_configured(struct slot *slot);
/* For the discovery port: the requests that wait here, what is held against one that is about to
 * be written, and rows of `stats joins`. */
bool slot_join_at(void *ctx, size_t index, struct session_join *out);
const char *slot_join_refusal(void *ctx, const char *uid, const char *request,
                              size_t request_bytes);
bool slot_joins_stats(const struct slot *slot, const char *group, struct rows *rows);

/* ---- slot_stats.c ---- */

/* For discovery_options.polled; `ctx` is the slot. */
void slot_polled(void *ctx, const struct poller_peer *peer, uint32_t version);
/* Rows of `stats`, `stats clients` and `stats partition`, as they were at most SLOT_STATS_AGE_MS
 * ago: anybody may ask, as often as he likes. Returns whether it is one of these. */
#define SLOT_STATS_AGE_MS 100U
bool slot_stats(struct slot *slot, const char *group, struct rows *rows);
/* What memcached's module has counted, as old as that; false: it has told nothing. */
bool slot_stats_counters(struct slot *slot, struct tally_counters *out);
/* Nothing that was told holds any more. */
void slot_stats_forget(struct slot *slot);

/* ---- slot_report.c ---- */

MUST_USE int slot_report_init(struct slot *slot, struct err *err);
/* What is still to be written is written. */
void slot_report_deinit(struct slot *slot);
/* What the report says now; its texts are the slot's, until its next change. */
void slot_report_compose(const struct slot *slot, struct node_report *out);
/* Put the report if it changed; write it to its file, a little later, if what a restart needs
 * changed. */
void slot_report_put(struct slot *slot);
/* Take what a former watcher noted about the running process. */
MUST_USE int slot_report_load(struct slot *slot, struct err *err);
/* Note what the process is about to be started with. */
MUST_USE int slot_report_note(struct slot *slot, struct err *err);
/* Whether `pause_ms` are over since `*told_ms` (0: never told), which then becomes now. */
bool slot_may_tell(uint64_t *told_ms, uint64_t pause_ms);
void slot_event(struct slot *slot, const char *type, const char *reason, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
void slot_log(const struct slot *slot, enum log_level level, const char *event, const char *text);

#endif
