/*
 * batch - apply documents as a source: all of them, or none, and perhaps delete what left.
 *
 * Reads what lives, merges each document into it (merge.h), and writes what changes in as few
 * transactions as etcd takes, each of which compares what the decisions rest on. Results say what
 * came of each cluster; nothing is printed.
 */
#ifndef APPLY_BATCH_H
#define APPLY_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "apply/documents.h"
#include "apply/merge.h"
#include "base/err.h"
#include "client/context.h"

#define BATCH_ANY_REVISION UINT64_MAX

struct batch_results;

struct batch_options {
    const char *source;  /* batch_source_check() holds */
    bool force;          /* take over fields that others hold, and what drifted */
    bool skip_conflicts; /* leave clusters with conflicts alone, and apply the others */
    bool prune; /* delete clusters that this source alone has applied and that no document names */
    /* What may be pruned: what this trial would have; else it is a conflict. NULL: anything. */
    const struct batch_results *prune_asked;
    bool dry_run; /* decide only */
    /*
     * Clusters must not have been written after this revision of etcd; 0: there must be none of
     * the names; BATCH_ANY_REVISION: no matter.
     */
    uint64_t expect_revision;
};

enum batch_outcome {
    BATCH_UNCHANGED,
    BATCH_CONFIGURED,
    BATCH_CREATED,
    BATCH_PRUNED,   /* its deletion is asked for */
    BATCH_CONFLICT, /* it stays as it lives */
};

struct batch_result {
    const char *name;
    enum batch_outcome outcome;
    const struct document *document;  /* NULL: pruned */
    const struct spec_record *before; /* NULL: created */
    const struct spec_record *after;  /* as it is to be; `before` when nothing changes */
    const struct merge_other *conflicts;
    size_t conflicts_count;
    const struct merge_other *drift;
    size_t drift_count;
    const char *problem; /* BATCH_CONFLICT: in words, with the manager or the revision */
};

struct batch_results {
    struct batch_result *list; /* in order of the names; the pruned ones follow */
    size_t count;
    size_t changes;   /* created, configured or pruned */
    size_t conflicts; /* results that are BATCH_CONFLICT */
    size_t drift;     /* fields, of all clusters */
};

/*
 * Apply all documents. `*out` and what it refers to live in the context's arena and with the
 * documents. ERR_CONFLICT: nothing was written (of more clusters than a transaction holds, perhaps
 * some before somebody interfered); `out` is filled, so that all conflicts can be told,
 * and `err` has the first. With `skip_conflicts` only interference that doesn't end yields it.
 * ERR_UNAVAILABLE and ERR_TIMEOUT as ever; `out` is then untouched, and what was written before
 * stays.
 */
MUST_USE int batch_apply(struct context *context, const struct documents *documents,
                         const struct batch_options *options, struct batch_results *out,
                         struct err *err);

/* "created", "configured", ... */
const char *batch_outcome_text(enum batch_outcome outcome);

/* ERR_USAGE when the text can't be the name of a source: lowercase letters, digits, '-' and '.',
 * at most SPEC_MANAGER_NAME_MAX bytes; and none of those that verbs use. */
MUST_USE int batch_source_check(const char *text, struct err *err);

#endif
