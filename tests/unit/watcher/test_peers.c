#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "codec/model_json.h"
#include "discovery/inbox.h"
#include "support/loop_wait.h"
#include "support/net.h"
#include "support/process.h"
#include "support/scene.h"
#include "watcher/discovery.h"
#include "watcher/partition.h"
#include "watcher/peers.h"

#define CLUSTER "demo"
#define UID "00000000000000aa"
#define OTHER_UID "00000000000000bb"
#define DATA_PORT 11211
#define NODES 2
#define CONFIG_ARENA_BYTES (8U << 20)
#define REFUSALS 3

/* Two nodes of one cluster as their watchers see them: partitions, discovery ports, peers. */
struct node {
    struct fixture *f;
    uint32_t slot;
    struct scene_ip ip;
    struct trusted_keys trusted;
    struct partitions *set;
    struct partition *partition;
    struct discovery *discovery; /* NULL: nobody listens */
    struct peers *peers;         /* NULL: it watches nobody */
    uint32_t inbox_writes;
    unsigned refused;
    uint64_t refused_ms[REFUSALS]; /* when, the first ones */
    unsigned offers;
    unsigned conflicts;
    unsigned opinions;
    unsigned repairs;
    uint32_t repaired_from;
    uint32_t repaired_to;
    char joined[64];
    const char *holds_join; /* uid; what its discovery port tells of */
};

struct fixture {
    struct loop *loop;
    struct arena arena;
    struct signing_key key;
    struct discovery_host *host;
    struct node nodes[NODES];
};

/* ---- What a watcher does ---- */

static void follow(struct node *node)
{
    CLEANUP(arena_deinit) struct arena arena;
    const struct segment_cell *cell = partition_cell(node->partition);
    struct config config;
    struct err err;

    arena_init(&arena, CONFIG_ARENA_BYTES);
    if (node->peers != NULL && cell->version != 0) {
        cr_assert_eq(json_decode_config(cell->record, cell->record_bytes, &arena, &config, &err),
                     0);
        cr_assert_eq(
            peers_follow(node->peers, &config.head, cell->record, cell->record_bytes, &err), 0);
    }
}

static void on_served(void *ctx, bool again)
{
    struct node *node = ctx;

    if (!again) {
        if (node->discovery != NULL) {
            discovery_changed(node->discovery);
        }
        follow(node);
    }
}

static void on_refused(void *ctx, const struct err *err)
{
    struct node *node = ctx;

    (void)err;
    if (node->refused < REFUSALS) {
        node->refused_ms[node->refused] = clock_mono_ms();
    }
    node->refused++;
}

static void on_partition_conflict(void *ctx, const struct err *err)
{
    (void)ctx;
    (void)err;
}

static void on_put_right(void *ctx, const char *what)
{
    (void)ctx;
    (void)what;
}

static int on_offered(void *ctx, uint32_t slot, const char *record, size_t record_bytes,
                      struct err *err)
{
    struct node *node = ctx;

    cr_expect_neq(slot, node->slot);
    node->offers++;
    return partition_offer(node->partition, record, record_bytes, err);
}

static void on_repaired(void *ctx, uint32_t slot, uint32_t from_version, uint32_t to_version)
{
    struct node *node = ctx;

    cr_expect_neq(slot, node->slot);
    node->repairs++;
    node->repaired_from = from_version;
    node->repaired_to = to_version;
}

static void on_conflict(void *ctx, uint32_t slot, uint32_t version)
{
    struct node *node = ctx;

    (void)slot;
    (void)version;
    node->conflicts++;
}

static void on_joining(void *ctx, uint32_t slot, const char *uid, const char *request,
                       size_t request_bytes)
{
    struct node *node = ctx;

    (void)snprintf(node->joined, sizeof(node->joined), "%u %s %.*s", slot, uid, (int)request_bytes,
                   request);
}

static void on_opinion(void *ctx)
{
    struct node *node = ctx;

    node->opinions++;
}

/* ---- Making it ---- */

static void make_key(const char *name, struct signing_key *key, struct trusted_keys *trusted)
{
    struct scene_path secret = scene_path("%s.key", name);
    struct scene_path public = scene_path("%s.pub", name);
    struct err err;

    if (access(secret.text, F_OK) != 0) {
        cr_assert_eq(signing_key_create(secret.text, public.text, &err), 0, "%s", err.msg);
    }
    if (key != NULL) {
        cr_assert_eq(signing_key_load(secret.text, key, &err), 0, "%s", err.msg);
    }
    if (trusted != NULL) {
        cr_assert_eq(trusted_keys_load(public.text, trusted, &err), 0, "%s", err.msg);
    }
}

static void open_partition(struct node *node, const char *uid)
{
    static const struct partition_events events = { .served = on_served,
                                                    .refused = on_refused,
                                                    .conflict = on_partition_conflict,
                                                    .repaired = on_put_right };
    struct scene_path dir = scene_path("partitions-%u", node->slot);
    struct partitions_options options = { .dir = scene_alloc(SCENE_PATH_SIZE),
                                          .keys = &node->trusted,
                                          .uid = geteuid(),
                                          .gid = getegid() };
    struct partition_id id = { .cluster = CLUSTER, .slot = node->slot, .uid = uid };
    struct err problem;
    struct err err;

    memcpy((char *)(uintptr_t)options.dir, dir.text, sizeof(dir.text));
    cr_assert_eq(partitions_new(node->f->loop, &options, &node->set, &err), 0, "%s", err.msg);
    cr_assert_eq(partition_open(node->set, &id, 0, &events, node, &node->partition, &problem, &err),
                 0, "%s", err.msg);
}

static bool join_at(void *ctx, size_t index, struct session_join *out)
{
    const struct node *node = ctx;

    if (node->holds_join == NULL || index != 0) {
        return false;
    }
    *out =
        (struct session_join){ .uid = node->holds_join, .request = "please", .request_bytes = 6 };
    return true;
}

static void listen_at(struct node *node)
{
    struct discovery_options options = { .host = node->f->host,
                                         .ip = node->ip.text,
                                         .port = DATA_PORT - 1,
                                         .cell = partition_cell(node->partition),
                                         .inbox = partition_inbox_path(node->partition),
                                         .source = { NULL, join_at, NULL, node } };
    struct err err;

    cr_assert_eq(discovery_new(node->f->loop, &options, &node->discovery, &err), 0, "%s", err.msg);
}

static void watch(struct node *node)
{
    static const struct peers_events events = { on_offered, on_repaired, on_conflict, on_joining,
                                                on_opinion };
    struct ring_self self = { node->slot, node->ip.text, DATA_PORT };
    struct err err;

    cr_assert_eq(peers_new(node->f->loop, &self, &events, node, &node->peers, &err), 0);
    follow(node);
}

/* Both with partitions and discovery ports; nobody watches yet. */
static void set_up(struct fixture *f)
{
    const struct discovery_host_options options = { 0 };
    struct err err;
    uint32_t i;

    memset(f, 0, sizeof(*f));
    cr_assert_eq(chmod(scene_dir(), 0755), 0);
    arena_init(&f->arena, 64U << 20);
    cr_assert_eq(loop_new(&f->loop, &err), 0);
    cr_assert_eq(discovery_host_new(f->loop, &options, &f->host, &err), 0);
    make_key("ours", &f->key, NULL);
    for (i = 0; i < NODES; i++) {
        struct node *node = &f->nodes[i];

        node->f = f;
        node->slot = i + 1;
        node->ip = scene_ip(i + 1);
        make_key("ours", NULL, &node->trusted);
        open_partition(node, UID);
        listen_at(node);
    }
}

static void tear_down(struct fixture *f)
{
    size_t i;

    for (i = 0; i < NODES; i++) {
        peers_free(f->nodes[i].peers);
        discovery_free(f->nodes[i].discovery);
        partition_free(f->nodes[i].partition);
        partitions_free(f->nodes[i].set);
    }
    discovery_host_free(f->host);
    loop_free(f->loop);
    arena_deinit(&f->arena);
}

/* ---- Records ---- */

static char *seal(struct fixture *f, const char *uid, uint64_t epoch, uint32_t version)
{
    const struct member members[NODES] = {
        { 1, f->nodes[0].ip.text, f->nodes[0].ip.text, DATA_PORT },
        { 2, f->nodes[1].ip.text, f->nodes[1].ip.text, DATA_PORT },
    };
    struct config_draft draft = { .cluster = CLUSTER,
                                  .uid = uid,
                                  .epoch = epoch,
                                  .version = version,
                                  .members = members,
                                  .members_count = NODES };
    CLEANUP(str_deinit) struct str json;
    struct config config;
    struct err err;

    str_init(&json, CONFIG_RECORD_BYTES_MAX);
    cr_assert_eq(envelope_seal(&draft, &f->key, &f->arena, &config, &err), 0, "%s", err.msg);
    cr_assert_eq(json_encode_config(&config, &json, &err), 0);
    return arena_strdup(&f->arena, str_text(&json));
}

static void put(struct node *node, const char *record)
{
    struct err err;

    cr_assert_geq(partition_offer(node->partition, record, strlen(record), &err), 0, "%s", err.msg);
}

static void put_version(struct node *node, uint32_t version)
{
    put(node, seal(node->f, UID, 1, version));
}

/* ---- Waiting ---- */

struct awaited {
    const struct node *node;
    uint32_t version;
};

static bool is_served(void *ctx)
{
    const struct awaited *awaited = ctx;

    return partition_served(awaited->node->partition).version == awaited->version;
}

static void await_version(struct fixture *f, size_t node, uint32_t version)
{
    struct awaited awaited = { &f->nodes[node], version };

    cr_expect(loop_wait_until(f->loop, is_served, &awaited, WAIT_MS), "node %zu serves version %u",
              node + 1, partition_served(f->nodes[node].partition).version);
}

static bool was_repaired(void *ctx)
{
    const struct node *node = ctx;

    return 0 < node->repairs;
}

static bool is_subscribed(void *ctx)
{
    const struct node *node = ctx;
    struct peer_view views[RING_SUCCESSORS];

    return peers_list(node->peers, views) == 1 && views[0].subscribed;
}

static bool was_looked_at(void *ctx)
{
    const struct node *node = ctx;
    struct peer_view views[RING_SUCCESSORS];

    return peers_list(node->peers, views) == 1 && views[0].reachable;
}

static struct process *start_memcached(const struct node *node, uint16_t port, bool module)
{
    char variable[SCENE_PATH_SIZE + 32];
    char preload[SCENE_PATH_SIZE + 32];
    char number[8];
    const char *const argv[] = { "memcached", "-l", node->ip.text, "-p",   number,
                                 "-U",        "0",  "-u",          "root", NULL };
    const char *const env[] = { variable, preload, NULL };
    struct process_spec spec = { .name = "memcached", .argv = argv, .env = module ? env : NULL };
    struct process *process;

    (void)snprintf(number, sizeof(number), "%u", port);
    (void)snprintf(variable, sizeof(variable), "MUSTER_PARTITION=%s",
                   partition_path(node->partition));
    (void)snprintf(preload, sizeof(preload), "LD_PRELOAD=%s",
                   scene_library("libmuster_partition.so").text);
    process = process_start(&spec);
    while (!net_answers(node->ip.text, port)) {
        cr_assert(process_running(process));
        loop_wait_ms(node->f->loop, 5);
    }
    return process;
}

/* ---- Stories ---- */

Test(peers, what_is_newer_at_a_peer_is_taken_home_at_once)
{
    struct peer_view views[RING_SUCCESSORS];
    struct fixture f;

    set_up(&f);
    put_version(&f.nodes[0], 1);
    put_version(&f.nodes[1], 1);
    watch(&f.nodes[0]);
    cr_assert(loop_wait_until(f.loop, is_subscribed, &f.nodes[0], WAIT_MS));
    put_version(&f.nodes[1], 2);
    await_version(&f, 0, 2);
    cr_assert_eq(peers_list(f.nodes[0].peers, views), 1);
    cr_expect_eq(views[0].slot, 2);
    cr_expect_eq(views[0].version, 2);
    cr_expect_eq(views[0].repairs, 0);
    tear_down(&f);
}

Test(peers, a_node_that_was_away_finds_what_is_newer_when_it_begins_to_watch)
{
    struct fixture f;

    set_up(&f);
    put_version(&f.nodes[0], 1);
    put_version(&f.nodes[1], 5);
    watch(&f.nodes[0]);
    await_version(&f, 0, 5);
    tear_down(&f);
}

Test(peers, a_peer_that_stays_behind_is_written_to)
{
    struct fixture f;

    set_up(&f);
    put_version(&f.nodes[0], 3);
    put_version(&f.nodes[1], 2);
    watch(&f.nodes[0]);
    await_version(&f, 1, 3);
    cr_expect(loop_wait_until(f.loop, was_repaired, &f.nodes[0], WAIT_MS));
    cr_expect_eq(f.nodes[0].repaired_from, 2);
    cr_expect_eq(f.nodes[0].repaired_to, 3);
    cr_expect_eq(partition_counts(f.nodes[1].partition).taken, 1, "it was written to once");
    tear_down(&f);
}

Test(peers, a_peer_that_has_nothing_is_written_to)
{
    struct fixture f;

    set_up(&f);
    put_version(&f.nodes[0], 3);
    watch(&f.nodes[0]);
    await_version(&f, 1, 3);
    cr_expect(loop_wait_until(f.loop, was_repaired, &f.nodes[0], WAIT_MS));
    cr_expect_eq(f.nodes[0].repaired_from, 0);
    tear_down(&f);
}

/* Its watcher is dead: nobody answers at the discovery port. The write waits in its inbox. */
Test(peers, with_the_module_a_peer_is_written_to_at_its_data_port)
{
    struct inbox_list list = { .count = 0 };
    struct scene_path inbox;
    struct fixture f;
    struct peer_view views[RING_SUCCESSORS];
    uint64_t waited_ms = 0;

    set_up(&f);
    put_version(&f.nodes[0], 3);
    put_version(&f.nodes[1], 2);
    inbox = scene_path("%s", partition_inbox_path(f.nodes[1].partition) + strlen(scene_dir()) + 1);
    (void)start_memcached(&f.nodes[1], DATA_PORT, true);
    discovery_free(TAKE(f.nodes[1].discovery));
    partition_free(TAKE(f.nodes[1].partition));
    partitions_free(TAKE(f.nodes[1].set));
    watch(&f.nodes[0]);
    while (list.count == 0 && waited_ms < WAIT_MS) {
        loop_wait_ms(f.loop, 50);
        waited_ms += 50;
        cr_assert_eq(inbox_scan(inbox.text, &list, NULL), 0);
    }
    cr_expect_eq(list.count, 1);
    cr_assert_eq(peers_list(f.nodes[0].peers, views), 1);
    cr_expect_eq(views[0].version, 2);
    cr_expect_not(views[0].beside);
    open_partition(&f.nodes[1], UID);
    partition_look(f.nodes[1].partition);
    await_version(&f, 1, 3);
    tear_down(&f);
}

/* How often something was stored in a memcached. */
static unsigned sets_at(const struct node *node, uint16_t port)
{
    char *stats = net_ask(node->ip.text, port, "stats\r\n", "END\r\n");
    const char *at = strstr(stats, "STAT cmd_set ");
    unsigned sets = at == NULL ? 999 : (unsigned)strtoul(at + strlen("STAT cmd_set "), NULL, 10);

    free(stats);
    return sets;
}

Test(peers, a_plain_memcached_is_never_written_to)
{
    struct peer_view views[RING_SUCCESSORS];
    struct fixture f;

    set_up(&f);
    put_version(&f.nodes[0], 3);
    put_version(&f.nodes[1], 2);
    (void)start_memcached(&f.nodes[1], DATA_PORT, false);
    watch(&f.nodes[0]);
    await_version(&f, 1, 3);
    cr_assert_eq(peers_list(f.nodes[0].peers, views), 1);
    cr_expect(views[0].beside);
    cr_expect(views[0].reachable);
    cr_expect_eq(sets_at(&f.nodes[1], DATA_PORT), 0);
    tear_down(&f);
}

/* Not at its discovery port either, where some other memcached may listen. */
Test(peers, what_is_no_partition_at_the_discovery_port_is_never_written_to)
{
    struct fixture f;

    set_up(&f);
    put_version(&f.nodes[0], 3);
    discovery_free(TAKE(f.nodes[1].discovery));
    (void)start_memcached(&f.nodes[1], DATA_PORT, false);
    (void)start_memcached(&f.nodes[1], DATA_PORT - 1, false);
    watch(&f.nodes[0]);
    cr_assert(loop_wait_until(f.loop, was_looked_at, &f.nodes[0], WAIT_MS));
    loop_wait_ms(f.loop, 2 * (PEER_GRACE_MS + PEER_WRITE_RETRY_FIRST_MS));
    cr_expect_eq(sets_at(&f.nodes[1], DATA_PORT), 0);
    cr_expect_eq(sets_at(&f.nodes[1], DATA_PORT - 1), 0);
    tear_down(&f);
}

/* The item that a plain memcached holds below the reserved key says nothing. */
Test(peers, a_data_port_that_lost_its_module_is_found_out_before_it_is_written_to)
{
    struct process *memcached;
    struct fixture f;

    set_up(&f);
    put_version(&f.nodes[0], 3);
    put_version(&f.nodes[1], 3);
    memcached = start_memcached(&f.nodes[1], DATA_PORT, true);
    watch(&f.nodes[0]);
    cr_assert(loop_wait_until(f.loop, was_looked_at, &f.nodes[0], WAIT_MS));
    process_kill(memcached);
    (void)start_memcached(&f.nodes[1], DATA_PORT, false);
    free(net_ask(f.nodes[1].ip.text, DATA_PORT, "set muster:config 0 0 3\r\nold\r\n", "\r\n"));
    cr_assert_eq(sets_at(&f.nodes[1], DATA_PORT), 1);
    discovery_free(TAKE(f.nodes[1].discovery));
    put_version(&f.nodes[0], 4);
    loop_wait_ms(f.loop, 2 * (PEER_GRACE_MS + PEER_WRITE_RETRY_FIRST_MS));
    cr_expect_eq(sets_at(&f.nodes[1], DATA_PORT), 1);
    tear_down(&f);
}

static bool was_in_conflict(void *ctx)
{
    const struct node *node = ctx;

    return 0 < node->conflicts;
}

Test(peers, another_content_of_the_version_in_force_is_an_alarm_and_stays_where_it_is)
{
    struct fixture f;
    struct served before;
    char digest[CONFIG_DIGEST_SIZE];

    set_up(&f);
    put(&f.nodes[0], seal(&f, UID, 1, 3));
    put(&f.nodes[1], seal(&f, UID, 2, 3));
    before = partition_served(f.nodes[0].partition);
    (void)snprintf(digest, sizeof(digest), "%s", before.digest);
    watch(&f.nodes[0]);
    cr_expect(loop_wait_until(f.loop, was_in_conflict, &f.nodes[0], WAIT_MS));
    loop_wait_ms(f.loop, PEER_GRACE_MS + 1000);
    cr_expect_str_eq(partition_served(f.nodes[0].partition).digest, digest);
    cr_expect_str_neq(partition_served(f.nodes[1].partition).digest, digest);
    cr_expect_eq(partition_counts(f.nodes[1].partition).taken, 0, "it is not written to");
    tear_down(&f);
}

static bool was_offered(void *ctx)
{
    const struct node *node = ctx;

    return 0 < node->offers;
}

/* Of a cluster that was made anew: which of the two is right, others decide. */
Test(peers, another_incarnation_is_left_alone)
{
    struct fixture f;
    struct err err;

    set_up(&f);
    put_version(&f.nodes[0], 3);
    cr_assert_eq(partition_reset(f.nodes[1].partition, OTHER_UID, &err), 0);
    put(&f.nodes[1], seal(&f, OTHER_UID, 1, 2));
    discovery_changed(f.nodes[1].discovery);
    watch(&f.nodes[0]);
    cr_expect(loop_wait_until(f.loop, was_offered, &f.nodes[0], WAIT_MS));
    loop_wait_ms(f.loop, PEER_GRACE_MS + 1000);
    cr_expect_eq(partition_served(f.nodes[0].partition).version, 3);
    cr_expect_eq(partition_counts(f.nodes[1].partition).taken, 0);
    tear_down(&f);
}

static bool has_refused_often(void *ctx)
{
    const struct node *node = ctx;

    return node->refused == REFUSALS;
}

/* It trusts other keys, or holds back: a record that is refused is not sent again and again. */
Test(peers, who_refuses_is_written_to_with_growing_pauses)
{
    const uint64_t *at_ms;
    struct fixture f;

    set_up(&f);
    make_key("strange", NULL, &f.nodes[1].trusted);
    put_version(&f.nodes[0], 3);
    watch(&f.nodes[0]);
    cr_assert(loop_wait_until(f.loop, has_refused_often, &f.nodes[1], WAIT_MS));
    at_ms = f.nodes[1].refused_ms;
    cr_expect_geq(at_ms[1] - at_ms[0], PEER_WRITE_RETRY_FIRST_MS - PEER_LOOK_PAUSE_MS);
    cr_expect_geq(at_ms[2] - at_ms[1], 2 * PEER_WRITE_RETRY_FIRST_MS - PEER_LOOK_PAUSE_MS);
    cr_expect_eq(f.nodes[0].repairs, 0);
    tear_down(&f);
}

static bool is_thought_gone(void *ctx)
{
    uint32_t slots[RING_SUCCESSORS];
    const struct node *node = ctx;

    return peers_unreachable(node->peers, slots) == 1 && slots[0] == 2;
}

static bool is_thought_there(void *ctx)
{
    return !is_thought_gone(ctx);
}

Test(peers, who_does_not_answer_for_long_is_unreachable_until_it_answers)
{
    uint64_t began_ms;
    struct fixture f;

    set_up(&f);
    put_version(&f.nodes[0], 1);
    put_version(&f.nodes[1], 1);
    watch(&f.nodes[0]);
    began_ms = clock_mono_ms();
    cr_expect(loop_wait_until(f.loop, is_thought_gone, &f.nodes[0], WAIT_MS));
    cr_expect_geq(clock_mono_ms() - began_ms, PEER_SILENT_MS);
    cr_expect_eq(f.nodes[0].opinions, 1);
    (void)start_memcached(&f.nodes[1], DATA_PORT, true);
    cr_expect(loop_wait_until(f.loop, is_thought_there, &f.nodes[0], WAIT_MS));
    cr_expect_eq(f.nodes[0].opinions, 2);
    tear_down(&f);
}

static bool was_asked_to_join(void *ctx)
{
    const struct node *node = ctx;

    return node->joined[0] != '\0';
}

Test(peers, a_request_to_join_at_a_peer_is_read_and_told)
{
    struct fixture f;

    set_up(&f);
    f.nodes[1].holds_join = "0123456789abcdef";
    put_version(&f.nodes[0], 1);
    put_version(&f.nodes[1], 1);
    watch(&f.nodes[0]);
    cr_expect(loop_wait_until(f.loop, was_asked_to_join, &f.nodes[0], WAIT_MS));
    cr_expect_str_eq(f.nodes[0].joined, "2 0123456789abcdef please");
    tear_down(&f);
}

Test(peers, nothing_in_force_means_that_nobody_is_watched)
{
    const struct config_draft nothing = { .version = 0 };
    struct peer_view views[RING_SUCCESSORS];
    struct fixture f;
    struct err err;

    set_up(&f);
    put_version(&f.nodes[0], 1);
    watch(&f.nodes[0]);
    cr_expect_eq(peers_list(f.nodes[0].peers, views), 1);
    cr_expect_eq(peers_follow(f.nodes[0].peers, &nothing, NULL, 0, &err), 0);
    cr_expect_eq(peers_list(f.nodes[0].peers, views), 0);
    tear_down(&f);
}
