/* What a cluster goes through, told as the list of effects. Times are steps of 100 ms. */
#include <criterion/criterion.h>

#include "world.h"

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

    world_converge(&w, 3, 3);
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

    world_converge(&w, 3, 5);
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

    world_converge(&w, 3, 3);
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

    world_converge(&w, 3, 3);
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

Test(stories, new_settings_take_one_node_down_at_a_time)
{
    struct world w;
    size_t i;

    world_converge(&w, 3, 3);
    world_run(&w, 60000);
    world_set_memory(&w, SPEC_MEMORY_BYTES_DEFAULT * 2);
    for (i = 0; i < 20; i++) {
        world_step(&w);
        cr_assert(!world_condition(&w, CONDITION_STALLED), "%s",
                  world_message(&w, CONDITION_STALLED));
    }
    world_settle(&w, 20000);
    world_expect(&w, "[60500] 0002 intent-put h2 run configure\n"
                     "[60800] 0003 intent-put h3 run configure\n"
                     "[61100] 0002 alias-set v1 alias-follow\n"
                     "[61100] 0001 intent-put h1 run configure\n");
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

    world_converge(&w, 4, 2);
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

Test(stories, a_leaver_that_is_wanted_again_comes_back)
{
    struct world w;

    world_converge(&w, 3, 3);
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
/* No node runs with them: it would fail anywhere. */
Test(stories, settings_that_do_not_work_stop_at_one_node)
{
    struct world w;
    size_t h;

    world_converge(&w, 4, 3);
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

/* Whatever bytes stand in etcd: the status reads back as it was written, and is written once. */
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

static size_t events_until_settled(enum partition_mode partition)
{
    struct world w;
    size_t events;

    world_init(&w, 2);
    w.partition = partition;
    world_apply(&w, 2);
    world_settle(&w, 20000);
    world_run(&w, 20000);
    events = w.events;
    world_deinit(&w);
    return events;
}

Test(stories, nodes_without_the_module_are_told_of_once)
{
    cr_expect_eq(events_until_settled(PARTITION_BESIDE),
                 events_until_settled(PARTITION_IN_PROCESS) + 1);
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

    world_converge(&w, 2, 2);
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

Test(stories, a_condition_keeps_the_time_of_its_last_change)
{
    const struct condition *degraded;
    struct world w;
    uint64_t ready_since;
    uint64_t killed;

    world_converge(&w, 3, 3);
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

/* What clients declare is for those who look: nothing is written but the status. */
Test(stories, a_declared_hashing_changes_no_node_and_no_list)
{
    struct world w;

    world_converge(&w, 3, 3);
    w.keys.spec.spec.hashing = SPEC_HASHING_RENDEZVOUS;
    w.keys.spec.generation++;
    w.changes++;
    world_settle(&w, 10000);
    world_expect(&w, "");
    cr_expect_eq(w.keys.config->head.version, 1);
    cr_expect_eq(w.keys.status->observed_generation, w.keys.spec.generation);
    cr_expect(world_condition(&w, CONDITION_CONVERGED));
    world_deinit(&w);
}
