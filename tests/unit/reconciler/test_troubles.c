/* What befalls a cluster, and how it gets over it. Told like the stories. */
#include <criterion/criterion.h>

#include "world.h"

Test(troubles, a_dead_process_changes_nothing_but_the_alias)
{
    struct world w;

    world_converge(&w, 3, 3);
    world_kill_process(&w, 0, 1);
    world_settle(&w, 10000);
    world_expect(&w, "[  500] 0002 alias-set v1 alias-leave\n");
    cr_expect(world_condition(&w, CONDITION_CONVERGED));
    world_deinit(&w);
}

Test(troubles, a_lost_host_is_replaced_after_two_signals)
{
    struct world w;

    world_converge(&w, 4, 3);
    world_kill_machine(&w, 1);
    world_run(&w, 10000);
    world_settle(&w, 20000);
    world_expect(&w, "[ 4500] 0002 intent-put h4 run replace\n"
                     "[ 4500] 0002 intent-put h2 run replace\n"
                     "[ 4700] 0002 config-push v1 push\n"
                     "[ 4800] - config-commit v2 [0001 0002 0003] commit\n"
                     "[ 4800] 0001 config-push v2 push\n"
                     "[ 4800] 0002 config-push v2 push\n"
                     "[ 4800] 0003 config-push v2 push\n"
                     "[ 4900] 0001 alias-set v2 alias-follow\n"
                     "[ 4900] 0002 intent-put h2 stop stop-superseded\n");
    world_start_machine(&w, 1);
    world_settle(&w, 20000);
    world_expect(&w, "[10700] 0002 intent-delete h2 forget-stopped\n");
    cr_expect_null(world_intent(&w, "h2", 2));
    world_deinit(&w);
}

Test(troubles, a_restored_etcd_is_led_past_what_nodes_have_seen)
{
    struct world w;
    struct world_keys backup;

    world_converge(&w, 3, 3);
    backup = world_backup(&w);
    world_apply(&w, 5);
    world_settle(&w, 20000);
    world_hush(&w);
    world_restore(&w, &backup);
    world_settle(&w, 20000);
    world_expect(&w, "[ 1100] 0004 intent-put h1 run adopt\n"
                     "[ 1100] 0005 intent-put h2 run adopt\n"
                     "[ 1100] - config-commit v3 [0001 0002 0003] renew\n"
                     "[ 1100] 0001 config-push v3 push\n"
                     "[ 1100] 0002 config-push v3 push\n"
                     "[ 1100] 0003 config-push v3 push\n"
                     "[ 1100] 0004 config-push v3 push\n"
                     "[ 1100] 0005 config-push v3 push\n"
                     "[ 1200] 0001 alias-set v3 alias-follow\n"
                     "[ 1200] 0004 intent-put h1 drain drain\n"
                     "[ 1200] 0005 intent-put h2 drain drain\n"
                     "[ 1500] 0004 intent-put h1 stop stop-drained\n"
                     "[ 1500] 0005 intent-put h2 stop stop-drained\n"
                     "[ 1600] 0004 intent-delete h1 forget-stopped\n"
                     "[ 1600] 0005 intent-delete h2 forget-stopped\n");
    cr_expect_eq(w.keys.config->head.epoch, 2);
    world_deinit(&w);
}

Test(troubles, an_emptied_etcd_stops_no_node)
{
    struct world w;
    struct world_keys nothing = { 0 };

    world_converge(&w, 3, 3);
    world_restore(&w, &nothing);
    world_settle(&w, 20000);
    world_expect(&w, "");
    cr_expect_eq(w.stops, 0);
    world_apply(&w, 3);
    world_settle(&w, 20000);
    world_expect(&w, "[  700] 0001 intent-put h1 run adopt\n"
                     "[  700] 0002 intent-put h2 run adopt\n"
                     "[  700] 0003 intent-put h3 run adopt\n"
                     "[ 1000] - config-commit v2 [0001 0002 0003] commit\n"
                     "[ 1000] 0001 config-push v2 push\n"
                     "[ 1000] 0002 config-push v2 push\n"
                     "[ 1000] 0003 config-push v2 push\n"
                     "[ 1100] 0001 alias-set v2 alias-first\n");
    world_deinit(&w);
}

Test(troubles, a_deaf_member_keeps_leavers_from_being_stopped)
{
    struct world w;

    world_converge(&w, 3, 3);
    w.hosts[0].processes[1].deaf = true;
    world_apply(&w, 2);
    world_run(&w, 10000);
    world_expect(&w, "[  500] - config-commit v2 [0001 0002] take-out\n"
                     "[  500] 0001 config-push v2 push\n"
                     "[  500] 0002 config-push v2 push\n"
                     "[  500] 0003 config-push v2 push\n"
                     "[ 1100] 0001 config-push v2 push\n"
                     "[ 1700] 0001 config-push v2 push\n"
                     "[ 2300] 0001 config-push v2 push\n"
                     "[ 2900] 0001 config-push v2 push\n"
                     "[ 3500] 0001 config-push v2 push\n"
                     "[ 3500] 0002 alias-set v2 alias-follow\n"
                     "[ 4100] 0001 config-push v2 push\n"
                     "[ 4700] 0001 config-push v2 push\n"
                     "[ 5300] 0001 config-push v2 push\n"
                     "[ 5900] 0001 config-push v2 push\n"
                     "[ 6500] 0001 config-push v2 push\n"
                     "[ 7100] 0001 config-push v2 push\n"
                     "[ 7700] 0001 config-push v2 push\n"
                     "[ 8300] 0001 config-push v2 push\n"
                     "[ 8900] 0001 config-push v2 push\n"
                     "[ 9500] 0001 config-push v2 push\n"
                     "[10100] 0001 config-push v2 push\n");
    w.hosts[0].processes[1].deaf = false;
    world_settle(&w, 20000);
    world_expect(&w, "[10700] 0001 config-push v2 push\n"
                     "[10800] 0003 intent-put h3 drain drain\n"
                     "[11100] 0003 intent-put h3 stop stop-drained\n"
                     "[11200] 0003 intent-delete h3 forget-stopped\n");
    world_deinit(&w);
}

Test(troubles, a_node_that_cannot_come_up_is_tried_elsewhere)
{
    struct world w;

    world_converge(&w, 3, 2);
    w.hosts[2].processes[3].broken = true;
    world_apply(&w, 3);
    world_run(&w, 10000);
    world_settle(&w, 20000);
    world_expect(&w, "[  500] 0003 intent-put h3 run place\n"
                     "[ 3500] 0003 intent-put h1 run replace\n"
                     "[ 3500] 0003 intent-put h3 stop stop-superseded\n"
                     "[ 3600] 0003 intent-delete h3 forget-stopped\n"
                     "[ 3700] 0003 config-push v1 push\n"
                     "[ 3800] - config-commit v2 [0001 0002 0003] commit\n"
                     "[ 3800] 0001 config-push v2 push\n"
                     "[ 3800] 0002 config-push v2 push\n"
                     "[ 3800] 0003 config-push v2 push\n"
                     "[ 3900] 0001 alias-set v2 alias-follow\n");
    world_deinit(&w);
}

Test(troubles, when_most_nodes_look_dead_nothing_is_replaced)
{
    struct world w;

    world_converge(&w, 5, 3);
    world_kill_machine(&w, 0);
    world_kill_machine(&w, 1);
    world_run(&w, 10000);
    world_expect(&w, "[ 1500] 0003 alias-set v1 alias-leave\n");
    cr_expect_str_eq(world_reason(&w, CONDITION_STALLED), "MassFailure");
    world_deinit(&w);
}

Test(troubles, a_new_controller_goes_on_with_a_replacement)
{
    struct world w;

    world_converge(&w, 4, 3);
    world_kill_machine(&w, 1);
    world_run(&w, 4100);
    world_expect(&w, "[ 4500] 0002 intent-put h4 run replace\n"
                     "[ 4500] 0002 intent-put h2 run replace\n");
    world_restart_controller(&w);
    world_settle(&w, 20000);
    world_expect(&w, "[ 4700] 0002 config-push v1 push\n"
                     "[ 4800] - config-commit v2 [0001 0002 0003] commit\n"
                     "[ 4800] 0001 config-push v2 push\n"
                     "[ 4800] 0002 config-push v2 push\n"
                     "[ 4800] 0003 config-push v2 push\n"
                     "[ 4900] 0001 alias-set v2 alias-follow\n"
                     "[ 4900] 0002 intent-put h2 drain drain\n"
                     "[ 6900] 0002 intent-put h2 stop stop-superseded\n");
    world_deinit(&w);
}

static void spoil(struct world *w, enum bad_key_kind kind, uint32_t slot)
{
    w->keys.bad_keys[w->keys.bad_keys_count++] =
        (struct bad_key){ .kind = kind, .slot = slot, .key = "/k", .problem = "no JSON" };
    w->changes++;
}

static void mend(struct world *w)
{
    w->keys.bad_keys_count = 0;
    w->changes++;
}

Test(troubles, an_unreadable_configuration_holds_all_that_depends_on_it)
{
    struct world w;
    const struct config *config;

    world_converge(&w, 3, 3);
    config = w.keys.config;
    w.keys.config = NULL;
    spoil(&w, BAD_KEY_CONFIG, 0);
    world_apply(&w, 1);
    world_set_memory(&w, SPEC_MEMORY_BYTES_DEFAULT * 2);
    world_settle(&w, 20000);
    world_expect(&w, "");
    cr_expect(world_condition(&w, CONDITION_KEY_INVALID));
    cr_expect(world_condition(&w, CONDITION_STALLED));
    cr_expect_str_eq(world_message(&w, CONDITION_KEY_INVALID), "/k: no JSON");
    w.keys.config = config;
    mend(&w);
    world_settle(&w, 20000);
    world_expect(&w, "[  700] 0001 intent-put h1 run configure\n"
                     "[  700] - config-commit v2 [0001] take-out\n"
                     "[  700] 0001 config-push v2 push\n"
                     "[  700] 0002 config-push v2 push\n"
                     "[  700] 0003 config-push v2 push\n"
                     "[  800] 0002 intent-put h2 drain drain\n"
                     "[  800] 0003 intent-put h3 drain drain\n"
                     "[ 1000] 0001 alias-set v2 alias-follow\n"
                     "[ 1100] 0002 intent-put h2 stop stop-drained\n"
                     "[ 1100] 0003 intent-put h3 stop stop-drained\n"
                     "[ 1200] 0002 intent-delete h2 forget-stopped\n"
                     "[ 1200] 0003 intent-delete h3 forget-stopped\n");
    cr_expect(world_condition(&w, CONDITION_CONVERGED));
    world_deinit(&w);
}

Test(troubles, the_name_of_an_unreadable_key_is_told_in_plain_text)
{
    struct world w;

    world_converge(&w, 3, 3);
    spoil(&w, BAD_KEY_OTHER, 0);
    w.keys.bad_keys[0].key = "/k\xff\n\"";
    world_settle(&w, 20000);
    world_expect(&w, "");
    cr_expect_str_eq(world_message(&w, CONDITION_KEY_INVALID), "/k??\": no JSON");
    cr_expect(world_condition(&w, CONDITION_CONVERGED));
    world_deinit(&w);
}

Test(troubles, a_slot_with_an_unreadable_intent_is_left_alone)
{
    struct world w;
    struct intent intent;
    size_t i;

    world_converge(&w, 3, 3);
    intent = *world_intent(&w, "h2", 2);
    for (i = 1; i + 1 < w.keys.intents_count; i++) {
        w.keys.intents[i] = w.keys.intents[i + 1];
    }
    w.keys.intents_count--;
    spoil(&w, BAD_KEY_INTENT, 2);
    world_apply(&w, 4);
    world_settle(&w, 20000);
    world_expect(&w, "[  500] 0004 intent-put h1 run place\n"
                     "[  700] 0004 config-push v1 push\n"
                     "[  800] - config-commit v2 [0001 0002 0003 0004] commit\n"
                     "[  800] 0001 config-push v2 push\n"
                     "[  800] 0003 config-push v2 push\n"
                     "[  800] 0004 config-push v2 push\n"
                     "[ 3800] 0001 alias-set v2 alias-follow\n");
    world_delete(&w);
    world_settle(&w, 20000);
    world_expect(&w, "[ 4000] - alias-clear alias-clear\n"
                     "[ 4000] 0001 intent-put h1 stop stop-deleted\n"
                     "[ 4000] 0003 intent-put h3 stop stop-deleted\n"
                     "[ 4000] 0004 intent-put h1 stop stop-deleted\n"
                     "[ 4100] 0001 intent-delete h1 forget-stopped\n"
                     "[ 4100] 0003 intent-delete h3 forget-stopped\n"
                     "[ 4100] 0004 intent-delete h1 forget-stopped\n");
    cr_expect(w.keys.spec_there);
    cr_expect(w.hosts[1].processes[2].running);
    mend(&w);
    w.keys.intents[w.keys.intents_count++] = intent;
    world_settle(&w, 20000);
    world_expect(&w, "[ 4200] 0002 intent-put h2 stop stop-deleted\n"
                     "[ 4300] 0002 intent-delete h2 forget-stopped\n"
                     "[ 4300] - cluster-forget forget\n");
    cr_expect(!w.keys.spec_there);
    world_deinit(&w);
}

Test(troubles, a_cluster_without_spec_is_frozen)
{
    struct world w;

    world_converge(&w, 3, 3);
    w.keys.spec_there = false;
    w.changes++;
    world_kill_machine(&w, 0);
    world_run(&w, 10000);
    world_expect(&w, "");
    cr_expect_str_eq(world_reason(&w, CONDITION_STALLED), "SpecMissing");
    cr_expect_str_eq(world_message(&w, CONDITION_STALLED),
                     "the key clusters/c/spec is gone or can't be read: nothing is changed");
    cr_expect_eq(w.keys.status->nodes_wanted, 3);
    cr_expect_eq(w.keys.status->version, 1);
    world_deinit(&w);
}

Test(troubles, a_spec_that_was_removed_by_hand_and_applied_again_takes_the_nodes_over)
{
    struct world w;

    world_converge(&w, 3, 3);
    w.keys.spec_there = false;
    w.changes++;
    world_run(&w, 300);
    world_apply(&w, 3);
    world_settle(&w, 20000);
    world_expect(&w, "[  800] 0001 intent-put h1 run take-over\n"
                     "[  800] 0002 intent-put h2 run take-over\n"
                     "[  800] 0003 intent-put h3 run take-over\n"
                     "[ 1100] - config-commit v2 [0001 0002 0003] commit\n"
                     "[ 1100] 0001 config-push v2 push\n"
                     "[ 1100] 0002 config-push v2 push\n"
                     "[ 1100] 0003 config-push v2 push\n"
                     "[ 1200] 0001 alias-set v2 alias-follow\n");
    cr_expect(world_condition(&w, CONDITION_CONVERGED));
    cr_expect_eq(w.stops, 0);
    world_deinit(&w);
}

Test(troubles, the_last_version_is_never_exceeded)
{
    struct world w;

    world_converge(&w, 2, 2);
    w.keys.reports[0][1].version_seen = CONFIG_VERSION_MAX;
    w.hosts[0].processes[1].version_seen = CONFIG_VERSION_MAX;
    w.changes++;
    world_apply(&w, 3);
    world_settle(&w, 20000);
    world_expect(&w, "[  500] 0003 intent-put h1 run place\n"
                     "[  700] 0003 config-push v1 push\n");
    cr_expect_str_eq(world_reason(&w, CONDITION_STALLED), "VersionsUsedUp");
    world_deinit(&w);
}

Test(troubles, a_silent_watcher_costs_no_node_its_place)
{
    struct world w;

    world_converge(&w, 3, 3);
    world_kill_watcher(&w, 1);
    world_run(&w, 10000);
    world_expect(&w, "");
    cr_expect(w.hosts[1].processes[2].running);
    cr_expect(world_condition(&w, CONDITION_CONVERGED));
    cr_expect(world_condition(&w, CONDITION_DEGRADED));
    cr_expect_str_eq(world_message(&w, CONDITION_DEGRADED), "listed but not up: 0002 (silent)");
    world_start_watcher(&w, 1);
    world_settle(&w, 20000);
    world_expect(&w, "");
    cr_expect(!world_condition(&w, CONDITION_DEGRADED));
    world_deinit(&w);
}

Test(troubles, a_restored_etcd_waits_for_reports_before_it_counts_on)
{
    struct world w;
    struct world_keys backup;

    world_converge(&w, 3, 3);
    backup = world_backup(&w);
    world_apply(&w, 2);
    world_settle(&w, 20000);
    world_hush(&w);
    w.hosts[0].watcher_up = false;
    w.hosts[1].watcher_up = false;
    w.hosts[2].watcher_up = false;
    world_restore(&w, &backup);
    world_apply(&w, 1);
    world_run(&w, 500);
    world_expect(&w, "");
    cr_expect_eq(w.keys.config->head.version, 1);
    world_start_watcher(&w, 0);
    world_start_watcher(&w, 1);
    world_start_watcher(&w, 2);
    world_settle(&w, 20000);
    world_expect(&w, "[ 1600] - config-commit v3 [0001] renew\n"
                     "[ 1600] 0001 config-push v3 push\n"
                     "[ 1600] 0002 config-push v3 push\n"
                     "[ 1700] 0003 config-push v3 push\n"
                     "[ 1700] 0001 alias-set v3 alias-follow\n"
                     "[ 1700] 0002 intent-put h2 drain drain\n"
                     "[ 1700] 0003 intent-put h3 drain drain\n"
                     "[ 2000] 0002 intent-put h2 stop stop-drained\n"
                     "[ 2000] 0003 intent-put h3 stop stop-drained\n"
                     "[ 2100] 0002 intent-delete h2 forget-stopped\n"
                     "[ 2100] 0003 intent-delete h3 forget-stopped\n");
    cr_expect(!w.forked);
    world_deinit(&w);
}

Test(troubles, a_host_that_returns_before_its_replacement_is_listed_keeps_its_node)
{
    struct world w;

    world_converge(&w, 4, 3);
    w.hosts[3].processes[2].deaf = true;
    world_kill_machine(&w, 1);
    world_run(&w, 4500);
    world_expect(&w, "[ 4500] 0002 intent-put h4 run replace\n"
                     "[ 4500] 0002 intent-put h2 run replace\n"
                     "[ 4700] 0002 config-push v1 push\n");
    world_start_machine(&w, 1);
    world_run(&w, 1000);
    world_settle(&w, 20000);
    world_expect(&w, "[ 5000] 0002 config-push v1 push\n"
                     "[ 5100] 0002 intent-put h4 drain drain\n"
                     "[ 5300] 0002 config-push v1 push\n"
                     "[ 5400] 0002 intent-put h4 stop stop-superseded\n"
                     "[ 5500] 0002 intent-delete h4 forget-stopped\n");
    cr_expect_null(world_intent(&w, "h4", 2));
    cr_expect_not_null(world_intent(&w, "h2", 2));
    cr_expect_eq(w.keys.config->head.version, 1);
    world_deinit(&w);
}

Test(troubles, of_two_nodes_with_one_address_the_one_that_is_down_moves)
{
    struct world w;

    world_converge(&w, 1, 2);
    *world_intent(&w, "h1", 2) = *world_intent(&w, "h1", 1);
    w.keys.intents[1].slot = 2;
    w.changes++;
    world_settle(&w, 20000);
    world_expect(&w, "[  500] 0002 intent-put h1 run move-crowded\n"
                     "[  700] - config-commit v2 [0001 0002] commit\n"
                     "[  700] 0001 config-push v2 push\n"
                     "[  700] 0002 config-push v2 push\n"
                     "[  800] 0001 alias-set v2 alias-follow\n");
    cr_expect(world_condition(&w, CONDITION_CONVERGED));
    world_deinit(&w);
}

Test(troubles, it_moves_to_another_host_when_its_own_has_no_address_left)
{
    struct world w;

    world_converge(&w, 2, 2);
    w.hosts[0].host.nodes_max = 1;
    *world_intent(&w, "h2", 2) = *world_intent(&w, "h1", 1);
    w.keys.intents[1].slot = 2;
    world_kill_process(&w, 1, 2);
    w.changes++;
    world_settle(&w, 40000);
    cr_expect_not_null(strstr(str_text(&w.trace), "0002 intent-put h2 run leave-host"));
    cr_expect_not_null(world_intent(&w, "h2", 2));
    cr_expect_null(world_intent(&w, "h1", 2), "the endpoint at its address is that of slot 1");
    cr_expect(world_condition(&w, CONDITION_CONVERGED));
    world_deinit(&w);
}

/* Its only member is not wanted, and who is wanted has seen too much to take that version. */
Test(troubles, a_list_that_nobody_wanted_can_be_in_is_renewed_as_it_is)
{
    struct world w;
    struct config left;
    struct process *ahead;

    world_converge(&w, 2, 2);
    left = *w.keys.config;
    left.head.members++;
    left.head.members_count = 1;
    w.keys.config = &left;
    ahead = &w.hosts[0].processes[1];
    ahead->served = NULL;
    ahead->version_seen = 7;
    world_apply(&w, 1);
    world_settle(&w, 40000);
    cr_expect_eq(w.keys.config->head.version, 9, "renewed as 8, then listed by what served that");
    cr_expect_str_eq(world_members(&w), "0001");
    cr_expect(world_condition(&w, CONDITION_CONVERGED));
    world_deinit(&w);
}

Test(troubles, a_node_that_is_down_at_an_address_of_another_cluster_moves)
{
    struct world w;

    world_converge(&w, 1, 2);
    w.hosts[0].others[0] = 1;
    w.hosts[0].others_count = 1;
    w.changes++;
    world_run(&w, 1000);
    world_expect(&w, ""); /* it is up */
    w.hosts[0].processes[2].broken = true;
    world_kill_process(&w, 0, 2);
    world_run(&w, 200);
    w.hosts[0].processes[2].broken = false; /* at another address it can start */
    world_settle(&w, 20000);
    cr_expect_eq(world_process_at(&w, "10.0.1.2", 11211), NULL);
    cr_expect(world_condition(&w, CONDITION_CONVERGED));
    cr_expect_eq(w.keys.config->head.members_count, 2);
    world_deinit(&w);
}

Test(troubles, wanted_nodes_that_a_restored_etcd_does_not_know_are_taken_in_at_once)
{
    struct world w;
    struct world_keys backup;

    world_converge(&w, 3, 3);
    backup = world_backup(&w);
    world_apply(&w, 5);
    world_settle(&w, 20000);
    world_hush(&w);
    world_restore(&w, &backup);
    world_apply(&w, 5);
    world_settle(&w, 20000);
    world_expect(&w, "[ 1100] 0004 intent-put h1 run adopt\n"
                     "[ 1100] 0005 intent-put h2 run adopt\n"
                     "[ 1100] - config-commit v3 [0001 0002 0003 0004 0005] renew\n"
                     "[ 1100] 0001 config-push v3 push\n"
                     "[ 1100] 0002 config-push v3 push\n"
                     "[ 1100] 0003 config-push v3 push\n"
                     "[ 1100] 0004 config-push v3 push\n"
                     "[ 1100] 0005 config-push v3 push\n"
                     "[ 1200] 0001 alias-set v3 alias-follow\n");
    cr_expect_eq(w.starts, 5);
    world_deinit(&w);
}

Test(troubles, the_alias_leaves_a_node_that_lost_its_partition)
{
    struct world w;
    struct process *process;

    world_converge(&w, 3, 3);
    process = &w.hosts[0].processes[1];
    process->served = NULL;
    process->version_seen = 0;
    process->deaf = true;
    world_run(&w, 300);
    world_expect(&w, "[  500] 0002 alias-set v1 alias-leave\n");
    world_deinit(&w);
}

/* An order for a new cluster's node may find one that is still of the former cluster. */
Test(troubles, a_node_that_stops_as_one_of_a_former_cluster_has_stopped_all_the_same)
{
    struct world w;

    world_converge(&w, 3, 3);
    w.keys.intents[2].uid = "00000000000000ff";
    w.keys.intents[2].phase = INTENT_STOP;
    w.hosts[2].processes[3].running = false;
    w.hosts[2].processes[3].stopped = true;
    world_apply(&w, 2);
    world_settle(&w, 20000);
    world_expect(&w, "[  500] 0003 intent-delete h3 forget-stopped\n"
                     "[  500] - config-commit v2 [0001 0002] take-out\n"
                     "[  500] 0001 config-push v2 push\n"
                     "[  500] 0002 config-push v2 push\n"
                     "[  600] 0001 alias-set v2 alias-follow\n");
    cr_expect_null(world_intent(&w, "h3", 3));
    world_deinit(&w);
}

/* What runs there has to end all the same, and its address is taken until then. */
Test(troubles, a_deletion_leaves_an_order_to_stop_for_a_host_that_is_away)
{
    struct world w;

    world_converge(&w, 3, 3);
    world_kill_watcher(&w, 1);
    world_run(&w, 1500);
    world_delete(&w);
    world_settle(&w, 10000);
    world_expect(&w, "[ 2000] - alias-clear alias-clear\n"
                     "[ 2000] 0001 intent-put h1 stop stop-deleted\n"
                     "[ 2000] 0002 intent-put h2 stop stop-deleted\n"
                     "[ 2000] 0003 intent-put h3 stop stop-deleted\n"
                     "[ 2100] 0001 intent-delete h1 forget-stopped\n"
                     "[ 2100] 0003 intent-delete h3 forget-stopped\n"
                     "[ 2100] - cluster-forget forget\n");
    cr_expect(!w.keys.spec_there);
    cr_expect_null(w.keys.status);
    cr_expect(w.hosts[1].processes[2].running);
    world_start_watcher(&w, 1);
    world_settle(&w, 10000);
    world_expect(&w, "[ 2200] 0002 intent-delete h2 forget-stopped\n");
    cr_expect(!w.hosts[1].processes[2].running);
    cr_expect_eq(w.keys.intents_count, 0);
    cr_expect_null(w.keys.status);
    world_deinit(&w);
}

Test(troubles, a_cluster_made_again_keeps_off_what_a_lost_host_still_runs)
{
    struct world w;

    world_converge(&w, 3, 3);
    world_kill_watcher(&w, 1);
    world_run(&w, 1500);
    world_delete(&w);
    world_settle(&w, 10000);
    world_hush(&w);
    world_apply(&w, 2);
    world_settle(&w, 10000);
    world_expect(&w, "[ 2200] 0001 intent-put h1 run place\n"
                     "[ 2200] 0002 intent-put h3 run place\n"
                     "[ 2400] - config-commit v2 [0001 0002] commit\n"
                     "[ 2400] 0001 config-push v2 push\n"
                     "[ 2400] 0002 config-push v2 push\n"
                     "[ 2500] 0001 alias-set v2 alias-first\n");
    world_start_watcher(&w, 1);
    world_settle(&w, 10000);
    world_expect(&w, "[ 2700] 0002 intent-delete h2 forget-stopped\n");
    cr_expect(world_condition(&w, CONDITION_CONVERGED));
    cr_expect_eq(w.keys.intents_count, 2);
    world_deinit(&w);
}

/* They may be of a cluster of the same name that was made later, and that etcd has lost. */
Test(troubles, what_is_left_of_a_deleted_cluster_stops_nothing_but_what_it_names)
{
    struct world_keys old;
    struct world w;

    world_converge(&w, 3, 3);
    world_kill_watcher(&w, 1);
    world_run(&w, 1500);
    world_delete(&w);
    world_settle(&w, 10000);
    old = world_backup(&w);
    world_apply(&w, 2);
    world_settle(&w, 10000);
    world_hush(&w);
    world_restore(&w, &old);
    world_run(&w, 5000);
    world_expect(&w, "");
    cr_expect(w.hosts[0].processes[1].running);
    world_apply(&w, 2);
    world_settle(&w, 10000);
    world_expect(&w, "[ 7700] 0001 intent-put h1 run adopt\n"
                     "[ 7700] 0002 intent-put h3 run adopt\n"
                     "[ 8000] - config-commit v3 [0001 0002] commit\n"
                     "[ 8000] 0001 config-push v3 push\n"
                     "[ 8000] 0002 config-push v3 push\n"
                     "[ 8100] 0001 alias-set v3 alias-first\n");
    world_deinit(&w);
}
