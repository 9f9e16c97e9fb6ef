/*
 * effect - one thing that a reconcile pass asks for, and the plan: the list of them in order.
 *
 * Effects on etcd are written by the controller in as few transactions as their order allows;
 * a push is a memcached command; nothing else has an effect. What an effect refers to lives in
 * the arena of the pass.
 */
#ifndef MODEL_EFFECT_H
#define MODEL_EFFECT_H

#include <stddef.h>
#include <stdint.h>

#include "model/config.h"
#include "model/node.h"
#include "model/status.h"

/* name, text, what is done */
#define EFFECT_KINDS(X)                                                                         \
    X(INTENT_PUT, "intent-put", "an intent is written: what a host is to run")                  \
    X(INTENT_DELETE, "intent-delete", "an intent is removed")                                   \
    X(CONFIG_COMMIT, "config-commit", "a configuration of a new version is signed and written") \
    X(CONFIG_PUSH, "config-push", "the current configuration is sent to a node")                \
    X(ALIAS_SET, "alias-set", "the endpoint is pointed to a node")                              \
    X(ALIAS_CLEAR, "alias-clear", "the endpoint is removed")                                    \
    X(STATUS_PUT, "status-put", "the cluster's status is written")                              \
    X(EVENT_ADD, "event-add", "an event is written")                                            \
    X(CLUSTER_FORGET, "cluster-forget", "all keys of a deleted cluster are removed")            \
    X(WAKE_AT, "wake-at", "nothing is done; the next pass is due at that time")

enum effect_kind {
#define X(name, text, meaning) EFFECT_##name,
    EFFECT_KINDS(X)
#undef X
};

/* Where a push goes: where clients of that node ask for discovery. */
struct push_target {
    const char *host; /* of the node */
    const char *ip;
    uint16_t port;
    uint32_t version;
    bool beside; /* it is a discovery port */
};

struct effect {
    enum effect_kind kind;
    uint32_t slot;   /* 0: about the cluster */
    const char *why; /* the rule that asked for it */
    union {
        const struct intent *intent;       /* INTENT_PUT, INTENT_DELETE */
        const struct config_draft *config; /* CONFIG_COMMIT */
        struct push_target push;           /* CONFIG_PUSH: the committed configuration */
        const struct alias *alias;         /* ALIAS_SET */
        const struct status *status;       /* STATUS_PUT */
        const struct event *event;         /* EVENT_ADD */
        uint64_t at_ms;                    /* WAKE_AT: a pass is due then, without any change */
    } of;
};

struct plan {
    const struct effect *effects;
    size_t count;
};

const char *effect_kind_text(enum effect_kind kind);

#endif
