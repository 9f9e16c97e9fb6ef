/*
 * Garbage in etcd: each kind of key is written over in turn. It is told, with the key's name; no
 * node is touched; the neighbour's cluster goes on.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/str.h"
#include "integration/ask.h"
#include "integration/etcdview.h"
#include "integration/lab.h"
#include "integration/ps.h"
#include "integration/sampler.h"

#define SPOIL_TRIES 5
#define VIEW_BYTES_MAX (64U << 20)
#define NEIGHBOUR "neighbour"
#define GARBAGE "{\"uid\": 7, \"not\": what it should be"

TestSuite(keys, .timeout = 180);

/* What is to be seen besides the event that names the key. */
enum sign {
    IN_STATUS, /* the cluster's condition KeyInvalid names it, until it is repaired */
    MENDED,    /* the controller writes it anew by itself */
    IN_EVENT,  /* no more: it is of no one cluster */
};

struct spoilt {
    const char *below; /* the key, below the prefix */
    enum sign sign;
};

static const struct spoilt spoilt[] = {
    { "clusters/" LAB_CLUSTER "/spec", IN_STATUS },
    { "clusters/" LAB_CLUSTER "/config", IN_STATUS },
    { "clusters/" LAB_CLUSTER "/history/0000000001", IN_STATUS },
    { "clusters/" LAB_CLUSTER "/alias", MENDED },
    { "clusters/" LAB_CLUSTER "/status", MENDED },
    { "clusters/" LAB_CLUSTER "/nodes/0001/local", IN_STATUS },
    { "lineage/" LAB_CLUSTER, IN_STATUS },
    { "intent/local/" LAB_CLUSTER "/0002", IN_STATUS },
    { "hosts/local", IN_EVENT },
    { "clusters/" LAB_CLUSTER "/unheard-of", IN_STATUS },
    { "unheard-of", IN_EVENT },
};

static void start_both(void)
{
    struct scene_path spec = lab_write_cluster(
        "neighbour.yaml", NEIGHBOUR, "  nodes: 1\n  memory: 16Mi\n  rollout:\n    drain: 1s\n");

    lab_start(2, NULL);
    MUST_OK("apply", "-f", spec.text);
    MUST_OK("wait", NEIGHBOUR, "--for", "converged", "--timeout", "60s");
}

/* What stood at the key, in the arena; NULL: nothing. */
static const char *value_of(const char *below, struct arena *arena)
{
    struct etcd_range_result view;
    size_t i;

    etcdview_read(below, arena, &view);
    for (i = 0; i < view.count; i++) {
        if (strcmp(view.kvs[i].key + strlen(LAB_PREFIX), below) == 0) {
            return view.kvs[i].value;
        }
    }
    return NULL;
}

/* Whether the status has the condition KeyInvalid, true, with the key's name in its message. */
static bool status_names(const char *below)
{
    struct run_result result;
    const char *line;
    size_t size;

    lab_run(&result, "muster", (const char *const[]){ "describe", "cluster", LAB_CLUSTER, NULL });
    line = strstr(result.out, "  KeyInvalid ");
    if (result.exit_code != 0 || line == NULL) {
        return false;
    }
    size = strcspn(line, "\n");
    return memmem(line, size, " True ", 6) != NULL &&
           memmem(line, size, below, strlen(below)) != NULL;
}

static void must_serve(void)
{
    struct listing listing;
    unsigned i;

    for (i = 1; i <= 2; i++) {
        cr_assert_eq(ask_cluster(scene_ip(i).text, LAB_DATA_PORT, ASK_CONFIG, &listing),
                     ASK_LISTED);
        cr_assert_eq(listing.count, 2);
    }
}

static void scale_neighbour(const char *nodes)
{
    MUST_OK("scale", NEIGHBOUR, "--nodes", nodes);
    MUST_OK("wait", NEIGHBOUR, "--for", "converged", "--timeout", "60s");
}

static bool is_mended(const char *below)
{
    CLEANUP(arena_deinit) struct arena arena;
    const char *value;

    arena_init(&arena, VIEW_BYTES_MAX);
    value = value_of(below, &arena);
    return value != NULL && strcmp(value, GARBAGE) != 0;
}

/* Whoever owns the key may look at it just then, and mend it before anybody else has read it. */
static bool is_told_or_mended(const char *below)
{
    return etcdview_has("events/", below) || is_mended(below);
}

static void spoil(const struct spoilt *key)
{
    CLEANUP(arena_deinit) struct arena arena;
    pid_t first = ps_memcached(scene_ip(1).text);
    pid_t second = ps_memcached(scene_ip(2).text);
    const char *former;
    unsigned i;

    arena_init(&arena, VIEW_BYTES_MAX);
    former = value_of(key->below, &arena);
    for (i = 0; i < SPOIL_TRIES && !etcdview_has("events/", key->below); i++) {
        etcdview_write(key->below, GARBAGE);
        (void)WITHIN(LAB_PATIENCE_MS, is_told_or_mended(key->below));
    }
    cr_assert(WITHIN(LAB_PATIENCE_MS, etcdview_has("events/", key->below)), "no event names %s",
              key->below);
    switch (key->sign) {
    case IN_STATUS:
        cr_assert(WITHIN(LAB_PATIENCE_MS, status_names(key->below)), "no condition names %s",
                  key->below);
        break;
    case MENDED:
        cr_assert(WITHIN(LAB_PATIENCE_MS, is_mended(key->below)), "%s stays as it is", key->below);
        break;
    case IN_EVENT:
        break;
    }
    must_serve();
    if (key->sign != MENDED) {
        etcdview_write(key->below, former);
    }
    must_converge();
    must_serve();
    cr_assert_eq(ps_memcached(scene_ip(1).text), first, "%s cost a node its life", key->below);
    cr_assert_eq(ps_memcached(scene_ip(2).text), second, "%s cost a node its life", key->below);
}

Test(keys, garbage_in_any_key_is_named_and_hurts_nobody)
{
    size_t i;

    start_both();
    for (i = 0; i < ARRAY_COUNT(spoilt); i++) {
        spoil(&spoilt[i]);
    }
    lab_close();
}

/* While one cluster's keys are all garbage, the other one is operated as ever. */
Test(keys, a_spoilt_cluster_does_not_hinder_its_neighbour)
{
    size_t i;

    start_both();
    for (i = 0; i < ARRAY_COUNT(spoilt); i++) {
        if (strstr(spoilt[i].below, LAB_CLUSTER) != NULL) {
            etcdview_write(spoilt[i].below, GARBAGE);
        }
    }
    scale_neighbour("3");
    scale_neighbour("1");
    must_serve();
    MUST_OK("delete", "cluster", NEIGHBOUR, "--wait");
    lab_close();
}

static bool is_reported_again(void)
{
    return 2 <= etcdview_count("clusters/" LAB_CLUSTER "/nodes/") && etcdview_count("hosts/") == 1;
}

/*
 * Nothing is asked of a node by what is not there. Applied again, it is a new cluster to muster (of
 * another uid) with the same name: it takes the nodes over as they run, and its versions go on.
 */
static void must_resume(struct sampler *sampler, pid_t first, uint32_t version)
{
    struct listing listing;

    cr_assert(WITHIN(LAB_PATIENCE_MS, is_reported_again()), "nobody reports");
    must_serve();
    cr_assert_eq(ps_memcached(scene_ip(1).text), first, "node 1 was restarted");
    sampler_must_go_round(sampler);
    atomic_store(&sampler->may_forget, true); /* what the former cluster's nodes were told */
    MUST_OK("apply", "-f", lab_spec().text);
    must_converge();
    must_serve();
    cr_assert_eq(ps_memcached(scene_ip(1).text), first, "node 1 was restarted");
    sampler_must_go_round(sampler);
    sampler_stop(sampler);
    cr_assert_eq(ask_cluster(scene_ip(1).text, LAB_DATA_PORT, ASK_CONFIG, &listing), ASK_LISTED);
    cr_assert_geq(listing.version, version);
}

/* All keys at once are deleted, by hand, below a running muster. */
Test(keys, deleted_keys_stop_no_node)
{
    static struct sampler sampler;
    pid_t first;

    lab_start(2, NULL);
    first = ps_memcached(scene_ip(1).text);
    sampler_start(&sampler, 2);
    sampler_must_go_round(&sampler);
    etcdview_delete_all();
    must_resume(&sampler, first, 1);
    lab_close();
}

static void signal_supervisors(int signum)
{
    struct ps_list list;
    size_t i;

    ps_list(PS_SUPERVISOR, &list);
    cr_assert_gt(list.count, 0);
    for (i = 0; i < list.count; i++) {
        cr_assert_eq(kill(list.items[i].pid, signum), 0);
    }
}

/* etcd comes back without its data: leases and revisions are gone, versions still don't go back. */
Test(keys, an_emptied_etcd_stops_no_node)
{
    static struct sampler sampler;
    struct scene_path data = scene_path("state/etcd");
    struct run_result result;
    struct ps_list etcd;
    pid_t first;

    lab_start(3, NULL);
    must_scale(2); /* so that there is more than one version to forget */
    first = ps_memcached(scene_ip(1).text);
    sampler_start(&sampler, 2);
    sampler_must_go_round(&sampler);
    signal_supervisors(SIGSTOP);
    ps_list(PS_ETCD, &etcd);
    cr_assert_eq(etcd.count, 1);
    cr_assert_eq(kill(etcd.items[0].pid, SIGKILL), 0);
    cr_assert(WITHIN(LAB_PATIENCE_MS, !ps_alive(etcd.items[0].pid)));
    lab_run(&result, "/bin/rm", (const char *const[]){ "-r", data.text, NULL });
    cr_assert_eq(result.exit_code, 0, "%s", result.err);
    signal_supervisors(SIGCONT);
    lab_write_spec(2, "");
    must_resume(&sampler, first, 2);
    lab_close();
}
