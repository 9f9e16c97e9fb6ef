/*
 * What nodes do for each other while nobody decides anything: they spread what one of them got, and
 * put right what somebody did to their partitions.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "integration/ask.h"
#include "integration/etcdview.h"
#include "integration/fleet.h"
#include "integration/hand.h"
#include "integration/ps.h"

#define MANY 30
/* Measured: 1 s with all of it on two cores; the ring has ten hops. */
#define SPREAD_MS 20000U

TestSuite(peers, .timeout = 180);

static void begin(unsigned hosts, unsigned nodes)
{
    fleet_start(hosts, NULL);
    lab_write_spec(nodes, "  rollout:\n    drain: 2s\n");
    MUST_OK("apply", "-f", lab_spec().text);
    must_converge();
}

/* ---- Spreading ---- */

/* The members, as the configuration names them. */
static struct listing listing_now(const char *ip)
{
    struct listing listing;

    cr_assert_eq(ask_cluster(ip, LAB_DATA_PORT, ASK_CONFIG, &listing), ASK_LISTED, "%s", ip);
    return listing;
}

static size_t how_many_serve(const struct listing *members, uint32_t version)
{
    struct listing listing;
    size_t count = 0;
    size_t i;

    for (i = 0; i < members->count; i++) {
        count +=
            ask_cluster(members->nodes[i].ip, LAB_DATA_PORT, ASK_CONFIG, &listing) == ASK_LISTED &&
                    listing.version == version
                ? 1
                : 0;
    }
    return count;
}

/* The controller dies after its first push; etcd is gone, too. */
Test(peers, what_reached_one_of_thirty_nodes_reaches_all)
{
    struct hand_record now;
    struct hand_record next;
    struct listing members;
    uint64_t began_ms;

    begin(FLEET_HOSTS_MAX, MANY);
    members = listing_now(scene_ip(1).text);
    cr_assert_eq(members.count, MANY);
    fleet_kill_controller();
    fleet_kill_etcd();
    hand_read(members.nodes[7].ip, LAB_DATA_PORT, &now);
    hand_sign(&now, scene_path("signing.key").text, members.version + 1, &next);
    began_ms = clock_mono_ms();
    hand_push(members.nodes[7].ip, LAB_DATA_PORT, &next);
    cr_assert(WITHIN(SPREAD_MS, how_many_serve(&members, members.version + 1) == MANY),
              "%zu of %d nodes serve it", how_many_serve(&members, members.version + 1), MANY);
    cr_log_info("version %u reached %d nodes within %llu ms", members.version + 1, MANY,
                (unsigned long long)(clock_mono_ms() - began_ms));
    fleet_close();
}

/* ---- Repair ---- */

static struct scene_path segment_of(unsigned slot)
{
    struct scene_path path = fleet_partition(1, LAB_CLUSTER, slot);
    size_t used = strlen(path.text);

    (void)snprintf(path.text + used, sizeof(path.text) - used, "/segment");
    return path;
}

static void write_garbage(const char *path)
{
    char noise[8192];
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    memset(noise, 0x5a, sizeof(noise));
    cr_assert_geq(fd, 0);
    cr_assert_eq(pwrite(fd, noise, sizeof(noise), 0), (ssize_t)sizeof(noise));
    (void)close(fd);
}

/* Whether node `slot` serves exactly what is in force, at both of its ports. */
static bool serves(unsigned slot, const struct hand_record *record)
{
    static const uint16_t ports[] = { LAB_DATA_PORT, LAB_DISCOVERY_PORT };
    struct hand_record found;
    size_t i;

    for (i = 0; i < ARRAY_COUNT(ports); i++) {
        hand_read(scene_ip(slot).text, ports[i], &found);
        if (found.bytes != record->bytes || memcmp(found.text, record->text, found.bytes) != 0) {
            return false;
        }
    }
    return true;
}

/* At once: what is put right is served while nobody touches anything. */
static void must_be_put_right(unsigned slot, const struct hand_record *record)
{
    char event[96];

    (void)snprintf(event, sizeof(event),
                   "\"reason\":\"PartitionRepaired\",\"subject\":\"slot %04u\"", slot);
    cr_assert(WITHIN(LAB_PATIENCE_MS, etcdview_has("events/" LAB_CLUSTER "/", event)),
              "no event about slot %u", slot);
    cr_assert(serves(slot, record), "slot %u", slot);
}

/* Its digest is another one: nobody signed that. */
static void make_unsigned(struct hand_record *record)
{
    char *at = strstr(record->text, "\"signature\":\"");

    cr_assert_not_null(at);
    at += strlen("\"signature\":\"");
    *at = *at == '0' ? '1' : '0';
}

/* Each of five nodes suffers another harm. */
Test(peers, harm_to_partitions_is_put_right_and_told)
{
    static char payload[ASK_REPLY_SIZE];
    struct hand_record old;
    struct hand_record now;
    struct hand_record forged;
    struct listing before;
    uint32_t version;

    begin(1, 4);
    before = listing_now(scene_ip(1).text);
    hand_read(scene_ip(1).text, LAB_DATA_PORT, &old);
    must_scale(5);
    version = listing_now(scene_ip(1).text).version;
    hand_read(scene_ip(1).text, LAB_DATA_PORT, &now);
    cr_assert_eq(remove(segment_of(1).text), 0);
    must_be_put_right(1, &now);
    write_garbage(segment_of(2).text);
    must_be_put_right(2, &now);
    hand_overwrite(segment_of(3).text, before.version, before.payload, &old);
    must_be_put_right(3, &now);
    forged = now;
    make_unsigned(&forged);
    (void)snprintf(payload, sizeof(payload), "%u\nevil|6.6.6.6|11211\n", version);
    hand_overwrite(segment_of(4).text, version, payload, &forged);
    must_be_put_right(4, &now);
    cr_assert_eq(truncate(segment_of(5).text, 0), 0);
    must_be_put_right(5, &now);
    fleet_close();
}

/* ---- Seen from outside ---- */

/* Nodes look at each other within seconds after they have a configuration. */
static bool described(struct run_result *result)
{
    MUST_MUSTER(result, 0, "describe", "cluster", LAB_CLUSTER);
    return strstr(result->out, "Peers:") != NULL && strstr(result->out, "  new  ") == NULL;
}

Test(peers, describe_tells_who_watches_whom)
{
    static struct run_result result;

    begin(2, 4);
    cr_assert(WITHIN(LAB_PATIENCE_MS, described(&result)), "%s", result.out);
    must_say(result.out, "Peers:\n  SLOT   WATCHES   STATE     VERSION");
    must_say(result.out, "  0001   0002      watched   ");
    must_say(result.out, "  0001   0004      watched   ");
    must_say(result.out, "  0004   0001      watched   ");
    must_say(result.out, "  0004   0003      watched   ");
    fleet_close();
}

/* Opinions reach etcd when they change, and only then. */
Test(peers, a_dead_host_is_told_by_those_who_watch_its_nodes)
{
    begin(3, 3);
    fleet_kill_controller();
    fleet_kill_host(2);
    cr_assert(WITHIN(LAB_PATIENCE_MS,
                     etcdview_has("clusters/" LAB_CLUSTER "/nodes/", "\"unreachable\":[\"000")));
    cr_assert(WITHIN(LAB_PATIENCE_MS, etcdview_is_quiet(3000)), "etcd is written to without end");
    fleet_close();
}
