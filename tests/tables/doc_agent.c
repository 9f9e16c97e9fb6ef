/*
 * The states of the watcher's agent: from all that can be reached, what each event leads to. The
 * agent's own code is run for it.
 */
#include <string.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "tables/agent_stage.h"
#include "tables/doc.h"

#define STAGES_MAX (AGENT_FACTS_ALL * AGENT_SORT_COUNT)
#define EVENTS_A_LINE 2

enum {
#define X(name, text, meaning) +1
    STATE_COUNT = 0 AGENT_STATES(X)
#undef X
};

#define EVENTS(X)                      \
    X(FOUND, "memcached is installed") \
    X(MISSING, "memcached is missing") \
    X(RUN, "phase run")                \
    X(CHANGED, "other settings")       \
    X(STOP, "phase stop")              \
    X(GONE, "the intent goes")         \
    X(ANSWERS, "it answers")           \
    X(SILENT, "no answer")             \
    X(HUNG, "no answer for long")      \
    X(ENDS, "it ends")                 \
    X(DIES, "it ends again and again") \
    X(LATE, "it does not end")         \
    X(DUE, "the backoff is over")

enum event {
#define X(name, text) EVENT_##name,
    EVENTS(X)
#undef X
        EVENT_COUNT
};

static const char *const event_texts[] = {
#define X(name, text) text,
    EVENTS(X)
#undef X
};

static const char *const state_texts[] = {
#define X(name, text, meaning) meaning,
    AGENT_STATES(X)
#undef X
};

/* What leads from one state to another; an end that was asked for is no death. */
struct edge {
    bool events[EVENT_COUNT];
};

/* All that was reached: an agent is its facts and its sort. */
struct walk {
    bool seen[AGENT_FACTS_ALL][AGENT_SORT_COUNT];
    uint32_t facts[STAGES_MAX];
    enum agent_sort sorts[STAGES_MAX];
    size_t count;
    struct edge edges[STATE_COUNT][STATE_COUNT];
};

static void reach(struct walk *walk, const struct agent_stage *stage)
{
    uint32_t facts = agent_facts(&stage->agent, &stage->input, stage->now_ms);
    enum agent_sort sort = stage->agent.killed ? AGENT_KILLED : AGENT_PLAIN;

    if (!walk->seen[facts][sort]) {
        walk->seen[facts][sort] = true;
        walk->facts[walk->count] = facts;
        walk->sorts[walk->count++] = sort;
    }
}

static bool can_happen(const struct agent_stage *stage, enum event event)
{
    const struct agent *agent = &stage->agent;

    switch (event) {
    case EVENT_FOUND:
        return !stage->input.runnable;
    case EVENT_MISSING:
        return stage->input.runnable;
    case EVENT_RUN:
        return stage->input.stop || !stage->input.present;
    case EVENT_CHANGED:
        return !stage->input.stop && stage->input.present && stage->input.matches;
    case EVENT_STOP:
        return !stage->input.stop;
    case EVENT_GONE:
        return stage->input.present;
    case EVENT_ANSWERS:
    case EVENT_SILENT:
    case EVENT_HUNG:
    case EVENT_DIES:
        return agent->process && !agent->asked_to_end;
    case EVENT_ENDS:
        return agent->process;
    case EVENT_LATE:
        return agent->asked_to_end && !agent->killed;
    case EVENT_DUE:
        return !agent->process && stage->now_ms < agent->start_at_ms;
    case EVENT_COUNT:
        break;
    }
    return false;
}

static void order(struct agent_stage *stage, bool stop)
{
    stage->input.present = true;
    stage->input.stop = stop;
}

static void end(struct agent_stage *stage, uint32_t quick_deaths)
{
    stage->agent.quick_deaths = quick_deaths;
    agent_ended(&stage->agent, stage->now_ms);
    stage->input.matches = false;
}

static void happen(struct agent_stage *stage, enum event event)
{
    switch (event) {
    case EVENT_FOUND:
    case EVENT_MISSING:
        stage->input.runnable = event == EVENT_FOUND;
        agent_hurry(&stage->agent);
        break;
    case EVENT_RUN:
    case EVENT_STOP:
        order(stage, event == EVENT_STOP);
        break;
    case EVENT_CHANGED:
        stage->input.matches = false;
        agent_hurry(&stage->agent);
        break;
    case EVENT_GONE:
        stage->input.present = false;
        break;
    case EVENT_ANSWERS:
        agent_answered(&stage->agent, stage->now_ms);
        break;
    case EVENT_SILENT:
        agent_stage_ask_in_vain(stage, AGENT_SILENT_MS);
        break;
    case EVENT_HUNG:
        agent_stage_ask_in_vain(stage, AGENT_HUNG_MS);
        break;
    case EVENT_ENDS:
        end(stage, 0);
        break;
    case EVENT_DIES:
        end(stage, AGENT_FLAPPING_DEATHS);
        break;
    case EVENT_LATE:
        stage->now_ms = stage->agent.term_ms + AGENT_TERM_MS;
        break;
    case EVENT_DUE:
        stage->now_ms = stage->agent.start_at_ms;
        break;
    case EVENT_COUNT:
        break;
    }
}

static enum agent_state settle(struct agent_stage *stage)
{
    const struct agent_rule *rule = agent_stage_settle(stage);

    CHECK(rule != NULL);
    return rule->state;
}

static void follow(struct walk *walk, uint32_t facts, enum agent_sort sort, enum event event)
{
    struct agent_stage stage = agent_stage_with(facts, sort);
    enum agent_state from = settle(&stage);
    enum agent_state to;

    if (from == AGENT_GONE || !can_happen(&stage, event)) {
        return;
    }
    happen(&stage, event);
    to = settle(&stage);
    walk->edges[from][to].events[event] = true;
    reach(walk, &stage);
}

/* From what a watcher begins with: nothing runs, as asked for or not, or something does. */
static void explore(struct walk *walk)
{
    struct agent_stage stage = agent_stage_with(AGENT_FACT(PRESENT) | AGENT_FACT(DUE), AGENT_PLAIN);
    size_t i;

    reach(walk, &stage);
    stage = agent_stage_with(AGENT_FACT(UNASKED) | AGENT_FACT(DUE), AGENT_PLAIN);
    reach(walk, &stage);
    agent_adopted(&stage.agent, stage.now_ms);
    reach(walk, &stage);
    for (i = 0; i < walk->count; i++) {
        enum event event;

        for (event = 0; event < EVENT_COUNT; event++) {
            follow(walk, walk->facts[i], walk->sorts[i], event);
        }
    }
}

static void write_edge(struct str *out, const struct edge *edge, enum agent_state from,
                       enum agent_state to)
{
    size_t count = 0;
    size_t i;

    for (i = 0; i < EVENT_COUNT; i++) {
        if (!edge->events[i]) {
            continue;
        }
        if (count == 0) {
            str_appendf(out, "    %s --> %s : ", agent_state_text(from), agent_state_text(to));
        } else {
            str_append_text(out, count % EVENTS_A_LINE == 0 ? ",<br/>" : ", ");
        }
        str_append_text(out, event_texts[i]);
        count++;
    }
    if (0 < count) {
        str_append_text(out, "\n");
    }
}

void doc_write_agent_states(struct str *out)
{
    struct walk walk = { .count = 0 };
    size_t from;
    size_t to;

    explore(&walk);
    str_append_text(out, "\nIts states, and what leads from one to another:\n\n```mermaid\n"
                         "stateDiagram-v2\n    [*] --> waiting\n    [*] --> starting : adopted\n");
    for (from = 0; from < STATE_COUNT; from++) {
        const char *name = agent_state_text((enum agent_state)from);

        str_appendf(out, "    %s : %s\n    %s : %s\n", name, name, name, state_texts[from]);
    }
    for (from = 0; from < STATE_COUNT; from++) {
        for (to = 0; to < STATE_COUNT; to++) {
            if (from != to) {
                write_edge(out, &walk.edges[from][to], (enum agent_state)from,
                           (enum agent_state)to);
            }
        }
    }
    str_append_text(out, "    gone --> [*]\n```\n");
}
