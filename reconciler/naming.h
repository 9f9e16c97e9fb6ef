/*
 * naming - lists of slots, hosts and keys in messages.
 *
 * A list names NAMED_MAX things and then says that there are more, so that a message stays readable
 * and within its bounds.
 */
#ifndef RECONCILER_NAMING_H
#define RECONCILER_NAMING_H

#include <stddef.h>

#include "base/cleanup.h"

#define NAMED_MAX 8
#define NAMING_TEXT_MAX 768
#define NAMING_ITEM_MAX 192

struct naming {
    char text[NAMING_TEXT_MAX]; /* "" : nothing was named */
    size_t count;
};

/* Add one thing; an item of more than NAMING_ITEM_MAX bytes is cut. */
void naming_add(struct naming *naming, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
