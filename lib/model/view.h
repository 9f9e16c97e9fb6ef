/*
 * view - all that a reconcile pass may know, at one revision of etcd.
 *
 * Built by the controller (or the simulator, or `muster plan`) for one cluster. Lists are in the
 * order of their slot or name (those of one slot: in the order of their hosts). Everything is
 * borrowed for the length of the pass. Whatever is not in here, the reconciler does not know: there
 * is no memory between passes.
 */
#ifndef MODEL_VIEW_H
#define MODEL_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/config.h"
#include "model/join.h"
#include "model/node.h"
#include "model/spec.h"
#include "model/status.h"

/*
 * What this controller process found out about a node besides the keys. Lost with the process, and
 * then found out again: no step depends on it for safety. There is one for each (slot, host) that
 * has an intent or a report. A member of the configuration whose address none of those has is
 * observed under the host "": nobody says which host it is on.
 */
struct slot_observation {
    uint32_t slot;
    const char *host;
    uint32_t pushing_version; /* a push of it is on its way; 0: none */
    uint32_t pushed_version;  /* last push that was answered with success */
    /* No new push before: backoff after a failure, or wait for the acknowledgement. About the
     * current version only; it is 0 again when that changes. */
    uint64_t push_retry_at_ms;
    uint64_t report_gone_since_ms; /* on the clock of now_ms; 0: there is a report */
    uint64_t
        unreachable_since_ms; /* its data port fails our probes since; 0: answers or not probed */
};

/* A host and what the intents of *other* clusters take from it. */
struct host_view {
    struct host host;
    bool present;            /* its lease is alive; else only `host.name` is known */
    bool cordoned;           /* no new node is placed there */
    bool draining;           /* cordoned, and its nodes are to move away */
    uint64_t drain_since_ms; /* that was said then; 0: it was not */
    uint32_t nodes_used;
    uint64_t memory_used;
    const uint32_t *indexes_used; /* pool indexes taken by other clusters, ascending */
    size_t indexes_used_count;
};

/* A join request as the watchers that saw it report it; of several of one joiner: the newest. */
struct join_view {
    struct join join;
    uint32_t watchers;   /* that saw this request */
    const char *seen_by; /* the host of one of them */
    uint64_t seen_ms;    /* when the first of them saw it, on its clock */
};

/*
 * What a key that can't be read would have told; the pass decides nothing that depends on it.
 * ANY (a zeroed one): not known which, so everything waits. OTHER: nothing depends on it.
 */
enum bad_key_kind {
    BAD_KEY_ANY,
    BAD_KEY_SPEC,
    BAD_KEY_CONFIG,
    BAD_KEY_LINEAGE,
    BAD_KEY_ALIAS,
    BAD_KEY_INTENT,
    BAD_KEY_REPORT,
    BAD_KEY_OTHER,
};

/* A key below the cluster that can't be read; the pass works with what is left. */
struct bad_key {
    enum bad_key_kind kind;
    uint32_t slot;    /* of an intent or a report; else 0 */
    const char *host; /* that the key names; "": it names none */
    const char *key;
    const char *problem;
};

struct view {
    const char *cluster;
    uint64_t now_ms;
    const struct spec_record *spec; /* NULL: no such key, or it can't be read */
    const struct config *config;    /* NULL: none committed yet */
    uint64_t config_since_ms;       /* this process knows of that version since; 0: not noted */
    /* Every client that polled lately was last told this version or a newer one, as far as the
     * members and all nodes that drain tell; 0: not known. Observed while nodes drain and the spec
     * wants to know it. */
    uint32_t polled_version;
    const struct lineage *lineage; /* NULL: none */
    const struct alias *alias;     /* NULL: none */
    const struct status *status;   /* as last written; NULL: none */
    const struct intent *intents;
    size_t intents_count;
    const struct node_report *reports;
    size_t reports_count;
    const struct join_view *joins; /* in the order of their uids; at most JOINS_MAX */
    size_t joins_count;
    const struct host_view *hosts;
    size_t hosts_count;
    /* Of all clusters: hosts that are told to run something, and those of them that are gone. */
    size_t fleet_hosts;
    size_t fleet_gone;
    const struct slot_observation *observations;
    size_t observations_count;
    const struct bad_key *bad_keys;
    size_t bad_keys_count;
};

#endif
