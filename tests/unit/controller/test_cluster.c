#include <criterion/criterion.h>
#include <string.h>

#include "controller/cluster.h"
#include "support/keys_fixture.h"

static struct fixture f;
static struct cluster cluster;
static uint32_t gone[8];
static size_t gone_count;

static void setup(void)
{
    fixture_start(&f, NULL);
    memcpy(cluster.name, "a", 2);
}

static void teardown(void)
{
    cluster_deinit(&cluster);
    fixture_end(&f);
}

TestSuite(cluster, .init = setup, .fini = teardown);

static void on_gone(void *ctx, struct slot_state *slot)
{
    (void)ctx;
    gone[gone_count++] = slot->seen.slot;
}

static void observe(uint64_t now_ms)
{
    struct err err;

    cr_assert_eq(
        cluster_observe(&cluster, objects_cluster(&f.objects, "a"), now_ms, on_gone, NULL, &err),
        0);
}

/* As many as it takes; the first of them at `now_ms`. */
static void fail_probes(const char *host, uint64_t now_ms)
{
    unsigned i;

    for (i = 1; i < PROBE_FAILURES_MIN; i++) {
        cr_assert_not(cluster_probed(&cluster, 1, host, false, now_ms + i - 1));
    }
    cr_assert(cluster_probed(&cluster, 1, host, false, now_ms + i));
    cr_assert_eq(cluster_slot(&cluster, 1, host)->seen.unreachable_since_ms, now_ms);
}

Test(cluster, silence_counts_from_when_it_was_noticed_and_ends_with_a_report)
{
    struct intent intent = fixture_intent("a", 1, "h1", "10.0.0.1");
    struct node_report report = fixture_report("a", 1, "h1", "10.0.0.1");

    fixture_put_intent(&f, &intent);
    observe(1000);
    observe(2000);
    cr_assert_eq(cluster_slot(&cluster, 1, "h1")->seen.report_gone_since_ms, 1000);
    cr_assert(cluster_slot(&cluster, 1, "h1")->probe_wanted);
    fixture_put_report(&f, &report);
    observe(3000);
    cr_assert_eq(cluster_slot(&cluster, 1, "h1")->seen.report_gone_since_ms, 0);
    cr_assert_not(cluster_slot(&cluster, 1, "h1")->probe_wanted);
    fixture_gone(&f, "clusters/a/nodes/0001/h1");
    observe(4000);
    cr_assert_eq(cluster_slot(&cluster, 1, "h1")->seen.report_gone_since_ms, 4000);
}

Test(cluster, a_report_that_can_not_be_read_is_no_silence)
{
    struct intent intent = fixture_intent("a", 1, "h1", "10.0.0.1");

    fixture_put_intent(&f, &intent);
    fixture_put_text(&f, "clusters/a/nodes/0001/h1", "x");
    observe(1000);
    cr_assert_eq(cluster_slot(&cluster, 1, "h1")->seen.report_gone_since_ms, 0);
}

Test(cluster, two_nodes_of_one_slot_are_observed_each)
{
    const struct member members[] = { { 1, "10.0.0.1", "10.0.0.1", 11211 } };
    struct intent leaver = fixture_intent("a", 1, "h1", "10.0.0.1");
    struct intent successor = fixture_intent("a", 1, "h2", "10.0.0.2");
    struct node_report report = fixture_report("a", 1, "h2", "10.0.0.2");
    struct cluster_observations seen;
    struct arena arena;
    struct err err;

    fixture_put_config(&f, "a", members, 1, 7);
    fixture_put_intent(&f, &successor);
    fixture_put_intent(&f, &leaver);
    fixture_put_report(&f, &report);
    observe(1000);
    cr_assert(cluster_slot(&cluster, 1, "h1")->probe_wanted);
    cr_assert_not(cluster_slot(&cluster, 1, "h2")->probe_wanted);
    fail_probes("h1", 1500);
    cluster_pushing(&cluster, 1, "h2", 7);
    arena_init(&arena, 4096);
    cr_assert_eq(cluster_observations(&cluster, &arena, &seen, &err), 0);
    cr_assert_eq(seen.slots_count, 2);
    cr_assert_str_eq(seen.slots[0].host, "h1");
    cr_assert_eq(seen.slots[0].report_gone_since_ms, 1000);
    cr_assert_eq(seen.slots[0].unreachable_since_ms, 1500);
    cr_assert_eq(seen.slots[0].pushing_version, 0);
    cr_assert_str_eq(seen.slots[1].host, "h2");
    cr_assert_eq(seen.slots[1].report_gone_since_ms, 0);
    cr_assert_eq(seen.slots[1].unreachable_since_ms, 0);
    cr_assert_eq(seen.slots[1].pushing_version, 7);
    arena_deinit(&arena);
}

Test(cluster, a_member_whom_no_intent_or_report_explains_is_probed_all_the_same)
{
    const struct member members[] = { { 1, "10.0.0.1", "10.0.0.1", 11211 } };
    struct intent elsewhere = fixture_intent("a", 1, "h2", "10.0.0.2");
    struct node_report report = fixture_report("a", 1, "h1", "10.0.0.1");

    fixture_put_config(&f, "a", members, 1, 7);
    fixture_put_intent(&f, &elsewhere);
    observe(1000);
    cr_assert_eq(cluster.slots_count, 2);
    cr_assert(cluster_slot(&cluster, 1, "")->probe_wanted);
    cr_assert_str_eq(cluster_slot(&cluster, 1, "")->ip, "10.0.0.1");
    fixture_put_report(&f, &report);
    observe(2000);
    cr_assert_null(cluster_slot(&cluster, 1, ""), "its host is known now");
    cr_assert_not(cluster_slot(&cluster, 1, "h1")->probe_wanted);
    fixture_put_text(&f, "intent/h1/a/0001", "x");
    fixture_put_text(&f, "clusters/a/nodes/0001/h1", "x");
    observe(3000);
    cr_assert_null(cluster_slot(&cluster, 1, ""), "a report is there, whatever it says");
}

Test(cluster, a_node_that_is_down_is_probed)
{
    struct node_report report = fixture_report("a", 1, "h1", "10.0.0.1");

    report.state = NODE_DOWN;
    fixture_put_report(&f, &report);
    observe(1000);
    cr_assert(cluster_slot(&cluster, 1, "h1")->probe_wanted);
    fail_probes("h1", 1500);
    cr_assert_not(cluster_probed(&cluster, 1, "h1", false, 1700), "the same again is no news");
    cr_assert_eq(cluster_slot(&cluster, 1, "h1")->seen.unreachable_since_ms, 1500);
    observe(2000);
    cr_assert_eq(cluster_slot(&cluster, 1, "h1")->seen.unreachable_since_ms, 1500);
    cr_assert(cluster_probed(&cluster, 1, "h1", true, 2500));
    cr_assert_eq(cluster_slot(&cluster, 1, "h1")->seen.unreachable_since_ms, 0);
    fail_probes("h1", 3000);
    report.state = NODE_UP;
    fixture_put_report(&f, &report);
    observe(3500);
    cr_assert_eq(cluster_slot(&cluster, 1, "h1")->seen.unreachable_since_ms, 0);
}

Test(cluster, one_probe_that_fails_says_nothing)
{
    struct node_report report = fixture_report("a", 1, "h1", "10.0.0.1");
    unsigned i;

    report.state = NODE_DOWN;
    fixture_put_report(&f, &report);
    observe(1000);
    for (i = 1; i < PROBE_FAILURES_MIN; i++) {
        cr_assert_not(cluster_probed(&cluster, 1, "h1", false, 1500 + i));
    }
    cr_assert_eq(cluster_slot(&cluster, 1, "h1")->seen.unreachable_since_ms, 0);
    cr_assert_not(cluster_probed(&cluster, 1, "h1", true, 1600), "it was never lost");
    fail_probes("h1", 1700); /* counted anew */
}

/* The network to all of them was cut, and is back: their answers don't come at one time. */
Test(cluster, one_that_answers_again_has_the_others_asked_once_more)
{
    struct node_report first = fixture_report("a", 1, "h1", "10.0.0.1");
    struct node_report second = fixture_report("a", 1, "h2", "10.0.0.2");

    first.state = NODE_DOWN;
    second.state = NODE_DOWN;
    fixture_put_report(&f, &first);
    fixture_put_report(&f, &second);
    observe(1000);
    fail_probes("h1", 1500);
    fail_probes("h2", 1600);
    cr_assert(cluster_probed(&cluster, 1, "h2", true, 5000));
    cr_assert_eq(cluster_slot(&cluster, 1, "h1")->seen.unreachable_since_ms, 0);
    cr_assert(cluster_probed(&cluster, 1, "h1", false, 5200));
    cr_assert_eq(cluster_slot(&cluster, 1, "h1")->seen.unreachable_since_ms, 1500,
                 "it never answered");
}

Test(cluster, a_push_is_remembered_until_the_process_is_another_one)
{
    struct node_report report = fixture_report("a", 1, "h1", "10.0.0.1");

    fixture_put_report(&f, &report);
    observe(1000);
    cluster_pushing(&cluster, 1, "h1", 7);
    cr_assert_eq(cluster_slot(&cluster, 1, "h1")->seen.pushing_version, 7);
    cluster_pushed(&cluster, 1, "h1", "10.0.0.1", 7, 1100);
    cr_assert_eq(cluster_slot(&cluster, 1, "h1")->seen.pushing_version, 0);
    cr_assert_eq(cluster_slot(&cluster, 1, "h1")->seen.pushed_version, 7);
    cr_assert_eq(cluster_slot(&cluster, 1, "h1")->seen.push_retry_at_ms, 1100 + PUSH_ACK_WAIT_MS);
    report.started_ms++;
    fixture_put_report(&f, &report);
    observe(1200);
    cr_assert_eq(cluster_slot(&cluster, 1, "h1")->seen.pushed_version, 0);
    cr_assert_eq(cluster_slot(&cluster, 1, "h1")->seen.push_retry_at_ms, 0);
}

Test(cluster, waiting_for_an_acknowledgement_ends_with_a_new_configuration)
{
    struct node_report report = fixture_report("a", 1, "h1", "10.0.0.1");

    fixture_put_report(&f, &report);
    observe(1000);
    cluster.config_version = 7; /* as the last look found it; now the key holds none */
    cluster_pushing(&cluster, 1, "h1", 7);
    cluster_pushed(&cluster, 1, "h1", "10.0.0.1", 7, 1100);
    cr_assert_neq(cluster_slot(&cluster, 1, "h1")->seen.push_retry_at_ms, 0);
    observe(1200);
    cr_assert_eq(cluster_slot(&cluster, 1, "h1")->seen.push_retry_at_ms, 0);
    cluster.config_version = 8;
    cluster_pushing(&cluster, 1, "h1", 7);
    cluster_pushed(&cluster, 1, "h1", "10.0.0.1", 7, 1300);
    cr_assert_eq(cluster_slot(&cluster, 1, "h1")->seen.push_retry_at_ms, 0,
                 "an answer that came late");
}

Test(cluster, the_answer_of_a_former_node_counts_for_nothing)
{
    struct node_report report = fixture_report("a", 1, "h1", "10.0.0.1");

    fixture_put_report(&f, &report);
    observe(1000);
    cluster_pushing(&cluster, 1, "h1", 7);
    report.ip = "10.0.0.2";
    fixture_put_report(&f, &report);
    observe(1100);
    cr_assert_eq(cluster_slot(&cluster, 1, "h1")->seen.pushing_version, 0);
    cluster_pushing(&cluster, 1, "h1", 7);
    cluster_pushed(&cluster, 1, "h1", "10.0.0.1", 7, 1200);
    cr_assert_eq(cluster_slot(&cluster, 1, "h1")->seen.pushed_version, 0);
    cr_assert_eq(cluster_slot(&cluster, 1, "h1")->seen.pushing_version, 7);
}

Test(cluster, failed_pushes_wait_longer_each_time)
{
    struct node_report report = fixture_report("a", 1, "h1", "10.0.0.1");
    uint64_t waited_ms;
    unsigned i;

    fixture_put_report(&f, &report);
    observe(1000);
    for (i = 1; i < 20; i++) {
        cr_assert_eq(cluster_push_failed(&cluster, 1, "h1", "10.0.0.1", 1000), i);
        waited_ms = cluster_slot(&cluster, 1, "h1")->seen.push_retry_at_ms - 1000;
        cr_assert_geq(waited_ms, PUSH_RETRY_MS_MIN / 2);
        cr_assert_leq(waited_ms, PUSH_RETRY_MS_MAX);
    }
    cr_assert_geq(waited_ms, PUSH_RETRY_MS_MAX / 2);
    cluster_pushed(&cluster, 1, "h1", "10.0.0.1", 1, 1000);
    cr_assert_eq(cluster_push_failed(&cluster, 1, "h1", "10.0.0.1", 1000), 1);
}

Test(cluster, slots_that_left_all_keys_are_dropped)
{
    struct intent first = fixture_intent("a", 1, "h1", "10.0.0.1");
    struct intent second = fixture_intent("a", 2, "h1", "10.0.0.2");

    fixture_put_intent(&f, &second);
    fixture_put_intent(&f, &first);
    observe(1000);
    cr_assert_eq(cluster.slots_count, 2);
    cr_assert_eq(cluster.slots[0].seen.slot, 1);
    fixture_gone(&f, "intent/h1/a/0001");
    observe(2000);
    cr_assert_eq(cluster.slots_count, 1);
    cr_assert_eq(cluster.slots[0].seen.slot, 2);
    cr_assert_eq(cluster.slots[0].seen.report_gone_since_ms, 1000);
    cr_assert_eq(gone_count, 1);
    cr_assert_eq(gone[0], 1);
}

Test(cluster, the_wait_for_an_acknowledgement_ends_with_the_next_version)
{
    const struct member members[] = { { 1, "10.0.0.1", "10.0.0.1", 11211 } };
    struct node_report report = fixture_report("a", 1, "h1", "10.0.0.1");

    fixture_put_report(&f, &report);
    fixture_put_config(&f, "a", members, 1, 7);
    observe(1000);
    cluster_pushed(&cluster, 1, "h1", "10.0.0.1", 7, 1100);
    observe(1200);
    cr_assert_eq(cluster_slot(&cluster, 1, "h1")->seen.push_retry_at_ms, 1100 + PUSH_ACK_WAIT_MS);
    fixture_put_config(&f, "a", members, 1, 8);
    observe(1300);
    cr_assert_eq(cluster_slot(&cluster, 1, "h1")->seen.push_retry_at_ms, 0);
    cr_assert_eq(cluster.config_since_ms, 1300);
}
