/*
 * peers_told - what nodes tell of each other: who watches whom, and what it has seen. Pure, but for
 * peers_ask(), which asks them.
 *
 * A node tells it itself (`stats peers` at its discovery port). Of one that does not answer, the
 * report still tells whom it could not reach.
 */
#ifndef SHOW_PEERS_TOLD_H
#define SHOW_PEERS_TOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "client/ask_nodes.h"
#include "client/facts.h"
#include "loop/loop.h"
#include "model/node.h"

/* What one node sees of another. */
struct peer_told {
    uint32_t slot;
    bool subscribed;
    bool looked; /* it was looked at; else `reachable` is not known yet */
    bool reachable;
    bool unreachable; /* for long */
    uint32_t version; /* 0: none, or not seen yet */
    bool changed;     /* `changed_ms_ago` is known */
    uint64_t changed_ms_ago;
    uint64_t lag_ms;
    uint64_t repairs;
};

/* The answers of nodes; `of[i]` is whom `answers[i]` is from. */
struct peers_told {
    const struct node_facts **of;
    struct node_answer *answers;
    size_t count;
};

/* Ask all nodes of the cluster that have a report. */
MUST_USE int peers_ask(const struct node_asker *asker, const struct cluster_facts *cluster,
                       struct arena *arena, struct peers_told *out, struct err *err);

/* The peers in the rows of an answer, at most REPORT_PEERS_MAX; returns how many. */
size_t peers_parse(const char *rows, struct peer_told out[REPORT_PEERS_MAX]);

/* Append the section "Peers:". */
MUST_USE int peers_describe(const struct peers_told *told, struct arena *arena, struct str *out,
                            struct err *err);

#endif
