#include <criterion/criterion.h>
#include <string.h>

#include "apply/text_diff.h"

static struct arena arena;

static void setup(void)
{
    arena_init(&arena, 256U << 20);
}

static void teardown(void)
{
    arena_deinit(&arena);
}

TestSuite(text_diff, .init = setup, .fini = teardown);

static void expect(const char *before, const char *after, const char *wanted)
{
    const struct text_diff diff = {
        .before = before, .before_name = "a", .after = after, .after_name = "b"
    };
    CLEANUP(str_deinit) struct str out;
    struct err err;

    str_init(&out, 1U << 20);
    cr_assert_eq(text_diff(&diff, &arena, &out, &err), 0);
    cr_expect_str_eq(str_text(&out), wanted);
}

Test(text_diff, equal_texts_give_nothing)
{
    expect("x\ny\n", "x\ny\n", "");
}

/* As diff -u has it. */
Test(text_diff, a_changed_line_stands_between_three_that_stay)
{
    expect("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n",
           "--- a\n+++ b\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n");
}

Test(text_diff, changes_far_from_each_other_are_hunks_of_their_own)
{
    expect("a\n1\n2\n3\n4\n5\n6\n7\nb\n", "A\n1\n2\n3\n4\n5\n6\n7\nB\n",
           "--- a\n+++ b\n@@ -1,4 +1,4 @@\n-a\n+A\n 1\n 2\n 3\n"
           "@@ -6,4 +6,4 @@\n 5\n 6\n 7\n-b\n+B\n");
}

Test(text_diff, changes_near_each_other_share_a_hunk)
{
    expect("a\n1\n2\n3\n4\n5\n6\nb\n", "A\n1\n2\n3\n4\n5\n6\nB\n",
           "--- a\n+++ b\n@@ -1,8 +1,8 @@\n-a\n+A\n 1\n 2\n 3\n 4\n 5\n 6\n-b\n+B\n");
}

Test(text_diff, what_is_new_and_what_goes_is_told_from_nowhere)
{
    expect(NULL, "x\ny\n", "--- /dev/null\n+++ b\n@@ -0,0 +1,2 @@\n+x\n+y\n");
    expect("x\n", NULL, "--- a\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-x\n");
    expect("x\ny\n", "x\nz\ny\n", "--- a\n+++ b\n@@ -1,2 +1,3 @@\n x\n+z\n y\n");
}

Test(text_diff, has_a_limit)
{
    static char many[2 * (TEXT_DIFF_LINES_MAX + 1) + 1];
    const struct text_diff diff = { .before = many, .before_name = "a" };
    CLEANUP(str_deinit) struct str out;
    struct err err;
    size_t i;

    for (i = 0; i <= TEXT_DIFF_LINES_MAX; i++) {
        memcpy(&many[2 * i], "x\n", 2);
    }
    str_init(&out, 1U << 20);
    cr_expect_eq(text_diff(&diff, &arena, &out, &err), ERR_LIMIT);
}
