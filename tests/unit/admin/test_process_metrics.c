#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "admin/process_metrics.h"

/* The value of a metric that has no labels. */
static double value_of(const char *name)
{
    CLEANUP(arena_deinit) struct arena arena;
    CLEANUP(str_deinit) struct str text;
    char start[128];
    const char *line;
    struct err err;

    arena_init(&arena, 1U << 16);
    str_init(&text, 1U << 16);
    cr_assert_eq(process_metrics_text("test", &arena, &text, &err), 0, "%s", err.msg);
    (void)snprintf(start, sizeof(start), "\n%s ", name);
    line = strstr(str_text(&text), start);
    cr_assert_not_null(line, "%s in %s", name, str_text(&text));
    return strtod(line + strlen(start), NULL);
}

Test(process_metrics, they_are_those_of_this_process)
{
    double resident = value_of("process_resident_memory_bytes");
    double fds = value_of("process_open_fds");
    double start = value_of("process_start_time_seconds");
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    cr_expect_eq(value_of("process_open_fds"), fds + 1);
    (void)close(fd);
    cr_expect_eq(value_of("process_open_fds"), fds);
    cr_expect(1e6 < resident && resident < 1e10, "%g", resident);
    cr_expect_gt(value_of("process_virtual_memory_bytes"), resident);
    cr_expect(start <= (double)time(NULL) + 1 && (double)time(NULL) - 60 < start, "%.3f at %lld",
              start, (long long)time(NULL));
    cr_expect_geq(value_of("process_max_fds"), fds);
}

Test(process_metrics, computing_costs_time)
{
    double before = value_of("process_cpu_seconds_total");
    clock_t end = clock() + CLOCKS_PER_SEC / 10;

    while (clock() < end) {
    }
    cr_expect_geq(value_of("process_cpu_seconds_total"), before + 0.09);
}
