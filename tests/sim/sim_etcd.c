/* The server: store, leases, quorum, backups. */
#include "sim/sim_etcd.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "sim/sim_etcd_state.h"

#define LATE_PER_MILLE 150
#define LATE_MS_MAX 20000
#define EARLY_PER_MILLE 3

/* ---- Commits ---- */

bool sim_etcd_has_quorum(const struct sim_etcd *server)
{
    return server->quorum_at_ms <= sim_now_ms(server->sim);
}

const struct sim_store *sim_etcd_store(const struct sim_etcd *server)
{
    return &server->store;
}

bool sim_etcd_commit(struct sim_etcd *server, const struct etcd_txn *txn, struct sim_party *writer,
                     uint32_t incarnation)
{
    size_t before = server->store.history.count;
    struct sim_commit commit = { .writer = writer, .incarnation = incarnation };
    size_t i;

    if (!sim_store_txn(&server->store, txn)) {
        return false;
    }
    commit.revision = server->store.revision;
    commit.count = server->store.history.count - before;
    if (0 < commit.count) {
        commit.entries = server->store.history.list + before;
        sim_watches_tell(server, commit.count);
        for (i = 0; i < server->observers_count; i++) {
            server->observers[i].fn(server->observers[i].ctx, &commit);
        }
    }
    return true;
}

bool sim_etcd_write(struct sim_etcd *server, const struct etcd_txn *txn)
{
    return sim_etcd_commit(server, txn, NULL, 0);
}

void sim_etcd_observe(struct sim_etcd *server, sim_commit_fn *fn, void *ctx)
{
    CHECK(server->observers_count < SIM_OBSERVERS_MAX);
    server->observers[server->observers_count].fn = fn;
    server->observers[server->observers_count++].ctx = ctx;
}

/* ---- Leases ---- */

struct sim_lease *sim_lease_find(struct sim_etcd *server, uint64_t id)
{
    struct sim_lease *lease = server->leases;

    while (lease != NULL && lease->id != id) {
        lease = lease->next;
    }
    return lease;
}

static void lease_free(struct sim_lease *lease)
{
    struct sim_lease **link = &lease->server->leases;

    while (*link != lease) {
        link = &(*link)->next;
    }
    *link = lease->next;
    sim_event_cancel(lease->server->sim, &lease->end);
    free(lease);
}

/* All of its keys go in one transaction. The entries are held, because their texts are used. */
void sim_lease_revoke(struct sim_lease *lease)
{
    struct sim_etcd *server = lease->server;
    size_t room = server->store.keys.count + 1;
    struct sim_entry **held = mem_calloc(room, sizeof(struct sim_entry *));
    struct etcd_op *ops = mem_calloc(room, sizeof(*ops));
    struct etcd_txn txn = { .ops = ops };
    size_t i;

    CHECK(held != NULL);
    CHECK(ops != NULL);
    for (i = 0; i < server->store.keys.count; i++) {
        struct sim_entry *entry = server->store.keys.list[i];

        if (entry->lease == lease->id) {
            held[txn.ops_count] = sim_entry_ref(entry);
            ops[txn.ops_count++] = (struct etcd_op){ .kind = ETCD_DELETE, .key = entry->key };
        }
    }
    lease_free(lease);
    (void)sim_etcd_commit(server, &txn, NULL, 0);
    for (i = 0; i < txn.ops_count; i++) {
        sim_entry_unref(held[i]);
    }
    free(held);
    free(ops);
}

static void on_lease_end(void *ctx)
{
    struct sim_lease *lease = ctx;
    struct sim *sim = lease->server->sim;

    if (!sim_etcd_has_quorum(lease->server)) {
        return; /* prolonged when it returns */
    }
    if (sim_strikes(sim, SIM_LEASE_LATE, LATE_PER_MILLE)) {
        sim_event_plan(sim, &lease->end, sim_fault_between(sim, SIM_LEASE_LATE, 1, LATE_MS_MAX));
        return;
    }
    sim_trace(sim, "etcd: lease %llu ends", (unsigned long long)lease->id);
    sim_lease_revoke(lease);
}

void sim_lease_prolong(struct sim_lease *lease)
{
    struct sim *sim = lease->server->sim;
    uint64_t after_ms = lease->ttl_ms;

    if (sim_strikes(sim, SIM_LEASE_EARLY, EARLY_PER_MILLE)) {
        after_ms = sim_fault_between(sim, SIM_LEASE_EARLY, 1, lease->ttl_ms);
    }
    sim_event_plan(sim, &lease->end, after_ms);
}

static struct sim_lease *lease_new(struct sim_etcd *server, uint64_t id, uint64_t ttl_ms)
{
    struct sim_lease *lease = mem_alloc(sizeof(*lease));

    CHECK(lease != NULL);
    lease->server = server;
    lease->id = id;
    lease->ttl_ms = ttl_ms;
    lease->next = server->leases;
    server->leases = lease;
    sim_event_init(&lease->end, NULL, on_lease_end, lease);
    sim_lease_prolong(lease);
    return lease;
}

/* Never one that was given before, also not before a restore. */
uint64_t sim_lease_grant(struct sim_etcd *server, uint64_t ttl_ms)
{
    return lease_new(server, ++server->leases_made, ttl_ms)->id;
}

/* ---- Quorum ---- */

static void on_quorum_back(void *ctx)
{
    struct sim_etcd *server = ctx;
    struct sim_lease *lease;

    sim_trace(server->sim, "etcd: quorum is back");
    for (lease = server->leases; lease != NULL; lease = lease->next) {
        sim_lease_prolong(lease);
    }
}

void sim_etcd_lose_quorum(struct sim_etcd *server, uint64_t for_ms)
{
    sim_trace(server->sim, "etcd: no quorum for %llu ms", (unsigned long long)for_ms);
    server->quorum_at_ms = sim_now_ms(server->sim) + for_ms;
    sim_event_plan(server->sim, &server->quorum_back, for_ms);
    sim_watches_break(server, "no leader");
}

void sim_etcd_heal(struct sim_etcd *server)
{
    if (!sim_etcd_has_quorum(server)) {
        server->quorum_at_ms = sim_now_ms(server->sim);
        sim_event_plan(server->sim, &server->quorum_back, 0);
    }
    sim_watches_renew(server);
}

/* ---- Compaction, backup, restore ---- */

void sim_etcd_compact(struct sim_etcd *server)
{
    sim_trace(server->sim, "etcd: compacted at revision %llu",
              (unsigned long long)server->store.revision);
    sim_store_compact(&server->store, server->store.revision);
}

static void backup_deinit(struct sim_backup *backup)
{
    sim_store_deinit(&backup->store);
    free(backup->leases);
}

void sim_etcd_backup(struct sim_etcd *server)
{
    struct sim_backup *backup;
    struct sim_lease *lease;
    size_t n = 0;

    if (server->backups_count == SIM_BACKUPS_MAX) {
        backup_deinit(&server->backups[0]);
        memmove(server->backups, server->backups + 1,
                (SIM_BACKUPS_MAX - 1) * sizeof(server->backups[0]));
        server->backups_count--;
    }
    for (lease = server->leases; lease != NULL; lease = lease->next) {
        n++;
    }
    backup = &server->backups[server->backups_count++];
    sim_store_copy(&server->store, &backup->store);
    backup->leases = mem_calloc(2 * n + 1, sizeof(uint64_t));
    CHECK(backup->leases != NULL);
    backup->leases_count = n;
    for (lease = server->leases; lease != NULL; lease = lease->next) {
        n--;
        backup->leases[2 * n] = lease->id;
        backup->leases[2 * n + 1] = lease->ttl_ms;
    }
    sim_trace(server->sim, "etcd: backup %zu at revision %llu", server->backups_count,
              (unsigned long long)server->store.revision);
}

/* A new etcd with the old data: connections break, leases of then live once more. */
static void go_back(struct sim_etcd *server, const struct sim_backup *backup)
{
    size_t i;

    sim_trace(server->sim, "etcd: restored from the backup at revision %llu (was at %llu)",
              (unsigned long long)backup->store.revision,
              (unsigned long long)server->store.revision);
    sim_watches_break(server, "another history");
    server->history++;
    sim_store_deinit(&server->store);
    sim_store_copy(&backup->store, &server->store);
    while (server->leases != NULL) {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): that takes it off the list */
        lease_free(server->leases);
    }
    for (i = 0; i < backup->leases_count; i++) {
        (void)lease_new(server, backup->leases[2 * i], backup->leases[2 * i + 1]);
    }
}

bool sim_etcd_restore(struct sim_etcd *server)
{
    size_t i;

    if (server->backups_count == 0) {
        return false;
    }
    i = (size_t)sim_fault_between(server->sim, SIM_ETCD_RESTORE, 0, server->backups_count - 1);
    go_back(server, &server->backups[i]);
    return true;
}

void sim_etcd_restore_last(struct sim_etcd *server)
{
    CHECK(0 < server->backups_count);
    go_back(server, &server->backups[server->backups_count - 1]);
}

void sim_etcd_empty(struct sim_etcd *server)
{
    struct sim_backup nothing = { .leases = NULL };

    sim_store_init(&nothing.store);
    go_back(server, &nothing);
}

/* ---- Life ---- */

struct sim_etcd *sim_etcd_new(struct sim *sim, unsigned place)
{
    struct sim_etcd *server = mem_alloc(sizeof(*server));

    CHECK(server != NULL);
    server->sim = sim;
    server->place = place;
    sim_store_init(&server->store);
    sim_event_init(&server->quorum_back, NULL, on_quorum_back, server);
    return server;
}

void sim_etcd_free(struct sim_etcd *server)
{
    size_t i;

    CHECK(server->clients == NULL);
    for (i = 0; i < server->backups_count; i++) {
        backup_deinit(&server->backups[i]);
    }
    while (server->leases != NULL) {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): that takes it off the list */
        lease_free(server->leases);
    }
    sim_store_deinit(&server->store);
    free(server);
}
