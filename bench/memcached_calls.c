/*
 * memcached_calls - the calls that memcached makes for a request, and what the module adds to them.
 *
 * Named so that the partition module takes it for a memcached: module_bench runs it with the module
 * and without. Two connections: on one, epoll_wait(2), read(2) and sendmsg(2) of memcached's side
 * go to whoever stands in front, on the other straight to the C library. They take turns, some
 * hundred requests each, so that what else the machine does hits both alike. Prints, one line a
 * workload, nanoseconds of processor time per request: straight (the client's send and receive
 * included), and what the other way takes more: the median of all pairs, and the tenths from both
 * ends. Without the module, that is noise.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "bench/calls.h"
#include "bench/series.h"

#define FRESH_BYTES 16384 /* memcached's read buffer */
#define PAIRS 300
#define REQUESTS 200 /* of one side, in a turn */
#define PIPELINED 16
#define ANSWER_BYTES 8

struct calls {
    int (*epoll_wait)(int, struct epoll_event *, int, int);
    ssize_t (*read)(int, void *, size_t);
    ssize_t (*sendmsg)(int, const struct msghdr *, int);
};

struct side {
    struct calls calls;
    int epoll_fd;
    int memcached;
    int client;
};

/* A pointer to a function, which a pointer to data may not be converted to. */
static void find(void *library, const char *name, void *function)
{
    void *found = dlsym(library, name);

    CHECK(found != NULL);
    memcpy(function, &found, sizeof(found));
}

static void straight_calls(struct calls *calls)
{
    void *library = dlopen("libc.so.6", RTLD_NOW);

    CHECK(library != NULL);
    find(library, "epoll_wait", &calls->epoll_wait);
    find(library, "read", &calls->read);
    find(library, "sendmsg", &calls->sendmsg);
}

static void connect_side(struct side *side)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    socklen_t size = sizeof(address.sun_family); /* the kernel chooses a name */
    struct epoll_event event = { .events = EPOLLIN };
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    CHECK(bind(listener, (const struct sockaddr *)&address, size) == 0);
    CHECK(listen(listener, 1) == 0);
    size = sizeof(address);
    CHECK(getsockname(listener, (struct sockaddr *)&address, &size) == 0);
    side->client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(connect(side->client, (const struct sockaddr *)&address, size) == 0);
    side->memcached = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    CHECK(0 <= side->memcached);
    side->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    event.data.fd = side->memcached;
    CHECK(epoll_ctl(side->epoll_fd, EPOLL_CTL_ADD, side->memcached, &event) == 0);
    (void)close(listener);
}

static uint64_t cpu_ns(void)
{
    struct timespec now;

    CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0);
    return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

/* Memcached's side of what was said: one answer, whatever it was. */
static void serve(const struct side *side, size_t size)
{
    char bytes[FRESH_BYTES];
    struct iovec part = { .iov_base = bytes, .iov_len = ANSWER_BYTES };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
    struct epoll_event events[4];

    while (0 < size) {
        ssize_t n;

        CHECK(side->calls.epoll_wait(side->epoll_fd, events, 4, 1000) == 1);
        n = side->calls.read(side->memcached, bytes, sizeof(bytes));
        CHECK(0 < n);
        size -= (size_t)n;
    }
    CHECK(side->calls.sendmsg(side->memcached, &message, 0) == ANSWER_BYTES);
}

static double measure(const struct side *side, const char *said, size_t size)
{
    char heard[64];
    uint64_t start_ns = cpu_ns();
    int i;

    for (i = 0; i < REQUESTS; i++) {
        CHECK(send(side->client, said, size, 0) == (ssize_t)size);
        serve(side, size);
        CHECK(recv(side->client, heard, sizeof(heard), 0) == ANSWER_BYTES);
    }
    return (double)(cpu_ns() - start_ns) / REQUESTS;
}

static void compare(const struct side *straight, const struct side *fronted, const char *name,
                    const char *said)
{
    static struct series alone;
    static struct series more;
    const size_t size = strlen(said);
    double first;
    int i;

    alone.count = 0;
    more.count = 0;
    for (i = 0; i < PAIRS; i++) {
        if (i % 2 == 0) {
            first = measure(straight, said, size);
            series_add(&more, measure(fronted, said, size) - first);
        } else {
            first = -measure(fronted, said, size);
            series_add(&more, -first - measure(straight, said, size));
            first = -first - more.values[more.count - 1];
        }
        series_add(&alone, first);
    }
    (void)printf("%s %.0f %.0f %.0f %.0f\n", name, series_quantile(&alone, 0.5),
                 series_quantile(&more, 0.5), series_quantile(&more, 0.1),
                 series_quantile(&more, 0.9));
}

int main(void)
{
    static const char get[] = "get key-0001\r\n";
    struct side fronted = { .calls = { epoll_wait, read, sendmsg } };
    struct side straight;
    char set[256];
    char pipelined[PIPELINED * sizeof(get)] = "";
    int i;

    (void)snprintf(set, sizeof(set), "set key-0001 0 0 100\r\n%0100d\r\n", 7);
    for (i = 0; i < PIPELINED; i++) {
        memcpy(pipelined + strlen(pipelined), get, sizeof(get));
    }
    straight_calls(&straight.calls);
    connect_side(&straight);
    connect_side(&fronted);
    compare(&straight, &fronted, CALLS_GET, get);
    compare(&straight, &fronted, CALLS_SET, set);
    compare(&straight, &fronted, CALLS_PIPELINED, pipelined);
    compare(&straight, &fronted, CALLS_KEYS,
            "get k1 k2 k3 k4 k5 k6 k7 k8 k9 k10 k11 k12 k13 k14 k15 k16\r\n");
    return 0;
}
