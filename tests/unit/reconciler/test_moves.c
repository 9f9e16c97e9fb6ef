/* Nodes that leave their host, or their settings, for a successor. Told like the stories. */
#include <criterion/criterion.h>
#include <string.h>

#include "world.h"

Test(moves, a_drained_host_is_left_node_by_node_and_the_alias_moves_once)
{
    struct world w;

    world_converge(&w, 3, 4);
    world_cordon(&w, 0, true);
    world_settle(&w, 40000);
    world_expect(&w, "[  500] 0004 intent-put h2 run leave-host\n"
                     "[  700] 0004 config-push v1 push\n"
                     "[  800] - config-commit v2 [0001 0002 0003 0004] commit\n"
                     "[  800] 0001 config-push v2 push\n"
                     "[  800] 0002 config-push v2 push\n"
                     "[  800] 0003 config-push v2 push\n"
                     "[  800] 0004 config-push v2 push\n"
                     "[  800] 0004 config-push v2 push\n"
                     "[  900] 0001 alias-set v2 alias-follow\n"
                     "[  900] 0004 intent-put h1 drain drain\n"
                     "[ 1200] 0004 intent-put h1 stop stop-superseded\n"
                     "[ 1300] 0004 intent-delete h1 forget-stopped\n"
                     "[ 1300] 0001 intent-put h3 run leave-host\n"
                     "[ 1500] 0001 config-push v2 push\n"
                     "[ 1600] 0002 alias-set v2 alias-follow\n"
                     "[ 1600] - config-commit v3 [0001 0002 0003 0004] commit\n"
                     "[ 1600] 0001 config-push v3 push\n"
                     "[ 1600] 0001 config-push v3 push\n"
                     "[ 1600] 0002 config-push v3 push\n"
                     "[ 1600] 0003 config-push v3 push\n"
                     "[ 1600] 0004 config-push v3 push\n"
                     "[ 1700] 0002 alias-set v3 alias-follow\n"
                     "[ 1700] 0001 intent-put h1 drain drain\n"
                     "[ 2000] 0001 intent-put h1 stop stop-superseded\n"
                     "[ 2100] 0001 intent-delete h1 forget-stopped\n");
    cr_expect(world_condition(&w, CONDITION_CONVERGED));
    cr_expect_eq(w.stops, 2);
    cr_expect_eq(w.starts, 6);
    world_deinit(&w);
}

Test(moves, clients_of_a_succeeded_node_have_their_time)
{
    struct world w;

    world_converge(&w, 2, 1);
    w.keys.spec.spec.drain_ms = 5000;
    w.clients_stay = true;
    world_cordon(&w, 0, true);
    world_settle(&w, 40000);
    world_expect(&w, "[  500] 0001 intent-put h2 run leave-host\n"
                     "[  700] 0001 config-push v1 push\n"
                     "[  800] - config-commit v2 [0001] commit\n"
                     "[  800] 0001 config-push v2 push\n"
                     "[  800] 0001 config-push v2 push\n"
                     "[  900] 0001 alias-set v2 alias-follow\n"
                     "[  900] 0001 intent-put h1 drain drain\n"
                     "[ 5900] 0001 intent-put h1 stop stop-superseded\n"
                     "[ 6000] 0001 intent-delete h1 forget-stopped\n");
    world_deinit(&w);
}

Test(moves, a_node_that_leaves_counts_no_more_for_the_spread)
{
    struct world w;

    world_init(&w, 3);
    w.hosts[0].host.zone = "a";
    w.hosts[1].host.zone = "a";
    w.hosts[2].host.zone = "b";
    world_apply(&w, 3);
    w.keys.spec.spec.spread_by = SPEC_SPREAD_ZONE;
    world_settle(&w, 20000);
    cr_assert_not_null(world_intent(&w, "h1", 1));
    cr_assert_not_null(world_intent(&w, "h3", 2));
    cr_assert_not_null(world_intent(&w, "h2", 3));
    world_cordon(&w, 0, true);
    world_settle(&w, 20000);
    cr_expect_not_null(world_intent(&w, "h2", 1));
    world_deinit(&w);
}

Test(moves, a_cordoned_host_keeps_its_nodes_and_gets_no_more)
{
    struct world w;

    world_converge(&w, 2, 2);
    world_cordon(&w, 0, false);
    world_settle(&w, 20000);
    world_expect(&w, "");
    world_apply(&w, 4);
    world_settle(&w, 20000);
    world_expect(&w, "[  700] 0003 intent-put h2 run place\n"
                     "[  700] 0004 intent-put h2 run place\n"
                     "[  900] 0003 config-push v1 push\n"
                     "[  900] 0004 config-push v1 push\n"
                     "[ 1000] - config-commit v2 [0001 0002 0003 0004] commit\n"
                     "[ 1000] 0001 config-push v2 push\n"
                     "[ 1000] 0002 config-push v2 push\n"
                     "[ 1000] 0003 config-push v2 push\n"
                     "[ 1000] 0004 config-push v2 push\n"
                     "[ 1100] 0001 alias-set v2 alias-follow\n");
    world_deinit(&w);
}

Test(moves, a_host_that_placement_no_longer_names_is_left)
{
    static const char *const names[] = { "h2", "h3" };
    struct world w;

    world_converge(&w, 3, 3);
    w.keys.spec.spec.hosts = names;
    w.keys.spec.spec.hosts_count = 2;
    world_apply(&w, 3);
    world_settle(&w, 40000);
    world_expect(&w, "[  500] 0001 intent-put h2 run leave-host\n"
                     "[  700] 0001 config-push v1 push\n"
                     "[  800] 0002 alias-set v1 alias-follow\n"
                     "[  800] - config-commit v2 [0001 0002 0003] commit\n"
                     "[  800] 0001 config-push v2 push\n"
                     "[  800] 0001 config-push v2 push\n"
                     "[  800] 0002 config-push v2 push\n"
                     "[  800] 0003 config-push v2 push\n"
                     "[  900] 0002 alias-set v2 alias-follow\n"
                     "[  900] 0001 intent-put h1 drain drain\n"
                     "[ 1200] 0001 intent-put h1 stop stop-superseded\n"
                     "[ 1300] 0001 intent-delete h1 forget-stopped\n");
    world_deinit(&w);
}

Test(moves, a_host_whose_labels_no_longer_suit_is_left_and_one_that_is_gone_is_not)
{
    static const struct label wanted[] = { { "disk", "ssd" } };
    struct world w;

    world_converge(&w, 3, 3);
    w.hosts[0].host.labels = wanted;
    w.hosts[0].host.labels_count = 1;
    world_kill_machine(&w, 2);
    world_run(&w, 2000);
    world_hush(&w);
    w.keys.spec.spec.surge_max = 2;
    w.keys.spec.spec.host_labels = wanted;
    w.keys.spec.spec.host_labels_count = 1;
    world_apply(&w, 3);
    world_run(&w, 300);
    world_expect(&w, "[ 2500] 0002 intent-put h1 run leave-host\n"
                     "[ 2700] 0002 config-push v1 push\n");
    world_deinit(&w);
}

Test(moves, new_settings_come_by_successors_when_nothing_may_be_down)
{
    struct world w;

    world_converge(&w, 3, 3);
    w.keys.spec.spec.unavailable_max = 0;
    world_set_memory(&w, SPEC_MEMORY_BYTES_DEFAULT * 2);
    world_settle(&w, 40000);
    world_expect(&w, "[  500] 0002 intent-put h1 run succeed\n"
                     "[  700] 0002 config-push v1 push\n"
                     "[  800] - config-commit v2 [0001 0002 0003] commit\n"
                     "[  800] 0001 config-push v2 push\n"
                     "[  800] 0002 config-push v2 push\n"
                     "[  800] 0002 config-push v2 push\n"
                     "[  800] 0003 config-push v2 push\n"
                     "[  900] 0001 alias-set v2 alias-follow\n"
                     "[  900] 0002 intent-put h2 drain drain\n"
                     "[ 1200] 0002 intent-put h2 stop stop-superseded\n"
                     "[ 1300] 0002 intent-delete h2 forget-stopped\n"
                     "[ 1300] 0003 intent-put h2 run succeed\n"
                     "[ 1500] 0003 config-push v2 push\n"
                     "[ 1600] - config-commit v3 [0001 0002 0003] commit\n"
                     "[ 1600] 0001 config-push v3 push\n"
                     "[ 1600] 0002 config-push v3 push\n"
                     "[ 1600] 0003 config-push v3 push\n"
                     "[ 1600] 0003 config-push v3 push\n"
                     "[ 1700] 0001 alias-set v3 alias-follow\n"
                     "[ 1700] 0003 intent-put h3 drain drain\n"
                     "[ 2000] 0003 intent-put h3 stop stop-superseded\n"
                     "[ 2100] 0003 intent-delete h3 forget-stopped\n"
                     "[ 2100] 0001 intent-put h3 run succeed\n"
                     "[ 2300] 0001 config-push v3 push\n"
                     "[ 2400] 0002 alias-set v3 alias-follow\n"
                     "[ 2400] - config-commit v4 [0001 0002 0003] commit\n"
                     "[ 2400] 0001 config-push v4 push\n"
                     "[ 2400] 0001 config-push v4 push\n"
                     "[ 2400] 0002 config-push v4 push\n"
                     "[ 2400] 0003 config-push v4 push\n"
                     "[ 2500] 0002 alias-set v4 alias-follow\n"
                     "[ 2500] 0001 intent-put h1 drain drain\n"
                     "[ 2800] 0001 intent-put h1 stop stop-superseded\n"
                     "[ 2900] 0001 intent-delete h1 forget-stopped\n");
    cr_expect_eq(w.restarts, 0);
    cr_expect(world_condition(&w, CONDITION_CONVERGED));
    world_deinit(&w);
}

static void drain_with_settings_pending(struct world *w)
{
    world_converge(w, 3, 2);
    w->keys.spec.spec.unavailable_max = 0;
    world_pause(w, true);
    world_set_memory(w, SPEC_MEMORY_BYTES_DEFAULT * 2);
    world_cordon(w, 1, true);
}

Test(moves, a_drained_host_is_left_with_the_old_settings_while_new_ones_are_paused)
{
    struct world w;

    drain_with_settings_pending(&w);
    world_settle(&w, 40000);
    world_expect(&w, "[  500] 0002 intent-put h3 run leave-host\n"
                     "[  700] 0002 config-push v1 push\n"
                     "[  800] - config-commit v2 [0001 0002] commit\n"
                     "[  800] 0001 config-push v2 push\n"
                     "[  800] 0002 config-push v2 push\n"
                     "[  800] 0002 config-push v2 push\n"
                     "[  900] 0001 alias-set v2 alias-follow\n"
                     "[  900] 0002 intent-put h2 drain drain\n"
                     "[ 1200] 0002 intent-put h2 stop stop-superseded\n"
                     "[ 1300] 0002 intent-delete h2 forget-stopped\n");
    cr_expect_eq(world_intent(&w, "h3", 2)->settings.memory_bytes, SPEC_MEMORY_BYTES_DEFAULT);
    cr_expect_str_eq(world_reason(&w, CONDITION_CONVERGED), "RolloutPaused");
    cr_expect_eq(w.restarts, 0);
    world_resume(&w);
    world_settle(&w, 40000);
    cr_expect(world_condition(&w, CONDITION_CONVERGED));
    cr_expect_eq(w.restarts, 0);
    world_deinit(&w);
}

/* Clients don't know it before its new start. */
Test(moves, a_rollout_that_goes_on_in_the_middle_of_a_move_restarts_no_member)
{
    struct world w;

    drain_with_settings_pending(&w);
    world_run(&w, 300);
    world_resume(&w);
    world_run(&w, 500);
    world_expect(&w, "[  500] 0002 intent-put h3 run leave-host\n"
                     "[  700] 0002 config-push v1 push\n"
                     "[  800] 0002 intent-put h3 run configure-new\n"
                     "[ 1100] - config-commit v2 [0001 0002] commit\n"
                     "[ 1100] 0001 config-push v2 push\n"
                     "[ 1100] 0002 config-push v2 push\n"
                     "[ 1100] 0002 config-push v2 push\n"
                     "[ 1200] 0001 alias-set v2 alias-follow\n"
                     "[ 1200] 0002 intent-put h2 drain drain\n");
    world_settle(&w, 40000);
    cr_expect(world_condition(&w, CONDITION_CONVERGED));
    world_deinit(&w);
}

Test(moves, as_many_nodes_as_max_surge_are_succeeded_at_once)
{
    struct world w;

    world_converge(&w, 4, 3);
    w.keys.spec.spec.unavailable_max = 0;
    w.keys.spec.spec.surge_max = 2;
    world_set_memory(&w, SPEC_MEMORY_BYTES_DEFAULT * 2);
    world_settle(&w, 40000);
    world_expect(&w, "[  500] 0002 intent-put h4 run succeed\n"
                     "[  500] 0003 intent-put h2 run succeed\n"
                     "[  700] 0002 config-push v1 push\n"
                     "[  700] 0003 config-push v1 push\n"
                     "[  800] - config-commit v2 [0001 0002 0003] commit\n"
                     "[  800] 0001 config-push v2 push\n"
                     "[  800] 0002 config-push v2 push\n"
                     "[  800] 0002 config-push v2 push\n"
                     "[  800] 0003 config-push v2 push\n"
                     "[  800] 0003 config-push v2 push\n"
                     "[  900] 0001 alias-set v2 alias-follow\n"
                     "[  900] 0002 intent-put h2 drain drain\n"
                     "[  900] 0003 intent-put h3 drain drain\n"
                     "[ 1200] 0002 intent-put h2 stop stop-superseded\n"
                     "[ 1200] 0003 intent-put h3 stop stop-superseded\n"
                     "[ 1300] 0002 intent-delete h2 forget-stopped\n"
                     "[ 1300] 0003 intent-delete h3 forget-stopped\n"
                     "[ 1300] 0001 intent-put h3 run succeed\n"
                     "[ 1500] 0001 config-push v2 push\n"
                     "[ 1600] 0002 alias-set v2 alias-follow\n"
                     "[ 1600] - config-commit v3 [0001 0002 0003] commit\n"
                     "[ 1600] 0001 config-push v3 push\n"
                     "[ 1600] 0001 config-push v3 push\n"
                     "[ 1600] 0002 config-push v3 push\n"
                     "[ 1600] 0003 config-push v3 push\n"
                     "[ 1700] 0002 alias-set v3 alias-follow\n"
                     "[ 1700] 0001 intent-put h1 drain drain\n"
                     "[ 2000] 0001 intent-put h1 stop stop-superseded\n"
                     "[ 2100] 0001 intent-delete h1 forget-stopped\n");
    world_deinit(&w);
}

Test(moves, without_surge_a_host_is_left_by_one_node_beyond_the_count)
{
    struct world w;

    world_converge(&w, 3, 4);
    w.keys.spec.spec.surge_max = 0;
    world_cordon(&w, 0, true);
    world_run(&w, 600);
    world_expect(&w, "[  500] 0004 intent-put h2 run leave-host\n"
                     "[  700] 0004 config-push v1 push\n"
                     "[  800] - config-commit v2 [0001 0002 0003 0004] commit\n"
                     "[  800] 0001 config-push v2 push\n"
                     "[  800] 0002 config-push v2 push\n"
                     "[  800] 0003 config-push v2 push\n"
                     "[  800] 0004 config-push v2 push\n"
                     "[  800] 0004 config-push v2 push\n"
                     "[  900] 0001 alias-set v2 alias-follow\n"
                     "[  900] 0004 intent-put h1 drain drain\n");
    cr_expect_str_eq(w.keys.status->slots[0].rule, "await-leaving");
    world_deinit(&w);
}

Test(moves, an_uncordoned_host_keeps_the_node_whose_successor_is_not_listed_yet)
{
    struct world w;

    world_converge(&w, 3, 3);
    world_cordon(&w, 0, true);
    world_run(&w, 200);
    cr_expect_str_eq(world_message(&w, CONDITION_PROGRESSING),
                     "slot 0001 on h2: it takes its slot over once it is proven");
    world_uncordon(&w, 0);
    world_settle(&w, 40000);
    world_expect(&w, "[  500] 0001 intent-put h2 run leave-host\n"
                     "[  700] 0001 config-push v1 push\n"
                     "[  700] 0001 intent-put h2 drain drain\n"
                     "[ 1000] 0001 intent-put h2 stop stop-superseded\n"
                     "[ 1100] 0001 intent-delete h2 forget-stopped\n");
    world_deinit(&w);
}

Test(moves, settings_that_go_back_leave_the_successor_without_a_task)
{
    struct world w;

    world_converge(&w, 3, 3);
    w.keys.spec.spec.unavailable_max = 0;
    world_set_memory(&w, SPEC_MEMORY_BYTES_DEFAULT * 2);
    world_run(&w, 200);
    world_set_memory(&w, SPEC_MEMORY_BYTES_DEFAULT);
    world_settle(&w, 40000);
    world_expect(&w, "[  500] 0002 intent-put h1 run succeed\n"
                     "[  700] 0002 config-push v1 push\n"
                     "[  700] 0002 intent-put h1 drain drain\n"
                     "[ 1000] 0002 intent-put h1 stop stop-superseded\n"
                     "[ 1100] 0002 intent-delete h1 forget-stopped\n");
    world_deinit(&w);
}

Test(moves, a_successor_turns_to_newer_settings_before_it_is_listed)
{
    struct world w;

    world_converge(&w, 2, 1);
    w.keys.spec.spec.unavailable_max = 0;
    world_set_memory(&w, SPEC_MEMORY_BYTES_DEFAULT * 2);
    world_run(&w, 200);
    world_set_memory(&w, SPEC_MEMORY_BYTES_DEFAULT * 3);
    world_settle(&w, 40000);
    world_expect(&w, "[  500] 0001 intent-put h2 run succeed\n"
                     "[  700] 0001 config-push v1 push\n"
                     "[  700] 0001 intent-put h2 run configure-successor\n"
                     "[ 1000] - config-commit v2 [0001] commit\n"
                     "[ 1000] 0001 config-push v2 push\n"
                     "[ 1000] 0001 config-push v2 push\n"
                     "[ 1100] 0001 alias-set v2 alias-follow\n"
                     "[ 1100] 0001 intent-put h1 drain drain\n"
                     "[ 1400] 0001 intent-put h1 stop stop-superseded\n"
                     "[ 1500] 0001 intent-delete h1 forget-stopped\n");
    world_deinit(&w);
}

Test(moves, a_successor_that_does_not_come_up_is_tried_elsewhere_and_the_node_goes_on)
{
    struct world w;

    world_converge(&w, 3, 1);
    w.hosts[1].processes[1].broken = true;
    world_cordon(&w, 0, true);
    world_settle(&w, 40000);
    world_expect(&w, "[  500] 0001 intent-put h2 run leave-host\n"
                     "[ 3500] 0001 intent-put h3 run leave-host\n"
                     "[ 3500] 0001 intent-put h2 stop stop-superseded\n"
                     "[ 3600] 0001 intent-delete h2 forget-stopped\n"
                     "[ 3700] 0001 config-push v1 push\n"
                     "[ 3800] - config-commit v2 [0001] commit\n"
                     "[ 3800] 0001 config-push v2 push\n"
                     "[ 3800] 0001 config-push v2 push\n"
                     "[ 3900] 0001 alias-set v2 alias-follow\n"
                     "[ 3900] 0001 intent-put h1 drain drain\n"
                     "[ 4200] 0001 intent-put h1 stop stop-superseded\n"
                     "[ 4300] 0001 intent-delete h1 forget-stopped\n");
    cr_expect(world_condition(&w, CONDITION_CONVERGED));
    world_deinit(&w);
}

Test(moves, a_host_that_dies_while_it_is_drained_is_left_all_the_same)
{
    struct world w;

    world_converge(&w, 3, 2);
    world_cordon(&w, 0, true);
    world_run(&w, 200);
    world_kill_machine(&w, 0);
    world_run(&w, 8000);
    world_expect(&w, "[  500] 0001 intent-put h3 run leave-host\n"
                     "[  700] 0001 config-push v1 push\n"
                     "[  800] 0002 alias-set v1 alias-follow\n"
                     "[  800] - config-commit v2 [0001 0002] commit\n"
                     "[  800] 0001 config-push v2 push\n"
                     "[  800] 0001 config-push v2 push\n"
                     "[  800] 0002 config-push v2 push\n"
                     "[  900] 0002 alias-set v2 alias-follow\n"
                     "[  900] 0001 intent-put h1 drain drain\n"
                     "[ 1400] 0001 config-push v2 push\n"
                     "[ 2900] 0001 intent-put h1 stop stop-superseded\n");
    world_deinit(&w);
}

Test(moves, a_drain_that_fits_nowhere_says_so_and_goes_on_with_a_new_host)
{
    struct world w;
    size_t events;

    world_converge(&w, 2, 2);
    world_cordon(&w, 0, true);
    w.hosts[1].host.nodes_max = 1;
    world_run(&w, 1000);
    world_expect(&w, "");
    cr_expect_str_eq(world_reason(&w, CONDITION_UNSCHEDULABLE), "NoHostForSuccessor");
    cr_expect_str_eq(
        world_message(&w, CONDITION_UNSCHEDULABLE),
        "slot 0001 fits on no host: h1: cordoned; h2: no free address (1 nodes at most)");
    cr_expect_str_eq(world_reason(&w, CONDITION_STALLED), "Unschedulable");
    events = w.events;
    world_run(&w, WORLD_PROGRESS_DEADLINE_MS + WORLD_DRAIN_MS);
    cr_expect_str_eq(world_reason(&w, CONDITION_STALLED), "ProgressDeadlineExceeded");
    cr_expect_str_eq(world_message(&w, CONDITION_STALLED),
                     "the rollout has made no progress for progressDeadline; slot 0001 fits on no "
                     "host: h1: cordoned; h2: no free address (1 nodes at most)");
    cr_expect_str_eq(world_message(&w, CONDITION_CONVERGED), world_message(&w, CONDITION_STALLED));
    cr_expect_eq(w.events, events + 1);
    w.hosts[1].host.nodes_max = 16;
    w.changes++;
    world_run(&w, 3000);
    world_expect(&w, "[33500] 0001 intent-put h2 run leave-host\n"
                     "[33700] 0001 config-push v1 push\n"
                     "[33800] 0002 alias-set v1 alias-follow\n"
                     "[33800] - config-commit v2 [0001 0002] commit\n"
                     "[33800] 0001 config-push v2 push\n"
                     "[33800] 0001 config-push v2 push\n"
                     "[33800] 0002 config-push v2 push\n"
                     "[33900] 0002 alias-set v2 alias-follow\n"
                     "[33900] 0001 intent-put h1 drain drain\n"
                     "[34200] 0001 intent-put h1 stop stop-superseded\n"
                     "[34300] 0001 intent-delete h1 forget-stopped\n");
    cr_expect(world_condition(&w, CONDITION_CONVERGED));
    world_deinit(&w);
}
