/*
 * sim_end - what a world has come to, as text, so that the ends of two runs can be compared.
 *
 * A line for each thing, in the order of the text: specs, members, intents, reports, status, DNS
 * records, processes, partitions, files, and how often each memcached was started and ended since
 * sim_nodes_count_anew(). Left out is what may well differ: numbers of versions (several changes
 * become one version or two), times, pids, who leads, which node the endpoint points to (it
 * stays where it is while that is good), and events, which tell of the way.
 */
#ifndef SIM_SIM_END_H
#define SIM_SIM_END_H

#include "base/str.h"
#include "sim/sim_world.h"

#define SIM_END_BYTES_MAX (1U << 20)

/* Append the text. */
void sim_end_describe(struct sim_world *world, struct str *out);

/* The same for worlds that came there on different ways: without counts, hosts and addresses (who
 * may stay does not move), numbers of generations, flaps, what outlives a cluster, logs. */
void sim_end_describe_state(struct sim_world *world, struct str *out);

/* The first line that is in one of them only, as "missing: …" or "unlooked for: …"; "" when they
 * are equal. Appended to `out`. */
void sim_end_compare(const char *wanted, const char *found, struct str *out);

#endif
