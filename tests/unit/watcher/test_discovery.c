#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/watcher/port.h"

Test(discovery_port, it_answers_what_the_segment_holds)
{
    static const char expected[] =
        "CONFIG cluster 0 19\r\n1\na|10.0.0.1|11211\n\r\nEND\r\nVERSION 1.";
    char reply[512];
    struct port p;
    int fd;

    port_open(&p);
    fd = port_connect(&p);
    port_say(fd, "config get cluster\r\nversion\r\n");
    port_read(&p, fd, reply, sizeof(reply), "VERSION");
    cr_expect_eq(strncmp(reply, expected, strlen(expected)), 0, "%s", reply);
    port_serve(&p, 2, 100);
    discovery_changed(p.server);
    port_say(fd, "config get cluster\r\n");
    port_read(&p, fd, reply, sizeof(reply), "\n2\na|");
    (void)close(fd);
    port_close(&p);
}

Test(discovery_port, a_request_may_come_byte_by_byte)
{
    static const char request[] = "config get cluster\r\n";
    char reply[512];
    struct port p;
    size_t i;
    int fd;

    port_open(&p);
    fd = port_connect(&p);
    for (i = 0; i < strlen(request); i++) {
        bool never = false;

        cr_assert_eq(send(fd, request + i, 1, MSG_NOSIGNAL), 1);
        cr_assert_eq(loop_run_until(p.loop, &never, 1, NULL), ERR_TIMEOUT);
    }
    port_read(&p, fd, reply, sizeof(reply), "END\r\n");
    (void)close(fd);
    port_close(&p);
}

Test(discovery_port, unfinished_values_keep_nobody_from_writing)
{
    char reply[512];
    struct port p;
    int fds[16];
    size_t i;
    int fd;

    port_open(&p);
    cr_assert_eq(mkdir(p.inbox.text, 0700), 0);
    for (i = 0; i < 16; i++) {
        fds[i] = port_connect(&p);
        port_say(fds[i], "version\r\n");
        port_read(&p, fds[i], reply, sizeof(reply), "VERSION");
        port_say(fds[i], "set muster:config 0 0 9\r\nsome");
    }
    fd = port_connect(&p);
    port_say(fd, "set muster:config 0 0 5\r\nother\r\n");
    port_read(&p, fd, reply, sizeof(reply), "STORED");
    cr_expect(port_is_closed(&p, fds[0]));
    port_say(fds[15], "thing\r\n"); /* the newest ones go on */
    port_read(&p, fds[15], reply, sizeof(reply), "STORED");
    for (i = 0; i < 16; i++) {
        (void)close(fds[i]);
    }
    (void)close(fd);
    port_close(&p);
}

/* The server's side of a client's connection: it is in this process. */
static int server_side(int client)
{
    struct sockaddr_in own;
    struct sockaddr_in peer = { 0 };
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
    struct port p;
    int client;
    int fd;

    port_open(&p);
    client = port_connect(&p);
    port_say(client, "config watch cluster\r\n");
    port_read(&p, client, reply, sizeof(reply), " 1\r\n");
    fd = server_side(client);
    cr_assert_leq(0, fd);
    cr_expect_eq(option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
    cr_expect_leq(option(fd, IPPROTO_TCP, TCP_KEEPIDLE) +
                      option(fd, IPPROTO_TCP, TCP_KEEPINTVL) * option(fd, IPPROTO_TCP, TCP_KEEPCNT),
                  120);
    cr_expect_eq(option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 120000);
    (void)close(client);
    port_close(&p);
}

Test(discovery_port, quit_closes)
{
    struct port p;
    int fd;

    port_open(&p);
    fd = port_connect(&p);
    port_say(fd, "quit\r\n");
    cr_expect(port_is_closed(&p, fd));
    (void)close(fd);
    port_close(&p);
}

Test(discovery_port, subscribers_hear_of_changes_and_others_do_not)
{
    char reply[512];
    struct port p;
    int subscriber;
    int other;

    port_open(&p);
    subscriber = port_connect(&p);
    other = port_connect(&p);
    port_say(subscriber, "config watch cluster\r\n");
    port_read(&p, subscriber, reply, sizeof(reply), " 1\r\n");
    port_serve(&p, 2, 100);
    discovery_changed(p.server);
    discovery_changed(p.server); /* nothing has changed since */
    port_read(&p, subscriber, reply, sizeof(reply), " 2\r\n");
    cr_expect_eq(recv(other, reply, sizeof(reply), MSG_DONTWAIT), -1);
    cr_expect_eq(recv(subscriber, reply, sizeof(reply), MSG_DONTWAIT), -1);
    (void)close(subscriber);
    (void)close(other);
    port_close(&p);
}

/* Pipelined requests whose answers are not read: the server stops reading, and later goes on. */
Test(discovery_port, who_does_not_read_is_not_read_from_and_loses_nothing)
{
    static const char request[] = "get muster:config\r\n";
    const size_t record_bytes = 200000;
    const size_t requests = 200;
    struct port p;
    char *bytes = malloc(1U << 20);
    size_t expected;
    size_t got_bytes = 0;
    size_t i;
    int fd;

    port_open(&p);
    port_serve(&p, 2, record_bytes);
    discovery_changed(p.server);
    fd = port_connect(&p);
    for (i = 0; i < requests; i++) {
        port_say(fd, request);
    }
    expected = requests * (strlen("VALUE muster:config 0 200000\r\n\r\nEND\r\n") + record_bytes);
    for (i = 0; i < 20; i++) {
        bool never = false;

        cr_assert_eq(loop_run_until(p.loop, &never, 5, NULL), ERR_TIMEOUT);
    }
    while (got_bytes < expected) {
        bool never = false;
        ssize_t got = recv(fd, bytes, 1U << 20, MSG_DONTWAIT);

        if (got < 0) {
            cr_assert_eq(loop_run_until(p.loop, &never, 1, NULL), ERR_TIMEOUT);
            continue;
        }
        cr_assert_gt(got, 0, "closed after %zu of %zu bytes", got_bytes, expected);
        got_bytes += (size_t)got;
    }
    cr_expect_eq(got_bytes, expected);
    free(bytes);
    (void)close(fd);
    port_close(&p);
}

Test(discovery_port, a_port_in_use_is_a_conflict_and_a_strange_address_a_failure)
{
    struct discovery_options options;
    struct discovery *second;
    struct port p;
    struct err err;

    port_open(&p);
    options = (struct discovery_options){
        .host = p.host, .ip = p.ip.text, .port = PORT_NUMBER, .cell = &p.cell, .inbox = p.inbox.text
    };
    cr_expect_eq(discovery_new(p.loop, &options, &second, &err), ERR_CONFLICT);
    options.ip = "203.0.113.7";
    cr_expect_eq(discovery_new(p.loop, &options, &second, &err), ERR_IO);
    port_close(&p);
}
