#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "memd/subscription_scan.h"

/* Scan `text` in pieces of `step` bytes; what came, as a text: "7 +uid ! " */
static void scan(const char *text, size_t step, char *out, size_t out_size)
{
    size_t size = strlen(text);
    struct subscription_scan scan;
    struct subscription_news news;
    struct err err;
    size_t at = 0;
    size_t used;
    size_t length = 0;
    int rv = 0;

    out[0] = '\0';
    subscription_scan_init(&scan);
    while (at < size && 0 <= rv) {
        size_t piece = size - at < step ? size - at : step;

        rv = subscription_scan(&scan, text + at, piece, &used, &news, &err);
        cr_assert(rv < 0 || (0 < used && used <= piece));
        at += rv < 0 ? 0 : used;
        if (rv == 1 && news.uid[0] != '\0') {
            length += (size_t)snprintf(out + length, out_size - length, "+%s ", news.uid);
        } else if (rv == 1) {
            length += (size_t)snprintf(out + length, out_size - length, "%u ", news.version);
        } else if (rv < 0) {
            cr_expect_eq(rv, ERR_PROTOCOL);
            (void)snprintf(out + length, out_size - length, "!");
        }
    }
}

#define LONG_90 \
    "123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"

Test(subscription_scan, lines_are_told_apart_wherever_they_are_split)
{
    static const struct {
        const char *text;
        const char *expected;
    } cases[] = {
        { "CONFIG-CHANGED 0\r\n", "0 " },
        { "CONFIG-CHANGED 7\r\nCONFIG-CHANGED 8\r\n", "7 8 " },
        { "CONFIG-CHANGED 2147483647\r\n", "2147483647 " },
        { "CONFIG-CHANGED 7\nJOIN-REQUESTED 0123456789abcdef\r\n", "7 +0123456789abcdef " },
        { "CONFIG-CHANGED 7", "" },
        { "CONFIG-CHANGED 2147483648\r\n", "!" },
        { "CONFIG-CHANGED -1\r\n", "!" },
        { "CONFIG-CHANGED \r\n", "!" },
        { "CONFIG-CHANGED 7 \r\n", "!" },
        { "CONFIG-CHANGED7\r\n", "!" },
        { "CONFIG-CHANGED 5\r\nERROR\r\nCONFIG-CHANGED 6\r\n", "5 !" },
        { "ERROR\r\n", "!" },
        { "\r\n", "!" },
        { "\n", "!" },
        { "JOIN-REQUESTED 0123456789ABCDEF\r\n", "!" },
        { "JOIN-REQUESTED 0123456789abcde\r\n", "!" },
        { "JOIN-REQUESTED 0123456789abcdef0\r\n", "!" },
        { "JOIN-REQUESTED ../../etc/passwd\r\n", "!" },
        { LONG_90 LONG_90, "!" },
        { LONG_90 LONG_90 "\r\n", "!" },
    };
    char out[128];
    size_t i;
    size_t step;

    for (i = 0; i < ARRAY_COUNT(cases); i++) {
        for (step = 1; step < 70; step++) {
            scan(cases[i].text, step, out, sizeof(out));
            cr_expect_str_eq(out, cases[i].expected, "case %zu by %zu: %s", i, step, out);
        }
    }
}

Test(subscription_scan, a_line_of_the_longest_size_fits_and_one_byte_more_does_not)
{
    char text[SUBSCRIPTION_LINE_MAX + 2];
    struct subscription_scan scan;
    struct subscription_news news;
    struct err err;
    size_t used;

    memset(text, 'x', sizeof(text));
    subscription_scan_init(&scan);
    cr_expect_eq(subscription_scan(&scan, text, SUBSCRIPTION_LINE_MAX, &used, &news, &err), 0);
    cr_expect_eq(subscription_scan(&scan, text, 1, &used, &news, &err), ERR_PROTOCOL);
}
