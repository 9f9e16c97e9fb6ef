/*
 * table - rows of text in columns as wide as their widest cell.
 *
 * Cells are copied, without what would steer a terminal. A failure to add (no memory, too many
 * cells) sticks and is told by table_render(), so that a row of additions needs one look at its
 * end.
 */
#ifndef SHOW_TABLE_H
#define SHOW_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#define TABLE_COLUMNS_MAX 20
#define TABLE_CELLS_MAX 131072

struct table_column {
    const char *heading;
    bool wide;   /* shown in wide tables only */
    bool moving; /* differs with the time of the look: an age */
};

struct table {
    struct arena *arena;
    const char *cells[TABLE_COLUMNS_MAX]; /* of the row at hand */
    size_t columns;
    size_t filled;
    const struct table_column
        *layout; /* of all cells that a row is given; NULL: `columns` of them */
    size_t layout_count;
    size_t given; /* cells of the row at hand, those that are not shown included */
    bool wide;
    bool headless; /* rendered without the heading */
    size_t widths[TABLE_COLUMNS_MAX];
    struct table_row *first;
    struct table_row *last;
    size_t count; /* rows, the heading included */
    int failed;   /* the code of the first failure; 0: none */
};

/* A table whose memory comes from `arena`; `headings` ends with NULL. */
void table_init(struct table *table, struct arena *arena, const char *const *headings);

/* The same with columns that are left out unless `wide`: rows are given cells for all of them. */
void table_init_columns(struct table *table, struct arena *arena,
                        const struct table_column *columns, size_t count, bool wide);

/* Add the next cell of a row, from left to right; the last one completes it. "" shows as "-". */
void table_add(struct table *table, const char *text);
void table_addf(struct table *table, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Put the rows behind the heading into another order: the `i`-th is the one that was at
 * `places[i]`, counted from 0. There are `count` of them. */
void table_reorder(struct table *table, const size_t *places, size_t count);

/* Append all rows to `out`, each behind `indent` spaces. */
MUST_USE int table_render(const struct table *table, size_t indent, struct str *out,
                          struct err *err);

/*
 * For rows that are told one by one: row `i` (0: the heading) in columns as wide as `widths`, which
 * grow with it; and the cells of a row that don't change with time alone, as one text to compare.
 */
MUST_USE int table_render_row(const struct table *table, size_t i, size_t widths[TABLE_COLUMNS_MAX],
                              struct str *out, struct err *err);
const char *table_row_state(const struct table *table, size_t i);

#endif
