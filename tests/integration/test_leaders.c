/*
 * Two controllers: whoever lost the lead changes nothing any more.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <criterion/criterion.h>

#include "integration/ask.h"
#include "integration/etcdview.h"
#include "integration/lab.h"
#include "integration/ps.h"
#include "integration/sampler.h"
#include "support/process.h"
#include "support/relay.h"

#define NODES 3
#define NODES_MORE 6
#define IDENTITY_SIZE 64
/* More than a lease's renewal, less than intents for two slots. */
#define WRITE_BYTES 2000
#define QUIET_MS 1000
#define VIEW_BYTES_MAX (64U << 20)
#define HISTORY "clusters/" LAB_CLUSTER "/history/"

TestSuite(leaders, .timeout = 200);

/* The process that the leader key names by its identity. */
static pid_t leader_pid(void)
{
    static const char option[] = "--identity=";
    CLEANUP(arena_deinit) struct arena arena;
    struct etcd_range_result view;
    struct ps_list list;
    size_t i;

    arena_init(&arena, VIEW_BYTES_MAX);
    etcdview_read("leader", &arena, &view);
    ps_list(PS_CONTROLLER, &list);
    for (i = 0; i < list.count && view.count == 1; i++) {
        const char *given = strstr(list.items[i].command, option);
        char identity[IDENTITY_SIZE];

        cr_assert_not_null(given);
        given += strlen(option);
        (void)snprintf(identity, IDENTITY_SIZE, "%.*s", (int)strcspn(given, " "), given);
        if (strstr(view.kvs[0].value, identity) != NULL) {
            return list.items[i].pid;
        }
    }
    return 0;
}

static bool other_leads(uint64_t token)
{
    uint64_t now = etcdview_leader();

    return now != 0 && now != token;
}

/* Each version was written once: created and never touched again. */
static void must_be_written_once(void)
{
    CLEANUP(arena_deinit) struct arena arena;
    struct etcd_range_result view;
    size_t i;

    arena_init(&arena, VIEW_BYTES_MAX);
    etcdview_read(HISTORY, &arena, &view);
    cr_assert_geq(view.count, 2);
    for (i = 0; i < view.count; i++) {
        cr_assert_eq(view.kvs[i].create_revision, view.kvs[i].mod_revision, "%s", view.kvs[i].key);
    }
}

/* Freeze the leader `after_ms` into a scaling; the other one takes over, then the first thaws. */
static void depose_at(unsigned after_ms, unsigned nodes)
{
    const struct timespec delay = { 0, (long)after_ms * 1000000 };
    uint64_t token = etcdview_leader();
    char number[16];
    pid_t old;

    cr_assert(WITHIN(LAB_PATIENCE_MS, 0 < (old = leader_pid())), "nobody leads");
    (void)snprintf(number, sizeof(number), "%u", nodes);
    MUST_OK("scale", LAB_CLUSTER, "--nodes", number);
    (void)nanosleep(&delay, NULL);
    cr_assert_eq(kill(old, SIGSTOP), 0);
    cr_assert(WITHIN(LAB_PATIENCE_MS, other_leads(token)), "nobody takes over");
    cr_assert_eq(kill(old, SIGCONT), 0);
    must_converge();
}

/*
 * The leader is stopped past its lease at different moments of a scale-out and a scale-in, and
 * continues while the next one works: every version has one content, wherever and whenever it was
 * asked.
 */
Test(leaders, a_version_has_one_content_whoever_was_deposed_when)
{
    static const struct {
        unsigned after_ms;
        unsigned nodes;
    } moments[] = {
        { 0, NODES_MORE }, { 0, NODES }, { 10, NODES_MORE }, { 5, NODES }, { 25, NODES_MORE }
    };
    static struct sampler sampler;
    char why[512];
    size_t i;

    lab_start(NODES, (const char *const[]){ "--controllers", "2", NULL });
    sampler_start(&sampler, NODES_MORE);
    for (i = 0; i < ARRAY_COUNT(moments); i++) {
        depose_at(moments[i].after_ms, moments[i].nodes);
        cr_assert(WITHIN(LAB_PATIENCE_MS,
                         ask_all_agree(moments[i].nodes, (uint32_t)i + 2, why, sizeof(why))),
                  "%s", why);
        must_be_written_once();
    }
    sampler_must_go_round(&sampler);
    sampler_stop(&sampler);
    lab_close();
}

/* The new slots' intents were written by whoever leads now, not by a lead that had ended. */
static void must_be_of_this_lead(void)
{
    CLEANUP(arena_deinit) struct arena arena;
    uint64_t token = etcdview_leader();
    struct etcd_range_result view;
    size_t found = 0;
    size_t i;

    arena_init(&arena, VIEW_BYTES_MAX);
    etcdview_read("intent/", &arena, &view);
    for (i = 0; i < view.count; i++) {
        if (strstr(view.kvs[i].key, "/0005") != NULL || strstr(view.kvs[i].key, "/0006") != NULL) {
            cr_assert_gt(view.kvs[i].create_revision, token, "%s was written by a former lead",
                         view.kvs[i].key);
            found++;
        }
    }
    cr_assert_eq(found, 2);
}

/*
 * A leader's write is held up on its way to etcd; meanwhile its lead ends. Nobody else has touched
 * what the write is about: only the fence can refuse it.
 */
Test(leaders, a_write_that_arrives_after_the_lead_is_refused)
{
    struct scene_ip ip = scene_ip(240);
    struct relay *relay;
    struct process *late;
    char url[64];
    pid_t first;
    uint64_t token;

    lab_start(NODES, NULL);
    relay = relay_start(ip.text, 2379, scene_ip(250).text, 2379);
    (void)snprintf(url, sizeof(url), "http://%s:2379", ip.text);
    first = ps_one(PS_CONTROLLER);
    token = etcdview_leader();
    late = process_startl("late", scene_program("muster-controller").text, "--etcd-endpoints", url,
                          "--signing-key", scene_path("state/keys/signing.key").text, "--identity",
                          "late", "--lease-ttl", "10s", NULL);
    cr_assert_eq(kill(first, SIGSTOP), 0);
    cr_assert(WITHIN(LAB_PATIENCE_MS, other_leads(token)), "%s", process_output(late));
    must_scale(NODES + 1); /* whatever a leader does once, is done */
    cr_assert(WITHIN(LAB_PATIENCE_MS, etcdview_is_quiet(QUIET_MS)));

    relay_set(relay, RELAY_HOLD_REQUESTS);
    MUST_OK("scale", LAB_CLUSTER, "--nodes", "6");
    cr_assert(WITHIN(LAB_PATIENCE_MS, WRITE_BYTES < relay_held_bytes(relay)),
              "the leader does not write");
    relay_set(relay, RELAY_HOLD); /* it must not hear of its end and campaign before */
    etcdview_write("leader", NULL);
    relay_set(relay, RELAY_PASS);
    must_converge();
    must_be_of_this_lead();

    process_kill(late);
    cr_assert_eq(kill(first, SIGCONT), 0);
    lab_close();
}
