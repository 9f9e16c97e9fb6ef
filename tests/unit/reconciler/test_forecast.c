/* What a forecast says is what then happens: asked of a world, and compared with what becomes of
 * it.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "reconciler/forecast.h"
#include "world.h"

#define ARENA_BYTES_MAX (UINT64_C(1) << 28)
#define SETTLE_MS 120000
#define RUN_MS 10000

/* A world, and a forecast that was made of it. */
struct oracle {
    struct world world;
    struct arena arena;
    struct forecast forecast;
    size_t starts;
    size_t restarts;
    size_t stops;
};

static void foresee(struct oracle *oracle)
{
    struct world *world = &oracle->world;
    struct view view;
    struct err err;

    arena_init(&oracle->arena, ARENA_BYTES_MAX);
    view = world_view(world, &oracle->arena);
    cr_assert_eq(forecast_make(&view, &oracle->arena, &oracle->forecast, &err), 0, "%s", err.msg);
    cr_expect(oracle->forecast.settled);
    oracle->starts = world->starts;
    oracle->restarts = world->restarts;
    oracle->stops = world->stops;
}

static void oracle_end(struct oracle *oracle)
{
    arena_deinit(&oracle->arena);
    world_deinit(&oracle->world);
}

static void expect_members(const struct oracle *oracle)
{
    const struct forecast *forecast = &oracle->forecast;
    const struct config *config = oracle->world.keys.config;

    if (config == NULL) {
        cr_expect_eq(forecast->version_after, 0);
        return;
    }
    cr_expect_eq(forecast->version_after, config->head.version);
    cr_expect(members_equal(forecast->members_after, forecast->members_after_count,
                            config->head.members, config->head.members_count),
              "the last list is another one");
}

static void expect_intents(struct oracle *oracle)
{
    const struct world_keys *keys = &oracle->world.keys;
    size_t running = 0;
    size_t i;

    for (i = 0; i < keys->intents_count; i++) {
        running += keys->intents[i].phase == INTENT_RUN ? 1 : 0;
    }
    for (i = 0; i < oracle->forecast.slots_count; i++) {
        const struct intent *after = oracle->forecast.slots[i].after;
        const struct intent *there =
            after == NULL ? NULL : world_intent(&oracle->world, after->host, after->slot);

        if (after != NULL) {
            cr_assert_not_null(there, "slot %u is not on %s", after->slot, after->host);
            cr_expect_str_eq(there->ip, after->ip);
            cr_expect_eq(there->data_port, after->data_port);
            cr_expect(node_settings_equal(&there->settings, &after->settings));
            running--;
        }
    }
    cr_expect_eq(running, 0, "%zu nodes run that nobody foresaw", running);
}

/* Let it happen, and compare what is counted. */
static void expect_counts(struct oracle *oracle)
{
    struct world *world = &oracle->world;
    const struct forecast *forecast = &oracle->forecast;

    /* A pass may have nothing to do while a node restarts. */
    world_run(world, RUN_MS);
    world_settle(world, SETTLE_MS);
    /* The world counts the start that follows a restart, too. */
    cr_expect_eq(world->starts - oracle->starts, forecast->starts + forecast->restarts);
    cr_expect_eq(world->restarts - oracle->restarts, forecast->restarts);
    cr_expect_eq(world->stops - oracle->stops, forecast->stops);
    cr_expect_eq(forecast->converged,
                 forecast->ended || world_condition(world, CONDITION_CONVERGED));
    cr_expect_eq(forecast->ended, !world->keys.spec_there);
}

/* ... and where everything is. */
static void expect_true(struct oracle *oracle)
{
    expect_counts(oracle);
    expect_members(oracle);
    expect_intents(oracle);
}

static size_t count_changes(const struct forecast *forecast, enum forecast_change change)
{
    size_t count = 0;
    size_t i;

    for (i = 0; i < forecast->slots_count; i++) {
        count += forecast->slots[i].change == change ? 1 : 0;
    }
    return count;
}

/* Hosts are known, as in a live etcd. */
static void world_begin(struct world *world, size_t hosts)
{
    world_init(world, hosts);
    world_hosts_act(world);
}

static void converge(struct oracle *oracle, size_t hosts, uint32_t nodes)
{
    world_converge(&oracle->world, hosts, nodes);
}

static void tell_steps(const struct forecast *forecast, struct str *out)
{
    size_t i;

    for (i = 0; i < forecast->steps_count; i++) {
        const struct forecast_step *step = &forecast->steps[i];

        str_appendf(out, "%s", forecast_act_text(step->act));
        if (step->slot != 0) {
            str_appendf(out, " %u", step->slot);
        }
        if (step->version != 0) {
            str_appendf(out, " v%u", step->version);
        }
        if (step->nodes != 0) {
            str_appendf(out, " x%zu", step->nodes);
        }
        str_appendf(out, " %s\n", step->rule);
    }
}

static void expect_steps(const struct oracle *oracle, const char *text)
{
    CLEANUP(str_deinit) struct str told;

    str_init(&told, 1U << 20);
    tell_steps(&oracle->forecast, &told);
    cr_expect_str_eq(str_text(&told), text, "expected:\n%sgot:\n%s", text, str_text(&told));
}

Test(forecast, a_cluster_in_order_has_no_steps)
{
    struct oracle o;

    converge(&o, 3, 3);
    foresee(&o);
    cr_expect_eq(o.forecast.steps_count, 0);
    cr_expect_eq(count_changes(&o.forecast, FORECAST_SAME), 3);
    cr_expect_eq(o.forecast.memory_lost, 0);
    cr_expect_eq(o.forecast.memory_up, 3 * SPEC_MEMORY_BYTES_DEFAULT);
    cr_expect(o.forecast.converged);
    expect_true(&o);
    oracle_end(&o);
}

Test(forecast, a_new_cluster_is_started_listed_and_pointed_to)
{
    struct oracle o;

    world_begin(&o.world, 3);
    world_apply(&o.world, 3);
    foresee(&o);
    expect_steps(&o, "start 1 place\n"
                     "start 2 place\n"
                     "start 3 place\n"
                     "commit v1 x3 commit\n"
                     "push v1 x3 push\n"
                     "endpoint 1 alias-first\n");
    cr_expect_eq(count_changes(&o.forecast, FORECAST_NEW), 3);
    cr_expect_eq(o.forecast.endpoint_moves, 1);
    cr_expect_eq(o.forecast.versions, 1);
    expect_true(&o);
    oracle_end(&o);
}

Test(forecast, scaling_out_makes_one_version)
{
    struct oracle o;

    converge(&o, 3, 3);
    world_apply(&o.world, 5);
    foresee(&o);
    cr_expect_eq(o.forecast.starts, 2);
    cr_expect_eq(o.forecast.versions, 1);
    cr_expect_eq(o.forecast.memory_lost, 0);
    expect_true(&o);
    oracle_end(&o);
}

Test(forecast, scaling_in_drains_before_it_stops)
{
    struct oracle o;

    converge(&o, 3, 4);
    world_apply(&o.world, 2);
    foresee(&o);
    expect_steps(&o, "commit v2 x2 take-out\n"
                     "push v2 x4 push\n"
                     "vouch 1 alias-follow\n"
                     "drain 3 drain\n"
                     "drain 4 drain\n"
                     "stop 3 stop-drained\n"
                     "stop 4 stop-drained\n"
                     "remove 3 forget-stopped\n"
                     "remove 4 forget-stopped\n");
    cr_expect_eq(o.forecast.memory_lost, 2 * SPEC_MEMORY_BYTES_DEFAULT);
    cr_expect_eq(count_changes(&o.forecast, FORECAST_GONE), 2);
    cr_expect_eq(o.forecast.steps[0].left.count, 2);
    cr_expect_eq(o.forecast.steps[0].left.list[0], 3);
    expect_true(&o);
    oracle_end(&o);
}

/* One after another, and the node that the endpoint points to last: that moves it once. */
Test(forecast, new_settings_restart_every_node)
{
    struct oracle o;

    converge(&o, 3, 3);
    world_set_memory(&o.world, 2 * SPEC_MEMORY_BYTES_DEFAULT);
    foresee(&o);
    expect_steps(&o, "restart 2 configure\n"
                     "restart 3 configure\n"
                     "endpoint 2 alias-follow\n"
                     "restart 1 configure\n");
    cr_expect_eq(o.forecast.restarts, 3);
    cr_expect_eq(count_changes(&o.forecast, FORECAST_RESTARTED), 3);
    cr_expect_eq(o.forecast.memory_lost, o.forecast.memory_up);
    cr_expect_eq(o.forecast.versions, 0);
    expect_true(&o);
    oracle_end(&o);
}

Test(forecast, a_deletion_ends_with_nothing)
{
    struct oracle o;

    converge(&o, 3, 3);
    world_delete(&o.world);
    foresee(&o);
    cr_expect(o.forecast.ended);
    cr_expect_eq(o.forecast.stops, 3);
    cr_expect_eq(o.forecast.steps[o.forecast.steps_count - 1].act, FORECAST_END);
    cr_expect_eq(count_changes(&o.forecast, FORECAST_GONE), 3);
    expect_true(&o);
    oracle_end(&o);
}

/* A dead host is waited for as long as the spec says, then its node is placed elsewhere. */
Test(forecast, a_dead_node_is_replaced_when_its_time_is_over)
{
    struct oracle o;

    converge(&o, 4, 3);
    world_kill_machine(&o.world, 2);
    world_run(&o.world, WORLD_LEASE_MS + 500);
    world_hush(&o.world);
    foresee(&o);
    cr_assert_geq(o.forecast.steps_count, 2);
    cr_expect_eq(o.forecast.steps[0].act, FORECAST_WAIT);
    cr_expect_gt(o.forecast.steps[0].wait_ms, 0);
    cr_expect_leq(o.forecast.steps[0].wait_ms, WORLD_FAIL_AFTER_MS);
    cr_expect_eq(o.forecast.steps[1].act, FORECAST_START);
    cr_expect_str_eq(o.forecast.steps[1].sentence, forecast_sentence("replace"));
    cr_expect_eq(count_changes(&o.forecast, FORECAST_MOVED), 1);
    cr_expect_eq(o.forecast.moves, 1);
    expect_true(&o);
    oracle_end(&o);
}

/* Make before break: the successor is listed before the old node goes. */
Test(forecast, a_drained_host_loses_its_node_after_a_successor_serves)
{
    struct oracle o;

    converge(&o, 4, 3);
    world_cordon(&o.world, 1, true);
    foresee(&o);
    expect_steps(&o, "start 2 leave-host\n"
                     "push 2 v1 x1 push\n"
                     "commit v2 x3 commit\n"
                     "push v2 x4 push\n"
                     "vouch 1 alias-follow\n"
                     "drain 2 drain\n"
                     "stop 2 stop-superseded\n"
                     "remove 2 forget-stopped\n");
    cr_expect_eq(count_changes(&o.forecast, FORECAST_MOVED), 1);
    cr_expect(o.forecast.slots[1].emptied);
    cr_expect_str_eq(o.forecast.slots[1].before->host, "h2");
    cr_expect_str_eq(o.forecast.slots[1].after->host, "h4");
    cr_expect_eq(o.forecast.steps[2].moved.count, 1);
    cr_expect(o.forecast.converged);
    expect_true(&o);
    oracle_end(&o);
}

/*
 * Where no node may be taken down, each gets a successor, one after another. On which host depends
 * on the time that others take to stop; here they take none.
 */
Test(forecast, new_settings_without_unavailability_move_every_node)
{
    struct oracle o;

    converge(&o, 5, 3);
    o.world.keys.spec.spec.unavailable_max = 0;
    world_set_memory(&o.world, 2 * SPEC_MEMORY_BYTES_DEFAULT);
    foresee(&o);
    cr_expect_eq(o.forecast.restarts, 0);
    cr_expect_eq(o.forecast.starts, 3);
    cr_expect_eq(o.forecast.stops, 3);
    cr_expect_eq(o.forecast.moves, 3);
    cr_expect_eq(o.forecast.versions, 3);
    cr_expect(o.forecast.converged);
    expect_counts(&o);
    cr_expect_eq(o.world.keys.config->head.version, o.forecast.version_after);
    oracle_end(&o);
}

Test(forecast, a_paused_rollout_is_held_and_said_so)
{
    struct oracle o;

    converge(&o, 3, 3);
    world_pause(&o.world, true);
    world_set_memory(&o.world, 2 * SPEC_MEMORY_BYTES_DEFAULT);
    foresee(&o);
    expect_steps(&o, "");
    cr_expect(!o.forecast.converged);
    cr_expect_str_eq(o.forecast.slots[0].rule, "hold-paused");
    cr_expect_eq(count_changes(&o.forecast, FORECAST_SAME), 3);
    expect_true(&o);
    oracle_end(&o);
}

/* What does not come up stays down in the forecast, too, until it is told something new. */
Test(forecast, a_broken_node_is_replaced_and_not_waited_for)
{
    struct oracle o;

    converge(&o, 4, 3);
    o.world.hosts[2].processes[3].broken = true;
    world_kill_process(&o.world, 2, 3);
    world_run(&o.world, 1000);
    world_hush(&o.world);
    foresee(&o);
    cr_assert_geq(o.forecast.steps_count, 2);
    cr_expect_eq(o.forecast.steps[0].act, FORECAST_WAIT);
    cr_expect_eq(o.forecast.steps[1].act, FORECAST_START);
    cr_expect_str_eq(o.forecast.steps[1].after->host, "h4");
    cr_expect_eq(o.forecast.stops, 0, "there is no process to stop");
    cr_expect_not(o.forecast.slots[2].emptied, "it was empty before");
    world_run(&o.world, RUN_MS);
    expect_members(&o);
    oracle_end(&o);
}

/* New settings are what a broken node gets at once; it starts with them. */
Test(forecast, a_broken_node_is_configured_first)
{
    struct oracle o;

    converge(&o, 3, 3);
    o.world.hosts[2].processes[3].broken = true;
    world_kill_process(&o.world, 2, 3);
    world_run(&o.world, 1000);
    world_hush(&o.world);
    world_set_memory(&o.world, 2 * SPEC_MEMORY_BYTES_DEFAULT);
    foresee(&o);
    cr_expect_eq(o.forecast.steps[0].slot, 3);
    cr_expect_eq(o.forecast.restarts, 2);
    cr_expect_eq(o.forecast.starts, 1);
    cr_expect_eq(count_changes(&o.forecast, FORECAST_RESTARTED), 3);
    cr_expect_eq(o.forecast.memory_lost, 2 * SPEC_MEMORY_BYTES_DEFAULT);
    oracle_end(&o);
}

/* What finds no place is named, and so is why; the others go on. */
Test(forecast, what_fits_nowhere_blocks)
{
    struct oracle o;

    converge(&o, 3, 3);
    world_apply(&o.world, 4);
    world_set_memory(&o.world, UINT64_C(8) << 30);
    foresee(&o);
    cr_expect(!o.forecast.converged);
    cr_assert_not_null(o.forecast.status);
    cr_expect(o.forecast.status->conditions[CONDITION_UNSCHEDULABLE].status);
    cr_expect_eq(count_changes(&o.forecast, FORECAST_UNPLACED), 1);
    cr_expect_str_eq(o.forecast.slots[3].rule, "place");
    cr_expect_str_neq(o.forecast.slots[3].sentence, "");
    expect_true(&o);
    oracle_end(&o);
}

/* The forecast leaves the view as it was: it says the same when it is asked again. */
Test(forecast, it_changes_nothing)
{
    struct oracle o;
    struct forecast again;
    struct view view;
    struct err err;
    size_t writes;

    converge(&o, 3, 3);
    world_apply(&o.world, 5);
    writes = o.world.writes;
    foresee(&o);
    cr_expect_eq(o.world.writes, writes);
    view = world_view(&o.world, &o.arena);
    cr_assert_eq(forecast_make(&view, &o.arena, &again, &err), 0);
    cr_expect_eq(again.steps_count, o.forecast.steps_count);
    cr_expect_eq(again.version_after, o.forecast.version_after);
    oracle_end(&o);
}

Test(forecast, a_lack_of_memory_is_told)
{
    struct oracle o;
    struct arena small;
    struct forecast out = { .starts = 77 };
    struct view view;
    struct err err;
    size_t bytes;

    converge(&o, 3, 3);
    world_set_memory(&o.world, 2 * SPEC_MEMORY_BYTES_DEFAULT);
    foresee(&o);
    view = world_view(&o.world, &o.arena);
    for (bytes = 0; bytes < 4096; bytes += 256) {
        arena_init(&small, bytes);
        cr_expect_eq(forecast_make(&view, &small, &out, &err), ERR_NOMEM);
        cr_expect_eq(out.starts, 77);
        arena_deinit(&small);
    }
    oracle_end(&o);
}
