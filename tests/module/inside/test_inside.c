/*
 * The module on a socket pair: this test plays client and memcached.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "discovery/inbox.h"
#include "discovery/names.h"
#include "discovery/segment_writer.h"
#include "tests/unit/discovery/stories.h"
#include "watcher/module/module.h"
#include "watcher/module/selftest.h"
#include "watcher/module/tick.h"

/* NOLINTBEGIN(bugprone-reserved-identifier): the linker wants these names */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);

static int allocations_left = -1; /* until one fails; below 0: none does */

static bool fails_now(void)
{
    if (0 < allocations_left) {
        allocations_left--;
    }
    return allocations_left == 0;
}

void *__wrap_malloc(size_t size)
{
    return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails_now() ? NULL : __real_calloc(count, size);
}
/* NOLINTEND(bugprone-reserved-identifier) */

static char dir[64];
static struct module *module;
static int epoll_fd;
static int client;
static int memcached;
static char handed[1 << 16]; /* what memcached got */
static size_t handed_bytes;
static char heard[1 << 20]; /* what the client got */
static size_t heard_bytes;

static void setup(void)
{
    char path[PARTITION_PATH_MAX + 16];
    struct err err;
    int fd = -1;

    (void)snprintf(dir, sizeof(dir), "/tmp/muster-inside.XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    module = module_own();
    module->table = conn_table_new();
    rates_init(&module->writes, RATE_PER_SECOND_MAX);
    copies_init(&module->copies);
    (void)snprintf(path, sizeof(path), "%s/" PARTITION_SEGMENT, dir);
    cr_assert_eq(segment_create(path, &fd, &err), 0);
    cr_assert_eq(segment_write(fd, &story_cell, &err), 0);
    (void)close(fd);
    copies_follow(&module->copies, path);
    (void)snprintf(module->inbox, sizeof(module->inbox), "%s/" PARTITION_INBOX, dir);
    cr_assert_eq(mkdir(module->inbox, 0700), 0);
}

static void teardown(void)
{
    static char buffer[INBOX_BUFFER_BYTES];
    struct inbox_entry entry;
    struct inbox_list list;
    struct err err;
    size_t i;

    cr_expect_eq(module->values.count, 0);
    copy_put(module->copies.last);
    (void)close(module->copies.fd);
    (void)unlink(module->copies.path);
    cr_assert_eq(inbox_scan(module->inbox, &list, &err), 0);
    for (i = 0; i < list.count; i++) {
        (void)!inbox_take(module->inbox, list.names[i], buffer, &entry, &err);
    }
    (void)rmdir(module->inbox);
    (void)rmdir(dir);
    conn_table_free(module->table);
    module->table = NULL;
}

TestSuite(inside, .init = setup, .fini = teardown);

static void connect_pair(void)
{
    struct epoll_event event = { .events = EPOLLIN };
    const int little = 8192;
    int pair[2];

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    client = pair[0];
    memcached = pair[1];
    epoll_fd = epoll_create1(0);
    (void)setsockopt(memcached, SOL_SOCKET, SO_SNDBUF, &little, sizeof(little));
    conn_open(module->table, memcached, TRACKER_ANY);
    event.data.fd = memcached;
    cr_assert_eq(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, memcached, &event), 0);
    handed_bytes = 0;
    heard_bytes = 0;
}

static void disconnect_pair(void)
{
    (void)close(memcached);
    (void)close(client);
    (void)close(epoll_fd);
}

static void hear(void)
{
    ssize_t n;

    while (0 < (n = recv(client, heard + heard_bytes, sizeof(heard) - heard_bytes, 0))) {
        heard_bytes += (size_t)n;
    }
}

/* Memcached reads whenever it is told to, until it is told no more. false: its read failed. */
static bool serve(void)
{
    struct epoll_event events[4];
    ssize_t n;

    while (0 < epoll_wait(epoll_fd, events, 4, 0)) {
        n = read(memcached, handed + handed_bytes, TRACKER_FRESH_BYTES);
        if (n == 0 || (n < 0 && errno != EAGAIN)) {
            return false;
        }
        handed_bytes += n < 0 ? 0 : (size_t)n;
        hear();
    }
    hear();
    return true;
}

static bool say(const char *bytes, size_t size)
{
    cr_assert_eq(send(client, bytes, size, MSG_NOSIGNAL), (ssize_t)size);
    return serve();
}

/* A story between two commands of memcached's, cut at one place. */
struct scene {
    char bytes[1024];
    size_t size;
    size_t before_bytes;
    size_t after_bytes;
};

static void surround(const struct story *story, struct scene *scene)
{
    static const char noop[] = "\x80\x0a\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    static const char get[] = "get some-key\r\n";
    const bool binary = (unsigned char)story->said[0] == REQUEST_BINARY_MAGIC;
    const char *other = binary ? noop : get;
    const size_t other_bytes = binary ? sizeof(noop) - 1 : sizeof(get) - 1;

    memcpy(scene->bytes, other, other_bytes);
    memcpy(scene->bytes + other_bytes, story->said, story->said_bytes);
    memcpy(scene->bytes + other_bytes + story->said_bytes, other, other_bytes);
    scene->before_bytes = other_bytes;
    scene->after_bytes = other_bytes;
    scene->size = other_bytes + story->said_bytes + other_bytes;
}

Test(inside, the_self_test_passes)
{
    const char *reason;

    copies_follow(&module->copies, ""); /* it runs before there is anything to serve */
    reason = selftest_run(module);
    cr_assert_null(reason, "%s", reason);
}

Test(inside, each_story_is_answered_and_not_handed_on_whatever_the_split)
{
    struct scene scene;
    size_t i;
    size_t cut;

    for (i = 0; i < stories_count; i++) {
        surround(&stories[i], &scene);
        for (cut = 1; cut < scene.size; cut++) {
            connect_pair();
            cr_assert(say(scene.bytes, cut));
            cr_assert(say(scene.bytes + cut, scene.size - cut));
            cr_assert_eq(handed_bytes, scene.before_bytes + scene.after_bytes);
            cr_assert_arr_eq(handed, scene.bytes, scene.before_bytes);
            cr_assert_arr_eq(handed + scene.before_bytes, scene.bytes, scene.after_bytes);
            cr_assert_eq(heard_bytes, stories[i].answer_bytes, "%s", stories[i].said);
            cr_assert_arr_eq(heard, stories[i].answer, heard_bytes);
            disconnect_pair();
        }
    }
}

/* Without memory a connection may break, but nothing is lost, wrong or leaked before that. */
Test(inside, any_allocation_may_fail)
{
    struct scene scene;
    bool failed;
    size_t i;
    int n;

    for (i = 0; i < stories_count; i++) {
        surround(&stories[i], &scene);
        for (n = 1, failed = true; failed; n++) {
            allocations_left = n;
            connect_pair();
            (void)say(scene.bytes, scene.size);
            failed = allocations_left == 0;
            allocations_left = -1;
            cr_assert_leq(handed_bytes, scene.size);
            cr_assert_arr_eq(handed, scene.bytes,
                             scene.before_bytes < handed_bytes ? scene.before_bytes : handed_bytes);
            if (!failed) {
                cr_assert_eq(heard_bytes, stories[i].answer_bytes);
            }
            disconnect_pair();
            if (module->copies.last != NULL) { /* each round copies the segment anew */
                copy_put(module->copies.last);
                module->copies.last = NULL;
                module->copies.seen = (struct segment_head){ .generation = 0 };
            }
        }
        cr_assert_lt(n, 50);
    }
}

Test(inside, a_blocked_answer_waits_for_room_and_holds_the_stream)
{
    enum { ASKED = 4000 };
    static const char ask[] = "config get cluster\r\n";
    struct epoll_event events[4];
    size_t i;

    connect_pair();
    for (i = 0; i < ASKED && 0 < send(client, ask, sizeof(ask) - 1, MSG_NOSIGNAL); i++) {
    }
    while (0 < epoll_wait(epoll_fd, events, 4, 0)) {
        cr_assert_lt(read(memcached, handed, TRACKER_FRESH_BYTES), 0);
        cr_assert_eq(errno, EAGAIN);
    }
    cr_assert(conn_find(module->table, memcached)->blocked);
    cr_assert_lt(read(memcached, handed, TRACKER_FRESH_BYTES), 0); /* told or not */
    cr_assert_eq(errno, EAGAIN);
    for (heard_bytes = 0; heard_bytes < i * stories[0].answer_bytes;) {
        size_t before = heard_bytes;

        cr_assert(serve());
        cr_assert_gt(heard_bytes, before);
    }
    cr_assert_not(conn_find(module->table, memcached)->blocked);
    disconnect_pair();
}

Test(inside, a_client_that_is_gone_ends_the_wait)
{
    static const char ask[] = "config get cluster\r\n";
    struct epoll_event events[4];
    ssize_t n = -1;
    int i;

    connect_pair();
    while (0 < send(client, ask, sizeof(ask) - 1, MSG_NOSIGNAL)) {
    }
    while (0 < epoll_wait(epoll_fd, events, 4, 0)) {
        (void)!read(memcached, handed, TRACKER_FRESH_BYTES);
    }
    cr_assert(conn_find(module->table, memcached)->blocked);
    (void)close(client);
    for (i = 0; i < 1000 && 0 < epoll_wait(epoll_fd, events, 4, 0); i++) {
        n = read(memcached, handed, TRACKER_FRESH_BYTES);
        if (n == 0 || (n < 0 && errno != EAGAIN)) {
            break;
        }
    }
    cr_assert_lt(i, 1000, "memcached never learns of the end");
    cr_assert(n == 0 || (n < 0 && errno == ECONNRESET));
    (void)close(memcached);
    (void)close(epoll_fd);
}

Test(inside, a_connection_closed_in_the_middle_of_anything_leaves_nothing)
{
    static const char *const said[] = { "get a\r\nconfig get cl",
                                        "set muster:config 0 0 500\r\nhalf",
                                        "set muster:config 0 0 999999\r\nskip",
                                        "set  odd 0 0 50\r\nbehind it" };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(said); i++) {
        connect_pair();
        cr_assert(say(said[i], strlen(said[i])));
        disconnect_pair();
        cr_assert_null(conn_find(module->table, memcached));
    }
}

/* ---- When the segment is looked at ---- */

static void publish(uint32_t version)
{
    struct segment_cell cell = { .version = version, .record = "r", .record_bytes = 1 };
    char payload[32];
    struct err err;
    int fd = -1;

    cell.payload = payload;
    cell.payload_bytes = (size_t)snprintf(payload, sizeof(payload), "%u\n\n", version);
    cr_assert_eq(segment_create(module->copies.path, &fd, &err), 0);
    cr_assert_eq(segment_write(fd, &cell, &err), 0);
    (void)close(fd);
}

/* The version in the answer that came; 0: none did. */
static unsigned heard_version(void)
{
    unsigned version = 0;

    heard[heard_bytes] = '\0';
    (void)sscanf(heard, "CONFIG cluster 0 %*u\r\n%u", &version);
    heard_bytes = 0;
    return version;
}

static const char config_get[] = "config get cluster\r\n";

/* Most of these come within one tick of the clock. */
Test(inside, what_is_written_before_events_are_heard_of_is_served_with_them)
{
    const unsigned first = story_cell.version + 1;
    unsigned version;

    connect_pair();
    for (version = first; version < first + 1000; version++) {
        publish(version);
        cr_assert(say(config_get, sizeof(config_get) - 1));
        cr_assert_eq(heard_version(), version);
    }
    disconnect_pair();
}

/* Without a wait for events, as when many connections were reported at once. */
static void ask_within_a_turn(void)
{
    char bytes[TRACKER_FRESH_BYTES];

    cr_assert_eq(send(client, config_get, sizeof(config_get) - 1, 0),
                 (ssize_t)sizeof(config_get) - 1);
    cr_assert_eq(read(memcached, bytes, sizeof(bytes)), -1);
    hear();
}

Test(inside, one_look_serves_all_requests_of_a_turn_until_the_clock_ticks)
{
    const uint64_t end_ms = tick_ms() + 10000;
    unsigned version = story_cell.version;
    bool within_a_tick;

    connect_pair();
    do {
        uint64_t began_ms;

        version++;
        publish(version);
        cr_assert(say("mn\r\n", 4));
        heard_bytes = 0;
        began_ms = tick_ms();
        ask_within_a_turn();
        cr_assert_eq(heard_version(), version);
        version++;
        publish(version);
        ask_within_a_turn();
        within_a_tick = began_ms == tick_ms();
        cr_assert(!within_a_tick || heard_version() == version - 1);
        cr_assert_lt(began_ms, end_ms);
    } while (!within_a_tick);
    while (tick_ms() < end_ms && heard_version() != version) {
        ask_within_a_turn();
    }
    cr_assert_lt(tick_ms(), end_ms, "a turn that takes long goes on with an old configuration");
    disconnect_pair();
}
