#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "loop/resolve.h"

#define PATIENCE_MS 20000

struct answer {
    struct resolve *resolve;
    bool done;
    char ip[RESOLVE_IP_SIZE]; /* the first one */
    struct err err;
};

static void on_done(void *ctx, const struct resolve_ips *ips, const struct err *err)
{
    struct answer *answer = ctx;

    (void)snprintf(answer->ip, sizeof(answer->ip), "%s", ips == NULL ? "" : ips->ip[0]);
    answer->err = err == NULL ? (struct err){ 0 } : *err;
    answer->done = true;
    resolve_free(answer->resolve);
}

static struct answer look_up(const char *name)
{
    CLEANUP(loop_free_p) struct loop *loop = NULL;
    struct answer answer = { .done = false };
    struct err err;

    cr_assert_eq(loop_new(&loop, &err), 0);
    cr_assert_eq(resolve_new(loop, name, on_done, &answer, &answer.resolve, &err), 0);
    cr_assert(!answer.done, "it came from inside the call");
    cr_assert_eq(loop_run_until(loop, &answer.done, PATIENCE_MS, &err), 0, "%s", err.msg);
    return answer;
}

Test(resolve, names_and_addresses_have_an_address)
{
    cr_expect_str_eq(look_up("localhost").ip, "127.0.0.1");
    cr_expect_str_eq(look_up("10.9.8.7").ip, "10.9.8.7");
}

Test(resolve, what_has_none_says_so)
{
    struct answer answer = look_up("no such name");

    cr_expect_str_eq(answer.ip, "");
    cr_expect_eq(answer.err.code, ERR_NOT_FOUND);
    cr_expect_not_null(strstr(answer.err.msg, "no such name"), "%s", answer.err.msg);
}

/* Nobody waits for a resolver that is not needed any more; nor is anything called. */
Test(resolve, can_be_dropped_before_its_answer)
{
    CLEANUP(loop_free_p) struct loop *loop = NULL;
    struct answer answer = { .done = false };
    struct err err;

    cr_assert_eq(loop_new(&loop, &err), 0);
    cr_assert_eq(resolve_new(loop, "localhost", on_done, &answer, &answer.resolve, &err), 0);
    resolve_free(answer.resolve);
    loop_run(loop);
    cr_expect(!answer.done);
}

Test(resolve, too_long_a_name_is_refused)
{
    CLEANUP(loop_free_p) struct loop *loop = NULL;
    char name[RESOLVE_NAME_SIZE + 1];
    struct resolve *resolve;
    struct err err;

    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    cr_assert_eq(loop_new(&loop, &err), 0);
    cr_expect_eq(resolve_new(loop, name, on_done, NULL, &resolve, &err), ERR_LIMIT);
}
