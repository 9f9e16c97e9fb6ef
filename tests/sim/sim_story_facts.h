/*
 * sim_story_facts - what a story may expect, from inside; for sim_story_facts.c and
 * sim_story_served.c only.
 */
#ifndef SIM_SIM_STORY_FACTS_H
#define SIM_SIM_STORY_FACTS_H

#include "sim/sim_story.h"

struct sim_facts {
    struct sim_play *play;
    const struct sim_line *line;
    struct sim_check *check;
    const char *cluster;
    uint32_t slot; /* 0: the fact is about a whole cluster, or about none */
    struct str *why;
};

/* The words behind subject and predicate, those with "=" are for others; NULL: there is none. */
const char *sim_fact_argument(const struct sim_facts *facts, size_t i);
/* The same as a number; 0: it is none. */
uint32_t sim_fact_number(const struct sim_facts *facts, size_t i);

/* ---- sim_story_served.c ---- */

/* "c1/2 serves 3", "c1 serves 3": the one that runs, or each; 0: nothing yet. */
bool sim_fact_serves(const struct sim_facts *facts);
/* "world spread": whoever can reach each other serves the same. */
bool sim_fact_spread(const struct sim_facts *facts);
/* "world writes 6": so many at most went from watchers to nodes of others since the mark. */
bool sim_fact_writes(const struct sim_facts *facts);

#endif
