#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "metrics/scrape.h"

static const struct histogram_bounds bounds = { .count = 2, .upper = { 0.5, 2 } };

#define DISH_METRICS(X)                                                                       \
    X(DISHES, COUNTER, "muster_dishes_total", "cook,kind", NULL, "Dishes, back\\slash\nline") \
    X(HEAT, GAUGE, "muster_heat_celsius", "", NULL, "How hot it is.")                         \
    X(WAIT, HISTOGRAM, "muster_wait_seconds", "cook", &bounds, "Time to the table.")

enum dish_metric { DISH_METRICS(METRIC_ID) };
static const struct metric rows[] = { DISH_METRICS(METRIC_ROW) };
static const struct metric_table table = { "dish", rows, ARRAY_COUNT(rows) };

static struct arena arena;
static struct str text;
static struct scrape scrape;

static void set_up(void)
{
    arena_init(&arena, 1U << 20);
    str_init(&text, 1U << 20);
    scrape_init(&scrape, &table, &arena);
}

static void tear_down(void)
{
    arena_deinit(&arena);
    str_deinit(&text);
}

static const char *rendered(void)
{
    struct err err;

    cr_assert_eq(scrape_text(&scrape, &text, &err), 0, "%s", err.msg);
    return str_text(&text);
}

Test(scrape, without_samples_it_is_empty, .init = set_up, .fini = tear_down)
{
    cr_assert_str_eq(rendered(), "");
}

/* However they come in: samples of one metric must not be parted by others. */
Test(scrape, samples_stand_together_below_help_and_type, .init = set_up, .fini = tear_down)
{
    scrape_put(&scrape, METRIC_DISHES, 1, LABELS("ada", "soup"));
    scrape_put(&scrape, METRIC_HEAT, 36.6, NO_LABELS);
    scrape_put(&scrape, METRIC_DISHES, 2, LABELS("bob", "salad"));
    cr_assert_str_eq(rendered(), "# HELP muster_dishes_total Dishes, back\\\\slash\\nline\n"
                                 "# TYPE muster_dishes_total counter\n"
                                 "muster_dishes_total{cook=\"ada\",kind=\"soup\"} 1\n"
                                 "muster_dishes_total{cook=\"bob\",kind=\"salad\"} 2\n"
                                 "# HELP muster_heat_celsius How hot it is.\n"
                                 "# TYPE muster_heat_celsius gauge\n"
                                 "muster_heat_celsius 36.6\n");
}

Test(scrape, values_of_labels_are_escaped, .init = set_up, .fini = tear_down)
{
    scrape_put(&scrape, METRIC_DISHES, 1, LABELS("a\"b\\c\nd", ""));
    cr_assert_not_null(strstr(rendered(), "{cook=\"a\\\"b\\\\c\\nd\",kind=\"\"} 1\n"));
}

/* A value on a bound belongs to it; buckets add up. */
Test(scrape, buckets_of_a_histogram_are_cumulative, .init = set_up, .fini = tear_down)
{
    struct histogram wait = { .sum = 0 };

    histogram_add(&wait, &bounds, 0.5);
    histogram_add(&wait, &bounds, 0.25);
    histogram_add(&wait, &bounds, 2);
    histogram_add(&wait, &bounds, 100);
    cr_assert_eq(histogram_count(&wait), 4);
    scrape_put_histogram(&scrape, METRIC_WAIT, &wait, LABELS("ada"));
    cr_assert_str_eq(rendered(), "# HELP muster_wait_seconds Time to the table.\n"
                                 "# TYPE muster_wait_seconds histogram\n"
                                 "muster_wait_seconds_bucket{cook=\"ada\",le=\"0.5\"} 2\n"
                                 "muster_wait_seconds_bucket{cook=\"ada\",le=\"2\"} 3\n"
                                 "muster_wait_seconds_bucket{cook=\"ada\",le=\"+Inf\"} 4\n"
                                 "muster_wait_seconds_sum{cook=\"ada\"} 102.75\n"
                                 "muster_wait_seconds_count{cook=\"ada\"} 4\n");
}

Test(scrape, numbers_are_written_as_prometheus_reads_them, .init = set_up, .fini = tear_down)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = { { 0, "0" },
                  { -3, "-3" },
                  { 4294967296.0, "4294967296" },
                  { 0.001, "0.001" },
                  { 1e300, "1e+300" },
                  { INFINITY, "+Inf" },
                  { -INFINITY, "-Inf" },
                  { NAN, "NaN" } };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(cases); i++) {
        char line[64];

        scrape_init(&scrape, &table, &arena);
        str_clear(&text);
        scrape_put(&scrape, METRIC_HEAT, cases[i].value, NO_LABELS);
        (void)snprintf(line, sizeof(line), "\nmuster_heat_celsius %s\n", cases[i].text);
        cr_expect_not_null(strstr(rendered(), line), "%s in %s", line, str_text(&text));
    }
}

/* What does not fit fails as a whole: half a scrape would look like clusters that are gone. */
Test(scrape, no_memory_is_a_failure_and_not_a_shorter_answer, .init = set_up, .fini = tear_down)
{
    struct err err;
    int i;

    arena_deinit(&arena);
    arena_init(&arena, 4096);
    scrape_init(&scrape, &table, &arena);
    for (i = 0; i < 1000; i++) {
        scrape_put(&scrape, METRIC_HEAT, i, NO_LABELS);
    }
    cr_assert_eq(scrape_text(&scrape, &text, &err), ERR_LIMIT);
    cr_assert_eq(text.size, 0);
}
