/*
 * The lines of a subscription, in pieces of any size: each line tells what a reference reads in it,
 * and the first one that the reference does not know ends it.
 *
 * The first byte of the input is the size of the pieces.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "memd/subscription_scan.h"
#include "tests/fuzz/target.h"

/* What a whole line, without its end, says; false when it is none. */
static bool reference_reads(const char *line, size_t size, struct subscription_news *out)
{
    static const char changed[] = "CONFIG-CHANGED ";
    static const char joining[] = "JOIN-REQUESTED ";
    const size_t word = sizeof(changed) - 1;
    uint64_t number = 0;
    size_t i;

    *out = (struct subscription_news){ .version = 0 };
    if (size <= word) {
        return false;
    }
    if (memcmp(line, changed, word) == 0) {
        for (i = word; i < size; i++) {
            if (line[i] < '0' || '9' < line[i] || INT32_MAX < number) {
                return false;
            }
            number = number * 10 + (uint64_t)(line[i] - '0');
        }
        out->version = (uint32_t)number;
        return number <= INT32_MAX;
    }
    if (memcmp(line, joining, word) != 0 || size != word + JOIN_UID_CHARS) {
        return false;
    }
    for (i = word; i < size; i++) {
        if (strchr("0123456789abcdef", line[i]) == NULL || line[i] == '\0') {
            return false;
        }
    }
    memcpy(out->uid, line + word, JOIN_UID_CHARS);
    return true;
}

/* The line that ends at `end` (its LF), of which the scanner said `rv` and `news`. */
static void compare(const char *line, const char *end, int rv, const struct subscription_news *news)
{
    struct subscription_news expected;
    size_t size = (size_t)(end - line);
    bool known;

    if (0 < size && line[size - 1] == '\r') {
        size--;
    }
    known = (size_t)(end - line) < SUBSCRIPTION_LINE_MAX && reference_reads(line, size, &expected);
    CHECK((rv == 1) == known);
    if (known) {
        CHECK(news->version == expected.version);
        CHECK(strcmp(news->uid, expected.uid) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *at = (const char *)data + 1;
    const char *end = (const char *)data + size;
    const char *line = at;
    struct subscription_scan scan;
    struct subscription_news news;
    struct err err;
    size_t step;
    size_t used;
    int rv = 0;

    if (size < 2) {
        return 0;
    }
    subscription_scan_init(&scan);
    while (at < end && 0 <= rv) {
        step = (size_t)(end - at) < 1U + data[0] ? (size_t)(end - at) : 1U + data[0];
        used = 0;
        rv = subscription_scan(&scan, at, step, &used, &news, &err);
        if (rv < 0) {
            const char *lf = memchr(line, '\n', (size_t)(end - line));

            CHECK(rv == ERR_PROTOCOL);
            if (lf != NULL) {
                compare(line, lf, rv, &news);
            } else {
                CHECK(SUBSCRIPTION_LINE_MAX < end - line);
            }
        } else {
            CHECK(0 < used && used <= step);
            CHECK(rv == 0 || at[used - 1] == '\n');
            at += used;
            if (rv == 1) {
                compare(line, at - 1, rv, &news);
                line = at;
            }
            CHECK(at - line <= SUBSCRIPTION_LINE_MAX);
        }
    }
    return 0;
}
