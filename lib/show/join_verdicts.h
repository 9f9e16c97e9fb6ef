/*
 * join_verdicts - what the controller makes of requests to join: its own rules, asked anew.
 *
 * Pure.
 */
#ifndef SHOW_JOIN_VERDICTS_H
#define SHOW_JOIN_VERDICTS_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/view.h"

/* What becomes of a joiner's request. */
struct join_verdict {
    const struct join_verdict *next;
    const char *uid;
    uint32_t slot;    /* that the joiner has, or gets; 0: none, or refused */
    const char *word; /* "admitted", "welcome" (the next pass lets it in), "waiting", "refused" */
    const char *rule;
    const char *why;
};

/* One for each joiner of the view, in no order; in the arena, which also gets its texts. NULL:
 * there is none. ERR_NOMEM. */
MUST_USE int join_verdicts_make(const struct view *view, struct arena *arena,
                                const struct join_verdict **out, struct err *err);

#endif
