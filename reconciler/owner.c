#include "reconciler/owner.h"

/* How good a claim a node has on its slot, worst first. */
enum claim {
    CLAIM_NONE,   /* nothing runs, or an order to stop waits for a host that is not there */
    CLAIM_ORPHAN, /* runs without an intent */
    CLAIM_ORPHAN_UP,
    CLAIM_ORPHAN_LISTED,
    CLAIM_STOPPING, /* what stops holds the slot until it has stopped */
    CLAIM_FOREIGN,  /* of a former cluster of this name */
    CLAIM_DRAINING,
    CLAIM_RUNNING,
    CLAIM_FIT,       /* nothing speaks against it, but it is not proven */
    CLAIM_FAILED,    /* clients know it, and it is gone */
    CLAIM_PROVEN,    /* it serves, though not as or where it should */
    CLAIM_LISTED,    /* clients know it; it goes, or is in trouble, should another one be proven */
    CLAIM_SUCCESSOR, /* it serves as and where it should, or for one that leaves its host */
    CLAIM_KEPT,      /* clients know it, and nothing speaks against it */
};

static bool has(const struct node *node, uint64_t facts)
{
    return (node->facts & facts) == facts;
}

/* Whether the node is where and as it may stay. */
static bool may_stay(const struct node *node)
{
    return !has(node, FACT(LEAVING)) && !has(node, FACT(SETTINGS_OLD) | FACT(STATIC));
}

/*
 * Of a host that is left a node is as good as the one that clients know there when its settings are
 * the same, or when nobody may change them now. `former`: that one, or NULL.
 */
static bool stands_in(const struct node *node, const struct node *former)
{
    if (former == NULL || !has(former, FACT(LEAVING)) || has(node, FACT(LEAVING))) {
        return false;
    }
    return has(node, FACT(PAUSED)) ||
           node_settings_equal(&node->intent->settings, &former->intent->settings);
}

static enum claim claim_of_running(const struct node *node, const struct node *former)
{
    bool failed = has(node, FACT(FAILED));

    if (has(node, FACT(LISTED) | FACT(UP)) && may_stay(node)) {
        return CLAIM_KEPT;
    }
    if (has(node, FACT(PROVEN)) && (may_stay(node) || stands_in(node, former))) {
        return CLAIM_SUCCESSOR;
    }
    if (has(node, FACT(LISTED)) && !failed) {
        return CLAIM_LISTED;
    }
    if (has(node, FACT(PROVEN))) {
        return CLAIM_PROVEN;
    }
    if (has(node, FACT(LISTED))) {
        return CLAIM_FAILED;
    }
    return failed || has(node, FACT(LEAVING)) ? CLAIM_RUNNING : CLAIM_FIT;
}

static enum claim claim_of_orphan(const struct node *node)
{
    if (node->report == NULL) {
        return CLAIM_NONE;
    }
    if (has(node, FACT(LISTED))) {
        return CLAIM_ORPHAN_LISTED;
    }
    return node->report->state == NODE_UP ? CLAIM_ORPHAN_UP : CLAIM_ORPHAN;
}

static enum claim claim_of(const struct node *node, const struct node *former)
{
    if (!has(node, FACT(PLACED))) {
        return claim_of_orphan(node);
    }
    if (has(node, FACT(STOPPING))) {
        return (node->facts & (FACT(HOST) | FACT(REPORTED))) != 0 ? CLAIM_STOPPING : CLAIM_NONE;
    }
    if (has(node, FACT(FOREIGN))) {
        return CLAIM_FOREIGN;
    }
    return has(node, FACT(DRAINING)) ? CLAIM_DRAINING : claim_of_running(node, former);
}

/* Of equal claims the newest order holds. */
static bool is_newer(const struct node *node, const struct node *than)
{
    return node->intent != NULL && than->intent != NULL &&
           than->intent->phase_since_ms < node->intent->phase_since_ms;
}

/* The node that clients know and that has an intent, or NULL. */
static const struct node *find_former(const struct node *nodes, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (has(&nodes[i], FACT(LISTED) | FACT(PLACED))) {
            return &nodes[i];
        }
    }
    return NULL;
}

struct node *owner_find(struct node *nodes, size_t count, uint64_t need)
{
    const struct node *former = find_former(nodes, count);
    struct node *owner = NULL;
    enum claim best = CLAIM_NONE;
    size_t i;

    for (i = 0; i < count; i++) {
        enum claim claim = has(&nodes[i], need) ? claim_of(&nodes[i], former) : CLAIM_NONE;

        if (best < claim || (owner != NULL && claim == best && is_newer(&nodes[i], owner))) {
            owner = &nodes[i];
            best = claim;
        }
    }
    return owner;
}

/*
 * Settings of a node that clients don't know are changed where it is. A replacement that is there
 * stays until the node that it is for is up again: a new controller does not know yet how long that
 * is down.
 */
static bool has_to_go(const struct node *owner)
{
    const uint64_t settings = FACT(SETTINGS_OLD) | FACT(STATIC) | FACT(LISTED);

    return has(owner, FACT(LEAVING)) || !has(owner, FACT(UP)) || has(owner, settings);
}

static bool is_fit(const struct node *node)
{
    const uint64_t deny = FACT(STOPPING) | FACT(DRAINING) | FACT(FOREIGN) | FACT(LEAVING) |
                          FACT(FAILED) | FACT(LISTED);

    return has(node, FACT(PLACED)) && (node->facts & deny) == 0;
}

struct node *owner_successor(const struct node *owner, struct node *nodes, size_t count,
                             uint64_t need)
{
    const uint64_t deny = FACT(STOPPING) | FACT(DRAINING) | FACT(FOREIGN);
    struct node *successor = NULL;
    size_t i;

    if (!has(owner, FACT(PLACED)) || (owner->facts & deny) != 0 || !has_to_go(owner)) {
        return NULL;
    }
    for (i = 0; i < count; i++) {
        struct node *node = &nodes[i];

        if (node != owner && has(node, need) && is_fit(node) &&
            (successor == NULL || is_newer(node, successor))) {
            successor = node;
        }
    }
    return successor;
}
