#include "show/peers_told.h"

#include <stdio.h>
#include <string.h>

#include "model/name.h"
#include "show/output.h"
#include "show/table.h"

#define AGE_TEXT_SIZE 24

/* ---- Asking ---- */

int peers_ask(const struct node_asker *asker, const struct cluster_facts *cluster,
              struct arena *arena, struct peers_told *out, struct err *err)
{
    struct peers_told told = { .count = 0 };
    size_t i;
    int rv;

    /* NOLINTNEXTLINE(bugprone-sizeof-expression): a list of pointers */
    told.of = arena_calloc(arena, cluster->nodes_count + 1, sizeof(*told.of));
    told.answers = arena_calloc(arena, cluster->nodes_count + 1, sizeof(*told.answers));
    if (told.of == NULL || told.answers == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    for (i = 0; i < cluster->nodes_count; i++) {
        const struct node_facts *node = facts_shown(cluster, i);

        if (node->report != NULL && node->report->state != NODE_STOPPED) {
            told.of[told.count] = node;
            told.answers[told.count].ip = node->report->ip;
            told.answers[told.count].port = node->report->discovery_port;
            told.count++;
        }
    }
    rv = ask_nodes(asker, "peers", told.answers, told.count, arena, err);
    if (rv == 0) {
        *out = told;
    }
    return rv;
}

/* ---- What they told ---- */

static struct peer_told *find(struct peer_told *list, size_t *count, uint32_t slot)
{
    size_t i;

    for (i = 0; i < *count; i++) {
        if (list[i].slot == slot) {
            return &list[i];
        }
    }
    if (*count == REPORT_PEERS_MAX) {
        return NULL;
    }
    list[*count] = (struct peer_told){ .slot = slot };
    return &list[(*count)++];
}

static void take(struct peer_told *peer, const char *field, uint64_t number)
{
    if (strcmp(field, "subscribed") == 0) {
        peer->subscribed = number != 0;
    } else if (strcmp(field, "reachable") == 0) {
        peer->looked = true;
        peer->reachable = number != 0;
    } else if (strcmp(field, "unreachable") == 0) {
        peer->unreachable = number != 0;
    } else if (strcmp(field, "version") == 0) {
        peer->version = number < UINT32_MAX ? (uint32_t)number : 0;
    } else if (strcmp(field, "changed_ms_ago") == 0) {
        peer->changed = true;
        peer->changed_ms_ago = number;
    } else if (strcmp(field, "lag_ms") == 0) {
        peer->lag_ms = number;
    } else if (strcmp(field, "repairs") == 0) {
        peer->repairs = number;
    }
}

/* "<slot>:<field>" */
static const char *split(char *name, uint32_t *slot)
{
    char *colon = strchr(name, ':');

    if (colon == NULL) {
        return NULL;
    }
    *colon = '\0';
    return slot_parse(name, slot) ? colon + 1 : NULL;
}

size_t peers_parse(const char *rows, struct peer_told out[REPORT_PEERS_MAX])
{
    char name[ASK_NODES_NAME_SIZE];
    char value[ASK_NODES_VALUE_SIZE];
    size_t count = 0;
    uint32_t slot;

    while (answer_row(&rows, name, value)) {
        const char *field = split(name, &slot);
        struct peer_told *peer = field == NULL ? NULL : find(out, &count, slot);
        uint64_t number;

        if (peer != NULL && text_to_u64(value, 0, UINT64_MAX, &number)) {
            take(peer, field, number);
        }
    }
    return count;
}

/* ---- Saying it ---- */

static const char *state_of(const struct peer_told *peer)
{
    if (peer->unreachable) {
        return "unreachable";
    }
    if (!peer->looked) {
        return "new";
    }
    if (!peer->reachable) {
        return "silent";
    }
    return peer->subscribed ? "watched" : "polled";
}

static void add_peer(struct table *table, uint32_t slot, const struct peer_told *peer)
{
    char age[AGE_TEXT_SIZE] = "";

    table_addf(table, "%04u", slot);
    table_addf(table, "%04u", peer->slot);
    table_add(table, state_of(peer));
    table_addf(table, "%u", peer->version);
    if (peer->changed) {
        output_age(peer->changed_ms_ago, 0, age, sizeof(age));
    }
    table_add(table, age);
    table_addf(table, "%llums", (unsigned long long)peer->lag_ms);
    table_addf(table, "%llu", (unsigned long long)peer->repairs);
}

static void add_unknown(struct table *table, uint32_t slot, const char *peer, const char *state)
{
    table_addf(table, "%04u", slot);
    table_add(table, peer);
    table_add(table, state);
    table_add(table, "");
    table_add(table, "");
    table_add(table, "");
    table_add(table, "");
}

/* Its report is all that is left. */
static void add_silent(struct table *table, const struct node_facts *node)
{
    size_t i;

    for (i = 0; i < node->report->unreachable_count; i++) {
        add_unknown(table, node->slot, node->report->unreachable[i], "unreachable");
    }
    if (i == 0) {
        add_unknown(table, node->slot, "", "");
    }
}

int peers_describe(const struct peers_told *told, struct arena *arena, struct str *out,
                   struct err *err)
{
    static const char *const headings[] = { "SLOT",    "WATCHES", "STATE",   "VERSION",
                                            "CHANGED", "LAG",     "REPAIRS", NULL };
    struct peer_told peers[REPORT_PEERS_MAX];
    struct table table;
    size_t count;
    size_t i;
    size_t j;

    if (told->count == 0) {
        str_append_text(out, "Peers:         none yet\n");
        return 0;
    }
    table_init(&table, arena, headings);
    for (i = 0; i < told->count; i++) {
        if (told->answers[i].rows == NULL) {
            add_silent(&table, told->of[i]);
            continue;
        }
        count = peers_parse(told->answers[i].rows, peers);
        for (j = 0; j < count; j++) {
            add_peer(&table, told->of[i]->slot, &peers[j]);
        }
    }
    str_append_text(out, "Peers:\n");
    return table_render(&table, 2, out, err);
}
