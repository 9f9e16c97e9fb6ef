/* A memcached that the test started joins, is a node, and leaves; nothing ever starts or ends it.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codec/envelope.h"
#include "codec/model_json.h"
#include "guest.h"
#include "model/spec_field.h"
#include "store/keys.h"
#include "support/net.h"
#include "support/wait.h"
#include "watcher/join_table.h"
#include "watcher/leave_file.h"
#include "watcher/sidecar.h"

TestSuite(sidecar, .timeout = 120);

/* ---- When to ask ---- */

Test(sidecar, asks_when_nothing_else_makes_it_a_node)
{
    unsigned bits;

    for (bits = 0; bits < 128; bits++) {
        struct sidecar_view view = { .found = (bits & 1) != 0,
                                     .heard = (bits & 2) != 0,
                                     .waited = (bits & 4) != 0,
                                     .known = (bits & 8) != 0,
                                     .placed = (bits & 16) != 0,
                                     .let_go = (bits & 32) != 0,
                                     .leaving = (bits & 64) != 0 };
        bool must_not = !view.found || view.placed || view.let_go || view.leaving;
        bool must = !must_not && view.heard;

        cr_expect(!must_not || !sidecar_asks(&view), "%x", bits);
        cr_expect(!must || sidecar_asks(&view), "%x", bits);
        if (!view.heard && view.known) {
            cr_expect(!sidecar_asks(&view), "etcd is away: it may well be a node, %x", bits);
        }
    }
}

/* ---- Helpers ---- */

static bool is_up(const struct node_report *report, const void *ctx)
{
    (void)ctx;
    return report->state == NODE_UP;
}

static bool is_down(const struct node_report *report, const void *ctx)
{
    (void)ctx;
    return report->state == NODE_DOWN;
}

static bool is_stopped(const struct node_report *report, const void *ctx)
{
    (void)ctx;
    return report->state == NODE_STOPPED;
}

static bool is_leaving(const struct node_report *report, const void *ctx)
{
    (void)ctx;
    return report->leaving;
}

static bool serves(const struct node_report *report, const void *ctx)
{
    return report->state == NODE_UP && report->served.version == *(const uint32_t *)ctx;
}

static bool was_restarted(const struct node_report *report, const void *ctx)
{
    return report->state == NODE_UP && report->restarts == *(const uint32_t *)ctx;
}

/* Up to being a node that serves `version`. */
static struct process *join(struct world *w, struct process **memcached, char *uid,
                            uint32_t version)
{
    struct process *sidecar;
    struct intent intent;

    guest_world(w, version);
    *memcached = guest_start_memcached(true);
    sidecar = guest_start_sidecar(w, NULL);
    (void)guest_await_join(w, WORLD_HOST, uid);
    intent = guest_intent(GUEST_SLOT, INTENT_RUN, uid);
    guest_put_intent(w, &intent);
    (void)guest_await(w, GUEST_SLOT, is_up, NULL);
    world_push_version(w, GUEST_NODE, version);
    (void)guest_await(w, GUEST_SLOT, serves, &version);
    return sidecar;
}

struct absence {
    struct world *world;
    const char *seen_by;
};

static bool no_join(void *ctx)
{
    const struct absence *absence = ctx;

    return !guest_has_join(absence->world, absence->seen_by);
}

/* ---- Joining ---- */

Test(sidecar, a_request_through_a_peer_is_reported_as_it_was_made)
{
    char uid[JOIN_UID_SIZE];
    struct join_report report;
    struct world w;

    guest_world(&w, 1);
    (void)guest_start_memcached(true);
    (void)guest_start_sidecar(&w, (const char *const[]){ "--slot", "7", NULL });
    report = guest_await_join(&w, WORLD_HOST, uid);
    cr_expect_eq(report.seen_in_slot, 1);
    cr_expect_str_eq(report.join.cluster_uid, WORLD_UID);
    cr_expect_str_eq(report.join.host, GUEST_HOST);
    cr_expect_str_eq(report.join.ip, scene_ip(GUEST_NODE).text);
    cr_expect_eq(report.join.data_port, WORLD_DATA_PORT);
    cr_expect_eq(report.join.slot_wanted, 7);
    cr_expect_eq(report.join.settings.memory_bytes, UINT64_C(32) << 20);
    cr_expect_eq(report.join.settings.threads, 2);
    cr_expect_str_eq(report.join.mac, "", "nobody who reads keys needs it");
    world_await_event(&w, "JoinRequested");
    world_deinit(&w);
}

Test(sidecar, one_that_is_admitted_is_proven_like_any_node)
{
    struct process *memcached;
    struct process *sidecar;
    struct node_report report;
    char uid[JOIN_UID_SIZE];
    struct world w;
    struct absence absence = { &w, WORLD_HOST };
    uint32_t two = 2;

    sidecar = join(&w, &memcached, uid, 1);
    world_push_version(&w, GUEST_NODE, 2);
    report = guest_await(&w, GUEST_SLOT, serves, &two);
    cr_expect(report.attached);
    cr_expect_str_eq(report.join, uid);
    cr_expect(!report.leaving);
    cr_expect_eq(report.partition, PARTITION_IN_PROCESS);
    cr_expect_eq(report.pid, process_pid(memcached));
    cr_expect_eq(report.settings.memory_bytes, UINT64_C(32) << 20);
    cr_expect(world_serves(GUEST_NODE, WORLD_DATA_PORT, 2));
    cr_expect(world_serves(GUEST_NODE, WORLD_DISCOVERY_PORT, 2));
    /* The list names it: who reported the request has no more to say. */
    world_push_version(&w, 1, 2);
    cr_expect(wait_until(no_join, &absence, WAIT_MS), "the request is still reported");
    cr_expect(process_running(sidecar));
    world_deinit(&w);
}

/* Its memcached answers as before: the list in its partition is all that was added. */
Test(sidecar, a_memcached_without_the_module_is_served_beside)
{
    struct process *sidecar;
    struct node_report report;
    char uid[JOIN_UID_SIZE];
    struct intent intent;
    struct world w;
    uint32_t one = 1;

    guest_world(&w, 1);
    (void)guest_start_memcached(false);
    sidecar = guest_start_sidecar(&w, NULL);
    (void)guest_await_join(&w, WORLD_HOST, uid);
    intent = guest_intent(GUEST_SLOT, INTENT_RUN, uid);
    guest_put_intent(&w, &intent);
    report = guest_await(&w, GUEST_SLOT, is_up, NULL);
    cr_expect_eq(report.partition, PARTITION_BESIDE);
    world_push(&w, GUEST_NODE, WORLD_DISCOVERY_PORT,
               world_seal(&w, &(struct world_record){ .version = 1 }));
    (void)guest_await(&w, GUEST_SLOT, serves, &one);
    cr_expect(process_running(sidecar));
    world_deinit(&w);
}

/* The partition of a node without the module is at the port below its memcached's. */
Test(sidecar, one_can_be_asked_through_at_the_discovery_port)
{
    struct intent intent = world_intent(1, INTENT_RUN);
    struct scene_path tokens = guest_tokens();
    const char *more[] = { "--join-tokens", tokens.text, "--module", "none", NULL };
    char uid[JOIN_UID_SIZE];
    struct world w;
    char *reply;

    world_init(&w);
    world_start_watcher(&w, more);
    world_put_intent(&w, &intent);
    (void)world_await_up(&w, 1);
    world_push(&w, 1, WORLD_DISCOVERY_PORT, world_seal(&w, &(struct world_record){ .version = 1 }));
    (void)world_await_served(&w, 1, 1);
    (void)guest_start_memcached(true);
    (void)guest_start_sidecar(&w, NULL);
    (void)guest_await_join(&w, WORLD_HOST, uid);
    reply = world_ask(1, WORLD_DATA_PORT, "stats\r\n", "END\r\n");
    cr_expect_not_null(strstr(reply, "STAT cmd_set 0\r\n"), "%s", reply);
    free(reply);
    world_deinit(&w);
}

static bool said(struct process *process, const char *text)
{
    char *output = process_output(process);
    bool found = strstr(output, text) != NULL;

    free(output);
    return found;
}

/* The token that the sidecar has. */
static struct scene_path write_token(const char *token)
{
    struct scene_path file = scene_write("token-of-the-guest", token);

    cr_assert_eq(chmod(file.text, 0600), 0);
    return file;
}

#define OTHER_TOKEN "fedcba9876543210fedcba9876543210\n"

/* A data port takes every request: the port below it tells what is wrong, and the next request that
 * is right gets through. */
Test(sidecar, one_that_is_refused_hears_why)
{
    struct scene_path token = write_token(OTHER_TOKEN);
    const char *more[] = { "--token-file", token.text, NULL };
    char uid[JOIN_UID_SIZE];
    struct process *sidecar;
    struct world w;

    guest_world(&w, 1);
    (void)guest_start_memcached(true);
    sidecar = guest_start_sidecar(&w, more);
    cr_assert(process_wait_output(sidecar, "join-asked"));
    cr_assert(process_wait_output(sidecar, "join-refused-by"));
    cr_expect(said(sidecar, "port=11210"));
    cr_expect(said(sidecar, "verdict=forged"));
    cr_expect(said(sidecar, join_verdict_text(JOIN_FORGED)));
    (void)write_token(GUEST_TOKEN "\n");
    (void)guest_await_join(&w, WORLD_HOST, uid);
    world_deinit(&w);
}

static bool refused_by(struct process *sidecar, unsigned node)
{
    char text[64];

    (void)snprintf(text, sizeof(text), "join-refused-by host=%s", scene_ip(node).text);
    return process_wait_output(sidecar, text);
}

#define NOBODYS_NODE 4U

/* Who is refused by one node asks the next one at once. And goes in by no other door. */
Test(sidecar, one_that_is_refused_asks_another_node)
{
    struct intent intent = world_intent(1, INTENT_RUN);
    struct intent other = world_intent(3, INTENT_RUN);
    struct scene_path tokens = guest_tokens();
    const char *more[] = { "--join-tokens", tokens.text, "--module", "none", NULL };
    struct scene_path token;
    char hosts[64];
    struct process *sidecar;
    struct world w;

    world_init(&w);
    world_start_watcher(&w, more);
    world_put_intent(&w, &intent);
    world_put_intent(&w, &other);
    (void)world_await_up(&w, 1);
    (void)world_await_up(&w, 3);
    world_push(&w, 1, WORLD_DISCOVERY_PORT, world_seal(&w, &(struct world_record){ .version = 1 }));
    world_push(&w, 3, WORLD_DISCOVERY_PORT, world_seal(&w, &(struct world_record){ .version = 1 }));
    (void)world_await_served(&w, 1, 1);
    (void)world_await_served(&w, 3, 1);
    token = write_token(OTHER_TOKEN);
    (void)guest_start_memcached(true);
    (void)snprintf(hosts, sizeof(hosts), "%s,%s,%s", scene_ip(1).text, scene_ip(3).text,
                   scene_ip(NOBODYS_NODE).text);
    sidecar =
        guest_start_sidecar(&w, (const char *const[]){ "--join", hosts, "--token-file", token.text,
                                                       "--cluster", WORLD_CLUSTER, NULL });
    cr_assert(refused_by(sidecar, 1));
    cr_assert(refused_by(sidecar, 3));
    cr_assert(process_wait_output(sidecar, "join-not-asked"));
    process_signal(sidecar, SIGTERM);
    (void)process_wait(sidecar);
    cr_expect(!said(sidecar, "join-without-peers"), "two of three are nodes, and have said no");
    world_deinit(&w);
}

#define PLAIN_NODE 3U
#define LATER_PORT (WORLD_DATA_PORT + 2)
#define OTHER_UID "00000000000000ff"

static bool both_answer(void *ctx)
{
    (void)ctx;
    return world_serves(1, WORLD_DATA_PORT, 0) && world_serves(1, LATER_PORT, 0);
}

static bool both_serve(void *ctx)
{
    (void)ctx;
    return world_serves(1, WORLD_DATA_PORT, 1) && world_serves(1, LATER_PORT, 1);
}

static bool is_refused_twice(void *ctx)
{
    char *stats = world_ask(1, LATER_PORT - 1, "stats joins\r\n", "END\r\n");
    bool twice = strstr(stats, "STAT joins_forged 2\r\n") != NULL;

    (void)ctx;
    free(stats);
    return twice;
}

/* Below a discovery port there may be the data port of another cluster's node: it is not for that
 * one that the request is. */
Test(sidecar, another_cluster_is_not_asked_for_being_near)
{
    struct intent near = world_intent(1, INTENT_RUN);
    struct intent asked = world_intent(1, INTENT_RUN);
    struct world_record of_near = { .version = 1, .cluster = "others", .uid = OTHER_UID };
    struct scene_path token = write_token(OTHER_TOKEN);
    struct scene_path tokens = guest_tokens();
    struct world w;
    char host[32];
    char *stats;

    near.cluster = "others";
    near.uid = OTHER_UID;
    asked.data_port = LATER_PORT;
    asked.discovery_port = LATER_PORT - 1;
    world_init(&w);
    world_start_watcher(&w, (const char *const[]){ "--join-tokens", tokens.text, NULL });
    world_put_intent(&w, &near);
    world_put_intent(&w, &asked);
    cr_assert(wait_until(both_answer, NULL, WAIT_MS));
    world_push(&w, 1, LATER_PORT, world_seal(&w, &(struct world_record){ .version = 1 }));
    world_push(&w, 1, WORLD_DATA_PORT, world_seal(&w, &of_near));
    cr_assert(wait_until(both_serve, NULL, WAIT_MS));
    (void)guest_start_memcached(true);
    (void)snprintf(host, sizeof(host), "%s:%u", scene_ip(1).text, LATER_PORT - 1U);
    (void)guest_start_sidecar(
        &w, (const char *const[]){ "--join", host, "--token-file", token.text, NULL });
    cr_assert(wait_until(is_refused_twice, NULL, WAIT_MS));
    stats = world_ask(1, LATER_PORT - 1, "stats joins\r\n", "END\r\n");
    cr_expect_not_null(strstr(stats, "STAT joins_untokened 0\r\n"), "%s", stats);
    free(stats);
    world_deinit(&w);
}

/* An ordinary key that looks like ours must not come about; not even where somebody has copied a
 * genuine configuration to. */
Test(sidecar, a_plain_memcached_is_never_written_to)
{
    struct scene_ip plain = scene_ip(PLAIN_NODE);
    const char *more[] = { "--join", plain.text, NULL };
    struct process *sidecar;
    struct world w;
    char *reply;

    guest_world(&w, 1);
    (void)guest_start_memcached(true);
    (void)guest_start_plain(PLAIN_NODE);
    world_push(&w, PLAIN_NODE, WORLD_DATA_PORT,
               world_seal(&w, &(struct world_record){ .version = 1 }));
    sidecar = guest_start_sidecar(&w, more);
    cr_assert(process_wait_output(sidecar, "no partition answers there"));
    reply = world_ask(PLAIN_NODE, WORLD_DATA_PORT, "stats\r\n", "END\r\n");
    cr_expect_not_null(strstr(reply, "STAT cmd_set 1\r\n"), "%s", reply);
    free(reply);
    world_deinit(&w);
}

static void put_spec(struct world *w)
{
    CLEANUP(str_deinit) struct str json;
    struct spec_record record = { .uid = WORLD_UID, .generation = 1 };
    struct key key = { .kind = KEY_SPEC, .cluster = WORLD_CLUSTER };
    char text[KEY_TEXT_SIZE];
    struct err err;

    spec_init(&record.spec);
    record.spec.name = WORLD_CLUSTER;
    record.spec.nodes = 1;
    str_init(&json, JSON_VALUE_BYTES_MAX);
    cr_assert_eq(json_encode_spec_record(&record, &json, &err), 0, "%s", err.msg);
    key_format(KEYS_PREFIX_DEFAULT, &key, text);
    (void)etcd_server_put(w->server, text, str_text(&json));
}

static void registers(const char *const *more)
{
    struct absence absence;
    char uid[JOIN_UID_SIZE];
    struct join_report report;
    struct intent intent;
    struct world w;

    guest_world(&w, 1);
    (void)guest_start_memcached(true);
    (void)guest_start_sidecar(&w, more);
    put_spec(&w);
    report = guest_await_join(&w, GUEST_HOST, uid);
    cr_expect_eq(report.seen_in_slot, 0);
    intent = guest_intent(GUEST_SLOT, INTENT_RUN, uid);
    guest_put_intent(&w, &intent);
    (void)guest_await(&w, GUEST_SLOT, is_up, NULL);
    absence = (struct absence){ &w, GUEST_HOST };
    cr_expect(wait_until(no_join, &absence, WAIT_MS), "its own request is still there");
    world_deinit(&w);
}

/* Without a peer to ask it says by itself that it is there. */
Test(sidecar, one_without_a_peer_registers_in_etcd)
{
    registers((const char *const[]){ "--join=", "--cluster", WORLD_CLUSTER, NULL });
}

/* The first one of a cluster, or the first that is back, has nobody to ask but itself. */
Test(sidecar, one_whose_peers_are_all_away_registers_in_etcd)
{
    char hosts[64];

    (void)snprintf(hosts, sizeof(hosts), "%s,%s", scene_ip(GUEST_NODE).text,
                   scene_ip(PLAIN_NODE).text);
    registers((const char *const[]){ "--join", hosts, "--cluster", WORLD_CLUSTER, NULL });
}

/* ---- Being there ---- */

Test(sidecar, an_intent_for_another_is_not_followed)
{
    struct process *sidecar;
    struct node_report report;
    char uid[JOIN_UID_SIZE];
    struct intent intent;
    struct world w;

    guest_world(&w, 1);
    (void)guest_start_memcached(true);
    sidecar = guest_start_sidecar(&w, NULL);
    (void)guest_await_join(&w, WORLD_HOST, uid);
    intent = guest_intent(GUEST_SLOT, INTENT_RUN, "ffffffffffffffff");
    guest_put_intent(&w, &intent);
    cr_assert(process_wait_output(sidecar, "key-invalid"));
    intent = guest_intent(GUEST_SLOT, INTENT_RUN, uid);
    intent.attached = false;
    intent.join = "";
    guest_put_intent(&w, &intent);
    cr_expect(!guest_report(&w, GUEST_SLOT, &report));
    world_deinit(&w);
}

Test(sidecar, a_memcached_that_dies_is_reported_and_left_alone)
{
    struct process *memcached;
    struct process *sidecar;
    struct node_report report;
    char uid[JOIN_UID_SIZE];
    struct world w;
    uint32_t one = 1;

    sidecar = join(&w, &memcached, uid, 1);
    process_kill(memcached);
    report = guest_await(&w, GUEST_SLOT, is_down, NULL);
    cr_expect_eq(report.pid, 0);
    cr_expect_eq(report.served.version, 0);
    cr_expect(!net_answers(scene_ip(GUEST_NODE).text, WORLD_DATA_PORT), "somebody started it");
    memcached = guest_start_memcached(true);
    report = guest_await(&w, GUEST_SLOT, was_restarted, &one);
    cr_expect_eq(report.pid, process_pid(memcached));
    (void)guest_await(&w, GUEST_SLOT, serves, &one);
    cr_expect(process_running(sidecar));
    world_deinit(&w);
}

/* Also when etcd and peers can't be asked, and for as long as it may be a node. */
Test(sidecar, one_that_is_restarted_is_who_it_was_and_asks_for_nothing)
{
    struct process *memcached;
    struct process *sidecar;
    struct node_report report;
    char uid[JOIN_UID_SIZE];
    struct world w;
    uint32_t two = 2;

    sidecar = join(&w, &memcached, uid, 1);
    process_kill(sidecar);
    sidecar = guest_start_sidecar(&w, NULL);
    cr_assert(process_wait_output(sidecar, "etcd-heard"));
    world_push_version(&w, GUEST_NODE, 2);
    report = guest_await(&w, GUEST_SLOT, serves, &two);
    cr_expect_str_eq(report.join, uid);
    cr_expect_eq(report.restarts, 0);
    cr_expect(!said(sidecar, "join-asked"));
    cr_expect(process_running(memcached));
    world_deinit(&w);
}

/* ---- Leaving ---- */

Test(sidecar, sigterm_leaves_serves_until_it_is_let_go_and_takes_its_report_back)
{
    struct process *memcached;
    struct process *sidecar;
    struct node_report report;
    char uid[JOIN_UID_SIZE];
    struct intent intent;
    struct world w;
    uint32_t two = 2;

    sidecar = join(&w, &memcached, uid, 1);
    process_signal(sidecar, SIGTERM);
    report = guest_await(&w, GUEST_SLOT, is_leaving, NULL);
    cr_expect_eq(report.state, NODE_UP);
    world_push_version(&w, GUEST_NODE, 2);
    (void)guest_await(&w, GUEST_SLOT, serves, &two);
    cr_expect(process_running(sidecar));
    intent = guest_intent(GUEST_SLOT, INTENT_DRAIN, uid);
    guest_put_intent(&w, &intent);
    intent = guest_intent(GUEST_SLOT, INTENT_STOP, uid);
    guest_put_intent(&w, &intent);
    report = guest_await(&w, GUEST_SLOT, is_stopped, NULL);
    cr_expect_str_eq(report.join, uid);
    cr_expect(process_running(sidecar));
    guest_delete_intent(&w, GUEST_SLOT);
    cr_expect_eq(process_wait(sidecar), 0);
    cr_expect(!guest_report(&w, GUEST_SLOT, &report), "the next one would have to wait for it");
    cr_expect(process_running(memcached));
    world_deinit(&w);
}

static struct process *pod(const char *verb, const char *file)
{
    struct scene_path program = scene_program("muster-pod");

    return process_startl("muster-pod", program.text, verb, file, NULL);
}

/* Who ends memcached waits until nobody is sent there; who starts it again takes it back. */
Test(sidecar, a_file_asks_it_to_leave_and_to_come_back)
{
    struct process *memcached;
    struct process *sidecar;
    struct process *leaving;
    char uid[JOIN_UID_SIZE];
    struct scene_path file = scene_path("leave");
    const char *more[] = { "--leave-file", file.text, "--identity", "shop/cache-6", NULL };
    char digest[CONFIG_DIGEST_SIZE];
    struct intent intent;
    struct world w;

    guest_world(&w, 1);
    memcached = guest_start_memcached(true);
    sidecar = guest_start_sidecar(&w, more);
    (void)guest_await_join(&w, WORLD_HOST, uid);
    digest_hex("muster joiner shop/cache-6", 26, digest);
    cr_expect_eq(strncmp(uid, digest, JOIN_UID_SIZE - 1), 0, "%s is not of its identity", uid);
    intent = guest_intent(GUEST_SLOT, INTENT_RUN, uid);
    guest_put_intent(&w, &intent);
    (void)guest_await(&w, GUEST_SLOT, is_up, NULL);

    leaving = pod("leave", file.text);
    (void)guest_await(&w, GUEST_SLOT, is_leaving, NULL);
    cr_expect(process_running(leaving));
    intent = guest_intent(GUEST_SLOT, INTENT_STOP, uid);
    guest_put_intent(&w, &intent);
    cr_expect_eq(process_wait(leaving), 0);
    guest_delete_intent(&w, GUEST_SLOT);
    cr_expect_eq(process_wait(sidecar), 0);
    cr_expect(process_running(memcached));

    sidecar = guest_start_sidecar(&w, more);
    cr_assert(process_wait_output(sidecar, "etcd-heard"));
    cr_assert(process_wait_output(sidecar, "memcached-heard"));
    cr_expect(!said(sidecar, "join-asked"));
    cr_expect_eq(process_wait(pod("stay", file.text)), 0);
    cr_expect(process_wait_output(sidecar, "join-asked"));
    world_deinit(&w);
}

/* Both are told to end at the same time (a pod's containers), and the watcher is the first to do
 * so. */
Test(sidecar, one_that_has_ended_as_no_node_has_answered_who_asks_later)
{
    struct process *sidecar;
    struct scene_path file = scene_path("leave");
    struct scene_path answer = scene_path("leave" LEAVE_FILE_ANSWER);
    const char *more[] = { "--leave-file", file.text, NULL };
    char uid[JOIN_UID_SIZE];
    struct world w;

    guest_world(&w, 1);
    (void)guest_start_memcached(true);
    sidecar = guest_start_sidecar(&w, more);
    (void)guest_await_join(&w, WORLD_HOST, uid);
    process_signal(sidecar, SIGTERM);
    cr_expect_eq(process_wait(sidecar), 0);
    cr_expect_eq(process_wait(pod("leave", file.text)), 0);

    sidecar = guest_start_sidecar(&w, more);
    cr_assert(process_wait_output(sidecar, "joins-as"));
    cr_assert(process_wait_output(sidecar, "etcd-heard"));
    cr_expect_neq(access(answer.text, F_OK), 0, "it may be a node now");
    world_deinit(&w);
}

Test(sidecar, one_that_nobody_lets_go_says_so_at_its_end)
{
    struct process *memcached;
    struct process *sidecar;
    char uid[JOIN_UID_SIZE];
    const char *more[] = { "--leave-timeout", "1s", NULL };
    struct world w;

    sidecar = join(&w, &memcached, uid, 1);
    process_kill(sidecar);
    sidecar = guest_start_sidecar(&w, more);
    cr_assert(process_wait_output(sidecar, "etcd-heard"));
    process_signal(sidecar, SIGTERM);
    cr_expect_neq(process_wait(sidecar), 0);
    cr_expect(said(sidecar, "still in the cluster"));
    world_deinit(&w);
}

Test(sidecar, one_that_is_to_stay_does_not_leave)
{
    struct process *memcached;
    struct process *sidecar;
    struct node_report report;
    char uid[JOIN_UID_SIZE];
    struct world w;

    sidecar = join(&w, &memcached, uid, 1);
    process_kill(sidecar);
    sidecar = guest_start_sidecar(&w, (const char *const[]){ "--stay", NULL });
    cr_assert(process_wait_output(sidecar, "etcd-heard"));
    process_signal(sidecar, SIGTERM);
    cr_expect_eq(process_wait(sidecar), 0);
    cr_expect(!guest_report(&w, GUEST_SLOT, &report) || !report.leaving);
    world_deinit(&w);
}

Test(sidecar, a_second_sigterm_ends_at_once)
{
    struct process *memcached;
    struct process *sidecar;
    char uid[JOIN_UID_SIZE];
    struct world w;

    sidecar = join(&w, &memcached, uid, 1);
    process_signal(sidecar, SIGTERM);
    (void)guest_await(&w, GUEST_SLOT, is_leaving, NULL);
    process_signal(sidecar, SIGTERM);
    cr_expect_eq(process_wait(sidecar), 0);
    world_deinit(&w);
}

/* A machine that was away while it was removed: the order is answered, and it asks anew. */
Test(sidecar, an_order_from_before_is_answered_and_then_it_asks_again)
{
    struct process *memcached;
    struct process *sidecar;
    char uid[JOIN_UID_SIZE];
    char again[JOIN_UID_SIZE];
    struct intent intent;
    struct world w;

    sidecar = join(&w, &memcached, uid, 1);
    process_kill(sidecar);
    intent = guest_intent(GUEST_SLOT, INTENT_STOP, uid);
    guest_put_intent(&w, &intent);
    sidecar = guest_start_sidecar(&w, NULL);
    (void)guest_await(&w, GUEST_SLOT, is_stopped, NULL);
    cr_expect(process_running(sidecar));
    guest_delete_intent(&w, GUEST_SLOT);
    cr_assert(process_wait_output(sidecar, "join-asked"));
    (void)guest_await_join(&w, WORLD_HOST, again);
    cr_expect_str_eq(again, uid);
    intent = guest_intent(GUEST_SLOT + 1, INTENT_RUN, uid);
    guest_put_intent(&w, &intent);
    (void)guest_await(&w, GUEST_SLOT + 1, is_up, NULL);
    world_deinit(&w);
}
