#include <criterion/criterion.h>
#include <string.h>

#include "cli/listing_sort.h"
#include "show/table.h"

Test(table, columns_are_as_wide_as_their_widest_cell)
{
    static const char *const headings[] = { "NAME", "N", "LAST", NULL };
    CLEANUP(arena_deinit) struct arena arena;
    CLEANUP(str_deinit) struct str out;
    struct table table;
    struct err err = { 0 };

    arena_init(&arena, 1U << 20);
    str_init(&out, 4096);
    table_init(&table, &arena, headings);
    table_add(&table, "a-long-name");
    table_addf(&table, "%d", 7);
    table_add(&table, "x y");
    table_add(&table, "\u00e4");
    table_add(&table, "");
    table_add(&table, "z");
    cr_assert_eq(table_render(&table, 2, &out, &err), 0, "%s", err.msg);
    cr_expect_str_eq(str_text(&out), "  NAME          N   LAST\n"
                                     "  a-long-name   7   x y\n"
                                     "  \u00e4             -   z\n");
}

/* A title of a commit, a name of a file, a message of another program: anybody may have made it. */
Test(table, no_cell_steers_the_terminal)
{
    static const char *const headings[] = { "A", "B", NULL };
    CLEANUP(arena_deinit) struct arena arena;
    CLEANUP(str_deinit) struct str out;
    struct table table;
    struct err err = { 0 };

    arena_init(&arena, 1U << 20);
    str_init(&out, 4096);
    table_init(&table, &arena, headings);
    table_add(&table, "a\033[2J\177\n\tb");
    table_add(&table, "\302\2331m \u00a0\u00e4");
    cr_assert_eq(table_render(&table, 0, &out, &err), 0, "%s", err.msg);
    cr_expect_str_eq(str_text(&out), "A           B\n"
                                     "a?[2J?  b   ??1m \u00a0\u00e4\n");
}

Test(table, a_failure_to_add_is_told_at_the_end)
{
    static const char *const headings[] = { "A", NULL };
    CLEANUP(arena_deinit) struct arena arena;
    CLEANUP(str_deinit) struct str out;
    struct table table;
    struct err err = { 0 };
    char cell[400];
    int i;

    memset(cell, 'x', sizeof(cell) - 1);
    cell[sizeof(cell) - 1] = '\0';
    arena_init(&arena, 2000);
    str_init(&out, 1U << 20);
    table_init(&table, &arena, headings);
    for (i = 0; i < 10; i++) {
        table_add(&table, cell);
    }
    cr_expect_eq(table_render(&table, 0, &out, &err), ERR_NOMEM);
    cr_expect_eq(out.size, 0);
}

/* ---- The order of listed objects ---- */

struct sorting {
    struct arena arena;
    struct jsonpath *path;
    struct listing_order order;
    struct str out;
};

/* Of the list `json` in the order of its members "n", which is expected to be `sorted`. */
static void expect_sorted(struct sorting *s, const char *json, const char *sorted)
{
    struct err err;

    *s = (struct sorting){ .path = NULL };
    arena_init(&s->arena, 1U << 20);
    str_init(&s->out, 4096);
    cr_assert_eq(listing_sort_parse("n", &s->path, &err), 0, "%s", err.msg);
    cr_assert_eq(listing_sort(s->path, json, &s->arena, &s->order, &err), 0, "%s", err.msg);
    listing_sort_json(&s->order, &s->out);
    cr_expect_str_eq(str_text(&s->out), sorted);
}

static void sorting_deinit(struct sorting *s)
{
    str_deinit(&s->out);
    jsonpath_free(s->path);
    arena_deinit(&s->arena);
}

Test(listing_sort, nothing_numbers_texts_and_else_as_they_were)
{
    struct sorting s;
    struct err err;

    expect_sorted(&s,
                  "[{\"n\":\"b\",\"at\":1},{\"n\":10},{\"n\":9.5},{},{\"n\":\"a\"},"
                  "{\"n\":\"b\",\"at\":2},{\"n\":null}]",
                  "[{},{\"n\":null},{\"n\":9.5},{\"n\":10},{\"n\":\"a\"},"
                  "{\"n\":\"b\",\"at\":1},{\"n\":\"b\",\"at\":2}]");
    str_clear(&s.out);
    cr_assert_eq(listing_sort_lines(&s.order, "0\n1\n2\n3\n4\n5\n6\n", &s.arena, &s.out, &err), 0);
    cr_expect_str_eq(str_text(&s.out), "3\n6\n2\n1\n4\n0\n5\n");
    cr_expect_eq(listing_sort(s.path, "[{}]", &s.arena, &s.order, &err), ERR_USAGE);
    cr_expect_eq(listing_sort(s.path, "[]", &s.arena, &s.order, &err), 0);
    sorting_deinit(&s);
}

Test(listing_sort, names_that_read_like_no_finite_number_are_texts)
{
    struct sorting s;

    expect_sorted(&s,
                  "[{\"n\":\"nan\"},{\"n\":\"inf\"},{\"n\":5},{\"n\":\"1e999\"},"
                  "{\"n\":\"nan\"},{\"n\":3}]",
                  "[{\"n\":3},{\"n\":5},{\"n\":\"1e999\"},{\"n\":\"inf\"},"
                  "{\"n\":\"nan\"},{\"n\":\"nan\"}]");
    sorting_deinit(&s);
}
