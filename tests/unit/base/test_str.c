#include <criterion/criterion.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

Test(str, appends_until_its_limit_and_not_a_byte_more)
{
    CLEANUP(str_deinit) struct str text = { 0 };
    struct err err;

    str_init(&text, 5);
    cr_expect_str_eq(str_text(&text), "");
    str_append_text(&text, "abc");
    str_append_text(&text, "");
    str_append_char(&text, 'd');
    cr_expect_eq(str_check(&text, &err), 0);
    str_append_text(&text, "ef");
    cr_expect_str_eq(str_text(&text), "abcd", "all of a text or nothing of it");
    cr_expect(str_failed(&text));
    cr_expect_eq(str_check(&text, &err), ERR_LIMIT);
    str_append_char(&text, 'e');
    cr_expect_str_eq(str_text(&text), "abcd", "a failure sticks");

    str_truncate(&text, 2);
    cr_expect_not(str_failed(&text));
    str_appendf(&text, "%d", 345);
    cr_expect_str_eq(str_text(&text), "ab345");
    cr_expect_eq(text.size, 5);
    str_appendf(&text, "%s", "");
    cr_expect_not(str_failed(&text));
    str_clear(&text);
    cr_expect_str_eq(str_text(&text), "");
}

Test(str, holds_any_bytes)
{
    CLEANUP(str_deinit) struct str text = { 0 };

    str_init(&text, 100);
    str_append(&text, "a\0b", 3);
    str_append(&text, NULL, 0);
    cr_expect_eq(text.size, 3);
    cr_expect_arr_eq(text.bytes, "a\0b", 4);
    str_drop_head(&text, 2);
    cr_expect_str_eq(str_text(&text), "b");
    str_drop_head(&text, 0);
    str_drop_head(&text, 7);
    cr_expect_eq(text.size, 0);
    str_drop_head(&text, 1);
    cr_expect_str_eq(str_text(&text), "");
}

Test(str, grows_over_many_appends)
{
    CLEANUP(str_deinit) struct str text = { 0 };
    size_t i;

    str_init(&text, 100000);
    for (i = 0; i < 100000; i++) {
        str_append_char(&text, (char)('a' + i % 26));
    }
    cr_assert_not(str_failed(&text));
    for (i = 0; i < 100000; i++) {
        cr_assert_eq(text.bytes[i], (char)('a' + i % 26));
    }
}

Test(str, survives_every_allocation_failure)
{
    struct err err;
    int n = 0;
    int rv;

    do {
        CLEANUP(str_deinit) struct str text = { 0 };

        str_init(&text, 1000);
        mem_fail_after(n++);
        str_append_text(&text, "0123456789012345678901234567890123456789");
        str_appendf(&text, "%080d", 1);
        str_appendf(&text, "%0200d", 2);
        rv = str_check(&text, &err);
        cr_expect_eq(rv, mem_has_failed() ? ERR_NOMEM : 0);
        cr_expect_eq(strlen(str_text(&text)), text.size);
    } while (mem_has_failed());
    cr_expect_gt(n, 2);
}

Test(str, numbers_are_digits_within_bounds)
{
    static const struct {
        const char *text;
        uint64_t min;
        uint64_t max;
        bool valid;
        uint64_t value;
    } rows[] = {
        { "0", 0, 9, true, 0 },
        { "9", 0, 9, true, 9 },
        { "10", 0, 9, false, 0 },
        { "1", 2, 9, false, 0 },
        { "0009", 0, 9, true, 9 },
        { "18446744073709551615", 0, UINT64_MAX, true, UINT64_MAX },
        { "18446744073709551616", 0, UINT64_MAX, false, 0 },
        { "18446744073709551620", 0, UINT64_MAX, false, 0 },
        { "99999999999999999999", 0, UINT64_MAX, false, 0 },
        { "", 0, 9, false, 0 },
        { " 1", 0, 9, false, 0 },
        { "1 ", 0, 9, false, 0 },
        { "+1", 0, 9, false, 0 },
        { "-1", 0, 9, false, 0 },
        { "1x", 0, 9, false, 0 },
    };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(rows); i++) {
        uint64_t value = 4711;

        cr_expect_eq(text_to_u64(rows[i].text, rows[i].min, rows[i].max, &value), rows[i].valid,
                     "\"%s\"", rows[i].text);
        cr_expect_eq(value, rows[i].valid ? rows[i].value : 4711, "\"%s\"", rows[i].text);
    }
}

Test(str, the_nearest_name_is_found_where_it_is_near)
{
    static const char *const names[] = { "nodes", "memory", "maxConnections", "drain", "y",
                                         "get",   "lot" };
    static const struct {
        const char *text;
        const char *nearest;
    } rows[] = {
        { "nodse", "nodes" },
        { "node", "nodes" },
        { "nodes", "nodes" },
        { "memmory", "memory" },
        { "maxconections", "maxConnections" },
        { "darin", "drain" },
        { "zzzzzz", NULL },
        { "x", NULL },
        { "gte", "get" },
        { "sot", "lot" },
        { "sat", NULL },
        { "", NULL },
        { "replicas", NULL },
        { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL },
    };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(rows); i++) {
        const char *got = text_nearest(rows[i].text, names, ARRAY_COUNT(names));

        cr_expect(text_equal(got, rows[i].nearest), "%s: %s", rows[i].text, got);
    }
    cr_expect_null(text_nearest("x", names, 0));
}

Test(str, texts_are_equal_or_not)
{
    cr_expect(text_equal("a", "a"));
    cr_expect(text_equal(NULL, NULL));
    cr_expect_not(text_equal("a", "b"));
    cr_expect_not(text_equal("a", NULL));
    cr_expect_not(text_equal(NULL, ""));
}

/* Every code point there is, encoded, is one sequence; every two bytes are judged rightly. */
Test(str, utf8_is_told_from_anything_else)
{
    static const struct {
        const char *bytes;
        size_t size;
    } bad[] = {
        { "\x80", 1 },
        { "\xC0\x80", 2 },
        { "\xC1\xBF", 2 },
        { "\xC2", 1 },
        { "\xC2\x20", 2 },
        { "\xE0\x9F\xBF", 3 },
        { "\xED\xA0\x80", 3 },
        { "\xE2\x80", 2 },
        { "\xF0\x8F\xBF\xBF", 4 },
        { "\xFF", 1 },
        { "\xF4\x90\x80\x80", 4 },
        { "\xF0\x9F\x98", 3 },
        { "", 0 },
        { "\xF5\x80\x80\x80", 4 },
        { "\xE2\x80\x41", 3 },
    };
    uint32_t c;
    size_t i;

    for (c = 0; c <= 0x10FFFF; c++) {
        char bytes[4];
        size_t size = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
        bool surrogate = 0xD800 <= c && c <= 0xDFFF;
        uint32_t rest = c;

        for (i = size; 1 < i; i--) {
            bytes[i - 1] = (char)(0x80 | (rest & 0x3F));
            rest >>= 6;
        }
        bytes[0] = (char)(size == 1 ? c : ((0xF00U >> size) & 0xFFU) | rest);
        cr_assert_eq(utf8_sequence(bytes, size), surrogate ? 0 : size, "U+%04X", c);
        cr_assert_eq(utf8_sequence(bytes, size - 1), 0, "U+%04X cut", c);
    }
    for (i = 0; i < ARRAY_COUNT(bad); i++) {
        cr_expect_eq(utf8_sequence(bad[i].bytes, bad[i].size), 0, "row %zu", i);
    }
}
