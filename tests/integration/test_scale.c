/*
 * Scaling out and in under the eyes of clients that ask and use every node all the time.
 */
#include <stdio.h>

#include <criterion/criterion.h>

#include "integration/ask.h"
#include "integration/lab.h"
#include "integration/ps.h"
#include "integration/sampler.h"
#include "integration/traffic.h"

TestSuite(scale, .timeout = 120);

static uint32_t must_agree(unsigned nodes, uint32_t version)
{
    struct listing listing = { .version = 0 };
    char why[512];
    struct scene_ip address;
    const char *ip;

    cr_assert(ask_all_agree(nodes, version, why, sizeof(why)), "%s", why);
    address = scene_ip(1);
    ip = address.text;
    cr_assert_eq(ask_cluster(ip, LAB_DATA_PORT, ASK_CONFIG, &listing), ASK_LISTED);
    return listing.version;
}

static bool nodes_run(size_t count)
{
    struct ps_list list;

    ps_list(PS_MEMCACHED, &list);
    return list.count == count;
}

/*
 * Every step gives all nodes a higher version, on both ports and in every way to ask; meanwhile
 * no promise is broken and the nodes that stay never fail a client.
 */
Test(scale, three_to_five_to_two_keeps_every_promise)
{
    static struct sampler sampler;
    struct traffic traffic;
    uint32_t version;

    lab_start(3, NULL);
    sampler_start(&sampler, 5);
    traffic_start(&traffic, 2);
    version = must_agree(3, 1);
    sampler_must_go_round(&sampler);

    must_scale(5);
    version = must_agree(5, version + 1);
    sampler_must_go_round(&sampler);

    must_scale(2);
    cr_assert(WITHIN(LAB_PATIENCE_MS, nodes_run(2)), "the leavers do not end");
    (void)must_agree(2, version + 1);
    sampler_must_go_round(&sampler);
    traffic_stop(&traffic);
    sampler_stop(&sampler);
    lab_close();
}

/* A leaver with a client that stays connected is kept for the whole drain time, unlisted. */
Test(scale, a_leaver_outlives_its_listing_by_the_drain_time)
{
    struct scene_ip address;
    const char *ip;
    struct listing listing;
    int fd;
    uint64_t began_ms;

    lab_write_spec(3, "  rollout:\n    drain: 4s\n");
    lab_up(NULL);
    address = scene_ip(3);
    ip = address.text;
    fd = ask_connect(ip, LAB_DATA_PORT);
    cr_assert(ask_set_get(fd, "kept", "until the end"));
    began_ms = clock_mono_ms();
    MUST_OK("scale", LAB_CLUSTER, "--nodes", "2");
    cr_assert(WITHIN(LAB_PATIENCE_MS, ask_cluster_on(fd, ASK_CONFIG, &listing) == ASK_LISTED &&
                                          !listing_names(&listing, ip)),
              "the leaver is not told that it left");
    cr_assert(WITHIN(LAB_PATIENCE_MS, !ask_set_get(fd, "kept", "until the end")));
    cr_assert_geq(clock_mono_ms() - began_ms, 4000, "only %llu ms after it was unlisted",
                  (unsigned long long)(clock_mono_ms() - began_ms));
    fd_close_p(&fd);
    must_converge();
    lab_close();
}

/* Nobody waits for clients that are not there; muster's own connections are no clients. */
Test(scale, a_leaver_without_clients_ends_long_before_the_drain_time)
{
    lab_write_spec(3, "  rollout:\n    drain: 10m\n");
    lab_up(NULL);
    cr_assert(nodes_run(3));
    MUST_OK("scale", LAB_CLUSTER, "--nodes", "2");
    cr_assert(WITHIN(LAB_PATIENCE_MS, nodes_run(2)), "the leaver waits for somebody");
    lab_close();
}
