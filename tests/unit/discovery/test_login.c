#include <criterion/criterion.h>
#include <string.h>

#include "base/cleanup.h"

#include "discovery/login.h"
#include "discovery/tracker.h"

/* ---- Logins, told to a tracker as memcached would answer them ---- */

/* Memcached asks for a buffer; `*used` bytes of `bytes` are handed on. */
static enum tracker_verdict read_next(struct tracker *tracker, const char *bytes, size_t size,
                                      size_t *used)
{
    struct request ours;

    cr_assert_eq(tracker_ask(tracker, TRACKER_FRESH_BYTES), TRACKER_ALL);
    return tracker_scan(tracker, bytes, size, used, &ours);
}

static void hear(struct tracker *tracker, const char *text)
{
    if (tracker_listens(tracker)) {
        tracker_hear(tracker, text, strlen(text));
    }
}

static void begin(struct tracker *tracker, enum login_kind kind)
{
    tracker_init(tracker, kind == LOGIN_TEXT ? TRACKER_TEXT_ONLY : TRACKER_BINARY_ONLY);
    tracker_guard(tracker, kind);
}

#define CONFIG_GET "config get cluster\r\n"

/* What is answered to the last line decides, whole and alone. */
Test(login, only_the_answer_to_a_login_that_is_accepted_lets_in)
{
    static const struct {
        const char *heard[3]; /* in so many pieces */
        bool let_in;
    } cases[] = {
        { { "STORED\r\n" }, true },
        { { "STO", "RED", "\r\n" }, true },
        { { "STORED\r" }, false },
        { { "STORED\r\nSTORED\r\n" }, false },
        { { "CLIENT_ERROR unauthenticated\r\n" }, false },
        { { "CLIENT_ERROR unauthenticated\r\n", "STORED\r\n" }, false },
        { { "NOT_STORED\r\n" }, false },
        { { NULL }, false },
    };
    struct tracker tracker;
    size_t used;
    size_t i;
    size_t k;

    for (i = 0; i < ARRAY_COUNT(cases); i++) {
        begin(&tracker, LOGIN_TEXT);
        cr_assert_eq(read_next(&tracker, "u p\r\n" CONFIG_GET, 25, &used), TRACKER_CUT);
        cr_assert_eq(used, 5, "more than a line is handed on");
        for (k = 0; k < ARRAY_COUNT(cases[i].heard) && cases[i].heard[k] != NULL; k++) {
            hear(&tracker, cases[i].heard[k]);
        }
        cr_expect_eq(read_next(&tracker, CONFIG_GET, 20, &used) == TRACKER_OURS, cases[i].let_in,
                     "case %zu", i);
    }
}

Test(login, a_line_without_an_end_passes_and_lets_nobody_in)
{
    static const char half[] = "set a 0 0 1";
    struct tracker tracker;
    size_t used;

    begin(&tracker, LOGIN_TEXT);
    (void)read_next(&tracker, half, sizeof(half) - 1, &used);
    cr_expect_eq(used, sizeof(half) - 1);
    hear(&tracker, "CLIENT_ERROR\r\n");
    cr_expect_neq(read_next(&tracker, CONFIG_GET, 20, &used), TRACKER_OURS);
}

/* A request of an opcode with a key, whose data, if any, is not there yet. */
static size_t make_frame(char *frame, unsigned opcode, const char *key, size_t data_bytes)
{
    const size_t key_bytes = strlen(key);

    memset(frame, 0, 24);
    frame[0] = (char)0x80;
    frame[1] = (char)opcode;
    frame[3] = (char)key_bytes;
    frame[11] = (char)(key_bytes + data_bytes);
    memcpy(frame + 24, key, key_bytes);
    return 24 + key_bytes;
}

static void hear_status(struct tracker *tracker, unsigned opcode, unsigned status, size_t body)
{
    char answer[64] = { (char)0x81, (char)opcode };

    answer[7] = (char)status;
    answer[11] = (char)body;
    if (tracker_listens(tracker)) {
        tracker_hear(tracker, answer, 24 + body);
    }
}

/* Hand over a login and its data, and hear the answer. */
static void try_login(struct tracker *tracker, unsigned opcode, unsigned answered, unsigned status)
{
    char frame[64];
    size_t size = make_frame(frame, opcode, "PLAIN", 4);
    struct request ours;
    size_t used;

    cr_assert_eq(read_next(tracker, frame, size, &used), TRACKER_CUT);
    cr_assert_eq(used, size);
    cr_assert_eq(tracker_ask(tracker, 4), TRACKER_ALL); /* memcached wants its data */
    cr_assert_eq(tracker_scan(tracker, "\0a\0b", 4, &used, &ours), TRACKER_ALL);
    hear_status(tracker, answered, status, 13);
}

static bool is_answered(struct tracker *tracker)
{
    char frame[64];
    size_t size = make_frame(frame, 0x60, "cluster", 0);
    size_t used;

    return read_next(tracker, frame, size, &used) == TRACKER_OURS;
}

Test(login, a_binary_login_is_over_when_its_own_answer_says_so)
{
    static const struct {
        unsigned opcode;
        unsigned answered;
        unsigned status;
        bool let_in;
    } cases[] = {
        { 0x21, 0x21, 0x00, true },  { 0x22, 0x22, 0x00, true },  { 0x21, 0x21, 0x20, false },
        { 0x21, 0x21, 0x21, false }, { 0x21, 0x22, 0x00, false }, { 0x20, 0x20, 0x00, false },
        { 0x21, 0x0b, 0x00, false },
    };
    struct tracker tracker;
    size_t i;

    for (i = 0; i < ARRAY_COUNT(cases); i++) {
        begin(&tracker, LOGIN_BINARY);
        try_login(&tracker, cases[i].opcode, cases[i].answered, cases[i].status);
        cr_expect_eq(is_answered(&tracker), cases[i].let_in, "case %zu", i);
    }
}

Test(login, an_answer_with_more_behind_it_is_not_the_one_to_a_login)
{
    struct tracker tracker;

    begin(&tracker, LOGIN_BINARY);
    try_login(&tracker, 0x21, 0x21, 0x00);
    hear_status(&tracker, 0x21, 0x00, 13);
    cr_expect_not(is_answered(&tracker));
}

Test(login, a_further_attempt_counts_from_then_on)
{
    struct tracker tracker;

    begin(&tracker, LOGIN_BINARY);
    try_login(&tracker, 0x21, 0x21, 0x00);
    cr_expect(is_answered(&tracker));
    try_login(&tracker, 0x21, 0x21, 0x20);
    cr_expect_not(is_answered(&tracker));
}

/* Behind another command it waits for its turn: the next answer is then its own. */
Test(login, a_binary_login_goes_to_memcached_alone)
{
    struct tracker tracker;
    char frames[128];
    size_t size = make_frame(frames, 0x0b, "", 0);
    size_t used;

    begin(&tracker, LOGIN_BINARY);
    size += make_frame(frames + size, 0x21, "PLAIN", 0);
    cr_expect_eq(read_next(&tracker, frames, size, &used), TRACKER_CUT);
    cr_expect_eq(used, 24);
}

Test(login, without_a_login_to_wait_for_all_is_open)
{
    struct tracker tracker;

    tracker_init(&tracker, TRACKER_ANY);
    tracker_guard(&tracker, LOGIN_NONE);
    cr_expect_not(tracker_listens(&tracker));
    cr_expect(is_answered(&tracker));
}
