#include "cli/await.h"

#include <stdbool.h>
#include <stdio.h>

#include "cli/follow.h"
#include "cli/stages.h"

struct awaiting {
    const char *name;
    enum await_goal goal;
    bool done;
    int rv;
    char why[STAGES_WHY_SIZE];
};

static bool has_converged(const struct cluster_facts *cluster)
{
    struct stages stages;

    stages_of(cluster, &stages);
    return stages.converged;
}

static void look(void *ctx, struct facts *facts)
{
    struct awaiting *awaiting = ctx;
    const struct cluster_facts *cluster = facts_cluster(facts, awaiting->name);
    bool exists = cluster != NULL && cluster->spec_revision != 0;

    if (!exists) {
        awaiting->done = true;
        awaiting->rv = awaiting->goal == AWAIT_DELETED ? 0 : ERR_NOT_FOUND;
    } else if (awaiting->goal == AWAIT_DELETED) {
        stages_why_not_deleted(cluster, awaiting->why);
    } else if (has_converged(cluster)) {
        awaiting->done = true;
    } else {
        stages_why(cluster, awaiting->why);
    }
}

int await_cluster(struct context *context, const char *name, enum await_goal goal,
                  uint64_t timeout_ms, struct err *err)
{
    CLEANUP(follow_free_p) struct follow *follow = NULL;
    struct awaiting awaiting = { .name = name, .goal = goal };
    const char *key = context_key(context, "clusters/%s/", name);
    int rv;

    if (key == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    rv = follow_new(context, key, look, &awaiting, &follow, err);
    if (0 <= rv) {
        rv = follow_until(follow, &awaiting.done, timeout_ms, err);
    }
    if (rv == ERR_TIMEOUT) {
        return err_set(err, ERR_TIMEOUT, "cluster '%s' is not %s: %s", name,
                       goal == AWAIT_DELETED ? "deleted" : "converged", awaiting.why);
    }
    if (rv < 0) {
        return rv;
    }
    if (awaiting.rv == ERR_NOT_FOUND) {
        return err_set(err, ERR_NOT_FOUND, "there is no cluster '%s'", name);
    }
    return awaiting.rv;
}
