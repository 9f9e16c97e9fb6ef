#include "show/node_load.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/units.h"
#include "show/json_out.h"
#include "show/output.h"

#define NS_PER_S UINT64_C(1000000000)
#define CELL_SIZE 32

/* ---- Sampling ---- */

static void take_node(const struct cluster_facts *cluster, const struct node_facts *node,
                      struct node_load *out)
{
    *out = (struct node_load){ .slot = node->slot,
                               .port = node->report->data_port,
                               .problem = "it was not asked" };
    (void)snprintf(out->cluster, sizeof(out->cluster), "%s", cluster->name);
    (void)snprintf(out->host, sizeof(out->host), "%s", node->host);
    (void)snprintf(out->ip, sizeof(out->ip), "%s", node->report->ip);
}

int load_sample_of(const struct facts *facts, const char *name, struct arena *arena,
                   struct load_sample *out, struct err *err)
{
    const struct cluster_facts *cluster;
    struct load_sample made = { .count = 0 };
    size_t count = 0;
    size_t i;

    for (cluster = facts->clusters; cluster != NULL; cluster = cluster->next) {
        count += cluster->nodes_count;
    }
    made.nodes = arena_calloc(arena, count + 1, sizeof(*made.nodes));
    if (made.nodes == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for %zu nodes", count);
    }
    for (cluster = facts->clusters; cluster != NULL; cluster = cluster->next) {
        for (i = 0; i < cluster->nodes_count; i++) {
            const struct node_facts *node = facts_shown(cluster, i);

            if (node->report != NULL && node->report->data_port != 0 &&
                (name == NULL || strcmp(name, cluster->name) == 0)) {
                take_node(cluster, node, &made.nodes[made.count++]);
            }
        }
    }
    *out = made;
    return 0;
}

void load_read(const char *rows, struct load_counters *out)
{
    char name[ASK_NODES_NAME_SIZE];
    char value[ASK_NODES_VALUE_SIZE];
    struct {
        const char *name;
        uint64_t *counter;
    } counters[] = {
#define X(text, member) { text, &out->member },
        LOAD_COUNTERS(X)
#undef X
    };
    size_t i;

    *out = (struct load_counters){ 0 };
    while (answer_row(&rows, name, value)) {
        for (i = 0; i < ARRAY_COUNT(counters); i++) {
            uint64_t number;

            if (strcmp(name, counters[i].name) == 0 && text_to_u64(value, 0, UINT64_MAX, &number)) {
                *counters[i].counter = number;
            }
        }
    }
}

int load_sample_ask(struct loop *loop, struct load_sample *sample, struct arena *arena,
                    struct err *err)
{
    const struct node_asker asker = { .loop = loop };
    struct node_answer *answers = arena_calloc(arena, sample->count + 1, sizeof(*answers));
    uint64_t now_ns = clock_mono_ns();
    size_t i;
    int rv;

    if (answers == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for %zu nodes", sample->count);
    }
    for (i = 0; i < sample->count; i++) {
        answers[i].ip = sample->nodes[i].ip;
        answers[i].port = sample->nodes[i].port;
    }
    rv = ask_nodes(&asker, "", answers, sample->count, arena, err);
    for (i = 0; 0 <= rv && i < sample->count; i++) {
        struct node_load *node = &sample->nodes[i];

        node->at_ns = now_ns;
        node->answers = answers[i].rows != NULL;
        node->problem = answers[i].problem == NULL ? "" : answers[i].problem;
        if (node->answers) {
            load_read(answers[i].rows, &node->now);
        }
    }
    return rv;
}

static bool is_same(const struct node_load *a, const struct node_load *b)
{
    return a->slot == b->slot && a->port == b->port && strcmp(a->ip, b->ip) == 0 &&
           strcmp(a->cluster, b->cluster) == 0;
}

static void compare(struct node_load *node, const struct node_load *before)
{
    uint64_t *since[] = {
#define X(text, member) &node->since.member,
        LOAD_COUNTERS(X)
#undef X
    };
    const uint64_t now[] = {
#define X(text, member) node->now.member,
        LOAD_COUNTERS(X)
#undef X
    };
    const uint64_t then[] = {
#define X(text, member) before->now.member,
        LOAD_COUNTERS(X)
#undef X
    };
    size_t i;

    if (!node->answers || !before->answers || node->now.uptime_s < before->now.uptime_s ||
        node->at_ns <= before->at_ns) {
        return;
    }
    for (i = 0; i < ARRAY_COUNT(since); i++) {
        *since[i] = then[i] <= now[i] ? now[i] - then[i] : 0;
    }
    node->compared = true;
    node->passed_ns = node->at_ns - before->at_ns;
}

void load_compare(struct load_sample *sample, const struct load_sample *before)
{
    size_t i;
    size_t k;

    for (i = 0; i < sample->count; i++) {
        for (k = 0; k < before->count; k++) {
            /* Mostly at the same place. */
            const struct node_load *other = &before->nodes[(i + k) % before->count];

            if (is_same(&sample->nodes[i], other)) {
                compare(&sample->nodes[i], other);
                break;
            }
        }
    }
}

/* ---- What it comes to ---- */

static uint64_t commands(const struct load_counters *c)
{
    return c->gets + c->sets + c->touches + c->flushes + c->delete_hits + c->delete_misses;
}

struct load_sum {
    size_t nodes;
    size_t answering;
    bool compared;
    uint64_t passed_ns; /* the longest of the times between samples */
    struct load_counters now;
    struct load_counters since;
};

static void add_counters(struct load_counters *to, const struct load_counters *of)
{
#define X(text, member) to->member += of->member;
    LOAD_COUNTERS(X)
#undef X
}

static void add_node(struct load_sum *sum, const struct node_load *node)
{
    sum->nodes++;
    if (!node->answers) {
        return;
    }
    sum->answering++;
    add_counters(&sum->now, &node->now);
    if (node->compared) {
        sum->compared = true;
        sum->passed_ns = sum->passed_ns < node->passed_ns ? node->passed_ns : sum->passed_ns;
        add_counters(&sum->since, &node->since);
    }
}

/* The nodes from `i` on that are to be one row; returns where the next row begins. */
static size_t sum_row(const struct load_sample *sample, size_t i, bool of_clusters,
                      struct load_sum *out)
{
    size_t first = i;

    *out = (struct load_sum){ .nodes = 0 };
    do {
        add_node(out, &sample->nodes[i]);
        i++;
    } while (of_clusters && i < sample->count &&
             strcmp(sample->nodes[i].cluster, sample->nodes[first].cluster) == 0);
    return i;
}

/* Thousandths. */
static uint32_t hit_rate(const struct load_counters *c)
{
    return (uint32_t)(c->hits * 1000 / (c->hits + c->misses));
}

static uint64_t per_second(const struct load_sum *sum, uint64_t count)
{
    return (count * 1000 + sum->passed_ns / 2000000) / (sum->passed_ns / 1000000 + 1);
}

/* ---- Told ---- */

static void add_rate(struct table *table, bool known, const struct load_counters *c)
{
    if (!known || c->hits + c->misses == 0) {
        table_add(table, "");
    } else {
        table_addf(table, "%u.%u%%", hit_rate(c) / 10, hit_rate(c) % 10);
    }
}

static void add_per_second(struct table *table, const struct load_sum *sum, uint64_t count)
{
    if (!sum->compared) {
        table_add(table, "");
    } else {
        table_addf(table, "%llu", (unsigned long long)per_second(sum, count));
    }
}

static void add_number(struct table *table, bool known, uint64_t number)
{
    if (!known) {
        table_add(table, "");
    } else {
        table_addf(table, "%llu", (unsigned long long)number);
    }
}

static void add_memory(struct table *table, bool known, const struct load_counters *c)
{
    char used[UNITS_TEXT_SIZE];
    char most[UNITS_TEXT_SIZE];

    if (!known) {
        table_add(table, "");
        return;
    }
    size_format_short(c->bytes, used);
    size_format_short(c->bytes_max, most);
    table_addf(table, "%s/%s", used, most);
}

static void add_sum(struct table *table, const struct load_sum *sum)
{
    const bool known = 0 < sum->answering;

    add_rate(table, known, &sum->now);
    add_rate(table, sum->compared, &sum->since);
    add_per_second(table, sum, commands(&sum->since));
    add_per_second(table, sum, sum->since.evictions);
    add_number(table, known, sum->now.evictions);
    add_memory(table, known, &sum->now);
    add_number(table, known, sum->now.items);
    add_number(table, known, sum->now.connections);
}

#define LOAD_HEADINGS "HIT", "HIT NOW", "CMD/S", "EVICT/S", "EVICTIONS", "MEMORY", "ITEMS", "CONNS"

int load_table(const struct load_sample *sample, bool of_clusters, struct arena *arena,
               struct str *out, struct err *err)
{
    static const char *const of_nodes_headings[] = { "CLUSTER", "SLOT", "HOST", LOAD_HEADINGS,
                                                     NULL };
    static const char *const of_clusters_headings[] = { "CLUSTER", "NODES", LOAD_HEADINGS, NULL };
    struct load_sum sum;
    struct table table;
    size_t next;
    size_t i;
    int rv;

    table_init(&table, arena, of_clusters ? of_clusters_headings : of_nodes_headings);
    for (i = 0; i < sample->count; i = next) {
        const struct node_load *node = &sample->nodes[i];

        next = sum_row(sample, i, of_clusters, &sum);
        table_add(&table, node->cluster);
        if (of_clusters) {
            table_addf(&table, "%zu/%zu", sum.answering, sum.nodes);
        } else {
            table_addf(&table, "%04u", node->slot);
            table_add(&table, node->host);
        }
        add_sum(&table, &sum);
    }
    rv = table_render(&table, 0, out, err);
    for (i = 0; 0 <= rv && i < sample->count; i++) {
        const struct node_load *node = &sample->nodes[i];

        if (!node->answers) {
            str_appendf(out, "%s/%04u on %s at %s:%u does not answer: %s\n", node->cluster,
                        node->slot, node->host, node->ip, node->port, node->problem);
        }
    }
    return rv < 0 ? rv : str_check(out, err);
}

static void json_sum(struct json_out *json, const struct load_sum *sum)
{
    json_out_number(json, "uptimeSeconds", sum->now.uptime_s);
    json_out_number(json, "gets", sum->now.gets);
    json_out_number(json, "sets", sum->now.sets);
    json_out_number(json, "hits", sum->now.hits);
    json_out_number(json, "misses", sum->now.misses);
    json_out_number(json, "evictions", sum->now.evictions);
    json_out_number(json, "memoryBytes", sum->now.bytes);
    json_out_number(json, "memoryBytesMax", sum->now.bytes_max);
    json_out_number(json, "items", sum->now.items);
    json_out_number(json, "connections", sum->now.connections);
    if (0 < sum->now.hits + sum->now.misses) {
        json_out_thousandths(json, "hitRate", hit_rate(&sum->now));
    }
    if (sum->compared) {
        json_out_number(json, "commandsPerSecond", per_second(sum, commands(&sum->since)));
        json_out_number(json, "evictionsPerSecond", per_second(sum, sum->since.evictions));
    }
    if (sum->compared && 0 < sum->since.hits + sum->since.misses) {
        json_out_thousandths(json, "hitRateNow", hit_rate(&sum->since));
    }
}

void load_json(const struct load_sample *sample, bool of_clusters, struct str *out)
{
    struct json_out json = { .out = out };
    struct load_sum sum;
    size_t next;
    size_t i;

    json_out_open(&json, NULL, '[');
    for (i = 0; i < sample->count; i = next) {
        const struct node_load *node = &sample->nodes[i];

        next = sum_row(sample, i, of_clusters, &sum);
        json_out_open(&json, NULL, '{');
        json_out_text(&json, "cluster", node->cluster);
        if (of_clusters) {
            json_out_number(&json, "nodes", sum.nodes);
            json_out_number(&json, "answering", sum.answering);
        } else {
            json_out_slot(&json, "slot", node->slot);
            json_out_text(&json, "host", node->host);
            json_out_address(&json, "address", node->ip, node->port);
            json_out_bool(&json, "answers", node->answers);
        }
        if (0 < sum.answering) {
            json_sum(&json, &sum);
        } else if (!of_clusters) {
            json_out_text(&json, "problem", node->problem);
        }
        json_out_close(&json, '}');
    }
    json_out_close(&json, ']');
}
