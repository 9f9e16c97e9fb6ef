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
#include "tables/table.h"
#include "watcher/agent.h"

#define F(name) (UINT32_C(1) << AGENT_FACT_##name)
#define ALL_FACTS (UINT32_C(1) << AGENT_FACT_COUNT)
#define NOW_MS UINT64_C(1000000)
/* A kill, its end, a start, its answer: each is a round or two. */
#define ROUNDS_MAX 16
/* As in the watcher: a step settles after a few rules. */
#define STEP_RULES_MAX 8

/* What facts leave open about the agent. */
#define SORTS(X)                        \
    X(PLAIN, "")                        \
    X(KILLED, " that was sent SIGKILL") \
    X(FLAPPING, " that died again and again")

enum sort {
#define X(name, text) SORT_##name,
    SORTS(X)
#undef X
};

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

static const char *const sort_texts[] = {
#define X(name, text) text,
    SORTS(X)
#undef X
};

static const char *const world_texts[] = {
#define X(name, text) text,
    WORLDS(X)
#undef X
};

struct node {
    struct agent agent;
    struct agent_input input;
    uint64_t now_ms;
    enum world world;
    bool fresh; /* what runs was started by this test */
    unsigned int starts;
    unsigned int signals;
};

static bool is_lawful(uint32_t facts)
{
    size_t count;
    const struct agent_law *laws = agent_laws(&count);
    size_t i;

    for (i = 0; i < count; i++) {
        if ((facts & laws[i].need) == laws[i].need && (facts & laws[i].deny) == 0) {
            return false;
        }
    }
    return true;
}

/* An agent of which just these facts hold. */
static struct node node_with(uint32_t facts, enum sort sort, enum world world)
{
    uint64_t silent_ms = (facts & F(SILENT)) != 0 ? AGENT_SILENT_MS : 0;
    struct node node = {
        .now_ms = NOW_MS,
        .world = world,
        .input = { .present = (facts & F(PRESENT)) != 0,
                   .stop = (facts & F(STOP)) != 0,
                   .runnable = (facts & F(RUNNABLE)) != 0,
                   .matches = (facts & F(MATCHES)) != 0 },
    };

    silent_ms = (facts & F(HUNG)) != 0 ? AGENT_HUNG_MS : silent_ms;
    agent_init(&node.agent);
    node.agent.start_at_ms = (facts & F(DUE)) != 0 ? 0 : NOW_MS + AGENT_BACKOFF_MAX_MS;
    node.agent.quick_deaths = sort == SORT_FLAPPING ? 1000 : 0;
    node.agent.process = (facts & F(PROCESS)) != 0;
    node.agent.started_ms = NOW_MS - silent_ms;
    node.agent.answered_ms = (facts & F(PROVEN)) != 0 ? NOW_MS - silent_ms : 0;
    node.agent.silences = (facts & F(SILENT)) != 0 ? AGENT_SILENCES_MIN : 0;
    node.agent.asked_to_end = (facts & F(ENDING)) != 0;
    node.agent.killed = node.agent.asked_to_end && sort == SORT_KILLED;
    node.agent.term_ms = (facts & F(OVERDUE)) != 0 ? NOW_MS - AGENT_TERM_MS : NOW_MS;
    return node;
}

/* Follow the rules until nothing is to be done, as the watcher does. */
static const struct agent_rule *settle(struct node *node)
{
    const struct agent_rule *rule = NULL;
    int i;

    for (i = 0; i < STEP_RULES_MAX; i++) {
        rule = agent_rule(agent_facts(&node->agent, &node->input, node->now_ms));
        agent_follow(&node->agent, rule, node->now_ms);
        node->starts += rule->action == AGENT_DO_START ? 1 : 0;
        node->signals += rule->action == AGENT_DO_TERM || rule->action == AGENT_DO_KILL ? 1 : 0;
        if (rule->action == AGENT_DO_START) {
            node->fresh = true;
            node->input.matches = true;
        }
        if (rule->action == AGENT_DO_NOTHING || rule->action == AGENT_DO_FORGET) {
            return rule;
        }
    }
    cr_assert_fail("the rules go round in circles: %s", rule->name);
    return rule;
}

/* What runs answers, unless it can't. */
static void ask(struct node *node)
{
    uint32_t i;

    if (node->world != WORLD_HUNG || node->fresh) {
        agent_answered(&node->agent, node->now_ms);
        return;
    }
    for (i = 0; i < AGENT_SILENCES_MIN; i++) {
        (void)agent_silent(&node->agent, node->now_ms);
    }
}

/* The world's turn: what was asked for happens, or else time passes up to the agent's next look. */
static void cooperate(struct node *node)
{
    bool deaf = node->world == WORLD_STUBBORN && !node->agent.killed;
    uint64_t wake_ms;

    if (!node->input.runnable) {
        node->input.runnable = true;
        agent_hurry(&node->agent);
    }
    if (node->agent.asked_to_end && !deaf) {
        agent_ended(&node->agent, node->now_ms);
        node->input.matches = false;
        return;
    }
    wake_ms = agent_wake_ms(&node->agent, node->now_ms);
    node->now_ms = wake_ms == UINT64_MAX ? node->now_ms : wake_ms;
    if (node->agent.process && !node->agent.asked_to_end) {
        ask(node);
    }
}

static bool runs_on(const struct node *node)
{
    return !node->input.stop && node->agent.process && node->agent.answered_ms != 0 &&
           node->agent.silences == 0 && !node->agent.asked_to_end && node->input.matches &&
           node->world != WORLD_HUNG;
}

/* The order reaches the watcher. `changed`: it asks for another start than what runs had. */
static void receive(struct node *node, enum order order, bool changed)
{
    switch (order) {
    case ORDER_KEEP:
        break;
    case ORDER_RUN:
    case ORDER_DRAIN:
    case ORDER_STOP:
        node->input.present = true;
        node->input.stop = order == ORDER_STOP;
        node->input.matches = node->agent.process && !changed;
        if (changed) {
            agent_hurry(&node->agent);
        }
        break;
    case ORDER_GONE:
        node->input.present = false;
        break;
    }
}

static enum agent_state goal_of(const struct node *node)
{
    if (!node->input.stop) {
        return AGENT_UP;
    }
    return node->input.present ? AGENT_STOPPED : AGENT_GONE;
}

/* Whether the node comes to its goal, and stays there. */
static bool arrives(struct node *node)
{
    enum agent_state goal = goal_of(node);
    int round;

    for (round = 0; round < ROUNDS_MAX; round++) {
        const struct agent_rule *rule = settle(node);

        if (rule->action == AGENT_DO_FORGET) {
            return goal == AGENT_GONE;
        }
        cooperate(node);
    }
    (void)settle(node);
    return node->agent.state == goal && (goal != AGENT_UP || node->input.matches);
}

static void check_order(const struct rule_term *act, enum order order, bool changed, uint32_t facts,
                        enum sort sort, enum world world)
{
    struct node node = node_with(facts, sort, world);
    bool untouched;

    receive(&node, order, changed);
    untouched = runs_on(&node);
    cr_expect(arrives(&node), "%s%s, facts %x%s, %s: ends %s instead of %s", act->name,
              changed ? " with another start" : "", facts, sort_texts[sort], world_texts[world],
              agent_state_text(node.agent.state), agent_state_text(goal_of(&node)));
    if (untouched) {
        cr_expect_eq(node.starts + node.signals, 0, "%s restarts what runs as asked, facts %x",
                     act->name, facts);
    }
    if (node.input.stop) {
        cr_expect_eq(node.starts, 0, "%s starts what is to stop, facts %x", act->name, facts);
    }
}

static void check_act(size_t act)
{
    enum order order = act_order((enum act)act);
    uint32_t facts;
    size_t variant;

    for (facts = 0; facts < ALL_FACTS; facts++) {
        if (!is_lawful(facts)) {
            continue;
        }
        for (variant = 0; variant < ARRAY_COUNT(sort_texts) * ARRAY_COUNT(world_texts); variant++) {
            enum sort sort = (enum sort)(variant % ARRAY_COUNT(sort_texts));
            enum world world = (enum world)(variant / ARRAY_COUNT(sort_texts));

            check_order(&node_rules.acts[act], order, false, facts, sort, world);
            check_order(&node_rules.acts[act], order, true, facts, sort, world);
        }
    }
}

Test(orders, each_act_of_the_controller_is_followed_from_every_state_of_the_agent)
{
    size_t act;

    for (act = 0; act < node_rules.acts_count; act++) {
        check_act(act);
    }
}

/* The laws are neither too weak nor too strong: what they allow is just what there is. */
Test(orders, the_agent_can_be_in_every_state_that_its_laws_allow)
{
    uint32_t facts;

    for (facts = 0; facts < ALL_FACTS; facts++) {
        struct node node = node_with(facts, SORT_PLAIN, WORLD_WELL);

        cr_expect_eq(agent_facts(&node.agent, &node.input, node.now_ms) == facts, is_lawful(facts),
                     "facts %x", facts);
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
