/* What a pass says of itself: the same decisions, with what they rest on. */
#include <criterion/criterion.h>
#include <string.h>

#include "reconciler/explain.h"
#include "world.h"

struct answer {
    struct arena arena;
    struct plan plan;
    struct explanation explanation;
};

static void ask(struct world *w, struct answer *answer)
{
    struct view view;
    struct err err;

    arena_init(&answer->arena, 1U << 24);
    view = world_view(w, &answer->arena);
    cr_assert_eq(
        reconcile_explained(&view, &answer->arena, &answer->plan, &answer->explanation, &err), 0);
}

static const struct explained_node *node_of(const struct answer *answer, uint32_t slot,
                                            const char *host)
{
    const struct explained_node *found = NULL;
    size_t i;

    for (i = 0; i < answer->explanation.nodes_count; i++) {
        const struct explained_node *node = &answer->explanation.nodes[i];

        if (node->slot == slot && strcmp(node->host, host) == 0) {
            found = node;
        }
    }
    cr_assert_not_null(found, "no node of slot %u on host '%s'", slot, host);
    return found;
}

static void end(struct answer *answer)
{
    arena_deinit(&answer->arena);
}

Test(explain, an_explained_pass_plans_what_a_plain_one_does)
{
    struct world w;
    struct answer answer;
    struct plan plain;
    struct view view;
    struct err err;
    size_t i;

    world_converge(&w, 3, 3);
    world_apply(&w, 5);
    world_kill_process(&w, 0, 1);
    ask(&w, &answer);
    view = world_view(&w, &answer.arena);
    cr_assert_eq(reconcile(&view, &answer.arena, &plain, &err), 0);
    cr_expect_gt(plain.count, 2);
    cr_assert_eq(answer.plan.count, plain.count);
    for (i = 0; i < plain.count; i++) {
        cr_expect_eq(answer.plan.effects[i].kind, plain.effects[i].kind);
        cr_expect_str_eq(answer.plan.effects[i].why, plain.effects[i].why);
    }
    end(&answer);
    world_deinit(&w);
}

Test(explain, each_node_tells_its_facts_and_the_rule_that_they_lead_to)
{
    const struct explained_node *node;
    struct world w;
    struct answer answer;
    size_t i;

    world_converge(&w, 3, 3);
    world_apply(&w, 4);
    ask(&w, &answer);
    cr_expect(answer.explanation.known);
    cr_expect_eq(answer.explanation.nodes_count, 4);
    for (i = 0; i < answer.explanation.nodes_count; i++) {
        const struct explained_rule *decision = &answer.explanation.nodes[i].decision;

        cr_expect_eq(rule_match(decision->table, decision->facts), decision->rule);
        cr_expect_null(rule_law_broken(decision->table, decision->facts));
    }
    node = node_of(&answer, 1, "h1");
    cr_expect_str_eq(node->decision.rule->name, "serve");
    cr_expect_str_eq(node->push.rule->name, "push-in-step");
    cr_expect_eq(node->next_ms, UINT64_MAX);
    node = node_of(&answer, 4, "");
    cr_expect_str_eq(node->decision.rule->name, "place");
    cr_expect_str_eq(node->place->host, "h1");
    cr_expect_str_eq(node->place->ip, "10.0.1.2");
    cr_expect_str_eq(answer.explanation.membership.rule->name, "in-step");
    cr_expect_str_eq(answer.explanation.alias.rule->name, "alias-in-place");
    cr_expect_eq(answer.explanation.version_next, 2);
    cr_expect_str_eq(answer.explanation.obstacle.reason, "NodesPending");
    end(&answer);
    world_deinit(&w);
}

Test(explain, what_waits_for_a_time_says_for_which)
{
    const struct explained_node *node;
    struct world w;
    struct answer answer;

    world_converge(&w, 4, 3);
    world_kill_machine(&w, 1);
    world_run(&w, 3500);
    ask(&w, &answer);
    node = node_of(&answer, 2, "h2");
    cr_expect_str_eq(node->decision.rule->name, "await-report");
    cr_expect_str_eq(node->next_why, "await-report");
    cr_expect_eq(node->next_ms, WORLD_START_MS + 4500);
    cr_expect_eq(answer.explanation.budget.unavailable, 1);
    cr_expect_eq(answer.explanation.budget.unavailable_max, 1);
    cr_expect(answer.explanation.status->conditions[CONDITION_DEGRADED].status);
    end(&answer);
    world_deinit(&w);
}

Test(explain, what_fits_nowhere_says_why)
{
    struct world w;
    struct answer answer;

    world_converge(&w, 2, 2);
    w.hosts[0].host.nodes_max = 1;
    w.hosts[1].host.nodes_max = 1;
    world_apply(&w, 3);
    ask(&w, &answer);
    cr_expect_null(node_of(&answer, 3, "")->place);
    cr_expect_str_eq(answer.explanation.no_place, "h1: no free address (1 nodes at most); "
                                                  "h2: no free address (1 nodes at most)");
    cr_expect_eq(answer.explanation.obstacle.kind, OBSTACLE_STALLED);
    end(&answer);
    world_deinit(&w);
}

Test(explain, nothing_at_all_is_not_known)
{
    struct explanation explanation = { .known = true };
    struct view view = { .cluster = "c", .now_ms = 1 };
    struct arena arena;
    struct plan plan;
    struct err err;

    arena_init(&arena, 1U << 16);
    cr_assert_eq(reconcile_explained(&view, &arena, &plan, &explanation, &err), 0);
    cr_expect(!explanation.known);
    cr_expect_eq(explanation.nodes_count, 0);
    arena_deinit(&arena);
}
