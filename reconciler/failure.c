#include "reconciler/failure.h"

#include "base/check.h"
#include "reconciler/slots.h"

static uint64_t later(uint64_t a_ms, uint64_t b_ms)
{
    return a_ms < b_ms ? b_ms : a_ms;
}

/*
 * What joined and is not listed is nobody's server: that nobody speaks for it is enough, whether or
 * not its memcached, which is not muster's, still answers.
 */
static bool is_forsaken(const struct node *node)
{
    return node->intent != NULL && node->intent->attached && node->report == NULL &&
           node->seen != NULL && node->seen->report_gone_since_ms != 0 &&
           !intent_is_listed(node->intent, node->member);
}

uint64_t node_trouble_since_ms(const struct node *node)
{
    const struct slot_observation *seen = node->seen;
    uint64_t since_ms;

    if (is_forsaken(node)) {
        return later(seen->report_gone_since_ms, node->intent->phase_since_ms);
    }
    if (node->intent == NULL || seen == NULL || seen->unreachable_since_ms == 0 ||
        (node->report != NULL && node->report->state == NODE_UP)) {
        return UINT64_MAX;
    }
    since_ms = seen->unreachable_since_ms;
    if (node->report == NULL) {
        since_ms = later(since_ms, seen->report_gone_since_ms);
    }
    /* What was observed before the intent changed was about another node. */
    return later(since_ms, node->intent->phase_since_ms);
}

uint64_t node_out_of_reach_at_ms(const struct facts *facts, const struct node *node)
{
    if (node->report != NULL || node->seen == NULL || node->seen->unreachable_since_ms == 0) {
        return UINT64_MAX;
    }
    return node->seen->unreachable_since_ms + facts->spec->converge_timeout_ms;
}

uint32_t intent_flaps_at(const struct intent *intent, uint64_t at_ms)
{
    uint64_t halvings;

    if (at_ms < intent->flapped_ms) {
        return intent->flaps == 0 ? 0 : intent->flaps - 1; /* the last one came later */
    }
    halvings = (at_ms - intent->flapped_ms) / FLAP_DECAY_MS;
    return halvings < INTENT_FLAPS_MAX ? intent->flaps >> halvings : 0;
}

static uint64_t wait_ms(const struct facts *facts, const struct node *node, uint64_t since_ms)
{
    uint64_t once_ms = facts->spec->fail_after_ms;
    uint64_t most_ms = later(once_ms, FAIL_WAIT_MS_MAX);
    uint32_t flaps = intent_flaps_at(node->intent, since_ms);
    uint64_t wait_ms;

    CHECK(flaps <= INTENT_FLAPS_MAX);
    wait_ms = once_ms << flaps;
    return wait_ms < most_ms ? wait_ms : most_ms;
}

uint64_t node_fails_at_ms(const struct facts *facts, const struct node *node)
{
    uint64_t since_ms = node_trouble_since_ms(node);

    return since_ms == UINT64_MAX ? UINT64_MAX : since_ms + wait_ms(facts, node, since_ms);
}

uint64_t node_dead_at_ms(const struct facts *facts, const struct node *node)
{
    return node_trouble_since_ms(node) == UINT64_MAX
               ? UINT64_MAX
               : node->intent->phase_since_ms + facts->spec->fail_after_ms;
}
