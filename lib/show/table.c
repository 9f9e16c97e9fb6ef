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

void table_init_columns(struct table *table, struct arena *arena,
                        const struct table_column *columns, size_t count, bool wide)
{
    size_t i;

    *table =
        (struct table){ .arena = arena, .layout = columns, .layout_count = count, .wide = wide };
    for (i = 0; i < count; i++) {
        table->columns += wide || !columns[i].wide ? 1 : 0;
    }
    CHECK(table->columns <= TABLE_COLUMNS_MAX);
    for (i = 0; i < count; i++) {
        table_add(table, columns[i].heading);
    }
}

/* Whether the cell that comes now is to be shown. */
static bool takes_cell(struct table *table)
{
    const struct table_column *column;

    if (table->layout == NULL) {
        return true;
    }
    column = &table->layout[table->given];
    table->given = table->given + 1 == table->layout_count ? 0 : table->given + 1;
    return table->wide || !column->wide;
}

void table_add(struct table *table, const char *text)
{
    char *copy;
    size_t width;

    if (table->failed < 0 || !takes_cell(table)) {
        return;
    }
    copy = arena_strdup(table->arena, text[0] == '\0' ? "-" : text);
    if (copy == NULL) {
        table->failed = ERR_NOMEM;
        return;
    }
    text_make_plain(copy);
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

static void render_row(const struct table *table, const struct table_row *row,
                       const size_t widths[TABLE_COLUMNS_MAX], size_t indent, struct str *out)
{
    size_t i;

    str_appendf(out, "%*s", (int)indent, "");
    for (i = 0; i < table->columns; i++) {
        size_t pad = widths[i] - text_width(row->cells[i]) + COLUMN_GAP;

        str_append_text(out, row->cells[i]);
        if (i + 1 < table->columns) {
            str_appendf(out, "%*s", (int)pad, "");
        }
    }
    str_append_char(out, '\n');
}

void table_reorder(struct table *table, const size_t *places, size_t count)
{
    struct table_row **rows = arena_calloc(table->arena, count + 1, sizeof(struct table_row *));
    struct table_row *row;
    size_t i;

    if (table->failed < 0 || rows == NULL) {
        table->failed = table->failed < 0 ? table->failed : ERR_NOMEM;
        return;
    }
    CHECK(table->count == count + 1);
    for (i = 0, row = table->first->next; row != NULL; row = row->next) {
        rows[i++] = row;
    }
    table->last = table->first;
    for (i = 0; i < count; i++) {
        CHECK(places[i] < count);
        table->last->next = rows[places[i]];
        table->last = table->last->next;
    }
    table->last->next = NULL;
}

int table_render(const struct table *table, size_t indent, struct str *out, struct err *err)
{
    const struct table_row *row;

    if (table->failed < 0) {
        return err_set(err, table->failed, "table: %s", err_text(table->failed));
    }
    CHECK(table->filled == 0);
    row = table->headless ? table->first->next : table->first;
    for (; row != NULL; row = row->next) {
        render_row(table, row, table->widths, indent, out);
    }
    if (str_failed(out)) {
        return err_set(err, ERR_LIMIT, "the output is larger than %zu bytes", out->size_max);
    }
    return 0;
}

static const struct table_row *row_at(const struct table *table, size_t i)
{
    const struct table_row *row = table->first;

    while (row != NULL && 0 < i) {
        row = row->next;
        i--;
    }
    CHECK(row != NULL);
    return row;
}

int table_render_row(const struct table *table, size_t i, size_t widths[TABLE_COLUMNS_MAX],
                     struct str *out, struct err *err)
{
    const struct table_row *row;
    size_t k;

    if (table->failed < 0) {
        return err_set(err, table->failed, "table: %s", err_text(table->failed));
    }
    row = row_at(table, i);
    for (k = 0; k < table->columns; k++) {
        size_t width = text_width(row->cells[k]);

        widths[k] = widths[k] < width ? width : widths[k];
    }
    render_row(table, row, widths, 0, out);
    return str_check(out, err);
}

const char *table_row_state(const struct table *table, size_t i)
{
    const struct table_row *row = table->failed < 0 ? NULL : row_at(table, i);
    const char *text = "";
    size_t shown = 0;
    size_t k;

    for (k = 0; row != NULL && text != NULL && k < table->layout_count; k++) {
        if (!table->wide && table->layout[k].wide) {
            continue;
        }
        if (!table->layout[k].moving) {
            text = arena_printf(table->arena, "%s\t%s", text, row->cells[shown]);
        }
        shown++;
    }
    return text == NULL ? "" : text;
}
