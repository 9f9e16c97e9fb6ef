/*
 * world - hosts, watchers, memcacheds and an etcd in miniature, in virtual time, around the real
 * reconciler.
 *
 * Everything happens in steps of WORLD_STEP_MS: first every watcher acts on its intents, then the
 * controller makes passes until a plan holds no more writes. The promises that concern the
 * reconciler are checked at every effect and after every step; a broken one fails the test and
 * says at which time. What a plan does is told as text, one effect a line, for comparison.
 */
#ifndef TESTS_UNIT_RECONCILER_WORLD_H
#define TESTS_UNIT_RECONCILER_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "model/view.h"
#include "reconciler/explain.h"
#include "reconciler/reconcile.h"

#define WORLD_CLUSTER "c"
#define WORLD_STEP_MS 100
#define WORLD_HOSTS_MAX 8
#define WORLD_SLOTS_MAX 12
#define WORLD_INTENTS_MAX 64
#define WORLD_VERSIONS_MAX 4096
#define WORLD_OTHERS_MAX 4
#define WORLD_BAD_KEYS_MAX 4
#define WORLD_JOINS_MAX 8
#define WORLD_LEASE_MS 1000
#define WORLD_DRAIN_MS 2000
#define WORLD_CONVERGE_TIMEOUT_MS 3000
#define WORLD_FAIL_AFTER_MS 3000
#define WORLD_PROGRESS_DEADLINE_MS 30000
#define WORLD_FAR_MS 3600000
#define WORLD_START_MS 1000000 /* of the clock: no time is 0 */

/* One memcached with its partition. */
struct process {
    bool known; /* its watcher has heard of it */
    bool running;
    bool stopped; /* as asked */
    bool fallen;  /* found dead; started again in the next step */
    bool broken;  /* dies whenever it is started */
    bool deaf;    /* takes no configuration */
    const char *uid;
    const char *ip;
    uint16_t port;
    struct node_settings settings;
    uint32_t settings_turn; /* of the intent that it knows */
    const struct config *served;
    uint32_t version_seen;
    int64_t clients;
    bool listed; /* a configuration named it since it was started */
    enum intent_phase phase;
    uint64_t started_ms;
    uint32_t restarts;
    bool told; /* the report below was written under the present lease */
    struct node_report report;
    bool attached; /* it joined: its watcher neither starts nor ends it */
    const char *join;
    uint64_t join_issued_ms;
};

/* The memcached of a sidecar: somebody else's. */
struct foreigner {
    bool running;
    bool leaving;          /* its watcher was told to go */
    uint64_t memory_bytes; /* what it runs with; 0: what was said when it joined */
    const char *uid;
    const char *ip;
    uint16_t port;
};

struct world_host {
    struct host host;
    uint32_t others[WORLD_OTHERS_MAX]; /* indexes that other clusters take, ascending */
    size_t others_count;
    bool machine_up;
    bool watcher_up;
    bool leased;
    bool unheard; /* probes of its nodes get no answer */
    uint64_t watcher_left_ms;
    struct foreigner foreigner;                    /* of a host with a sidecar */
    struct process processes[WORLD_SLOTS_MAX + 1]; /* by slot */
};

/* What etcd holds about the cluster; restorable. */
struct world_keys {
    bool spec_there;
    struct spec_record spec;
    const struct config *config;
    bool lineage_there;
    struct lineage lineage;
    bool alias_there;
    struct alias alias;
    const struct status *status;
    struct intent intents[WORLD_INTENTS_MAX];
    size_t intents_count;
    bool reported[WORLD_HOSTS_MAX][WORLD_SLOTS_MAX + 1];
    struct node_report reports[WORLD_HOSTS_MAX][WORLD_SLOTS_MAX + 1]; /* by host and slot */
    struct cordon cordons[WORLD_HOSTS_MAX];
    bool cordoned[WORLD_HOSTS_MAX];
    struct bad_key bad_keys[WORLD_BAD_KEYS_MAX];
    size_t bad_keys_count;
    struct join_view joins[WORLD_JOINS_MAX]; /* in the order of their uids */
    size_t joins_count;
};

struct world {
    struct arena arena;
    uint64_t now_ms;
    struct world_keys keys;
    struct world_host hosts[WORLD_HOSTS_MAX];
    size_t hosts_count;
    enum partition_mode partition;
    /* the controller's memory, by host and slot; last is who has no host */
    struct slot_observation seen[WORLD_HOSTS_MAX + 1][WORLD_SLOTS_MAX + 1];
    uint64_t config_since_ms;
    uint32_t config_known; /* the version that config_since_ms is about */
    bool controller_up;
    bool clients_stay;       /* until they are cut off */
    uint32_t polled_version; /* what the controller knows of those that polled; 0: nothing */
    size_t fleet_hosts;      /* of other clusters, and those that are gone */
    size_t fleet_gone;
    /* pushes on their way, by host and slot */
    struct push_target pushes[WORLD_HOSTS_MAX][WORLD_SLOTS_MAX + 1];
    /* what happened */
    const char *digests[WORLD_VERSIONS_MAX]; /* content that a node served, by version */
    bool restored;                           /* etcd went back to a backup */
    bool forked; /* and a version was given away twice, because nobody could know better */
    size_t starts;
    size_t stops;
    size_t restarts;
    size_t kills;
    size_t events;
    size_t writes;
    size_t effects_left; /* the controller dies before the effect after these; SIZE_MAX: never */
    bool quiet_last;     /* the last pass made an empty plan */
    size_t changes;      /* of anything that a view shows */
    size_t changes_seen; /* by the last pass */
    uint64_t wake_at_ms; /* that the last pass asked for; UINT64_MAX: none */
    uint32_t incarnation;
    struct str trace;
};

void world_init(struct world *world, size_t hosts);
void world_deinit(struct world *world);

/* What operators do. */
void world_apply(struct world *world, uint32_t nodes);
void world_set_memory(struct world *world, uint64_t memory_bytes);
void world_delete(struct world *world);
void world_pause(struct world *world, bool paused);
void world_resume(struct world *world);
void world_confirm(struct world *world);
void world_cordon(struct world *world, size_t host, bool drain);
void world_uncordon(struct world *world, size_t host);

/*
 * The host stands beside a memcached that runs there anyhow, at an address outside of any pool;
 * from now on nothing is placed there.
 */
void world_sidecar(struct world *world, size_t host);
/* Its watcher asks to join, wishing for a slot (0: any); the request stays until it is served, and
 * is told of by one watcher. Returns it, for a test to change. */
struct join_view *world_join(struct world *world, size_t host, uint32_t slot);
/* Its watcher asks to go. */
void world_leave(struct world *world, size_t host);

/* What happens to hosts; indexes count from 0. */
void world_kill_process(struct world *world, size_t host, uint32_t slot);
void world_kill_watcher(struct world *world, size_t host);
void world_start_watcher(struct world *world, size_t host);
void world_kill_machine(struct world *world, size_t host);
void world_start_machine(struct world *world, size_t host);
void world_restart_controller(struct world *world);

/* A backup of etcd, and going back to it: leases are gone until watchers renew them. */
struct world_keys world_backup(const struct world *world);
void world_restore(struct world *world, const struct world_keys *keys);

/* Let time pass. */
void world_step(struct world *world);
void world_run(struct world *world, uint64_t ms);
/* Until a pass has nothing to do; fails the test after `ms`. */
void world_settle(struct world *world, uint64_t ms);

/* world_init(), and a cluster of `nodes` that has converged; its story is not told. */
void world_converge(struct world *world, size_t hosts, uint32_t nodes);

/* The view of this moment; lists live in `arena`. */
struct view world_view(struct world *world, struct arena *arena);

/* Every watcher that is up acts once; pushes on their way arrive. */
void world_hosts_act(struct world *world);

/* Put one effect into force. */
void world_effect(struct world *world, const struct effect *effect);

/* Compare what was told since the last comparison. */
void world_expect(struct world *world, const char *text);
/* Forget what was told. */
void world_hush(struct world *world);

/* Its index; WORLD_HOSTS_MAX: there is no such host. */
size_t world_host(const struct world *world, const char *name);
/* What the host says of the slot, or NULL. */
const struct node_report *world_report(const struct world *world, const char *host, uint32_t slot);
struct intent *world_intent(struct world *world, const char *host, uint32_t slot);
void world_intent_remove(struct world *world, const struct intent *intent);
struct process *world_process_at(struct world *world, const char *ip, uint16_t port);
bool world_condition(const struct world *world, enum condition_type type);
const char *world_reason(const struct world *world, enum condition_type type);
const char *world_message(const struct world *world, enum condition_type type);

/* The members of the configuration as "0001 0002". */
const char *world_members(struct world *world);

/* Check what must hold at any time, and what must hold before an effect. */
void world_check(struct world *world);
void world_check_effect(struct world *world, const struct effect *effect);
/* Check that what a pass found is what the tables say there can be. */
void world_check_laws(struct world *world, const struct explanation *explanation);

#endif
