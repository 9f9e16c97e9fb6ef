#include "sim/sim_spread.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "discovery/names.h"
#include "sim/sim_joiner.h"
#include "watcher/ring.h"

#define NODES_MAX 1024
#define WRITTEN_MAX 4096
/* The same to the same place at most so often in this time, by each node of a host: with pauses
 * that double from 2 s on, and some more when the other side is seen anew. */
#define WRITES_WITHIN_MS 60000
#define WRITES_MAX 10

/* ---- Who has what ---- */

struct place {
    struct sim_node node;
    char ip[IPV4_TEXT_SIZE];
    const struct sim_record *record; /* NULL: it serves nothing */
    const struct sim_order *order;
};

struct look {
    struct sim_nodes *nodes;
    struct place *places;
    size_t count;
};

static void gather(void *ctx, const struct sim_node *node)
{
    struct look *look = ctx;
    struct place *place = &look->places[look->count];

    if (!node->answers || !node->watched) {
        return;
    }
    CHECK(look->count++ < NODES_MAX);
    place->node = *node;
    (void)snprintf(place->ip, sizeof(place->ip), "%s", node->ip);
    place->record = node->cell == NULL ? NULL : sim_record_of(look->nodes, node->cell);
    place->order = sim_order_of(look->nodes, node->host, node->cluster, node->slot);
}

static const struct place *find_place(const struct look *look, const char *cluster,
                                      const struct member *member)
{
    size_t i;

    for (i = 0; i < look->count; i++) {
        const struct place *place = &look->places[i];

        if (place->node.data_port == member->port && strcmp(place->ip, member->ip) == 0 &&
            place->node.slot == member->slot && strcmp(place->node.cluster, cluster) == 0) {
            return place;
        }
    }
    return NULL;
}

/* One that serves nothing may wait for another incarnation of its cluster, if there ever was one.
 */
static bool was_made_again(const struct sim_nodes *nodes, const char *cluster)
{
    const struct sim_record *it;
    const char *uid = NULL;

    for (it = nodes->records; it != NULL; it = it->next) {
        if (strcmp(it->config.head.cluster, cluster) == 0) {
            if (uid != NULL && strcmp(uid, it->config.head.uid) != 0) {
                return true;
            }
            uid = it->config.head.uid;
        }
    }
    return false;
}

/* Whether one could give the other what it has: it is of that incarnation, and newer than all that
 * was ever there. */
static bool is_wanted(const struct look *look, const struct place *from, const struct place *to)
{
    const struct config_draft *head = from->record == NULL ? NULL : &from->record->config.head;

    if (head == NULL || to->order == NULL || head->version < to->order->version_max) {
        return false;
    }
    if (to->record == NULL) {
        return strcmp(to->order->start.uid, head->uid) == 0 &&
               !was_made_again(look->nodes, head->cluster);
    }
    return strcmp(to->record->config.head.uid, head->uid) == 0 &&
           to->record->config.head.version < head->version &&
           to->record->config.head.epoch <= head->epoch;
}

static void look_at(const struct look *look, const struct place *place, char *out, size_t size)
{
    const struct config_draft *head = &place->record->config.head;
    const struct ring_self self = { place->node.slot, place->ip, place->node.data_port };
    size_t successors[RING_SUCCESSORS];
    size_t count = ring_successors(head->members, head->members_count, &self, successors);
    const struct sim *sim = look->nodes->sim;
    size_t i;

    for (i = 0; i < count; i++) {
        const struct place *peer = find_place(look, head->cluster, &head->members[successors[i]]);

        if (peer != NULL && sim_carries(sim, place->node.place, peer->node.place) &&
            sim_carries(sim, peer->node.place, place->node.place) &&
            (is_wanted(look, place, peer) || is_wanted(look, peer, place))) {
            (void)snprintf(out, size, "%s/%u on %s serves version %u and watches %u on %s, at %u",
                           head->cluster, place->node.slot, place->node.host, place->node.version,
                           peer->node.slot, peer->node.host, peer->node.version);
        }
    }
}

const char *sim_spread_lag(struct sim_nodes *nodes)
{
    struct look look = { .nodes = nodes };
    size_t i;

    look.places = mem_calloc(NODES_MAX, sizeof(*look.places));
    CHECK(look.places != NULL);
    nodes->lag[0] = '\0';
    sim_nodes_each(nodes, gather, &look);
    for (i = 0; i < look.count && nodes->lag[0] == '\0'; i++) {
        if (look.places[i].record != NULL) {
            look_at(&look, &look.places[i], nodes->lag, sizeof(nodes->lag));
        }
    }
    free(look.places);
    return nodes->lag;
}

/* ---- Who writes how often ---- */

struct written {
    const struct sim_party *writer;
    uint32_t incarnation;
    uint32_t ip;
    uint16_t port;
    uint64_t content;
    uint64_t at_ms;
};

static bool same_write(const struct written *a, const struct written *b)
{
    return a->writer == b->writer && a->incarnation == b->incarnation && a->ip == b->ip &&
           a->port == b->port && a->content == b->content;
}

static void drop_old(struct sim_writes *writes, uint64_t now_ms)
{
    size_t old = 0;

    while (old < writes->list_count && writes->list[old].at_ms + WRITES_WITHIN_MS < now_ms) {
        old++;
    }
    if (old == 0 && writes->list_count == WRITTEN_MAX) {
        old = 1;
    }
    writes->list_count -= old;
    memmove(writes->list, writes->list + old, writes->list_count * sizeof(*writes->list));
}

/* How many nodes its watcher looks after, at least one. */
static unsigned nodes_of(const struct sim_party *writer)
{
    const struct sim_partition *it;
    unsigned count = 0;

    CHECK(writer->machine != NULL);
    for (it = writer->machine->partitions; it != NULL; it = it->next) {
        count++;
    }
    return count == 0 ? 1 : count;
}

void sim_spread_wrote(void *ctx, uint32_t ip, uint16_t port, const struct sim_request *request)
{
    struct sim_nodes *nodes = ctx;
    struct sim_writes *writes = &nodes->writes;
    const struct sim_party *writer = sim_running(nodes->sim);
    struct written written = { .writer = writer,
                               .incarnation = writer->incarnation,
                               .ip = ip,
                               .port = port,
                               .content = sim_hash(request->value, request->value_bytes),
                               .at_ms = sim_now_ms(nodes->sim) };
    char text[IPV4_TEXT_SIZE];
    unsigned same = 1;
    size_t i;

    if (strcmp(request->key, KEY_RECORD) != 0) {
        sim_joiner_asked(nodes, writer, request->value, request->value_bytes);
        return;
    }
    if (writes->list == NULL) {
        writes->list = mem_calloc(WRITTEN_MAX, sizeof(*writes->list));
        CHECK(writes->list != NULL);
    }
    drop_old(writes, written.at_ms);
    for (i = 0; i < writes->list_count; i++) {
        same += same_write(&writes->list[i], &written) ? 1 : 0;
    }
    writes->list[writes->list_count++] = written;
    writes->count++;
    writes->last_ms = written.at_ms;
    ipv4_format(ip, text);
    sim_trace(nodes->sim, "writes %zu bytes to %s:%u", request->value_bytes, text, port);
    if (WRITES_MAX * nodes_of(writer) < same) {
        sim_broken(nodes->sim, "P2", "%s writes the same to %s:%u %u times in %u s", writer->name,
                   text, port, same, WRITES_WITHIN_MS / 1000);
    }
}

uint64_t sim_nodes_writes(const struct sim_nodes *nodes)
{
    return nodes->writes.count;
}

uint64_t sim_nodes_changes(const struct sim_nodes *nodes)
{
    return nodes->changes;
}

uint64_t sim_nodes_commits(const struct sim_nodes *nodes)
{
    return nodes->commits;
}

void sim_spread_deinit(struct sim_writes *writes)
{
    free(writes->list);
}
