/*
 * table - rows of text in columns as wide as their widest cell.
 *
 * Cells are copied. A failure to add (no memory, too many cells) sticks and is told by
 * table_render(), so that a row of additions needs one look at its end.
 */
#ifndef SHOW_TABLE_H
#define SHOW_TABLE_H

#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#define TABLE_COLUMNS_MAX 12
#define TABLE_CELLS_MAX 131072

struct table {
    struct arena *arena;
    const char *cells[TABLE_COLUMNS_MAX]; /* of the row at hand */
    size_t columns;
    size_t filled;
    size_t widths[TABLE_COLUMNS_MAX];
    struct table_row *first;
    struct table_row *last;
    size_t count; /* rows, the heading included */
    int failed;   /* the code of the first failure; 0: none */
};

/* A table whose memory comes from `arena`; `headings` ends with NULL. */
void table_init(struct table *table, struct arena *arena, const char *const *headings);

/* Add the next cell of a row, from left to right; the last one completes it. "" shows as "-". */
void table_add(struct table *table, const char *text);
void table_addf(struct table *table, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Append all rows to `out`, each behind `indent` spaces. */
MUST_USE int table_render(const struct table *table, size_t indent, struct str *out,
                          struct err *err);

#endif
