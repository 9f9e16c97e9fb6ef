#include "integration/traffic.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "integration/ask.h"

static void tell(struct traffic *traffic, unsigned node, const char *ip, const char *what)
{
    if (atomic_load(&traffic->failures) == 0) {
        (void)snprintf(traffic->first_failure, sizeof(traffic->first_failure),
                       "node %u (%s): %s, after %llu operations", node, ip, what,
                       (unsigned long long)atomic_load(&traffic->operations));
    }
    (void)atomic_fetch_add(&traffic->failures, 1);
}

/* One set and get; the connection is kept as long as it is good. */
static void use(struct traffic *traffic, unsigned node, int *fd, uint64_t turn)
{
    struct scene_ip address;
    const char *ip;
    char key[64];
    char value[64];

    address = scene_ip(node);
    ip = address.text;
    if (atomic_load(&traffic->out[node])) {
        fd_close_p(fd);
        *fd = -1;
        return;
    }
    (void)snprintf(key, sizeof(key), "traffic:%u:%llu", node, (unsigned long long)turn % 64);
    (void)snprintf(value, sizeof(value), "%llu", (unsigned long long)turn);
    if (*fd < 0) {
        *fd = ask_connect(ip, LAB_DATA_PORT);
    }
    if (0 <= *fd && ask_set_get(*fd, key, value)) {
        (void)atomic_fetch_add(&traffic->operations, 1);
        return;
    }
    if (!atomic_load(&traffic->out[node])) {
        tell(traffic, node, ip, *fd < 0 ? "refuses connections" : "set or get failed");
    }
    fd_close_p(fd);
    *fd = -1;
}

static void *run(void *ctx)
{
    struct traffic *traffic = ctx;
    int fds[LAB_NODES_MAX + 1];
    uint64_t turn;
    unsigned node;

    memset(fds, 0xff, sizeof(fds));
    for (turn = 0; !atomic_load(&traffic->stop); turn++) {
        for (node = 1; node <= traffic->nodes; node++) {
            use(traffic, node, &fds[node], turn);
        }
        (void)usleep(2000);
    }
    for (node = 1; node <= traffic->nodes; node++) {
        fd_close_p(&fds[node]);
    }
    return NULL;
}

void traffic_start(struct traffic *traffic, unsigned nodes)
{
    memset(traffic, 0, sizeof(*traffic));
    traffic->nodes = nodes;
    cr_assert_eq(pthread_create(&traffic->thread, NULL, run, traffic), 0);
}

void traffic_leave_out(struct traffic *traffic, unsigned node, bool out)
{
    atomic_store(&traffic->out[node], out);
}

void traffic_must_go_on(struct traffic *traffic)
{
    uint64_t before = atomic_load(&traffic->operations);

    cr_assert(
        WITHIN(LAB_PATIENCE_MS, before + 2 * traffic->nodes < atomic_load(&traffic->operations)),
        "no set and get is done");
}

void traffic_stop(struct traffic *traffic)
{
    atomic_store(&traffic->stop, true);
    cr_assert_eq(pthread_join(traffic->thread, NULL), 0);
    cr_assert_eq(atomic_load(&traffic->failures), 0, "%llu operations failed, the first: %s",
                 (unsigned long long)atomic_load(&traffic->failures), traffic->first_failure);
    cr_assert_gt(atomic_load(&traffic->operations), 0, "no set and get was done");
}
