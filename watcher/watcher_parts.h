/*
 * watcher_parts - the inside of a watcher, shared by the files that make it up.
 *
 *     watcher.c          slots, intents, the host's key, beginning and end
 *     watcher_sidecar.c  what is different beside one memcached that runs anyhow
 */
#ifndef WATCHER_WATCHER_PARTS_H
#define WATCHER_WATCHER_PARTS_H

#include "store/mirror.h"
#include "watcher/bygone.h"
#include "watcher/sidecar.h"
#include "watcher/slot.h"
#include "watcher/watcher.h"

struct watcher {
    struct loop *loop;
    const struct watcher_config *config;
    const struct log *log;
    struct memcached_program program;
    struct etcd *etcd;
    struct report *report;
    struct report_key *host_key;
    struct event_log *events;
    struct joins *joins;
    struct partitions *partitions;
    struct discovery_host *discovery;
    struct mirror *mirror;
    struct bygone *bygone;
    size_t bygone_turn; /* whose cluster is asked about next, among the slots */
    struct slot_host shared;
    struct slot *slots[HOST_NODES_MAX];
    size_t slots_count;
    struct loop_timer *program_retry;
    struct loop_timer *patience; /* for etcd at the start, and for the last reports at the end */
    struct file_lock *lock;
    bool heard; /* etcd answered once */
    bool troubled;
    bool stopping;
    struct sidecar *sidecar; /* NULL in host mode */
    struct slot_attached attached;
    bool leaving;
    struct leave_file *leave_file; /* NULL: nobody asks that way */
    int result;
};

/* ---- watcher.c ---- */

/* Take the slot out of the list and free it. */
void watcher_remove_slot(struct watcher *watcher, struct slot *slot);
/* Put the host's key as it is now. */
void watcher_put_host(struct watcher *watcher);
/* Take up the intents that are there once more. */
void watcher_retake_intents(struct watcher *watcher);

/* ---- watcher_sidecar.c ---- */

/* Nothing in host mode. */
MUST_USE int watcher_sidecar_open(struct watcher *watcher, struct err *err);

/* Before an intent is taken up: make room for its slot. 0, or why it is not for this watcher:
 * ERR_INVALID, or ERR_CONFLICT when it may be later. */
MUST_USE int watcher_sidecar_admit(struct watcher *watcher, const struct key *key,
                                   const struct mirror_item *item, struct err *err);

/* What is known of intents and slots has changed. */
void watcher_sidecar_update(struct watcher *watcher);

/* The node leaves no more, or it will not be let go: who asked by a file is told. */
void watcher_sidecar_answer(struct watcher *watcher, const char *text);

/* The watcher is about to end: its host says so, and nobody lets it in by an old request. */
void watcher_sidecar_ends(struct watcher *watcher);

/* Whether its node was let go, and is not forgotten yet: the controller has yet to hear of that,
 * and to take its order back. */
bool watcher_sidecar_awaits(const struct watcher *watcher);

#endif
