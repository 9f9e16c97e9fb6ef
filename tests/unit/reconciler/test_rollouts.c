/* Rollouts that are paused, stop, and go on. Told like the stories. */
#include <criterion/criterion.h>
#include <string.h>

#include "world.h"

#define MEMORY_2 (SPEC_MEMORY_BYTES_DEFAULT * 2)

Test(rollouts, a_paused_one_takes_no_further_node_down_until_it_is_resumed)
{
    struct world w;

    world_converge(&w, 3, 3);
    world_set_memory(&w, MEMORY_2);
    world_run(&w, 200);
    world_pause(&w, true);
    world_settle(&w, 20000);
    world_expect(&w, "[  500] 0002 intent-put h2 run configure\n");
    cr_expect_str_eq(world_reason(&w, CONDITION_PROGRESSING), "RolloutPaused");
    cr_expect(!world_condition(&w, CONDITION_PROGRESSING));
    cr_expect(!world_condition(&w, CONDITION_STALLED));
    cr_expect(!world_condition(&w, CONDITION_CONVERGED));
    cr_expect_eq(w.keys.status->nodes_updated, 1);
    world_run(&w, 2 * WORLD_PROGRESS_DEADLINE_MS);
    cr_expect(!world_condition(&w, CONDITION_STALLED));
    world_resume(&w);
    world_settle(&w, 20000);
    world_expect(&w, "[61000] 0003 intent-put h3 run configure\n"
                     "[61300] 0002 alias-set v1 alias-follow\n"
                     "[61300] 0001 intent-put h1 run configure\n");
    cr_expect(world_condition(&w, CONDITION_CONVERGED));
    world_deinit(&w);
}

Test(rollouts, while_one_is_paused_repair_scaling_and_drains_go_on_with_the_old_settings)
{
    struct world w;

    world_converge(&w, 5, 3);
    world_pause(&w, true);
    world_set_memory(&w, MEMORY_2);
    world_kill_machine(&w, 1);
    world_run(&w, 8000);
    world_expect(&w, "[ 4500] 0002 intent-put h4 run replace\n"
                     "[ 4500] 0002 intent-put h2 run replace\n"
                     "[ 4700] 0002 config-push v1 push\n"
                     "[ 4800] - config-commit v2 [0001 0002 0003] commit\n"
                     "[ 4800] 0001 config-push v2 push\n"
                     "[ 4800] 0002 config-push v2 push\n"
                     "[ 4800] 0003 config-push v2 push\n"
                     "[ 4900] 0001 alias-set v2 alias-follow\n"
                     "[ 4900] 0002 intent-put h2 stop stop-superseded\n");
    cr_expect_eq(world_intent(&w, "h4", 2)->settings.memory_bytes, SPEC_MEMORY_BYTES_DEFAULT);
    world_cordon(&w, 2, true);
    world_run(&w, 3000);
    world_expect(&w, "[ 8500] 0003 intent-put h5 run leave-host\n"
                     "[ 8700] 0003 config-push v2 push\n"
                     "[ 8800] - config-commit v3 [0001 0002 0003] commit\n"
                     "[ 8800] 0001 config-push v3 push\n"
                     "[ 8800] 0002 config-push v3 push\n"
                     "[ 8800] 0003 config-push v3 push\n"
                     "[ 8800] 0003 config-push v3 push\n"
                     "[ 8900] 0001 alias-set v3 alias-follow\n"
                     "[ 8900] 0003 intent-put h3 drain drain\n"
                     "[ 9200] 0003 intent-put h3 stop stop-superseded\n"
                     "[ 9300] 0003 intent-delete h3 forget-stopped\n");
    cr_expect_eq(world_intent(&w, "h5", 3)->settings.memory_bytes, SPEC_MEMORY_BYTES_DEFAULT);
    world_apply(&w, 4);
    world_run(&w, 3000);
    world_expect(&w, "[11500] 0004 intent-put h1 run place\n"
                     "[11700] 0004 config-push v3 push\n"
                     "[11800] - config-commit v4 [0001 0002 0003 0004] commit\n"
                     "[11800] 0001 config-push v4 push\n"
                     "[11800] 0002 config-push v4 push\n"
                     "[11800] 0003 config-push v4 push\n"
                     "[11800] 0004 config-push v4 push\n"
                     "[11900] 0001 alias-set v4 alias-follow\n");
    cr_expect_eq(w.restarts, 0);
    world_deinit(&w);
}

Test(rollouts, one_without_progress_stops_and_keeps_what_works)
{
    struct world w;
    size_t h;

    world_converge(&w, 4, 3);
    for (h = 0; h < 4; h++) {
        w.hosts[h].processes[2].broken = true;
    }
    world_set_memory(&w, MEMORY_2);
    world_run(&w, WORLD_PROGRESS_DEADLINE_MS + 1000);
    world_expect(&w, "[  500] 0002 intent-put h2 run configure\n");
    cr_expect_str_eq(world_reason(&w, CONDITION_STALLED), "ProgressDeadlineExceeded");
    cr_expect_str_eq(world_reason(&w, CONDITION_PROGRESSING), "ProgressDeadlineExceeded");
    cr_expect(!world_condition(&w, CONDITION_PROGRESSING));
    cr_expect_str_eq(
        world_message(&w, CONDITION_STALLED),
        "the rollout has made no progress for progressDeadline; slot 0002: it can't come up, and nothing shows that its settings work elsewhere: dies at once");
    cr_expect(w.hosts[0].processes[1].running);
    cr_expect(w.hosts[2].processes[3].running);
    world_deinit(&w);
}

static void stall(struct world *w)
{
    size_t h;

    world_converge(w, 4, 3);
    for (h = 0; h < 4; h++) {
        w->hosts[h].processes[2].broken = true;
    }
    world_set_memory(w, MEMORY_2);
    world_run(w, WORLD_PROGRESS_DEADLINE_MS + 1000);
    cr_assert_str_eq(world_reason(w, CONDITION_STALLED), "ProgressDeadlineExceeded");
    world_hush(w);
}

static void mend(struct world *w)
{
    size_t h;

    for (h = 0; h < 4; h++) {
        w->hosts[h].processes[2].broken = false;
    }
}

/* The drain of a host is a new goal for those whose nodes have to leave it. */
Test(rollouts, a_stopped_one_takes_the_drain_of_its_host_for_a_new_beginning)
{
    struct world w;

    stall(&w);
    world_cordon(&w, 3, true);
    world_run(&w, 500);
    cr_expect_str_eq(world_reason(&w, CONDITION_STALLED), "ProgressDeadlineExceeded");
    world_cordon(&w, 2, true);
    world_run(&w, WORLD_STEP_MS);
    cr_expect_str_neq(world_reason(&w, CONDITION_STALLED), "ProgressDeadlineExceeded");
    world_run(&w, 3000);
    cr_expect_not_null(world_intent(&w, "h1", 3));
    world_deinit(&w);
}

Test(rollouts, a_stopped_one_turns_to_a_new_spec)
{
    struct world w;

    stall(&w);
    mend(&w);
    world_set_memory(&w, SPEC_MEMORY_BYTES_DEFAULT);
    world_settle(&w, 20000);
    world_expect(&w, "[31500] 0002 intent-put h2 run configure\n");
    cr_expect(world_condition(&w, CONDITION_CONVERGED));
    cr_expect_eq(w.keys.status->progress_ms, 0);
    world_deinit(&w);
}

Test(rollouts, a_stopped_one_goes_on_when_it_gets_nearer_by_itself)
{
    struct world w;

    stall(&w);
    mend(&w);
    world_settle(&w, 20000);
    world_expect(&w, "[31600] 0003 intent-put h3 run configure\n"
                     "[31900] 0002 alias-set v1 alias-follow\n"
                     "[31900] 0001 intent-put h1 run configure\n");
    cr_expect(world_condition(&w, CONDITION_CONVERGED));
    world_deinit(&w);
}

Test(rollouts, a_stopped_one_goes_on_when_an_operator_says_so)
{
    struct world w;

    world_converge(&w, 2, 2);
    w.keys.spec.spec.unavailable_max = 0;
    w.hosts[0].host.nodes_max = 1;
    w.hosts[1].host.nodes_max = 1;
    world_set_memory(&w, MEMORY_2);
    world_run(&w, WORLD_PROGRESS_DEADLINE_MS + WORLD_DRAIN_MS + 1000);
    world_expect(&w, "");
    cr_expect_str_eq(world_reason(&w, CONDITION_STALLED), "ProgressDeadlineExceeded");
    w.hosts[0].host.nodes_max = 16;
    w.hosts[1].host.nodes_max = 16;
    w.changes++;
    world_settle(&w, 20000);
    world_expect(&w, "");
    world_resume(&w);
    world_settle(&w, 20000);
    world_expect(&w, "[33700] 0002 intent-put h1 run succeed\n"
                     "[33900] 0002 config-push v1 push\n"
                     "[34000] - config-commit v2 [0001 0002] commit\n"
                     "[34000] 0001 config-push v2 push\n"
                     "[34000] 0002 config-push v2 push\n"
                     "[34000] 0002 config-push v2 push\n"
                     "[34100] 0001 alias-set v2 alias-follow\n"
                     "[34100] 0002 intent-put h2 drain drain\n"
                     "[34400] 0002 intent-put h2 stop stop-superseded\n"
                     "[34500] 0002 intent-delete h2 forget-stopped\n"
                     "[34500] 0001 intent-put h2 run succeed\n"
                     "[34700] 0001 config-push v2 push\n"
                     "[34800] 0002 alias-set v2 alias-follow\n"
                     "[34800] - config-commit v3 [0001 0002] commit\n"
                     "[34800] 0001 config-push v3 push\n"
                     "[34800] 0001 config-push v3 push\n"
                     "[34800] 0002 config-push v3 push\n"
                     "[34900] 0002 alias-set v3 alias-follow\n"
                     "[34900] 0001 intent-put h1 drain drain\n"
                     "[35200] 0001 intent-put h1 stop stop-superseded\n"
                     "[35300] 0001 intent-delete h1 forget-stopped\n");
    cr_expect(world_condition(&w, CONDITION_CONVERGED));
    world_deinit(&w);
}

/* What is down is taken down by nobody. */
Test(rollouts, the_only_node_that_is_down_gets_its_new_settings_at_once)
{
    struct world w;

    world_converge(&w, 3, 3);
    w.keys.spec.spec.unavailable_max = 0;
    w.hosts[1].processes[2].broken = true;
    world_kill_process(&w, 1, 2);
    world_run(&w, 300);
    world_hush(&w);
    world_set_memory(&w, MEMORY_2);
    world_run(&w, WORLD_STEP_MS);
    world_expect(&w, "[  800] 0002 intent-put h2 run configure-down\n");
    world_deinit(&w);
}

Test(rollouts, nodes_that_are_down_with_the_others_wait_until_they_count_as_failed)
{
    struct world w;

    world_converge(&w, 4, 4);
    w.hosts[1].processes[2].broken = true;
    w.hosts[2].processes[3].broken = true;
    world_kill_process(&w, 1, 2);
    world_kill_process(&w, 2, 3);
    world_run(&w, 300);
    world_hush(&w);
    world_set_memory(&w, MEMORY_2);
    world_run(&w, 4000);
    world_expect(&w, "[ 3500] 0002 intent-put h2 run configure-failed\n"
                     "[ 3500] 0003 intent-put h3 run configure-failed\n");
    w.hosts[1].processes[2].broken = false;
    w.hosts[2].processes[3].broken = false;
    world_settle(&w, 20000);
    cr_expect(world_condition(&w, CONDITION_CONVERGED));
    world_deinit(&w);
}

/* However many may be down, the endpoint has somewhere to point to. */
Test(rollouts, the_node_that_the_alias_points_to_comes_after_all_others)
{
    struct world w;

    world_converge(&w, 3, 3);
    w.keys.spec.spec.unavailable_max = 3;
    world_set_memory(&w, MEMORY_2);
    world_settle(&w, 20000);
    world_expect(&w, "[  500] 0002 intent-put h2 run configure\n"
                     "[  500] 0003 intent-put h3 run configure\n"
                     "[  800] 0002 alias-set v1 alias-follow\n"
                     "[  800] 0001 intent-put h1 run configure\n");
    world_deinit(&w);
}

Test(rollouts, a_spec_that_changes_on_the_way_is_turned_to_at_once)
{
    struct world w;

    world_converge(&w, 3, 3);
    world_set_memory(&w, MEMORY_2);
    world_run(&w, 200);
    world_set_memory(&w, SPEC_MEMORY_BYTES_DEFAULT * 3);
    world_settle(&w, 20000);
    world_expect(&w, "[  500] 0002 intent-put h2 run configure\n"
                     "[  700] 0002 intent-put h2 run configure\n"
                     "[ 1000] 0003 intent-put h3 run configure\n"
                     "[ 1300] 0002 alias-set v1 alias-follow\n"
                     "[ 1300] 0001 intent-put h1 run configure\n");
    world_deinit(&w);
}

Test(rollouts, a_long_drain_is_no_lack_of_progress)
{
    const uint64_t until_ms = WORLD_START_MS + UINT64_C(5) * WORLD_PROGRESS_DEADLINE_MS;
    struct world w;

    world_converge(&w, 3, 2);
    w.keys.spec.spec.unavailable_max = 0;
    w.keys.spec.spec.drain_ms = 2 * WORLD_PROGRESS_DEADLINE_MS;
    w.clients_stay = true;
    world_set_memory(&w, MEMORY_2);
    while (w.now_ms < until_ms) {
        world_step(&w);
        cr_assert(!world_condition(&w, CONDITION_STALLED), "%s",
                  world_message(&w, CONDITION_STALLED));
    }
    world_expect(&w, "[  500] 0002 intent-put h3 run succeed\n"
                     "[  700] 0002 config-push v1 push\n"
                     "[  800] - config-commit v2 [0001 0002] commit\n"
                     "[  800] 0001 config-push v2 push\n"
                     "[  800] 0002 config-push v2 push\n"
                     "[  800] 0002 config-push v2 push\n"
                     "[  900] 0001 alias-set v2 alias-follow\n"
                     "[  900] 0002 intent-put h2 drain drain\n"
                     "[60900] 0002 intent-put h2 stop stop-superseded\n"
                     "[61000] 0002 intent-delete h2 forget-stopped\n"
                     "[61000] 0001 intent-put h2 run succeed\n"
                     "[61200] 0001 config-push v2 push\n"
                     "[61300] 0002 alias-set v2 alias-follow\n"
                     "[61300] - config-commit v3 [0001 0002] commit\n"
                     "[61300] 0001 config-push v3 push\n"
                     "[61300] 0001 config-push v3 push\n"
                     "[61300] 0002 config-push v3 push\n"
                     "[61400] 0002 alias-set v3 alias-follow\n"
                     "[61400] 0001 intent-put h1 drain drain\n"
                     "[121400] 0001 intent-put h1 stop stop-superseded\n"
                     "[121500] 0001 intent-delete h1 forget-stopped\n");
    cr_expect(world_condition(&w, CONDITION_CONVERGED));
    world_deinit(&w);
}

Test(rollouts, the_clusters_own_restarts_are_no_reason_to_warn)
{
    struct world w;
    size_t i;

    world_converge(&w, 3, 3);
    world_set_memory(&w, MEMORY_2);
    for (i = 0; i < 20; i++) {
        world_step(&w);
        cr_assert(!world_condition(&w, CONDITION_DEGRADED), "%s",
                  world_message(&w, CONDITION_DEGRADED));
    }
    world_delete(&w);
    while (w.keys.spec_there) {
        world_step(&w);
        cr_assert(!world_condition(&w, CONDITION_DEGRADED));
    }
    world_deinit(&w);
}
