/*
 * slot - one node of this host: its process, its partition, its discovery port, its report.
 *
 * The agent (agent.h) decides, the slot does. All that happens to a slot only schedules a step; a
 * step asks the agent until it has nothing more to do, and then writes the report if it differs
 * from the last one. A slot is known on disk from its first intent on until it is stopped and its
 * intent gone, or its whole cluster is: a watcher that starts while etcd is away takes up its nodes
 * from there.
 */
#ifndef WATCHER_SLOT_H
#define WATCHER_SLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "loop/loop.h"
#include "store/event_log.h"
#include "watcher/config.h"
#include "watcher/discovery.h"
#include "watcher/discovery_host.h"
#include "watcher/joins.h"
#include "watcher/memcached.h"
#include "watcher/partition.h"
#include "watcher/report.h"

struct slot;

/* Of a watcher beside one memcached that it did not start. */
struct slot_attached {
    const struct node_settings *settings; /* as memcached says; threads 0: not known yet */
    /* Another process answers at the data port, or the same one does again. */
    void (*found)(void *ctx);
    /* The slot was let go of, as its intent asks: it is reported as stopped. Called last in a step;
     * once or more. */
    void (*let_go)(void *ctx, struct slot *slot);
};

/* What all slots of a watcher share; outlives them. */
struct slot_host {
    struct loop *loop;
    const struct watcher_config *config;
    const struct log *log;
    const struct memcached_program *program;
    struct partitions *partitions;
    struct discovery_host *discovery;
    struct report *report;
    struct event_log *events;
    struct joins *joins;
    const struct slot_attached *attached; /* NULL: its memcacheds are started here */
    /* The slot is stopped, forgotten on disk, and is to be freed; called last in a step. */
    void (*gone)(void *ctx, struct slot *slot);
    void *ctx;
};

/*
 * A slot of this host, as its files and partition show it; a process that still runs is adopted.
 * When nothing is left of it (slot_is_known()), slot_intend() must follow.
 */
MUST_USE int slot_new(const struct slot_host *host, const char *cluster, uint32_t number,
                      struct slot **out, struct err *err);

/* Let go of it; process, files and report stay as they are. */
void slot_free(struct slot *slot);
DEFINE_CLEANUP(struct slot, slot_free);

/* It never became known: take its report key back before it is freed. */
void slot_drop(struct slot *slot);

const char *slot_cluster(const struct slot *slot);
uint32_t slot_number(const struct slot *slot);

/* Whether it is known what the slot is to run. */
bool slot_is_known(const struct slot *slot);

/* The intent's key was put with this value. ERR_INVALID: it can't be read; the former one holds. */
MUST_USE int slot_intend(struct slot *slot, const char *json, size_t json_bytes, struct err *err);

/* The intent's key is not there. */
void slot_unintend(struct slot *slot);

/* ---- Of a memcached that joined ---- */

/* It wants to be a node no longer: that is reported until it is let go. */
void slot_leave(struct slot *slot);

/* Whether it was let go of; whether an intent asks for it now; and what it last was asked to be,
 * NULL: nothing is known. */
bool slot_is_let_go(const struct slot *slot);
bool slot_is_asked(const struct slot *slot);
const struct intent *slot_wanted(const struct slot *slot);

/* Nobody asks for it, and another slot takes its place: take its report back, and its files. The
 * partition stays. It is to be freed. */
void slot_give_up(struct slot *slot);

/* ---- */

/* Whether nothing runs, and no intent asks for anything. */
bool slot_is_unasked(const struct slot *slot);

/* The cluster is gone from etcd, which knows of its versions up to this one. */
void slot_bygone(struct slot *slot, uint32_t version);

/* A request to join waits in the slot's partition: its subscribers hear of it. */
void slot_join_requested(struct slot *slot, const char *uid);

/* ---- For metrics ---- */

struct slot_figures {
    enum node_state state;
    enum partition_mode mode;
    uint32_t version; /* served, as it was read back; 0: none */
    bool current;     /* that is what is in force here */
    uint32_t restarts;
    struct partition_counts partition;
    struct discovery_counts discovery; /* zero while the port is not open */
    uint64_t repairs_given;            /* to peers */
    size_t peers;
    size_t peers_reachable;
    uint64_t peers_lag_ms; /* of the one that took longest to have the version that is in force */
    bool counted;          /* the module has told its counters */
    struct tally_counters counters;
};

/* As it is now, and since this watcher began with it. */
void slot_measure(struct slot *slot, struct slot_figures *out);

/* Another memcached was found, or none any more. */
void slot_program_changed(struct slot *slot);

#endif
