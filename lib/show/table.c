#include "show/table.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

#define COLUMN_GAP 3
#define CELL_TEXT_SIZE 512

struct table_row {
    struct table_row *next;
    const char *cells[TABLE_COLUMNS_MAX];
};

/* Columns on the terminal: bytes that do not continue a UTF-8 character. */
static size_t text_width(const char *text)
{
    size_t width = 0;

    for (; *text != '\0'; text++) {
        width += ((unsigned char)*text & 0xc0) == 0x80 ? 0 : 1;
    }
    return width;
}

static void complete_row(struct table *table)
{
    struct table_row *row = arena_alloc(table->arena, sizeof(*row));

    table->filled = 0;
    if (row == NULL) {
        table->failed = ERR_NOMEM;
        return;
    }
    if (TABLE_CELLS_MAX < (table->count + 1) * table->columns) {
        table->failed = ERR_LIMIT;
        return;
    }
    memcpy(row->cells, table->cells, sizeof(row->cells));
    if (table->last == NULL) {
        table->first = row;
    } else {
        table->last->next = row;
    }
    table->last = row;
    table->count++;
}

void table_init(struct table *table, struct arena *arena, const char *const *headings)
{
    size_t i;

    *table = (struct table){ .arena = arena };
    while (headings[table->columns] != NULL) {
        table->columns++;
    }
    CHECK(table->columns <= TABLE_COLUMNS_MAX);
    for (i = 0; i < table->columns; i++) {
        table_add(table, headings[i]);
    }
}

void table_add(struct table *table, const char *text)
{
    const char *copy;
    size_t width;

    if (table->failed < 0) {
        return;
    }
    copy = arena_strdup(table->arena, text[0] == '\0' ? "-" : text);
    if (copy == NULL) {
        table->failed = ERR_NOMEM;
        return;
    }
    width = text_width(copy);
    if (table->widths[table->filled] < width) {
        table->widths[table->filled] = width;
    }
    table->cells[table->filled++] = copy;
    if (table->filled == table->columns) {
        complete_row(table);
    }
}

void table_addf(struct table *table, const char *fmt, ...)
{
    char text[CELL_TEXT_SIZE];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    table_add(table, text);
}

static void render_row(const struct table *table, const struct table_row *row, size_t indent,
                       struct str *out)
{
    size_t i;

    str_appendf(out, "%*s", (int)indent, "");
    for (i = 0; i < table->columns; i++) {
        size_t pad = table->widths[i] - text_width(row->cells[i]) + COLUMN_GAP;

        str_append_text(out, row->cells[i]);
        if (i + 1 < table->columns) {
            str_appendf(out, "%*s", (int)pad, "");
        }
    }
    str_append_char(out, '\n');
}

int table_render(const struct table *table, size_t indent, struct str *out, struct err *err)
{
    const struct table_row *row;

    if (table->failed < 0) {
        return err_set(err, table->failed, "table: %s", err_text(table->failed));
    }
    CHECK(table->filled == 0);
    for (row = table->first; row != NULL; row = row->next) {
        render_row(table, row, indent, out);
    }
    if (str_failed(out)) {
        return err_set(err, ERR_LIMIT, "the output is larger than %zu bytes", out->size_max);
    }
    return 0;
}
