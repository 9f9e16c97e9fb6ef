#include <criterion/criterion.h>
#include <string.h>

#include "world.h"

/* What ends a drain: slot 3 leaves a cluster of three, and loses its clients soon. */

/* The leaver drains, and its last client has gone; the time to drain is not over. */
static void begin(struct world *w, enum spec_drain_ends ends)
{
    const struct node_report *report;
    const struct intent *intent;
    int i;

    world_converge(w, 3, 3);
    w->keys.spec.spec.drain_ends = ends;
    w->keys.spec.spec.drain_ms = 60000;
    world_apply(w, 2);
    for (i = 0; i < 100; i++) {
        world_step(w);
        intent = world_intent(w, "h3", 3);
        report = world_report(w, "h3", 3);
        if (intent == NULL || intent->phase == INTENT_STOP ||
            (intent->phase == INTENT_DRAIN && report->clients == 0)) {
            return;
        }
    }
    cr_assert_fail("it does not come to drain");
}

static enum intent_phase phase(struct world *w)
{
    const struct intent *intent = world_intent(w, "h3", 3);

    return intent == NULL ? INTENT_STOP : intent->phase;
}

static const char *rule_of_leaver(const struct world *w)
{
    return w->keys.status->slots[2].rule;
}

static void learn(struct world *w, uint32_t polled_version)
{
    w->polled_version = polled_version;
    w->changes++;
    world_run(w, 2000);
}

Test(drains, clients_that_are_gone_end_it)
{
    struct world w;

    begin(&w, SPEC_DRAIN_CLIENTS);
    world_run(&w, 2000);
    cr_expect_eq(phase(&w), INTENT_STOP);
    world_deinit(&w);
}

Test(drains, by_time_it_ends_with_its_time_only)
{
    struct world w;

    begin(&w, SPEC_DRAIN_TIME);
    learn(&w, UINT32_MAX);
    world_run(&w, 50000);
    cr_expect_eq(phase(&w), INTENT_DRAIN);
    cr_expect_str_eq(rule_of_leaver(&w), "await-drain");
    world_run(&w, 10000);
    cr_expect_eq(phase(&w), INTENT_STOP);
    world_deinit(&w);
}

Test(drains, by_evidence_all_that_polled_must_know)
{
    struct world w;
    uint32_t left;

    begin(&w, SPEC_DRAIN_EVIDENCE);
    world_run(&w, 2000);
    cr_assert_eq(phase(&w), INTENT_DRAIN, "nothing is known of those that polled");
    cr_expect_str_eq(rule_of_leaver(&w), "await-pollers");
    left = world_intent(&w, "h3", 3)->left_version;
    cr_expect_eq(left, w.keys.config->head.version);
    learn(&w, left - 1);
    cr_assert_eq(phase(&w), INTENT_DRAIN, "one has the list before");
    learn(&w, left);
    cr_expect_eq(phase(&w), INTENT_STOP);
    world_deinit(&w);
}

/* A later change does not make those wait again who know of this one. */
Test(drains, by_evidence_the_first_version_without_it_is_enough)
{
    struct world w;
    uint32_t left;

    begin(&w, SPEC_DRAIN_EVIDENCE);
    left = world_intent(&w, "h3", 3)->left_version;
    w.keys.spec.spec.domain = "cache.local";
    world_apply(&w, 2);
    world_run(&w, 2000);
    cr_assert_gt(w.keys.config->head.version, left);
    cr_assert_eq(phase(&w), INTENT_DRAIN);
    learn(&w, left);
    cr_expect_eq(phase(&w), INTENT_STOP);
    world_deinit(&w);
}

Test(drains, by_evidence_a_connected_client_is_waited_for)
{
    struct world w;

    world_converge(&w, 3, 3);
    w.clients_stay = true;
    w.polled_version = UINT32_MAX;
    w.keys.spec.spec.drain_ends = SPEC_DRAIN_EVIDENCE;
    w.keys.spec.spec.drain_ms = 60000;
    world_apply(&w, 2);
    world_run(&w, 50000);
    cr_expect_eq(phase(&w), INTENT_DRAIN);
    cr_expect_str_eq(rule_of_leaver(&w), "await-drain");
    world_run(&w, 15000);
    cr_expect_eq(phase(&w), INTENT_STOP);
    world_deinit(&w);
}

Test(drains, by_evidence_it_is_bounded_by_its_time)
{
    struct world w;

    begin(&w, SPEC_DRAIN_EVIDENCE);
    world_run(&w, 50000);
    cr_expect_eq(phase(&w), INTENT_DRAIN);
    world_run(&w, 15000);
    cr_expect_eq(phase(&w), INTENT_STOP);
    world_deinit(&w);
}

/* Nobody waits for a node that nobody can use. */
Test(drains, whatever_ends_it_a_dead_leaver_is_not_waited_for)
{
    enum spec_drain_ends ends;
    struct world w;

    for (ends = SPEC_DRAIN_CLIENTS; ends <= SPEC_DRAIN_TIME; ends++) {
        begin(&w, ends);
        world_kill_machine(&w, 2);
        world_run(&w, 40000);
        cr_expect_eq(phase(&w), INTENT_STOP, "drain by %d", (int)ends);
        world_deinit(&w);
    }
}
