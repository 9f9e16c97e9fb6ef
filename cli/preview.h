/*
 * preview - what applying a spec, or deleting a cluster, would come to.
 *
 * Pure: views in, data and text out. Nothing is written; the forecast is the reconciler's own.
 */
#ifndef CLI_PREVIEW_H
#define CLI_PREVIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "apply/merge.h"
#include "apply/spec_diff.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "cli/preview_keys.h"
#include "model/view.h"
#include "reconciler/forecast.h"
#include "show/json_out.h"

enum preview_kind {
    PREVIEW_APPLY,  /* the spec is to be as given */
    PREVIEW_DELETE, /* the cluster is to go */
    PREVIEW_DRAIN,  /* a host is to be left */
};

struct preview_wish {
    enum preview_kind kind;
    struct merge_wish document; /* PREVIEW_APPLY */
    const char *host;           /* PREVIEW_DRAIN */
};

struct preview {
    const char *name;
    struct preview_wish wish;
    const struct spec_record *before; /* NULL: there is no such cluster yet */
    const struct spec_record *after;
    bool writes; /* the wish changes a spec, or a host's cordon */
    struct spec_diff diff;
    struct forecast forecast;
    struct preview_keys keys;
};

/*
 * Plan for the cluster of `view`. Everything lives in `arena` or with the view and the wish.
 * ERR_CONFLICT and ERR_NOT_FOUND as the change itself would have them; ERR_NOMEM, ERR_LIMIT.
 */
MUST_USE int preview_make(const struct view *view, const struct preview_wish *wish,
                          struct arena *arena, struct preview *out, struct err *err);

/* Whether anything would be another way than it is now. */
bool preview_changes(const struct preview *plan);

/* Several of them, and whether a controller leads that would do it. */
struct previews {
    const struct preview *list;
    size_t count;
    bool led;
};

/* Append the plans as text for people, a sum at the end. */
MUST_USE int preview_text(const struct previews *plans, struct arena *arena, struct str *out,
                          struct err *err);

/* Append them as one JSON object. */
MUST_USE int preview_json(const struct previews *plans, struct str *out, struct err *err);

/* Whether any of them changes anything. */
bool previews_change(const struct previews *plans);

/* The steps alone, as the member "steps" of an object. */
void preview_json_steps(struct json_out *json, const struct forecast *forecast);

/* What is in the way, of the conditions in the end of a forecast, the weightiest first. */
#define PREVIEW_BLOCKS_MAX 4
size_t preview_blocks(const struct preview *plan, enum condition_type out[PREVIEW_BLOCKS_MAX]);

#endif
