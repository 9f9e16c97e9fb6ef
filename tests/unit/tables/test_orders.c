/*
 * Every order of the controller reaches its end at the watcher.
 *
 * For each act of the node table, from every state that an agent can be in when the order arrives,
 * the agent is let go on with its own rules while the world cooperates: what is started answers,
 * what gets a signal ends, the program is installed, time passes.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "reconciler/node_rules.h"
#include "tables/agent_stage.h"

/* A kill, its end, a start, its answer: each is a round or two. */
#define ROUNDS_MAX 16

/* How far the world cooperates. */
#define WORLDS(X)                       \
    X(WELL, "all is well")              \
    X(STUBBORN, "SIGTERM is not heard") \
    X(HUNG, "what runs already never answers again")

enum world {
#define X(name, text) WORLD_##name,
    WORLDS(X)
#undef X
};

static const char *const world_texts[] = {
#define X(name, text) text,
    WORLDS(X)
#undef X
};

static const char *const sort_texts[AGENT_SORT_COUNT] = {
    [AGENT_PLAIN] = "",
    [AGENT_KILLED] = " (sent SIGKILL)",
    [AGENT_FLAPPING] = " (died again and again)",
};

struct node {
    struct agent_stage stage;
    enum world world;
};

/* What runs answers, unless it can't: what was started here can. */
static void ask(struct node *node)
{
    if (node->world == WORLD_HUNG && node->stage.starts == 0) {
        agent_stage_ask_in_vain(&node->stage, node->stage.agent.silent_ms + AGENT_SILENT_MS);
    } else {
        agent_answered(&node->stage.agent, node->stage.now_ms);
    }
}

/* The world's turn: what was asked for happens, or else time passes up to the agent's next look. */
static void cooperate(struct node *node)
{
    struct agent_stage *stage = &node->stage;
    bool deaf = node->world == WORLD_STUBBORN && !stage->agent.killed;
    uint64_t wake_ms;

    if (!stage->input.runnable) {
        stage->input.runnable = true;
        agent_hurry(&stage->agent);
    }
    if (stage->agent.asked_to_end && !deaf) {
        agent_ended(&stage->agent, stage->now_ms);
        stage->input.matches = false;
        return;
    }
    wake_ms = agent_wake_ms(&stage->agent, stage->now_ms);
    stage->now_ms = wake_ms == UINT64_MAX ? stage->now_ms : wake_ms;
    if (stage->agent.process && !stage->agent.asked_to_end) {
        ask(node);
    }
}

static bool runs_on(const struct node *node)
{
    const struct agent *agent = &node->stage.agent;

    return !node->stage.input.stop && agent->process && agent->answered_ms != 0 &&
           agent->silences == 0 && !agent->asked_to_end && node->stage.input.matches &&
           node->world != WORLD_HUNG;
}

/* The order reaches the watcher. `changed`: it asks for another start than what runs had. */
static void receive(struct agent_stage *stage, enum order order, bool changed)
{
    switch (order) {
    case ORDER_KEEP:
        break;
    case ORDER_RUN:
    case ORDER_DRAIN:
    case ORDER_STOP:
        stage->input.present = true;
        stage->input.stop = order == ORDER_STOP;
        stage->input.matches = stage->agent.process && !changed;
        if (changed) {
            agent_hurry(&stage->agent);
        }
        break;
    case ORDER_GONE:
        stage->input.present = false;
        break;
    }
}

static enum agent_state goal_of(const struct agent_stage *stage)
{
    const struct agent_input *input = &stage->input;

    if (!input->stop) {
        if (input->present || stage->agent.ran || stage->agent.process) {
            return AGENT_UP;
        }
        return input->bygone ? AGENT_GONE : AGENT_STOPPED;
    }
    return input->present ? AGENT_STOPPED : AGENT_GONE;
}

/* Whether the node comes to its goal, and stays there. */
static bool arrives(struct node *node, enum agent_state goal)
{
    const struct agent_rule *rule;
    int round;

    for (round = 0; round < ROUNDS_MAX; round++) {
        rule = agent_stage_settle(&node->stage);
        if (rule == NULL || rule->action == AGENT_DO_FORGET) {
            return rule != NULL && goal == AGENT_GONE;
        }
        cooperate(node);
    }
    rule = agent_stage_settle(&node->stage);
    return rule != NULL && rule->state == goal && (goal != AGENT_UP || node->stage.input.matches);
}

struct trial {
    const char *act;
    enum order order;
    bool changed;
    uint32_t facts;
    enum agent_sort sort;
    enum world world;
};

static void run(const struct trial *trial)
{
    struct node node = { .stage = agent_stage_with(trial->facts, trial->sort),
                         .world = trial->world };
    enum agent_state goal;
    bool untouched;

    receive(&node.stage, trial->order, trial->changed);
    untouched = runs_on(&node);
    goal = goal_of(&node.stage);
    cr_expect(arrives(&node, goal), "%s%s, facts %x%s, %s: ends %s instead of %s", trial->act,
              trial->changed ? " with another start" : "", trial->facts, sort_texts[trial->sort],
              world_texts[trial->world], agent_state_text(node.stage.agent.state),
              agent_state_text(goal));
    if (untouched) {
        cr_expect_eq(node.stage.starts + node.stage.signals, 0,
                     "%s restarts what runs as asked, facts %x", trial->act, trial->facts);
    }
    if (node.stage.input.stop) {
        cr_expect_eq(node.stage.starts, 0, "%s starts what is to stop, facts %x", trial->act,
                     trial->facts);
    }
}

static void try_all_worlds(struct trial trial)
{
    size_t sort;
    size_t world;

    for (sort = 0; sort < AGENT_SORT_COUNT; sort++) {
        for (world = 0; world < ARRAY_COUNT(world_texts); world++) {
            trial.sort = (enum agent_sort)sort;
            trial.world = (enum world)world;
            trial.changed = false;
            run(&trial);
            trial.changed = true;
            run(&trial);
        }
    }
}

Test(orders, each_act_of_the_controller_is_followed_from_every_state_of_the_agent)
{
    size_t act;
    uint32_t facts;

    for (act = 0; act < node_rules.acts_count; act++) {
        for (facts = 0; facts < AGENT_FACTS_ALL; facts++) {
            struct trial trial = { .act = node_rules.acts[act].name,
                                   .order = act_order((enum act)act),
                                   .facts = facts };

            if (agent_facts_are_lawful(facts)) {
                try_all_worlds(trial);
            }
        }
    }
}

/* The laws are neither too weak nor too strong: what they allow is just what there is. */
Test(orders, the_agent_can_be_in_every_state_that_its_laws_allow)
{
    uint32_t facts;

    for (facts = 0; facts < AGENT_FACTS_ALL; facts++) {
        struct agent_stage stage = agent_stage_with(facts, AGENT_PLAIN);

        cr_expect_eq(agent_facts(&stage.agent, &stage.input, stage.now_ms) == facts,
                     agent_facts_are_lawful(facts), "facts %x", facts);
    }
}

/* Each order that a watcher can be given is one that some act gives. */
Test(orders, each_order_is_given_by_some_act)
{
    bool given[ORDER_GONE + 1] = { false };
    size_t i;

    for (i = 0; i < node_rules.count; i++) {
        given[act_order((enum act)node_rules.rules[i].act)] = true;
    }
    for (i = 0; i < ARRAY_COUNT(given); i++) {
        cr_expect(given[i], "order %zu", i);
    }
}
