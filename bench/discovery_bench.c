/*
 * discovery_bench - what a discovery port bears, next to memcached.
 *
 * Three servers stand side by side, each with one thread: `stock`, a memcached that is asked for an
 * item; `discovery`, a discovery port of the watcher in a process of its own, asked for the
 * configuration, which is the same bytes; and `control`, which is stock once more. Each holds 5,000
 * connections that have asked once and say nothing more, while 100 others ask as fast as they are
 * answered. They take turns, each first in turn, so that what else the machine does hits all of
 * them alike; what differs between stock and control is noise. Printed are medians over the rounds,
 * and of the ratios to stock in the same round the median and the tenth from each end.
 *
 * Then what a connection costs in memory of the process, plain and with TLS, while it is idle.
 *
 *     discovery_bench [ROUNDS]                 (20)
 *     discovery_bench serve IP [CERT KEY]      the server's process; for itself
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "bench/child.h"
#include "bench/series.h"
#include "support/net.h"
#include "support/process.h"
#include "support/scene.h"
#include "support/wait.h"
#include "watcher/discovery.h"

#define PORT 11210
#define IDLE 5000
#define IDLE_TLS 1000
#define POLLING 100
#define ROUNDS_DEFAULT 20
#define RUN_MS 400
#define WARM_MS 50
#define MEMBERS 10
#define ANSWER_BYTES_MAX 16384
#define SAMPLES_MAX 400000

enum server_kind { STOCK, DISCOVERY, CONTROL, SERVERS };

struct server {
    const char *name;
    const char *request;
    size_t answer_bytes;
    struct scene_ip ip;
    pid_t pid;
    int idle[IDLE];
};

struct client {
    int fd;
    size_t owed_bytes; /* of the answer that is under way */
    uint64_t sent_ns;
};

struct run {
    const struct server *server;
    struct client clients[POLLING];
    uint64_t requests;
    uint32_t samples_ns[SAMPLES_MAX];
    size_t samples;
};

struct figures {
    struct series per_s;
    struct series cpu_ns;
    struct series p50_us;
    struct series p99_us;
    struct series per_s_ratio;
    struct series p99_ratio;
    struct series cpu_ratio;
};

static char payload[1024];

/* ---- The server's process ---- */

/* As the watcher does: who asks is noted. */
static void on_polled(void *ctx, const struct poller_peer *peer, uint32_t version)
{
    const struct poller seen = {
        .peer = *peer, .version = version, .count = 1, .seen_s = clock_mono_ms() / 1000
    };

    (void)pollers_note(ctx, &seen, NULL);
}

static int serve(const char *ip, const char *cert, const char *key)
{
    static const char inbox[] = "/nonexistent";
    struct discovery_host_options host_options = { .tls = { cert, key, NULL, NULL } };
    struct segment_cell cell = { 1, payload, strlen(payload), "{}", 2 };
    static struct pollers pollers;
    struct discovery_options options = { .ip = ip,
                                         .port = PORT,
                                         .cell = &cell,
                                         .inbox = inbox,
                                         .source.ctx = &pollers,
                                         .polled = on_polled };
    struct discovery *port = NULL;
    struct loop *loop = NULL;
    struct err err;

    if (loop_new(&loop, &err) < 0 ||
        discovery_host_new(loop, &host_options, &options.host, &err) < 0 ||
        discovery_new(loop, &options, &port, &err) < 0) {
        (void)fprintf(stderr, "discovery_bench: %s\n", err.msg);
        return 1;
    }
    loop_run(loop); /* until it is killed */
    discovery_free(port);
    discovery_host_free(options.host);
    loop_free(loop);
    return 0;
}

static bool answers(void *ctx)
{
    return net_answers(((const struct server *)ctx)->ip.text, PORT);
}

static void start(struct server *server, const char *const *argv)
{
    const struct process_spec spec = { .name = server->name, .argv = argv };
    struct process *process = process_start(&spec);

    server->pid = process_pid(process);
    if (!wait_until(answers, server, WAIT_MS)) {
        scene_fail("%s does not start: %s", server->name, process_output(process));
    }
}

static void start_discovery(struct server *server, unsigned host, const char *cert, const char *key)
{
    char self[SCENE_PATH_SIZE] = "";
    const char *argv[] = { self, "serve", NULL, cert, key, NULL };

    CHECK(0 < readlink("/proc/self/exe", self, sizeof(self) - 1));
    server->name = cert == NULL ? "discovery" : "discovery-tls";
    server->request = "config get cluster\r\n";
    server->answer_bytes = (size_t)snprintf(NULL, 0, "CONFIG cluster 0 %zu\r\n%s\r\nEND\r\n",
                                            strlen(payload), payload);
    server->ip = scene_ip(host);
    argv[2] = server->ip.text;
    start(server, argv);
}

static void start_memcached(struct server *server, unsigned host, const char *name)
{
    const char *argv[] = { "memcached", "-u", "root",  "-t", "1",  "-c",
                           "8192",      "-p", "11210", "-l", NULL, NULL };
    char said[2048];

    server->name = name;
    server->request = "get payload\r\n";
    server->answer_bytes =
        (size_t)snprintf(NULL, 0, "VALUE payload 0 %zu\r\n%s\r\nEND\r\n", strlen(payload), payload);
    server->ip = scene_ip(host);
    argv[10] = server->ip.text;
    start(server, argv);
    (void)snprintf(said, sizeof(said), "set payload 0 0 %zu\r\n%s\r\nquit\r\n", strlen(payload),
                   payload);
    free(net_ask(server->ip.text, PORT, said, NULL));
}

/* ---- One round ---- */

static void ask(const struct run *run, struct client *client)
{
    const size_t size = strlen(run->server->request);

    client->owed_bytes = run->server->answer_bytes;
    client->sent_ns = clock_mono_ns();
    CHECK(send(client->fd, run->server->request, size, MSG_NOSIGNAL) == (ssize_t)size);
}

static void hear(struct run *run, struct client *client)
{
    char bytes[ANSWER_BYTES_MAX];
    ssize_t n = recv(client->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

    if (n < 0 && errno == EAGAIN) {
        return;
    }
    CHECK(0 < n);
    CHECK((size_t)n <= client->owed_bytes);
    client->owed_bytes -= (size_t)n;
    if (client->owed_bytes != 0) {
        return;
    }
    run->requests++;
    if (run->samples < SAMPLES_MAX) {
        run->samples_ns[run->samples++] = (uint32_t)(clock_mono_ns() - client->sent_ns);
    }
    ask(run, client);
}

static void poll_for(struct run *run, int epoll_fd, uint64_t ms)
{
    struct epoll_event events[POLLING];
    const uint64_t end_ms = clock_mono_ms() + ms;
    int count;
    int i;

    run->requests = 0;
    run->samples = 0;
    while (clock_mono_ms() < end_ms) {
        count = epoll_wait(epoll_fd, events, POLLING, 100);
        for (i = 0; i < count; i++) {
            hear(run, events[i].data.ptr);
        }
    }
}

static int connect_to(const struct server *server)
{
    int on = 1;
    int fd = net_connect(server->ip.text, PORT);

    CHECK(0 <= fd);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

static int compare_samples(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a;
    const uint32_t y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static double cpu_ms_of(pid_t pid)
{
    double ms = 0;
    struct err err;

    if (child_cpu_ms(pid, &ms, &err) < 0) {
        scene_fail("%s", err.msg);
    }
    return ms;
}

static void run_once(const struct server *server, struct figures *out)
{
    static struct run run;
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    uint64_t start_ns;
    double cpu_ms;
    size_t middle;
    size_t slow;
    size_t i;

    run.server = server;
    for (i = 0; i < POLLING; i++) {
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = &run.clients[i] };

        run.clients[i].fd = connect_to(server);
        CHECK(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, run.clients[i].fd, &event) == 0);
        ask(&run, &run.clients[i]);
    }
    poll_for(&run, epoll_fd, WARM_MS);
    cpu_ms = cpu_ms_of(server->pid);
    start_ns = clock_mono_ns();
    poll_for(&run, epoll_fd, RUN_MS);
    series_add(&out->per_s, (double)run.requests * 1e9 / (double)(clock_mono_ns() - start_ns));
    series_add(&out->cpu_ns, (cpu_ms_of(server->pid) - cpu_ms) * 1e6 / (double)run.requests);
    CHECK(0 < run.samples);
    middle = run.samples / 2;
    slow = run.samples * 99 / 100;
    qsort(run.samples_ns, run.samples, sizeof(run.samples_ns[0]), compare_samples);
    series_add(&out->p50_us, (double)run.samples_ns[middle] / 1e3);
    series_add(&out->p99_us, (double)run.samples_ns[slow] / 1e3);
    for (i = 0; i < POLLING; i++) {
        (void)close(run.clients[i].fd);
    }
    (void)close(epoll_fd);
}

static double last(const struct series *series)
{
    return series->values[series->count - 1];
}

static void add_ratios(struct figures *figures, const struct figures *stock)
{
    series_add(&figures->per_s_ratio, last(&figures->per_s) / last(&stock->per_s));
    series_add(&figures->p99_ratio, last(&figures->p99_us) / last(&stock->p99_us));
    series_add(&figures->cpu_ratio, last(&figures->cpu_ns) / last(&stock->cpu_ns));
}

static void print_ratio(const char *name, struct series *ratio)
{
    (void)printf("    %-12s x%.3f  (%.3f .. %.3f)\n", name, series_quantile(ratio, 0.5),
                 series_quantile(ratio, 0.1), series_quantile(ratio, 0.9));
}

static void print_figures(const char *name, struct figures *figures)
{
    (void)printf("  %-10s %8.0f/s  %6.0f ns cpu  p50 %5.0f us  p99 %5.0f us\n", name,
                 series_quantile(&figures->per_s, 0.5), series_quantile(&figures->cpu_ns, 0.5),
                 series_quantile(&figures->p50_us, 0.5), series_quantile(&figures->p99_us, 0.5));
    if (0 < figures->per_s_ratio.count) {
        print_ratio("requests/s", &figures->per_s_ratio);
        print_ratio("p99", &figures->p99_ratio);
        print_ratio("cpu", &figures->cpu_ratio);
    }
}

static void bench_load(struct server *servers, unsigned rounds)
{
    static struct figures figures[SERVERS];
    unsigned round;
    unsigned i;

    for (round = 0; round < rounds; round++) {
        for (i = 0; i < SERVERS; i++) { /* each goes first in turn */
            unsigned j = (i + round) % SERVERS;

            run_once(&servers[j], &figures[j]);
        }
        add_ratios(&figures[DISCOVERY], &figures[STOCK]);
        add_ratios(&figures[CONTROL], &figures[STOCK]);
    }
    (void)printf("%d idle and %d polling connections, an answer of %zu bytes, medians of %u rounds "
                 "of %d ms; ratios to stock\n",
                 IDLE, POLLING, servers[DISCOVERY].answer_bytes, rounds, RUN_MS);
    for (i = 0; i < SERVERS; i++) {
        print_figures(servers[i].name, &figures[i]);
    }
}

/* ---- Idle connections ---- */

static void hear_one(int fd, size_t owed_bytes)
{
    char bytes[ANSWER_BYTES_MAX];

    while (0 < owed_bytes) {
        ssize_t n = recv(fd, bytes, sizeof(bytes), 0);

        CHECK(0 < n);
        owed_bytes -= (size_t)n;
    }
}

static void make_idle(struct server *server)
{
    size_t i;

    for (i = 0; i < IDLE; i++) {
        server->idle[i] = connect_to(server);
        CHECK(0 < send(server->idle[i], server->request, strlen(server->request), MSG_NOSIGNAL));
        hear_one(server->idle[i], server->answer_bytes);
    }
}

static uint64_t private_kib(pid_t pid)
{
    struct child_memory memory;
    struct err err;

    if (child_memory(pid, &memory, &err) < 0) {
        scene_fail("%s", err.msg);
    }
    return memory.private_kib;
}

static void print_memory(const char *name, size_t connections, uint64_t before, uint64_t after)
{
    (void)printf("  %-14s %5zu connections: %6llu -> %6llu KiB private, %5.2f KiB each\n", name,
                 connections, (unsigned long long)before, (unsigned long long)after,
                 (double)(after - before) / (double)connections);
}

static void make_certificate(char *cert, char *key)
{
    const char *const argv[] = {
        "openssl", "req",   "-x509", "-newkey", "ec",        "-pkeyopt", "ec_paramgen_curve:P-256",
        "-nodes",  "-days", "1",     "-subj",   "/CN=bench", "-keyout",  key,
        "-out",    cert,    NULL
    };
    const struct process_spec spec = { .name = "openssl", .argv = argv };
    char *output = NULL;

    (void)snprintf(cert, SCENE_PATH_SIZE, "%s", scene_path("cert.pem").text);
    (void)snprintf(key, SCENE_PATH_SIZE, "%s", scene_path("key.pem").text);
    if (process_run(&spec, &output) != 0) {
        scene_fail("openssl: %s", output);
    }
    free(output);
}

/* Ask once over TLS; the socket blocks, so nothing has to be tried again. */
static void ask_tls(struct tls_stream *stream, const struct server *server)
{
    char bytes[ANSWER_BYTES_MAX];
    size_t owed_bytes = server->answer_bytes;

    CHECK(tls_write(stream, server->request, strlen(server->request)) ==
          (ssize_t)strlen(server->request));
    while (0 < owed_bytes) {
        ssize_t n = tls_read(stream, bytes, sizeof(bytes));

        CHECK(0 < n);
        owed_bytes -= (size_t)n;
    }
}

static void bench_tls_memory(void)
{
    static struct server server;
    struct tls_stream *streams[IDLE_TLS];
    struct tls_context *context = NULL;
    char cert[SCENE_PATH_SIZE];
    char key[SCENE_PATH_SIZE];
    struct tls_files files = { .ca = cert };
    uint64_t before;
    struct err err;
    size_t i;

    make_certificate(cert, key);
    start_discovery(&server, 4, cert, key);
    if (tls_client_new(&files, &context, &err) < 0) {
        scene_fail("%s", err.msg);
    }
    before = private_kib(server.pid);
    for (i = 0; i < IDLE_TLS; i++) {
        server.idle[i] = connect_to(&server);
        CHECK(tls_stream_new(context, server.idle[i], &streams[i], &err) == 0);
        ask_tls(streams[i], &server);
    }
    print_memory("TLS", IDLE_TLS, before, private_kib(server.pid));
    for (i = 0; i < IDLE_TLS; i++) {
        tls_stream_free(streams[i]);
        (void)close(server.idle[i]);
    }
    tls_context_free(context);
}

static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    if (limit.rlim_cur < (rlim_t)SERVERS * (IDLE + POLLING) + 64) {
        scene_fail("%d descriptors are needed", SERVERS * (IDLE + POLLING) + 64);
    }
}

static void make_payload(void)
{
    size_t i;

    for (i = 0; i < MEMBERS; i++) {
        (void)snprintf(payload + strlen(payload), sizeof(payload) - strlen(payload),
                       i == 0 ? "1\n%s" : " %s", "0001.sessions.cfg.local|127.0.0.1|11211");
    }
    payload[strlen(payload)] = '\n'; /* the rest is zeros */
}

int main(int argc, char **argv)
{
    static struct server servers[SERVERS];
    const unsigned rounds = argc == 2 ? (unsigned)strtoul(argv[1], NULL, 10) : ROUNDS_DEFAULT;
    uint64_t before;
    size_t i;

    make_payload();
    raise_descriptor_limit();
    if (3 <= argc && strcmp(argv[1], "serve") == 0) {
        return serve(argv[2], 5 <= argc ? argv[3] : NULL, 5 <= argc ? argv[4] : NULL);
    }
    CHECK(0 < rounds && rounds <= SERIES_MAX);
    start_memcached(&servers[STOCK], 1, "stock");
    start_discovery(&servers[DISCOVERY], 2, NULL, NULL);
    start_memcached(&servers[CONTROL], 3, "control");
    before = private_kib(servers[DISCOVERY].pid);
    for (i = 0; i < SERVERS; i++) {
        make_idle(&servers[i]);
    }
    bench_load(servers, rounds);
    (void)printf("memory of the discovery port's process\n");
    print_memory("plain", IDLE, before, private_kib(servers[DISCOVERY].pid));
    bench_tls_memory();
    return 0;
}
