/*
 * module_bench - what the partition module costs memcached.
 *
 * Three memcacheds stand side by side: `stock`, `module` and `control`, which is stock once more.
 * Each workload runs on them in turn, over and over, so that what else the machine does hits all
 * of them alike; what differs between stock and control is noise. Printed are medians over the
 * rounds: requests per second, memcached's own CPU time per request, and the latency of a
 * request as its client sees it; and for module and control the ratios to stock of the same round,
 * for throughput and the 99th percentile, with the tenths from both ends.
 *
 * Then discovery on the data port, next to a get of an equal value on the same memcached; and the
 * calls alone that the module stands in front of (memcached_calls), with it, without it, and
 * without it again.
 *
 *     module_bench [ROUNDS [PART]]       (24, all: workloads, discovery, calls)
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "bench/calls.h"
#include "bench/child.h"
#include "bench/series.h"
#include "discovery/names.h"
#include "discovery/segment_writer.h"
#include "support/net.h"
#include "support/process.h"
#include "support/scene.h"
#include "support/wait.h"

#define PORT 11211
#define CONNECTIONS 32
#define IDLE_CONNECTIONS 1000
#define ROUNDS_DEFAULT 24
#define ROUNDS_MAX 200
#define RUN_MS 250
#define KEYS 1000
#define VALUE_BYTES 100
#define BATCH_BYTES_MAX 8192
#define ANSWER_BYTES_MAX 65536
#define SAMPLES_MAX 200000

enum server_kind { STOCK, MODULE, CONTROL, SERVERS };

static const char *const server_names[SERVERS] = { "stock", "module", "control" };

struct server {
    struct process *process;
    struct scene_ip ip;
};

struct workload {
    const char *name;
    unsigned batch; /* requests that are sent at once */
    unsigned set_percent;
    unsigned idle;       /* connections that say nothing */
    const char *request; /* NULL: gets and sets of random keys */
};

static const struct workload workloads[] = {
    { "get, 10 % set", 1, 10, 0, NULL },
    { "pipelined: 16 gets, 10 % set", 16, 10, 0, NULL },
    { "get, 10 % set, 1000 idle", 1, 10, IDLE_CONNECTIONS, NULL },
    { "set", 1, 100, 0, NULL },
};

/* The same payload, as an item of the cache and by discovery (stock has no such thing). */
static const struct workload discovery = { "config get cluster", 1, 0, 0,
                                           "config get cluster\r\n" };
static const struct workload same_by_get = { "get of the same payload", 1, 0, 0,
                                             "get payload\r\n" };

enum column { PER_S, CPU_NS, P50_US, P99_US, COLUMNS };

struct result {
    double columns[COLUMNS];
};

struct client {
    int fd;
    size_t answer_bytes; /* still to come */
    size_t batch_bytes;
    uint64_t sent_ns;
};

struct run {
    const struct workload *workload;
    struct client clients[CONNECTIONS];
    uint32_t random;
    uint64_t requests;
    uint32_t samples_ns[SAMPLES_MAX];
    size_t samples;
};

static char value[VALUE_BYTES + 1];
static char payload[1024];

static uint32_t below(struct run *run, uint32_t limit)
{
    run->random = run->random * 1664525U + 1013904223U;
    return (run->random >> 8) % limit;
}

/* One batch into `out`; the size of what will be answered is known before. */
static size_t make_batch(struct run *run, char *out, size_t *answer_bytes)
{
    size_t size = 0;
    unsigned i;

    *answer_bytes = 0;
    for (i = 0; i < run->workload->batch; i++) {
        unsigned key = below(run, KEYS);

        if (below(run, 100) < run->workload->set_percent) {
            size += (size_t)snprintf(out + size, BATCH_BYTES_MAX - size,
                                     "set key-%04u 0 0 %d\r\n%s\r\n", key, VALUE_BYTES, value);
            *answer_bytes += strlen("STORED\r\n");
        } else {
            size += (size_t)snprintf(out + size, BATCH_BYTES_MAX - size, "get key-%04u\r\n", key);
            *answer_bytes +=
                strlen("VALUE key-0000 0 100\r\n") + VALUE_BYTES + strlen("\r\nEND\r\n");
        }
    }
    return size;
}

static void send_batch(struct run *run, struct client *client)
{
    char batch[BATCH_BYTES_MAX];
    const char *bytes = batch;
    size_t size;

    if (run->workload->request != NULL) {
        bytes = run->workload->request;
        size = strlen(bytes);
        client->answer_bytes = client->batch_bytes;
    } else {
        size = make_batch(run, batch, &client->answer_bytes);
    }
    client->sent_ns = clock_mono_ns();
    CHECK(send(client->fd, bytes, size, MSG_NOSIGNAL) == (ssize_t)size);
}

static void hear(struct run *run, struct client *client)
{
    char bytes[ANSWER_BYTES_MAX];
    ssize_t n = recv(client->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

    if (n < 0 && errno == EAGAIN) {
        return;
    }
    CHECK(0 < n);
    CHECK((size_t)n <= client->answer_bytes);
    client->answer_bytes -= (size_t)n;
    if (client->answer_bytes != 0) {
        return;
    }
    run->requests += run->workload->batch;
    if (run->samples < SAMPLES_MAX) {
        run->samples_ns[run->samples] = (uint32_t)(clock_mono_ns() - client->sent_ns);
        run->samples++;
    }
    send_batch(run, client);
}

static uint64_t cpu_ns_of(pid_t pid)
{
    struct err err;
    double ms;

    CHECK(child_cpu_ms(pid, &ms, &err) == 0);
    return (uint64_t)(ms * 1e6);
}

static int compare_samples(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a;
    const uint32_t y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

/* Of sorted samples. */
static double percentile_us(const struct run *run, size_t percent)
{
    size_t at = run->samples * percent / 100;

    return run->samples_ns[at] / 1e3;
}

static void connect_all(struct run *run, const struct server *server, int epoll_fd)
{
    int on = 1;
    size_t i;

    for (i = 0; i < CONNECTIONS; i++) {
        struct client *client = &run->clients[i];
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = client };

        client->fd = net_connect(server->ip.text, PORT);
        CHECK(0 <= client->fd);
        (void)setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        CHECK(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, client->fd, &event) == 0);
        send_batch(run, client);
    }
}

static void loop(struct run *run, int epoll_fd)
{
    struct epoll_event events[CONNECTIONS];
    const uint64_t end_ms = clock_mono_ms() + RUN_MS;
    int count;
    int i;

    while (clock_mono_ms() < end_ms) {
        count = epoll_wait(epoll_fd, events, CONNECTIONS, 100);
        for (i = 0; i < count; i++) {
            hear(run, events[i].data.ptr);
        }
    }
}

static struct result run_once(const struct workload *workload, const struct server *server,
                              size_t answer_bytes)
{
    static struct run run;
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    pid_t pid = process_pid(server->process);
    uint64_t cpu_ns = cpu_ns_of(pid);
    uint64_t start_ns = clock_mono_ns();
    struct result result;
    size_t i;

    run.workload = workload;
    run.random = 1;
    run.requests = 0;
    run.samples = 0;
    for (i = 0; i < CONNECTIONS; i++) {
        run.clients[i].batch_bytes = answer_bytes;
    }
    connect_all(&run, server, epoll_fd);
    loop(&run, epoll_fd);
    result.columns[PER_S] = (double)run.requests * 1e9 / (double)(clock_mono_ns() - start_ns);
    result.columns[CPU_NS] = (double)(cpu_ns_of(pid) - cpu_ns) / (double)run.requests;
    qsort(run.samples_ns, run.samples, sizeof(run.samples_ns[0]), compare_samples);
    CHECK(0 < run.samples);
    result.columns[P50_US] = percentile_us(&run, 50);
    result.columns[P99_US] = percentile_us(&run, 99);
    for (i = 0; i < CONNECTIONS; i++) {
        (void)close(run.clients[i].fd);
    }
    (void)close(epoll_fd);
    return result;
}

static double median_of(const struct result *results, size_t count, size_t column)
{
    static struct series series;
    size_t i;

    series.count = 0;
    for (i = 0; i < count; i++) {
        series_add(&series, results[i].columns[column]);
    }
    return series_quantile(&series, 0.5);
}

/* The ratio to stock of the same round: its median and the tenths from both ends. */
static void print_ratio(const char *what, const struct result *results, const struct result *stock,
                        size_t count, size_t column)
{
    static struct series series;
    size_t i;

    series.count = 0;
    for (i = 0; i < count; i++) {
        series_add(&series, results[i].columns[column] / stock[i].columns[column]);
    }
    (void)printf("  %s x%.3f (%.3f .. %.3f)", what, series_quantile(&series, 0.5),
                 series_quantile(&series, 0.1), series_quantile(&series, 0.9));
}

static void print_row(const char *name, const struct result *results, const struct result *stock,
                      size_t count)
{
    (void)printf("  %-24s %8.0f/s %6.0f ns cpu  p50 %5.0f us  p99 %5.0f us", name,
                 median_of(results, count, PER_S), median_of(results, count, CPU_NS),
                 median_of(results, count, P50_US), median_of(results, count, P99_US));
    if (results != stock) {
        print_ratio("/s", results, stock, count, PER_S);
        print_ratio("p99", results, stock, count, P99_US);
        print_ratio("cpu", results, stock, count, CPU_NS);
    }
    (void)printf("\n");
}

static void bench_workload(const struct workload *workload, const struct server *servers,
                           unsigned rounds)
{
    static struct result results[SERVERS][ROUNDS_MAX];
    int idle[SERVERS][IDLE_CONNECTIONS];
    unsigned round;
    unsigned i;
    unsigned j;

    for (i = 0; i < SERVERS; i++) {
        for (j = 0; j < workload->idle; j++) {
            idle[i][j] = net_connect(servers[i].ip.text, PORT);
            CHECK(0 <= idle[i][j]);
        }
    }
    for (round = 0; round < rounds; round++) {
        for (i = 0; i < SERVERS; i++) { /* each goes first in turn */
            j = (i + round) % SERVERS;
            results[j][round] = run_once(workload, &servers[j], 0);
        }
    }
    (void)printf("%s\n", workload->name);
    for (i = 0; i < SERVERS; i++) {
        print_row(server_names[i], results[i], results[STOCK], rounds);
        for (j = 0; j < workload->idle; j++) {
            (void)close(idle[i][j]);
        }
    }
}

static void bench_discovery(const struct server *servers, unsigned rounds)
{
    static struct result results[2][ROUNDS_MAX];
    const size_t config_bytes = (size_t)snprintf(NULL, 0, "CONFIG cluster 0 %zu\r\n%s\r\nEND\r\n",
                                                 strlen(payload), payload);
    const size_t get_bytes =
        (size_t)snprintf(NULL, 0, "VALUE payload 0 %zu\r\n%s\r\nEND\r\n", strlen(payload), payload);
    unsigned round;
    unsigned i;
    unsigned j;

    for (round = 0; round < rounds; round++) {
        for (i = 0; i < 2; i++) {
            j = (i + round) % 2;
            results[j][round] = j == 0 ? run_once(&same_by_get, &servers[MODULE], get_bytes)
                                       : run_once(&discovery, &servers[MODULE], config_bytes);
        }
    }
    (void)printf("discovery, %zu bytes (ratio: to the get)\n", strlen(payload));
    print_row(same_by_get.name, results[0], results[0], rounds);
    print_row(discovery.name, results[1], results[0], rounds);
}

static void publish(const char *partition)
{
    struct segment_cell cell = { 1, payload, strlen(payload), "{}", 2 };
    char path[SCENE_PATH_SIZE + 32];
    struct err err;
    int fd = -1;

    (void)mkdir(partition, 0755);
    (void)snprintf(path, sizeof(path), "%s/" PARTITION_SEGMENT, partition);
    if (segment_create(path, &fd, &err) < 0 || segment_write(fd, &cell, &err) < 0) {
        scene_fail("%s", err.msg);
    }
    (void)close(fd);
    (void)snprintf(path, sizeof(path), "%s/" PARTITION_ACTIVE, partition);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) {
        scene_fail("%s: no switch", path);
    }
    (void)close(fd);
}

static bool answers(void *ctx)
{
    return net_answers(((const struct server *)ctx)->ip.text, PORT);
}

static void fill(const struct server *server)
{
    char *said = scene_alloc(KEYS * 200 + 2048);
    size_t size = 0;
    unsigned i;

    for (i = 0; i < KEYS; i++) {
        size +=
            (size_t)sprintf(said + size, "set key-%04u 0 0 %d\r\n%s\r\n", i, VALUE_BYTES, value);
    }
    (void)sprintf(said + size, "set payload 0 0 %zu\r\n%s\r\nquit\r\n", strlen(payload), payload);
    free(net_ask(server->ip.text, PORT, said, NULL));
}

struct environment {
    char preload[SCENE_PATH_SIZE + 32];
    char partition[SCENE_PATH_SIZE + 32];
    const char *list[3];
};

static void load_module(struct environment *environment)
{
    (void)snprintf(environment->preload, sizeof(environment->preload), "LD_PRELOAD=%s",
                   scene_library("libmuster_partition.so").text);
    (void)snprintf(environment->partition, sizeof(environment->partition), PARTITION_VARIABLE "=%s",
                   scene_path("partition").text);
    environment->list[0] = environment->preload;
    environment->list[1] = environment->partition;
    environment->list[2] = NULL;
}

static void start(struct server *server, enum server_kind kind)
{
    const char *argv[] = { "memcached", "-u", "root", "-c", "4096", "-l", NULL, NULL };
    struct process_spec spec = { .name = server_names[kind], .argv = argv };
    struct environment environment;

    load_module(&environment);
    spec.env = kind == MODULE ? environment.list : NULL;
    server->ip = scene_ip(1 + (unsigned)kind);
    argv[6] = server->ip.text;
    server->process = process_start(&spec);
    if (!wait_until(answers, server, WAIT_MS)) {
        scene_fail("%s does not start: %s", server_names[kind], process_output(server->process));
    }
    fill(server);
}

/* What memcached_calls says, with the module or without. */
static void print_calls(enum server_kind kind)
{
    const struct scene_path program = scene_program("memcached_calls");
    const char *const argv[] = { program.text, NULL };
    struct process_spec spec = { .name = server_names[kind], .argv = argv };
    struct environment environment;
    double ns[CALLS_COLUMNS];
    char *output = NULL;
    const char *at;
    char name[32];
    int used = 0;

    load_module(&environment);
    spec.env = kind == MODULE ? environment.list : NULL;
    CHECK(process_run(&spec, &output) == 0);
    for (at = output; sscanf(at, "%31s %lf %lf %lf %lf%n", name, &ns[0], &ns[1], &ns[2], &ns[3],
                             &used) == 1 + CALLS_COLUMNS;
         at += used) {
        (void)printf("  %-8s %-20s %6.0f ns cpu  %+5.0f (%+.0f .. %+.0f)\n", server_names[kind],
                     name, ns[0], ns[1], ns[2], ns[3]);
    }
    free(output);
}

/* Whether a part is asked for; NULL: all are. */
static bool is_asked(const char *asked, const char *part)
{
    return asked == NULL || strcmp(asked, part) == 0;
}

int main(int argc, char **argv)
{
    const unsigned rounds = 1 < argc ? (unsigned)strtoul(argv[1], NULL, 10) : ROUNDS_DEFAULT;
    const char *asked = 2 < argc ? argv[2] : NULL;
    struct server servers[SERVERS];
    size_t i;

    if (rounds < 1 || ROUNDS_MAX < rounds) {
        scene_fail("from 1 to %d rounds", ROUNDS_MAX);
    }
    memset(value, 'v', VALUE_BYTES);
    for (i = 0; i < 10; i++) {
        (void)snprintf(payload + strlen(payload), sizeof(payload) - strlen(payload),
                       i == 0 ? "1\n%s" : " %s", "0001.sessions.cfg.local|127.0.0.1|11211");
    }
    payload[strlen(payload)] = '\n'; /* the rest is zeros */
    publish(scene_path("partition").text);
    for (i = 0; i < SERVERS; i++) {
        start(&servers[i], (enum server_kind)i);
    }
    (void)printf("module_bench: %d connections, medians of %u rounds of %d ms\n", CONNECTIONS,
                 rounds, RUN_MS);
    for (i = 0; i < ARRAY_COUNT(workloads) && is_asked(asked, "workloads"); i++) {
        bench_workload(&workloads[i], servers, rounds);
    }
    if (is_asked(asked, "discovery")) {
        bench_discovery(servers, rounds);
    }
    for (i = 0; i < SERVERS; i++) {
        process_kill(servers[i].process);
    }
    if (is_asked(asked, "calls")) {
        (void)printf("the calls of a request alone, straight, and what the way through the "
                     "preloaded library takes more\n");
        print_calls(MODULE);
        print_calls(CONTROL);
    }
    return 0;
}
