#include "codec/number_pattern.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"

#define DIGITS_SIZE 21 /* of UINT64_MAX, and NUL */

static bool all(const char *digits, char c)
{
    return digits[strspn(digits, (const char[]){ c, '\0' })] == '\0';
}

/* `c` as often as there are digits. */
static void repeat(const char *digits, char c, char out[DIGITS_SIZE])
{
    size_t size = strlen(digits);

    memset(out, c, size);
    out[size] = '\0';
}

static void digit_range(char low, char high, struct str *out)
{
    if (low == high) {
        str_append_char(out, low);
    } else {
        str_appendf(out, "[%c-%c]", low, high);
    }
}

/* Numbers of as many digits as both have. */
static void same_size(const char *low, const char *high, struct str *out)
{
    char nines[DIGITS_SIZE];
    char zeros[DIGITS_SIZE];
    char first = low[0];
    char last = high[0];
    bool begins = all(low + (low[0] == '\0' ? 0 : 1), '0');
    bool ends = all(high + (high[0] == '\0' ? 0 : 1), '9');
    const char *separator = "";

    if (low[0] == '\0') {
        return;
    }
    if (first == last) {
        str_append_char(out, first);
        same_size(low + 1, high + 1, out);
        return;
    }
    repeat(low + 1, '9', nines);
    repeat(low + 1, '0', zeros);
    str_append_char(out, '(');
    if (!begins) {
        str_append_char(out, first++);
        same_size(low + 1, nines, out);
        separator = "|";
    }
    last = (char)(last - (ends ? 0 : 1));
    if (first <= last) {
        str_append_text(out, separator);
        digit_range(first, last, out);
        if (low[1] != '\0') {
            str_appendf(out, "[0-9]{%zu}", strlen(low + 1));
        }
        separator = "|";
    }
    if (!ends) {
        str_append_text(out, separator);
        str_append_char(out, high[0]);
        same_size(zeros, high + 1, out);
    }
    str_append_char(out, ')');
}

void number_pattern(uint64_t min, uint64_t max, struct str *out)
{
    char low[DIGITS_SIZE];
    char high[DIGITS_SIZE];
    char end[DIGITS_SIZE];

    CHECK(min <= max);
    (void)snprintf(low, sizeof(low), "%llu", (unsigned long long)min);
    (void)snprintf(high, sizeof(high), "%llu", (unsigned long long)max);
    str_append_text(out, "0*(");
    while (strlen(low) < strlen(high)) {
        size_t size = strlen(low);

        repeat(low, '9', end);
        same_size(low, end, out);
        str_append_char(out, '|');
        low[0] = '1';
        memset(low + 1, '0', size);
        low[size + 1] = '\0';
    }
    same_size(low, high, out);
    str_append_char(out, ')');
}
