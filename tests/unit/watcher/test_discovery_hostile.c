/* Clients of a discovery port that are slow, greedy, or too many. */
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

#include "base/clock.h"
#include "discovery/inbox.h"
#include "discovery/rate.h"
#include "model/name.h"
#include "support/net.h"
#include "tests/unit/watcher/port.h"

#define FEW 32

static void expect_answer(struct port *p, int fd)
{
    char reply[512];

    port_say(fd, "version\r\n");
    port_read(p, fd, reply, sizeof(reply), "VERSION");
}

/* As many as there is room for, each of which was answered once. */
static void fill(struct port *p, int *fds, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++) {
        fds[i] = port_connect(p);
        expect_answer(p, fds[i]);
    }
}

static void close_all(const int *fds, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++) {
        (void)close(fds[i]);
    }
}

/* A connection from another address of the test's network; `narrow`: small packets, and little
 * room for them. */
static int connect_as(struct port *p, unsigned host, bool narrow)
{
    const int segment_bytes = 536;
    const int room_bytes = 4096;
    struct sockaddr_in own = { .sin_family = AF_INET };
    struct sockaddr_in peer = { .sin_family = AF_INET, .sin_port = htons(PORT_NUMBER) };
    uint32_t ip;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert_leq(0, fd);
    cr_assert(ipv4_parse(scene_ip(host).text, &ip));
    own.sin_addr.s_addr = htonl(ip);
    cr_assert(ipv4_parse(p->ip.text, &ip));
    peer.sin_addr.s_addr = htonl(ip);
    if (narrow) {
        cr_assert_eq(setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &segment_bytes, sizeof(segment_bytes)),
                     0);
        cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room_bytes, sizeof(room_bytes)), 0);
    }
    cr_assert_eq(bind(fd, (const struct sockaddr *)&own, sizeof(own)), 0);
    cr_assert_eq(connect(fd, (const struct sockaddr *)&peer, sizeof(peer)), 0);
    return fd;
}

static int connect_from(struct port *p, unsigned host)
{
    return connect_as(p, host, false);
}

Test(hostile, when_it_is_full_who_waits_longest_gives_way)
{
    const struct discovery_host_options options = { .connections_max = FEW };
    struct port p;
    int fds[FEW];
    int fd;

    port_open_with(&p, &options);
    fill(&p, fds, FEW);
    expect_answer(&p, fds[0]); /* so the second one has been silent for longest */
    fd = port_connect(&p);
    expect_answer(&p, fd);
    cr_expect(port_is_closed(&p, fds[1]));
    expect_answer(&p, fds[0]);
    expect_answer(&p, fds[2]);
    (void)close(fd);
    close_all(fds, FEW);
    port_close(&p);
}

/* One address can't keep the others out, however many connections it makes. */
Test(hostile, who_has_most_connections_gives_way_first)
{
    const struct discovery_host_options options = { .connections_max = FEW };
    char reply[512];
    struct port p;
    int others[3];
    int fds[FEW];
    size_t i;

    port_open_with(&p, &options);
    for (i = 0; i < 3; i++) {
        others[i] = connect_from(&p, 10 + (unsigned)i);
        expect_answer(&p, others[i]);
    }
    port_say(others[1], "config watch cluster\r\n");
    port_read(&p, others[1], reply, sizeof(reply), "CONFIG-CHANGED");
    port_say(others[2], "conf");
    for (i = 0; i < 3;
         i++) { /* idle, subscribed, unfinished: in each kind it is the many that go */
        fill(&p, fds, FEW);
        close_all(fds, FEW);
    }
    expect_answer(&p, others[0]);
    expect_answer(&p, others[1]);
    port_say(others[2], "ig get cluster\r\n");
    port_read(&p, others[2], reply, sizeof(reply), "END\r\n");
    close_all(others, 3);
    port_close(&p);
}

Test(hostile, subscribers_without_end_leave_room)
{
    const struct discovery_host_options options = { .connections_max = FEW };
    char reply[512];
    int fds[2 * FEW];
    struct port p;
    size_t i;
    int own;

    port_open_with(&p, &options);
    own = connect_from(&p, 10);
    port_say(own, "config watch cluster\r\n");
    port_read(&p, own, reply, sizeof(reply), "CONFIG-CHANGED 1");
    for (i = 0; i < 2 * (size_t)FEW; i++) {
        fds[i] = port_connect(&p);
        port_say(fds[i], "config watch cluster\r\n");
        port_read(&p, fds[i], reply, sizeof(reply), "CONFIG-CHANGED 1");
    }
    port_serve(&p, 2, 100);
    discovery_changed(p.server);
    port_read(&p, own, reply, sizeof(reply), "CONFIG-CHANGED 2");
    cr_expect_eq(port_figure(&p, "cut_crowded"), FEW + 2); /* the last one was for these figures */
    close_all(fds, 2 * FEW);
    (void)close(own);
    port_close(&p);
}

/* One byte now and then is no progress: the request has to be complete in time. */
Test(hostile, a_request_that_trickles_in_is_cut_off)
{
    const struct discovery_host_options options = { .busy_ms = 300 };
    const uint64_t start_ms = clock_mono_ms();
    struct port p;
    bool open = true;
    int quiet;
    int fd;

    port_open_with(&p, &options);
    quiet = port_connect(&p);
    expect_answer(&p, quiet);
    fd = port_connect(&p);
    while (open && clock_mono_ms() < start_ms + 10000) {
        char byte;

        (void)send(fd, "v", 1, MSG_NOSIGNAL);
        port_run(&p, 20);
        open = recv(fd, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
    }
    cr_expect_not(open);
    cr_expect_leq(start_ms + 300, clock_mono_ms());
    expect_answer(&p, quiet); /* between two requests there is more time */
    cr_expect_eq(port_figure(&p, "cut_slow"), 1);
    (void)close(quiet);
    (void)close(fd);
    port_close(&p);
}

Test(hostile, who_says_nothing_for_long_is_cut_off_unless_subscribed)
{
    const struct discovery_host_options options = { .idle_ms = 300 };
    char reply[512];
    struct port p;
    int subscriber;
    int fd;

    port_open_with(&p, &options);
    subscriber = port_connect(&p);
    port_say(subscriber, "config watch cluster\r\n");
    port_read(&p, subscriber, reply, sizeof(reply), "CONFIG-CHANGED");
    fd = port_connect(&p);
    cr_expect(port_is_closed(&p, fd));
    expect_answer(&p, subscriber);
    cr_expect_leq(1, port_figure(&p, "cut_idle"));
    (void)close(subscriber);
    (void)close(fd);
    port_close(&p);
}

/* As many requests as the sockets take, and no answer read. */
static void flood(struct port *p, int fd)
{
    static const char request[] = "get muster:config\r\n";
    size_t i;

    for (i = 0; i < 1000; i++) {
        if (send(fd, request, strlen(request), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
            break;
        }
    }
    port_run(p, 5);
}

Test(hostile, who_never_reads_is_cut_off)
{
    const struct discovery_host_options options = { .busy_ms = 300 };
    struct port p;
    int turns = 0;
    int fd;

    port_open_with(&p, &options);
    port_serve(&p, 2, DISCOVERY_RECORD_BYTES_MAX);
    fd = port_connect(&p);
    flood(&p, fd);
    while (port_figure(&p, "cut_slow") == 0 && turns < 1000) {
        port_run(&p, 10);
        turns++;
    }
    cr_expect_eq(port_figure(&p, "cut_slow"), 1);
    (void)close(fd);
    port_close(&p);
}

/* All together leave no more unread than they may; then the greediest goes, and others stay. */
Test(hostile, answers_that_nobody_reads_have_a_limit)
{
    const struct discovery_host_options options = { .unread_max = 4096 };
    int fds[FEW];
    struct port p;
    size_t count = 0;
    int modest;

    port_open_with(&p, &options);
    port_serve(&p, 2, DISCOVERY_RECORD_BYTES_MAX);
    modest = port_connect(&p);
    expect_answer(&p, modest);
    while (count < FEW && port_figure(&p, "cut_unread") == 0) {
        fds[count] = connect_as(&p, 10, true);
        flood(&p, fds[count]);
        count++;
    }
    cr_expect_lt(0, count);
    cr_expect_leq(port_figure(&p, "unread_bytes"), options.unread_max);
    cr_expect_eq(port_figure(&p, "cut_unread"), 1);
    expect_answer(&p, modest);
    close_all(fds, count);
    (void)close(modest);
    port_close(&p);
}

/* Somebody who asks for much at once, and another one who asks after that. */
struct rivals {
    int modest;
    size_t given;        /* costly answers so far */
    size_t given_before; /* the modest one had its answer */
    bool answered;
};

static bool count_stats(void *ctx, const char *group, struct rows *rows)
{
    struct rivals *rivals = ctx;
    char byte;

    (void)group;
    (void)rows;
    if (!rivals->answered && recv(rivals->modest, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 1) {
        rivals->answered = true;
        rivals->given_before = rivals->given;
    }
    rivals->given++;
    return true;
}

/* Whoever asks for costly things as fast as he can is answered in turn with all others. */
Test(hostile, costly_answers_are_given_in_turn)
{
    static const char stats[] = "stats clients\r\n";
    struct rivals rivals = { .modest = -1 };
    const size_t many = 250; /* that one read takes in */
    char request[4096] = "";
    struct port p;
    size_t i;
    int greedy;

    port_open_from(&p, (struct session_source){ .stats = count_stats, .ctx = &rivals });
    greedy = port_connect(&p);
    rivals.modest = port_connect(&p);
    expect_answer(&p, greedy);
    expect_answer(&p, rivals.modest);
    for (i = 0; i < many; i++) {
        strcat(request, stats);
    }
    port_say(greedy, request);
    port_say(rivals.modest, "version\r\n");
    while (rivals.given < many) {
        port_run(&p, 1);
    }
    cr_expect(rivals.answered, "it had to wait for all of them");
    cr_expect_leq(rivals.given_before, 2);
    (void)close(rivals.modest);
    (void)close(greedy);
    port_close(&p);
}

/* Quiet ones are no less costly. */
Test(hostile, writes_are_counted_by_address)
{
    static const char quiet[] = "set muster:config 0 0 1 noreply\r\nx\r\n";
    const size_t burst = (size_t)RATE_WRITES_PER_SECOND * RATE_BURST_SECONDS;
    struct inbox_list list;
    char reply[512];
    struct port p;
    struct err err;
    size_t i;
    int other;
    int fd;

    port_open(&p);
    cr_assert_eq(mkdir(p.inbox.text, 0700), 0);
    fd = port_connect(&p);
    other = connect_from(&p, 10);
    for (i = 0; i < burst; i++) {
        port_say(fd, quiet);
    }
    port_say(fd, "set muster:config 0 0 1\r\nx\r\n");
    port_read(&p, fd, reply, sizeof(reply), "SERVER_ERROR too many writes\r\n");
    cr_assert_eq(inbox_scan(p.inbox.text, &list, &err), 0);
    cr_expect_eq(list.count, burst);
    port_say(other, "set muster:config 0 0 1\r\nx\r\n");
    port_read(&p, other, reply, sizeof(reply), "STORED\r\n");
    (void)close(other);
    (void)close(fd);
    port_close(&p);
}

Test(hostile, lines_without_end_and_noise_are_refused)
{
    static char line[1 << 16];
    struct port p;
    int i;

    port_open(&p);
    for (i = 0; i < 3; i++) {
        int fd = port_connect(&p);

        memset(line, i == 0 ? 'x' : i == 1 ? ' ' : 0xff, sizeof(line));
        (void)send(fd, line, sizeof(line), MSG_NOSIGNAL);
        cr_expect(port_is_closed(&p, fd), "%d", i);
        (void)close(fd);
    }
    port_close(&p);
}

/* Half a connection: the client has ended its side, and still gets all of its answers. */
Test(hostile, a_client_that_ends_its_side_still_gets_its_answer)
{
    char reply[512];
    struct port p;
    int fd;

    port_open(&p);
    fd = port_connect(&p);
    port_say(fd, "config get cluster\r\nversion\r\n");
    cr_assert_eq(shutdown(fd, SHUT_WR), 0);
    port_read(&p, fd, reply, sizeof(reply), "VERSION");
    cr_expect(port_is_closed(&p, fd));
    (void)close(fd);
    port_close(&p);
}

/* Whatever happens while answers wait, each is of one version. */
Test(hostile, an_answer_that_waits_keeps_its_version)
{
    const size_t record_bytes = DISCOVERY_RECORD_BYTES_MAX;
    char *bytes = scene_alloc(64U << 20);
    struct port p;
    size_t size = 0;
    size_t seen = 0;
    uint32_t version;
    int turns;
    int fd;

    port_open(&p);
    fd = port_connect(&p);
    for (version = 2; version < 60; version++) {
        port_serve(&p, version, record_bytes);
        memset((char *)(uintptr_t)p.cell.record, 'a' + (int)(version % 26), record_bytes);
        discovery_changed(p.server);
        port_say(fd, "gets muster:config\r\n");
        port_run(&p, 1);
    }
    for (turns = 0; turns < 5000 && seen < 58; turns++) {
        ssize_t got = recv(fd, bytes + size, (64U << 20) - size, MSG_DONTWAIT);

        port_run(&p, 1);
        if (got <= 0) {
            continue;
        }
        size += (size_t)got;
        seen = size / (record_bytes + strlen("VALUE muster:config 0 393216 2\r\n\r\nEND\r\n"));
    }
    cr_assert_eq(seen, 58, "%zu bytes", size);
    for (seen = 0; 0 < size && seen < 58; seen++) {
        const char *record = strstr(bytes, "\r\n") + 2;
        unsigned told = 0;
        size_t i;

        cr_assert_eq(sscanf(bytes, "VALUE muster:config 0 393216 %u", &told), 1);
        for (i = 0; i < record_bytes; i++) {
            cr_assert_eq(record[i], 'a' + (int)(told % 26), "of version %u at %zu", told, i);
        }
        bytes += (size_t)(record - bytes) + record_bytes + strlen("\r\nEND\r\n");
    }
    (void)close(fd);
    port_close(&p);
}

/* Descriptors are left to everything else. */
Test(hostile, a_process_with_few_descriptors_has_few_connections)
{
    struct rlimit limit = { 256, 256 };
    struct port p;

    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    port_open(&p);
    cr_expect_eq(port_figure(&p, "max_connections"), 192);
    port_close(&p);
}
