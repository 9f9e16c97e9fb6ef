#include <criterion/criterion.h>
#include <string.h>

#include "cli/dead_nodes.h"
#include "cli/rollout_history.h"
#include "cli/rollout_status.h"
#include "make.h"

static struct made made;

static void setup(void)
{
    made_init(&made);
}

static void teardown(void)
{
    made_deinit(&made);
}

TestSuite(rollout, .init = setup, .fini = teardown);

static const struct spec_record *record_of(uint64_t generation)
{
    struct spec_record *record = arena_alloc(&made.arena, sizeof(*record));

    *record = (struct spec_record){ .spec = make_spec("c", 3),
                                    .uid = MAKE_UID,
                                    .generation = generation };
    return record;
}

static void expect_history(const char *expected)
{
    const struct cluster_facts *cluster = facts_cluster(&made.facts, "c");
    struct show_request request = { .name = "c", .now_ms = MAKE_NOW_MS, .arena = &made.arena };
    CLEANUP(str_deinit) struct str out;
    struct err err = { 0 };

    str_init(&out, 1U << 20);
    cr_assert_eq(rollout_history_table(cluster, &request, &out, &err), 0, "%s", err.msg);
    cr_expect_str_eq(str_text(&out), expected);
}

Test(rollout, history_tells_what_each_generation_changed)
{
    make_spec_key(&made, "c", 4, 3, false);
    make_generation(&made, "c", 1, 3, 7200000);
    make_generation(&made, "c", 2, 5, 600000);
    make_generation(&made, "c", 3, 4, 5000);
    expect_history("GENERATION    AGE   CHANGE\n"
                   "1             2h    created: 3 nodes of 64Mi\n"
                   "2             10m   nodes 3 -> 5\n"
                   "3 (current)   5s    nodes 5 -> 4\n");
}

/* Where the one before is not kept there is nothing to compare with. */
Test(rollout, history_with_a_gap_tells_the_spec_itself)
{
    make_spec_key(&made, "c", 1, 9, false);
    make_generation(&made, "c", 7, 3, 7200000);
    make_generation(&made, "c", 9, 1, MAKE_NOW_MS);
    expect_history("GENERATION    AGE   CHANGE\n"
                   "7             2h    3 nodes of 64Mi\n"
                   "9 (current)   -     1 node of 64Mi\n");
}

Test(rollout, history_leaves_out_a_former_cluster_of_the_name)
{
    struct spec_record record = *record_of(1);

    record.uid = "fedcba9876543210";
    make_record(&made, &record);
    make_generation(&made, "c", 1, 3, 0);
    expect_history("GENERATION   AGE   CHANGE\n");
}

static struct status status_of(uint64_t generation, uint32_t updated)
{
    return (struct status){
        .observed_generation = generation,
        .uid = MAKE_UID,
        .version = 12,
        .nodes_wanted = 3,
        .nodes_ready = 3,
        .nodes_converged = 3,
        .nodes_updated = updated,
        .conditions[CONDITION_CONVERGED] = { true, "Converged", "version 12 is served", 1 },
        .conditions[CONDITION_PROGRESSING] = { false, "Converged", "nothing is left to do", 1 },
        .conditions[CONDITION_STALLED] = { false, "NotStalled", "nothing", 1 },
    };
}

static void expect_status(enum rollout_state state, const char *sentence)
{
    CLEANUP(str_deinit) struct str out;

    str_init(&out, 4096);
    cr_expect_eq(rollout_status(facts_cluster(&made.facts, "c"), &out), state);
    cr_expect_str_eq(str_text(&out), sentence);
}

Test(rollout, is_done_when_nothing_is_left_to_do)
{
    struct status status = status_of(4, 3);

    make_record(&made, record_of(4));
    make_status_value(&made, "c", &status);
    expect_status(ROLLOUT_DONE,
                  "generation 4: 3 of 3 nodes updated, 3 converged, version 12 is served");
}

Test(rollout, is_not_done_by_the_word_about_the_generation_before)
{
    struct status status = status_of(3, 3);

    make_record(&made, record_of(4));
    make_status_value(&made, "c", &status);
    expect_status(ROLLOUT_GOING, "generation 4: no controller has taken it up yet");
}

Test(rollout, waits_for_the_last_node_and_for_leavers)
{
    struct status status = status_of(4, 2);

    make_record(&made, record_of(4));
    status.conditions[CONDITION_CONVERGED].status = false;
    status.conditions[CONDITION_PROGRESSING] =
        (struct condition){ true, "NodesPending", "slot 0003: it starts", 1 };
    make_status_value(&made, "c", &status);
    expect_status(ROLLOUT_GOING,
                  "generation 4: 2 of 3 nodes updated, 3 converged; slot 0003: it starts");
    status = status_of(4, 3);
    status.conditions[CONDITION_PROGRESSING] =
        (struct condition){ true, "NodesLeaving", "nodes on their way out: 1", 1 };
    make_status_value(&made, "c", &status);
    expect_status(ROLLOUT_GOING,
                  "generation 4: 3 of 3 nodes updated, 3 converged; nodes on their way out: 1");
}

Test(rollout, tells_that_it_is_paused)
{
    struct spec_record record = *record_of(4);
    struct status status = status_of(4, 2);

    record.paused = true;
    make_record(&made, &record);
    status.conditions[CONDITION_CONVERGED].status = false;
    make_status_value(&made, "c", &status);
    expect_status(ROLLOUT_GOING,
                  "generation 4: 2 of 3 nodes updated, 3 converged; paused (muster rollout resume "
                  "c); the controller has not looked at the latest reports yet");
}

Test(rollout, has_stalled_when_its_deadline_is_over)
{
    struct status status = status_of(4, 1);

    status.conditions[CONDITION_CONVERGED].status = false;
    status.conditions[CONDITION_PROGRESSING] =
        (struct condition){ false, "ProgressDeadlineExceeded", "no progress for 10m", 5000 };
    make_record(&made, record_of(4));
    make_status_value(&made, "c", &status);
    expect_status(ROLLOUT_STALLED,
                  "generation 4: 1 of 3 nodes updated, 3 converged; no progress for 10m");
}

/* Until the controller has heard of it; then it counts whatever it says. */
Test(rollout, has_not_stalled_right_after_it_was_resumed)
{
    struct spec_record record = *record_of(4);
    struct status status = status_of(4, 1);

    status.conditions[CONDITION_CONVERGED].status = false;
    status.conditions[CONDITION_PROGRESSING] =
        (struct condition){ false, "ProgressDeadlineExceeded", "no progress for 10m", 5000 };
    status.conditions[CONDITION_STALLED] =
        (struct condition){ true, "ProgressDeadlineExceeded", "no progress for 10m", 5000 };
    record.resumed_ms = 4001;
    make_record(&made, &record);
    make_status_value(&made, "c", &status);
    expect_status(ROLLOUT_GOING, "generation 4: 1 of 3 nodes updated, 3 converged; Stalled: no "
                                 "progress for 10m");
    status.resumed_ms = 4001;
    make_status_value(&made, "c", &status);
    expect_status(ROLLOUT_STALLED,
                  "generation 4: 1 of 3 nodes updated, 3 converged; no progress for 10m");
}

/* What only something from outside mends may still be mended. */
Test(rollout, that_is_held_up_may_still_come_to_its_end)
{
    struct status status = status_of(4, 1);

    status.conditions[CONDITION_CONVERGED].status = false;
    status.conditions[CONDITION_STALLED] =
        (struct condition){ true, "Unschedulable", "h2 is full", 5000 };
    make_record(&made, record_of(4));
    make_status_value(&made, "c", &status);
    expect_status(ROLLOUT_GOING,
                  "generation 4: 1 of 3 nodes updated, 3 converged; Stalled: h2 is full");
}

static struct slot_status slot_of(uint32_t slot, const char *state, uint64_t silent_ms,
                                  uint64_t unreachable_ms)
{
    return (struct slot_status){ .slot = slot,
                                 .host = "h1",
                                 .ip = "10.0.0.1",
                                 .data_port = 11211,
                                 .phase = "run",
                                 .state = state,
                                 .partition = "none",
                                 .rule = "hold-mass",
                                 .silent_since_ms = silent_ms,
                                 .unreachable_since_ms = unreachable_ms };
}

Test(rollout, dead_are_those_wanted_that_neither_are_up_nor_reachable)
{
    const uint64_t then = MAKE_NOW_MS - 180000;
    struct slot_status slots[] = { slot_of(1, "silent", then, then), slot_of(2, "silent", then, 0),
                                   slot_of(3, "up", 0, then), slot_of(3, "down", 0, then),
                                   slot_of(4, "silent", then, then) };
    struct status status = status_of(4, 0);
    CLEANUP(str_deinit) struct str out;
    uint64_t confirmed_ms;

    status.slots = slots;
    status.slots_count = ARRAY_COUNT(slots);
    make_record(&made, record_of(4));
    make_status_value(&made, "c", &status);
    str_init(&out, 4096);
    cr_expect_eq(dead_nodes(facts_cluster(&made.facts, "c"), MAKE_NOW_MS, &out, &confirmed_ms), 2,
                 "slot 4 is not wanted");
    cr_expect_str_eq(str_text(&out),
                     "c/0001  on h1 at 10.0.0.1:11211: silent for 3m, unreachable for 3m\n"
                     "c/0003  on h1 at 10.0.0.1:11211: down, unreachable for 3m\n");
    cr_expect_eq(confirmed_ms, MAKE_NOW_MS);
}

/* The controller compares with its own clock. */
Test(rollout, a_confirmation_is_not_before_any_death_that_it_confirms)
{
    const uint64_t ahead = MAKE_NOW_MS + 60000;
    struct slot_status slots[] = { slot_of(1, "silent", ahead, ahead - 1),
                                   slot_of(2, "silent", 1, ahead + 7) };
    struct status status = status_of(4, 0);
    CLEANUP(str_deinit) struct str out;
    uint64_t confirmed_ms;

    status.slots = slots;
    status.slots_count = ARRAY_COUNT(slots);
    make_record(&made, record_of(4));
    make_status_value(&made, "c", &status);
    str_init(&out, 4096);
    cr_expect_eq(dead_nodes(facts_cluster(&made.facts, "c"), MAKE_NOW_MS, &out, &confirmed_ms), 2);
    cr_expect_eq(confirmed_ms, ahead + 7);
}

/* Beyond the spec's nodes are leavers, and those that joined: these the controller holds back. */
Test(rollout, who_joined_can_be_confirmed_dead_too)
{
    struct slot_status slots[] = { slot_of(1, "silent", 5, 5), slot_of(4, "silent", 5, 5),
                                   slot_of(5, "silent", 5, 5) };
    struct status status = status_of(4, 0);
    CLEANUP(str_deinit) struct str out;
    uint64_t confirmed_ms;

    slots[1].rule = "hold-in-doubt";
    slots[2].rule = "leave-list";
    status.slots = slots;
    status.slots_count = ARRAY_COUNT(slots);
    make_record(&made, record_of(4));
    make_status_value(&made, "c", &status);
    str_init(&out, 4096);
    cr_expect_eq(dead_nodes(facts_cluster(&made.facts, "c"), MAKE_NOW_MS, &out, &confirmed_ms), 2);
    cr_expect_not_null(strstr(str_text(&out), "c/0004"));
}

Test(rollout, nobody_is_dead_by_the_status_of_a_former_cluster)
{
    struct slot_status slot = slot_of(1, "silent", 5, 5);
    struct status status = status_of(4, 0);
    CLEANUP(str_deinit) struct str out;
    uint64_t confirmed_ms;

    status.uid = "fedcba9876543210";
    status.slots = &slot;
    status.slots_count = 1;
    make_record(&made, record_of(4));
    str_init(&out, 4096);
    cr_expect_eq(dead_nodes(facts_cluster(&made.facts, "c"), MAKE_NOW_MS, &out, &confirmed_ms), 0,
                 "there is no status at all");
    make_status_value(&made, "c", &status);
    cr_expect_eq(dead_nodes(facts_cluster(&made.facts, "c"), MAKE_NOW_MS, &out, &confirmed_ms), 0);
}
