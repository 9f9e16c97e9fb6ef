#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"

/* What one call writes. */
struct written {
    char text[LOG_LINE_MAX + 1];
    size_t size;
};

static void write_line(enum log_format format, const struct log_field *fields, size_t count,
                       struct written *out)
{
    int pipes[2];
    ssize_t n;

    cr_assert_eq(pipe(pipes), 0);
    log_write_fields(&(struct log){ pipes[1], LOG_INFO, format, "test" }, LOG_WARN, "event-name",
                     fields, count);
    cr_assert_eq(close(pipes[1]), 0);
    n = read(pipes[0], out->text, sizeof(out->text) - 1);
    cr_assert_geq(n, 0);
    out->size = (size_t)n;
    out->text[n] = '\0';
    cr_assert_eq(read(pipes[0], out->text + n, 1), 0, "a line is one write");
    cr_assert_eq(close(pipes[0]), 0);
}

/* The line is one, ends, is UTF-8, and holds nothing that a terminal would act upon. */
static void check_line(const struct written *line)
{
    size_t i;
    size_t step;

    cr_assert_gt(line->size, 0);
    cr_assert_leq(line->size, LOG_LINE_MAX);
    cr_assert_eq(line->text[line->size - 1], '\n');
    for (i = 0; i < line->size - 1; i += step) {
        unsigned char c = (unsigned char)line->text[i];

        step = utf8_sequence(line->text + i, line->size - 1 - i);
        cr_assert_neq(step, 0, "no UTF-8 at %zu", i);
        cr_assert(0x20 <= c && c != 0x7f, "0x%02x at %zu", c, i);
        cr_assert(!(step == 2 && c == 0xC2 && (unsigned char)line->text[i + 1] < 0xA0));
    }
}

/* The line as JSON; the caller deletes it. */
static cJSON *check_json(const struct written *line)
{
    cJSON *json;

    check_line(line);
    json = cJSON_Parse(line->text);
    cr_assert_not_null(json, "%s", line->text);
    cr_assert_str_eq(cJSON_GetObjectItem(json, "level")->valuestring, "warn");
    cr_assert_str_eq(cJSON_GetObjectItem(json, "program")->valuestring, "test");
    cr_assert_str_eq(cJSON_GetObjectItem(json, "event")->valuestring, "event-name");
    return json;
}

Test(log, a_line_of_text_is_words_with_values)
{
    const struct log_field fields[] = { LOG_TEXT("cluster", "web"), LOG_NUMBER("version", 7),
                                        LOG_TEXT("why", "a b=\"c\""), LOG_TEXT("none", "") };
    struct written line;

    write_line(LOG_FORMAT_TEXT, fields, ARRAY_COUNT(fields), &line);
    check_line(&line);
    cr_expect_eq(strncmp(line.text, "time=2", 6), 0);
    cr_expect_not_null(strstr(line.text,
                              "Z level=warn program=test event=event-name cluster=web version=7 "
                              "why=\"a b=\\\"c\\\"\" none=\"\"\n"));
}

Test(log, a_line_of_json_has_the_same_fields)
{
    const struct log_field fields[] = { LOG_TEXT("cluster", "web"),
                                        LOG_NUMBER("version", UINT64_MAX) };
    struct written line;
    cJSON *json;

    write_line(LOG_FORMAT_JSON, fields, ARRAY_COUNT(fields), &line);
    json = check_json(&line);
    cr_expect_str_eq(cJSON_GetObjectItem(json, "cluster")->valuestring, "web");
    cr_expect_not_null(strstr(line.text, "\"version\":18446744073709551615}"));
    cJSON_Delete(json);
}

Test(log, hostile_values_stay_in_their_line)
{
    static const char *const values[] = {
        "a\nlevel=error event=forged",
        "\r\n",
        "\x1b[2J\x1b]0;title\x07",
        "\"} {\"x\":\"",
        "\\\"",
        "\\",
        "\x7f\x01\x1f\t",
        ("\xC2\x9B"
         "31m C1"),
        "\xE2\x80\xA8 line \xE2\x80\xA9 paragraph",
        "\xff\xfe\x80 \xC3",
        "\xF0\x9F\x98",
        "gr\xC3\xBC\xC3\x9F \xF0\x9F\x98\x80",
        "=",
        " ",
    };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(values); i++) {
        const struct log_field fields[] = { LOG_TEXT("value", values[i]), LOG_TEXT("last", "x") };
        struct written line;
        cJSON *json;

        write_line(LOG_FORMAT_TEXT, fields, ARRAY_COUNT(fields), &line);
        check_line(&line);
        cr_expect_not_null(strstr(line.text, " last=x\n"), "%s", line.text);

        write_line(LOG_FORMAT_JSON, fields, ARRAY_COUNT(fields), &line);
        json = check_json(&line);
        cr_expect_str_eq(cJSON_GetObjectItem(json, "last")->valuestring, "x");
        cJSON_Delete(json);
    }
}

Test(log, a_value_comes_back_from_json_as_it_was)
{
    static const char value[] = "a\n\"b\"\\ \x01 \xC3\xBC \xC2\x85 \xE2\x80\xA8";
    const struct log_field fields[] = { LOG_TEXT("value", value) };
    struct written line;
    cJSON *json;

    write_line(LOG_FORMAT_JSON, fields, 1, &line);
    json = check_json(&line);
    cr_expect_str_eq(cJSON_GetObjectItem(json, "value")->valuestring, value);
    cJSON_Delete(json);
}

/* Whatever the length, whatever is cut: still a line of its format. */
Test(log, lines_that_are_too_long_are_cut_whole)
{
    static const char *const fills[] = {
        "x", "\"", "\x01", "\xC3\xBC", "\xF0\x9F\x98\x80", "\xff"
    };
    char value[2 * LOG_LINE_MAX];
    size_t i;
    size_t size;

    for (i = 0; i < ARRAY_COUNT(fills); i++) {
        size_t step = strlen(fills[i]);

        for (size = 480; size < LOG_LINE_MAX + 300; size += 1 + size % 3) {
            const struct log_field fields[] = { LOG_TEXT("first", value), LOG_NUMBER("n", 12345),
                                                LOG_TEXT("second", value), LOG_TEXT("t", "tail"),
                                                LOG_NUMBER("m", 1) };
            struct written line;
            size_t used = 0;

            while (used + step < size) {
                memcpy(value + used, fills[i], step);
                used += step;
            }
            value[used] = '\0';
            write_line(LOG_FORMAT_JSON, fields, ARRAY_COUNT(fields), &line);
            cJSON_Delete(check_json(&line));
            write_line(LOG_FORMAT_TEXT, fields, ARRAY_COUNT(fields), &line);
            check_line(&line);
        }
    }
}

Test(log, what_is_below_the_level_is_not_written)
{
    const struct log_field field = LOG_NUMBER("n", 1);
    int pipes[2];
    char byte;

    cr_assert_eq(pipe(pipes), 0);
    log_write_fields(&(struct log){ pipes[1], LOG_WARN, LOG_FORMAT_TEXT, "test" }, LOG_INFO, "e",
                     &field, 1);
    log_write_fields(NULL, LOG_ERROR, "e", &field, 1);
    cr_assert_eq(close(pipes[1]), 0);
    cr_expect_eq(read(pipes[0], &byte, 1), 0);
    cr_assert_eq(close(pipes[0]), 0);
}

Test(log, levels_and_formats_have_names)
{
    enum log_level level = LOG_DEBUG;
    enum log_format format = LOG_FORMAT_TEXT;

    cr_expect(log_level_parse("error", &level));
    cr_expect_eq(level, LOG_ERROR);
    cr_expect(log_level_parse("debug", &level));
    cr_expect_eq(level, LOG_DEBUG);
    cr_expect_not(log_level_parse("Info", &level));
    cr_expect_not(log_level_parse("", &level));
    cr_expect(log_format_parse("json", &format));
    cr_expect_eq(format, LOG_FORMAT_JSON);
    cr_expect_not(log_format_parse("xml", &format));
}

Test(clock, times_are_written_in_utc)
{
    char text[CLOCK_TEXT_SIZE];

    clock_format(0, text);
    cr_expect_str_eq(text, "1970-01-01T00:00:00.000Z");
    clock_format(UINT64_C(1795360445123), text);
    cr_expect_str_eq(text, "2026-11-22T15:14:05.123Z");
    clock_format(UINT64_C(253402300799999), text);
    cr_expect_str_eq(text, "9999-12-31T23:59:59.999Z");
    clock_format(UINT64_MAX, text);
    cr_expect_eq(strlen(text), CLOCK_TEXT_SIZE - 1);
}
