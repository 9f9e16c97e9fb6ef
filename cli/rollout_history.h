/*
 * rollout_history - the generations of a cluster's spec that are kept, and what each changed.
 *
 * Pure: facts in, text out.
 */
#ifndef CLI_ROLLOUT_HISTORY_H
#define CLI_ROLLOUT_HISTORY_H

#include "base/err.h"
#include "base/str.h"
#include "client/facts.h"
#include "show/show.h"

/* A table of generation, age and change. `cluster` has a spec. */
MUST_USE int rollout_history_table(const struct cluster_facts *cluster,
                                   const struct show_request *request, struct str *out,
                                   struct err *err);

/* A list of the records, as JSON. */
MUST_USE int rollout_history_json(const struct cluster_facts *cluster, struct str *out,
                                  struct err *err);

#endif
