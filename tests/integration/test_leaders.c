/*
 * Two controllers: whoever lost the lead changes nothing any more.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "integration/ask.h"
#include "integration/etcdview.h"
#include "integration/lab.h"
#include "integration/ps.h"
#include "integration/sampler.h"

#define NODES 3
#define NODES_MORE 6
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
        char identity[64];

        cr_assert_not_null(given);
        given += strlen(option);
        (void)snprintf(identity, sizeof(identity), "%.*s", (int)strcspn(given, " "), given);
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

static size_t intents(void)
{
    return etcdview_count("intent/");
}

/* Freeze the leader once `ready` intents are there; the other one finishes, the first thaws. */
static void depose_at(size_t ready, unsigned nodes)
{
    uint64_t token = etcdview_leader();
    pid_t old;
    char number[16];

    cr_assert(WITHIN(LAB_PATIENCE_MS, 0 < (old = leader_pid())), "nobody leads");
    (void)snprintf(number, sizeof(number), "%u", nodes);
    MUST_OK("scale", LAB_CLUSTER, "--nodes", number);
    cr_assert(WITHIN(LAB_PATIENCE_MS, ready <= intents()));
    cr_assert_eq(kill(old, SIGSTOP), 0);
    cr_assert(WITHIN(LAB_PATIENCE_MS, other_leads(token)), "nobody takes over");
    cr_assert_eq(kill(old, SIGCONT), 0);
    must_converge();
    cr_assert_neq(leader_pid(), old, "who was deposed leads at once again");
}

/*
 * The leader is stopped past its lease in the middle of a scale-out, and continues while the next
 * one works: every version has one content, wherever and whenever it was asked.
 */
Test(leaders, a_deposed_leader_writes_nothing)
{
    static struct sampler sampler;
    char why[512];

    lab_start(NODES, (const char *const[]){ "--controllers", "2", NULL });
    sampler_start(&sampler, NODES_MORE);
    depose_at(NODES + 1, NODES_MORE);
    cr_assert(ask_all_agree(NODES_MORE, 2, why, sizeof(why)), "%s", why);
    must_be_written_once();

    depose_at(0, NODES); /* at the very beginning of a scale-in */
    cr_assert(ask_all_agree(NODES, 3, why, sizeof(why)), "%s", why);
    must_be_written_once();
    sampler_must_go_round(&sampler);
    sampler_stop(&sampler);
    lab_close();
}
