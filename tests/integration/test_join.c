/*
 * A memcached that muster did not place joins a cluster through one of its nodes, is served and
 * listed like any other, and leaves; with real controllers, watchers and memcacheds.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "integration/ask.h"
#include "integration/etcdview.h"
#include "integration/fleet.h"
#include "integration/lab.h"
#include "integration/sampler.h"
#include "support/net.h"
#include "support/process.h"

TestSuite(join, .timeout = 200);

#define QUIET_MS 1500
#define GUESTS_FIRST 200
#define GUESTS_MAX 10
#define TOKEN "0123456789abcdef0123456789abcdef\n"

/* A memcached that some operator runs, and its sidecar. */
struct guest {
    unsigned number;
    unsigned moves; /* to another address, so far */
    struct process *memcached;
    struct process *sidecar;
    unsigned memcacheds; /* started so far */
    unsigned sidecars;
};

static struct scene_ip guest_ip(const struct guest *guest)
{
    return scene_ip(GUESTS_FIRST + guest->number + GUESTS_MAX * guest->moves);
}

static bool guest_answers(const struct guest *guest)
{
    return net_answers(guest_ip(guest).text, LAB_DATA_PORT);
}

static void start_memcached(struct guest *guest)
{
    char name[32];
    char preload[SCENE_PATH_SIZE + 32];
    char variable[SCENE_PATH_SIZE + 32];
    struct scene_path partition = scene_path("partition-%u", guest->number);
    struct scene_ip ip = guest_ip(guest);
    const char *argv[] = { "memcached", "-l", ip.text,  "-p", "11211", "-U",
                           "0",         "-u", "nobody", "-m", "32",    NULL };
    const char *env[] = { preload, variable, NULL };
    struct process_spec spec = { .name = name, .argv = argv, .env = env };

    (void)mkdir(partition.text, 0755);
    (void)snprintf(name, sizeof(name), "log-memcached-%u-%u", guest->number, ++guest->memcacheds);
    (void)snprintf(preload, sizeof(preload), "LD_PRELOAD=%s",
                   scene_library("libmuster_partition.so").text);
    (void)snprintf(variable, sizeof(variable), "MUSTER_PARTITION=%s", partition.text);
    guest->memcached = process_start(&spec);
    cr_assert(WITHIN(LAB_PATIENCE_MS, guest_answers(guest)));
}

static void start_sidecar_asking(struct guest *guest, const char *slot, const char *peers)
{
    char name[32];
    char host[16];
    struct scene_path program = scene_program("muster-watcher");
    struct scene_path keys = scene_path("trusted.pub");
    struct scene_path state = scene_path("state-of-guest-%u", guest->number);
    struct scene_path partition = scene_path("partition-%u", guest->number);
    struct scene_path token = scene_path("token-of-guest");
    struct scene_ip ip = guest_ip(guest);
    const char *argv[] = { program.text,
                           "--mode=sidecar",
                           "--host",
                           host,
                           "--trusted-keys",
                           keys.text,
                           "--state-dir",
                           state.text,
                           "--partition",
                           partition.text,
                           "--slot",
                           slot,
                           "--join",
                           peers,
                           "--token-file",
                           token.text,
                           "--memcached-address",
                           ip.text,
                           "--lease-ttl=3s",
                           NULL };
    struct process_spec spec = { .name = name, .argv = argv };

    (void)snprintf(host, sizeof(host), "guest-%u", guest->number);
    (void)snprintf(name, sizeof(name), "log-sidecar-%u-%u", guest->number, ++guest->sidecars);
    guest->sidecar = process_start(&spec);
}

static void start_sidecar(struct guest *guest, const char *slot)
{
    start_sidecar_asking(guest, slot, scene_ip(1).text);
}

static struct guest start_guest(unsigned number, const char *slot)
{
    struct guest guest = { .number = number };

    start_memcached(&guest);
    start_sidecar(&guest, slot);
    return guest;
}

static void write_token(const char *path, const char *text)
{
    CLEANUP(fd_close_p) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

/* A cluster of two nodes on one or two hosts, which up to two may join. */
static void begin(unsigned hosts)
{
    cr_assert_eq(chmod(scene_dir(), 0755), 0); /* memcached runs as nobody */
    cr_assert_eq(mkdir(scene_path("tokens").text, 0755), 0);
    write_token(scene_path("tokens/" LAB_CLUSTER).text, TOKEN);
    write_token(scene_path("token-of-guest").text, TOKEN);
    cr_assert_eq(setenv("MUSTER_JOIN_TOKENS", scene_path("tokens").text, 1), 0);
    fleet_start(hosts, NULL);
    lab_write_spec(2, "  membership: joinable\n  maxNodes: 4\n"
                      "  rollout:\n    drain: 2s\n  repair:\n    failAfter: 3s\n");
    MUST_OK("apply", "-f", lab_spec().text);
    must_converge();
}

static bool lists(const char *ip, const struct guest *guest, size_t nodes)
{
    struct listing listing;

    return ask_cluster(ip, LAB_DATA_PORT, ASK_CONFIG, &listing) == ASK_LISTED &&
           listing.count == nodes && listing_names(&listing, guest_ip(guest).text);
}

static bool lists_without(const char *ip, const struct guest *guest, size_t nodes)
{
    struct listing listing;

    return ask_cluster(ip, LAB_DATA_PORT, ASK_CONFIG, &listing) == ASK_LISTED &&
           listing.count == nodes && !listing_names(&listing, guest_ip(guest).text);
}

static void must_be_listed(const struct guest *guest, size_t nodes)
{
    cr_assert(WITHIN(LAB_PATIENCE_MS, lists(scene_ip(1).text, guest, nodes)), "it is not listed");
    cr_assert(WITHIN(LAB_PATIENCE_MS, lists(guest_ip(guest).text, guest, nodes)),
              "it does not serve the list");
    must_converge();
}

static void must_be_unlisted(const struct guest *guest, size_t nodes)
{
    cr_assert(WITHIN(LAB_PATIENCE_MS, lists_without(scene_ip(1).text, guest, nodes)),
              "it is still listed");
}

static void endpoint(struct run_result *out)
{
    MUST_MUSTER(out, 0, "endpoint", LAB_CLUSTER);
}

static bool has_slot(const struct guest *guest, const char *slot)
{
    char key[64];

    (void)snprintf(key, sizeof(key), "intent/guest-%u/" LAB_CLUSTER "/%s", guest->number, slot);
    return etcdview_count(key) == 1;
}

Test(join, through_a_peer_a_memcached_becomes_a_node_and_leaves_when_asked_to)
{
    static struct sampler sampler;
    struct run_result before;
    struct run_result after;
    struct guest guest;

    begin(1);
    sampler_start(&sampler, 2);
    endpoint(&before);
    guest = start_guest(1, "0");
    must_be_listed(&guest, 3);
    sampler_must_go_round(&sampler);
    endpoint(&after);
    cr_expect_str_eq(after.out, before.out, "the endpoint moved for one that joined");
    cr_expect(has_slot(&guest, "0003"));
    cr_assert(WITHIN(LAB_PATIENCE_MS, etcdview_count("clusters/" LAB_CLUSTER "/joins/") == 0),
              "a request that was admitted is still reported");

    process_signal(guest.sidecar, SIGTERM);
    must_be_unlisted(&guest, 2);
    cr_expect(guest_answers(&guest), "it ended before its clients could go");
    cr_expect_eq(process_wait(guest.sidecar), 0);
    cr_expect(process_running(guest.memcached), "somebody ended it");
    must_converge();
    cr_assert(WITHIN(LAB_PATIENCE_MS, etcdview_count("intent/guest-1/") == 0));
    sampler_must_go_round(&sampler);
    sampler_stop(&sampler);
    process_kill(guest.memcached);
    fleet_close();
}

/* Who comes back is who it was: after a restart nothing changes, after an end it gets its slot. */
Test(join, a_joiner_keeps_its_slot_and_loses_it_when_it_is_dead)
{
    struct listing listing;
    struct guest guest;
    uint32_t version;

    begin(1);
    guest = start_guest(1, "7");
    must_be_listed(&guest, 3);
    cr_expect(has_slot(&guest, "0007"), "its wish was free");
    cr_assert_eq(ask_cluster(scene_ip(1).text, LAB_DATA_PORT, ASK_CONFIG, &listing), ASK_LISTED);
    version = listing.version;

    process_kill(guest.sidecar);
    start_sidecar(&guest, "0");
    cr_assert(process_wait_output(guest.sidecar, "config-served"));
    must_converge();
    cr_assert_eq(ask_cluster(scene_ip(1).text, LAB_DATA_PORT, ASK_CONFIG, &listing), ASK_LISTED);
    cr_expect_eq(listing.version, version, "the list changed for a restart of a watcher");

    process_kill(guest.sidecar);
    process_kill(guest.memcached);
    must_be_unlisted(&guest, 2);
    must_converge();
    cr_expect_eq(fleet_nodes_on(1), 2, "something was started in its place");

    start_memcached(&guest);
    start_sidecar(&guest, "0");
    must_be_listed(&guest, 3);
    process_signal(guest.sidecar, SIGTERM);
    cr_expect_eq(process_wait(guest.sidecar), 0);
    process_kill(guest.memcached);
    fleet_close();
}

/* The machine is needed for something else for a while: its node goes, and returns by itself. */
Test(join, a_joiner_on_a_drained_host_leaves_and_returns_when_it_may)
{
    struct guest guest;

    begin(1);
    guest = start_guest(1, "0");
    must_be_listed(&guest, 3);
    MUST_OK("drain", "guest-1", "--timeout", "60s");
    must_be_unlisted(&guest, 2);
    cr_assert(WITHIN(LAB_PATIENCE_MS, etcdview_count("intent/guest-1/") == 0));
    cr_expect(process_running(guest.sidecar));
    cr_expect(process_running(guest.memcached));
    MUST_OK("uncordon", "guest-1");
    must_be_listed(&guest, 3);
    process_kill(guest.sidecar);
    process_kill(guest.memcached);
    fleet_close();
}

/* Written to one node, seen by all who watch that: each of the two hosts reports it. */
Test(join, waits_for_a_controller_that_is_away)
{
    struct guest guest;

    begin(2);
    fleet_stop_controller();
    guest = start_guest(1, "0");
    cr_assert(WITHIN(LAB_PATIENCE_MS, etcdview_count("clusters/" LAB_CLUSTER "/joins/") == 2),
              "the request is not reported by who has it and who watches that");
    cr_expect_eq(etcdview_count("intent/guest-1/"), 0);
    fleet_start_controller();
    must_be_listed(&guest, 3);
    cr_assert(WITHIN(LAB_PATIENCE_MS, etcdview_count("clusters/" LAB_CLUSTER "/joins/") == 0),
              "a request that was admitted is still reported");
    process_signal(guest.sidecar, SIGTERM);
    cr_expect_eq(process_wait(guest.sidecar), 0);
    process_kill(guest.memcached);
    fleet_close();
}

/* The machine got another address: its node goes from the old one, and has its slot at the new one.
 */
Test(join, a_joiner_with_another_address_keeps_its_slot)
{
    struct listing listing;
    struct guest before;
    struct guest guest;

    begin(1);
    guest = start_guest(1, "6");
    must_be_listed(&guest, 3);
    cr_expect(has_slot(&guest, "0006"));
    process_kill(guest.sidecar);
    process_kill(guest.memcached);
    before = guest;
    guest.moves++;
    start_memcached(&guest);
    start_sidecar(&guest, "0");
    must_be_listed(&guest, 3);
    cr_assert_eq(ask_cluster(scene_ip(1).text, LAB_DATA_PORT, ASK_CONFIG, &listing), ASK_LISTED);
    cr_expect_not(listing_names(&listing, guest_ip(&before).text), "it is listed twice");
    cr_expect(has_slot(&guest, "0006"), "it lost its slot");
    cr_expect_eq(etcdview_count("intent/guest-1/"), 1);
    process_signal(guest.sidecar, SIGTERM);
    cr_expect_eq(process_wait(guest.sidecar), 0);
    process_kill(guest.memcached);
    fleet_close();
}

/* It asked one host, and then the other one, while nobody could answer: it is still one node. */
Test(join, two_requests_of_one_joiner_are_one)
{
    struct scene_ip other = scene_ip(FLEET_FIRST(2));
    struct guest guest = { .number = 1 };
    char peers[64];
    char asked[64];

    begin(2);
    fleet_stop_controller();
    start_memcached(&guest);
    (void)snprintf(peers, sizeof(peers), "%s,%s", scene_ip(1).text, other.text);
    (void)snprintf(asked, sizeof(asked), "join-asked host=%s", other.text);
    start_sidecar_asking(&guest, "0", peers);
    cr_assert(process_wait_output(guest.sidecar, asked));
    cr_assert(WITHIN(LAB_PATIENCE_MS, etcdview_count("clusters/" LAB_CLUSTER "/joins/") == 2));
    fleet_start_controller();
    must_be_listed(&guest, 3);
    cr_expect_eq(etcdview_count("intent/guest-1/"), 1);
    cr_assert(WITHIN(LAB_PATIENCE_MS, etcdview_count("clusters/" LAB_CLUSTER "/joins/") == 0),
              "a request that was admitted is still reported");
    process_signal(guest.sidecar, SIGTERM);
    must_be_unlisted(&guest, 2);
    cr_expect_eq(process_wait(guest.sidecar), 0);
    must_converge();
    cr_assert(WITHIN(LAB_PATIENCE_MS, etcdview_count("intent/guest-1/") == 0));
    cr_assert(WITHIN(LAB_PATIENCE_MS, etcdview_is_quiet(QUIET_MS)));
    cr_expect_eq(etcdview_count("intent/guest-1/"), 0, "a late request made it come back");
    process_kill(guest.memcached);
    fleet_close();
}

/* Whether a text stands in the log of the host's watcher. */
static bool refused(const char *verdict)
{
    char *log = scene_read(scene_path("log-h1.output").text);
    bool found = strstr(log, "join-refused") != NULL && strstr(log, verdict) != NULL;

    free(log);
    return found;
}

static size_t times(const char *text, const char *word)
{
    size_t count = 0;

    while ((text = strstr(text, word)) != NULL) {
        text += strlen(word);
        count++;
    }
    return count;
}

/* One that does not know the token is refused, whatever else it knows; the cluster goes on. */
Test(join, is_for_who_holds_the_token)
{
    struct guest guest = { .number = 1 };
    struct run_result events;

    begin(1);
    write_token(scene_path("token-of-guest").text, "fedcba9876543210fedcba9876543210\n");
    start_memcached(&guest);
    start_sidecar(&guest, "0");
    cr_assert(process_wait_output(guest.sidecar, "join-asked"));
    cr_assert(WITHIN(LAB_PATIENCE_MS, refused("verdict=forged")));
    cr_assert(process_wait_output(guest.sidecar, "join-refused-by"), "it is not told why");
    cr_assert(WITHIN(LAB_PATIENCE_MS, etcdview_has("events/" LAB_CLUSTER "/", "JoinRefused")));
    MUST_MUSTER(&events, 0, "get", "events", LAB_CLUSTER);
    cr_expect_eq(times(events.out, "JoinRefused"), 1, "%s", events.out);
    cr_expect_eq(etcdview_count("clusters/" LAB_CLUSTER "/joins/"), 0);
    write_token(scene_path("token-of-guest").text, TOKEN);
    must_be_listed(&guest, 3);
    process_kill(guest.sidecar);
    process_kill(guest.memcached);
    fleet_close();
}
