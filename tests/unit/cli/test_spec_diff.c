#include <criterion/criterion.h>

#include "apply/spec_diff.h"
#include "make.h"

static struct arena arena;

static void setup(void)
{
    arena_init(&arena, 1U << 20);
}

static void teardown(void)
{
    arena_deinit(&arena);
}

TestSuite(spec_diff, .init = setup, .fini = teardown);

static void expect(const struct spec_diff_line *line, const char *name, const char *before,
                   const char *after)
{
    cr_expect_str_eq(line->name, name);
    cr_expect_str_eq(line->before, before);
    cr_expect_str_eq(line->after, after);
}

Test(spec_diff, equal_specs_have_no_lines)
{
    struct spec spec = make_spec("c", 3);
    struct spec_diff diff;
    struct err err;

    cr_assert_eq(spec_diff(&spec, &spec, &arena, &diff, &err), 0);
    cr_expect_eq(diff.count, 0);
}

Test(spec_diff, each_field_that_differs_is_told_as_in_yaml)
{
    static const char *const args[] = { "-C", "-f", "1.1" };
    static const char *const hosts[] = { "h1", "h2" };
    static const struct label labels[] = { { "team", "web" }, { "tier", "gold" } };
    struct spec before = make_spec("c", 3);
    struct spec after = make_spec("c", 5);
    struct spec_diff diff;
    struct err err;

    after.settings.memory_bytes = UINT64_C(1) << 30;
    after.settings.extra_args = args;
    after.settings.extra_args_count = 3;
    after.hosts = hosts;
    after.hosts_count = 2;
    after.labels = labels;
    after.labels_count = 2;
    after.drain_ms = 30000;
    after.domain = "cache.local";
    cr_assert_eq(spec_diff(&before, &after, &arena, &diff, &err), 0);
    cr_assert_eq(diff.count, 7);
    expect(&diff.lines[0], "labels", "", "{team: web, tier: gold}");
    expect(&diff.lines[1], "nodes", "3", "5");
    expect(&diff.lines[2], "memory", "64Mi", "1Gi");
    expect(&diff.lines[3], "extraArgs", "", "[\"-C\", \"-f\", \"1.1\"]");
    expect(&diff.lines[4], "placement.hosts", "", "[\"h1\", \"h2\"]");
    expect(&diff.lines[5], "rollout.drain", "2m", "30s");
    expect(&diff.lines[6], "endpoint.domain", "", "cache.local");
}

Test(spec_diff, of_a_new_cluster_is_told_what_a_short_document_says)
{
    struct spec after;
    struct spec_diff diff;
    struct err err;

    spec_init(&after);
    after.name = "c";
    after.nodes = 3;
    after.surge_max = 2;
    cr_assert_eq(spec_diff(NULL, &after, &arena, &diff, &err), 0);
    cr_assert_eq(diff.count, 2);
    expect(&diff.lines[0], "nodes", "0", "3");
    expect(&diff.lines[1], "rollout.maxSurge", "1", "2");
}
