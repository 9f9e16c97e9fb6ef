/*
 * account_parts - what the parts of an account share, and nobody else uses.
 */
#ifndef CLI_ACCOUNT_PARTS_H
#define CLI_ACCOUNT_PARTS_H

#include "cli/account.h"
#include "reconciler/explain.h"

struct account_then {
    const char *rule; /* "" : none */
    const char *sentence;
};

/* What the controller's status says of the node, or NULL. */
const struct slot_status *account_told(const struct account *account,
                                       const struct explained_node *node);

/* Whether nothing is to be said of the node but that it serves. */
bool account_is_in_order(const struct account *account, const struct explained_node *node);

/* Since when the node is silent, and unreachable; 0: it is not. */
struct slot_observation account_seen(const struct account *account,
                                     const struct explained_node *node);

/* What a wake-up is for, in words. */
const char *account_wake_text(const char *why);

/* What is another rule at the time of wake-up `i` than now, should nothing else change. */
const struct account_then *account_then(const struct account *account, size_t i);

#endif
