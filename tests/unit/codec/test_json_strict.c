#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "codec/model_json.h"
#include "gen.h"

#define ARENA_MAX (8U << 20)

#define SETTINGS                                                                                \
    "{\"memoryBytes\":67108864,\"threads\":4,\"maxConnections\":1024,\"maxItemBytes\":1048576," \
    "\"extraArgs\":[]}"

#define INTENT_HEAD                                                                 \
    "{\"host\":\"h1\",\"cluster\":\"web\",\"slot\":1,\"uid\":\"0123456789abcdef\"," \
    "\"phase\":\"run\",\"phaseSinceMs\":5,\"ip\":\"127.0.0.1\",\"dataPort\":11211," \
    "\"discoveryPort\":11210,\"settings\":"

#define INTENT INTENT_HEAD SETTINGS ",\"flaps\":0,\"flappedMs\":0}"

/* Decode from memory of exactly that size, so that a read beyond it is seen. */
static int decode_intent(const char *bytes, size_t size, struct intent *out, struct err *err)
{
    CLEANUP(arena_deinit) struct arena arena = { 0 };
    char *exact = malloc(size == 0 ? 1 : size);
    int rv;

    arena_init(&arena, ARENA_MAX);
    memcpy(exact, bytes, size);
    rv = json_decode_intent(exact, size, &arena, out, err);
    free(exact);
    return rv;
}

/* `INTENT` with the first `from` replaced by `to`. */
static const char *changed(const char *from, const char *to)
{
    static char text[4096];
    const char *at = strstr(INTENT, from);

    cr_assert_not_null(at, "%s", from);
    (void)snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - INTENT), INTENT, to,
                   at + strlen(from));
    return text;
}

Test(json, a_value_has_one_form)
{
    CLEANUP(arena_deinit) struct arena arena = { 0 };
    CLEANUP(str_deinit) struct str text = { 0 };
    struct intent intent = { 0 };
    struct err err;

    arena_init(&arena, ARENA_MAX);
    str_init(&text, JSON_VALUE_BYTES_MAX);
    cr_assert_eq(json_decode_intent(INTENT, strlen(INTENT), &arena, &intent, &err), 0, "%s",
                 err.msg);
    cr_expect_str_eq(intent.host, "h1");
    cr_expect_eq(intent.settings.memory_bytes, 67108864);
    cr_assert_eq(json_encode_intent(&intent, &text, &err), 0);
    cr_expect_str_eq(str_text(&text), INTENT);
}

Test(json, what_others_add_or_move_is_passed_over)
{
    static const char *const rows[] = {
        " { \"settings\" : " SETTINGS ", \"new\": [1, {\"x\": null}], \"host\":\"h1\",\n"
        "\"cluster\":\"\\u0077eb\",\"slot\":1.0,\"uid\":\"0123456789abcdef\",\"phase\":\"run\","
        "\"phaseSinceMs\":5e0,\"ip\":\"127.0.0.1\",\"dataPort\":11211,\"discoveryPort\":11210,"
        "\"flaps\":0,\"flappedMs\":0}\n",
    };
    struct intent intent = { 0 };
    struct err err;

    cr_expect_eq(decode_intent(rows[0], strlen(rows[0]), &intent, &err), 0, "%s", err.msg);
    cr_expect_eq(intent.slot, 1);
}

Test(json, mistakes_are_named_with_their_field)
{
    static const struct {
        const char *from;
        const char *to;
        const char *says;
    } rows[] = {
        { "\"slot\":1", "\"slot\":0", "slot: must be 1..9999, got 0" },
        { "\"slot\":1", "\"slot\":10000", "slot: must be 1..9999, got 10000" },
        { "\"slot\":1", "\"slot\":-1", "slot: must be 1..9999, got -1" },
        { "\"slot\":1", "\"slot\":1.5",
          "slot: must be a whole number of at most 9007199254740991" },
        { "\"slot\":1", "\"slot\":1e999",
          "slot: must be a whole number of at most 9007199254740991" },
        { "\"slot\":1", "\"slot\":\"1\"",
          "slot: must be a whole number of at most 9007199254740991" },
        { "\"slot\":1", "\"slot\":null",
          "slot: must be a whole number of at most 9007199254740991" },
        { "\"slot\":1", "\"Slot\":1", "slot: is missing" },
        { "\"slot\":1", "\"slot\":1,\"slot\":2", "slot: is there twice" },
        { "\"phaseSinceMs\":5", "\"phaseSinceMs\":9007199254740993",
          "phaseSinceMs: must be a whole number of at most 9007199254740991" },
        { "\"host\":\"h1\"", "\"host\":\"H1\"", "host: must be a host's name, got \"H1\"" },
        { "\"host\":\"h1\"", "\"host\":\"../x\"", "host: must be a host's name, got \"../x\"" },
        { "\"host\":\"h1\"", "\"host\":7", "host: must be a text" },
        { "\"uid\":\"0", "\"uid\":\"g", "uid: must be 16 hex digits, got \"g123456789abcdef\"" },
        { "\"phase\":\"run\"", "\"phase\":\"walk\"", "phase: is none of its values: \"walk\"" },
        { "\"ip\":\"127.0.0.1\"", "\"ip\":\"::1\"", "ip: must be an IPv4 address, got \"::1\"" },
        { "\"dataPort\":11211", "\"dataPort\":65536", "dataPort: must be 1..65535, got 65536" },
        { "\"threads\":4", "\"threads\":0", "settings.threads: must be 1..64, got 0" },
        { "\"extraArgs\":[]", "\"extraArgs\":{}", "settings.extraArgs: must be a list" },
        { "\"extraArgs\":[]", "\"extraArgs\":[\"-C\",1]", "settings.extraArgs[1]: must be a text" },
        { "\"extraArgs\":[]", "\"extraArgs\":[\"-e\",\"/x\"]",
          "settings: spec.extraArgs[0]: \"-e\" is not on the list of allowed options" },
        { "\"maxItemBytes\":1048576", "\"maxItemBytes\":1048577",
          "settings: spec.maxItemSize: must be a multiple of 512Ki, got 1048577" },
        { "\"settings\":{", "\"settings\":{\"threads\":5,", "settings.threads: is there twice" },
        { INTENT_HEAD, INTENT_HEAD "[", "byte 266: not JSON" },
    };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(rows); i++) {
        const char *text = changed(rows[i].from, rows[i].to);
        struct intent intent = { .slot = 4711 };
        struct err err = { 0 };

        cr_expect_eq(decode_intent(text, strlen(text), &intent, &err), ERR_INVALID, "%s", text);
        cr_expect_str_eq(err.msg, rows[i].says);
        cr_expect_eq(intent.slot, 4711, "untouched on failure");
    }
}

/* What most values have no use for is written only where it says something. */
Test(json, what_says_nothing_is_left_out)
{
    static const char joined[] = INTENT_HEAD SETTINGS
        ",\"flaps\":0,\"flappedMs\":0,\"attached\":true,\"join\":\"00112233445566aa\"}";
    static const struct {
        const char *bytes;
        const char *says;
    } rows[] = {
        { INTENT_HEAD SETTINGS ",\"flaps\":0,\"flappedMs\":0,\"attached\":true}",
          "join: is missing" },
        { INTENT_HEAD SETTINGS ",\"flaps\":0,\"flappedMs\":0,\"join\":\"00112233445566aa\"}",
          "join: is there, but the node is not attached" },
        { INTENT_HEAD SETTINGS ",\"flaps\":0,\"flappedMs\":0,\"join\":\"x\"}",
          "join: must be 16 hex digits or empty, got \"x\"" },
        { INTENT_HEAD SETTINGS ",\"flaps\":0,\"flappedMs\":0,\"attached\":1}",
          "attached: must be true or false" },
    };
    CLEANUP(arena_deinit) struct arena arena = { 0 };
    CLEANUP(str_deinit) struct str text = { 0 };
    struct intent intent = { .attached = true };
    struct err err;
    size_t i;

    arena_init(&arena, ARENA_MAX);
    str_init(&text, JSON_VALUE_BYTES_MAX);
    cr_assert_eq(json_decode_intent(INTENT, strlen(INTENT), &arena, &intent, &err), 0);
    cr_expect(!intent.attached);
    cr_expect_str_eq(intent.join, "");
    cr_assert_eq(json_decode_intent(joined, strlen(joined), &arena, &intent, &err), 0, "%s",
                 err.msg);
    cr_expect(intent.attached);
    cr_expect_str_eq(intent.join, "00112233445566aa");
    cr_assert_eq(json_encode_intent(&intent, &text, &err), 0);
    cr_expect_str_eq(str_text(&text), joined);
    for (i = 0; i < ARRAY_COUNT(rows); i++) {
        cr_expect_eq(decode_intent(rows[i].bytes, strlen(rows[i].bytes), &intent, &err),
                     ERR_INVALID);
        cr_expect_str_eq(err.msg, rows[i].says);
    }
}

Test(json, texts_that_are_none_are_refused)
{
    static const struct {
        const char *bytes;
        size_t size;
    } rows[] = {
        { "", 0 },
        { " ", 1 },
        { "null", 4 },
        { "[]", 2 },
        { "{}", 2 },
        { "{", 1 },
        { "\"", 1 },
        { INTENT "x", sizeof(INTENT) },
        { INTENT INTENT, 2 * (sizeof(INTENT) - 1) },
        { INTENT, sizeof(INTENT) }, /* with its NUL */
        { INTENT, sizeof(INTENT) - 2 },
        { "{\"a\":\"\\u0000\"}", 14 },
        { "{\"a\":\"\\", 7 },
        { "{\"a\":\"\\u00", 10 },
        { "{\"a\":\"\n\"}", 9 },
        { "{\"a\":\"\xff\"}", 9 },
        { "{\"a\":\"\xed\xa0\x80\"}", 11 },
        { "{\"a\":\"\\ud800\"}", 14 },
        { "\xef\xbb\xbf", 3 },
    };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(rows); i++) {
        struct intent intent = { 0 };
        struct err err;

        cr_expect_eq(decode_intent(rows[i].bytes, rows[i].size, &intent, &err), ERR_INVALID,
                     "row %zu", i);
    }
}

/* A NUL that is spelled in an escape must not cut a name short. */
Test(json, an_escaped_nul_does_not_end_a_text)
{
    const char *text = changed("\"host\":\"h1\"", "\"host\":\"h1\\u0000evil\"");
    struct intent intent = { 0 };
    struct err err;

    cr_expect_eq(decode_intent(text, strlen(text), &intent, &err), ERR_INVALID);
    text = changed("\"host\":\"h1\"", "\"host\":\"h1\",\"x\":\"\\\\u0000\"");
    cr_expect_eq(decode_intent(text, strlen(text), &intent, &err), 0, "%s", err.msg);
}

Test(json, nesting_and_size_have_limits)
{
    static char deep[4096];
    CLEANUP(arena_deinit) struct arena arena = { 0 };
    char *large = malloc(JSON_VALUE_BYTES_MAX + 1);
    struct lineage lineage;
    struct err err;
    size_t i;

    arena_init(&arena, ARENA_MAX);
    for (i = 1; i < 40; i++) {
        (void)snprintf(deep, sizeof(deep), "{\"x\":%.*s%.*s,\"epoch\":1,\"version\":2}", (int)i,
                       "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", (int)i,
                       "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");
        cr_expect_eq(json_decode_lineage(deep, strlen(deep), &arena, &lineage, &err),
                     i < 16 ? 0 : ERR_INVALID, "%zu", i);
    }
    memset(large, ' ', JSON_VALUE_BYTES_MAX + 1);
    memcpy(large, "{\"epoch\":1,\"version\":2}", 23);
    cr_expect_eq(json_decode_lineage(large, JSON_VALUE_BYTES_MAX, &arena, &lineage, &err), 0);
    cr_expect_eq(json_decode_lineage(large, JSON_VALUE_BYTES_MAX + 1, &arena, &lineage, &err),
                 ERR_INVALID);
    free(large);
}

/* Every byte of a value, replaced by every other: an answer, and never a crash. */
Test(json, no_changed_byte_does_harm)
{
    static const char replacements[] = "\x00\x01\"\\{}[]:,019-eE.\x7f\x80\xff u";
    char text[] = INTENT;
    size_t at;
    size_t i;

    for (at = 0; at < sizeof(text) - 1; at++) {
        char before = text[at];

        for (i = 0; i < sizeof(replacements) - 1; i++) {
            struct intent intent = { 0 };
            struct err err;
            int rv;

            text[at] = replacements[i];
            rv = decode_intent(text, sizeof(text) - 1, &intent, &err);
            cr_assert(rv == 0 || rv == ERR_INVALID, "byte %zu as 0x%02x: %d", at,
                      (unsigned char)text[at], rv);
        }
        text[at] = before;
    }
}

Test(json, labels_are_sorted_and_unique)
{
    static const char head[] = "{\"name\":\"h\",\"zone\":\"\",\"labels\":";
    static const char tail[] =
        ",\"memoryBytes\":0,\"nodesMax\":1,\"ipFirst\":\"\",\"ipCount\":0,\"dataPort\":1,"
        "\"watcherVersion\":\"\",\"memcachedVersion\":\"\",\"problem\":\"\"}";
    static const struct {
        const char *labels;
        const char *says;
    } rows[] = {
        { "{\"b\":\"2\",\"a\":\"1\",\"c\":\"\"}", NULL },
        { "{}", NULL },
        { "{\"a\":\"1\",\"a\":\"1\"}", "labels: \"a\" is there twice" },
        { "{\"A\":\"1\"}", "labels: is no label: \"A\"" },
        { "{\"a\":\" \"}", "labels: is no label: \"a\"" },
        { "{\"a\":1}", "labels: is no label: \"a\"" },
        { "[]", "labels: must be an object" },
    };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(rows); i++) {
        CLEANUP(arena_deinit) struct arena arena = { 0 };
        char text[512];
        struct host host = { 0 };
        struct err err = { 0 };
        int rv;

        arena_init(&arena, ARENA_MAX);
        (void)snprintf(text, sizeof(text), "%s%s%s", head, rows[i].labels, tail);
        rv = json_decode_host(text, strlen(text), &arena, &host, &err);
        cr_assert_eq(rv, rows[i].says == NULL ? 0 : ERR_INVALID, "%s: %s", text, err.msg);
        if (rows[i].says != NULL) {
            cr_expect_str_eq(err.msg, rows[i].says);
        } else if (host.labels_count == 3) {
            cr_expect_str_eq(host.labels[0].name, "a");
            cr_expect_str_eq(host.labels[1].value, "2");
            cr_expect_str_eq(host.labels[2].name, "c");
        }
    }
}

Test(json, what_could_not_be_read_again_is_not_written)
{
    CLEANUP(arena_deinit) struct arena arena = { 0 };
    CLEANUP(str_deinit) struct str text = { 0 };
    struct gen gen = { 7, &arena };
    struct intent intent;
    struct err err;

    arena_init(&arena, ARENA_MAX);
    str_init(&text, JSON_VALUE_BYTES_MAX);
    str_append_text(&text, "before ");
    gen_intent(&gen, &intent);
    intent.phase_since_ms = UINT64_MAX;
    cr_expect_eq(json_encode_intent(&intent, &text, &err), ERR_INVALID);
    intent.phase_since_ms = 1;
    intent.uid = NULL;
    cr_expect_eq(json_encode_intent(&intent, &text, &err), ERR_INVALID);
    cr_expect_str_eq(err.msg, "uid: has no text");
    intent.uid = "short";
    cr_expect_eq(json_encode_intent(&intent, &text, &err), ERR_INVALID);
    intent.uid = "0123456789abcdef";
    cr_expect_eq(json_encode_intent(&intent, &text, &err), 0, "%s", err.msg);
    str_truncate(&text, strlen("before "));
    intent.settings.memory_bytes++;
    cr_expect_eq(json_encode_intent(&intent, &text, &err), ERR_INVALID, "a rule over fields");
    cr_expect_str_eq(str_text(&text), "before ");
    cr_expect_not(str_failed(&text));
}

Test(json, texts_for_humans_are_cut_and_made_utf8)
{
    CLEANUP(arena_deinit) struct arena arena = { 0 };
    CLEANUP(str_deinit) struct str text = { 0 };
    struct event event = { "web", 1, "test", "Normal", "Word", "subject", NULL };
    struct event back = { 0 };
    struct err err;
    char message[10000];

    arena_init(&arena, ARENA_MAX);
    str_init(&text, JSON_VALUE_BYTES_MAX);
    memset(message, 0xff, sizeof(message) - 1);
    message[sizeof(message) - 1] = '\0';
    event.message = message;
    cr_assert_eq(json_encode_event(&event, &text, &err), 0);
    cr_assert_eq(json_decode_event(text.bytes, text.size, &arena, &back, &err), 0, "%s", err.msg);
    cr_expect_leq(strlen(back.message), 2048);
    cr_expect_eq(strncmp(back.message, "\xEF\xBF\xBD\xEF\xBF\xBD", 6), 0);

    str_clear(&text);
    memset(message, 'x', sizeof(message) - 1);
    memcpy(message + 2046, "\xF0\x9F\x98\x80", 4);
    cr_assert_eq(json_encode_event(&event, &text, &err), 0);
    cr_assert_eq(json_decode_event(text.bytes, text.size, &arena, &back, &err), 0, "%s", err.msg);
    cr_expect_eq(strlen(back.message), 2046, "no half of a character");
}

Test(json, conditions_of_a_newer_release_are_passed_over)
{
    static const char text[] =
        "{\"observedGeneration\":1,\"uid\":\"\",\"version\":0,\"nodesWanted\":1,\"nodesReady\":0,"
        "\"nodesConverged\":0,\"nodesUpdated\":0,\"progressMs\":0,\"resumedMs\":0,\"conditions\":[{\"type\":\"Sparkling\",\"status\":7},"
        "{\"type\":\"Ready\",\"status\":true,\"reason\":\"Served\",\"message\":\"\","
        "\"sinceMs\":5}%s],\"slots\":[]}";
    CLEANUP(arena_deinit) struct arena arena = { 0 };
    struct status status = { 0 };
    struct err err;
    char line[1024];

    arena_init(&arena, ARENA_MAX);
    (void)snprintf(line, sizeof(line), text, "");
    cr_assert_eq(json_decode_status(line, strlen(line), &arena, &status, &err), 0, "%s", err.msg);
    cr_expect(status.conditions[CONDITION_READY].status);
    cr_expect_str_eq(status.conditions[CONDITION_STALLED].reason, "");
    (void)snprintf(line, sizeof(line), text,
                   ",{\"type\":\"Ready\",\"status\":true,\"reason\":\"Served\",\"message\":\"\","
                   "\"sinceMs\":5}");
    cr_assert_eq(json_decode_status(line, strlen(line), &arena, &status, &err), ERR_INVALID);
    cr_expect_str_eq(err.msg, "conditions[2]: is there twice");
}

/* Readers that sum up would take -1 for a count. */
Test(json, a_count_that_is_not_known_is_null)
{
    CLEANUP(arena_deinit) struct arena arena = { 0 };
    CLEANUP(str_deinit) struct str text = { 0 };
    struct gen gen = { 7, &arena };
    struct node_report report = { 0 };
    struct node_report back = { 0 };
    struct err err;
    char *at;

    arena_init(&arena, ARENA_MAX);
    str_init(&text, JSON_VALUE_BYTES_MAX);
    gen_node_report(&gen, &report);
    report.clients = REPORT_CLIENTS_UNKNOWN;
    cr_assert_eq(json_encode_node_report(&report, &text, &err), 0, "%s", err.msg);
    at = strstr(str_text(&text), "\"clients\":null,");
    cr_assert_not_null(at, "%s", str_text(&text));
    cr_assert_eq(json_decode_node_report(text.bytes, text.size, &arena, &back, &err), 0, "%s",
                 err.msg);
    cr_expect_eq(back.clients, REPORT_CLIENTS_UNKNOWN);
    memcpy(at, "\"clients\":  -1,", strlen("\"clients\":  -1,"));
    cr_expect_eq(json_decode_node_report(text.bytes, text.size, &arena, &back, &err), ERR_INVALID);
}

/* Each allocation of ours fails once, in both directions. */
Test(json, survives_every_allocation_failure)
{
    CLEANUP(arena_deinit) struct arena values = { 0 };
    struct gen gen = { 3, &values };
    struct spec_record record;
    struct err err;
    int failures = 0;
    int n = 0;
    bool again = true;

    arena_init(&values, ARENA_MAX);
    gen_spec_record(&gen, &record);
    while (again) {
        CLEANUP(arena_deinit) struct arena arena = { 0 };
        CLEANUP(str_deinit) struct str text = { 0 };
        struct spec_record back = { 0 };
        int rv;

        arena_init(&arena, ARENA_MAX);
        str_init(&text, JSON_VALUE_BYTES_MAX);
        mem_fail_after(n++);
        rv = json_encode_spec_record(&record, &text, &err);
        if (rv == 0) {
            rv = json_decode_spec_record(text.bytes, text.size, &arena, &back, &err);
        }
        again = mem_has_failed();
        failures += again ? 1 : 0;
        cr_assert_eq(rv, again ? ERR_NOMEM : 0);
    }
    mem_fail_after(-1);
    cr_expect_gt(failures, 4);
}

Test(json, a_text_without_room_is_a_limit)
{
    CLEANUP(str_deinit) struct str text = { 0 };
    struct lineage lineage = { 1, 2 };
    struct err err;

    str_init(&text, 10);
    cr_expect_eq(json_encode_lineage(&lineage, &text, &err), ERR_LIMIT);
    cr_expect(str_failed(&text));
}
