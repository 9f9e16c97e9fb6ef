#include "cli/await.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cli/follow.h"
#include "cli/progress.h"
#include "cli/stages.h"

struct awaiting {
    struct progress progress;
    bool shown; /* there was something to wait for */
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

/* What is there already is not told of. */
static void show_coming(struct awaiting *awaiting, const struct facts *facts)
{
    awaiting->shown = awaiting->shown || !awaiting->done;
    if (awaiting->shown) {
        (void)progress_show(&awaiting->progress, facts, clock_mono_ms());
    }
}

static void show_leaving(struct awaiting *awaiting, const struct cluster_facts *cluster)
{
    char line[STAGES_WHY_SIZE + CLUSTER_NAME_MAX + 16];
    char why[STAGES_WHY_SIZE];

    stages_why_not_deleted(cluster, why);
    if (strcmp(why, awaiting->why) == 0) {
        return;
    }
    memcpy(awaiting->why, why, sizeof(why));
    if (cluster->spec != NULL && cluster->spec->deleting && !stages_is_taken_up(cluster)) {
        return; /* that was just asked for: it would sound as if something were wrong */
    }
    (void)snprintf(line, sizeof(line), "cluster/%s: %s", awaiting->name, why);
    progress_line(&awaiting->progress, line);
    awaiting->shown = true;
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
        show_leaving(awaiting, cluster);
    } else {
        awaiting->done = has_converged(cluster);
        stages_why(cluster, awaiting->why);
        show_coming(awaiting, facts);
    }
}

/* The goal, or the time that it may take. */
static int follow_cluster(struct context *context, struct awaiting *awaiting, uint64_t timeout_ms,
                          struct err *err)
{
    CLEANUP(follow_free_p) struct follow *follow = NULL;
    const char *key = context_key(context, "clusters/%s/", awaiting->name);
    int rv;

    if (key == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    rv = follow_new(context, key, look, awaiting, &follow, err);
    return rv < 0 ? rv : follow_until(follow, &awaiting->done, timeout_ms, err);
}

int await_cluster(struct context *context, const char *name, enum await_goal goal,
                  uint64_t timeout_ms, struct err *err)
{
    struct awaiting awaiting = { .name = name, .goal = goal };
    int rv;

    progress_init(&awaiting.progress, stderr, clock_mono_ms());
    rv = progress_expect(&awaiting.progress, &name, 1, err);
    if (0 <= rv) {
        rv = follow_cluster(context, &awaiting, timeout_ms, err);
    }
    if (awaiting.shown && goal == AWAIT_DELETED) {
        progress_line_end(&awaiting.progress);
    }
    progress_deinit(&awaiting.progress);
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

int await_if_asked(struct context *context, const char *name, const struct opt_wait *wait,
                   struct err *err)
{
    int rv;

    if (!wait->given) {
        return 0;
    }
    (void)fflush(stdout); /* what was done stands before what comes of it */
    rv = await_cluster(context, name, AWAIT_CONVERGED, wait->ms == 0 ? UINT64_MAX : wait->ms, err);
    if (0 <= rv) {
        (void)printf("cluster/%s converged\n", name);
    }
    return rv;
}
