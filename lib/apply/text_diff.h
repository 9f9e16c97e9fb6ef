/*
 * text_diff - what differs between two texts, line by line, as a unified diff. Pure.
 */
#ifndef APPLY_TEXT_DIFF_H
#define APPLY_TEXT_DIFF_H

#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#define TEXT_DIFF_LINES_MAX 2000 /* of each text */
#define TEXT_DIFF_CONTEXT 3      /* lines that stay, before and after what changes */

struct text_diff {
    const char *before;      /* NULL: there is nothing yet */
    const char *before_name; /* for the heading; without `before` it is /dev/null */
    const char *after;       /* NULL: nothing is left */
    const char *after_name;
};

/*
 * Append the heading ("--- NAME", "+++ NAME") and the hunks to `out`; nothing for equal texts. The
 * last line of each text ends with a newline. ERR_LIMIT beyond TEXT_DIFF_LINES_MAX lines.
 */
MUST_USE int text_diff(const struct text_diff *diff, struct arena *arena, struct str *out,
                       struct err *err);

#endif
