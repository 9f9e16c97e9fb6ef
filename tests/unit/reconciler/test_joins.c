/* Memcacheds that muster did not place: how they come, stay and go. Times are steps of 100 ms. */
#include <criterion/criterion.h>
#include <string.h>

#include "world.h"

#define NODES 2
#define MANAGED_HOSTS 3
#define FIRST 3 /* the first host with a sidecar; there are two */
#define HOSTS 5

static void open_cluster(struct world *w, uint32_t nodes_max)
{
    w->keys.spec.spec.membership = SPEC_MEMBERSHIP_JOINABLE;
    w->keys.spec.spec.nodes_max = nodes_max;
    w->keys.spec.generation++;
    w->changes++;
}

/* Two nodes on three hosts, and two hosts with sidecars whose watchers don't ask yet. */
static void begin(struct world *w, uint32_t nodes_max)
{
    world_init(w, HOSTS);
    world_sidecar(w, FIRST);
    world_sidecar(w, FIRST + 1);
    world_apply(w, NODES);
    open_cluster(w, nodes_max);
    world_settle(w, 20000);
    cr_assert(world_condition(w, CONDITION_CONVERGED));
    cr_assert_str_eq(world_members(w), "0001 0002");
    world_hush(w);
}

/* The same, and the first of them has joined. */
static void begin_joined(struct world *w, uint32_t nodes_max)
{
    begin(w, nodes_max);
    (void)world_join(w, FIRST, 0);
    world_settle(w, 10000);
    cr_assert_str_eq(world_members(w), "0001 0002 0003");
    world_hush(w);
}

Test(joins, who_asks_is_proven_before_it_is_listed)
{
    struct world w;

    begin(&w, 4);
    (void)world_join(&w, FIRST, 0);
    world_settle(&w, 10000);
    world_expect(&w, "[  500] 0003 intent-put h4 run join\n"
                     "[  700] 0003 config-push v1 push\n"
                     "[  800] - config-commit v2 [0001 0002 0003] commit\n"
                     "[  800] 0001 config-push v2 push\n"
                     "[  800] 0002 config-push v2 push\n"
                     "[  800] 0003 config-push v2 push\n"
                     "[  900] 0001 alias-set v2 alias-follow\n");
    cr_expect(world_condition(&w, CONDITION_CONVERGED));
    cr_expect(!world_condition(&w, CONDITION_JOINS_PENDING));
    cr_expect_eq(w.keys.status->nodes_wanted, 3);
    cr_expect_eq(w.keys.status->nodes_ready, 3);
    cr_expect_eq(w.starts, NODES, "its memcached runs anyhow");
    cr_expect_eq(w.restarts, 0, "its settings are its own");
    world_deinit(&w);
}

/* Nothing is placed where all nodes are somebody else's; how many there ought to be is told. */
Test(joins, are_all_that_there_is_of_a_joined_cluster)
{
    struct world w;

    begin(&w, 4);
    w.keys.spec.spec.membership = SPEC_MEMBERSHIP_JOINED;
    w.keys.spec.generation++;
    w.changes++;
    (void)world_join(&w, FIRST, 0);
    world_settle(&w, 300000);
    cr_expect_str_eq(world_members(&w), "0003", "those that were placed have left");
    cr_expect_eq(w.keys.status->nodes_wanted, 1);
    cr_expect(world_condition(&w, CONDITION_NODES_DIFFER));
    cr_expect_str_eq(world_reason(&w, CONDITION_NODES_DIFFER), "FewerNodes");
    cr_expect_str_eq(world_message(&w, CONDITION_NODES_DIFFER),
                     "1 node has joined, spec.nodes is 2");
    world_deinit(&w);
}

Test(joins, a_request_that_lingers_changes_nothing)
{
    struct world w;
    struct join_view kept;
    size_t writes;

    begin(&w, 4);
    kept = *world_join(&w, FIRST, 0);
    world_settle(&w, 10000);
    world_leave(&w, FIRST);
    w.clients_stay = true;
    world_run(&w, 600);
    w.keys.joins[w.keys.joins_count++] = kept;
    w.changes++;
    world_run(&w, 500);
    cr_expect_eq(world_intent(&w, "h4", 3)->phase, INTENT_DRAIN, "it is on its way out");
    w.keys.joins_count = 0;
    world_settle(&w, 10000);
    cr_expect_str_eq(world_members(&w), "0001 0002");
    writes = w.writes;
    world_run(&w, 10000);
    cr_expect_eq(w.writes, writes);
    world_deinit(&w);
}

Test(joins, a_wish_is_honoured_where_its_slot_is_free)
{
    struct world w;

    begin(&w, 4);
    (void)world_join(&w, FIRST, 7);
    world_settle(&w, 10000);
    cr_expect_str_eq(world_members(&w), "0001 0002 0007");
    (void)world_join(&w, FIRST + 1, 7);
    world_settle(&w, 10000);
    cr_expect_str_eq(world_members(&w), "0001 0002 0003 0007", "the lowest free one then");
    world_deinit(&w);
}

Test(joins, slots_of_the_spec_are_no_wishes)
{
    struct world w;

    begin(&w, 4);
    (void)world_join(&w, FIRST, 1);
    world_settle(&w, 10000);
    cr_expect_str_eq(world_members(&w), "0001 0002 0003");
    world_deinit(&w);
}

Test(joins, who_leaves_is_unlisted_then_drained_then_let_go)
{
    struct world w;

    begin_joined(&w, 4);
    world_leave(&w, FIRST);
    world_settle(&w, 10000);
    world_expect(&w, "[ 1100] 0003 intent-put h4 drain let-leave\n"
                     "[ 1100] - config-commit v3 [0001 0002] take-out\n"
                     "[ 1100] 0001 config-push v3 push\n"
                     "[ 1100] 0002 config-push v3 push\n"
                     "[ 1100] 0003 config-push v3 push\n"
                     "[ 1200] 0001 alias-set v3 alias-follow\n"
                     "[ 1400] 0003 intent-put h4 stop stop-drained\n"
                     "[ 1500] 0003 intent-delete h4 forget-stopped\n");
    cr_expect_eq(w.stops, 0, "its memcached is not muster's to stop");
    cr_expect(w.hosts[FIRST].foreigner.running);
    cr_expect_eq(w.keys.status->nodes_wanted, NODES);
    world_deinit(&w);
}

Test(joins, who_is_dead_is_removed_and_not_replaced)
{
    struct world w;

    begin_joined(&w, 4);
    world_kill_machine(&w, FIRST);
    world_run(&w, WORLD_LEASE_MS + WORLD_FAIL_AFTER_MS / 2);
    cr_expect_str_eq(world_members(&w), "0001 0002 0003", "not before failAfter");
    world_run(&w, 20000);
    cr_expect_str_eq(world_members(&w), "0001 0002");
    cr_expect_not_null(strstr(str_text(&w.trace), "intent-put h4 drain remove-dead"));
    cr_expect_null(strstr(str_text(&w.trace), " place"));
    cr_expect_eq(w.starts, NODES);
    world_deinit(&w);
}

/* Its sidecar says so, and nobody answers: two signals. Should it be back in time, it stays. */
Test(joins, a_dead_memcached_beside_a_living_sidecar_is_removed_as_well)
{
    struct world w;

    begin_joined(&w, 4);
    world_kill_process(&w, FIRST, 3);
    world_run(&w, WORLD_FAIL_AFTER_MS / 2);
    w.hosts[FIRST].foreigner.running = true;
    world_settle(&w, 10000);
    cr_expect_str_eq(world_members(&w), "0001 0002 0003");
    cr_expect(world_condition(&w, CONDITION_CONVERGED));
    world_kill_process(&w, FIRST, 3);
    world_run(&w, 20000);
    cr_expect_str_eq(world_members(&w), "0001 0002");
    cr_expect_null(world_intent(&w, "h4", 3));
    world_deinit(&w);
}

Test(joins, silence_alone_removes_nobody_whom_clients_know)
{
    struct world w;

    begin_joined(&w, 4);
    world_kill_watcher(&w, FIRST);
    world_run(&w, 30000);
    cr_expect_str_eq(world_members(&w), "0001 0002 0003");
    world_start_watcher(&w, FIRST);
    world_settle(&w, 10000);
    cr_expect(world_condition(&w, CONDITION_CONVERGED));
    world_deinit(&w);
}

/* It was let in, and its watcher ended before clients learned of it. */
Test(joins, who_falls_silent_before_it_is_listed_is_removed)
{
    struct world w;

    begin(&w, 4);
    w.hosts[FIRST].processes[3].deaf = true;
    (void)world_join(&w, FIRST, 0);
    world_run(&w, 1000);
    cr_assert_not_null(world_intent(&w, "h4", 3));
    w.keys.joins_count = 0;
    world_kill_watcher(&w, FIRST);
    world_run(&w, 20000);
    cr_expect_eq(world_intent(&w, "h4", 3)->phase, INTENT_STOP, "until its host is back");
    cr_expect_str_eq(world_members(&w), "0001 0002");
    cr_expect(world_condition(&w, CONDITION_CONVERGED));
    world_deinit(&w);
}

Test(joins, too_many_dead_at_once_are_left_alone)
{
    struct world w;

    begin_joined(&w, 4);
    (void)world_join(&w, FIRST + 1, 0);
    world_settle(&w, 10000);
    world_hush(&w);
    world_kill_machine(&w, FIRST);
    world_kill_machine(&w, FIRST + 1);
    world_kill_machine(&w, 0);
    world_run(&w, 20000);
    cr_expect_str_eq(world_members(&w), "0001 0002 0003 0004");
    cr_expect_str_eq(world_reason(&w, CONDITION_STALLED), "MassFailure");
    world_deinit(&w);
}

Test(joins, who_comes_back_elsewhere_keeps_its_slot)
{
    struct world w;

    begin(&w, 3);
    (void)world_join(&w, FIRST, 9);
    world_settle(&w, 10000);
    world_kill_machine(&w, FIRST);
    world_run(&w, WORLD_LEASE_MS + 500);
    w.hosts[FIRST + 1].foreigner.uid = w.hosts[FIRST].foreigner.uid;
    (void)world_join(&w, FIRST + 1, 0);
    world_hush(&w);
    world_run(&w, 2000);
    cr_expect_str_eq(world_members(&w), "0001 0002 0009");
    cr_expect_str_eq(w.keys.config->head.members[2].ip, "10.9.5.1");
    cr_expect_not_null(strstr(str_text(&w.trace), "0009 intent-put h5 run join-move"));
    world_run(&w, 20000);
    cr_expect_eq(world_intent(&w, "h4", 9)->phase, INTENT_STOP);
    cr_expect(world_condition(&w, CONDITION_CONVERGED));
    world_deinit(&w);
}

/* Its address is another one: a container that was made anew. */
Test(joins, who_comes_back_on_its_host_keeps_its_slot)
{
    struct world w;

    begin_joined(&w, 4);
    world_kill_process(&w, FIRST, 3);
    world_run(&w, 300);
    w.hosts[FIRST].foreigner.ip = "10.9.4.2";
    w.hosts[FIRST].foreigner.running = true;
    world_run(&w, 500);
    (void)world_join(&w, FIRST, 0);
    world_settle(&w, 10000);
    cr_expect_str_eq(world_members(&w), "0001 0002 0003");
    cr_expect_str_eq(w.keys.config->head.members[2].ip, "10.9.4.2");
    cr_expect_eq(w.keys.intents_count, 3);
    world_deinit(&w);
}

/* A copied state directory: two that say they are the same. */
Test(joins, nobody_takes_the_slot_of_a_node_that_is_up)
{
    struct world w;

    begin_joined(&w, 4);
    w.hosts[FIRST + 1].foreigner.uid = w.hosts[FIRST].foreigner.uid;
    (void)world_join(&w, FIRST + 1, 0);
    world_run(&w, 5000);
    cr_expect_str_eq(w.keys.config->head.members[2].ip, "10.9.4.1");
    cr_expect_eq(w.keys.intents_count, 3);
    cr_expect_str_eq(world_reason(&w, CONDITION_JOINS_PENDING), "JoinsRefused");
    cr_expect_str_eq(world_message(&w, CONDITION_JOINS_PENDING),
                     "f000000000000003 on host h5 at 10.9.5.1:11211: its joiner's node is up at "
                     "another address");
    world_deinit(&w);
}

struct refusal {
    const char *name;
    void (*arrange)(struct world *w, struct join *join);
    const char *reason;
    const char *says;
};

static void arrange_closed(struct world *w, struct join *join)
{
    (void)join;
    w->keys.spec.spec.membership = SPEC_MEMBERSHIP_MANAGED;
    w->keys.spec.spec.nodes_max = 0;
}

static void arrange_full(struct world *w, struct join *join)
{
    (void)join;
    w->keys.spec.spec.nodes_max = NODES;
}

static void arrange_foreign(struct world *w, struct join *join)
{
    (void)w;
    join->cluster_uid = "00000000000000ff";
}

static void arrange_old(struct world *w, struct join *join)
{
    (void)w;
    join->issued_ms -= JOIN_LIFETIME_MS + JOIN_CLOCK_SKEW_MS + 1;
}

static void arrange_ahead(struct world *w, struct join *join)
{
    (void)w;
    join->issued_ms += JOIN_CLOCK_SKEW_MS + 1;
}

static void arrange_member_address(struct world *w, struct join *join)
{
    join->ip = w->keys.intents[0].ip;
}

static void arrange_neighbour_port(struct world *w, struct join *join)
{
    join->ip = w->keys.intents[0].ip;
    join->data_port--;
    join->discovery_port--;
}

static void arrange_pool_address(struct world *w, struct join *join)
{
    (void)w;
    join->ip = "10.0.3.16";
}

static void arrange_agents_host(struct world *w, struct join *join)
{
    (void)w;
    join->host = "h3";
}

static void arrange_away(struct world *w, struct join *join)
{
    (void)w;
    join->host = "elsewhere";
}

static void arrange_cordoned(struct world *w, struct join *join)
{
    (void)join;
    world_cordon(w, FIRST, false);
}

static const struct refusal refusals[] = {
    { "cordoned", arrange_cordoned, "JoinsRefused", "its host is cordoned" },
    { "closed", arrange_closed, "JoinsRefused", "spec.membership lets nobody join" },
    { "full", arrange_full, "JoinsRefused", "there are as many nodes as spec.maxNodes allows" },
    { "foreign", arrange_foreign, "JoinsRefused",
      "it asks to join another incarnation of the cluster" },
    { "old", arrange_old, "JoinsRefused",
      "it was seen when it no longer counted, or before it was made" },
    { "ahead", arrange_ahead, "JoinsRefused",
      "it was seen when it no longer counted, or before it was made" },
    { "member", arrange_member_address, "JoinsRefused",
      "another node has its address, or a host has it to give away" },
    { "neighbour", arrange_neighbour_port, "JoinsRefused",
      "another node has its address, or a host has it to give away" },
    { "pool", arrange_pool_address, "JoinsRefused",
      "another node has its address, or a host has it to give away" },
    { "agent", arrange_agents_host, "JoinsRefused",
      "its host is not a sidecar's, or has a node of somebody else" },
    { "away", arrange_away, "JoinsAwaited",
      "its watcher has not registered its host, or says what is wrong there" },
};

Test(joins, who_may_not_join_is_told_why)
{
    size_t i;

    for (i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        struct world w;
        const char *message;

        begin(&w, 4);
        refusals[i].arrange(&w, &world_join(&w, FIRST, 0)->join);
        world_run(&w, 2000);
        cr_expect_eq(w.keys.intents_count, NODES, "%s", refusals[i].name);
        cr_expect_str_eq(world_reason(&w, CONDITION_JOINS_PENDING), refusals[i].reason, "%s",
                         refusals[i].name);
        message = world_message(&w, CONDITION_JOINS_PENDING);
        cr_expect(
            strlen(message) > strlen(refusals[i].says) &&
                strcmp(message + strlen(message) - strlen(refusals[i].says), refusals[i].says) == 0,
            "%s: %s", refusals[i].name, message);
        cr_expect(world_condition(&w, CONDITION_CONVERGED), "a request disturbs nobody");
        world_deinit(&w);
    }
}

Test(joins, there_is_room_again_when_somebody_leaves)
{
    struct world w;

    begin_joined(&w, 3);
    (void)world_join(&w, FIRST + 1, 0);
    world_run(&w, 2000);
    cr_expect_str_eq(world_members(&w), "0001 0002 0003");
    world_leave(&w, FIRST);
    world_settle(&w, 10000);
    cr_expect_str_eq(world_members(&w), "0001 0002 0004");
    world_deinit(&w);
}

Test(joins, a_lower_max_nodes_sends_nobody_away)
{
    struct world w;

    begin_joined(&w, 4);
    open_cluster(&w, NODES);
    world_run(&w, 10000);
    cr_expect_str_eq(world_members(&w), "0001 0002 0003");
    cr_expect(world_condition(&w, CONDITION_CONVERGED));
    world_deinit(&w);
}

/* One goes after the other: each takes its items along. */
Test(joins, who_is_not_welcome_any_more_goes_within_the_budget)
{
    struct world w;
    bool apart = false;
    size_t i;

    begin_joined(&w, 4);
    (void)world_join(&w, FIRST + 1, 0);
    world_settle(&w, 10000);
    cr_assert_str_eq(world_members(&w), "0001 0002 0003 0004");
    w.keys.spec.spec.membership = SPEC_MEMBERSHIP_MANAGED;
    w.keys.spec.spec.nodes_max = 0;
    w.keys.spec.generation++;
    w.changes++;
    for (i = 0; i < 100; i++) {
        world_step(&w);
        apart = apart || strcmp(world_members(&w), "0001 0002 0004") == 0;
        cr_assert(w.keys.intents_count != 4 || w.keys.intents[2].phase == INTENT_RUN ||
                  w.keys.intents[3].phase == INTENT_RUN);
    }
    cr_expect(apart);
    cr_expect_str_eq(world_members(&w), "0001 0002");
    cr_expect_eq(w.keys.intents_count, NODES);
    cr_expect(world_condition(&w, CONDITION_CONVERGED));
    world_deinit(&w);
}

Test(joins, a_drained_host_lets_its_node_go)
{
    struct world w;

    begin_joined(&w, 4);
    world_cordon(&w, FIRST, true);
    world_settle(&w, 10000);
    cr_expect_str_eq(world_members(&w), "0001 0002");
    cr_expect_eq(w.keys.intents_count, NODES);
    world_deinit(&w);
}

Test(joins, new_settings_pass_it_by)
{
    struct world w;

    begin_joined(&w, 4);
    world_set_memory(&w, SPEC_MEMORY_BYTES_DEFAULT * 2);
    world_settle(&w, 20000);
    cr_expect(world_condition(&w, CONDITION_CONVERGED));
    cr_expect_eq(w.restarts, NODES);
    cr_expect_eq(w.keys.status->nodes_updated, 3);
    world_deinit(&w);
}

/* Somebody started it anew, with more memory: that is its owner's affair. */
Test(joins, what_it_runs_with_is_not_compared)
{
    struct world w;

    begin_joined(&w, 4);
    w.hosts[FIRST].foreigner.memory_bytes = SPEC_MEMORY_BYTES_DEFAULT * 4;
    world_settle(&w, 10000);
    cr_expect(world_condition(&w, CONDITION_CONVERGED));
    cr_expect_eq(world_report(&w, "h4", 3)->settings.memory_bytes, SPEC_MEMORY_BYTES_DEFAULT * 4);
    world_deinit(&w);
}

/* Scaled out over its slot: it stays there, and is a node of the spec from then on. */
Test(joins, more_nodes_leave_it_where_it_is)
{
    struct world w;

    begin_joined(&w, 4);
    world_apply(&w, 3);
    world_settle(&w, 10000);
    cr_expect_str_eq(world_members(&w), "0001 0002 0003");
    cr_expect_eq(w.starts, NODES);
    cr_expect_eq(w.keys.status->nodes_wanted, 3);
    /* The spec asks for that slot: when it leaves, another node comes first. */
    world_leave(&w, FIRST);
    world_hush(&w);
    world_settle(&w, 20000);
    cr_expect_str_eq(world_members(&w), "0001 0002 0003");
    cr_expect_eq(w.starts, NODES + 1);
    cr_expect_not_null(strstr(str_text(&w.trace), "0003 intent-put h3 run leave-host"));
    cr_expect_null(strstr(str_text(&w.trace), "[0001 0002]"));
    cr_expect_null(world_intent(&w, "h4", 3));
    world_deinit(&w);
}

Test(joins, dead_in_a_slot_of_the_spec_it_is_replaced)
{
    struct world w;

    begin_joined(&w, 4);
    world_apply(&w, 3);
    world_settle(&w, 10000);
    world_kill_machine(&w, FIRST);
    world_run(&w, 20000);
    cr_expect_str_eq(world_members(&w), "0001 0002 0003");
    cr_expect_not_null(strstr(str_text(&w.trace), "0003 intent-put h3 run replace"));
    cr_expect(world_condition(&w, CONDITION_CONVERGED));
    world_deinit(&w);
}

Test(joins, a_deletion_lets_it_go)
{
    struct world w;

    begin_joined(&w, 4);
    world_delete(&w);
    world_settle(&w, 10000);
    cr_expect(!w.keys.spec_there);
    cr_expect_eq(w.keys.intents_count, 0);
    cr_expect_eq(w.stops, NODES);
    cr_expect(w.hosts[FIRST].foreigner.running);
    world_deinit(&w);
}

/* An etcd that was emptied but for the spec learns of it by its report. */
Test(joins, it_is_adopted_as_what_it_is)
{
    struct world w;
    struct world_keys empty;

    begin_joined(&w, 4);
    empty = world_backup(&w);
    empty.intents_count = 0;
    world_restore(&w, &empty);
    world_settle(&w, 20000);
    cr_expect_str_eq(world_members(&w), "0001 0002 0003");
    cr_expect(world_intent(&w, "h4", 3)->attached);
    cr_expect_str_eq(world_intent(&w, "h4", 3)->join, "f000000000000003");
    cr_expect_null(strstr(str_text(&w.trace), "[0001 0002]"), "it stays in the list");
    world_deinit(&w);
}

/* A backup knows it in another slot than the one in which it runs. */
Test(joins, of_two_slots_of_one_joiner_the_newer_stays)
{
    struct world w;
    struct world_keys backup;

    begin_joined(&w, 6);
    backup = world_backup(&w);
    world_leave(&w, FIRST);
    world_settle(&w, 10000);
    (void)world_join(&w, FIRST, 5);
    world_settle(&w, 10000);
    cr_assert_str_eq(world_members(&w), "0001 0002 0005");
    world_restore(&w, &backup);
    world_run(&w, 5000);
    world_settle(&w, 20000);
    cr_expect_eq(w.keys.intents_count, NODES + 1);
    cr_expect_str_eq(world_members(&w), "0001 0002 0005");
    world_deinit(&w);
}

Test(joins, an_unreadable_order_lets_nobody_in)
{
    struct world w;

    begin(&w, 4);
    w.keys.bad_keys[0] = (struct bad_key){ .kind = BAD_KEY_INTENT,
                                           .slot = 3,
                                           .host = "h4",
                                           .key = "/muster/v1/intent/h4/c/0003",
                                           .problem = "not JSON" };
    w.keys.bad_keys_count = 1;
    (void)world_join(&w, FIRST, 0);
    world_run(&w, 3000);
    cr_expect_eq(w.keys.intents_count, NODES);
    cr_expect_str_eq(world_reason(&w, CONDITION_JOINS_PENDING), "JoinsAwaited");
    w.keys.bad_keys_count = 0;
    w.changes++;
    world_settle(&w, 10000);
    cr_expect_str_eq(world_members(&w), "0001 0002 0003");
    world_deinit(&w);
}

Test(joins, two_that_ask_at_once_make_one_version)
{
    struct world w;

    begin(&w, 4);
    (void)world_join(&w, FIRST, 3);
    (void)world_join(&w, FIRST + 1, 3);
    world_settle(&w, 10000);
    cr_expect_str_eq(world_members(&w), "0001 0002 0003 0004");
    cr_expect_eq(w.keys.config->head.version, 2);
    world_deinit(&w);
}

Test(joins, nothing_is_placed_beside_a_sidecar)
{
    struct world w;

    begin(&w, 8);
    w.hosts[FIRST].host.nodes_max = 16;
    w.hosts[FIRST].host.ip_count = 16;
    world_apply(&w, 6);
    world_settle(&w, 20000);
    cr_expect_null(strstr(str_text(&w.trace), "h4"));
    world_deinit(&w);
}
