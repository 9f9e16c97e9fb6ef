#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "support/keys_fixture.h"
#include "view/view_build.h"

#define CLUSTERS 3U
#define HOSTS 4U
#define SLOTS 4U
#define STEPS 1500U
#define CLAIMS_MAX 128
#define IP_FIRST 0x0a000001U /* 10.0.0.1, of the first host */

static const struct cluster_observations nothing_observed = { .slots = NULL };
static const char *const cluster_names[CLUSTERS] = { "a", "b", "c" };
static struct fixture f;

static void setup(void)
{
    fixture_start(&f, NULL);
}

static void teardown(void)
{
    fixture_end(&f);
}

TestSuite(places, .init = setup, .fini = teardown);

/* ---- What is taken, found the long way ---- */

/* A place by its texts. */
struct taken {
    const char *host;
    const char *ip;
    uint16_t data_port;
    uint64_t memory_bytes;
};

struct oracle {
    struct taken places[CLAIMS_MAX];
    size_t count;
};

static void oracle_add(struct oracle *oracle, struct taken taken)
{
    size_t i;

    for (i = 0; i < oracle->count; i++) {
        struct taken *known = &oracle->places[i];

        if (strcmp(known->host, taken.host) == 0 && strcmp(known->ip, taken.ip) == 0 &&
            known->data_port == taken.data_port) {
            if (known->memory_bytes < taken.memory_bytes) {
                known->memory_bytes = taken.memory_bytes;
            }
            return;
        }
    }
    cr_assert_lt(oracle->count, CLAIMS_MAX);
    oracle->places[oracle->count++] = taken;
}

static void oracle_add_cluster(struct oracle *oracle, const struct cluster_objects *keys)
{
    const struct object *object;

    for (object = keys->lists[KEY_INTENT]; object != NULL; object = object->next) {
        const struct intent *intent = &object->of.intent;

        oracle_add(oracle, (struct taken){ intent->host, intent->ip, intent->data_port,
                                           intent->settings.memory_bytes });
    }
    for (object = keys->lists[KEY_NODE]; object != NULL; object = object->next) {
        const struct node_report *report = &object->of.report;

        if (report->state != NODE_STOPPED) {
            oracle_add(oracle, (struct taken){ report->host, report->ip, report->data_port,
                                               report->settings.memory_bytes });
        }
    }
}

static void oracle_find(struct oracle *oracle, const char *own)
{
    size_t i;

    *oracle = (struct oracle){ .count = 0 };
    for (i = 0; i < f.objects.clusters_count; i++) {
        if (strcmp(f.objects.clusters[i]->name, own) != 0) {
            oracle_add_cluster(oracle, f.objects.clusters[i]);
        }
    }
}

static bool has_index(const struct host_view *host, const struct taken *taken)
{
    size_t i;

    for (i = 0; i < host->indexes_used_count; i++) {
        char text[IPV4_TEXT_SIZE];
        uint16_t data_port;
        uint32_t ip;

        cr_assert(host_endpoint(&host->host, host->indexes_used[i], &ip, &data_port));
        ipv4_format(ip, text);
        if (strcmp(text, taken->ip) == 0 && data_port == taken->data_port) {
            return true;
        }
    }
    return false;
}

static void check_host(const struct host_view *host, const struct oracle *oracle)
{
    uint64_t memory = 0;
    uint32_t nodes = 0;
    size_t i;

    for (i = 0; i < oracle->count; i++) {
        const struct taken *taken = &oracle->places[i];

        if (strcmp(taken->host, host->host.name) == 0) {
            nodes++;
            memory += taken->memory_bytes;
            cr_assert_eq(has_index(host, taken), host->present, "%s:%u", taken->ip,
                         taken->data_port);
        }
    }
    cr_assert_eq(host->nodes_used, nodes, "%u instead of %u on %s", host->nodes_used, nodes,
                 host->host.name);
    cr_assert_eq(host->memory_used, memory);
    cr_assert_eq(host->indexes_used_count, host->present ? nodes : 0);
    for (i = 1; i < host->indexes_used_count; i++) {
        cr_assert_lt(host->indexes_used[i - 1], host->indexes_used[i]);
    }
}

static void check_view(const char *cluster)
{
    struct oracle oracle;
    struct arena arena;
    struct view view;
    struct err err;
    size_t i;

    arena_init(&arena, 1U << 20);
    oracle_find(&oracle, cluster);
    cr_assert_eq(view_build(&f.objects, cluster, &nothing_observed, 7000, &arena, &view, &err), 0);
    for (i = 0; i < view.hosts_count; i++) {
        check_host(&view.hosts[i], &oracle);
        cr_assert(i == 0 || strcmp(view.hosts[i - 1].host.name, view.hosts[i].host.name) < 0);
    }
    arena_deinit(&arena);
}

/* ---- Random changes ---- */

static unsigned pick(unsigned below)
{
    return (unsigned)(random() % below);
}

/* Hosts with an even number have an address for each node, the others a port. */
static void place_pick(unsigned host, char ip[IPV4_TEXT_SIZE], uint16_t *data_port)
{
    unsigned index = pick(SLOTS);

    ipv4_format(IP_FIRST + (host << 8) + (host % 2 == 0 ? index : 0), ip);
    *data_port = (uint16_t)(host % 2 == 0 ? 11211 : 11211 + 2 * index);
}

static void change_host(unsigned host, const char *name)
{
    char path[64];
    char ip[IPV4_TEXT_SIZE];
    struct host value;

    (void)snprintf(path, sizeof(path), "hosts/%s", name);
    ipv4_format(IP_FIRST + (host << 8), ip);
    value = fixture_host(name, ip, host % 2 == 0 ? SLOTS : 1);
    fixture_put_host(&f, &value);
    if (pick(3) == 0) {
        fixture_gone(&f, path);
    } else if (pick(6) == 0) {
        fixture_put_text(&f, path, "garbage");
    }
}

static void change_intent(const char *cluster, unsigned host, const char *name)
{
    struct intent intent;
    char ip[IPV4_TEXT_SIZE];
    char path[64];
    uint16_t data_port;

    place_pick(host, ip, &data_port);
    intent = fixture_intent(cluster, 1 + pick(SLOTS), name, ip);
    intent.data_port = data_port;
    intent.discovery_port = (uint16_t)(data_port - 1);
    intent.phase = (enum intent_phase)pick(3);
    intent.settings.memory_bytes = (uint64_t)(64 + pick(3)) << 20;
    (void)snprintf(path, sizeof(path), "intent/%s/%s/%04u", name, cluster, intent.slot);
    fixture_put_intent(&f, &intent);
    if (pick(2) == 0) {
        fixture_gone(&f, path);
    }
}

static void change_report(const char *cluster, unsigned host, const char *name)
{
    struct node_report report;
    char ip[IPV4_TEXT_SIZE];
    uint16_t data_port;

    place_pick(host, ip, &data_port);
    report = fixture_report(cluster, 1 + pick(SLOTS), name, ip);
    report.data_port = data_port;
    report.discovery_port = (uint16_t)(data_port - 1);
    report.state = (enum node_state)pick(4);
    fixture_put_report(&f, &report);
}

static void change(void)
{
    unsigned host = pick(HOSTS);
    const char *cluster = cluster_names[pick(CLUSTERS)];
    char name[8];

    (void)snprintf(name, sizeof(name), "h%u", host);
    switch (pick(3)) {
    case 0:
        change_host(host, name);
        break;
    case 1:
        change_intent(cluster, host, name);
        break;
    default:
        change_report(cluster, host, name);
        break;
    }
}

Test(places, a_view_shows_what_a_look_at_all_keys_shows)
{
    unsigned step;
    unsigned i;

    srandom(1);
    for (step = 0; step < STEPS; step++) {
        change();
        for (i = 0; i < CLUSTERS; i++) {
            check_view(cluster_names[i]);
        }
    }
}

/* ---- The rest ---- */

Test(places, a_reservation_is_a_claim_until_it_is_released)
{
    struct host h1 = fixture_host("h1", "10.0.0.1", 16);
    struct intent wanted = fixture_intent("a", 1, "h1", "10.0.0.2");
    struct spec_record spec = fixture_spec("a");
    const struct places *places = &f.objects.places;
    struct err err;

    fixture_put_spec(&f, &spec);
    fixture_put_host(&f, &h1);
    cr_assert_eq(objects_reserve(&f.objects, &wanted, &err), 0);
    cr_assert_eq(places->hosts[0]->taken.nodes_used, 1);
    cr_assert_eq(places->told, 0, "it is not told yet");
    fixture_put_intent(&f, &wanted);
    cr_assert_eq(places->hosts[0]->taken.nodes_used, 1);
    objects_release(&f.objects, "a");
    cr_assert_eq(places->hosts[0]->taken.nodes_used, 1, "the intent is left");
    fixture_gone(&f, "intent/h1/a/0001");
    cr_assert_eq(places->hosts[0]->taken.nodes_used, 0);
}

/* Each allocation fails in turn: the claim either counts or does not, and nothing is left over. */
Test(places, a_claim_survives_every_allocation_failure)
{
    const struct claim claim = { .ip = 1, .data_port = 2, .cluster = 1, .memory_bytes = 3 };
    int n = 0;
    int rv;

    do {
        struct places places = { .hosts = NULL };
        struct host_places *host;
        struct err err;

        mem_fail_after(n++);
        rv = places_claim(&places, "h1", &claim, &host, &err);
        if (mem_has_failed()) {
            cr_assert_eq(rv, ERR_NOMEM);
            cr_assert_eq(places.count, 0);
        } else {
            cr_assert_eq(places.hosts[0]->taken.memory_used, 3);
            places_release(&places, host, &claim);
            cr_assert_eq(places.count, 0);
        }
        mem_fail_after(-1);
        places_deinit(&places);
    } while (rv < 0);
    cr_assert_gt(n, 4);
}
