#include <criterion/criterion.h>
#include <string.h>

#include "base/err.h"

static const int codes[] = {
#define X(name, value, text) ERR_##name,
    ERR_CODES(X)
#undef X
};

Test(err, set_yields_the_code_and_keeps_the_text)
{
    struct err err;

    cr_expect_eq(err_set(&err, ERR_LIMIT, "more than %d", 7), ERR_LIMIT);
    cr_expect_eq(err.code, ERR_LIMIT);
    cr_expect_str_eq(err.msg, "more than 7");
    cr_expect_eq(err_wrap(&err, "file %s", "a"), ERR_LIMIT);
    cr_expect_str_eq(err.msg, "file a: more than 7");
    cr_expect_eq(err_set(NULL, ERR_IO, "nobody listens"), ERR_IO);
}

Test(err, what_is_too_long_is_cut)
{
    char text[3 * ERR_MSG_MAX];
    struct err err;
    size_t size;

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    (void)err_set(&err, ERR_IO, "%s", text);
    cr_expect_eq(strlen(err.msg), ERR_MSG_MAX - 1);
    cr_expect_eq(err_wrap(&err, "head"), ERR_IO);
    cr_expect_eq(strncmp(err.msg, "head: xxx", 9), 0);
    cr_expect_leq(strlen(err.msg), ERR_MSG_MAX - 1);

    for (size = 1; size < sizeof(text); size++) {
        (void)err_set(&err, ERR_IO, "inner");
        (void)err_wrap(&err, "%.*s", (int)size, text);
        cr_assert_lt(strlen(err.msg), ERR_MSG_MAX);
    }
}

Test(err, every_code_has_a_text_of_its_own_and_an_exit_code)
{
    size_t i;
    size_t j;

    for (i = 0; i < ARRAY_COUNT(codes); i++) {
        cr_expect_lt(codes[i], 0);
        cr_expect_geq(err_exit_code(codes[i]), 1);
        cr_expect_str_neq(err_text(codes[i]), "unknown error");
        for (j = 0; j < i; j++) {
            cr_expect_neq(codes[i], codes[j]);
            cr_expect_str_neq(err_text(codes[i]), err_text(codes[j]));
        }
    }
    cr_expect_str_eq(err_text(-4711), "unknown error");
}

Test(err, exit_codes_are_those_of_the_manual)
{
    cr_expect_eq(err_exit_code(0), 0);
    cr_expect_eq(err_exit_code(3), 0);
    cr_expect_eq(err_exit_code(ERR_FAILED), 1);
    cr_expect_eq(err_exit_code(ERR_IO), 1);
    cr_expect_eq(err_exit_code(ERR_USAGE), 2);
    cr_expect_eq(err_exit_code(ERR_SPEC), 3);
    cr_expect_eq(err_exit_code(ERR_NOT_FOUND), 4);
    cr_expect_eq(err_exit_code(ERR_CONFLICT), 5);
    cr_expect_eq(err_exit_code(ERR_UNAVAILABLE), 6);
    cr_expect_eq(err_exit_code(ERR_TIMEOUT), 7);
    cr_expect_eq(err_exit_code(-4711), 1);
}
