#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "memd/memtext_scan.h"

struct sample {
    enum memtext_reply kind;
    const char *reply; /* whole, and not more */
};

static const struct sample samples[] = {
    { MEMTEXT_LINE, "VERSION 1.6.18\r\n" },
    { MEMTEXT_LINE, "ERROR\r\n" },
    { MEMTEXT_LINE, "OK\n" },
    { MEMTEXT_LINE, "\r\n" },
    { MEMTEXT_LINE, "END\r\n" },
    { MEMTEXT_END, "END\r\n" },
    { MEMTEXT_END, "ERROR\r\n" },
    { MEMTEXT_END, "SERVER_ERROR out of memory\r\n" },
    { MEMTEXT_END, "CLIENT_ERROR bad\r\n" },
    { MEMTEXT_END, "STAT pid 1\r\nSTAT END 2\r\nEND\r\n" },
    { MEMTEXT_END, "VALUE k 0 0\r\n\r\nEND\r\n" },
    { MEMTEXT_END, "VALUE k 0 5\r\nEND\r\n\r\nEND\r\n" },
    { MEMTEXT_END, "VALUE k 0 3 77\r\nabc\r\nVALUE l 1 2\r\nde\r\nEND\r\n" },
    { MEMTEXT_END, "VALUE k 0 7\r\nERROR\r\n\r\nEND\r\n" },
    { MEMTEXT_END, "CONFIG cluster 0 20\r\n1\na|10.0.0.1|11211\nE\r\nEND\r\n" },
    { MEMTEXT_END, "VALUE k 0 3\r\nabc\r\nSERVER_ERROR out\r\n" },
};

/* Every split into two pieces, and byte by byte: the end is found where it is, and not before. */
Test(memtext_scan, a_reply_ends_where_it_ends_however_it_is_cut)
{
    size_t i;
    size_t cut;

    for (i = 0; i < ARRAY_COUNT(samples); i++) {
        size_t size = strlen(samples[i].reply);
        struct memtext_scan slow = { .kind = samples[i].kind };
        size_t length = 0;
        struct err err;

        for (cut = 0; cut < size; cut++) {
            struct memtext_scan scan = { .kind = samples[i].kind };

            cr_expect_eq(memtext_scan(&scan, samples[i].reply, cut, &length, &err), 0,
                         "'%s' ends at %zu", samples[i].reply, cut);
            cr_expect_eq(memtext_scan(&scan, samples[i].reply, size, &length, &err), 1);
            cr_expect_eq(length, size);
            cr_expect_eq(memtext_scan(&slow, samples[i].reply, cut, &length, &err), 0);
        }
        cr_expect_eq(memtext_scan(&slow, samples[i].reply, size, &length, &err), 1);
    }
}

Test(memtext_scan, what_follows_a_reply_is_not_part_of_it)
{
    struct memtext_scan scan = { .kind = MEMTEXT_END };
    static const char two[] = "VALUE k 0 1\r\nx\r\nEND\r\nEND\r\n";
    struct err err;
    size_t length;

    cr_assert_eq(memtext_scan(&scan, two, strlen(two), &length, &err), 1);
    cr_expect_eq(length, strlen(two) - strlen("END\r\n"));
}

Test(memtext_scan, replies_that_memcached_does_not_give_are_refused)
{
    static const char *const replies[] = {
        "VALUE k 0\r\n",           "VALUE\t\r\nVALUE k\r\n",
        "VALUE k 0 x\r\n",         "VALUE k 0 -1\r\n",
        "VALUE k 0 3\r\nabcd\r\n", "CONFIG cluster 0 1\r\nab\r\n",
        "VALUE k 0 2000000\r\n",   "VALUE k 0 18446744073709551616\r\n",
    };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(replies); i++) {
        struct memtext_scan scan = { .kind = MEMTEXT_END };
        struct err err;
        size_t length;

        cr_expect_eq(memtext_scan(&scan, replies[i], strlen(replies[i]), &length, &err),
                     ERR_PROTOCOL, "'%s'", replies[i]);
    }
}

Test(memtext_scan, a_line_without_end_is_limited)
{
    static char bytes[MEMTEXT_REPLY_BYTES_MAX + 1];
    struct memtext_scan scan = { .kind = MEMTEXT_LINE };
    struct err err;
    size_t length;

    memset(bytes, 'x', sizeof(bytes));
    cr_expect_eq(memtext_scan(&scan, bytes, sizeof(bytes) - 1, &length, &err), 0);
    cr_expect_eq(memtext_scan(&scan, bytes, sizeof(bytes), &length, &err), ERR_LIMIT);
}

static int block_of(const char *reply, char *out, size_t out_size)
{
    const char *block = "";
    size_t size = 0;
    struct err err;
    int rv = memtext_block(reply, strlen(reply), &block, &size, &err);

    (void)snprintf(out, out_size, "%.*s", (int)size, block);
    return rv;
}

Test(memtext_scan, the_block_is_cut_out_of_a_whole_reply_only)
{
    char block[64];

    cr_expect_eq(block_of("VALUE k 0 5\r\nEND\r\n\r\nEND", block, sizeof(block)), 0);
    cr_expect_str_eq(block, "END\r\n");
    cr_expect_eq(block_of("CONFIG cluster 0 3\r\n1\na\r\nEND", block, sizeof(block)), 0);
    cr_expect_str_eq(block, "1\na");
    cr_expect_eq(block_of("VALUE k 0 1 42\r\nx\r\nEND", block, sizeof(block)), 0);
    cr_expect_eq(block_of("VALUE k 0 0\r\n\r\nEND", block, sizeof(block)), 0);
    cr_expect_str_eq(block, "");
    cr_expect_eq(block_of("END", block, sizeof(block)), ERR_NOT_FOUND);
    cr_expect_eq(block_of("ERROR", block, sizeof(block)), ERR_PROTOCOL);
    cr_expect_eq(block_of("", block, sizeof(block)), ERR_PROTOCOL);
    cr_expect_eq(block_of("VALUE k 0 5\r\nabc", block, sizeof(block)), ERR_PROTOCOL);
    cr_expect_eq(block_of("VALUE k 0 1\r\nx\r\nVALUE l 0 1\r\ny\r\nEND", block, sizeof(block)),
                 ERR_PROTOCOL);
}
