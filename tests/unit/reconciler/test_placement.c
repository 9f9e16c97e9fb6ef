#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "model/name.h"
#include "reconciler/placement.h"
#include "world.h"

#define SLOTS 8

/* Where the slots 1.. of a new cluster go, as "h1 h2 …"; "-" where nothing fits. */
static const char *placed(struct world *w, uint32_t nodes)
{
    char text[128] = "";
    uint32_t slot;

    world_apply(w, nodes);
    world_run(w, WORLD_STEP_MS);
    for (slot = 1; slot <= nodes; slot++) {
        const char *host = "-";
        size_t i;

        for (i = 0; i < w->keys.intents_count; i++) {
            if (w->keys.intents[i].slot == slot) {
                host = w->keys.intents[i].host;
            }
        }
        (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s",
                       slot == 1 ? "" : " ", host);
    }
    return arena_strdup(&w->arena, text);
}

Test(placement, zones_are_filled_evenly_before_hosts)
{
    struct world w;

    world_init(&w, 4);
    w.hosts[0].host.zone = "a";
    w.hosts[1].host.zone = "a";
    w.hosts[2].host.zone = "a";
    w.hosts[3].host.zone = "b";
    world_apply(&w, 1);
    w.keys.spec.spec.spread_by = SPEC_SPREAD_ZONE;
    cr_expect_str_eq(placed(&w, 6), "h1 h4 h2 h4 h3 h4");
    world_deinit(&w);
}

Test(placement, hosts_are_filled_evenly_when_zones_do_not_count)
{
    struct world w;

    world_init(&w, 3);
    w.hosts[0].host.zone = "a";
    w.hosts[1].host.zone = "a";
    w.hosts[2].host.zone = "b";
    cr_expect_str_eq(placed(&w, 6), "h1 h2 h3 h1 h2 h3");
    world_deinit(&w);
}

Test(placement, each_node_has_its_own_address)
{
    struct world w;

    world_init(&w, 1);
    cr_expect_str_eq(placed(&w, 3), "h1 h1 h1");
    cr_expect_str_eq(w.keys.intents[0].ip, "10.0.1.1");
    cr_expect_str_eq(w.keys.intents[1].ip, "10.0.1.2");
    cr_expect_str_eq(w.keys.intents[2].ip, "10.0.1.3");
    cr_expect_eq(w.keys.intents[2].data_port, NODE_DATA_PORT);
    cr_expect_eq(w.keys.intents[2].discovery_port, NODE_DATA_PORT - 1);
    world_deinit(&w);
}

Test(placement, one_address_is_shared_by_ports)
{
    struct world w;

    world_init(&w, 1);
    w.hosts[0].host.ip_count = 1;
    cr_expect_str_eq(placed(&w, 3), "h1 h1 h1");
    cr_expect_str_eq(w.keys.intents[2].ip, "10.0.1.1");
    cr_expect_eq(w.keys.intents[2].data_port, NODE_DATA_PORT + 4);
    cr_expect_eq(w.keys.intents[2].discovery_port, NODE_DATA_PORT + 3);
    world_deinit(&w);
}

Test(placement, named_hosts_alone_are_used)
{
    static const char *const names[] = { "h2", "h9" };
    struct world w;

    world_init(&w, 3);
    world_apply(&w, 1);
    w.keys.spec.spec.hosts = names;
    w.keys.spec.spec.hosts_count = 2;
    cr_expect_str_eq(placed(&w, 2), "h2 h2");
    world_deinit(&w);
}

Test(placement, hosts_with_all_the_labels_alone_are_used)
{
    static const struct label wanted[] = { { "disk", "ssd" }, { "rack", "7" } };
    static const struct label both[] = { { "disk", "ssd" }, { "os", "12" }, { "rack", "7" } };
    static const struct label one[] = { { "disk", "ssd" } };
    struct world w;

    world_init(&w, 3);
    world_apply(&w, 1);
    w.keys.spec.spec.host_labels = wanted;
    w.keys.spec.spec.host_labels_count = 2;
    w.hosts[0].host.labels = one;
    w.hosts[0].host.labels_count = 1;
    w.hosts[2].host.labels = both;
    w.hosts[2].host.labels_count = 3;
    cr_expect_str_eq(placed(&w, 2), "h3 h3");
    world_deinit(&w);
}

/* ---- straight calls: what other clusters take, and the reasons ---- */

struct question {
    struct arena arena;
    struct spec_record record;
    struct host_view hosts[4];
    struct view view;
    struct facts facts;
    struct plan_builder plan;
    struct placement placement;
};

static void ask_about(struct question *q, size_t hosts)
{
    static const char *const names[] = { "h1", "h2", "h3", "h4" };
    size_t i;

    memset(q, 0, sizeof(*q));
    arena_init(&q->arena, 1U << 20);
    q->record = (struct spec_record){
        .spec = { .name = "c",
                  .nodes = 1,
                  .settings = { .memory_bytes = UINT64_C(64) << 20, .threads = 4 },
                  .domain = "" },
        .uid = "0000000000000001",
    };
    for (i = 0; i < hosts; i++) {
        q->hosts[i] = (struct host_view){
            .host = { .name = names[i],
                      .zone = "z",
                      .memory_bytes = UINT64_C(1) << 30,
                      .nodes_max = 4,
                      .ip_first = "10.0.0.1",
                      .ip_count = 4,
                      .data_port = NODE_DATA_PORT,
                      .problem = "" },
            .present = true,
        };
    }
    q->view = (struct view){
        .cluster = "c", .now_ms = 1, .spec = &q->record, .hosts = q->hosts, .hosts_count = hosts
    };
}

static void begin(struct question *q)
{
    struct err err;

    plan_init(&q->plan, &q->view, &q->arena);
    cr_assert_eq(facts_gather(&q->view, &q->arena, &q->facts, &err), 0);
    placement_init(&q->placement, &q->facts, &q->plan);
}

static const char *picked(struct question *q)
{
    struct placement_choice choice;
    char ip[IPV4_TEXT_SIZE];

    if (!placement_pick(&q->placement, &q->facts.nodes[0], &q->record.spec.settings, &choice)) {
        return "-";
    }
    ipv4_format(choice.ip, ip);
    return plan_text(&q->plan, "%s %s", choice.host->host.name, ip);
}

Test(placement, addresses_of_other_clusters_are_left_out)
{
    static const uint32_t taken[] = { 0, 1, 3 };
    struct question q;

    ask_about(&q, 1);
    q.hosts[0].indexes_used = taken;
    q.hosts[0].indexes_used_count = 3;
    q.hosts[0].nodes_used = 3;
    begin(&q);
    cr_expect_str_eq(picked(&q), "h1 10.0.0.3");
    cr_expect_str_eq(picked(&q), "-");
    arena_deinit(&q.arena);
}

Test(placement, the_less_loaded_host_is_better_among_equals)
{
    struct question q;

    ask_about(&q, 2);
    q.hosts[0].nodes_used = 2;
    begin(&q);
    cr_expect_str_eq(picked(&q), "h2 10.0.0.1");
    arena_deinit(&q.arena);
}

/* The key of that intent would be written over, and with it the order to stop. */
Test(placement, a_host_that_keeps_an_intent_of_the_slot_is_left_out)
{
    struct intent former = { .host = "h1",
                             .slot = 1,
                             .uid = "0000000000000001",
                             .phase = INTENT_STOP,
                             .ip = "10.0.0.1",
                             .data_port = NODE_DATA_PORT };
    struct question q;

    ask_about(&q, 2);
    q.hosts[1].host.problem = "no memcached";
    q.view.intents = &former;
    q.view.intents_count = 1;
    begin(&q);
    cr_expect_str_eq(picked(&q), "-");
    cr_expect_str_eq(placement_reasons(&q.placement, &q.facts.nodes[0], &q.record.spec.settings),
                     "h1: still keeps a former node of the slot; h2: no memcached");
    former.phase = INTENT_RUN;
    begin(&q);
    cr_expect_str_eq(placement_reasons(&q.placement, &q.facts.nodes[0], &q.record.spec.settings),
                     "h1: runs the slot's node already; h2: no memcached");
    arena_deinit(&q.arena);
}

Test(placement, memory_counts_with_its_margin)
{
    const uint64_t need = (UINT64_C(64) << 20) + (UINT64_C(4) << 20) + PLACEMENT_MARGIN_BYTES;
    struct question q;

    ask_about(&q, 1);
    q.hosts[0].host.memory_bytes = need - 1;
    begin(&q);
    cr_expect_str_eq(picked(&q), "-");
    q.hosts[0].host.memory_bytes = need;
    begin(&q);
    cr_expect_str_eq(picked(&q), "h1 10.0.0.1");
    cr_expect_str_eq(picked(&q), "-");
    arena_deinit(&q.arena);
}

Test(placement, each_host_says_why_it_does_not_fit)
{
    static const char *const names[] = { "h1", "h2", "h4" };
    struct question q;

    ask_about(&q, 4);
    q.record.spec.hosts = names;
    q.record.spec.hosts_count = 3;
    q.hosts[0].host.problem = "memcached 1.5.6 is too old";
    q.hosts[1].host.memory_bytes = UINT64_C(70) << 20;
    q.hosts[3].host.nodes_max = 0;
    begin(&q);
    cr_expect_str_eq(picked(&q), "-");
    cr_expect_str_eq(placement_reasons(&q.placement, &q.facts.nodes[0], &q.record.spec.settings),
                     "h1: memcached 1.5.6 is too old; "
                     "h2: 70 MiB of memory free, 76 MiB needed with overhead; "
                     "h3: not in placement.hosts; "
                     "h4: no free address (0 nodes at most)");
    arena_deinit(&q.arena);
}

Test(placement, the_first_label_that_a_host_has_not_is_named)
{
    static const struct label wanted[] = { { "disk", "ssd" }, { "rack", "7" } };
    static const struct label other[] = { { "disk", "hdd" }, { "rack", "7" } };
    struct question q;

    ask_about(&q, 3);
    q.record.spec.host_labels = wanted;
    q.record.spec.host_labels_count = 2;
    q.hosts[0].host.labels = other;
    q.hosts[0].host.labels_count = 2;
    q.hosts[1].host.labels = wanted;
    q.hosts[1].host.labels_count = 1;
    q.hosts[2].present = false;
    begin(&q);
    cr_expect_str_eq(picked(&q), "-");
    cr_expect_str_eq(placement_reasons(&q.placement, &q.facts.nodes[0], &q.record.spec.settings),
                     "h1: labels: wants disk=ssd; "
                     "h2: labels: wants rack=7; "
                     "h3: gone");
    arena_deinit(&q.arena);
}

Test(placement, no_host_is_a_reason_too)
{
    struct question q;

    ask_about(&q, 0);
    begin(&q);
    cr_expect_str_eq(picked(&q), "-");
    cr_expect_str_eq(placement_reasons(&q.placement, &q.facts.nodes[0], &q.record.spec.settings),
                     "no host is there");
    arena_deinit(&q.arena);
}
