#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "cli/output.h"
#include "cli/preview.h"
#include "codec/json_text.h"
#include "make.h"

#define NODES_MAX 120
#define NOW_MS 5000000
#define DIGEST "0f0f"

static struct arena arena;

static void setup(void)
{
    arena_init(&arena, 256U << 20);
}

static void teardown(void)
{
    arena_deinit(&arena);
}

TestSuite(preview, .init = setup, .fini = teardown);

/* A cluster in order: node i of `count` on host h<i>. */
struct stage {
    struct view view;
    struct spec_record record;
    struct config config;
    struct member members[NODES_MAX];
    struct intent intents[NODES_MAX];
    struct node_report reports[NODES_MAX];
    struct host_view hosts[NODES_MAX];
    struct alias alias;
};

/* Names with three digits, so that the order of names is that of numbers. */
static const char *host_name(uint32_t i)
{
    return arena_printf(&arena, "h%03u", i);
}

static const char *host_ip(uint32_t i)
{
    return arena_printf(&arena, "10.0.%u.%u", i / 100, 1 + i % 100);
}

static void stage_hosts(struct stage *stage, uint32_t count)
{
    uint32_t i;

    memset(stage, 0, sizeof(*stage));
    for (i = 0; i < count; i++) {
        stage->hosts[i] = (struct host_view){ .present = true,
                                              .host = { .name = host_name(i + 1),
                                                        .zone = "",
                                                        .memory_bytes = UINT64_C(1) << 30,
                                                        .nodes_max = 1,
                                                        .ip_first = host_ip(i + 1),
                                                        .ip_count = 1,
                                                        .data_port = 11211,
                                                        .watcher_version = "",
                                                        .memcached_version = "1.6.18",
                                                        .problem = "" } };
    }
    stage->view = (struct view){
        .cluster = "c", .now_ms = NOW_MS, .hosts = stage->hosts, .hosts_count = count
    };
}

static void stage_node(struct stage *stage, uint32_t i)
{
    struct intent *intent = &stage->intents[i];

    *intent = (struct intent){ .host = stage->hosts[i].host.name,
                               .cluster = "c",
                               .slot = i + 1,
                               .uid = MAKE_UID,
                               .phase = INTENT_RUN,
                               .phase_since_ms = 1000,
                               .ip = stage->hosts[i].host.ip_first,
                               .data_port = 11211,
                               .discovery_port = 11210,
                               .settings = stage->record.spec.settings };
    stage->reports[i] = (struct node_report){
        .cluster = "c",
        .slot = i + 1,
        .host = intent->host,
        .uid = MAKE_UID,
        .state = NODE_UP,
        .partition = PARTITION_IN_PROCESS,
        .ip = intent->ip,
        .data_port = 11211,
        .discovery_port = 11210,
        .settings = intent->settings,
        .served = { .epoch = 1, .version = 7, .digest = DIGEST },
        .version_seen = 7,
        .clients = REPORT_CLIENTS_UNKNOWN,
        .problem = "",
    };
    stage->members[i] =
        (struct member){ .slot = i + 1, .hostname = intent->ip, .ip = intent->ip, .port = 11211 };
}

static void stage_cluster(struct stage *stage, uint32_t hosts, uint32_t nodes)
{
    uint32_t i;

    stage_hosts(stage, hosts);
    stage->record = (struct spec_record){
        .spec = make_spec("c", nodes), .uid = MAKE_UID, .generation = 3, .created_ms = 1000
    };
    for (i = 0; i < nodes; i++) {
        stage_node(stage, i);
    }
    stage->config = (struct config){ .head = { .cluster = "c",
                                               .uid = MAKE_UID,
                                               .epoch = 1,
                                               .version = 7,
                                               .members = stage->members,
                                               .members_count = nodes },
                                     .payload = "",
                                     .digest = DIGEST,
                                     .key_id = "",
                                     .signature = "" };
    stage->alias = (struct alias){ .host = stage->intents[0].ip,
                                   .ip = stage->intents[0].ip,
                                   .port = 11211,
                                   .slot = 1,
                                   .version = 7 };
    stage->view.spec = &stage->record;
    stage->view.config = &stage->config;
    stage->view.config_since_ms = 1000;
    stage->view.alias = &stage->alias;
    stage->view.intents = stage->intents;
    stage->view.intents_count = nodes;
    stage->view.reports = stage->reports;
    stage->view.reports_count = nodes;
}

static struct preview made(const struct stage *stage, const struct spec *wanted)
{
    struct preview plan;
    struct err err;

    cr_assert_eq(preview_make(&stage->view, wanted, &arena, &plan, &err), 0, "%s", err.msg);
    return plan;
}

static void expect_text(const struct preview *plan, const char *expected)
{
    CLEANUP(str_deinit) struct str out;
    struct err err;

    str_init(&out, OUTPUT_BYTES_MAX);
    cr_assert_eq(preview_text(plan, 1, &arena, &out, &err), 0, "%s", err.msg);
    cr_expect_str_eq(str_text(&out), expected, "expected:\n%s\ngot:\n%s", expected, str_text(&out));
}

static void expect_parts(const struct preview *plan, const char *const *parts, size_t count)
{
    CLEANUP(str_deinit) struct str out;
    struct err err;
    size_t i;

    str_init(&out, OUTPUT_BYTES_MAX);
    cr_assert_eq(preview_text(plan, 1, &arena, &out, &err), 0, "%s", err.msg);
    for (i = 0; i < count; i++) {
        cr_expect_not_null(strstr(str_text(&out), parts[i]), "no '%s' in:\n%s", parts[i],
                           str_text(&out));
    }
}

/* The status is left to the controller: that a pass would write one is no change. */
Test(preview, what_is_as_it_should_be_is_one_line)
{
    struct stage stage;
    struct preview plan;

    stage_cluster(&stage, 3, 3);
    plan = made(&stage, &stage.record.spec);
    cr_expect_not(preview_changes(&plan));
    expect_text(&plan, "Cluster c: no changes.\n");
}

Test(preview, a_new_cluster_is_told_from_start_to_endpoint)
{
    struct spec spec = make_spec("c", 2);
    struct stage stage;
    struct preview plan;

    stage_hosts(&stage, 2);
    plan = made(&stage, &spec);
    cr_expect(preview_changes(&plan));
    expect_text(
        &plan,
        "Cluster c will be created.\n"
        "\n"
        "  Spec\n"
        "      FIELD   NOW   THEN\n"
        "  +   nodes   -     2\n"
        "\n"
        "  Nodes\n"
        "      SLOT   HOST   ADDRESS          WHAT BECOMES OF IT\n"
        "  +   0001   h001   10.0.0.2:11211   starts\n"
        "  +   0002   h002   10.0.0.3:11211   starts\n"
        "\n"
        "  Steps\n"
        "    STEP   WHAT                                        RULE          WHY\n"
        "    1      start 0001 on h001 at 10.0.0.2:11211        place         the spec asks for it\n"
        "    2      start 0002 on h002 at 10.0.0.3:11211        place         the spec asks for it\n"
        "    3      commit version 1: 2 nodes, +0001 +0002      commit        the members changed\n"
        "    4      push version 1 to 2 nodes                   push          "
        "it serves an older configuration\n"
        "    5      endpoint points to 0001 at 10.0.0.2:11211   alias-first   "
        "the members acknowledged the first configuration\n"
        "\n"
        "  Effect on clients\n"
        "    Configuration  version 1\n"
        "    Endpoint       is set: 0001 at 10.0.0.2:11211\n"
        "\n"
        "Plan: 2 to start, 0 to stop, 0 to restart in place, 0 slots to move; "
        "1 new version, 2 pushes.\n"
        "Nothing was written. It is a forecast of what the controller does while every host "
        "obeys.\n");
}

Test(preview, new_settings_cost_every_item_and_no_place)
{
    static const char *const parts[] = {
        "Cluster c will be changed: generation 3 to 4.\n",
        "  ~   memory   64Mi   128Mi\n",
        "  ~   0002   h002   10.0.0.3:11211   restarts empty: memory 64Mi to 128Mi\n",
        "restart 0002 on h002 at 10.0.0.3:11211, memory 64Mi to 128Mi   configure ",
        "    Configuration  stays as it is\n",
        "    Endpoint       0001 at 10.0.0.2:11211 -> 0002 at 10.0.0.3:11211\n",
        "0.0 % move, 100.0 % are missed at first: clients that hash",
        "100.0 % of the memory that is up loses its items (192Mi of 192Mi)\n",
        "3 to restart in place",
    };
    struct stage stage;
    struct preview plan;
    struct spec spec;

    stage_cluster(&stage, 3, 3);
    spec = stage.record.spec;
    spec.settings.memory_bytes *= 2;
    plan = made(&stage, &spec);
    expect_parts(&plan, parts, ARRAY_COUNT(parts));
}

/* Of ten equal nodes one goes: a tenth of the keys moves, and no other. */
Test(preview, one_of_ten_nodes_takes_a_tenth_of_the_keys_with_it)
{
    struct stage stage;
    struct preview plan;
    struct spec spec;
    const struct preview_keys_share *ketama;

    stage_cluster(&stage, 10, 10);
    spec = stage.record.spec;
    spec.nodes = 9;
    plan = made(&stage, &spec);
    cr_assert(plan.keys.known);
    ketama = &plan.keys.shares[PREVIEW_KEYS_KETAMA_NAME];
    cr_expect(ketama->tried);
    cr_expect(50 < ketama->moved && ketama->moved < 160, "%u moved", ketama->moved);
    cr_expect_eq(ketama->missed, ketama->moved);
    cr_expect_gt(plan.keys.shares[PREVIEW_KEYS_MODULO].moved, 800);
    cr_expect_eq(plan.forecast.memory_lost, plan.forecast.memory_up / 10);
}

Test(preview, more_nodes_than_libmemcached_takes_are_reckoned)
{
    struct stage stage;
    struct preview plan;
    struct spec spec;

    stage_cluster(&stage, NODES_MAX, NODES_MAX);
    spec = stage.record.spec;
    spec.nodes = NODES_MAX / 2;
    plan = made(&stage, &spec);
    cr_expect_not(plan.keys.shares[PREVIEW_KEYS_KETAMA_NAME].tried);
    cr_expect_eq(plan.keys.shares[PREVIEW_KEYS_KETAMA_NAME].moved, 500);
    cr_expect(plan.keys.shares[PREVIEW_KEYS_MODULO].tried);
}

Test(preview, what_is_in_the_way_is_named)
{
    static const char *const parts[] = {
        "  !   0003   -      -         finds no place\n",
        "  In the way\n  ! Unschedulable (NoHostFits): ",
        "h001: ",
    };
    struct stage stage;
    struct preview plan;
    struct spec spec;

    stage_cluster(&stage, 2, 2);
    spec = stage.record.spec;
    spec.nodes = 3;
    plan = made(&stage, &spec);
    cr_expect_not(plan.forecast.converged);
    expect_parts(&plan, parts, ARRAY_COUNT(parts));
}

Test(preview, a_deletion_takes_everything)
{
    static const char *const parts[] = {
        "Cluster c will be deleted.\n",   "  -   0001   h001   10.0.0.2:11211   stops\n",
        "remove all keys of the cluster", "    Configuration  goes\n    Endpoint       goes\n",
        "0 to start, 2 to stop,",
    };
    struct stage stage;
    struct preview plan;
    struct err err;

    stage_cluster(&stage, 2, 2);
    plan = made(&stage, NULL);
    cr_expect_not(plan.keys.known);
    expect_parts(&plan, parts, ARRAY_COUNT(parts));
    stage.record.deleting = true;
    cr_expect_eq(preview_make(&stage.view, &stage.record.spec, &arena, &plan, &err), ERR_CONFLICT,
                 "a spec is applied to a cluster that goes");
    stage.view.spec = NULL;
    cr_expect_eq(preview_make(&stage.view, NULL, &arena, &plan, &err), ERR_NOT_FOUND);
}

Test(preview, json_has_all_of_it)
{
    static const char *const parts[] = {
        "\"name\": \"c\"",     "\"action\": \"change\"", "\"field\": \"nodes\"", "\"starts\": 1",
        "\"change\": \"new\"", "\"act\": \"commit\"",    "\"joined\": [\n",      "\"ketama\": {",
        "\"inTheWay\": []",    "\"converges\": true",    "\"changes\": true",
    };
    CLEANUP(str_deinit) struct str json;
    CLEANUP(str_deinit) struct str pretty;
    struct stage stage;
    struct preview plan;
    struct spec spec;
    struct err err;
    size_t i;

    str_init(&json, OUTPUT_BYTES_MAX);
    str_init(&pretty, OUTPUT_BYTES_MAX);
    stage_cluster(&stage, 3, 2);
    spec = stage.record.spec;
    spec.nodes = 3;
    plan = made(&stage, &spec);
    cr_assert_eq(preview_json(&plan, 1, &json, &err), 0);
    cr_assert_eq(json_pretty(str_text(&json), json.size, &pretty, &err), 0, "%s", err.msg);
    for (i = 0; i < ARRAY_COUNT(parts); i++) {
        cr_expect_not_null(strstr(str_text(&pretty), parts[i]), "no '%s' in:\n%s", parts[i],
                           str_text(&pretty));
    }
}
