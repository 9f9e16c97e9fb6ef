#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "discovery/inbox.h"
#include "discovery/session.h"
#include "tests/unit/discovery/stories.h"

static char dir[64];
static struct session_env env;
static struct session_values values;
static struct session session;
static char answer[1 << 20];
static size_t answer_bytes;

static void setup(void)
{
    (void)snprintf(dir, sizeof(dir), "/tmp/muster-session.XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    values = (struct session_values){ .held_max = 2 };
    env = (struct session_env){ .cell = &story_cell, .inbox = dir, .values = &values };
    session_init(&session);
}

static void teardown(void)
{
    struct inbox_entry entry;
    struct inbox_list list;
    static char buffer[INBOX_BUFFER_BYTES];
    struct err err;
    size_t i;

    session_deinit(&session, &env);
    session_env_deinit(&env);
    cr_expect_eq(values.held, 0);
    if (inbox_scan(dir, &list, &err) == 0) {
        for (i = 0; i < list.count; i++) {
            (void)!inbox_take(dir, list.names[i], buffer, &entry, &err);
        }
    }
    (void)rmdir(dir);
}

TestSuite(session, .init = setup, .fini = teardown);

/* Feed bytes and collect what is answered; the last event. */
static enum session_event feed(const char *bytes, size_t size)
{
    enum session_event event = SESSION_MORE;
    size_t used;

    do {
        event = session_feed(&session, &env, bytes, size, &used);
        bytes += used;
        size -= used;
        cr_assert_leq(answer_bytes + reply_bytes(&env.reply), sizeof(answer));
        reply_copy(&env.reply, answer + answer_bytes);
        answer_bytes += reply_bytes(&env.reply);
    } while (0 < size && event != SESSION_CLOSE);
    return event;
}

static void restart(void)
{
    session_deinit(&session, &env);
    session_init(&session);
    answer_bytes = 0;
}

static void expect(const char *text, size_t size, const char *what, size_t split)
{
    cr_assert_eq(answer_bytes, size, "%s, split at %zu: got %zu bytes: %.*s", what, split,
                 answer_bytes, (int)answer_bytes, answer);
    cr_assert_arr_eq(answer, text, size, "%s, split at %zu: got %.*s", what, split,
                     (int)answer_bytes, answer);
}

Test(session, answers_each_story_whatever_the_split)
{
    size_t i;
    size_t split;

    for (i = 0; i < stories_count; i++) {
        const struct story *story = &stories[i];

        for (split = 0; split <= story->said_bytes; split++) {
            restart();
            if (0 < split) {
                (void)feed(story->said, split);
            }
            if (split < story->said_bytes) {
                (void)feed(story->said + split, story->said_bytes - split);
            }
            expect(story->answer, story->answer_bytes, story->said, split);
        }
    }
}

Test(session, answers_pipelined_stories_in_order)
{
    static char said[1 << 16];
    static char expected[1 << 16];
    size_t said_bytes;
    size_t expected_bytes;
    unsigned binary;
    size_t i;

    for (binary = 0; binary < 2; binary++) {
        said_bytes = 0;
        expected_bytes = 0;
        for (i = 0; i < stories_count; i++) {
            if (((unsigned char)stories[i].said[0] == REQUEST_BINARY_MAGIC) == (binary == 1)) {
                memcpy(said + said_bytes, stories[i].said, stories[i].said_bytes);
                said_bytes += stories[i].said_bytes;
                memcpy(expected + expected_bytes, stories[i].answer, stories[i].answer_bytes);
                expected_bytes += stories[i].answer_bytes;
            }
        }
        restart();
        (void)feed(said, said_bytes);
        expect(expected, expected_bytes, "all at once", 0);
        restart();
        for (i = 0; i < said_bytes; i++) {
            (void)feed(said + i, 1);
        }
        expect(expected, expected_bytes, "byte by byte", 0);
    }
}

Test(session, says_end_and_no_error_before_the_first_configuration)
{
    static const struct segment_cell nothing = { .version = 0 };
    static const char said[] = "config get cluster\r\nget AmazonElastiCache:cluster\r\n"
                               "gets muster:config\r\nadd muster:config 0 0 1\r\nx\r\n"
                               "cas muster:config 0 0 1 1\r\nx\r\n";
    static const char expected[] = "END\r\nEND\r\nEND\r\nSTORED\r\nNOT_FOUND\r\n";

    env.cell = &nothing;
    (void)feed(said, sizeof(said) - 1);
    expect(expected, sizeof(expected) - 1, "nothing to serve", 0);
}

Test(session, answers_what_clients_ask_of_a_server)
{
    static const char said[] =
        "version\r\nmn\r\nverbosity 1\r\nverbosity 0 noreply\r\nverbosity\r\nget foo\r\n"
        "set foo 0 0 9\r\nversion\r\n\r\nfoo\r\n\r\nconfig get other\r\nquit\r\nversion\r\n";
    static const char expected[] =
        "VERSION 1.6.18\r\nMN\r\nOK\r\nERROR\r\nERROR\r\nERROR\r\nERROR\r\n"
        "ERROR\r\nERROR\r\n";

    cr_assert_eq(feed(said, sizeof(said) - 1), SESSION_CLOSE);
    expect(expected, sizeof(expected) - 1, "server commands", 0);
}

static bool add_rows(void *ctx, const char *group, struct rows *rows)
{
    const size_t *count = ctx;
    char name[32];
    size_t i;

    if (strcmp(group, "peers") != 0) {
        return false;
    }
    for (i = 0; i < *count; i++) {
        (void)snprintf(name, sizeof(name), "row %zu\n", i);
        rows_add(rows, name, "two words\r\nEND");
    }
    return true;
}

Test(session, stats_say_what_was_asked_for)
{
    static const char said[] = "config get cluster\r\nconfig set cluster 0 1\r\nx\r\nstats\r\n";
    static const char expected[] =
        "STORED\r\nSTAT version 1.6.18\r\nSTAT curr_config 7\r\nSTAT cmd_config_get 1\r\n"
        "STAT cmd_config_set 1\r\nSTAT cmd_config_watch 0\r\nEND\r\n";

    (void)feed(said, sizeof(said) - 1);
    answer[answer_bytes] = '\0';
    cr_assert_not_null(strstr(answer, expected), "%s", answer);
}

/* Whatever a row holds, it stays one row. */
Test(session, groups_of_stats_come_from_the_source)
{
    static const char expected[] =
        "STAT row?0? two words??END\r\nSTAT row?1? two words??END\r\nEND\r\n"
        "ERROR\r\nERROR\r\nERROR\r\n";
    static const char said[] =
        "stats peers\r\nstats other\r\nstats peers more\r\nstats a-name-that-is-too-long\r\n";
    size_t count = 2;

    env.source = (struct session_source){ .stats = add_rows, .ctx = &count };
    (void)feed(said, sizeof(said) - 1);
    expect(expected, sizeof(expected) - 1, "groups", 0);
}

Test(session, binary_stats_are_a_packet_for_each_row)
{
    static const char said[] = "\x80\x10\0\5\0\0\0\0\0\0\0\5\xde\xad\xbe\xef\0\0\0\0\0\0\0\0peers";
    static const char expected[] =
        "\x81\x10\0\6\0\0\0\0\0\0\0\x14\xde\xad\xbe\xef\0\0\0\0\0\0\0\0row?0?two words??END"
        "\x81\x10\0\0\0\0\0\0\0\0\0\0\xde\xad\xbe\xef\0\0\0\0\0\0\0\0";
    size_t count = 1;

    env.source = (struct session_source){ .stats = add_rows, .ctx = &count };
    (void)feed(said, sizeof(said) - 1);
    expect(expected, sizeof(expected) - 1, "binary", 0);
}

Test(session, an_answer_that_grows_too_long_is_refused_as_a_whole)
{
    static const char expected[] = "SERVER_ERROR out of memory writing the answer\r\n";
    size_t count = ROWS_BYTES_MAX / 20;

    env.source = (struct session_source){ .stats = add_rows, .ctx = &count };
    (void)feed("stats peers\r\n", 13);
    expect(expected, sizeof(expected) - 1, "too long", 0);
    answer_bytes = 0;
    count = 0;
    (void)feed("stats peers\r\n", 13);
    expect("END\r\n", 5, "the next one", 0);
    cr_expect_leq(env.rows.capacity, ROWS_KEPT_BYTES_MAX);
}

#define OTHER_UID "fedcba9876543210"

static bool held_join(void *ctx, size_t index, struct session_join *out)
{
    static const struct session_join held[] = { { STORY_UID, "one", 3 },
                                                { OTHER_UID, "other", 5 } };

    (void)ctx;
    if (index < ARRAY_COUNT(held)) {
        *out = held[index];
    }
    return index < ARRAY_COUNT(held);
}

Test(session, a_join_that_is_held_can_be_read)
{
    static const char said[] = "get muster:join:" OTHER_UID "\r\ngets muster:join:" STORY_UID "\r\n"
                               "get muster:join:0000000000000000\r\nget muster:join:0\r\n";
    static const char expected[] = "VALUE muster:join:" OTHER_UID " 0 5\r\nother\r\nEND\r\n"
                                   "VALUE muster:join:" STORY_UID " 0 3 0\r\none\r\nEND\r\n"
                                   "END\r\nERROR\r\n";
    static const char binary[] =
        "\x80\0\0\x1c\0\0\0\0\0\0\0\x1c\xde\xad\xbe\xef\0\0\0\0\0\0\0\0muster:join:" STORY_UID;
    static const char binary_expected[] =
        "\x81\0\0\0\4\0\0\0\0\0\0\7\xde\xad\xbe\xef\0\0\0\0\0\0\0\0\0\0\0\0one";

    env.source = (struct session_source){ .join_at = held_join };
    (void)feed(said, sizeof(said) - 1);
    expect(expected, sizeof(expected) - 1, "joins", 0);
    restart();
    (void)feed(binary, sizeof(binary) - 1);
    expect(binary_expected, sizeof(binary_expected) - 1, "binary", 0);
}

static const char *refuses_ones(void *ctx, const char *uid, const char *request,
                                size_t request_bytes)
{
    (void)ctx;
    cr_expect_str_eq(uid, STORY_UID);
    return request_bytes == 1 && request[0] == '1' ? "odd" : NULL;
}

/* A request to join is refused where it is asked for, and only what is not refused is handed over.
 */
Test(session, a_join_that_is_refused_goes_nowhere)
{
    static const char said[] = "set muster:join:" STORY_UID " 0 0 1\r\n1\r\n"
                               "set muster:join:" STORY_UID " 0 0 1 noreply\r\n1\r\n"
                               "set muster:join:" STORY_UID " 0 0 1\r\n12\r\n"
                               "set muster:join:" STORY_UID " 0 0 1\r\n2\r\n";
    static const char expected[] =
        "SERVER_ERROR join refused: odd\r\nCLIENT_ERROR bad data chunk\r\n";
    static const char binary[] = "\x80\1\0\x1c\x08\0\0\0\0\0\0\x25\xde\xad\xbe\xef\0\0\0\0\0\0\0\0"
                                 "\0\0\0\0\0\0\0\0muster:join:" STORY_UID "1";
    static const char binary_expected[] =
        "\x81\1\0\0\0\0\0\5\0\0\0\x11\xde\xad\xbe\xef\0\0\0\0\0\0\0\0join refused: odd";
    struct inbox_list list;
    struct err err;

    env.source = (struct session_source){ .join_refusal = refuses_ones };
    (void)feed(said, strlen(said));
    cr_expect_eq(strncmp(answer, expected, strlen(expected)), 0, "%s", answer);
    cr_assert_eq(inbox_scan(dir, &list, &err), 0);
    cr_expect_eq(list.count, 1);
    restart();
    (void)feed(binary, sizeof(binary) - 1);
    expect(binary_expected, sizeof(binary_expected) - 1, "binary", 0);
}

/* Others shall not have to wait for what costs much, also when there is nothing to answer. */
Test(session, what_is_costly_ends_a_turn)
{
    static const char said[] = "set muster:config 0 0 1 noreply\r\nx\r\n";
    char twice[2 * sizeof(said)];
    size_t used;

    (void)snprintf(twice, sizeof(twice), "%s%s", said, said);
    cr_expect_eq(session_feed(&session, &env, twice, strlen(twice), &used), SESSION_MORE);
    cr_expect(env.costly);
    cr_expect_eq(used, strlen(said));
    cr_expect_eq(session_feed(&session, &env, "config get cluster\r\n", 20, &used), SESSION_REPLY);
    cr_expect_not(env.costly);
    cr_expect_eq(session_feed(&session, &env, "stats\r\n", 7, &used), SESSION_REPLY);
    cr_expect(env.costly);
}

Test(session, a_subscriber_hears_of_the_joins_that_wait)
{
    static const char expected[] = "CONFIG-CHANGED 7\r\nJOIN-REQUESTED " STORY_UID "\r\n"
                                   "JOIN-REQUESTED " OTHER_UID "\r\n";

    env.source = (struct session_source){ .join_at = held_join };
    cr_assert_eq(feed("config watch cluster\r\n", 22), SESSION_WATCH);
    expect(expected, sizeof(expected) - 1, "watch", 0);
}

/* Only what waits for its rest costs memory. */
Test(session, holds_memory_only_while_a_command_is_incomplete)
{
    (void)feed("version\r\n", 9);
    cr_expect_null(session.head);
    cr_expect_not(session_incomplete(&session));
    (void)feed("ver", 3);
    cr_expect_not_null(session.head);
    cr_expect(session_incomplete(&session));
    (void)feed("sion\r\n", 6);
    cr_expect_null(session.head);
    cr_expect_not(session_incomplete(&session));
    (void)feed("set muster:config 0 0 2\r\n", 25);
    cr_expect(session_incomplete(&session));
}

/* Its header frames it; nothing has to be guessed. */
Test(session, an_unknown_binary_command_is_refused_and_stepped_over)
{
    static const char said[] = "\x80\x70\0\3\0\0\0\0\0\0\0\5\xde\xad\xbe\xef\0\0\0\0\0\0\0\0keyvv"
                               "\x80\x0a\0\0\0\0\0\0\0\0\0\0\xde\xad\xbe\xef\0\0\0\0\0\0\0\0";
    static const char expected[] =
        "\x81\x70\0\0\0\0\0\x81\0\0\0\xf\xde\xad\xbe\xef\0\0\0\0\0\0\0\0Unknown command"
        "\x81\x0a\0\0\0\0\0\0\0\0\0\0\xde\xad\xbe\xef\0\0\0\0\0\0\0\0";

    (void)feed(said, sizeof(said) - 1);
    expect(expected, sizeof(expected) - 1, "unknown", 0);
}

Test(session, a_value_that_is_too_large_is_refused_and_swallowed)
{
    static char value[DISCOVERY_RECORD_BYTES_MAX + 3];
    static const char expected[] = "SERVER_ERROR object too large for cache\r\nVERSION 1.6.18\r\n";
    char head[64];

    memset(value, 'v', sizeof(value));
    (void)snprintf(head, sizeof(head), "set muster:config 0 0 %d\r\n",
                   DISCOVERY_RECORD_BYTES_MAX + 1);
    (void)feed(head, strlen(head));
    value[sizeof(value) - 2] = '\r';
    value[sizeof(value) - 1] = '\n';
    (void)feed(value, sizeof(value));
    (void)feed("version\r\n", 9);
    expect(expected, sizeof(expected) - 1, "too large", 0);
}

Test(session, the_largest_value_reaches_the_inbox)
{
    static char value[DISCOVERY_RECORD_BYTES_MAX + 2];
    static char buffer[INBOX_BUFFER_BYTES];
    struct inbox_entry entry;
    struct inbox_list list;
    struct err err;
    char head[64];

    memset(value, 'v', sizeof(value));
    value[sizeof(value) - 2] = '\r';
    value[sizeof(value) - 1] = '\n';
    (void)snprintf(head, sizeof(head), "set muster:config 0 0 %d\r\n", DISCOVERY_RECORD_BYTES_MAX);
    (void)feed(head, strlen(head));
    (void)feed(value, sizeof(value));
    expect("STORED\r\n", 8, "largest", 0);
    cr_assert_eq(inbox_scan(dir, &list, &err), 0);
    cr_assert_eq(list.count, 1);
    cr_assert_eq(inbox_take(dir, list.names[0], buffer, &entry, &err), 0);
    cr_assert_eq(entry.value_bytes, DISCOVERY_RECORD_BYTES_MAX);
}

Test(session, writes_are_refused_without_an_inbox)
{
    static const char expected[] = "SERVER_ERROR configuration writes are switched off\r\n";

    cr_assert_eq(rmdir(dir), 0);
    (void)feed("set muster:config 0 0 1\r\nx\r\n", 28);
    expect(expected, sizeof(expected) - 1, "off", 0);
}

Test(session, only_so_many_values_are_collected_at_a_time)
{
    static const char expected[] = "SERVER_ERROR out of memory storing object\r\n";

    values.held = values.held_max;
    (void)feed("set muster:config 0 0 1\r\nx\r\n", 28);
    expect(expected, sizeof(expected) - 1, "budget", 0);
    values.held = 0;
}

Test(session, a_subscriber_hears_the_version_at_once_and_may_go_on_asking)
{
    struct reply reply;

    cr_assert_eq(feed("config watch cluster\r\n", 22), SESSION_WATCH);
    cr_assert(session.watching);
    expect("CONFIG-CHANGED 7\r\n", 18, "watch", 0);
    reply_change(8, &reply);
    cr_assert_eq(reply_bytes(&reply), 18);
    cr_assert_arr_eq(reply.head, "CONFIG-CHANGED 8\r\n", 18);
    answer_bytes = 0;
    (void)feed("version\r\n", 9);
    expect("VERSION 1.6.18\r\n", 16, "after watch", 0);
}

Test(session, closes_where_it_cannot_know_what_follows)
{
    static char line[4096];

    cr_assert_eq(feed("set  foo 0 0 5\r\n", 16), SESSION_CLOSE);
    expect("ERROR\r\n", 7, "odd line", 0);
    restart();
    memset(line, 'x', sizeof(line));
    cr_assert_eq(feed(line, sizeof(line)), SESSION_CLOSE);
    restart();
    cr_assert_eq(feed("set foo 0 0 2000000\r\n", 21), SESSION_CLOSE);
}
