#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "cli/preview.h"
#include "codec/json_text.h"
#include "lineup.h"
#include "make.h"
#include "show/output.h"

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

/* All of the spec, applied to what an older release has written. */
static struct merge_wish whole(const struct spec *spec)
{
    return (struct merge_wish){ .source = "cli", .spec = spec, .set = UINT32_MAX };
}

static struct preview made(const struct lineup *lineup, const struct spec *wanted)
{
    struct preview_wish wish = { .kind = wanted == NULL ? PREVIEW_DELETE : PREVIEW_APPLY,
                                 .document = whole(wanted) };
    struct preview plan;
    struct err err;

    cr_assert_eq(preview_make(&lineup->view, &wish, &arena, &plan, &err), 0, "%s", err.msg);
    return plan;
}

static void expect_text(const struct preview *plan, const char *expected)
{
    const struct previews plans = { .list = plan, .count = 1, .led = true };
    CLEANUP(str_deinit) struct str out;
    struct err err;

    str_init(&out, OUTPUT_BYTES_MAX);
    cr_assert_eq(preview_text(&plans, &arena, &out, &err), 0, "%s", err.msg);
    cr_expect_str_eq(str_text(&out), expected, "expected:\n%s\ngot:\n%s", expected, str_text(&out));
}

static void expect_parts(const struct preview *plan, const char *const *parts, size_t count)
{
    const struct previews plans = { .list = plan, .count = 1 };
    CLEANUP(str_deinit) struct str out;
    struct err err;
    size_t i;

    str_init(&out, OUTPUT_BYTES_MAX);
    cr_assert_eq(preview_text(&plans, &arena, &out, &err), 0, "%s", err.msg);
    for (i = 0; i < count; i++) {
        cr_expect_not_null(strstr(str_text(&out), parts[i]), "no '%s' in:\n%s", parts[i],
                           str_text(&out));
    }
}

/* The status is left to the controller: that a pass would write one is no change. */
Test(preview, what_is_as_it_should_be_is_one_line)
{
    struct lineup lineup;
    struct preview plan;

    lineup_cluster(&lineup, &arena, 3, 3);
    plan = made(&lineup, &lineup.record.spec);
    cr_expect_not(preview_changes(&plan));
    expect_text(&plan, "Cluster c: no changes.\n");
}

Test(preview, a_new_cluster_is_told_from_start_to_endpoint)
{
    struct spec spec = make_spec("c", 2);
    struct lineup lineup;
    struct preview plan;

    lineup_hosts(&lineup, &arena, 2);
    plan = made(&lineup, &spec);
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
        "50000 keys tried\n",
        "  ! No controller leads: nothing of it happens until one does.\n",
    };
    struct lineup lineup;
    struct preview plan;
    struct spec spec;

    lineup_cluster(&lineup, &arena, 3, 3);
    spec = lineup.record.spec;
    spec.settings.memory_bytes *= 2;
    plan = made(&lineup, &spec);
    expect_parts(&plan, parts, ARRAY_COUNT(parts));
}

/* Of ten equal nodes one goes: a tenth of the keys moves, and no other. */
Test(preview, one_of_ten_nodes_takes_a_tenth_of_the_keys_with_it)
{
    struct lineup lineup;
    struct preview plan;
    struct spec spec;
    const struct preview_keys_share *ketama;

    lineup_cluster(&lineup, &arena, 10, 10);
    spec = lineup.record.spec;
    spec.nodes = 9;
    plan = made(&lineup, &spec);
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
    struct lineup lineup;
    struct preview plan;
    struct spec spec;

    lineup_cluster(&lineup, &arena, LINEUP_NODES_MAX, LINEUP_NODES_MAX);
    spec = lineup.record.spec;
    spec.nodes = LINEUP_NODES_MAX / 2;
    plan = made(&lineup, &spec);
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
    struct lineup lineup;
    struct preview plan;
    struct spec spec;

    lineup_cluster(&lineup, &arena, 2, 2);
    spec = lineup.record.spec;
    spec.nodes = 3;
    plan = made(&lineup, &spec);
    cr_expect_not(plan.forecast.converged);
    expect_parts(&plan, parts, ARRAY_COUNT(parts));
}

/* Neither is applied over what can't be read, nor does a plan pretend so. */
Test(preview, a_spec_that_cannot_be_read_is_a_conflict)
{
    const struct bad_key bad = {
        .kind = BAD_KEY_SPEC, .host = "", .key = "/muster/v1/clusters/c/spec", .problem = "not JSON"
    };
    struct spec spec = make_spec("c", 2);
    const struct preview_wish apply = { .kind = PREVIEW_APPLY, .document = whole(&spec) };
    struct lineup lineup;
    struct preview plan;
    struct err err;

    lineup_cluster(&lineup, &arena, 2, 2);
    lineup.view.spec = NULL;
    lineup.view.bad_keys = &bad;
    lineup.view.bad_keys_count = 1;
    cr_expect_eq(preview_make(&lineup.view, &apply, &arena, &plan, &err), ERR_CONFLICT);
    cr_expect_str_eq(err.msg, "key /muster/v1/clusters/c/spec can't be read: not JSON; "
                              "repair or remove the key first");
}

/* muster never stops what it has not started. */
Test(preview, what_joined_is_let_go)
{
    static const char *const parts[] = {
        "  -   0003   h003   10.0.0.4:11211   leaves the list, drains, is let go\n",
        "0 to stop,",
    };
    static const char *const deleted[] = {
        "  -   0002   h002   10.0.0.3:11211   stops\n",
        "  -   0003   h003   10.0.0.4:11211   is let go\n",
    };
    struct lineup lineup;
    struct preview plan;
    struct spec spec;

    lineup_cluster(&lineup, &arena, 3, 3);
    lineup.record.spec.nodes = 2;
    lineup.intents[2].attached = true;
    lineup.intents[2].join = "0f0f0f0f0f0f0f0f";
    lineup.reports[2].attached = true;
    lineup.reports[2].join = lineup.intents[2].join;
    spec = lineup.record.spec;
    plan = made(&lineup, &spec);
    expect_parts(&plan, parts, ARRAY_COUNT(parts));
    plan = made(&lineup, NULL);
    expect_parts(&plan, deleted, ARRAY_COUNT(deleted));
}

Test(preview, a_deletion_takes_everything)
{
    static const char *const parts[] = {
        "Cluster c will be deleted.\n",   "  -   0001   h001   10.0.0.2:11211   stops\n",
        "remove all keys of the cluster", "    Configuration  goes\n    Endpoint       goes\n",
        "0 to start, 2 to stop,",
    };
    const struct preview_wish deletion = { .kind = PREVIEW_DELETE };
    struct preview_wish apply = { .kind = PREVIEW_APPLY };
    struct lineup lineup;
    struct preview plan;
    struct err err;

    lineup_cluster(&lineup, &arena, 2, 2);
    apply.document = whole(&lineup.record.spec);
    plan = made(&lineup, NULL);
    cr_expect_not(plan.keys.known);
    expect_parts(&plan, parts, ARRAY_COUNT(parts));
    lineup.record.deleting = true;
    cr_expect_eq(preview_make(&lineup.view, &apply, &arena, &plan, &err), ERR_CONFLICT,
                 "a spec is applied to a cluster that goes");
    lineup.view.spec = NULL;
    cr_expect_eq(preview_make(&lineup.view, &deletion, &arena, &plan, &err), ERR_NOT_FOUND);
}

/* The spec stays as it is. Where there is no other host, the node stays and that is told. */
Test(preview, a_drained_host_is_left_with_a_successor_first)
{
    static const char *const parts[] = {
        "Cluster c leaves host h002.\n",
        "  ~   0002   h002 -> h004   10.0.0.3:11211 -> 10.0.0.5:11211   moves, starts empty\n",
        "start 0002 on h004 at 10.0.0.5:11211 ",
        "drain 0002 on h002 at 10.0.0.3:11211, at most 2m",
        "1 slot to move",
    };
    static const char *const stuck[] = {
        "Cluster c can't leave host h002.\n",
        "  ! Unschedulable (NoHostForSuccessor): slot 0002 fits on no host: ",
        "h002: cordoned",
    };
    const struct preview_wish drain = { .kind = PREVIEW_DRAIN, .host = "h002" };
    const struct preview_wish other = { .kind = PREVIEW_DRAIN, .host = "h004" };
    struct lineup lineup;
    struct preview plan;
    struct err err;

    lineup_cluster(&lineup, &arena, 4, 3);
    cr_assert_eq(preview_make(&lineup.view, &drain, &arena, &plan, &err), 0);
    cr_expect(plan.writes);
    expect_parts(&plan, parts, ARRAY_COUNT(parts));
    cr_expect_not(lineup.hosts[1].draining, "the view is left as it was");
    lineup.hosts[3].present = false;
    cr_assert_eq(preview_make(&lineup.view, &drain, &arena, &plan, &err), 0);
    cr_expect(preview_changes(&plan));
    expect_parts(&plan, stuck, ARRAY_COUNT(stuck));
    lineup.hosts[3] = (struct host_view){
        .host = lineup.hosts[3].host, .present = true, .cordoned = true, .draining = true
    };
    cr_assert_eq(preview_make(&lineup.view, &other, &arena, &plan, &err), 0);
    expect_text(&plan, "Cluster c: no changes.\n");
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
    struct previews plans = { .count = 1 };
    struct lineup lineup;
    struct preview plan;
    struct spec spec;
    struct err err;
    size_t i;

    str_init(&json, OUTPUT_BYTES_MAX);
    str_init(&pretty, OUTPUT_BYTES_MAX);
    lineup_cluster(&lineup, &arena, 3, 2);
    spec = lineup.record.spec;
    spec.nodes = 3;
    plan = made(&lineup, &spec);
    plans.list = &plan;
    cr_assert_eq(preview_json(&plans, &json, &err), 0);
    cr_assert_eq(json_pretty(str_text(&json), json.size, &pretty, &err), 0, "%s", err.msg);
    for (i = 0; i < ARRAY_COUNT(parts); i++) {
        cr_expect_not_null(strstr(str_text(&pretty), parts[i]), "no '%s' in:\n%s", parts[i],
                           str_text(&pretty));
    }
}
