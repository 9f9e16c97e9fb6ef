/*
 * watcher/partition_files.h in the memory of the running party's machine. A segment is written in
 * one stroke, as its two cells make sure; each write is an effect.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "sim/sim_machine.h"
#include "watcher/partition_files.h"

#define PATH_BYTES 512
#define PLACE_BITS 16
#define MS_PER_S 1000U

struct inboxes {
    struct sim_machine *machine;
    size_t followed;
};

struct partition_files {
    struct inboxes *set;
    struct sim_machine *machine;
    char dir[PATH_BYTES];
    char inbox[PATH_BYTES];
    char segment[PATH_BYTES];
    struct partition_files_events events;
    void *ctx;
    struct sim_event arrived;
    struct sim_event lost;
    struct sim_event touched;
};

/* ---- The machine's side ---- */

void sim_copy_clear(struct sim_copy *copy)
{
    free(copy->bytes);
    *copy = (struct sim_copy){ 0 };
}

static void copy_set(struct sim_copy *copy, const struct segment_cell *cell, uint64_t generation)
{
    char *bytes = mem_alloc(cell->payload_bytes + cell->record_bytes + 1);

    CHECK(bytes != NULL);
    if (0 < cell->payload_bytes) {
        memcpy(bytes, cell->payload, cell->payload_bytes);
    }
    if (0 < cell->record_bytes) {
        memcpy(bytes + cell->payload_bytes, cell->record, cell->record_bytes);
    }
    sim_copy_clear(copy);
    copy->generation = generation;
    copy->bytes = bytes;
    copy->cell = *cell;
    copy->cell.payload = bytes;
    copy->cell.record = bytes + cell->payload_bytes;
}

struct sim_partition *sim_partition_find(struct sim_machine *machine, const char *dir)
{
    struct sim_partition *it = machine->partitions;

    while (it != NULL && strcmp(it->dir, dir) != 0) {
        it = it->next;
    }
    return it;
}

/* "/partitions/<cluster>/<slot>"; that of a sidecar is of any. */
bool sim_partition_is_of(const struct sim_partition *partition, const char *cluster)
{
    size_t length = strlen(cluster);
    const char *at = partition->dir + strlen(SIM_PARTITION_DIR);

    return strcmp(partition->dir, SIM_SIDECAR_DIR) == 0 ||
           (strncmp(at + 1, cluster, length) == 0 && at[1 + length] == '/');
}

static struct sim_partition *make_partition(struct sim_machine *machine, const char *dir)
{
    struct sim_partition *partition = sim_partition_find(machine, dir);

    if (partition != NULL) {
        return partition;
    }
    partition = mem_alloc(sizeof(*partition));
    CHECK(partition != NULL);
    partition->dir = mem_strdup(dir);
    CHECK(partition->dir != NULL);
    partition->next = machine->partitions;
    machine->partitions = partition;
    partition->id = (++machine->generations << PLACE_BITS) + machine->place;
    return partition;
}

static void clear_inbox(struct sim_partition *partition)
{
    size_t i;

    for (i = 0; i < INBOX_RING; i++) {
        free(partition->ring[i].value);
        partition->ring[i] = (struct sim_inbox_entry){ 0 };
        free(partition->joins[i].value);
        partition->joins[i] = (struct sim_inbox_entry){ 0 };
    }
}

static void partition_drop(struct sim_machine *machine, struct sim_partition *partition)
{
    struct sim_partition **at = &machine->partitions;

    while (*at != partition) {
        at = &(*at)->next;
    }
    *at = partition->next;
    clear_inbox(partition);
    pollers_deinit(&partition->tally);
    sim_copy_clear(&partition->segment);
    free(partition->dir);
    free(partition);
}

void sim_partitions_deinit(struct sim_machine *machine)
{
    while (machine->partitions != NULL) {
        partition_drop(machine, machine->partitions);
    }
}

bool sim_partition_put(struct sim_machine *machine, const char *dir, const char *uid,
                       const char *value, size_t value_bytes)
{
    struct sim_partition *partition = sim_partition_find(machine, dir);
    struct sim_inbox_entry *entry;

    if (partition == NULL || !partition->has_inbox) {
        return false;
    }
    entry = uid[0] == '\0' ? &partition->ring[partition->writes++ % INBOX_RING]
                           : &partition->joins[partition->joins_written++ % INBOX_RING];
    free(entry->value);
    (void)snprintf(entry->uid, sizeof(entry->uid), "%s", uid);
    entry->value = mem_alloc(value_bytes + 1);
    CHECK(entry->value != NULL);
    memcpy(entry->value, value, value_bytes);
    entry->value_bytes = value_bytes;
    entry->order = ++machine->orders;
    if (partition->followed_by != NULL) {
        sim_event_plan(machine->sim, &partition->followed_by->arrived, 0);
    }
    return true;
}

bool sim_polls(const struct sim_request *request, struct poller_peer *out)
{
    const uint32_t address = htonl(request->client);

    *out = (struct poller_peer){ .family = POLLER_INET };
    memcpy(out->address, &address, sizeof(address));
    return request->client != 0;
}

void sim_partition_read(struct sim_machine *machine, const char *dir, struct sim_copy *copy)
{
    const struct sim_partition *partition = sim_partition_find(machine, dir);

    if (partition != NULL && partition->has_segment &&
        partition->segment.generation != copy->generation) {
        copy_set(copy, &partition->segment.cell, partition->segment.generation);
    }
}

/* Its watcher is told, if it runs. */
static void touch(struct sim_machine *machine, const struct sim_partition *partition)
{
    if (partition->followed_by != NULL) {
        sim_event_plan(machine->sim, &partition->followed_by->touched, 0);
    }
}

void sim_partition_break_segment(struct sim_machine *machine, struct sim_partition *partition)
{
    partition->has_segment = false;
    touch(machine, partition);
}

void sim_partition_overwrite(struct sim_machine *machine, struct sim_partition *partition,
                             const struct segment_cell *cell)
{
    partition->has_segment = true;
    copy_set(&partition->segment, cell, ++machine->generations);
    touch(machine, partition);
}

void sim_partition_remove_inbox(struct sim_machine *machine, struct sim_partition *partition)
{
    partition->has_inbox = false;
    clear_inbox(partition);
    if (partition->followed_by != NULL) {
        sim_event_plan(machine->sim, &partition->followed_by->lost, 0);
    }
}

/* ---- Inboxes ---- */

bool partitions_in_memory(const char *dir)
{
    (void)dir;
    return true;
}

int inboxes_new(struct loop *loop, uid_t uid, gid_t gid, struct inboxes **out, struct err *err)
{
    struct inboxes *set = mem_alloc(sizeof(*set));

    (void)loop;
    (void)uid;
    (void)gid;
    if (set == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    set->machine = sim_machine_here();
    *out = set;
    return 0;
}

void inboxes_free(struct inboxes *set)
{
    if (set != NULL) {
        CHECK(set->followed == 0);
        free(set);
    }
}

static void on_arrived(void *ctx)
{
    struct partition_files *files = ctx;

    files->events.arrived(files->ctx);
}

static void on_lost(void *ctx)
{
    struct partition_files *files = ctx;

    files->events.lost(files->ctx);
}

static void on_touched(void *ctx)
{
    struct partition_files *files = ctx;

    files->events.touched(files->ctx);
}

/* The oldest entry, or NULL; of requests to join alone, when no configurations are wanted. */
static struct sim_inbox_entry *oldest(struct sim_partition *partition, bool configs)
{
    struct sim_inbox_entry *best = NULL;
    size_t i;

    for (i = configs ? 0 : INBOX_RING; i < INBOX_ENTRIES_MAX; i++) {
        struct sim_inbox_entry *entry =
            i < INBOX_RING ? &partition->ring[i] : &partition->joins[i - INBOX_RING];

        if (entry->order != 0 && (best == NULL || entry->order < best->order)) {
            best = entry;
        }
    }
    return best;
}

static size_t entries_in(const struct sim_partition *partition)
{
    size_t count = 0;
    size_t i;

    for (i = 0; partition != NULL && i < INBOX_RING; i++) {
        count += partition->ring[i].order != 0 ? 1 : 0;
    }
    return count;
}

/* The oldest configurations go unread when there are more than `max`. */
static size_t drop_oldest(struct sim_partition *partition, size_t max)
{
    size_t count = entries_in(partition);
    size_t dropped = 0;

    for (; max < count - dropped; dropped++) {
        struct sim_inbox_entry *entry = NULL;
        size_t i;

        for (i = 0; i < INBOX_RING; i++) {
            if (partition->ring[i].order != 0 &&
                (entry == NULL || partition->ring[i].order < entry->order)) {
                entry = &partition->ring[i];
            }
        }
        free(entry->value);
        *entry = (struct sim_inbox_entry){ 0 };
    }
    return dropped;
}

size_t partition_files_take(struct partition_files *files, size_t configs_max,
                            partition_entry_fn *fn)
{
    struct sim *sim = files->machine->sim;
    struct sim_partition *partition = sim_partition_find(files->machine, files->dir);
    size_t dropped = configs_max == 0 ? 0 : drop_oldest(partition, configs_max);
    struct sim_inbox_entry *entry;

    while (partition != NULL && (entry = oldest(partition, 0 < configs_max)) != NULL &&
           sim_effect_begins(sim, "take something out of the inbox")) {
        CLEANUP(mem_free_p) char *value = TAKE(entry->value);
        struct inbox_entry taken = { .kind = entry->uid[0] == '\0' ? INBOX_CONFIG : INBOX_JOIN,
                                     .value = value,
                                     .value_bytes = entry->value_bytes };

        memcpy(taken.uid, entry->uid, sizeof(taken.uid));
        *entry = (struct sim_inbox_entry){ 0 };
        sim_effect_ends(sim);
        fn(files->ctx, &taken, NULL);
    }
    return dropped;
}

/* ---- Files ---- */

int partition_files_open(struct inboxes *set, const char *root, const char *cluster, uint32_t slot,
                         const struct partition_files_events *events, void *ctx,
                         struct partition_files **out, struct err *err)
{
    struct partition_files *files;
    struct sim_partition *partition;
    char number[SLOT_TEXT_SIZE];

    if (!sim_effect_begins(set->machine->sim, "make a partition")) {
        return err_set(err, ERR_IO, "dead");
    }
    files = mem_alloc(sizeof(*files));
    if (files == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    slot_format(slot, number);
    files->set = set;
    files->machine = set->machine;
    if (cluster == NULL) {
        (void)snprintf(files->dir, PATH_BYTES, "%s", root);
    } else {
        (void)snprintf(files->dir, PATH_BYTES, "%s/%s/%s", root, cluster, number);
    }
    (void)snprintf(files->inbox, PATH_BYTES, "%.*s/inbox", PATH_BYTES - 16, files->dir);
    (void)snprintf(files->segment, PATH_BYTES, "%.*s/segment", PATH_BYTES - 16, files->dir);
    files->events = *events;
    files->ctx = ctx;
    sim_event_init(&files->arrived, sim_running(set->machine->sim), on_arrived, files);
    sim_event_init(&files->lost, sim_running(set->machine->sim), on_lost, files);
    sim_event_init(&files->touched, sim_running(set->machine->sim), on_touched, files);
    partition = make_partition(set->machine, files->dir);
    if (!partition->has_segment) {
        partition->has_segment = true;
        copy_set(&partition->segment, &(struct segment_cell){ 0 }, ++set->machine->generations);
    }
    set->followed++;
    sim_effect_ends(set->machine->sim);
    *out = files;
    return 0;
}

void partition_files_free(struct partition_files *files)
{
    struct sim_partition *partition;

    if (files == NULL) {
        return;
    }
    sim_event_cancel(files->machine->sim, &files->arrived);
    sim_event_cancel(files->machine->sim, &files->lost);
    sim_event_cancel(files->machine->sim, &files->touched);
    partition = sim_partition_find(files->machine, files->dir);
    if (partition != NULL && partition->followed_by == files) {
        partition->followed_by = NULL;
    }
    files->set->followed--;
    free(files);
}

void partition_files_remove(struct partition_files *files)
{
    struct sim_machine *machine = files->machine;
    struct sim_partition *partition = sim_partition_find(machine, files->dir);

    if (partition != NULL && sim_effect_begins(machine->sim, "remove a partition")) {
        partition_drop(machine, partition);
        sim_effect_ends(machine->sim);
    }
    partition_files_free(files);
}

const char *partition_files_dir(const struct partition_files *files)
{
    return files->dir;
}

const char *partition_files_segment(const struct partition_files *files)
{
    return files->segment;
}

const char *partition_files_inbox(const struct partition_files *files)
{
    return files->inbox;
}

int partition_files_make(struct partition_files *files, struct err *err)
{
    struct sim *sim = files->machine->sim;
    struct sim_partition *partition = sim_partition_find(files->machine, files->dir);

    if (partition != NULL && partition->has_inbox && partition->followed_by == files) {
        return 0;
    }
    if (!sim_effect_begins(sim, "make an inbox")) {
        return err_set(err, ERR_IO, "dead");
    }
    partition = make_partition(files->machine, files->dir);
    if (!partition->has_tally) {
        partition->has_tally = true;
        partition->tally_since_s = partition->version_max == 0 ? 0 : clock_mono_ms() / MS_PER_S;
    }
    partition->has_inbox = true;
    partition->followed_by = files;
    sim_effect_ends(sim);
    return 0;
}

bool partition_files_closed(const struct partition_files *files)
{
    (void)files;
    return false;
}

bool partition_files_lack_inbox(const struct partition_files *files)
{
    const struct sim_partition *partition = sim_partition_find(files->machine, files->dir);

    return partition == NULL || !partition->has_inbox;
}

bool partition_files_tally(struct partition_files *files, uint64_t now_s,
                           struct tally_counters *counters, struct pollers *pollers,
                           uint64_t *since_s)
{
    const struct sim_partition *partition = sim_partition_find(files->machine, files->dir);
    size_t i;

    *counters = (struct tally_counters){ .started_s = 1 };
    *since_s = now_s;
    if (partition == NULL || !partition->has_tally) {
        return false;
    }
    for (i = 0; i < partition->tally.count; i++) {
        CHECK(pollers_note(pollers, &partition->tally.rows[i], NULL) != POLLERS_NONE);
    }
    *since_s = partition->tally_since_s;
    return true;
}

/* Each memcached of the world has a module that counts, from its start on. */
void partition_files_uncount(struct partition_files *files)
{
    (void)files;
}

bool partition_files_hold(const struct partition_files *files, const struct segment_cell *cell)
{
    const struct sim_partition *partition = sim_partition_find(files->machine, files->dir);

    return partition != NULL && partition->has_segment &&
           partition->segment.cell.version == cell->version &&
           partition->segment.cell.payload_bytes == cell->payload_bytes &&
           partition->segment.cell.record_bytes == cell->record_bytes &&
           (cell->version == 0 ||
            (memcmp(partition->segment.cell.payload, cell->payload, cell->payload_bytes) == 0 &&
             memcmp(partition->segment.cell.record, cell->record, cell->record_bytes) == 0));
}

int partition_files_write(struct partition_files *files, const struct segment_cell *cell,
                          struct err *err)
{
    struct sim_machine *machine = files->machine;
    struct sim_partition *partition;

    if (!sim_effect_begins(machine->sim, "write a segment")) {
        return err_set(err, ERR_IO, "dead");
    }
    partition = make_partition(machine, files->dir);
    partition->has_segment = true;
    copy_set(&partition->segment, cell, ++machine->generations);
    machine->world.in_force(machine->world.ctx, machine, files->dir, cell);
    touch(machine, partition);
    sim_effect_ends(machine->sim);
    return 0;
}

int partition_files_renew(struct partition_files *files, const struct segment_cell *cell,
                          uint32_t takes_back, struct err *err)
{
    (void)takes_back;
    return partition_files_write(files, cell, err);
}

void partition_files_read(const struct partition_files *files, struct segment_head *head,
                          char **bytes)
{
    const struct sim_partition *partition = sim_partition_find(files->machine, files->dir);
    const struct segment_cell *cell;

    *bytes = NULL;
    if (partition == NULL || !partition->has_segment || partition->segment.cell.version == 0) {
        return;
    }
    cell = &partition->segment.cell;
    *head = (struct segment_head){ .version = cell->version,
                                   .payload_bytes = (uint32_t)cell->payload_bytes,
                                   .record_bytes = (uint32_t)cell->record_bytes };
    *bytes = mem_alloc(cell->payload_bytes + cell->record_bytes + 1);
    if (*bytes != NULL) {
        memcpy(*bytes, partition->segment.bytes, cell->payload_bytes + cell->record_bytes);
    }
}
