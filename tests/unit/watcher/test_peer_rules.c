#include <criterion/criterion.h>

#include "base/cleanup.h"
#include "watcher/peer_rules.h"

#define FACT(name) (1U << PEER_FACT_##name)
#define NOW 1000000U

static const struct peer_own own = { .version = 7, .since_ms = NOW - 60000 };

/* ---- The table ---- */

Test(peer_rules, each_input_has_a_rule_and_no_rule_is_dead)
{
    size_t count;
    const struct peer_rule *table = peer_rules(&count);
    size_t hits[32] = { 0 };
    uint32_t facts;
    size_t i;

    cr_assert_leq(count, ARRAY_COUNT(hits));
    for (facts = 0; facts < (1U << PEER_FACT_COUNT); facts++) {
        hits[peer_rule(facts) - table]++;
    }
    for (i = 0; i < count; i++) {
        cr_expect_gt(hits[i], 0, "rule '%s' can never match", table[i].name);
    }
}

Test(peer_rules, only_who_was_just_seen_to_lag_for_long_is_written_to)
{
    uint32_t facts;

    for (facts = 0; facts < (1U << PEER_FACT_COUNT); facts++) {
        bool may = (facts & FACT(FRESH)) != 0 && (facts & FACT(BEHIND)) != 0 &&
                   (facts & FACT(LATE)) != 0 && (facts & (FACT(HELD) | FACT(BUSY))) == 0;

        cr_expect_eq(peer_rule(facts)->action == PEER_DO_WRITE, may, "facts %x", facts);
    }
}

Test(peer_rules, who_is_being_asked_is_left_alone)
{
    uint32_t facts;

    for (facts = 0; facts < (1U << PEER_FACT_COUNT); facts++) {
        if ((facts & FACT(BUSY)) != 0) {
            cr_expect_eq(peer_rule(facts)->action, PEER_DO_WAIT);
        }
    }
}

/* ---- What is remembered ---- */

static enum peer_action action_at(const struct peer_mind *mind, uint64_t now_ms)
{
    return peer_rule(peer_facts(mind, now_ms))->action;
}

/* A look that shows `version`. */
static bool look(struct peer_mind *mind, enum peer_sight sight, uint32_t version, uint64_t now_ms)
{
    struct peer_look seen = { .sight = sight, .version = version, .answered = true };

    peer_mind_began(mind);
    return peer_mind_looked(mind, &seen, &own, now_ms);
}

/* The time of the next action that is not waiting; nothing else happens until then. */
static uint64_t next(struct peer_mind *mind, uint64_t now_ms, enum peer_action *action)
{
    int turns;

    for (turns = 0; turns < 8; turns++) {
        uint64_t wake_ms = peer_wake_ms(mind, now_ms);

        *action = action_at(mind, now_ms);
        if (*action != PEER_DO_WAIT) {
            return now_ms;
        }
        peer_mind_stale(mind);
        cr_assert_neq(wake_ms, UINT64_MAX);
        if (wake_ms <= now_ms) {
            wake_ms = now_ms + 1;
        }
        now_ms = wake_ms;
    }
    cr_assert_fail("it wakes without end");
    return 0;
}

Test(peer_mind, what_is_the_same_is_polled_and_nothing_else)
{
    struct peer_mind mind;
    enum peer_action action;

    peer_mind_init(&mind, 0, NOW);
    cr_expect_eq(action_at(&mind, NOW), PEER_DO_LOOK);
    cr_expect_not(look(&mind, PEER_SAME, 7, NOW));
    cr_expect_eq(next(&mind, NOW, &action), NOW + PEER_POLL_MS);
    cr_expect_eq(action, PEER_DO_LOOK);
}

Test(peer_mind, who_lags_is_given_time_to_catch_up_and_is_looked_at_before_it_is_written_to)
{
    struct peer_mind mind;
    enum peer_action action;

    peer_mind_init(&mind, 0, NOW);
    (void)look(&mind, PEER_BEHIND, 6, NOW);
    cr_expect_eq(next(&mind, NOW, &action), NOW + PEER_GRACE_MS);
    cr_expect_eq(action, PEER_DO_LOOK);
    (void)look(&mind, PEER_BEHIND, 6, NOW + PEER_GRACE_MS);
    cr_expect_eq(action_at(&mind, NOW + PEER_GRACE_MS), PEER_DO_WRITE);
}

Test(peer_mind, farther_watchers_wait_for_nearer_ones)
{
    enum peer_action action;
    size_t place;

    for (place = 0; place < 3; place++) {
        struct peer_mind mind;

        peer_mind_init(&mind, place, NOW);
        (void)look(&mind, PEER_BEHIND, 6, NOW);
        cr_expect_eq(next(&mind, NOW, &action), NOW + (place + 1) * PEER_GRACE_MS);
    }
}

Test(peer_mind, pauses_between_writes_in_vain_double_up_to_a_limit)
{
    uint64_t pause_ms = PEER_WRITE_RETRY_FIRST_MS;
    uint64_t now_ms = NOW;
    struct peer_mind mind;
    int i;

    peer_mind_init(&mind, 0, NOW);
    (void)look(&mind, PEER_BEHIND, 6, now_ms);
    now_ms += PEER_GRACE_MS;
    for (i = 0; i < 8; i++) {
        (void)look(&mind, PEER_BEHIND, 6, now_ms);
        cr_assert_eq(action_at(&mind, now_ms), PEER_DO_WRITE, "write %d", i);
        peer_mind_began(&mind);
        peer_mind_wrote(&mind, true, now_ms);
        (void)look(&mind, PEER_BEHIND, 6, now_ms + pause_ms - 1);
        cr_expect_neq(action_at(&mind, now_ms + pause_ms - 1), PEER_DO_WRITE, "write %d", i);
        peer_mind_stale(&mind);
        now_ms += pause_ms;
        pause_ms = 2 * pause_ms < PEER_WRITE_RETRY_MAX_MS ? 2 * pause_ms : PEER_WRITE_RETRY_MAX_MS;
    }
}

Test(peer_mind, a_write_that_helped_is_a_repair_and_counted_once)
{
    struct peer_mind mind;

    peer_mind_init(&mind, 0, NOW);
    (void)look(&mind, PEER_BEHIND, 6, NOW);
    peer_mind_began(&mind);
    peer_mind_wrote(&mind, true, NOW);
    cr_expect_eq(peer_wake_ms(&mind, NOW), NOW + PEER_CHECK_MS);
    cr_expect(look(&mind, PEER_SAME, 7, NOW + PEER_CHECK_MS));
    cr_expect_eq(mind.written_from, 6);
    cr_expect_eq(mind.repairs, 1);
    cr_expect_not(look(&mind, PEER_SAME, 7, NOW + 2 * PEER_CHECK_MS));
    cr_expect_eq(mind.repairs, 1);
}

Test(peer_mind, who_caught_up_by_itself_was_not_repaired)
{
    struct peer_mind mind;

    peer_mind_init(&mind, 0, NOW);
    (void)look(&mind, PEER_BEHIND, 6, NOW);
    cr_expect_not(look(&mind, PEER_SAME, 7, NOW + 100));
    peer_mind_began(&mind);
    peer_mind_wrote(&mind, false, NOW + 200);
    cr_expect_not(look(&mind, PEER_SAME, 7, NOW + 300));
    cr_expect_eq(mind.repairs, 0);
}

Test(peer_mind, twins_and_foreign_records_are_never_written_over)
{
    static const enum peer_sight sights[] = { PEER_TWIN, PEER_FOREIGN };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(sights); i++) {
        struct peer_mind mind;
        enum peer_action action;

        peer_mind_init(&mind, 0, NOW);
        (void)look(&mind, sights[i], 7, NOW);
        cr_expect_eq(next(&mind, NOW, &action), NOW + PEER_POLL_MS);
        (void)look(&mind, sights[i], 7, NOW + PEER_POLL_MS);
        cr_expect_eq(action_at(&mind, NOW + PEER_POLL_MS), PEER_DO_WAIT);
    }
}

Test(peer_mind, a_newer_version_is_looked_at_at_once_and_once)
{
    struct peer_mind mind;
    enum peer_action action;

    peer_mind_init(&mind, 0, NOW);
    (void)look(&mind, PEER_SAME, 7, NOW);
    peer_mind_stale(&mind);
    peer_mind_hint(&mind, 8, &own, NOW + 5000);
    cr_expect_eq(action_at(&mind, NOW + 5000), PEER_DO_LOOK);
    (void)look(&mind, PEER_SAME, 7, NOW + 5000);
    peer_mind_stale(&mind);
    peer_mind_hint(&mind, 8, &own, NOW + 5200);
    cr_expect_eq(next(&mind, NOW + 5200, &action), NOW + 5000 + PEER_POLL_MS);
}

/* Whatever a subscription tells, however fast. */
Test(peer_mind, a_flood_of_hints_makes_for_few_looks)
{
    uint64_t now_ms = NOW;
    unsigned looks = 0;
    struct peer_mind mind;
    uint32_t i;

    peer_mind_init(&mind, 0, NOW);
    for (i = 0; i < 10000; i++) {
        peer_mind_hint(&mind, 8 + i, &own, now_ms);
        if (action_at(&mind, now_ms) == PEER_DO_LOOK) {
            looks++;
            (void)look(&mind, PEER_SAME, 7, now_ms);
            peer_mind_stale(&mind);
        }
        now_ms += i % 10 == 0 ? 1 : 0;
    }
    cr_expect_leq(looks, 1 + 1000 / PEER_LOOK_PAUSE_MS);
    cr_expect_geq(looks, 5);
}

Test(peer_mind, an_older_version_heard_of_is_behind)
{
    struct peer_mind mind;
    enum peer_action action;

    peer_mind_init(&mind, 0, NOW);
    (void)look(&mind, PEER_SAME, 7, NOW);
    peer_mind_stale(&mind);
    peer_mind_hint(&mind, 0, &own, NOW + 1000);
    cr_expect_eq(next(&mind, NOW + 1000, &action), NOW + 1000 + PEER_GRACE_MS);
    cr_expect_eq(action, PEER_DO_LOOK);
    peer_mind_hint(&mind, 7, &own, NOW + 2000);
    cr_expect_eq(action_at(&mind, NOW + 2000), PEER_DO_LOOK, "whether it helped is looked at");
}

Test(peer_mind, with_a_newer_record_here_all_who_have_it_not_are_behind)
{
    const struct peer_own newer = { .version = 8, .since_ms = NOW + 5000 };
    struct peer_mind mind;
    enum peer_action action;

    peer_mind_init(&mind, 1, NOW);
    (void)look(&mind, PEER_SAME, 7, NOW);
    peer_mind_follow(&mind, &newer, NOW + 5000);
    cr_expect_eq(next(&mind, NOW + 5000, &action), NOW + 5000 + 2 * PEER_GRACE_MS);
    peer_mind_hint(&mind, 8, &newer, NOW + 5040);
    cr_expect_eq(mind.lag_ms, 40);
    cr_expect_eq(mind.changed_ms, NOW + 5040);
}

static void stay_silent(struct peer_mind *mind, uint64_t now_ms)
{
    static const struct peer_look nothing = { .sight = PEER_UNSEEN };

    peer_mind_began(mind);
    (void)peer_mind_looked(mind, &nothing, &own, now_ms);
}

Test(peer_mind, silence_counts_after_a_while_and_ends_with_the_first_answer)
{
    struct peer_mind mind;
    uint64_t now_ms = NOW;
    enum peer_action action;

    peer_mind_init(&mind, 0, NOW);
    for (; now_ms < NOW + PEER_SILENT_MS; now_ms += PEER_POLL_SILENT_MS) {
        stay_silent(&mind, now_ms);
        cr_expect_not(mind.unreachable);
        cr_expect_eq(next(&mind, now_ms, &action), now_ms + PEER_POLL_SILENT_MS);
    }
    stay_silent(&mind, now_ms);
    cr_expect(mind.unreachable);
    cr_expect_eq(next(&mind, now_ms, &action), now_ms + PEER_POLL_GONE_MS);
    (void)look(&mind, PEER_SAME, 7, now_ms + 1);
    cr_expect_not(mind.unreachable);
}

/* A watcher that was stopped has heard nothing because it has not asked. */
Test(peer_mind, a_long_pause_between_two_questions_is_no_silence)
{
    struct peer_mind mind;

    peer_mind_init(&mind, 0, NOW);
    stay_silent(&mind, NOW);
    stay_silent(&mind, NOW + 10 * PEER_SILENT_MS);
    cr_expect_not(mind.unreachable);
}

Test(peer_mind, who_lags_and_does_not_answer_is_not_asked_without_end)
{
    struct peer_mind mind;
    uint64_t now_ms = NOW;
    enum peer_action action;
    int i;

    peer_mind_init(&mind, 0, NOW);
    (void)look(&mind, PEER_BEHIND, 3, NOW);
    for (i = 0; i < 10; i++) {
        uint64_t next_ms = next(&mind, now_ms, &action);

        cr_expect_eq(action, PEER_DO_LOOK);
        cr_expect_geq(next_ms, now_ms + PEER_POLL_SILENT_MS, "look %d", i);
        now_ms = next_ms;
        stay_silent(&mind, now_ms);
    }
}

Test(peer_mind, an_end_of_its_subscription_is_looked_into)
{
    struct peer_mind mind;

    peer_mind_init(&mind, 0, NOW);
    (void)look(&mind, PEER_SAME, 7, NOW);
    peer_mind_stale(&mind);
    peer_mind_lost(&mind, NOW + 4000);
    cr_expect_eq(action_at(&mind, NOW + 4000), PEER_DO_LOOK);
}
