#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "watcher/agent.h"

#define FACT(name) (1U << AGENT_FACT_##name)
#define ALL_FACTS (1U << AGENT_FACT_COUNT)

static bool has(uint32_t facts, uint32_t wanted)
{
    return (facts & wanted) == wanted;
}

/* What holds for all inputs of the table is proven in tests/unit/tables; this is about two. */
Test(agent, a_process_does_not_care_whether_its_intent_is_there)
{
    uint32_t facts;

    for (facts = 0; facts < ALL_FACTS; facts++) {
        if (has(facts, FACT(PROCESS))) {
            cr_expect_eq(agent_rule(facts | FACT(PRESENT)), agent_rule(facts & ~FACT(PRESENT)));
        }
    }
}

/* ---- Stories ---- */

#define QUESTION_MS 1000U

struct story {
    struct agent agent;
    struct agent_input input;
    uint64_t now_ms;
    char trace[2048];
};

static void begin(struct story *s)
{
    memset(s, 0, sizeof(*s));
    agent_init(&s->agent);
    s->input = (struct agent_input){ .present = true, .runnable = true, .matches = true };
    s->now_ms = 1000;
}

static void note(struct story *s, const char *what)
{
    size_t used = strlen(s->trace);

    cr_assert_lt(used + strlen(what) + 32, sizeof(s->trace));
    (void)snprintf(s->trace + used, sizeof(s->trace) - used, "[%6llu] %s\n",
                   (unsigned long long)s->now_ms, what);
}

/* Follow the rules until nothing is to be done. */
static void settle(struct story *s)
{
    const struct agent_rule *rule;

    do {
        enum agent_state before = s->agent.state;
        char text[64];

        rule = agent_rule(agent_facts(&s->agent, &s->input, s->now_ms));
        agent_follow(&s->agent, rule, s->now_ms);
        /* What is started is started as the intent wants it. */
        s->input.matches = s->input.matches || rule->action == AGENT_DO_START;
        if (rule->action != AGENT_DO_NOTHING || before != s->agent.state) {
            (void)snprintf(text, sizeof(text), "%-14s %-8s %s", rule->name,
                           agent_state_text(s->agent.state), agent_action_text(rule->action));
            note(s, text);
        }
    } while (rule->action != AGENT_DO_NOTHING && rule->action != AGENT_DO_FORGET);
}

static void answer(struct story *s)
{
    agent_answered(&s->agent, s->now_ms);
    settle(s);
}

static void die(struct story *s)
{
    agent_ended(&s->agent, s->now_ms);
    settle(s);
}

/* Questions go out, one a second, and find no answer. */
static void ask_in_vain(struct story *s, uint64_t until_ms)
{
    while (s->now_ms < until_ms) {
        s->now_ms += s->now_ms + QUESTION_MS < until_ms ? QUESTION_MS : until_ms - s->now_ms;
        (void)agent_silent(&s->agent, s->now_ms);
        settle(s);
    }
}

/* Let time pass up to `until_ms`, waking up as the agent asks for it. */
static void pass(struct story *s, uint64_t until_ms)
{
    uint64_t wake_ms = agent_wake_ms(&s->agent, s->now_ms);

    while (wake_ms <= until_ms) {
        cr_assert_gt(wake_ms, s->now_ms);
        s->now_ms = wake_ms;
        settle(s);
        wake_ms = agent_wake_ms(&s->agent, s->now_ms);
    }
    s->now_ms = until_ms;
}

static void expect(struct story *s, const char *trace)
{
    cr_expect_str_eq(s->trace, trace, "\n%s\ninstead of\n%s", s->trace, trace);
    s->trace[0] = '\0';
}

static void come_up(struct story *s)
{
    begin(s);
    settle(s);
    s->now_ms += 6;
    answer(s);
    expect(s, "[  1000] start          starting start\n"
              "[  1006] up             up       nothing\n");
}

Test(agent, one_that_crashes_is_started_again_at_once)
{
    struct story s;

    come_up(&s);
    pass(&s, 1500);
    die(&s);
    s.now_ms = 1506;
    answer(&s);
    expect(&s, "[  1500] start          starting start\n"
               "[  1506] up             up       nothing\n");
}

Test(agent, one_that_cannot_live_is_started_less_and_less_often)
{
    struct story s;
    int i;

    begin(&s);
    settle(&s);
    for (i = 0; i < 9; i++) {
        die(&s);
        if (!s.agent.process) {
            pass(&s, agent_wake_ms(&s.agent, s.now_ms));
        }
    }
    expect(&s, "[  1000] start          starting start\n"
               "[  1000] start          starting start\n"
               "[  1500] start          starting start\n"
               "[  2500] start          starting start\n"
               "[  4500] start          starting start\n"
               "[  8500] start          starting start\n"
               "[ 16500] start          starting start\n"
               "[ 32500] start          starting start\n"
               "[ 62500] start          starting start\n"
               "[ 92500] start          starting start\n");
}

Test(agent, a_steady_life_makes_up_for_early_deaths)
{
    struct story s;

    begin(&s);
    settle(&s);
    die(&s);
    die(&s);
    pass(&s, 1500);
    answer(&s);
    s.now_ms += AGENT_STEADY_MS;
    answer(&s);
    s.trace[0] = '\0';
    die(&s);
    expect(&s, "[ 11500] start          starting start\n");
}

Test(agent, one_that_hangs_is_reported_then_killed_then_started)
{
    struct story s;

    come_up(&s);
    ask_in_vain(&s, 40000);
    expect(&s, "[  6006] silent         silent   nothing\n"
               "[ 31006] kill-hung      silent   kill\n"
               "[ 31006] await-the-end  stopping nothing\n");
    die(&s);
    expect(&s, "[ 40000] start          starting start\n");
}

Test(agent, one_that_answers_in_time_is_up_again)
{
    struct story s;

    come_up(&s);
    ask_in_vain(&s, 20000);
    answer(&s);
    expect(&s, "[  6006] silent         silent   nothing\n"
               "[ 20000] up             up       nothing\n");
}

Test(agent, one_that_never_answers_is_killed_too)
{
    struct story s;

    begin(&s);
    settle(&s);
    ask_in_vain(&s, 31000);
    expect(&s, "[  1000] start          starting start\n"
               "[  6000] silent         silent   nothing\n"
               "[ 31000] kill-hung      silent   kill\n"
               "[ 31000] await-the-end  stopping nothing\n");
}

/* The watcher was stopped, or starved, and not its memcached. */
Test(agent, silence_towards_one_who_did_not_ask_means_nothing)
{
    struct story s;

    come_up(&s);
    s.now_ms = 60000;
    cr_expect_not(agent_silent(&s.agent, s.now_ms), "the answer came while nobody listened");
    settle(&s);
    expect(&s, "");
    answer(&s);
    s.now_ms = 90000;
    cr_expect_not(agent_silent(&s.agent, s.now_ms), "an answer ends the row");
    settle(&s);
    expect(&s, "");
}

/* Questions that had no answer before the watcher was stopped don't count for that time, too. */
Test(agent, one_that_is_slow_to_start_outlives_a_pause_of_its_watcher)
{
    struct story s;

    begin(&s);
    settle(&s);
    ask_in_vain(&s, 8000);
    expect(&s, "[  1000] start          starting start\n"
               "[  6000] silent         silent   nothing\n");
    pass(&s, 60000);
    expect(&s, "");
    (void)agent_silent(&s.agent, s.now_ms);
    settle(&s);
    expect(&s, "");
    ask_in_vain(&s, 70000);
    answer(&s);
    expect(&s, "[ 70000] up             up       nothing\n");
}

/* It hung nearly long enough, and answers again by the time that its watcher is back. */
Test(agent, one_that_hung_is_asked_again_after_a_pause_of_its_watcher)
{
    struct story s;

    come_up(&s);
    ask_in_vain(&s, 30000);
    expect(&s, "[  6006] silent         silent   nothing\n");
    pass(&s, 65000);
    (void)agent_silent(&s.agent, s.now_ms);
    settle(&s);
    expect(&s, "");
    answer(&s);
    expect(&s, "[ 65000] up             up       nothing\n");
}

/* And one that goes on hanging is killed soon. */
Test(agent, one_that_hangs_on_is_killed_after_a_pause_of_its_watcher)
{
    struct story s;

    come_up(&s);
    ask_in_vain(&s, 30000);
    s.trace[0] = '\0';
    pass(&s, 65000);
    ask_in_vain(&s, 80000);
    expect(&s, "[ 69000] kill-hung      silent   kill\n"
               "[ 69000] await-the-end  stopping nothing\n");
}

Test(agent, a_stop_is_asked_for_then_forced_and_then_forgotten)
{
    struct story s;

    come_up(&s);
    s.input.stop = true;
    settle(&s);
    pass(&s, 20000);
    die(&s);
    expect(&s, "[  1006] stop-as-asked  stopping term\n"
               "[  6006] kill-overdue   stopping kill\n"
               "[ 20000] stopped        stopped  nothing\n");
    s.input.present = false;
    settle(&s);
    expect(&s, "[ 20000] forget         gone     forget\n");
}

Test(agent, an_order_to_run_again_revives_a_stopped_node)
{
    struct story s;

    come_up(&s);
    s.input.stop = true;
    settle(&s);
    die(&s);
    s.trace[0] = '\0';
    s.input.stop = false;
    settle(&s);
    expect(&s, "[  1006] start          starting start\n");
}

Test(agent, a_change_is_a_stop_and_a_start)
{
    struct story s;

    come_up(&s);
    s.input.matches = false;
    settle(&s);
    s.now_ms = 1500;
    die(&s);
    expect(&s, "[  1006] stop-changed   stopping term\n"
               "[  1500] start          starting start\n");
}

Test(agent, without_a_program_what_runs_runs_on_and_nothing_is_started)
{
    struct story s;

    come_up(&s);
    s.input.runnable = false;
    s.input.matches = false;
    settle(&s);
    expect(&s, "");
    die(&s);
    pass(&s, 100000);
    expect(&s, "");
    cr_expect_eq(s.agent.state, AGENT_WAITING);
    s.input.runnable = true;
    agent_hurry(&s.agent);
    settle(&s);
    expect(&s, "[100000] start          starting start\n");
}

Test(agent, without_an_intent_what_dies_is_started_again)
{
    struct story s;

    come_up(&s);
    s.input.present = false;
    settle(&s);
    die(&s);
    expect(&s, "[  1006] start          starting start\n");
}

Test(agent, what_nobody_asks_for_is_forgotten_only_with_its_cluster)
{
    struct story s;

    begin(&s);
    s.input.present = false;
    settle(&s);
    s.input.bygone = true;
    settle(&s);
    expect(&s, "[  1000] unasked        stopped  nothing\n"
               "[  1000] forget-bygone  gone     forget\n");
}

Test(agent, what_runs_outlives_its_cluster)
{
    struct story s;

    come_up(&s);
    s.input.present = false;
    s.input.bygone = true;
    settle(&s);
    die(&s);
    expect(&s, "[  1006] start          starting start\n");
}

Test(agent, an_adopted_process_must_answer_anew)
{
    struct story s;

    begin(&s);
    agent_adopted(&s.agent, s.now_ms);
    settle(&s);
    answer(&s);
    expect(&s, "[  1000] up             up       nothing\n");
}
