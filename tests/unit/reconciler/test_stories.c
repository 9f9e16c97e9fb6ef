/* What a cluster goes through, told as the list of effects. Times are steps of 100 ms. */
#include <criterion/criterion.h>

#include "world.h"

/* A cluster of `nodes` that has converged, its story not told. */
static void converged(struct world *w, size_t hosts, uint32_t nodes)
{
    world_init(w, hosts);
    world_apply(w, nodes);
    world_settle(w, 20000);
    cr_assert(world_condition(w, CONDITION_CONVERGED));
    world_hush(w);
}

Test(stories, three_nodes_are_created)
{
    struct world w;

    world_init(&w, 3);
    world_apply(&w, 3);
    world_settle(&w, 10000);
    world_expect(&w, "[    0] 0001 intent-put h1 run place\n"
                     "[    0] 0002 intent-put h2 run place\n"
                     "[    0] 0003 intent-put h3 run place\n"
                     "[  200] - config-commit v1 [0001 0002 0003] commit\n"
                     "[  200] 0001 config-push v1 push\n"
                     "[  200] 0002 config-push v1 push\n"
                     "[  200] 0003 config-push v1 push\n"
                     "[  300] 0001 alias-set v1 alias-first\n");
    cr_expect(world_condition(&w, CONDITION_CONVERGED));
    cr_expect(world_condition(&w, CONDITION_READY));
    cr_expect(!world_condition(&w, CONDITION_PROGRESSING));
    cr_expect(!world_condition(&w, CONDITION_STALLED));
    cr_expect(!world_condition(&w, CONDITION_DEGRADED));
    world_deinit(&w);
}

Test(stories, joiners_serve_the_current_configuration_before_they_are_listed)
{
    struct world w;

    converged(&w, 3, 3);
    world_apply(&w, 5);
    world_settle(&w, 10000);
    world_expect(&w, "[  500] 0004 intent-put h1 run place\n"
                     "[  500] 0005 intent-put h2 run place\n"
                     "[  700] 0004 config-push v1 push\n"
                     "[  700] 0005 config-push v1 push\n"
                     "[  800] - config-commit v2 [0001 0002 0003 0004 0005] commit\n"
                     "[  800] 0001 config-push v2 push\n"
                     "[  800] 0002 config-push v2 push\n"
                     "[  800] 0003 config-push v2 push\n"
                     "[  800] 0004 config-push v2 push\n"
                     "[  800] 0005 config-push v2 push\n"
                     "[  900] 0001 alias-set v2 alias-follow\n");
    world_deinit(&w);
}

Test(stories, leavers_are_unlisted_then_drained_then_stopped)
{
    struct world w;

    converged(&w, 3, 5);
    world_apply(&w, 2);
    world_settle(&w, 10000);
    world_expect(&w, "[  500] - config-commit v2 [0001 0002] take-out\n"
                     "[  500] 0001 config-push v2 push\n"
                     "[  500] 0002 config-push v2 push\n"
                     "[  500] 0003 config-push v2 push\n"
                     "[  500] 0004 config-push v2 push\n"
                     "[  500] 0005 config-push v2 push\n"
                     "[  600] 0001 alias-set v2 alias-follow\n"
                     "[  600] 0003 intent-put h3 drain drain\n"
                     "[  600] 0004 intent-put h1 drain drain\n"
                     "[  600] 0005 intent-put h2 drain drain\n"
                     "[  900] 0003 intent-put h3 stop stop-drained\n"
                     "[  900] 0004 intent-put h1 stop stop-drained\n"
                     "[  900] 0005 intent-put h2 stop stop-drained\n"
                     "[ 1000] 0003 intent-delete h3 forget-stopped\n"
                     "[ 1000] 0004 intent-delete h1 forget-stopped\n"
                     "[ 1000] 0005 intent-delete h2 forget-stopped\n");
    cr_expect_eq(w.stops, 3);
    world_deinit(&w);
}

Test(stories, a_deletion_takes_the_alias_first_and_the_keys_last)
{
    struct world w;

    converged(&w, 3, 3);
    world_delete(&w);
    world_settle(&w, 10000);
    world_expect(&w, "[  500] - alias-clear alias-clear\n"
                     "[  500] 0001 intent-put h1 stop stop-deleted\n"
                     "[  500] 0002 intent-put h2 stop stop-deleted\n"
                     "[  500] 0003 intent-put h3 stop stop-deleted\n"
                     "[  600] 0001 intent-delete h1 forget-stopped\n"
                     "[  600] 0002 intent-delete h2 forget-stopped\n"
                     "[  600] 0003 intent-delete h3 forget-stopped\n"
                     "[  600] - cluster-forget forget\n");
    cr_expect(!w.keys.spec_there);
    cr_expect(w.keys.lineage_there);
    world_deinit(&w);
}

Test(stories, a_cluster_made_again_goes_on_counting)
{
    struct world w;

    converged(&w, 3, 3);
    world_delete(&w);
    world_settle(&w, 10000);
    world_hush(&w);
    world_apply(&w, 1);
    world_settle(&w, 10000);
    world_expect(&w, "[  700] 0001 intent-put h1 run place\n"
                     "[  900] - config-commit v2 [0001] commit\n"
                     "[  900] 0001 config-push v2 push\n"
                     "[ 1000] 0001 alias-set v2 alias-first\n");
    world_deinit(&w);
}

Test(stories, a_dead_process_changes_nothing_but_the_alias)
{
    struct world w;

    converged(&w, 3, 3);
    world_kill_process(&w, 0, 1);
    world_settle(&w, 10000);
    world_expect(&w, "[  500] 0002 alias-set v1 alias-leave\n");
    cr_expect(world_condition(&w, CONDITION_CONVERGED));
    world_deinit(&w);
}

Test(stories, a_lost_host_is_replaced_after_two_signals)
{
    struct world w;

    converged(&w, 4, 3);
    world_kill_machine(&w, 1);
    world_run(&w, 10000);
    world_settle(&w, 20000);
    world_expect(&w, "[ 4500] 0002 intent-put h4 run replace\n"
                     "[ 4700] 0002 config-push v1 push\n"
                     "[ 4800] - config-commit v2 [0001 0002 0003] commit\n"
                     "[ 4800] 0001 config-push v2 push\n"
                     "[ 4800] 0002 config-push v2 push\n"
                     "[ 4800] 0003 config-push v2 push\n"
                     "[ 4900] 0001 alias-set v2 alias-follow\n"
                     "[ 4900] 0002 intent-put h2 stop stop-superseded\n");
    world_start_machine(&w, 1);
    world_settle(&w, 20000);
    world_expect(&w, "");
    cr_expect_null(world_intent(&w, "h2", 2));
    world_deinit(&w);
}

Test(stories, a_restored_etcd_is_led_past_what_nodes_have_seen)
{
    struct world w;
    struct world_keys backup;

    converged(&w, 3, 3);
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

Test(stories, an_emptied_etcd_stops_no_node)
{
    struct world w;
    struct world_keys nothing = { 0 };

    converged(&w, 3, 3);
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

Test(stories, new_settings_take_one_node_down_at_a_time)
{
    struct world w;

    converged(&w, 3, 3);
    world_set_memory(&w, SPEC_MEMORY_BYTES_DEFAULT * 2);
    world_settle(&w, 20000);
    world_expect(&w, "[  500] 0002 intent-put h2 run configure\n"
                     "[  800] 0003 intent-put h3 run configure\n"
                     "[ 1100] 0001 intent-put h1 run configure\n"
                     "[ 1100] 0002 alias-set v1 alias-follow\n");
    cr_expect_eq(w.restarts, 3);
    world_deinit(&w);
}

Test(stories, nodes_that_fit_nowhere_wait_for_a_host)
{
    struct world w;

    world_init(&w, 2);
    w.hosts[0].host.nodes_max = 1;
    w.hosts[1].watcher_up = false;
    world_apply(&w, 3);
    world_settle(&w, 20000);
    world_expect(&w, "[    0] 0001 intent-put h1 run place\n"
                     "[  200] - config-commit v1 [0001] commit\n"
                     "[  200] 0001 config-push v1 push\n");
    cr_expect(world_condition(&w, CONDITION_UNSCHEDULABLE));
    cr_expect(world_condition(&w, CONDITION_STALLED));
    cr_expect_str_eq(world_message(&w, CONDITION_UNSCHEDULABLE),
                     "slot 0002 (and 1 more) fits on no host: "
                     "h1: no free address (1 nodes at most); h2: gone");
    world_start_watcher(&w, 1);
    world_settle(&w, 20000);
    world_expect(&w, "[  300] 0001 alias-set v1 alias-first\n"
                     "[  300] 0002 intent-put h2 run place\n"
                     "[  300] 0003 intent-put h2 run place\n"
                     "[  500] 0002 config-push v1 push\n"
                     "[  500] 0003 config-push v1 push\n"
                     "[  600] - config-commit v2 [0001 0002 0003] commit\n"
                     "[  600] 0001 config-push v2 push\n"
                     "[  600] 0002 config-push v2 push\n"
                     "[  600] 0003 config-push v2 push\n"
                     "[  700] 0001 alias-set v2 alias-follow\n");
    world_deinit(&w);
}

Test(stories, a_joiner_that_never_comes_holds_the_others_up_for_a_limited_time)
{
    struct world w;
    size_t h;

    converged(&w, 4, 2);
    w.keys.spec.spec.fail_after_ms = 60000;
    for (h = 0; h < 4; h++) {
        w.hosts[h].processes[4].broken = true;
    }
    world_apply(&w, 4);
    world_run(&w, 8000);
    world_expect(&w, "[  500] 0003 intent-put h3 run place\n"
                     "[  500] 0004 intent-put h4 run place\n"
                     "[  700] 0003 config-push v1 push\n"
                     "[ 3500] - config-commit v2 [0001 0002 0003] commit\n"
                     "[ 3500] 0001 config-push v2 push\n"
                     "[ 3500] 0002 config-push v2 push\n"
                     "[ 3500] 0003 config-push v2 push\n"
                     "[ 3600] 0001 alias-set v2 alias-follow\n");
    cr_expect(world_condition(&w, CONDITION_STALLED));
    for (h = 0; h < 4; h++) {
        w.hosts[h].processes[4].broken = false;
    }
    world_settle(&w, 20000);
    world_expect(&w, "[ 8700] 0004 config-push v2 push\n"
                     "[ 8800] - config-commit v3 [0001 0002 0003 0004] commit\n"
                     "[ 8800] 0001 config-push v3 push\n"
                     "[ 8800] 0002 config-push v3 push\n"
                     "[ 8800] 0003 config-push v3 push\n"
                     "[ 8800] 0004 config-push v3 push\n"
                     "[ 8900] 0001 alias-set v3 alias-follow\n");
    world_deinit(&w);
}

Test(stories, a_deaf_member_keeps_leavers_from_being_stopped)
{
    struct world w;

    converged(&w, 3, 3);
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

Test(stories, a_leaver_that_is_wanted_again_comes_back)
{
    struct world w;

    converged(&w, 3, 3);
    world_apply(&w, 2);
    world_run(&w, 300);
    world_expect(&w, "[  500] - config-commit v2 [0001 0002] take-out\n"
                     "[  500] 0001 config-push v2 push\n"
                     "[  500] 0002 config-push v2 push\n"
                     "[  500] 0003 config-push v2 push\n"
                     "[  600] 0001 alias-set v2 alias-follow\n"
                     "[  600] 0003 intent-put h3 drain drain\n");
    world_apply(&w, 3);
    world_settle(&w, 20000);
    world_expect(&w, "[  800] 0003 intent-put h3 run resume\n"
                     "[  800] - config-commit v3 [0001 0002 0003] commit\n"
                     "[  800] 0001 config-push v3 push\n"
                     "[  800] 0002 config-push v3 push\n"
                     "[  800] 0003 config-push v3 push\n"
                     "[  900] 0001 alias-set v3 alias-follow\n");
    cr_expect_eq(w.stops, 0);
    world_deinit(&w);
}

/* Other nodes run well with the same settings, so its host is to blame. */
Test(stories, a_node_that_cannot_come_up_is_tried_elsewhere)
{
    struct world w;

    converged(&w, 3, 2);
    w.hosts[2].processes[3].broken = true;
    world_apply(&w, 3);
    world_run(&w, 10000);
    world_settle(&w, 20000);
    world_expect(&w, "[  500] 0003 intent-put h3 run place\n"
                     "[ 3500] 0003 intent-put h1 run replace\n"
                     "[ 3500] 0003 intent-put h3 stop stop-superseded\n"
                     "[ 3700] 0003 config-push v1 push\n"
                     "[ 3800] - config-commit v2 [0001 0002 0003] commit\n"
                     "[ 3800] 0001 config-push v2 push\n"
                     "[ 3800] 0002 config-push v2 push\n"
                     "[ 3800] 0003 config-push v2 push\n"
                     "[ 3900] 0001 alias-set v2 alias-follow\n");
    world_deinit(&w);
}

/* No node runs with them: it would fail anywhere. */
Test(stories, settings_that_do_not_work_stop_at_one_node)
{
    struct world w;
    size_t h;

    converged(&w, 4, 3);
    for (h = 0; h < 4; h++) {
        w.hosts[h].processes[2].broken = true;
    }
    world_set_memory(&w, SPEC_MEMORY_BYTES_DEFAULT * 2);
    world_run(&w, 10000);
    world_expect(&w, "[  500] 0002 intent-put h2 run configure\n");
    cr_expect(world_condition(&w, CONDITION_DEGRADED));
    cr_expect(world_condition(&w, CONDITION_STALLED));
    for (h = 0; h < 4; h++) {
        w.hosts[h].processes[2].broken = false;
    }
    world_set_memory(&w, SPEC_MEMORY_BYTES_DEFAULT);
    world_settle(&w, 20000);
    world_expect(&w, "[10500] 0002 intent-put h2 run configure\n");
    cr_expect(world_condition(&w, CONDITION_CONVERGED));
    world_deinit(&w);
}

Test(stories, when_most_nodes_look_dead_nothing_is_replaced)
{
    struct world w;

    converged(&w, 5, 3);
    world_kill_machine(&w, 0);
    world_kill_machine(&w, 1);
    world_run(&w, 10000);
    world_expect(&w, "[ 1500] 0003 alias-set v1 alias-leave\n");
    cr_expect_str_eq(world_reason(&w, CONDITION_STALLED), "MassFailure");
    world_deinit(&w);
}

Test(stories, a_new_controller_goes_on_with_a_replacement)
{
    struct world w;

    converged(&w, 4, 3);
    world_kill_machine(&w, 1);
    world_run(&w, 4100);
    world_expect(&w, "[ 4500] 0002 intent-put h4 run replace\n");
    world_restart_controller(&w);
    world_settle(&w, 20000);
    world_expect(&w, "[ 4700] 0002 config-push v1 push\n"
                     "[ 4800] - config-commit v2 [0001 0002 0003] commit\n"
                     "[ 4800] 0001 config-push v2 push\n"
                     "[ 4800] 0002 config-push v2 push\n"
                     "[ 4800] 0003 config-push v2 push\n"
                     "[ 4900] 0001 alias-set v2 alias-follow\n"
                     "[ 4900] 0002 intent-put h2 stop stop-superseded\n");
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

Test(stories, an_unreadable_configuration_holds_all_that_depends_on_it)
{
    struct world w;
    const struct config *config;

    converged(&w, 3, 3);
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

/* Whatever bytes stand in etcd: the status reads back as it was written, and is written once. */
Test(stories, the_name_of_an_unreadable_key_is_told_in_plain_text)
{
    struct world w;

    converged(&w, 3, 3);
    spoil(&w, BAD_KEY_OTHER, 0);
    w.keys.bad_keys[0].key = "/k\xff\n\"";
    world_settle(&w, 20000);
    world_expect(&w, "");
    cr_expect_str_eq(world_message(&w, CONDITION_KEY_INVALID), "/k??\": no JSON");
    cr_expect(world_condition(&w, CONDITION_CONVERGED));
    world_deinit(&w);
}

Test(stories, a_slot_with_an_unreadable_intent_is_left_alone)
{
    struct world w;
    struct intent intent;
    size_t i;

    converged(&w, 3, 3);
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

Test(stories, a_cluster_without_spec_is_frozen)
{
    struct world w;

    converged(&w, 3, 3);
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

Test(stories, a_spec_that_was_removed_by_hand_and_applied_again_takes_the_nodes_over)
{
    struct world w;

    converged(&w, 3, 3);
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

Test(stories, nodes_without_the_module_get_their_configuration_beside_memcached)
{
    struct world w;

    world_init(&w, 2);
    w.partition = PARTITION_BESIDE;
    world_apply(&w, 2);
    world_settle(&w, 20000);
    world_expect(&w, "[    0] 0001 intent-put h1 run place\n"
                     "[    0] 0002 intent-put h2 run place\n"
                     "[  200] - config-commit v1 [0001 0002] commit\n"
                     "[  200] 0001 config-push v1 push\n"
                     "[  200] 0002 config-push v1 push\n"
                     "[  300] 0001 alias-set v1 alias-first\n");
    cr_expect_eq(w.keys.alias.port, NODE_DATA_PORT - 1);
    cr_expect_eq(w.keys.config->head.members[0].port, NODE_DATA_PORT);
    cr_expect(!world_condition(&w, CONDITION_PARTITION_IN_PROCESS));
    cr_expect_str_eq(world_message(&w, CONDITION_PARTITION_IN_PROCESS),
                     "without a partition in memcached: 0001 (beside), 0002 (beside)");
    world_deinit(&w);
}

Test(stories, nodes_without_any_partition_are_never_listed)
{
    struct world w;

    world_init(&w, 2);
    w.partition = PARTITION_NONE;
    world_apply(&w, 2);
    world_settle(&w, 20000);
    world_expect(&w, "[    0] 0001 intent-put h1 run place\n"
                     "[    0] 0002 intent-put h2 run place\n");
    cr_expect(world_condition(&w, CONDITION_STALLED));
    world_deinit(&w);
}

Test(stories, a_domain_gives_nodes_names_at_once)
{
    struct world w;

    converged(&w, 2, 2);
    w.keys.spec.spec.domain = "cache.local";
    world_apply(&w, 2);
    world_settle(&w, 20000);
    world_expect(&w, "[  500] - config-commit v2 [0001 0002] commit\n"
                     "[  500] 0001 config-push v2 push\n"
                     "[  500] 0002 config-push v2 push\n"
                     "[  600] 0001 alias-set v2 alias-follow\n");
    cr_expect_str_eq(w.keys.config->head.members[1].hostname, "0002.c.cache.local");
    cr_expect_str_eq(w.keys.alias.host, "0001.c.cache.local");
    world_deinit(&w);
}

Test(stories, the_last_version_is_never_exceeded)
{
    struct world w;

    converged(&w, 2, 2);
    w.keys.reports[1].version_seen = CONFIG_VERSION_MAX;
    w.hosts[0].processes[1].version_seen = CONFIG_VERSION_MAX;
    w.changes++;
    world_apply(&w, 3);
    world_settle(&w, 20000);
    world_expect(&w, "[  500] 0003 intent-put h1 run place\n"
                     "[  700] 0003 config-push v1 push\n");
    cr_expect_str_eq(world_reason(&w, CONDITION_STALLED), "VersionsUsedUp");
    world_deinit(&w);
}

Test(stories, a_silent_watcher_costs_no_node_its_place)
{
    struct world w;

    converged(&w, 3, 3);
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

/* Right after etcd went back, before any report returned, a version could be given away twice. */
Test(stories, a_restored_etcd_waits_for_reports_before_it_counts_on)
{
    struct world w;
    struct world_keys backup;

    converged(&w, 3, 3);
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

Test(stories, a_host_that_returns_before_its_replacement_is_listed_keeps_its_node)
{
    struct world w;

    converged(&w, 4, 3);
    w.hosts[3].processes[2].deaf = true;
    world_kill_machine(&w, 1);
    world_run(&w, 4500);
    world_expect(&w, "[ 4500] 0002 intent-put h4 run replace\n"
                     "[ 4700] 0002 config-push v1 push\n");
    world_start_machine(&w, 1);
    world_run(&w, 1000);
    world_settle(&w, 20000);
    world_expect(&w, "[ 5000] 0002 intent-put h4 stop stop-superseded\n"
                     "[ 5300] 0002 config-push v1 push\n");
    cr_expect_null(world_intent(&w, "h4", 2));
    cr_expect_not_null(world_intent(&w, "h2", 2));
    cr_expect_eq(w.keys.config->head.version, 1);
    world_deinit(&w);
}

Test(stories, of_two_nodes_with_one_address_the_one_that_is_down_moves)
{
    struct world w;

    converged(&w, 1, 2);
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

/* What they serve is newer than anything etcd knows: that is proof enough. */
Test(stories, wanted_nodes_that_a_restored_etcd_does_not_know_are_taken_in_at_once)
{
    struct world w;
    struct world_keys backup;

    converged(&w, 3, 3);
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

Test(stories, a_condition_keeps_the_time_of_its_last_change)
{
    const struct condition *degraded;
    struct world w;
    uint64_t ready_since;
    uint64_t killed;

    converged(&w, 3, 3);
    ready_since = w.keys.status->conditions[CONDITION_READY].since_ms;
    cr_expect_lt(ready_since, w.now_ms);
    killed = w.now_ms;
    world_kill_process(&w, 1, 2);
    world_step(&w);
    degraded = &w.keys.status->conditions[CONDITION_DEGRADED];
    cr_expect(degraded->status);
    cr_expect_eq(degraded->since_ms, killed);
    cr_expect_str_eq(degraded->message, "listed but not up: 0002 (down)");
    cr_expect_eq(w.keys.status->conditions[CONDITION_READY].since_ms, ready_since);
    world_settle(&w, 20000);
    cr_expect(!world_condition(&w, CONDITION_DEGRADED));
    cr_expect_eq(w.keys.status->nodes_ready, 3);
    cr_expect_eq(w.keys.status->nodes_converged, 3);
    cr_expect_str_eq(w.keys.status->slots[1].rule, "serve");
    cr_expect_str_eq(w.keys.status->slots[1].phase, "run");
    cr_expect_str_eq(w.keys.status->slots[1].state, "up");
    world_deinit(&w);
}

/* It still answers, but not with what clients were promised. */
Test(stories, the_alias_leaves_a_node_that_lost_its_partition)
{
    struct world w;
    struct process *process;

    converged(&w, 3, 3);
    process = &w.hosts[0].processes[1];
    process->served = NULL;
    process->version_seen = 0;
    process->deaf = true;
    world_run(&w, 300);
    world_expect(&w, "[  500] 0002 alias-set v1 alias-leave\n");
    world_deinit(&w);
}
