#include "cli/await_many.h"

#include <stdbool.h>

#include "base/clock.h"
#include "cli/follow.h"
#include "cli/progress.h"
#include "cli/stages.h"

#define WHY_SIZE (STAGES_WHY_SIZE + CLUSTER_NAME_MAX + 32)

struct awaiting {
    const struct await_many *wish;
    struct progress progress;
    bool done;
    char why[WHY_SIZE];
};

static void say_why(struct awaiting *awaiting, const char *name, const char *what, const char *why)
{
    if (awaiting->why[0] == '\0') {
        (void)snprintf(awaiting->why, sizeof(awaiting->why), "cluster '%s' is not %s: %s", name,
                       what, why);
    }
}

static bool is_gone(const struct facts *facts, const char *name)
{
    const struct cluster_facts *cluster = facts_cluster(facts, name);

    return cluster == NULL || cluster->spec_revision == 0;
}

static size_t count_gone(struct awaiting *awaiting, const struct facts *facts)
{
    char why[STAGES_WHY_SIZE];
    size_t gone = 0;
    size_t i;

    for (i = 0; i < awaiting->wish->leaving_count; i++) {
        const char *name = awaiting->wish->leaving[i];

        if (is_gone(facts, name)) {
            gone++;
            continue;
        }
        stages_why_not_deleted(facts_cluster(facts, name), why);
        say_why(awaiting, name, "deleted", why);
    }
    return gone;
}

static void find_hanging(struct awaiting *awaiting, const struct facts *facts)
{
    struct stages stages;
    char why[STAGES_WHY_SIZE];
    size_t i;

    for (i = 0; awaiting->why[0] == '\0' && i < awaiting->wish->count; i++) {
        const char *name = awaiting->wish->names[i];
        const struct cluster_facts *cluster = facts_cluster(facts, name);

        if (cluster != NULL) {
            stages_of(cluster, &stages);
        }
        if (cluster == NULL || !stages.converged) {
            stages_why(cluster, why);
            say_why(awaiting, name, "converged", why);
        }
    }
}

static void look(void *ctx, struct facts *facts)
{
    struct awaiting *awaiting = ctx;
    const struct await_many *wish = awaiting->wish;
    size_t converged = progress_show(&awaiting->progress, facts, clock_mono_ms());

    awaiting->why[0] = '\0';
    find_hanging(awaiting, facts);
    awaiting->done = count_gone(awaiting, facts) == wish->leaving_count && converged == wish->count;
}

int await_many(struct context *context, const struct await_many *wish, struct err *err)
{
    CLEANUP(follow_free_p) struct follow *follow = NULL;
    struct awaiting awaiting = { .wish = wish };
    const char *key = context_key(context, "%s", "");
    int rv;

    if (key == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    progress_init(&awaiting.progress, wish->out, clock_mono_ms());
    rv = progress_expect(&awaiting.progress, wish->names, wish->count, err);
    if (0 <= rv) {
        rv = follow_new(context, key, look, &awaiting, &follow, err);
    }
    if (0 <= rv) {
        rv = follow_until(follow, &awaiting.done, wish->timeout_ms, err);
    }
    progress_settle(&awaiting.progress);
    progress_deinit(&awaiting.progress);
    if (rv == ERR_TIMEOUT) {
        return err_set(err, ERR_TIMEOUT, "%s", awaiting.why);
    }
    return rv;
}
