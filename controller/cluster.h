/*
 * cluster - what the controller keeps in mind of one cluster between passes, besides the keys:
 * whether a pass is due or under way, and what was observed of its nodes.
 *
 * Pure: the time comes in as a value, probes and pushes are somebody else's. All of it
 * may be lost at any time; a new leader finds it out again.
 */
#ifndef CONTROLLER_CLUSTER_H
#define CONTROLLER_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "loop/loop.h"
#include "view/objects.h"
#include "view/view_build.h"

/* After a push was answered, its acknowledgement is given this long before it is pushed again. */
#define PUSH_ACK_WAIT_MS 5000
#define PUSH_RETRY_MS_MIN 250
#define PUSH_RETRY_MS_MAX 15000

/* So many probes in a row fail before a node counts as unreachable: one lost packet says nothing,
 * and who can't be reached is not waited for. */
#define PROBE_FAILURES_MIN 3

struct census;
struct executor;
struct slot_probe;

/* What is known of a slot's node on one host; host "": a member that no intent or report explains.
 */
struct slot_state {
    struct slot_observation seen; /* `host` is set where it is handed out */
    char host[HOST_NAME_TEXT_MAX + 1];
    unsigned push_failures;   /* in a row */
    bool kept;                /* scratch of cluster_observe() */
    bool probe_wanted;        /* nobody else can tell whether the node answers */
    unsigned probe_failures;  /* in a row, up to PROBE_FAILURES_MIN */
    uint64_t probe_failed_ms; /* the first of them */
    char ip[IPV4_TEXT_SIZE];
    uint16_t data_port;
    uint64_t started_ms;      /* of the process, as reported */
    struct slot_probe *probe; /* the controller's; NULL: none */
};

enum cluster_state {
    CLUSTER_IDLE,     /* a pass may begin */
    CLUSTER_BUSY,     /* transactions are under way */
    CLUSTER_LEASE,    /* an event lease was asked for */
    CLUSTER_CONFLICT, /* a compare did not hold; a pass begins with the next change, or by the timer
                       */
    CLUSTER_BACKOFF,  /* something failed; a pass begins when the timer ends */
};

struct cluster {
    char name[CLUSTER_NAME_MAX + 1];
    enum cluster_state state;
    bool dirty;         /* something changed since the last pass began */
    bool names_written; /* by this leader: records may have been lost or switched off before */
    unsigned failures;  /* in a row */
    char trouble[ERR_MSG_MAX]; /* the failure that was logged last; "" */
    struct slot_state *slots;  /* ascending by slot, then by host */
    size_t slots_count;
    size_t slots_capacity;
    size_t place;            /* where the last slot was found */
    uint32_t config_version; /* that `config_since_ms` is about */
    uint64_t config_since_ms;
    struct census *census;     /* the controller's, while nodes drain; NULL: none */
    uint32_t polled_version;   /* that it found last; 0: not known */
    struct loop_timer *timer;  /* the controller's: the next pass without a change */
    uint64_t unconverged_ms;   /* of counts_status() */
    uint64_t lazy_due_ms;      /* monotonic: when what is not urgent is written; 0: nothing waits */
    uint64_t timer_due_ms;     /* monotonic */
    struct executor *executor; /* the controller's, while BUSY */
    void *owner;               /* the controller, for callbacks */
    bool queued;               /* the fleet's, as is the rest: it is in the queue */
    struct cluster *due_next;
    struct cluster *due_before;
};

/* Releases the slots; probes, census and the timer are the controller's to free before. */
void cluster_deinit(struct cluster *cluster);

/*
 * Look at the keys: which nodes there are, since when reports are missing, which nodes need
 * probes. `slot_gone` is called for a node that has left all keys, before it is dropped.
 */
typedef void cluster_slot_fn(void *ctx, struct slot_state *slot);
MUST_USE int cluster_observe(struct cluster *cluster, const struct cluster_objects *keys,
                             uint64_t now_ms, cluster_slot_fn *slot_gone, void *ctx,
                             struct err *err);

/* For view_build(); the list is in the arena, its texts are the cluster's. */
MUST_USE int cluster_observations(const struct cluster *cluster, struct arena *arena,
                                  struct cluster_observations *out, struct err *err);

/* The slot's node on the host, or NULL. */
struct slot_state *cluster_slot(struct cluster *cluster, uint32_t slot, const char *host);

/*
 * A push of `version` (0: none) to the slot's node on `host`, at `ip`, has begun; was answered;
 * failed (returns how often in a row). Answers for a node that has moved since count for nothing.
 */
void cluster_pushing(struct cluster *cluster, uint32_t slot, const char *host, uint32_t version);
void cluster_pushed(struct cluster *cluster, uint32_t slot, const char *host, const char *ip,
                    uint32_t version, uint64_t now_ms);
unsigned cluster_push_failed(struct cluster *cluster, uint32_t slot, const char *host,
                             const char *ip, uint64_t now_ms);

/* A probe's answer, or the lack of one. Returns whether what is known of the node has changed. */
bool cluster_probed(struct cluster *cluster, uint32_t slot, const char *host, bool answers,
                    uint64_t now_ms);

#endif
