/* Lost answers, frozen, vanished and restarted members. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "world.h"

#define TRY_MS (2 * WORLD_TRY_MS) /* where another endpoint takes over */

static const struct etcd_op put_x = {
    .kind = ETCD_PUT, .key = "/t/x", .value = "x", .value_bytes = 1
};

/* How often the key was written. */
static unsigned writes_of_x(struct world *w)
{
    CLEANUP(mem_free_p)
    char *reply = etcd_server_post(w->server, "/v3/kv/range", "{\"key\":\"L3QveA==\"}");
    const char *version = strstr(reply, "\"version\":\"");

    return version == NULL ? 0 : (unsigned)strtoul(version + 11, NULL, 10);
}

static void open_two(struct world *w, const char *first, const char *second)
{
    char endpoints[128];
    struct etcd_options options = { .endpoints = endpoints,
                                    .try_timeout_ms = TRY_MS,
                                    .request_timeout_ms = WAIT_MS };

    (void)snprintf(endpoints, sizeof(endpoints), "%s,%s", first, second);
    world_open(w, &options);
}

/* ---- Writes: once or not at all ---- */

Test(faults, a_write_whose_answer_is_lost_is_not_sent_again)
{
    struct world w;
    struct etcd_txn_result result;
    struct err err;

    world_start_relayed(&w);
    (void)world_list(&w, "/t/"); /* a kept connection: libcurl itself would send again on it */
    relay_set(w.relay, RELAY_CUT_REPLIES);
    cr_expect_eq(world_write(&w, NULL, &put_x, &result, &err), ERR_TIMEOUT);
    cr_expect_not_null(strstr(err.msg, "outcome unknown"), "%s", err.msg);
    relay_set(w.relay, RELAY_PASS);
    cr_expect_eq(writes_of_x(&w), 1);
    cr_expect_eq(world_write(&w, NULL, &put_x, &result, &err), 0, "%s", err.msg);
    cr_expect_eq(writes_of_x(&w), 2);
    world_end(&w);
}

Test(faults, a_write_that_was_lost_on_a_kept_connection_is_not_sent_again_either)
{
    struct world w;
    struct etcd_txn_result result;
    struct err err;

    world_start_relayed(&w);
    (void)world_list(&w, "/t/");
    relay_set(w.relay, RELAY_CUT_REQUESTS);
    cr_expect_eq(world_write(&w, NULL, &put_x, &result, &err), ERR_TIMEOUT);
    relay_set(w.relay, RELAY_PASS);
    cr_expect_eq(writes_of_x(&w), 0);
    world_end(&w);
}

Test(faults, a_write_that_was_surely_not_sent_goes_to_the_next_endpoint)
{
    struct world w = { .server = etcd_server_start() };
    struct etcd_txn_result result;
    struct err err;
    char nobody[64];

    (void)snprintf(nobody, sizeof(nobody), "http://%s:2379", scene_ip(9).text);
    open_two(&w, nobody, etcd_server_url(w.server));
    cr_expect_eq(world_write(&w, NULL, &put_x, &result, &err), 0, "%s", err.msg);
    cr_expect_eq(writes_of_x(&w), 1);
    world_end(&w);
}

Test(faults, a_slow_answer_to_a_write_is_waited_for)
{
    struct world w;
    struct etcd_txn_result result;
    struct err err;

    world_start_relayed(&w);
    (void)world_list(&w, "/t/");
    relay_delay(w.relay, WORLD_TRY_MS * 3 / 4); /* there and back: longer than a try */
    cr_expect_eq(world_write(&w, NULL, &put_x, &result, &err), 0, "%s", err.msg);
    cr_expect_eq(writes_of_x(&w), 1);
    world_end(&w);
}

Test(faults, a_frozen_etcd_leaves_a_writes_outcome_unknown)
{
    struct world w;
    struct etcd_txn_result result;
    struct err err;
    uint64_t start_ms;

    world_start_impatient(&w);
    (void)world_list(&w, "/t/");
    etcd_server_freeze(w.server);
    start_ms = clock_mono_ms();
    cr_expect_eq(world_write(&w, NULL, &put_x, &result, &err), ERR_TIMEOUT);
    cr_expect_lt(clock_mono_ms() - start_ms, WAIT_MS / 2, "it had all of its time");
    etcd_server_thaw(w.server);
    etcd_server_wait_ready(w.server);
    cr_expect_eq(world_write(&w, NULL, &put_x, &result, &err), 0, "%s", err.msg);
    world_end(&w);
}

/* ---- Reads: again and again ---- */

Test(faults, a_read_whose_answer_is_lost_is_asked_again)
{
    struct world w;
    struct etcd_range_result result;
    struct err err;

    world_start_relayed(&w);
    (void)world_put(&w, "/t/a", "1", 0);
    relay_cut(w.relay);
    cr_expect_eq(world_read(&w, "/t/a", &result, &err), 0, "%s", err.msg);
    cr_expect_eq(result.count, 1);
    world_end(&w);
}

Test(faults, an_etcd_that_is_away_is_told_when_time_is_over)
{
    struct world w = { .loop = NULL };
    struct etcd_range_result result;
    struct etcd_txn_result written;
    struct err err;
    char nobody[64];
    uint64_t start_ms = clock_mono_ms();

    (void)snprintf(nobody, sizeof(nobody), "http://%s:2379", scene_ip(9).text);
    world_open(&w, &(struct etcd_options){ .endpoints = nobody, .request_timeout_ms = 300 });
    cr_expect_eq(world_read(&w, "/t/a", &result, &err), ERR_UNAVAILABLE);
    cr_expect_not_null(strstr(err.msg, nobody), "%s", err.msg);
    cr_expect_eq(world_write(&w, NULL, &put_x, &written, &err), ERR_UNAVAILABLE);
    cr_expect_lt(clock_mono_ms() - start_ms, WAIT_MS / 2);
    cr_expect_neq(etcd_trouble(w.etcd)[0], '\0');
    world_end(&w);
}

Test(faults, requests_are_counted_with_how_they_ended)
{
    struct world w = { .server = etcd_server_start() };
    struct etcd_range_result result;
    struct err err;
    const struct etcd_counts *counts;
    uint64_t tries;

    world_open(&w, &(struct etcd_options){ .endpoints = etcd_server_url(w.server),
                                           .request_timeout_ms = WORLD_TRY_MS });
    counts = etcd_counts(w.etcd);
    (void)world_put(&w, "/t/a", "1", 0);
    cr_expect_eq(world_read(&w, "/t/a", &result, &err), 0, "%s", err.msg);
    cr_expect_eq(histogram_count(&counts->seconds[ETCD_REQUEST_TXN]), 1);
    cr_expect_eq(histogram_count(&counts->seconds[ETCD_REQUEST_RANGE]), 1);
    cr_expect_eq(counts->failures[ETCD_REQUEST_RANGE], 0);
    cr_expect_lt(etcd_silence_ms(w.etcd), WAIT_MS / 2);
    tries = counts->failed_tries;
    etcd_server_kill(w.server);
    cr_expect_eq(world_read(&w, "/t/a", &result, &err), ERR_UNAVAILABLE);
    cr_expect_eq(histogram_count(&counts->seconds[ETCD_REQUEST_RANGE]), 2);
    cr_expect_eq(counts->failures[ETCD_REQUEST_RANGE], 1);
    cr_expect_gt(counts->failed_tries, tries);
    cr_expect_gt(counts->seconds[ETCD_REQUEST_RANGE].sum, 0.1, "the tries count");
    world_end(&w);
}

struct answer {
    bool done;
    int code;
};

static void on_range(void *ctx, const struct etcd_range_result *result, const struct err *err)
{
    struct answer *answer = ctx;

    (void)result;
    answer->done = true;
    answer->code = err == NULL ? 0 : err->code;
}

Test(faults, a_patient_client_outlives_a_restart)
{
    struct world w = { .server = etcd_server_start() };
    struct etcd_range range = { .key = "/t/a" };
    struct etcd_options options = { .request_timeout_ms = UINT64_MAX };
    struct answer answer = { 0 };
    struct err err;

    options.endpoints = etcd_server_url(w.server);
    world_open(&w, &options);
    (void)world_put(&w, "/t/a", "1", 0);
    etcd_server_kill(w.server);
    cr_assert_eq(etcd_range(w.etcd, &range, on_range, &answer, &err), 0);
    cr_expect_eq(loop_run_until(w.loop, &answer.done, 500, &err), ERR_TIMEOUT);
    etcd_server_restart(w.server);
    cr_assert_eq(loop_run_until(w.loop, &answer.done, WAIT_MS, &err), 0);
    cr_expect_eq(answer.code, 0);
    cr_expect_str_eq(etcd_trouble(w.etcd), "");
    world_end(&w);
}

/* ---- Endpoints ---- */

Test(faults, a_frozen_endpoint_costs_one_try_and_then_nothing)
{
    struct world w = { .server = etcd_server_start() };
    struct scene_ip ip = scene_ip(1);
    struct etcd_range_result result;
    struct err err;
    char url[64];
    uint64_t start_ms;

    w.relay = relay_start(ip.text, RELAY_PORT, etcd_server_ip(w.server), ETCD_SERVER_PORT);
    (void)snprintf(url, sizeof(url), "http://%s:%d", ip.text, RELAY_PORT);
    open_two(&w, url, etcd_server_url(w.server));
    (void)world_list(&w, "/t/");
    cr_assert_gt(relay_connections(w.relay), 0);
    relay_set(w.relay, RELAY_HOLD);
    start_ms = clock_mono_ms();
    cr_expect_eq(world_read(&w, "/t/a", &result, &err), 0, "%s", err.msg);
    cr_expect_geq(clock_mono_ms() + 1, start_ms + TRY_MS);
    cr_expect_lt(clock_mono_ms() - start_ms, 3 * TRY_MS);
    start_ms = clock_mono_ms();
    cr_expect_eq(world_read(&w, "/t/a", &result, &err), 0, "%s", err.msg);
    cr_expect_lt(clock_mono_ms() - start_ms, TRY_MS);
    world_end(&w);
}

Test(faults, a_killed_endpoint_costs_nothing_worth_mentioning)
{
    struct world w = { .server = etcd_server_start() };
    struct scene_ip ip = scene_ip(1);
    struct etcd_range_result result;
    struct err err;
    char url[64];
    uint64_t start_ms;

    w.relay = relay_start(ip.text, RELAY_PORT, etcd_server_ip(w.server), ETCD_SERVER_PORT);
    (void)snprintf(url, sizeof(url), "http://%s:%d", ip.text, RELAY_PORT);
    open_two(&w, url, etcd_server_url(w.server));
    (void)world_list(&w, "/t/");
    relay_set(w.relay, RELAY_REFUSE);
    start_ms = clock_mono_ms();
    cr_expect_eq(world_read(&w, "/t/a", &result, &err), 0, "%s", err.msg);
    cr_expect_lt(clock_mono_ms() - start_ms, TRY_MS);
    world_end(&w);
}

/* A cluster of three survives the loss of any one, by whichever member the client speaks to. */
Test(faults, of_three_members_one_may_go)
{
    struct etcd_server *servers[3];
    struct world w = { .loop = NULL };
    char endpoints[256];
    struct etcd_options options = { .endpoints = endpoints,
                                    .try_timeout_ms = WORLD_TRY_MS,
                                    .request_timeout_ms = WAIT_MS };
    struct etcd_range_result result;
    struct etcd_txn_result written;
    struct err err;
    size_t i;

    etcd_server_start_cluster(servers, 3);
    (void)snprintf(endpoints, sizeof(endpoints), "%s,%s,%s", etcd_server_url(servers[0]),
                   etcd_server_url(servers[1]), etcd_server_url(servers[2]));
    world_open(&w, &options);
    for (i = 0; i < 3; i++) {
        (void)world_put(&w, "/t/a", "1", 0);
        etcd_server_kill(servers[i]);
        cr_expect_eq(world_read(&w, "/t/a", &result, &err), 0, "%s", err.msg);
        cr_expect_eq(world_write(&w, NULL, &put_x, &written, &err), 0, "%s", err.msg);
        etcd_server_restart(servers[i]);
    }
    world_end(&w);
}
