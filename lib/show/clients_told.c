#include "show/clients_told.h"

#include <stdlib.h>
#include <string.h>

#include "memd/clients.h"

#define MS_PER_S 1000U

/* ---- Asking ---- */

static int ask(const struct node_asker *asker, struct clients_told *told, struct arena *arena,
               struct err *err)
{
    struct node_answer *answers = arena_calloc(arena, told->nodes_count + 1, sizeof(*answers));
    size_t i;
    int rv;

    if (answers == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    for (i = 0; i < told->nodes_count; i++) {
        answers[i].ip = told->nodes[i].node->report->ip;
        answers[i].port = told->nodes[i].node->report->discovery_port;
    }
    rv = ask_nodes(asker, "clients", answers, told->nodes_count, arena, err);
    for (i = 0; 0 <= rv && i < told->nodes_count; i++) {
        told->nodes[i].answer = answers[i];
    }
    return rv;
}

int clients_ask(const struct node_asker *asker, const struct cluster_facts *cluster,
                uint64_t now_ms, struct arena *arena, struct clients_told *out, struct err *err)
{
    struct clients_told told = { .count = 0 };
    size_t i;
    int rv;

    told.nodes = arena_calloc(arena, cluster->nodes_count + 1, sizeof(*told.nodes));
    if (told.nodes == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    for (i = 0; i < cluster->nodes_count; i++) {
        const struct node_facts *node = facts_shown(cluster, i);

        if (node->report != NULL && node->report->state != NODE_STOPPED) {
            told.nodes[told.nodes_count++].node = node;
        }
    }
    rv = ask(asker, &told, arena, err);
    if (0 <= rv) {
        rv = clients_gather(&told, now_ms, arena, err);
    }
    if (0 <= rv) {
        *out = told;
    }
    return rv;
}

/* ---- What they told ---- */

static int by_peer(const void *a, const void *b)
{
    const struct poller *left = a;
    const struct poller *right = b;

    return memcmp(&left->peer, &right->peer, sizeof(left->peer));
}

/* Who is behind stands first. */
static int by_version(const void *a, const void *b)
{
    const struct poller *left = a;
    const struct poller *right = b;

    if (left->version != right->version) {
        return left->version < right->version ? -1 : 1;
    }
    return by_peer(a, b);
}

static int keep(const struct pollers *pollers, int (*order)(const void *, const void *),
                struct arena *arena, const struct poller **out, struct err *err)
{
    struct poller *rows = arena_calloc(arena, pollers->count + 1, sizeof(*rows));

    if (rows == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    if (0 < pollers->count) {
        memcpy(rows, pollers->rows, pollers->count * sizeof(*rows));
        qsort(rows, pollers->count, sizeof(*rows), order);
    }
    *out = rows;
    return 0;
}

static int take_answer(struct clients_of_node *node, uint64_t now_s, struct pollers *all,
                       struct arena *arena, struct err *err)
{
    CLEANUP(pollers_deinit) struct pollers pollers = { .max = CLIENTS_TOLD_MAX };
    uint64_t since_s;
    struct err problem;
    size_t i;

    if (node->answer.rows == NULL) {
        return 0;
    }
    if (clients_read(node->answer.rows, strlen(node->answer.rows), now_s, &pollers, &since_s,
                     &problem) < 0) {
        node->answer.rows = NULL;
        node->answer.problem = arena_strdup(arena, problem.msg);
        return node->answer.problem == NULL ? err_set(err, ERR_NOMEM, "out of memory") : 0;
    }
    for (i = 0; i < pollers.count; i++) {
        (void)pollers_note(all, &pollers.rows[i], NULL);
    }
    node->count = pollers.count;
    return keep(&pollers, by_peer, arena, &node->rows, err);
}

int clients_gather(struct clients_told *told, uint64_t now_ms, struct arena *arena, struct err *err)
{
    CLEANUP(pollers_deinit) struct pollers all = { .max = CLIENTS_TOLD_MAX };
    size_t i;
    int rv = 0;

    for (i = 0; 0 <= rv && i < told->nodes_count; i++) {
        rv = take_answer(&told->nodes[i], now_ms / MS_PER_S, &all, arena, err);
    }
    told->count = all.count;
    return rv < 0 ? rv : keep(&all, by_version, arena, &told->rows, err);
}

bool clients_nobody_tells(const struct clients_told *told)
{
    size_t i;

    for (i = 0; i < told->nodes_count; i++) {
        if (told->nodes[i].answer.rows != NULL) {
            return false;
        }
    }
    return 0 < told->nodes_count;
}

bool clients_knows(const struct clients_of_node *node, const struct poller *client)
{
    return 0 < node->count &&
           bsearch(client, node->rows, node->count, sizeof(*client), by_peer) != NULL;
}
