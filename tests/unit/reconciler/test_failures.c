/* Nodes that fail again and again, or all at once. Told like the stories. */
#include <criterion/criterion.h>
#include <string.h>

#include "reconciler/failure.h"
#include "world.h"

Test(failures, a_slot_that_was_replaced_lately_waits_twice_as_long)
{
    struct world w;

    world_converge(&w, 5, 3);
    world_kill_machine(&w, 1);
    world_run(&w, 4100);
    cr_expect_str_eq(world_message(&w, CONDITION_PROGRESSING),
                     "slot 0002 on h4: it takes its slot over once it is proven");
    cr_expect(!world_condition(&w, CONDITION_CONVERGED));
    cr_expect(!world_condition(&w, CONDITION_STALLED));
    world_run(&w, 900);
    cr_expect(world_condition(&w, CONDITION_CONVERGED));
    world_expect(&w, "[ 4500] 0002 intent-put h4 run replace\n"
                     "[ 4500] 0002 intent-put h2 run replace\n"
                     "[ 4700] 0002 config-push v1 push\n"
                     "[ 4800] - config-commit v2 [0001 0002 0003] commit\n"
                     "[ 4800] 0001 config-push v2 push\n"
                     "[ 4800] 0002 config-push v2 push\n"
                     "[ 4800] 0003 config-push v2 push\n"
                     "[ 4900] 0001 alias-set v2 alias-follow\n"
                     "[ 4900] 0002 intent-put h2 stop stop-superseded\n");
    cr_expect_eq(world_intent(&w, "h4", 2)->flaps, 1);
    world_kill_machine(&w, 3);
    world_run(&w, 12000);
    world_expect(&w, "[12500] 0002 intent-put h5 run replace\n"
                     "[12500] 0002 intent-put h4 run replace\n"
                     "[12700] 0002 config-push v2 push\n"
                     "[12800] - config-commit v3 [0001 0002 0003] commit\n"
                     "[12800] 0001 config-push v3 push\n"
                     "[12800] 0002 config-push v3 push\n"
                     "[12800] 0003 config-push v3 push\n"
                     "[12900] 0001 alias-set v3 alias-follow\n"
                     "[12900] 0002 intent-put h4 stop stop-superseded\n");
    cr_expect_eq(world_intent(&w, "h5", 2)->flaps, 2);
    world_deinit(&w);
}

Test(failures, a_node_that_comes_back_and_goes_again_waits_longer_too)
{
    struct world w;

    world_converge(&w, 4, 3);
    w.hosts[3].processes[2].deaf = true;
    world_kill_machine(&w, 1);
    world_run(&w, 4500);
    world_start_machine(&w, 1);
    world_settle(&w, 20000);
    world_expect(&w, "[ 4500] 0002 intent-put h4 run replace\n"
                     "[ 4500] 0002 intent-put h2 run replace\n"
                     "[ 4700] 0002 config-push v1 push\n"
                     "[ 5000] 0002 config-push v1 push\n"
                     "[ 5100] 0002 intent-put h4 drain drain\n"
                     "[ 5300] 0002 config-push v1 push\n"
                     "[ 5400] 0002 intent-put h4 stop stop-superseded\n"
                     "[ 5500] 0002 intent-delete h4 forget-stopped\n");
    cr_expect_eq(world_intent(&w, "h2", 2)->flaps, 1);
    world_kill_machine(&w, 1);
    world_run(&w, 8000);
    world_expect(&w, "[12600] 0002 intent-put h4 run replace\n"
                     "[12600] 0002 intent-put h2 run replace\n"
                     "[12800] 0002 config-push v1 push\n"
                     "[13400] 0002 config-push v1 push\n");
    world_deinit(&w);
}

Test(failures, a_move_off_a_host_does_not_delay_the_forgetting_of_flaps)
{
    struct world w;
    uint64_t flapped_ms;

    world_converge(&w, 5, 3);
    world_kill_machine(&w, 1);
    world_run(&w, 8000);
    cr_assert_eq(world_intent(&w, "h4", 2)->flaps, 1);
    flapped_ms = world_intent(&w, "h4", 2)->flapped_ms;
    cr_assert_neq(flapped_ms, 0);
    world_cordon(&w, 3, true);
    world_run(&w, 1000);
    cr_assert_not_null(world_intent(&w, "h5", 2));
    cr_expect_eq(world_intent(&w, "h5", 2)->flaps, 1);
    cr_expect_eq(world_intent(&w, "h5", 2)->flapped_ms, flapped_ms);
    world_deinit(&w);
}

Test(failures, flaps_are_forgotten_with_time)
{
    const struct intent intent = { .flaps = 5, .flapped_ms = 1000 };

    cr_expect_eq(intent_flaps_at(&intent, 999), 4);
    cr_expect_eq(intent_flaps_at(&intent, 1000), 5);
    cr_expect_eq(intent_flaps_at(&intent, 1000 + FLAP_DECAY_MS - 1), 5);
    cr_expect_eq(intent_flaps_at(&intent, 1000 + FLAP_DECAY_MS), 2);
    cr_expect_eq(intent_flaps_at(&intent, 1000 + 2 * FLAP_DECAY_MS), 1);
    cr_expect_eq(intent_flaps_at(&intent, 1000 + 3 * FLAP_DECAY_MS), 0);
    cr_expect_eq(intent_flaps_at(&intent, UINT64_MAX), 0);
}

Test(failures, the_wait_has_an_end)
{
    const struct slot_observation seen = { .slot = 1, .unreachable_since_ms = 5000 };
    const struct intent intent = { .flaps = INTENT_FLAPS_MAX, .flapped_ms = 1 };
    const struct node node = { .intent = &intent, .seen = &seen };
    struct spec spec = { .fail_after_ms = 30000 };
    const struct facts facts = { .spec = &spec };

    cr_expect_eq(node_fails_at_ms(&facts, &node), 5000 + FAIL_WAIT_MS_MAX);
    spec.fail_after_ms = 2 * FAIL_WAIT_MS_MAX;
    cr_expect_eq(node_fails_at_ms(&facts, &node), 5000 + 2 * FAIL_WAIT_MS_MAX);
}

Test(failures, of_a_mass_only_what_an_operator_confirms_is_replaced)
{
    struct world w;

    world_converge(&w, 5, 3);
    world_kill_machine(&w, 0);
    world_kill_machine(&w, 1);
    world_run(&w, 10000);
    world_expect(&w, "[ 1500] 0003 alias-set v1 alias-leave\n");
    cr_expect_str_eq(world_reason(&w, CONDITION_STALLED), "MassFailure");
    cr_expect_str_eq(
        world_message(&w, CONDITION_STALLED),
        "too much looks dead at once: nothing is replaced until part of it returns, "
        "or an operator confirms that it is dead: muster repair confirm " WORLD_CLUSTER);
    cr_expect(!world_condition(&w, CONDITION_CONVERGED));
    cr_expect_str_eq(world_reason(&w, CONDITION_CONVERGED), "MassFailure");
    world_confirm(&w);
    world_run(&w, 5000);
    world_expect(&w, "[10500] 0001 intent-put h4 run replace\n"
                     "[10500] 0001 intent-put h1 run replace\n"
                     "[10500] 0002 intent-put h5 run replace\n"
                     "[10500] 0002 intent-put h2 run replace\n"
                     "[10700] 0001 config-push v1 push\n"
                     "[10700] 0002 config-push v1 push\n"
                     "[10800] - config-commit v2 [0001 0002 0003] commit\n"
                     "[10800] 0001 config-push v2 push\n"
                     "[10800] 0002 config-push v2 push\n"
                     "[10800] 0003 config-push v2 push\n"
                     "[10900] 0003 alias-set v2 alias-follow\n"
                     "[10900] 0001 intent-put h1 stop stop-superseded\n"
                     "[10900] 0002 intent-put h2 stop stop-superseded\n");
    cr_expect(world_condition(&w, CONDITION_CONVERGED));
    cr_expect(!world_condition(&w, CONDITION_STALLED));
    world_deinit(&w);
}

/* Also where nobody doubts that they are dead. */
Test(failures, a_cluster_of_which_most_nodes_are_gone_is_not_converged)
{
    struct world w;

    world_converge(&w, 4, 4);
    w.hosts[3].host.nodes_max = 1;
    world_kill_machine(&w, 0);
    world_kill_machine(&w, 1);
    world_run(&w, 10000);
    world_confirm(&w);
    world_run(&w, 5000);
    cr_expect(world_condition(&w, CONDITION_CONVERGED));
    w.hosts[2].host.nodes_max = 1;
    world_kill_machine(&w, 2);
    world_run(&w, 10000);
    cr_expect_str_eq(world_reason(&w, CONDITION_CONVERGED), "MassFailure");
    world_confirm(&w);
    world_run(&w, 5000);
    cr_expect(!world_condition(&w, CONDITION_CONVERGED));
    cr_expect_str_eq(world_reason(&w, CONDITION_CONVERGED), "MostNodesGone");
    cr_expect(world_condition(&w, CONDITION_STALLED));
    world_deinit(&w);
}

Test(failures, a_confirmation_outlives_the_controller_that_looked)
{
    struct world w;

    world_converge(&w, 5, 3);
    world_kill_machine(&w, 0);
    world_kill_machine(&w, 1);
    world_run(&w, 10000);
    world_hush(&w);
    w.effects_left = 0;
    world_confirm(&w);
    world_run(&w, 500);
    cr_expect(!w.controller_up);
    world_restart_controller(&w);
    world_run(&w, 6000);
    world_expect(&w, "[14000] 0001 intent-put h4 run replace\n"
                     "[14000] 0001 intent-put h1 run replace\n"
                     "[14000] 0002 intent-put h5 run replace\n"
                     "[14000] 0002 intent-put h2 run replace\n"
                     "[14200] 0001 config-push v1 push\n"
                     "[14200] 0002 config-push v1 push\n"
                     "[14300] - config-commit v2 [0001 0002 0003] commit\n"
                     "[14300] 0001 config-push v2 push\n"
                     "[14300] 0002 config-push v2 push\n"
                     "[14300] 0003 config-push v2 push\n"
                     "[14400] 0003 alias-set v2 alias-follow\n"
                     "[14400] 0001 intent-put h1 stop stop-superseded\n"
                     "[14400] 0002 intent-put h2 stop stop-superseded\n");
    world_deinit(&w);
}

Test(failures, what_dies_after_the_confirmation_is_in_doubt_again)
{
    struct world w;

    world_converge(&w, 6, 3);
    world_confirm(&w);
    world_run(&w, 1000);
    world_kill_machine(&w, 0);
    world_kill_machine(&w, 1);
    world_run(&w, 10000);
    world_expect(&w, "[ 2500] 0003 alias-set v1 alias-leave\n");
    cr_expect_str_eq(world_reason(&w, CONDITION_STALLED), "MassFailure");
    world_deinit(&w);
}

Test(failures, the_brake_lifts_by_itself_when_half_returns)
{
    struct world w;

    world_converge(&w, 5, 3);
    world_kill_machine(&w, 0);
    world_kill_machine(&w, 1);
    world_run(&w, 10000);
    world_hush(&w);
    world_start_machine(&w, 0);
    world_run(&w, 5000);
    world_expect(&w, "[10500] 0001 config-push v1 push\n"
                     "[10500] 0002 intent-put h4 run replace\n"
                     "[10500] 0002 intent-put h2 run replace\n"
                     "[10700] 0002 config-push v1 push\n"
                     "[10800] - config-commit v2 [0001 0002 0003] commit\n"
                     "[10800] 0001 config-push v2 push\n"
                     "[10800] 0002 config-push v2 push\n"
                     "[10800] 0003 config-push v2 push\n"
                     "[10900] 0003 alias-set v2 alias-follow\n"
                     "[10900] 0002 intent-put h2 stop stop-superseded\n");
    world_deinit(&w);
}

Test(failures, a_fleet_that_is_mostly_gone_holds_the_single_node_too)
{
    struct world w;

    world_converge(&w, 4, 1);
    w.fleet_hosts = 5;
    w.fleet_gone = 3;
    world_kill_machine(&w, 0);
    world_run(&w, 10000);
    world_expect(&w, "");
    cr_expect_str_eq(world_reason(&w, CONDITION_STALLED), "MassFailure");
    w.fleet_gone = 1;
    w.changes++;
    world_run(&w, 2000);
    world_expect(&w, "[10500] 0001 intent-put h2 run replace\n"
                     "[10500] 0001 intent-put h1 run replace\n"
                     "[10700] 0001 config-push v1 push\n"
                     "[10800] - config-commit v2 [0001] commit\n"
                     "[10800] 0001 config-push v2 push\n"
                     "[10900] 0001 alias-set v2 alias-leave\n"
                     "[10900] 0001 intent-put h1 stop stop-superseded\n");
    world_deinit(&w);
}

Test(failures, a_member_that_is_down_gets_the_list_before_it_comes_up)
{
    struct world w;

    world_converge(&w, 3, 3);
    w.hosts[0].processes[1].broken = true;
    world_kill_process(&w, 0, 1);
    world_run(&w, 300);
    world_hush(&w);
    world_apply(&w, 2);
    world_run(&w, 1500);
    world_expect(&w, "[  800] - config-commit v2 [0001 0002] take-out\n"
                     "[  800] 0001 config-push v2 push\n"
                     "[  800] 0002 config-push v2 push\n"
                     "[  800] 0003 config-push v2 push\n"
                     "[  900] 0002 alias-set v2 alias-follow\n"
                     "[  900] 0003 intent-put h3 drain drain\n"
                     "[ 1200] 0003 intent-put h3 stop stop-drained\n"
                     "[ 1300] 0003 intent-delete h3 forget-stopped\n");
    cr_expect_eq(w.hosts[0].processes[1].version_seen, 2);
    world_deinit(&w);
}

Test(failures, a_lost_probe_is_no_proof_that_a_silent_member_lists_nobody)
{
    struct world w;

    world_converge(&w, 3, 3);
    world_kill_watcher(&w, 1);
    world_run(&w, 1500);
    world_apply(&w, 2);
    world_run(&w, 500);
    world_hush(&w);
    w.hosts[1].unheard = true;
    world_run(&w, 200);
    w.hosts[1].unheard = false;
    world_run(&w, 2000);
    world_expect(&w, "");
    w.hosts[1].unheard = true;
    world_run(&w, 4000);
    world_expect(&w, "[ 7700] 0002 intent-put h3 run replace\n"
                     "[ 7700] 0002 intent-put h2 run replace\n"
                     "[ 7700] 0003 intent-put h3 drain drain\n"
                     "[ 7900] 0002 config-push v2 push\n"
                     "[ 8000] 0003 intent-put h3 stop stop-drained\n"
                     "[ 8000] - config-commit v3 [0001 0002] commit\n"
                     "[ 8000] 0001 config-push v3 push\n"
                     "[ 8000] 0002 config-push v3 push\n"
                     "[ 8100] 0001 alias-set v3 alias-follow\n"
                     "[ 8100] 0002 intent-put h2 stop stop-superseded\n"
                     "[ 8100] 0003 intent-delete h3 forget-stopped\n");
    world_deinit(&w);
}

Test(failures, a_member_that_is_down_with_an_older_list_keeps_leavers_from_being_stopped)
{
    struct world w;

    world_converge(&w, 3, 3);
    w.hosts[0].processes[1].broken = true;
    w.hosts[0].processes[1].deaf = true;
    w.keys.spec.spec.fail_after_ms = 60000;
    world_kill_process(&w, 0, 1);
    world_run(&w, 300);
    world_apply(&w, 2);
    world_run(&w, 10000);
    cr_expect_str_eq(world_intent(&w, "h3", 3)->host, "h3");
    cr_expect_eq(world_intent(&w, "h3", 3)->phase, INTENT_RUN);
    cr_expect(world_condition(&w, CONDITION_CONVERGED));
    w.hosts[0].processes[1].deaf = false;
    world_run(&w, 2000);
    cr_expect_null(world_intent(&w, "h3", 3));
    cr_expect(!w.hosts[0].processes[1].running);
    world_deinit(&w);
}

/* It can't know yet for how long the node is down that is being replaced. */
Test(failures, a_new_controller_stops_no_replacement_that_is_on_its_way)
{
    struct world w;

    world_converge(&w, 4, 3);
    w.hosts[3].processes[2].deaf = true;
    world_kill_machine(&w, 1);
    world_run(&w, 4500);
    world_restart_controller(&w);
    world_run(&w, 5000);
    cr_expect_eq(world_intent(&w, "h4", 2)->phase, INTENT_RUN);
    w.hosts[3].processes[2].deaf = false;
    world_settle(&w, 20000);
    cr_expect_str_eq(world_members(&w), "0001 0002 0003");
    cr_expect_eq(w.starts, 4);
    world_deinit(&w);
}

Test(failures, the_status_says_since_when_a_node_is_silent_and_unreachable)
{
    const struct slot_status *slot;
    struct world w;
    uint64_t up_since;

    world_converge(&w, 3, 3);
    w.keys.spec.spec.fail_after_ms = 60000;
    up_since = w.keys.status->slots[1].since_ms;
    world_run(&w, 1000);
    cr_expect_eq(w.keys.status->slots[1].since_ms, up_since);
    world_kill_watcher(&w, 1);
    world_run(&w, 2000);
    world_kill_process(&w, 1, 2);
    world_run(&w, 1000);
    slot = &w.keys.status->slots[1];
    cr_expect_str_eq(slot->state, "silent");
    cr_expect_eq(slot->since_ms, WORLD_START_MS + 2500);
    cr_expect_eq(slot->silent_since_ms, WORLD_START_MS + 2500);
    cr_expect_eq(slot->unreachable_since_ms, WORLD_START_MS + 3500);
    cr_expect_lt(w.keys.status->slots[0].since_ms, WORLD_START_MS + 1000);
    world_start_watcher(&w, 1);
    world_settle(&w, 20000);
    slot = &w.keys.status->slots[1];
    cr_expect_eq(slot->silent_since_ms, 0);
    cr_expect_eq(slot->unreachable_since_ms, 0);
    world_deinit(&w);
}

Test(failures, whom_nobody_can_reach_is_named_and_caught_up_later)
{
    struct world w;

    world_converge(&w, 3, 3);
    w.keys.spec.spec.fail_after_ms = 600000;
    world_kill_machine(&w, 2);
    world_apply(&w, 4);
    world_run(&w, 6000);
    world_expect(&w, "[  500] 0004 intent-put h1 run place\n"
                     "[  700] 0004 config-push v1 push\n"
                     "[  800] - config-commit v2 [0001 0002 0003 0004] commit\n"
                     "[  800] 0001 config-push v2 push\n"
                     "[  800] 0002 config-push v2 push\n"
                     "[  800] 0003 config-push v2 push\n"
                     "[  800] 0004 config-push v2 push\n"
                     "[ 1400] 0003 config-push v2 push\n"
                     "[ 1500] 0001 alias-set v2 alias-follow\n");
    cr_expect(world_condition(&w, CONDITION_CONVERGED));
    cr_expect_str_eq(world_message(&w, CONDITION_CONVERGED),
                     "version 2 is served by all but slot 0003 (silent)");
    world_start_machine(&w, 2);
    world_settle(&w, 20000);
    world_expect(&w, "[ 6500] 0003 config-push v2 push\n");
    cr_expect_str_eq(world_message(&w, CONDITION_CONVERGED), "version 2 is served");
    world_deinit(&w);
}

Test(failures, a_member_that_nobody_knows_counts_until_its_address_is_silent)
{
    struct world w;

    world_converge(&w, 3, 3);
    world_kill_watcher(&w, 1);
    world_run(&w, 1500);
    world_intent_remove(&w, world_intent(&w, "h2", 2));
    w.changes++;
    world_run(&w, 3000);
    world_expect(&w, "[ 2000] 0002 intent-put h1 run place\n"
                     "[ 2200] 0002 config-push v1 push\n"
                     "[ 2300] - config-commit v2 [0001 0002 0003] commit\n"
                     "[ 2300] 0001 config-push v2 push\n"
                     "[ 2300] 0002 config-push v2 push\n"
                     "[ 2300] 0003 config-push v2 push\n"
                     "[ 2400] 0001 alias-set v2 alias-follow\n");
    world_deinit(&w);
}
