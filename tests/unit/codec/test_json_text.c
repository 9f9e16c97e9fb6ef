#include "codec/json_text.h"

#include <criterion/criterion.h>
#include <string.h>

struct layout {
    const char *json;
    const char *pretty;
    const char *yaml;
};

static const struct layout layouts[] = {
    { "1", "1\n", "1\n" },
    { " {} ", "{}\n", "{}\n" },
    { "[ ]", "[]\n", "[]\n" },
    { "18446744073709551615", "18446744073709551615\n", "18446744073709551615\n" },
    { "-0.5e+3", "-0.5e+3\n", "-0.5e+3\n" },
    { "{\"a\":1,\"b\":\"x\"}", "{\n  \"a\": 1,\n  \"b\": \"x\"\n}\n", "a: 1\nb: x\n" },
    { "{\"a\":{\"b\":[]},\"c\":[1,{\"d\":true,\"e\":null}]}",
      "{\n  \"a\": {\n    \"b\": []\n  },\n  \"c\": [\n    1,\n    {\n      \"d\": true,\n"
      "      \"e\": null\n    }\n  ]\n}\n",
      "a:\n  b: []\nc:\n  - 1\n  - d: true\n    e: null\n" },
    { "[[1,2],[{}]]", "[\n  [\n    1,\n    2\n  ],\n  [\n    {}\n  ]\n]\n",
      "- - 1\n  - 2\n- - {}\n" },
    { "[\"\",\"no\",\"NaN\",\"1.2.3.4\",\"0001\",\"a: b\",\"tail \",\"a b\",\"# c\",\"a\\nb\"]",
      "[\n  \"\",\n  \"no\",\n  \"NaN\",\n  \"1.2.3.4\",\n  \"0001\",\n  \"a: b\",\n  \"tail \",\n"
      "  \"a b\",\n  \"# c\",\n  \"a\\nb\"\n]\n",
      "- \"\"\n- \"no\"\n- \"NaN\"\n- \"1.2.3.4\"\n- \"0001\"\n- \"a: b\"\n- \"tail \"\n- a b\n"
      "- \"# c\"\n- \"a\\nb\"\n" },
    { "\"\\ud83d\\ude00 \\u00e4 \\\\\"", "\"\\ud83d\\ude00 \\u00e4 \\\\\"\n",
      "\"\\U0001F600 \\u00e4 \\\\\"\n" },
};

Test(json_text, lays_out_values_as_people_write_them)
{
    size_t i;

    for (i = 0; i < ARRAY_COUNT(layouts); i++) {
        CLEANUP(str_deinit) struct str pretty;
        CLEANUP(str_deinit) struct str yaml;
        struct err err = { 0 };

        str_init(&pretty, 4096);
        str_init(&yaml, 4096);
        cr_assert_eq(json_pretty(layouts[i].json, strlen(layouts[i].json), &pretty, &err), 0, "%s",
                     err.msg);
        cr_assert_eq(json_to_yaml(layouts[i].json, strlen(layouts[i].json), &yaml, &err), 0, "%s",
                     err.msg);
        cr_expect_str_eq(str_text(&pretty), layouts[i].pretty);
        cr_expect_str_eq(str_text(&yaml), layouts[i].yaml);
    }
}

Test(json_text, says_at_which_byte_a_text_stops_being_json)
{
    static const struct {
        const char *json;
        const char *message;
    } broken[] = {
        { "", "byte 0: expected a value" },
        { "{\"a\":1", "byte 6: expected ',' or '}'" },
        { "{\"a\" 1}", "byte 5: expected ':'" },
        { "{a:1}", "byte 1: expected a text" },
        { "[1 2]", "byte 3: expected ',' or ']'" },
        { "[1,]", "byte 3: expected a value" },
        { "01", "byte 2: expected a value" },
        { "1.", "byte 2: expected a value" },
        { "\"a", "byte 2: expected the end of the text" },
        { "\"\\x\"", "byte 2: expected an escape sequence" },
        { "\"\\u12g4\"", "byte 5: expected an escape sequence" },
        { "1 1", "byte 2: expected the end" },
        { "{", "byte 1: expected a text" },
        { "tru", "byte 0: expected a value" },
    };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(broken); i++) {
        CLEANUP(str_deinit) struct str out;
        struct err err = { 0 };

        str_init(&out, 4096);
        cr_expect_eq(json_pretty(broken[i].json, strlen(broken[i].json), &out, &err), ERR_INVALID,
                     "%s", broken[i].json);
        cr_expect_str_eq(err.msg, broken[i].message, "%s: %s", broken[i].json, err.msg);
        cr_expect_eq(json_to_yaml(broken[i].json, strlen(broken[i].json), &out, &err), ERR_INVALID);
    }
}

/* NOLINTBEGIN(clang-analyzer-unix.Malloc): CLEANUP releases it */
/* Every cut of a valid text is refused, and none is read beyond its end. */
Test(json_text, refuses_every_cut_of_a_text)
{
    static const char whole[] = "{\"a\":[1,-2.5e3,\"x\\u0041\\n\",true,null],\"b\":{\"c\":{}}}";
    size_t size;

    for (size = 0; size + 1 < sizeof(whole); size++) {
        CLEANUP(str_deinit) struct str out;
        CLEANUP(mem_free_p) char *cut = strndup(whole, size);
        struct err err = { 0 };

        str_init(&out, 4096);
        cr_expect_eq(json_pretty(cut, size, &out, &err), ERR_INVALID, "cut at %zu", size);
        cr_expect_eq(json_to_yaml(cut, size, &out, &err), ERR_INVALID, "cut at %zu", size);
    }
}
/* NOLINTEND(clang-analyzer-unix.Malloc) */

Test(json_text, bounds_the_nesting)
{
    char deep[2 * JSON_TEXT_DEPTH_MAX + 4];
    CLEANUP(str_deinit) struct str out;
    struct err err = { 0 };

    str_init(&out, 1U << 20);
    memset(deep, '[', JSON_TEXT_DEPTH_MAX);
    memset(deep + JSON_TEXT_DEPTH_MAX, ']', JSON_TEXT_DEPTH_MAX);
    cr_expect_eq(json_pretty(deep, 2 * JSON_TEXT_DEPTH_MAX, &out, &err), 0, "%s", err.msg);
    memset(deep, '[', JSON_TEXT_DEPTH_MAX + 1);
    memset(deep + JSON_TEXT_DEPTH_MAX + 1, ']', JSON_TEXT_DEPTH_MAX + 1);
    cr_expect_eq(json_pretty(deep, 2 * JSON_TEXT_DEPTH_MAX + 2, &out, &err), ERR_INVALID);
    cr_expect_str_eq(err.msg, "byte 32: nested deeper than 32");
}
