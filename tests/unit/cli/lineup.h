/*
 * lineup - a cluster in order as a view, for tests of what is decided by it.
 *
 * Node i of slot i + 1 runs on host h<i + 1>; version 7 is served by all.
 */
#ifndef TESTS_UNIT_CLI_LINEUP_H
#define TESTS_UNIT_CLI_LINEUP_H

#include "base/arena.h"
#include "model/view.h"

#define LINEUP_NODES_MAX 120
#define LINEUP_NOW_MS 5000000
#define LINEUP_DIGEST "0f0f"

struct lineup {
    struct arena *arena;
    struct view view;
    struct spec_record record;
    struct config config;
    struct member members[LINEUP_NODES_MAX];
    struct intent intents[LINEUP_NODES_MAX];
    struct node_report reports[LINEUP_NODES_MAX];
    struct host_view hosts[LINEUP_NODES_MAX];
    struct alias alias;
};

/* Hosts alone, or with `nodes` of them running one. `lineup` must not move afterwards. */
void lineup_hosts(struct lineup *lineup, struct arena *arena, uint32_t hosts);
void lineup_cluster(struct lineup *lineup, struct arena *arena, uint32_t hosts, uint32_t nodes);

#endif
