#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "base/clock.h"
#include "gitops/child.h"

static int run(const char *script, const char *input, uint64_t timeout_ms, int cancel_fd,
               struct child_output *output)
{
    const char *const argv[] = { "sh", "-c", script, NULL };
    const struct child child = { .argv = argv,
                                 .input = input,
                                 .input_bytes = input == NULL ? 0 : strlen(input),
                                 .timeout_ms = timeout_ms,
                                 .cancel_fd = cancel_fd };
    struct err err;

    child_output_init(output);
    return child_run(&child, output, &err);
}

Test(child, takes_input_and_gives_both_outputs)
{
    CLEANUP(child_output_deinit) struct child_output output;

    cr_assert_eq(run("cat; echo no >&2; exit 7", "hello", 10000, -1, &output), 7);
    cr_expect_str_eq(str_text(&output.out), "hello");
    cr_expect_str_eq(str_text(&output.err), "no\n");
}

Test(child, passes_over_what_is_too_much)
{
    CLEANUP(child_output_deinit) struct child_output output;

    cr_assert_eq(run("head -c 1000000 /dev/zero", NULL, 10000, -1, &output), 0);
    cr_expect_leq(output.out.size, CHILD_OUTPUT_BYTES_MAX);
}

/* With all that it has started. */
Test(child, is_killed_when_its_time_is_over)
{
    CLEANUP(child_output_deinit) struct child_output output;
    uint64_t begin_ms = clock_mono_ms();

    cr_assert_eq(run("sleep 60 & sleep 60", NULL, 100, -1, &output), ERR_TIMEOUT);
    cr_expect_lt(clock_mono_ms() - begin_ms, 20000);
}

Test(child, is_killed_when_it_is_to_end)
{
    CLEANUP(child_output_deinit) struct child_output output;
    int fds[2];

    cr_assert_eq(pipe(fds), 0);
    cr_assert_eq(write(fds[1], "x", 1), 1);
    cr_assert_eq(run("sleep 60", NULL, 60000, fds[0], &output), ERR_CANCELED);
}

Test(child, says_when_there_is_no_such_program)
{
    CLEANUP(child_output_deinit) struct child_output output;
    const char *const argv[] = { "/no/such/program", NULL };
    const struct child child = { .argv = argv, .timeout_ms = 1000, .cancel_fd = -1 };
    struct err err;

    child_output_init(&output);
    cr_expect_eq(child_run(&child, &output, &err), ERR_FAILED);
    cr_expect_not_null(strstr(err.msg, "/no/such/program"));
}
