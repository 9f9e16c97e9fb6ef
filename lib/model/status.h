/*
 * status - what the controller says about a cluster, in the terms of Kubernetes' API
 * conventions (conditions with status, reason, message, lastTransitionTime), readable by kstatus.
 *
 * Plain data; texts belong to an arena.
 */
#ifndef MODEL_STATUS_H
#define MODEL_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/node.h"

/* name, text, what it says when it is true */
#define CONDITION_TYPES(X)                                                                         \
    X(READY, "Ready", "the endpoint is set, and a listed node is up")                              \
    X(CONVERGED, "Converged",                                                                      \
      "every wanted node is as the spec asks, and serves the current configuration")               \
    X(PROGRESSING, "Progressing", "something is left to do, and is being done")                    \
    X(DEGRADED, "Degraded", "a listed node is not up")                                             \
    X(STALLED, "Stalled",                                                                          \
      "something keeps the cluster from going on, or takes longer than it may")                    \
    X(UNSCHEDULABLE, "Unschedulable", "a node fits on no host")                                    \
    X(PARTITION_IN_PROCESS, "PartitionInProcess", "every node answers discovery on its data port") \
    X(PAYLOAD_LARGE, "PayloadLarge", "the list of nodes is longer than some clients read")         \
    X(KEY_INVALID, "KeyInvalid", "a key of the cluster can't be read")                             \
    X(JOINS_PENDING, "JoinsPending", "a request to join is refused, or waits")                     \
    X(NODES_DIFFER, "NodesDiffer",                                                                 \
      "of those that join by themselves there are more, or fewer, than the spec tells")

enum condition_type {
#define X(name, text, meaning) CONDITION_##name,
    CONDITION_TYPES(X)
#undef X
        CONDITION_COUNT
};

struct condition {
    bool status;
    const char *reason;  /* CamelCase word; "" : the condition is not shown */
    const char *message; /* for a human */
    uint64_t since_ms;   /* wall clock of the last change of `status` */
};

struct slot_status {
    uint32_t slot;
    const char *host;
    const char *ip;
    uint16_t data_port;
    const char *phase; /* "run", "drain", "stop" */
    const char *state; /* as reported; "silent" without a report */
    const char *partition;
    uint32_t version;  /* served */
    bool listed;       /* in the current configuration */
    const char *rule;  /* the reconciler's rule for the slot */
    uint64_t since_ms; /* the node is there and in this state since; wall clock */
    /* What the controller observed, so that others can look at the cluster as it does. */
    uint64_t silent_since_ms;      /* its report is missing since; 0: it is not */
    uint64_t unreachable_since_ms; /* its data port fails probes since; 0: it does not */
};

/* `clusters/<cluster>/status`. */
struct status {
    uint64_t observed_generation;
    const char *uid;
    uint32_t version; /* of the current configuration; 0: none */
    uint32_t nodes_wanted;
    uint32_t nodes_ready;     /* wanted and up */
    uint32_t nodes_converged; /* listed and serving the current version */
    uint32_t nodes_updated;   /* wanted, proven and with the spec's settings, where they may stay */
    uint64_t progress_ms; /* the last time that a rollout began or came nearer to its goal; 0: none
                             is under way */
    uint64_t resumed_ms;  /* of the spec record as the controller has taken it up */
    struct condition conditions[CONDITION_COUNT];
    const struct slot_status *slots; /* in slot order */
    size_t slots_count;
};

const char *condition_type_text(enum condition_type type);
MUST_USE bool condition_type_parse(const char *text, enum condition_type *out);

/* Whether both say the same, the times of the conditions left aside. */
bool status_equal(const struct status *a, const struct status *b);

/* `events/<cluster>/<time>-<id>` (lease): what happened and why. */
struct event {
    const char *cluster; /* "-" : about no one cluster */
    uint64_t at_ms;
    const char *program;
    const char *type;    /* "Normal" or "Warning" */
    const char *reason;  /* CamelCase word */
    const char *subject; /* "cluster", "slot 0003", "key /muster/…" */
    const char *message;
};

#endif
