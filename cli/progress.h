/*
 * progress - show how clusters come up: a bar per stage that is redrawn in place on a terminal,
 * a line per step anywhere else.
 *
 * Colours and a cursor that moves only on a terminal, and not with NO_COLOR. On a terminal too
 * small for a block per cluster, one line sums up.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "cli/stages.h"
#include "client/facts.h"

/* A line per node up to this size of a cluster, beyond it a line per stage. */
#define PROGRESS_NODE_LINES_MAX 32

struct progress_cluster {
    char name[CLUSTER_NAME_MAX + 1];
    bool looked;                     /* there was a look */
    struct stages seen;              /* as of the last look */
    char hindrance[STAGES_WHY_SIZE]; /* likewise; "" : none */
};

struct progress {
    FILE *out;
    bool live; /* redraw in place */
    bool colour;
    bool unicode;
    uint64_t start_ms; /* of the monotonic clock */
    unsigned drawn;    /* lines of the block on the terminal */
    unsigned rows;     /* of the terminal */
    unsigned columns;
    struct progress_cluster *clusters;
    size_t count;
};

/* Look at what `out` is. `start_ms` is when the work began. */
void progress_init(struct progress *progress, FILE *out, uint64_t start_ms);
void progress_deinit(struct progress *progress);

/* Which clusters are to come up. */
MUST_USE int progress_expect(struct progress *progress, const char *const *names, size_t count,
                             struct err *err);

/* Show what is new; of a cluster that is there at the first look, where it stands. Returns how many
 * of the expected clusters are converged. */
size_t progress_show(struct progress *progress, const struct facts *facts, uint64_t now_ms);

/* One line that takes the place of the former one on a terminal; a line each time anywhere else. */
void progress_line(struct progress *progress, const char *text);

/* Take that line away from the terminal. */
void progress_line_end(struct progress *progress);

/* A line of its own, above the block. */
void progress_note(struct progress *progress, uint64_t now_ms, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/* Leave the block as it stands; the next one is drawn below. */
void progress_settle(struct progress *progress);

/* ---- Pure parts ---- */

/* Cells of a bar for `reached` of `wanted`; each slot has one while there are few. */
void progress_bar(uint32_t reached, uint32_t wanted, bool unicode, struct str *out);

/* The lines that tell the steps from `before` to `after`, each behind `stamp`. */
void progress_steps(const struct cluster_facts *cluster, const struct stages *before,
                    const struct stages *after, const char *stamp, struct str *out);

/* Where the cluster stands when the first look finds it with a configuration: what it did before
 * that is no news. */
void progress_begin(const struct cluster_facts *cluster, const struct stages *now,
                    const char *stamp, struct str *out);

/* The line that tells of what holds the cluster up, when that is not what it was before. */
void progress_hindrance(const char *name, const char *before, const char *after, const char *stamp,
                        struct str *out);

#endif
