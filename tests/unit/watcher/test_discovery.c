#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/net.h"
#include "support/scene.h"
#include "support/wait.h"
#include "watcher/discovery.h"

#define PORT 21210

struct fixture {
    struct loop *loop;
    struct scene_ip ip;
    struct scene_path inbox;
    struct segment_cell cell;
    struct discovery *server;
};

static void serve_version(struct fixture *f, uint32_t version, size_t record_bytes)
{
    char payload[64];
    char *record = scene_alloc(record_bytes + 1);

    (void)snprintf(payload, sizeof(payload), "%u\na|10.0.0.1|11211\n", version);
    memset(record, 'r', record_bytes);
    f->cell = (struct segment_cell){ .version = version,
                                     .payload = strcpy(scene_alloc(sizeof(payload)), payload),
                                     .payload_bytes = strlen(payload),
                                     .record = record,
                                     .record_bytes = record_bytes };
}

static void set_up(struct fixture *f)
{
    struct discovery_options options;
    struct err err;

    memset(f, 0, sizeof(*f));
    f->ip = scene_ip(1);
    f->inbox = scene_path("inbox");
    serve_version(f, 1, 100);
    options = (struct discovery_options){
        .ip = f->ip.text, .port = PORT, .cell = &f->cell, .inbox = f->inbox.text
    };
    cr_assert_eq(loop_new(&f->loop, &err), 0);
    cr_assert_eq(discovery_new(f->loop, &options, &f->server, &err), 0, "%s", err.msg);
}

static void tear_down(struct fixture *f)
{
    discovery_free(f->server);
    loop_free(f->loop);
}

/* Let the server work until the client has `text` in what it read; what it read. */
static void run_until_read(struct fixture *f, int fd, char *out, size_t out_size, const char *text)
{
    size_t used = 0;
    int turns;

    out[0] = '\0';
    for (turns = 0; turns < 2000 && strstr(out, text) == NULL; turns++) {
        bool never = false;
        ssize_t got;

        cr_assert_eq(loop_run_until(f->loop, &never, 5, NULL), ERR_TIMEOUT);
        got = recv(fd, out + used, out_size - 1 - used, MSG_DONTWAIT);
        cr_assert_neq(got, 0, "closed after '%s'", out);
        if (0 < got) {
            used += (size_t)got;
            out[used] = '\0';
        }
    }
    cr_assert_not_null(strstr(out, text), "'%s' instead of '%s'", out, text);
}

static bool run_until_closed(struct fixture *f, int fd)
{
    char bytes[4096];
    int turns;

    for (turns = 0; turns < 2000; turns++) {
        bool never = false;
        ssize_t got;

        cr_assert_eq(loop_run_until(f->loop, &never, 5, NULL), ERR_TIMEOUT);
        got = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno == ECONNRESET)) {
            return true;
        }
    }
    return false;
}

static int connect_client(struct fixture *f)
{
    int fd = net_connect(f->ip.text, PORT);

    cr_assert_leq(0, fd);
    return fd;
}

static void say(int fd, const char *text)
{
    cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

Test(discovery_port, it_answers_what_the_segment_holds)
{
    static const char expected[] =
        "CONFIG cluster 0 19\r\n1\na|10.0.0.1|11211\n\r\nEND\r\nVERSION 1.";
    char reply[512];
    struct fixture f;
    int fd;

    set_up(&f);
    fd = connect_client(&f);
    say(fd, "config get cluster\r\nversion\r\n");
    run_until_read(&f, fd, reply, sizeof(reply), "VERSION");
    cr_expect_eq(strncmp(reply, expected, strlen(expected)), 0, "%s", reply);
    serve_version(&f, 2, 100);
    discovery_changed(f.server);
    say(fd, "config get cluster\r\n");
    run_until_read(&f, fd, reply, sizeof(reply), "\n2\na|");
    (void)close(fd);
    tear_down(&f);
}

Test(discovery_port, a_request_may_come_byte_by_byte)
{
    static const char request[] = "config get cluster\r\n";
    char reply[512];
    struct fixture f;
    size_t i;
    int fd;

    set_up(&f);
    fd = connect_client(&f);
    for (i = 0; i < strlen(request); i++) {
        bool never = false;

        cr_assert_eq(send(fd, request + i, 1, MSG_NOSIGNAL), 1);
        cr_assert_eq(loop_run_until(f.loop, &never, 1, NULL), ERR_TIMEOUT);
    }
    run_until_read(&f, fd, reply, sizeof(reply), "END\r\n");
    (void)close(fd);
    tear_down(&f);
}

Test(discovery_port, unfinished_values_keep_nobody_from_writing)
{
    char reply[512];
    struct fixture f;
    int fds[16];
    size_t i;
    int fd;

    set_up(&f);
    cr_assert_eq(mkdir(f.inbox.text, 0700), 0);
    for (i = 0; i < 16; i++) {
        fds[i] = connect_client(&f);
        say(fds[i], "version\r\n");
        run_until_read(&f, fds[i], reply, sizeof(reply), "VERSION");
        say(fds[i], "set muster:config 0 0 9\r\nsome");
    }
    fd = connect_client(&f);
    say(fd, "set muster:config 0 0 5\r\nother\r\n");
    run_until_read(&f, fd, reply, sizeof(reply), "STORED");
    cr_expect(run_until_closed(&f, fds[0]));
    say(fds[15], "thing\r\n"); /* the newest ones go on */
    run_until_read(&f, fds[15], reply, sizeof(reply), "STORED");
    for (i = 0; i < 16; i++) {
        (void)close(fds[i]);
    }
    (void)close(fd);
    tear_down(&f);
}

/* The server's side of a client's connection: it is in this process. */
static int server_side(int client)
{
    struct sockaddr_in own;
    struct sockaddr_in peer;
    socklen_t size = sizeof(own);
    int fd;

    cr_assert_eq(getsockname(client, (struct sockaddr *)&own, &size), 0);
    for (fd = 3; fd < 256; fd++) {
        size = sizeof(peer);
        if (getpeername(fd, (struct sockaddr *)&peer, &size) == 0 && peer.sin_family == AF_INET &&
            peer.sin_port == own.sin_port && peer.sin_addr.s_addr == own.sin_addr.s_addr) {
            return fd;
        }
    }
    return -1;
}

static int option(int fd, int level, int name)
{
    socklen_t size = sizeof(int);
    int value = 0;

    cr_assert_eq(getsockopt(fd, level, name, &value, &size), 0);
    return value;
}

/* A subscriber may be silent for ever, so TCP must find out whether it is still there. */
Test(discovery_port, vanished_peers_are_looked_for)
{
    char reply[512];
    struct fixture f;
    int client;
    int fd;

    set_up(&f);
    client = connect_client(&f);
    say(client, "config watch cluster\r\n");
    run_until_read(&f, client, reply, sizeof(reply), " 1\r\n");
    fd = server_side(client);
    cr_assert_leq(0, fd);
    cr_expect_eq(option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
    cr_expect_leq(option(fd, IPPROTO_TCP, TCP_KEEPIDLE) +
                      option(fd, IPPROTO_TCP, TCP_KEEPINTVL) * option(fd, IPPROTO_TCP, TCP_KEEPCNT),
                  120);
    cr_expect_eq(option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 120000);
    (void)close(client);
    tear_down(&f);
}

Test(discovery_port, quit_closes)
{
    struct fixture f;
    int fd;

    set_up(&f);
    fd = connect_client(&f);
    say(fd, "quit\r\n");
    cr_expect(run_until_closed(&f, fd));
    (void)close(fd);
    tear_down(&f);
}

Test(discovery_port, subscribers_hear_of_changes_and_others_do_not)
{
    char reply[512];
    struct fixture f;
    int subscriber;
    int other;

    set_up(&f);
    subscriber = connect_client(&f);
    other = connect_client(&f);
    say(subscriber, "config watch cluster\r\n");
    run_until_read(&f, subscriber, reply, sizeof(reply), " 1\r\n");
    serve_version(&f, 2, 100);
    discovery_changed(f.server);
    discovery_changed(f.server); /* nothing has changed since */
    run_until_read(&f, subscriber, reply, sizeof(reply), " 2\r\n");
    cr_expect_eq(recv(other, reply, sizeof(reply), MSG_DONTWAIT), -1);
    cr_expect_eq(recv(subscriber, reply, sizeof(reply), MSG_DONTWAIT), -1);
    (void)close(subscriber);
    (void)close(other);
    tear_down(&f);
}

/* Pipelined requests whose answers are not read: the server stops reading, and later goes on. */
Test(discovery_port, who_does_not_read_is_not_read_from_and_loses_nothing)
{
    static const char request[] = "get muster:config\r\n";
    const size_t record_bytes = 200000;
    const size_t requests = 200;
    struct fixture f;
    char *bytes = malloc(1U << 20);
    size_t expected;
    size_t got_bytes = 0;
    size_t i;
    int fd;

    set_up(&f);
    serve_version(&f, 2, record_bytes);
    discovery_changed(f.server);
    fd = connect_client(&f);
    for (i = 0; i < requests; i++) {
        say(fd, request);
    }
    expected = requests * (strlen("VALUE muster:config 0 200000\r\n\r\nEND\r\n") + record_bytes);
    for (i = 0; i < 20; i++) {
        bool never = false;

        cr_assert_eq(loop_run_until(f.loop, &never, 5, NULL), ERR_TIMEOUT);
    }
    while (got_bytes < expected) {
        bool never = false;
        ssize_t got = recv(fd, bytes, 1U << 20, MSG_DONTWAIT);

        if (got < 0) {
            cr_assert_eq(loop_run_until(f.loop, &never, 1, NULL), ERR_TIMEOUT);
            continue;
        }
        cr_assert_gt(got, 0, "closed after %zu of %zu bytes", got_bytes, expected);
        got_bytes += (size_t)got;
    }
    cr_expect_eq(got_bytes, expected);
    free(bytes);
    (void)close(fd);
    tear_down(&f);
}

Test(discovery_port, connections_are_limited)
{
    static int fds[DISCOVERY_CONNECTIONS_MAX + 1];
    struct rlimit limit = { 8192, 8192 };
    char reply[512];
    struct fixture f;
    size_t i;

    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    set_up(&f);
    for (i = 0; i <= DISCOVERY_CONNECTIONS_MAX; i++) {
        bool never = false;

        fds[i] = connect_client(&f);
        if (i % 32 == 0) {
            cr_assert_eq(loop_run_until(f.loop, &never, 1, NULL), ERR_TIMEOUT);
        }
    }
    cr_expect(run_until_closed(&f, fds[DISCOVERY_CONNECTIONS_MAX]), "one too many");
    say(fds[0], "version\r\n");
    run_until_read(&f, fds[0], reply, sizeof(reply), "VERSION");
    (void)close(fds[1]);
    {
        bool never = false;

        cr_assert_eq(loop_run_until(f.loop, &never, 20, NULL), ERR_TIMEOUT);
    }
    fds[1] = connect_client(&f);
    say(fds[1], "version\r\n");
    run_until_read(&f, fds[1], reply, sizeof(reply), "VERSION");
    for (i = 0; i <= DISCOVERY_CONNECTIONS_MAX; i++) {
        (void)close(fds[i]);
    }
    tear_down(&f);
}

Test(discovery_port, a_port_in_use_is_a_conflict_and_a_strange_address_a_failure)
{
    struct discovery_options options;
    struct discovery *second;
    struct fixture f;
    struct err err;

    set_up(&f);
    options = (struct discovery_options){
        .ip = f.ip.text, .port = PORT, .cell = &f.cell, .inbox = f.inbox.text
    };
    cr_expect_eq(discovery_new(f.loop, &options, &second, &err), ERR_CONFLICT);
    options.ip = "203.0.113.7";
    cr_expect_eq(discovery_new(f.loop, &options, &second, &err), ERR_IO);
    tear_down(&f);
}
