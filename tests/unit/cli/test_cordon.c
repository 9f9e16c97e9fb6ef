#include <criterion/criterion.h>
#include <string.h>

#include "cli/cordon.h"

static const struct cordon cordoned = { .host = "h1", .since_ms = 5, .reason = "kernel" };
static const struct cordon draining = {
    .host = "h1", .drain = true, .since_ms = 5, .reason = "kernel"
};

static void expect(const struct cordon *got, bool drain, uint64_t since_ms, const char *reason)
{
    cr_expect_str_eq(got->host, "h1");
    cr_expect_eq(got->drain, drain);
    cr_expect_eq(got->since_ms, since_ms);
    cr_expect_str_eq(got->reason, reason);
}

Test(cordon, a_host_in_use_is_taken_out)
{
    struct cordon next;

    cr_assert_eq(cordon_decide(NULL, "h1", CORDON_ON, NULL, 99, &next), 0);
    expect(&next, false, 99, "");
    cr_assert_eq(cordon_decide(NULL, "h1", CORDON_DRAIN, "disk", 99, &next), 0);
    expect(&next, true, 99, "disk");
    cr_expect_eq(cordon_decide(NULL, "h1", CORDON_OFF, NULL, 99, &next), 1);
}

Test(cordon, each_wish_is_a_state_and_keeps_the_reason)
{
    struct cordon next;

    cr_assert_eq(cordon_decide(&cordoned, "h1", CORDON_DRAIN, NULL, 99, &next), 0);
    expect(&next, true, 99, "kernel");
    cr_assert_eq(cordon_decide(&draining, "h1", CORDON_ON, NULL, 99, &next), 0);
    expect(&next, false, 99, "kernel");
    cr_expect_eq(cordon_decide(&draining, "h1", CORDON_OFF, NULL, 99, &next), 0);
}

Test(cordon, the_same_wish_again_changes_nothing_but_the_reason)
{
    struct cordon next;

    cr_expect_eq(cordon_decide(&cordoned, "h1", CORDON_ON, NULL, 99, &next), 1);
    cr_expect_eq(cordon_decide(&draining, "h1", CORDON_DRAIN, "kernel", 99, &next), 1);
    cr_assert_eq(cordon_decide(&draining, "h1", CORDON_DRAIN, "disk", 99, &next), 0);
    expect(&next, true, 5, "disk");
}
