#include <criterion/criterion.h>
#include <string.h>

#include "codec/json_list.h"
#include "codec/jsonpath.h"

static const char list[] =
    "[{\"name\":\"a\",\"metadata\":{\"name\":\"a\"},\"n\":1,\"up\":true,\"tags\":[\"x\",\"y\"]},"
    "{\"name\":\"b\",\"metadata\":{\"name\":\"b\"},\"n\":20,\"up\":false,\"tags\":[]},"
    "{\"name\":\"c d\",\"metadata\":{\"name\":\"c d\"},\"n\":1800000000000,\"a.b\":null,"
    "\"deep\":{\"name\":\"e\"}}]";

static void expect(const char *json, const char *template, const char *expected)
{
    CLEANUP(jsonpath_free_p) struct jsonpath *path = NULL;
    CLEANUP(str_deinit) struct str out;
    struct err err = { 0 };

    str_init(&out, 1U << 20);
    cr_assert_eq(jsonpath_parse(template, &path, &err), 0, "%s: %s", template, err.msg);
    cr_assert_eq(jsonpath_render(path, json, strlen(json), &out, &err), 0, "%s", err.msg);
    cr_expect_str_eq(str_text(&out), expected, "%s: '%s'", template, str_text(&out));
}

static void expect_refused(const char *template, const char *message)
{
    CLEANUP(jsonpath_free_p) struct jsonpath *path = NULL;
    struct err err = { 0 };

    cr_assert_eq(jsonpath_parse(template, &path, &err), ERR_USAGE, "%s", template);
    cr_expect_str_eq(err.msg, message, "%s: '%s'", template, err.msg);
    cr_expect_null(path);
}

/* What kubectl prints for the same. */
Test(jsonpath, templates_and_what_they_print)
{
    static const struct {
        const char *template;
        const char *expected;
    } rows[] = {
        { "", "" },
        { "plain", "plain" },
        { "{.items[*].metadata.name}", "a b c d" },
        { "{.items[*].n}", "1 20 1800000000000" },
        { "{.items[0].name}", "a" },
        { "{.items[-1].name}", "c d" },
        { "{.items[7].name}{.items[-7].name}", "" },
        { "{.items[1:].name}", "b c d" },
        { "{.items[:2].name}", "a b" },
        { "{.items[0:-1].name}", "a b" },
        { "{.items[1:1].name}", "" },
        { "{$.items[0]['name']}", "a" },
        { "{.items[2]['a.b']}|{.items[2].deep}", "|{\"name\":\"e\"}" },
        { "{.items[0].tags}{.items[0].tags[*]}", "[\"x\",\"y\"]x y" },
        { "{.items[?(@.name==\"b\")].n}", "20" },
        { "{.items[?(@.name!='b')].name}", "a c d" },
        { "{.items[?(@.n>1)].name}", "b c d" },
        { "{.items[?(@.n<=20)].name}", "a b" },
        { "{.items[?(@.up==true)].name}", "a" },
        { "{.items[?(@.up!=true)].name}", "b" },
        { "{.items[?(@.deep)].name}", "c d" },
        { "{.items[?(@.deep.name==\"e\")].name}", "c d" },
        { "{.items[?(@.tags[1]==\"y\")].name}", "a" },
        { "{.items[?( @.n >= 20 )].name}", "b c d" },
        { "{..name}", "a a b b c d c d e" },
        { "{.items[2].deep.*}", "e" },
        { "{range .items[*]}{.name}{\"\\t\"}{.n}{\"\\n\"}{end}",
          "a\t1\nb\t20\nc d\t1800000000000\n" },
        { "{range .items[0:2]}{@.name}:{range .tags[*]}<{@}>{end};{end}", "a:<x><y>;b:;" },
        { "{range .items[*]}{$.items[0].name}{end}", "aaa" },
        { "{.missing.more[3]}", "" },
        { "{.items[*].up}", "true false" },
        { "{ .items[0].name }{'it\\'s'}", "ait's" },
    };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(rows); i++) {
        expect(list, rows[i].template, rows[i].expected);
    }
    expect("{\"name\":\"a\"}", "{.name}{.}", "a{\"name\":\"a\"}");
    expect("{\"name\":\"a\"}", "{@}", "{\"name\":\"a\"}");
}

Test(jsonpath, what_is_none_is_refused_with_its_place)
{
    expect_refused("{", "jsonpath: byte 2: expected ., [, $, @, a text in quotes, range or end");
    expect_refused("{.a", "jsonpath: byte 4: expected }");
    expect_refused("{.a[}", "jsonpath: byte 5: expected a number, a name in quotes, * or ?(");
    expect_refused("{.a[1}", "jsonpath: byte 6: expected ]");
    expect_refused("{.a[99999999999]}", "jsonpath: byte 5: expected a small number");
    expect_refused("{.a[?(.b)]}", "jsonpath: byte 7: expected @");
    expect_refused("{.a[?(@.b=1)]}", "jsonpath: byte 10: expected ==, !=, <, <=, >, >= or )");
    expect_refused("{.a[?(@.b==x)]}",
                   "jsonpath: byte 12: expected a text in quotes, a number, true or false");
    expect_refused("{.a[?(@.b[?(@.c)])]}",
                   "jsonpath: byte 11: expected a number, a name in quotes, * or ?(");
    expect_refused("{\"x}", "jsonpath: byte 5: the text has no end");
    expect_refused("{\"\\q\"}", "jsonpath: byte 4: expected n, t, r, \\ or a quote behind \\");
    expect_refused("{range .a}", "jsonpath: byte 11: range without end");
    expect_refused("{end}", "jsonpath: byte 5: end without range");
    expect_refused("{rangy}",
                   "jsonpath: byte 2: expected ., [, $, @, a text in quotes, range or end");
    expect_refused("{..}", "jsonpath: byte 4: expected a name");
}

Test(jsonpath, what_is_no_json_is_refused)
{
    CLEANUP(jsonpath_free_p) struct jsonpath *path = NULL;
    CLEANUP(str_deinit) struct str out;
    struct err err = { 0 };

    str_init(&out, 1U << 20);
    cr_assert_eq(jsonpath_parse("{.a}", &path, &err), 0);
    cr_expect_eq(jsonpath_render(path, "{\"a\":", 5, &out, &err), ERR_INVALID);
}

/* Deep steps behind deep steps look at the same values ever again. */
Test(jsonpath, a_template_that_would_never_end_is_stopped)
{
    CLEANUP(jsonpath_free_p) struct jsonpath *path = NULL;
    CLEANUP(str_deinit) struct str out;
    CLEANUP(str_deinit) struct str json;
    struct err err = { 0 };
    int i;

    str_init(&out, 1U << 20);
    str_init(&json, 1U << 20);
    str_append_text(&json, "[[[[[[[[");
    for (i = 0; i < 20000; i++) {
        str_append_text(&json, i == 0 ? "{\"a\":1}" : ",{\"a\":1}");
    }
    str_append_text(&json, "]]]]]]]]");
    cr_assert_eq(jsonpath_parse("{..*..*..*..*..b}", &path, &err), 0, "%s", err.msg);
    cr_expect_eq(jsonpath_render(path, str_text(&json), json.size, &out, &err), ERR_LIMIT);
}

Test(json_list, the_elements_as_they_are)
{
    const char *at = "[ {\"a\":[1,2],\"b\":\"],\\\"\"} ,2,\"x,y\" ]";
    static const char *const expected[] = { "{\"a\":[1,2],\"b\":\"],\\\"\"}", "2", "\"x,y\"" };
    const char *element;
    size_t size;
    size_t i;

    for (i = 0; i < ARRAY_COUNT(expected); i++) {
        cr_assert(json_list_next(&at, &element, &size));
        cr_expect_eq(size, strlen(expected[i]));
        cr_expect_eq(strncmp(element, expected[i], size), 0);
    }
    cr_expect_not(json_list_next(&at, &element, &size));
    at = "[]";
    cr_expect_not(json_list_next(&at, &element, &size));
}
