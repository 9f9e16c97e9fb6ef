/*
 * stages - how far a cluster has come on its way to what its spec wants, and what holds it up.
 *
 * Pure: reads the facts, says where each wanted slot stands. The stages are those of the flow in
 * docs/ARCHITECTURE.md; a slot that has reached one has reached all before it.
 */
#ifndef CLI_STAGES_H
#define CLI_STAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/facts.h"

#define STAGES(X)                                                    \
    X(NONE, "none")                                                  \
    X(PLACED, "placed")             /* a host was given the slot */  \
    X(STARTED, "started")           /* its watcher reports it up */  \
    X(PUSHED, "pushed")             /* it holds the configuration */ \
    X(ACKNOWLEDGED, "acknowledged") /* and serves it */              \
    X(ALIAS, "alias")               /* the endpoint is set: of the cluster, not of a slot */

enum stage {
#define X(name, text) STAGE_##name,
    STAGES(X)
#undef X
        STAGE_COUNT
};

struct stages {
    uint32_t wanted;                      /* slots; 0 without a spec or when it is being deleted */
    uint32_t reached[STAGE_COUNT];        /* wanted slots that came this far; ALIAS: 0 or 1 */
    enum stage slots[SPEC_NODES_MAX + 1]; /* by slot; [0] is not used */
    bool taken_up;  /* a controller has looked at this very generation of the spec */
    bool converged; /* the controller says so, of this very generation of the spec and these reports
                     */
};

void stages_of(const struct cluster_facts *cluster, struct stages *out);

/* Whether a controller has looked at this very generation of the spec, which must be there. */
bool stages_is_taken_up(const struct cluster_facts *cluster);

const char *stage_text(enum stage stage);

#define STAGES_WHY_SIZE 1024

/* Which stage hangs and why, for a cluster that is not converged. `cluster` may be NULL. */
void stages_why(const struct cluster_facts *cluster, char out[STAGES_WHY_SIZE]);

/* The same for one that is being deleted and is still there. */
void stages_why_not_deleted(const struct cluster_facts *cluster, char out[STAGES_WHY_SIZE]);

/*
 * What keeps a cluster from going on, in the controller's words: conditions that only something
 * from outside mends. "" : nothing, or the controller has not looked at this spec yet.
 */
void stages_hindrance(const struct cluster_facts *cluster, char out[STAGES_WHY_SIZE]);

#endif
