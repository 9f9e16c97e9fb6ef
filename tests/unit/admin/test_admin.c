/*
 * The HTTP port: server and clients share one thread and one loop, so that whatever would block
 * the loop blocks the test.
 */
#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admin/admin.h"
#include "base/clock.h"

#define PATIENCE_MS 10000U
#define LARGE_BYTES ((size_t)32 << 20) /* more than any socket's buffers hold */

static struct loop *loop;
static struct admin *admin;
static atomic_bool released;
static atomic_int at_work;

static void small(void *ctx, const char *rest, struct admin_reply *reply)
{
    (void)ctx;
    str_appendf(&reply->body, "small%s\n", rest);
}

static void large(void *ctx, const char *rest, struct admin_reply *reply)
{
    char block[4096];
    size_t i;

    (void)ctx;
    (void)rest;
    memset(block, 'x', sizeof(block));
    for (i = 0; i < LARGE_BYTES / sizeof(block); i++) {
        str_append(&reply->body, block, sizeof(block));
    }
}

static void failing(void *ctx, const char *rest, struct admin_reply *reply)
{
    (void)ctx;
    (void)rest;
    reply->body.failed = true;
}

/* On its own thread, until the test lets it go. */
static void slow(void *ctx, const char *rest, struct admin_reply *reply)
{
    uint64_t end_ms = clock_mono_ms() + PATIENCE_MS;

    (void)ctx;
    atomic_fetch_add(&at_work, 1);
    while (!atomic_load(&released) && clock_mono_ms() < end_ms) {
        (void)usleep(1000);
    }
    str_appendf(&reply->body, "slow %s\n", rest);
    atomic_fetch_sub(&at_work, 1);
}

static const struct admin_path paths[] = {
    { "/small", "a word", small, false },
    { "/large", "many words", large, false },
    { "/failing", "nothing", failing, false },
    { "/slow/", "later", slow, true },
};

static void set_up(void)
{
    const struct admin_options options = { .listen = "127.0.0.1:0",
                                           .paths = paths,
                                           .count = ARRAY_COUNT(paths) };
    struct err err;

    atomic_store(&released, false);
    cr_assert_eq(loop_new(&loop, &err), 0);
    cr_assert_eq(admin_new(loop, &options, &admin, &err), 0, "%s", err.msg);
}

static void tear_down(void)
{
    atomic_store(&released, true);
    admin_free(admin);
    loop_free(loop);
}

/* ---- Clients ---- */

static int dial(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert_geq(fd, 0);
    address.sin_port = htons((uint16_t)atoi(strrchr(admin_address(admin), ':') + 1));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0, "%s",
                 strerror(errno));
    return fd;
}

static void say(int fd, const char *text)
{
    cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static int ask(const char *path)
{
    char text[256];
    int fd = dial();

    (void)snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                   path);
    say(fd, text);
    return fd;
}

static void turn(void)
{
    static const bool never = false;
    struct err err;

    cr_assert_eq(loop_run_until(loop, &never, 1, &err), ERR_TIMEOUT);
}

/* Read to the end of the connection, and close it. */
static void hear(int fd, struct str *out)
{
    uint64_t end_ms = clock_mono_ms() + PATIENCE_MS;
    char bytes[65536];
    ssize_t got;

    str_init(out, 2 * LARGE_BYTES);
    do {
        turn();
        got = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
        if (0 < got) {
            str_append(out, bytes, (size_t)got);
        }
    } while ((0 < got || (got < 0 && errno == EAGAIN)) && clock_mono_ms() < end_ms);
    cr_assert_lt(clock_mono_ms(), end_ms, "no end after '%s'", str_text(out));
    (void)close(fd);
}

static void expect(int fd, unsigned status, const char *part)
{
    CLEANUP(str_deinit) struct str reply;
    char line[32];

    hear(fd, &reply);
    (void)snprintf(line, sizeof(line), "HTTP/1.1 %u ", status);
    cr_expect_eq(strncmp(str_text(&reply), line, strlen(line)), 0, "%s", str_text(&reply));
    cr_expect_not_null(strstr(str_text(&reply), part), "%s", str_text(&reply));
}

static void wait_at_work(int count)
{
    uint64_t end_ms = clock_mono_ms() + PATIENCE_MS;

    while (atomic_load(&at_work) != count) {
        cr_assert_lt(clock_mono_ms(), end_ms);
        turn();
    }
}

/* ---- Answers ---- */

Test(admin, a_path_is_answered, .init = set_up, .fini = tear_down)
{
    expect(ask("/small"), 200, "\r\n\r\nsmall\n");
    expect(ask("/small"), 200, "Content-Type: text/plain; charset=utf-8");
}

Test(admin, head_has_no_body, .init = set_up, .fini = tear_down)
{
    CLEANUP(str_deinit) struct str reply;
    int fd = dial();

    say(fd, "HEAD /small HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    hear(fd, &reply);
    cr_assert_not_null(strstr(str_text(&reply), "Content-Length: 6\r\n"));
    cr_assert_null(strstr(str_text(&reply), "small"));
}

Test(admin, other_paths_are_told_which_there_are, .init = set_up, .fini = tear_down)
{
    static const char *const others[] = { "/", "/smal", "/small/", "/smaller", "/slow" };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(others); i++) {
        expect(ask(others[i]), 404, "  /small       a word\n");
    }
}

Test(admin, nothing_can_be_written, .init = set_up, .fini = tear_down)
{
    int fd = dial();

    say(fd, "POST /small HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc");
    expect(fd, 405, "Allow: GET, HEAD");
}

Test(admin, an_answer_that_failed_is_no_shorter_answer, .init = set_up, .fini = tear_down)
{
    expect(ask("/failing"), 500, "Content-Length: 0");
}

Test(admin, a_request_has_a_limit, .init = set_up, .fini = tear_down)
{
    CLEANUP(str_deinit) struct str reply;
    char path[2 * ADMIN_REQUEST_BYTES_MAX];
    int fd = dial();

    memset(path, 'a', sizeof(path));
    (void)send(fd, "GET /", 5, MSG_NOSIGNAL);
    (void)send(fd, path, sizeof(path), MSG_NOSIGNAL);
    hear(fd, &reply);
    cr_assert_null(strstr(str_text(&reply), " 200 "));
    expect(ask("/small"), 200, "small");
}

/* ---- Who asks must not be waited for ---- */

Test(admin, a_client_that_reads_nothing_holds_nobody_up, .init = set_up, .fini = tear_down)
{
    CLEANUP(str_deinit) struct str reply;
    int deaf = ask("/large");
    int i;

    for (i = 0; i < 20; i++) {
        expect(ask("/small"), 200, "small"); /* waiting for the deaf one would never end */
    }
    hear(deaf, &reply); /* and it gets all of it, once it reads */
    cr_assert_gt(reply.size, LARGE_BYTES);
}

Test(admin, idle_connections_hold_nobody_up, .init = set_up, .fini = tear_down)
{
    int idle[200];
    size_t i;

    for (i = 0; i < ARRAY_COUNT(idle); i++) {
        idle[i] = dial();
        if (i % 2 == 0) {
            say(idle[i], "GET /small HT");
        }
        turn();
    }
    expect(ask("/small"), 200, "small");
    for (i = 0; i < ARRAY_COUNT(idle); i++) {
        (void)close(idle[i]);
    }
}

Test(admin, an_idle_connection_is_put_off, .init = set_up, .fini = tear_down, .timeout = 40)
{
    uint64_t begin_ms = clock_mono_ms();
    int fd = dial();
    char byte;

    say(fd, "GET /small HT");
    while (recv(fd, &byte, 1, MSG_DONTWAIT) != 0 && clock_mono_ms() - begin_ms < 30000) {
        turn();
    }
    cr_assert_lt(clock_mono_ms() - begin_ms, 2000 * ADMIN_IDLE_S);
    (void)close(fd);
}

/* ---- Answers that are made apart ---- */

Test(admin, what_takes_time_does_not_hold_up_the_rest, .init = set_up, .fini = tear_down)
{
    int first = ask("/slow/one");
    int second = ask("/slow/t%2fwo");

    wait_at_work(2);
    expect(ask("/small"), 200, "small");
    expect(ask("/slow/three"), 503, "Retry-After: 1");
    atomic_store(&released, true);
    expect(first, 200, "\r\n\r\nslow one\n");
    expect(second, 200, "\r\n\r\nslow t/wo\n");
    expect(ask("/slow/four"), 200, "slow four");
}

Test(admin, who_left_meanwhile_is_not_missed, .init = set_up, .fini = tear_down)
{
    int fd = ask("/slow/one");

    wait_at_work(1);
    (void)close(fd);
    atomic_store(&released, true);
    wait_at_work(0);
    expect(ask("/slow/two"), 200, "slow two");
}

Test(admin, its_end_waits_for_what_is_being_made, .init = set_up, .fini = tear_down)
{
    int fd = ask("/slow/one");

    wait_at_work(1);
    atomic_store(&released, true);
    admin_free(admin);
    admin = NULL;
    cr_assert_eq(atomic_load(&at_work), 0);
    (void)close(fd);
}

/* ---- Where ---- */

Test(admin, an_address_that_is_taken_is_a_conflict, .init = set_up, .fini = tear_down)
{
    const struct admin_options options = { .listen = admin_address(admin) };
    struct admin *other;
    struct err err;

    cr_assert_eq(admin_new(loop, &options, &other, &err), ERR_CONFLICT);
    cr_assert_not_null(strstr(err.msg, admin_address(admin)));
}

Test(admin, addresses_are_checked)
{
    static const char *const good[] = { "none", "127.0.0.1:11280", "0.0.0.0:0", "[::1]:80",
                                        "[::]:65535" };
    static const char *const bad[] = {
        "",       ":80",   "127.0.0.1",   "127.0.0.1:",    "host:80", "127.0.0.1:x",
        "::1:80", "[::1]", "1.2.3.4.5:6", "127.0.0.1:80 ", "None"
    };
    struct err err;
    size_t i;

    for (i = 0; i < ARRAY_COUNT(good); i++) {
        cr_expect_eq(admin_address_check(good[i], &err), 0, "%s", good[i]);
    }
    for (i = 0; i < ARRAY_COUNT(bad); i++) {
        cr_expect_eq(admin_address_check(bad[i], &err), ERR_USAGE, "%s", bad[i]);
    }
}
