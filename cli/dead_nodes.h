/*
 * dead_nodes - which nodes of a cluster look dead: not reported to be up, and not reachable.
 *
 * Pure: facts in, text out. The controller observes both and notes them in the status.
 */
#ifndef CLI_DEAD_NODES_H
#define CLI_DEAD_NODES_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "client/facts.h"

/*
 * A line for each of them, how many, and in `confirmed_ms` the time at which all of them were dead:
 * now, or later by the clock of a controller that is ahead of ours.
 */
size_t dead_nodes(const struct cluster_facts *cluster, uint64_t now_ms, struct str *out,
                  uint64_t *confirmed_ms);

#endif
