/* Whatever a memcached was started with can be told. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "watcher/stats_settings.h"

#define MIB (UINT64_C(1) << 20)

struct answer {
    unsigned long long bytes, connections, threads, item;
};

static bool read_answer(const struct answer *answer, struct node_settings *out)
{
    char text[512];

    (void)snprintf(text, sizeof(text),
                   "STAT maxbytes %llu\r\nSTAT maxconns %llu\r\nSTAT tcpport 11211\r\n"
                   "STAT num_threads %llu\r\nSTAT num_threads_per_udp %llu\r\n"
                   "STAT item_size_max %llu\r\nEND",
                   answer->bytes, answer->connections, answer->threads, answer->threads,
                   answer->item);
    return stats_settings(text, out);
}

Test(stats_settings, are_told_as_they_are)
{
    const struct answer answer = { 64 * MIB, 1024, 4, MIB };
    struct node_settings settings;

    cr_assert(read_answer(&answer, &settings));
    cr_expect_eq(settings.memory_bytes, 64 * MIB);
    cr_expect_eq(settings.connections_max, 1024);
    cr_expect_eq(settings.threads, 4);
    cr_expect_eq(settings.item_bytes_max, MIB);
    cr_expect_eq(settings.extra_args_count, 0);
}

/* A report that the codec refuses would be none at all. */
Test(stats_settings, of_odd_starts_pass_the_check)
{
    static const struct answer odd[] = {
        { MIB, 1, 1, 1024 },
        { 8 * MIB + 17, 10, 64, 600000 },
        { 64 * MIB, 1024, 200, 1000 * MIB },
        { 0, 0, 0, 0 },
        { UINT64_C(1) << 60, UINT64_C(1) << 40, UINT64_C(1) << 40, UINT64_C(1) << 50 },
        { 9 * MIB, 16, 2, 5 * MIB - 1 },
    };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(odd); i++) {
        struct node_settings settings;
        struct err err;

        cr_assert(read_answer(&odd[i], &settings));
        cr_expect_eq(node_settings_check(&settings, &err), 0, "%zu: %s", i, err.msg);
    }
}

Test(stats_settings, of_anything_else_are_none)
{
    struct node_settings settings = { .threads = 7 };

    cr_expect(!stats_settings("", &settings));
    cr_expect(!stats_settings("ERROR", &settings));
    cr_expect(!stats_settings("STAT maxbytes x\r\nSTAT maxconns 1\r\nSTAT num_threads 1\r\n"
                              "STAT item_size_max 1\r\n",
                              &settings));
    cr_expect_eq(settings.threads, 7);
}
