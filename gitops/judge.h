/*
 * judge - whether what a commit would come to may be done, and what has drifted. Pure.
 *
 * Three things keep a whole commit from being applied. A conflict: another manager holds a field
 * with another value, or another repository has applied the cluster. A mass deletion: more than
 * half of what the source has would go, which is rather a mistake (a wrong path, a directory that
 * moved) than a wish, and which costs the content of those caches. A cluster that is still being
 * deleted keeps nothing else from being applied; it is made again when it is gone.
 */
#ifndef GITOPS_JUDGE_H
#define GITOPS_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "apply/batch.h"
#include "base/arena.h"
#include "base/err.h"
#include "client/facts.h"
#include "model/source.h"

struct judge_rules {
    const char *source;
    bool force;
    bool allow_empty;
    const struct source_facts *sources; /* of all repositories that are followed */
};

struct judgement {
    int code;         /* 0: may be done; ERR_CONFLICT; ERR_LIMIT: a mass deletion */
    const char *text; /* why not, a line each */
    size_t created;
    size_t configured;
    size_t pruned;
    size_t waiting; /* being deleted still */
};

/* Judge the results of a dry run that left conflicts alone. ERR_NOMEM. */
MUST_USE int judge_results(const struct judge_rules *rules, const struct batch_results *results,
                           struct arena *arena, struct judgement *out, struct err *err);

/*
 * List what drifted in `next`, at most SOURCE_DRIFT_MAX fields; what `former` (NULL: nothing) has
 * as well keeps its time. Texts in `arena` or with the results. ERR_NOMEM.
 */
MUST_USE int judge_drift(const struct batch_results *results, const struct source *former,
                         uint64_t now_ms, struct arena *arena, struct source *next,
                         struct err *err);

/* "1 created, 2 configured, 1 deleted" or "nothing changed", in `arena`; NULL: no memory. */
const char *judgement_text(const struct judgement *judgement, struct arena *arena);

#endif
