#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "discovery/request.h"
#include "discovery/tracker.h"
#include "tests/unit/discovery/stories.h"

struct line {
    const char *text;
    enum request_kind kind;
    uint64_t bytes; /* of the body; for REQUEST_ODD, the most that may follow */
};

static const struct line lines[] = {
    { "get k\r\n", REQUEST_PLAIN, 0 },
    { "get muster:config k\r\n", REQUEST_PLAIN, 0 },
    { "get  muster:config\r\n", REQUEST_PLAIN, 0 },
    { "gat 0 muster:config\r\n", REQUEST_PLAIN, 0 },
    { "get muster:config \r\n", REQUEST_RECORD_GET, 0 },
    { "gets AmazonElastiCache:cluster\n", REQUEST_PAYLOAD_GET, 0 },
    { "config get cluster\r\n", REQUEST_CONFIG_GET, 0 },
    { "config get cluster x\r\n", REQUEST_PLAIN, 0 },
    { "config get other\r\n", REQUEST_PLAIN, 0 },
    { "config watch cluster\r\n", REQUEST_CONFIG_WATCH, 0 },
    { " config get cluster\r\n", REQUEST_PLAIN, 0 },
    { "CONFIG GET CLUSTER\r\n", REQUEST_UNKNOWN, 0 },
    { "set k 0 0 5\r\n", REQUEST_PLAIN, 7 },
    { "set k 4294967295 -1 0 noreply\n", REQUEST_PLAIN, 2 },
    { "set k 4294967296 0 5\r\n", REQUEST_ODD, 7 },
    { "set k 0 1700000000000 5\r\n", REQUEST_ODD, 7 },
    { "set k 0 x 5\r\n", REQUEST_ODD, 7 },
    { "set k 0 0 5 norepl\r\n", REQUEST_ODD, 7 },
    { "set  k 0 0 5\r\n", REQUEST_ODD, 7 },
    { "set  k 0 70000 5\r\n", REQUEST_ODD, 70002 },
    { "set k 0 0 05\r\n", REQUEST_ODD, 7 },
    { "set k 0 0 99999999999999999999999\r\n", REQUEST_ODD, 4294967297 },
    { "set k\t0 0 5\r\n", REQUEST_ODD, 7 },
    { "set k 0 0 5 \r\n", REQUEST_ODD, 7 },
    { "set k x y z\r\n", REQUEST_ODD, 0 },
    { "set\r\n", REQUEST_ODD, 0 },
    { "setx k 0 0 5\r\n", REQUEST_UNKNOWN, 0 },
    { "cas k 0 0 5 17\r\n", REQUEST_PLAIN, 7 },
    { "cas k 0 0 5\r\n", REQUEST_ODD, 7 },
    { "cas muster:config 0 0 5 17 noreply\r\n", REQUEST_RECORD_SET, 7 },
    { "append muster:config 0 0 5\r\n", REQUEST_PLAIN, 7 },
    { "ms k 5\r\n", REQUEST_PLAIN, 7 },
    { "ms muster:config 5 T0 q\r\n", REQUEST_PLAIN, 7 },
    { "ms k 5 q q\r\n", REQUEST_ODD, 7 },
    { "ms k 5 b\r\n", REQUEST_ODD, 7 },
    { "ms k\r\n", REQUEST_ODD, 0 },
    { "ms k S5\r\n", REQUEST_ODD, 7 },
    { "\r\n", REQUEST_PLAIN, 0 },
    { "watch\r\n", REQUEST_UNKNOWN, 0 },
    { "quit\r\n", REQUEST_QUIT, 0 },
};

Test(request, each_line_is_what_all_versions_make_of_it)
{
    struct request request;
    size_t i;
    size_t size;

    for (i = 0; i < ARRAY_COUNT(lines); i++) {
        const struct line *line = &lines[i];
        const size_t whole = strlen(line->text);

        for (size = 0; size < whole; size++) {
            cr_assert_eq(request_parse(REQUEST_TEXT, line->text, size, &request), REQUEST_PARTIAL);
        }
        cr_assert_eq(request_parse(REQUEST_TEXT, line->text, whole, &request), 0);
        cr_assert_eq(request.head_bytes, whole);
        cr_assert_eq(request.kind, line->kind, "%s is %d", line->text, (int)request.kind);
        cr_assert_eq(request.kind == REQUEST_ODD ? request.odd_bytes_max : request.body_bytes,
                     line->bytes, "%s", line->text);
    }
}

Test(request, a_key_of_250_bytes_is_the_longest)
{
    char key[REQUEST_KEY_BYTES_MAX + 1];
    char text[400];
    struct request request;
    int size;

    memset(key, 'k', sizeof(key));
    for (size = REQUEST_KEY_BYTES_MAX; size <= REQUEST_KEY_BYTES_MAX + 1; size++) {
        (void)snprintf(text, sizeof(text), "set %.*s 0 0 5\r\n", size, key);
        cr_assert_eq(request_parse(REQUEST_TEXT, text, strlen(text), &request), 0);
        cr_assert_eq(request.kind, size == REQUEST_KEY_BYTES_MAX ? REQUEST_PLAIN : REQUEST_ODD);
    }
}

/* Hand the stream to a tracker as memcached's fresh reads would; what is left when it stops. */
static enum tracker_verdict follow(struct tracker *tracker, const char *bytes, size_t size,
                                   size_t *at)
{
    enum tracker_verdict verdict = TRACKER_ALL;
    struct request ours;
    size_t used;

    while (*at < size && verdict == TRACKER_ALL) {
        verdict = tracker_ask(tracker, TRACKER_FRESH_BYTES);
        if (verdict == TRACKER_ALL) {
            verdict = tracker_scan(tracker, bytes + *at, size - *at, &used, &ours);
            *at += used;
        }
    }
    return verdict;
}

Test(tracker, stops_before_each_story_behind_a_command)
{
    static const char get[] = "get k\r\n";
    static const char noop[] = "\x80\x0a\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    char bytes[1024];
    size_t i;

    for (i = 0; i < stories_count; i++) {
        const bool binary = (unsigned char)stories[i].said[0] == REQUEST_BINARY_MAGIC;
        const char *before = binary ? noop : get;
        const size_t before_bytes = binary ? sizeof(noop) - 1 : sizeof(get) - 1;
        struct tracker tracker;
        size_t at = 0;

        memcpy(bytes, before, before_bytes);
        memcpy(bytes + before_bytes, stories[i].said, stories[i].said_bytes);
        tracker_init(&tracker, TRACKER_ANY);
        cr_assert_eq(follow(&tracker, bytes, before_bytes + stories[i].said_bytes, &at),
                     TRACKER_OURS, "%s", stories[i].said);
        cr_assert_eq(at, before_bytes);
    }
}

Test(tracker, hands_on_nothing_behind_an_odd_line_before_memcached_has_asked)
{
    static const char said[] = "set k 0 x 18\r\nconfig get cluster\r\nget k\r\n";
    struct tracker tracker;
    struct request ours;
    size_t used;

    tracker_init(&tracker, TRACKER_ANY);
    cr_assert_eq(tracker_ask(&tracker, TRACKER_FRESH_BYTES), TRACKER_ALL);
    cr_assert_eq(tracker_scan(&tracker, said, sizeof(said) - 1, &used, &ours), TRACKER_CUT);
    cr_assert_eq(used, 14);
    cr_assert_eq(tracker_ask(&tracker, 20), TRACKER_ALL); /* it consumes data */
    cr_assert_eq(tracker_scan(&tracker, said + 14, sizeof(said) - 15, &used, &ours), TRACKER_CUT);
    cr_assert_eq(used, 20);
    cr_assert_eq(tracker_ask(&tracker, TRACKER_FRESH_BYTES), TRACKER_ALL);
    cr_assert_eq(tracker.state, TRACKER_COMMAND);
}

Test(tracker, closes_where_data_and_a_new_command_look_alike)
{
    static const char said[] = "set  k 0 0 20000\r\nconfig get cluster\r\n";
    struct tracker tracker;
    struct request ours;
    size_t used;

    tracker_init(&tracker, TRACKER_ANY);
    cr_assert_eq(tracker_ask(&tracker, TRACKER_FRESH_BYTES), TRACKER_ALL);
    cr_assert_eq(tracker_scan(&tracker, said, sizeof(said) - 1, &used, &ours), TRACKER_CUT);
    cr_assert_eq(tracker_ask(&tracker, TRACKER_FRESH_BYTES), TRACKER_CLOSE);
}

Test(tracker, gives_up_where_memcached_contradicts)
{
    struct tracker tracker;
    struct request ours;
    size_t used;

    tracker_init(&tracker, TRACKER_ANY);
    cr_assert_eq(tracker_ask(&tracker, 5), TRACKER_ALL); /* TLS reads its record header first */
    cr_assert_eq(tracker.state, TRACKER_OPAQUE);
    cr_assert_eq(tracker_scan(&tracker, "config get cluster\r\n", 20, &used, &ours), TRACKER_ALL);
    cr_assert_eq(used, 20);
    tracker_init(&tracker, TRACKER_ANY);
    cr_assert_eq(tracker_ask(&tracker, TRACKER_FRESH_BYTES), TRACKER_ALL);
    cr_assert_eq(tracker_scan(&tracker, "set k 0 0 50\r\nxx", 16, &used, &ours), TRACKER_ALL);
    cr_assert_eq(tracker_ask(&tracker, TRACKER_FRESH_BYTES), TRACKER_ALL);
    cr_assert_eq(tracker.state, TRACKER_OPAQUE);
}

/*
 * A long line makes memcached enlarge its buffer; when that is filled, it reads on before it
 * has carried out what is in it, so that nothing may be answered yet.
 */
Test(tracker, answers_nothing_while_memcached_only_fills_its_buffer)
{
    static char said[65536];
    static const char ask[] = "config get cluster\r\n";
    const size_t full = TRACKER_FRESH_BYTES + 2 * TRACKER_FRESH_BYTES;
    struct tracker tracker;
    struct request ours;
    size_t used;

    memset(said, 'k', sizeof(said));
    memcpy(said, "get ", 4);
    said[full - 1] = '\n';
    memcpy(said + full, ask, sizeof(ask) - 1);
    tracker_init(&tracker, TRACKER_ANY);
    cr_assert_eq(tracker_ask(&tracker, TRACKER_FRESH_BYTES), TRACKER_ALL);
    cr_assert_eq(tracker_scan(&tracker, said, TRACKER_FRESH_BYTES, &used, &ours), TRACKER_ALL);
    cr_assert_eq(used, TRACKER_FRESH_BYTES);
    cr_assert_eq(tracker_ask(&tracker, full - used), TRACKER_ALL);
    cr_assert_eq(tracker_scan(&tracker, said + used, full - used, &used, &ours), TRACKER_ALL);
    cr_assert_eq(tracker.state, TRACKER_COMMAND);
    cr_assert_eq(tracker_ask(&tracker, 2 * full), TRACKER_LATER);
    cr_assert_eq(tracker_ask(&tracker, TRACKER_FRESH_BYTES), TRACKER_ALL);
    cr_assert_eq(tracker_scan(&tracker, said + full, sizeof(ask) - 1, &used, &ours), TRACKER_OURS);
}
