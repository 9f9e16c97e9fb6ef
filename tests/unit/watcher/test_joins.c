/* What is written below the keys of joiners: what is genuine is reported, all else refused, and
 * everybody who listens hears of it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "codec/join_request.h"
#include "codec/model_json.h"
#include "discovery/inbox.h"
#include "guest.h"
#include "support/etcd_server.h"
#include "support/net.h"
#include "support/wait.h"
#include "watcher/joins.h"

TestSuite(joins, .timeout = 120);

#define UID_A "aaaaaaaaaaaaaaaa"
#define UID_B "bbbbbbbbbbbbbbbb"
#define OTHER_TOKEN "fedcba9876543210fedcba9876543210fedc"

static struct join a_join(const char *uid)
{
    static char nonce[JOIN_NONCE_SIZE];

    join_nonce(nonce);
    return (struct join){ .cluster = WORLD_CLUSTER,
                          .cluster_uid = WORLD_UID,
                          .uid = uid,
                          .host = "h",
                          .ip = "10.9.8.7",
                          .data_port = 11211,
                          .discovery_port = 11210,
                          .settings = { .memory_bytes = UINT64_C(64) << 20,
                                        .threads = 4,
                                        .connections_max = 1024,
                                        .item_bytes_max = 1U << 20 },
                          .issued_ms = clock_wall_ms(),
                          .nonce = nonce };
}

static const char *sealed(struct world *w, const struct join *join, const char *token)
{
    CLEANUP(str_deinit) struct str json;
    struct join_tokens tokens;
    struct err err;

    str_init(&json, JSON_VALUE_BYTES_MAX);
    cr_assert_eq(join_tokens_read(token, strlen(token), "token", &tokens, &err), 0);
    cr_assert_eq(join_request_seal(join, &tokens, &json, &err), 0, "%s", err.msg);
    return arena_strdup(&w->arena, str_text(&json));
}

static const char *set_join(struct world *w, const char *uid, const char *request)
{
    return arena_printf(&w->arena, "set muster:join:%s 0 0 %zu\r\n%s\r\n", uid, strlen(request),
                        request);
}

/* The answer is one of two; NULL: there is but one. Returns whether it is the first. */
static bool write_answered(struct world *w, uint16_t port, const char *uid, const char *request,
                           const char *answers[2])
{
    const char *text = set_join(w, uid, request);
    char *reply = world_ask(1, port, text, "\r\n");
    bool first = strcmp(reply, answers[0]) == 0;

    cr_assert(first || (answers[1] != NULL && strcmp(reply, answers[1]) == 0), "%s", reply);
    free(reply);
    return first;
}

static void write_request(struct world *w, uint16_t port, const char *uid, const char *request)
{
    const char *answers[2] = { "STORED\r\n", NULL };

    (void)write_answered(w, port, uid, request, answers);
}

/* At a discovery port, which says why. */
static void write_refused(struct world *w, const char *uid, const char *request,
                          const char *verdict)
{
    const char *answers[2] = {
        arena_printf(&w->arena, "SERVER_ERROR join refused: %s\r\n", verdict), NULL
    };

    (void)write_answered(w, WORLD_DISCOVERY_PORT, uid, request, answers);
}

static uint64_t count(const char *verdict)
{
    char *stats = world_ask(1, WORLD_DISCOVERY_PORT, "stats joins\r\n", "END\r\n");
    char row[64];
    const char *at;
    uint64_t number;

    (void)snprintf(row, sizeof(row), "STAT joins_%s ", verdict);
    at = strstr(stats, row);
    cr_assert_not_null(at, "%s in %s", row, stats);
    number = strtoull(at + strlen(row), NULL, 10);
    free(stats);
    return number;
}

struct expectation {
    const char *verdict;
    uint64_t count;
};

static bool is_counted(void *ctx)
{
    const struct expectation *expectation = ctx;

    return count(expectation->verdict) == expectation->count;
}

static void must_count(const char *verdict, uint64_t number)
{
    struct expectation expectation = { verdict, number };

    cr_assert(wait_until(is_counted, &expectation, WAIT_MS), "%s: %llu instead of %llu", verdict,
              (unsigned long long)count(verdict), (unsigned long long)number);
}

Test(joins, what_is_not_genuine_is_refused_counted_and_logged)
{
    struct join join = a_join(UID_A);
    struct join foreign = a_join(UID_B);
    struct join expired = a_join(UID_B);
    struct join early = a_join(UID_B);
    const char *genuine;
    struct world w;
    char uid[JOIN_UID_SIZE];

    guest_world(&w, 1);
    genuine = sealed(&w, &join, GUEST_TOKEN);
    foreign.cluster_uid = "00000000000000ab";
    expired.issued_ms -= JOIN_LIFETIME_MS + JOIN_CLOCK_SKEW_MS;
    early.issued_ms += 2 * JOIN_CLOCK_SKEW_MS;
    write_request(&w, WORLD_DATA_PORT, UID_A, "{}");
    must_count("malformed", 1);
    write_request(&w, WORLD_DATA_PORT, UID_B, genuine);
    must_count("malformed", 2);
    write_request(&w, WORLD_DATA_PORT, UID_A, sealed(&w, &join, OTHER_TOKEN));
    must_count("forged", 1);
    write_request(&w, WORLD_DATA_PORT, UID_B, sealed(&w, &foreign, GUEST_TOKEN));
    must_count("foreign", 1);
    write_request(&w, WORLD_DATA_PORT, UID_B, sealed(&w, &expired, GUEST_TOKEN));
    must_count("expired", 1);
    write_request(&w, WORLD_DATA_PORT, UID_B, sealed(&w, &early, GUEST_TOKEN));
    must_count("early", 1);
    cr_expect(!guest_has_join(&w, WORLD_HOST), "something that is not genuine is reported");

    write_request(&w, WORLD_DATA_PORT, UID_A, genuine);
    (void)guest_await_join(&w, WORLD_HOST, uid);
    cr_expect_str_eq(uid, UID_A);
    write_refused(&w, UID_A, genuine, "duplicate");
    must_count("duplicate", 1);
    join.issued_ms -= 1;
    write_refused(&w, UID_A, sealed(&w, &join, GUEST_TOKEN), "replayed");
    must_count("replayed", 1);
    cr_expect_eq(count("taken"), 1);
    cr_expect_eq(count("held"), 1);
    cr_expect(world_watcher_says(&w, "join-refused"));
    cr_expect(world_watcher_says(&w, "verdict=malformed"));
    world_await_event(&w, "JoinRefused");
    world_deinit(&w);
}

/* A token is given out, changed and taken back without a restart. */
Test(joins, tokens_are_those_of_the_moment)
{
    struct join join = a_join(UID_A);
    char uid[JOIN_UID_SIZE];
    struct scene_path file;
    struct world w;

    guest_world(&w, 1);
    file = scene_path("tokens/" WORLD_CLUSTER);
    cr_assert_eq(unlink(file.text), 0);
    write_request(&w, WORLD_DATA_PORT, UID_A, sealed(&w, &join, OTHER_TOKEN));
    must_count("untokened", 1);
    (void)scene_write("tokens/" WORLD_CLUSTER, OTHER_TOKEN "\n" GUEST_TOKEN "\n");
    cr_assert_eq(chmod(file.text, 0644), 0);
    write_request(&w, WORLD_DATA_PORT, UID_A, sealed(&w, &join, OTHER_TOKEN));
    must_count("untokened", 2); /* others may read it */
    cr_assert_eq(chmod(file.text, 0600), 0);
    write_request(&w, WORLD_DATA_PORT, UID_A, sealed(&w, &join, OTHER_TOKEN));
    (void)guest_await_join(&w, WORLD_HOST, uid);
    cr_expect_str_eq(uid, UID_A);
    world_deinit(&w);
}

Test(joins, subscribers_hear_of_a_request_and_can_read_it)
{
    struct join join = a_join(UID_A);
    char uid[JOIN_UID_SIZE];
    const char *request;
    struct world w;
    char *reply;

    guest_world(&w, 1);
    request = sealed(&w, &join, GUEST_TOKEN);
    write_request(&w, WORLD_DATA_PORT, UID_A, request);
    (void)guest_await_join(&w, WORLD_HOST, uid);
    reply = world_ask(1, WORLD_DISCOVERY_PORT, "config watch cluster\r\n",
                      "JOIN-REQUESTED " UID_A "\r\n");
    cr_expect_not_null(strstr(reply, "CONFIG-CHANGED 1\r\n"), "%s", reply);
    free(reply);
    reply = world_ask(1, WORLD_DISCOVERY_PORT, "get muster:join:" UID_A "\r\n", "END\r\n");
    cr_expect_not_null(strstr(reply, request), "%s", reply);
    free(reply);
    reply = world_ask(1, WORLD_DISCOVERY_PORT, "get muster:join:" UID_B "\r\n", "END\r\n");
    cr_expect_str_eq(reply, "END\r\n");
    free(reply);
    world_deinit(&w);
}

/* What is written is refused at once where the watcher itself is asked, and only there. */
Test(joins, a_discovery_port_says_why_it_refuses)
{
    struct join join = a_join(UID_A);
    struct join foreign = a_join(UID_B);
    struct world w;
    char *reply;

    guest_world(&w, 1);
    foreign.cluster = "others";
    write_refused(&w, UID_A, sealed(&w, &join, OTHER_TOKEN), "forged");
    write_refused(&w, UID_B, sealed(&w, &join, GUEST_TOKEN), "malformed");
    write_refused(&w, UID_B, sealed(&w, &foreign, GUEST_TOKEN), "foreign");
    must_count("forged", 1);
    must_count("foreign", 1);
    cr_expect(world_watcher_says(&w, "verdict=forged detail=\"h at 10.9.8.7:11211, cluster "));
    reply = world_ask(1, WORLD_DISCOVERY_PORT,
                      "set muster:join:" UID_A " 0 0 2 noreply\r\n{}\r\nmn\r\n", "MN\r\n");
    cr_expect_str_eq(reply, "MN\r\n");
    free(reply);
    must_count("malformed", 2);
    cr_assert_eq(unlink(scene_path("tokens/" WORLD_CLUSTER).text), 0);
    write_refused(&w, UID_A, sealed(&w, &join, GUEST_TOKEN), "untokened");
    cr_expect_eq(count("taken"), 0);
    world_deinit(&w);
}

/* Forged requests in a node's inbox, as whoever has taken over its memcached puts them there. */
static void flood_inbox(const char *request)
{
    const struct inbox_entry entry = {
        .kind = INBOX_JOIN, .uid = UID_B, .value = request, .value_bytes = strlen(request)
    };
    struct scene_path inbox = scene_path("partitions/" WORLD_CLUSTER "/0001/inbox");
    struct err err;
    uint32_t n = 0;

    while (n < 2 * JOINS_CHECKED_PER_S) {
        cr_assert_eq(inbox_put(inbox.text, n, &entry, &err), 0, "%s", err.msg);
        n++;
        if (n % INBOX_RING == 0) {
            must_count("forged", n);
        }
    }
}

/* Whoever can't sign keeps nobody from joining who can, however much he writes. */
Test(joins, forged_requests_use_up_nothing_that_others_need)
{
    struct join forged = a_join(UID_B);
    struct join join = a_join(UID_A);
    char uid[JOIN_UID_SIZE];
    struct world w;

    guest_world(&w, 1);
    flood_inbox(sealed(&w, &forged, OTHER_TOKEN));
    write_request(&w, WORLD_DATA_PORT, UID_A, sealed(&w, &join, GUEST_TOKEN));
    (void)guest_await_join(&w, WORLD_HOST, uid);
    cr_expect_str_eq(uid, UID_A);
    cr_expect_eq(count("hurried"), 0);
    world_deinit(&w);
}

/* Anybody may write: that must cost neither etcd nor the log much, nor the node its service; and
 * one who does it too often takes nothing from others. */
Test(joins, a_flood_of_requests_is_bounded)
{
    const char *answers[2] = { "SERVER_ERROR join refused: malformed\r\n",
                               "SERVER_ERROR too many writes\r\n" };
    struct join join = a_join(UID_A);
    uint64_t before_ms;
    uint64_t checked = 0;
    const char *request;
    uint64_t seconds;
    struct world w;
    char *reply;
    int i;

    guest_world(&w, 1);
    before_ms = clock_mono_ms();
    for (i = 0; i < 400; i++) {
        checked += write_answered(&w, WORLD_DISCOVERY_PORT, UID_B, "{}", answers) ? 1 : 0;
    }
    seconds = (clock_mono_ms() - before_ms) / 1000 + 1;
    cr_expect_leq(checked, (seconds + RATE_BURST_SECONDS) * RATE_WRITES_PER_SECOND);
    must_count("malformed", checked);
    cr_expect(world_serves(1, WORLD_DATA_PORT, 1));
    request = set_join(&w, UID_A, sealed(&w, &join, GUEST_TOKEN));
    reply = net_ask_from(scene_ip(9).text, scene_ip(1).text, WORLD_DISCOVERY_PORT, request, "\r\n");
    cr_expect_str_eq(reply, "STORED\r\n");
    free(reply);
    must_count("taken", 1);
    world_deinit(&w);
}

/* Who has read a request could bring it back once the watcher has forgotten it. */
Test(joins, a_replay_is_known_after_a_restart)
{
    struct join join = a_join(UID_A);
    struct scene_path tokens = guest_tokens();
    const char *more[] = { "--join-tokens", tokens.text, NULL };
    char uid[JOIN_UID_SIZE];
    const char *request;
    struct world w;

    guest_world(&w, 1);
    request = sealed(&w, &join, GUEST_TOKEN);
    write_request(&w, WORLD_DATA_PORT, UID_A, request);
    (void)guest_await_join(&w, WORLD_HOST, uid);
    process_kill(w.watcher);
    world_start_watcher(&w, more);
    cr_assert(world_watcher_says(&w, "config-served"));
    write_request(&w, WORLD_DATA_PORT, UID_A, request);
    must_count("replayed", 1);
    cr_expect_eq(count("taken"), 0);
    world_deinit(&w);
}

/* What waits here is not lost with etcd. */
Test(joins, a_request_waits_while_etcd_is_away)
{
    struct join join = a_join(UID_A);
    char uid[JOIN_UID_SIZE];
    struct world w;

    guest_world(&w, 1);
    etcd_server_kill(w.server);
    write_request(&w, WORLD_DATA_PORT, UID_A, sealed(&w, &join, GUEST_TOKEN));
    must_count("taken", 1);
    etcd_server_restart(w.server);
    (void)guest_await_join(&w, WORLD_HOST, uid);
    world_deinit(&w);
}
