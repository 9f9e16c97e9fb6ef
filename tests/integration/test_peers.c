/*
 * What nodes do for each other while nobody decides anything: they spread what one of them got, and
 * put right what somebody did to their partitions.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "integration/ask.h"
#include "integration/etcdview.h"
#include "integration/fleet.h"
#include "integration/hand.h"
#include "integration/isles.h"
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

static bool tells_repair(const char *words)
{
    return etcdview_has("events/" LAB_CLUSTER "/", words);
}

/* The first is told at once; those that follow soon are counted. */
Test(peers, no_repair_is_kept_silent)
{
    const char *names[] = { "inbox", "segment", "segment" };
    struct scene_path path;
    struct scene_path aside;
    size_t i;

    fleet_start(1, NULL);
    lab_write_spec(1, "");
    MUST_OK("apply", "-f", lab_spec().text);
    must_converge();
    aside = fleet_partition(1, LAB_CLUSTER, 1);
    (void)snprintf(aside.text + strlen(aside.text), 16, "/aside");
    for (i = 0; i < ARRAY_COUNT(names); i++) {
        path = fleet_partition(1, LAB_CLUSTER, 1);
        (void)snprintf(path.text + strlen(path.text), 16, "/%s", names[i]);
        cr_assert_eq(rename(path.text, aside.text), 0, "%s", path.text);
        cr_assert(WITHIN(LAB_PATIENCE_MS, access(path.text, F_OK) == 0), "%s", path.text);
        cr_assert_eq(remove(aside.text), 0);
    }
    cr_assert(WITHIN(LAB_PATIENCE_MS, tells_repair("its inbox was removed\"")));
    cr_assert(WITHIN(LAB_PATIENCE_MS, tells_repair("(and 1 more)")));
    fleet_close();
}

static bool node_says(const char *ip, const char *words)
{
    struct run_result result;
    const char *row;

    MUST_MUSTER(&result, 0, "get", "nodes", LAB_CLUSTER);
    row = strstr(result.out, ip);
    return row != NULL && memmem(row, strcspn(row, "\n"), words, strlen(words)) != NULL;
}

static bool endpoint_is(const char *ip, uint16_t port)
{
    struct run_result result;
    char expected[64];

    MUST_MUSTER(&result, 0, "endpoint", LAB_CLUSTER);
    (void)snprintf(expected, sizeof(expected), "%s:%u\n", ip, port);
    return strcmp(result.out, expected) == 0;
}

/*
 * A module that is switched off answers no discovery: the node serves beside its memcached then,
 * new versions too, and nobody is sent to its data port for the list. An ordinary item of the
 * record's name proves nothing. Switched on again, it serves in the process again.
 */
Test(peers, a_module_that_is_switched_off_is_missed)
{
    struct scene_path path;
    char reply[ASK_REPLY_SIZE];
    const struct scene_ip ip = scene_ip(1);
    size_t used;
    int fd;

    fleet_start(1, NULL);
    lab_write_spec(1, "");
    MUST_OK("apply", "-f", lab_spec().text);
    must_converge();
    cr_assert(endpoint_is(ip.text, LAB_DATA_PORT));
    path = fleet_partition(1, LAB_CLUSTER, 1);
    used = strlen(path.text);
    (void)snprintf(path.text + used, sizeof(path.text) - used, "/active");
    cr_assert_eq(unlink(path.text), 0);
    cr_assert(WITHIN(LAB_PATIENCE_MS, endpoint_is(ip.text, LAB_DISCOVERY_PORT)));
    cr_assert(node_says(ip.text, "beside"));
    (void)ask(ip.text, LAB_DATA_PORT, "set muster:config 0 0 1\r\nx\r\n", "STORED\r\n", reply,
              sizeof(reply));
    must_scale(2);
    cr_assert(node_says(ip.text, "beside"));

    fd = open(path.text, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    cr_assert_geq(fd, 0);
    (void)close(fd);
    cr_assert(WITHIN(LAB_PATIENCE_MS, node_says(ip.text, "in-process")));
    must_converge();
    fleet_close();
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

/* While the watcher is stopped, memcached tells its clients what nobody has signed; not a moment
 * longer, although its version is higher. */
Test(peers, a_forged_version_is_taken_back)
{
    struct hand_record now;
    struct hand_record forged;
    struct listing listing;
    char payload[64];
    uint32_t version;
    pid_t watcher;

    begin(1, 3);
    hand_read(scene_ip(2).text, LAB_DATA_PORT, &now);
    version = listing_now(scene_ip(2).text).version + 1000;
    forged = now;
    make_unsigned(&forged);
    (void)snprintf(payload, sizeof(payload), "%u\nevil|6.6.6.6|11211\n", version);
    watcher = ps_one(PS_WATCHER);
    cr_assert_eq(kill(watcher, SIGSTOP), 0);
    hand_overwrite(segment_of(2).text, version, payload, &forged);
    cr_expect(WITHIN(LAB_PATIENCE_MS, ask_cluster(scene_ip(2).text, LAB_DATA_PORT, ASK_CONFIG,
                                                  &listing) == ASK_LISTED &&
                                          listing.version == version));
    cr_assert_eq(kill(watcher, SIGCONT), 0);
    cr_assert(WITHIN(LAB_PATIENCE_MS / 6, serves(2, &now)), "it is told for ever");
    must_be_put_right(2, &now);
    must_scale(4);
    fleet_close();
}

/* ---- In the dark ---- */

#define DARK_NODES 6
#define DARK_MS 12000U /* longer than any poll of a peer */
#define QUIET_MS 3000

struct dark {
    struct listing members;
    struct hand_record record;
    pid_t pids[DARK_NODES];
};

static struct dark dark_now(void)
{
    struct dark dark = { .members = listing_now(isles_ip(1, 1).text) };
    size_t i;

    cr_assert_eq(dark.members.count, DARK_NODES);
    hand_read(isles_ip(1, 1).text, LAB_DATA_PORT, &dark.record);
    for (i = 0; i < DARK_NODES; i++) {
        dark.pids[i] = ps_memcached(dark.members.nodes[i].ip);
        cr_assert_gt(dark.pids[i], 0);
    }
    return dark;
}

/* Of h1 and h2, or of all: each data port serves what was in force before. */
static void must_all_serve(const struct dark *dark, bool far, const char *when)
{
    struct hand_record found;
    size_t i;

    for (i = 0; i < DARK_NODES; i++) {
        const char *ip = dark->members.nodes[i].ip;

        if (far || strncmp(ip, isles_ip(ISLES_FAR, 1).text, strlen("10.77.3.")) != 0) {
            hand_read(ip, LAB_DATA_PORT, &found);
            cr_assert_str_eq(found.text, dark->record.text, "%s %s", ip, when);
        }
    }
}

/* The slot of the first node on a host. */
static uint32_t slot_on(const struct dark *dark, unsigned host)
{
    uint32_t slot;

    for (slot = 1; slot <= DARK_NODES; slot++) {
        if (access(isles_partition(host, LAB_CLUSTER, slot).text, F_OK) == 0) {
            return slot;
        }
    }
    cr_assert_fail("no node on h%u of %zu", host, dark->members.count);
    return 0;
}

static void spoil_partition(const struct dark *dark, unsigned host)
{
    struct scene_path path = isles_partition(host, LAB_CLUSTER, slot_on(dark, host));

    (void)snprintf(path.text + strlen(path.text), sizeof(path.text) - strlen(path.text),
                   "/segment");
    write_garbage(path.text);
}

static bool nothing_was_decided(void)
{
    unsigned i;

    for (i = 0; i < ISLES_CONTROLLERS; i++) {
        char *log = isles_controller_log(i);
        bool decided = strstr(log, "config-commit") != NULL || strstr(log, "intent-put") != NULL ||
                       strstr(log, "alias-set") != NULL;

        free(log);
        if (decided) {
            return false;
        }
    }
    return true;
}

/*
 * Every controller and every member of etcd is killed, a host is cut off, two partitions are
 * overwritten, and the watcher of one of them is killed. Every data port that can be reached serves
 * on; when all is back, nothing needs to be decided.
 */
Test(peers, in_the_dark_everything_that_can_be_reached_serves_on)
{
    static struct dark dark;
    uint64_t began_ms;
    size_t i;

    isles_start();
    lab_write_spec(DARK_NODES, "  rollout:\n    drain: 2s\n");
    MUST_OK("apply", "-f", lab_spec().text);
    must_converge();
    dark = dark_now();
    isles_kill_heads();
    isles_cut(true);
    isles_kill_watcher(2);
    spoil_partition(&dark, 1);
    spoil_partition(&dark, 2);
    began_ms = clock_mono_ms();
    while (clock_mono_ms() < began_ms + DARK_MS) {
        must_all_serve(&dark, false, "in the dark");
        lab_pause();
    }
    isles_cut(false);
    isles_start_watcher(2);
    isles_start_heads();
    must_converge();
    cr_assert(WITHIN(LAB_PATIENCE_MS, etcdview_is_quiet(QUIET_MS)), "etcd is written to for ever");
    must_all_serve(&dark, true, "after the return of all");
    cr_expect(nothing_was_decided(), "a pass changed something");
    for (i = 0; i < DARK_NODES; i++) {
        cr_expect_eq(ps_memcached(dark.members.nodes[i].ip), dark.pids[i], "node %zu", i + 1);
    }
    lab_tell_no_logs();
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
