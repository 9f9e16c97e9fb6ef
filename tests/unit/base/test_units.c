#include <criterion/criterion.h>
#include <string.h>

#include "base/units.h"

struct row {
    const char *text;
    bool valid;
    uint64_t value;
};

static const struct row sizes[] = {
    { "0", true, 0 },
    { "1", true, 1 },
    { "007", true, 7 },
    { "1Ki", true, 1024 },
    { "64Mi", true, UINT64_C(67108864) },
    { "4Ti", true, UINT64_C(4) << 40 },
    { "18446744073709551615", true, UINT64_MAX },
    { "16777215Ti", true, UINT64_C(16777215) << 40 },
    { "16777216Ti", false, 0 },
    { "18446744073709551616", false, 0 },
    { "", false, 0 },
    { "Mi", false, 0 },
    { "64MB", false, 0 },
    { "64M", false, 0 },
    { "64mi", false, 0 },
    { "64 Mi", false, 0 },
    { " 64Mi", false, 0 },
    { "64Mi ", false, 0 },
    { "+1", false, 0 },
    { "-1", false, 0 },
    { "1.5Gi", false, 0 },
    { "0x10", false, 0 },
    { "64MiMi", false, 0 },
};

static const struct row durations[] = {
    { "0s", true, 0 },
    { "500ms", true, 500 },
    { "90s", true, 90000 },
    { "2m", true, 120000 },
    { "1h", true, 3600000 },
    { "1d", true, 86400000 },
    { "18446744073709551615ms", true, UINT64_MAX },
    { "18446744073709552s", false, 0 },
    { "213503982335d", false, 0 },
    { "30", false, 0 },
    { "0", false, 0 },
    { "", false, 0 },
    { "s", false, 0 },
    { "1m30s", false, 0 },
    { "1 s", false, 0 },
    { "1S", false, 0 },
    { "-1s", false, 0 },
    { "1.5s", false, 0 },
};

static const struct row spans[] = {
    { "0s", true, 0 },
    { "90s", true, 90000 },
    { "1m30s", true, 90000 },
    { "1d2h3m4s5ms", true, 93784005 },
    { "1h0m", true, 3600000 },
    { "1h5ms", true, 3600005 },
    { "18446744073709551s615ms", true, UINT64_MAX },
    { "18446744073709551s616ms", false, 0 },
    { "30s1m", false, 0 },
    { "1m1m", false, 0 },
    { "1m30", false, 0 },
    { "1m 30s", false, 0 },
    { "1m-30s", false, 0 },
    { "m30s", false, 0 },
    { "30", false, 0 },
    { "", false, 0 },
    { "00000000000000000000000001s", false, 0 },
};

static void check_rows(const struct row *rows, size_t count,
                       bool (*parse)(const char *text, uint64_t *out))
{
    size_t i;

    for (i = 0; i < count; i++) {
        uint64_t value = 4711;

        cr_expect_eq(parse(rows[i].text, &value), rows[i].valid, "\"%s\"", rows[i].text);
        cr_expect_eq(value, rows[i].valid ? rows[i].value : 4711, "\"%s\"", rows[i].text);
    }
}

Test(units, sizes_are_whole_numbers_with_binary_units)
{
    check_rows(sizes, ARRAY_COUNT(sizes), size_parse);
}

Test(units, durations_need_a_unit)
{
    check_rows(durations, ARRAY_COUNT(durations), duration_parse);
}

Test(units, spans_are_durations_of_falling_units)
{
    check_rows(spans, ARRAY_COUNT(spans), span_parse);
}

Test(units, the_written_form_is_the_shortest)
{
    char text[UNITS_TEXT_SIZE];

    size_format(67108864, text);
    cr_expect_str_eq(text, "64Mi");
    size_format(1536, text);
    cr_expect_str_eq(text, "1536");
    size_format(1025, text);
    cr_expect_str_eq(text, "1025");
    size_format(0, text);
    cr_expect_str_eq(text, "0");
    duration_format(90000, text);
    cr_expect_str_eq(text, "90s");
    duration_format(120000, text);
    cr_expect_str_eq(text, "2m");
    duration_format(1500, text);
    cr_expect_str_eq(text, "1500ms");
    duration_format(0, text);
    cr_expect_str_eq(text, "0s");
}

Test(units, sizes_for_people_have_one_decimal_at_most)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } cases[] = {
        { 0, "0" },
        { 1023, "1023" },
        { 1024, "1Ki" },
        { 1536, "1.5Ki" },
        { (1U << 20) - 1, "1023.9Ki" },
        { UINT64_C(320) << 20, "320Mi" },
        { UINT64_C(20221211440), "18.8Gi" },
        { UINT64_MAX, "16777215.9Ti" },
    };
    char text[UNITS_TEXT_SIZE];
    size_t i;

    for (i = 0; i < ARRAY_COUNT(cases); i++) {
        size_format_short(cases[i].bytes, text);
        cr_expect_str_eq(text, cases[i].text);
    }
}

/* Around every power of two and every unit, and with the largest text that there is. */
Test(units, every_value_survives_being_written_and_read)
{
    static const uint64_t factors[] = { 1, 1000, 1024, 60000, 3600000, 86400000 };
    size_t i;
    int shift;
    int offset;

    for (i = 0; i < ARRAY_COUNT(factors); i++) {
        for (shift = 0; shift < 64; shift++) {
            for (offset = -1; offset <= 1; offset++) {
                uint64_t value = (UINT64_C(1) << shift) * factors[i] + (uint64_t)offset;
                uint64_t back = value + 1;
                char text[UNITS_TEXT_SIZE];

                size_format(value, text);
                cr_assert(size_parse(text, &back), "%s", text);
                cr_assert_eq(back, value, "%s", text);
                duration_format(value, text);
                cr_assert(duration_parse(text, &back), "%s", text);
                cr_assert_eq(back, value, "%s", text);
            }
        }
    }
}
