/*
 * follow_libmemcached ENDPOINT - libmemcached (ketama) with the list that a few lines of ours read.
 *
 * Says what follow.js says, and looks more closely: each key must lie at the very node that
 * memcached_generate_hash() names. The endpoint is asked before each round; a change makes a new
 * client.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <libmemcached/memcached.h>

#include "base/str.h"

#define KEYS 120
#define KEY_SIZE 48
#define REPLY_SIZE 65536
#define NODES_MAX 64
#define NODE_SIZE 32
#define PAUSE_NS 50000000L
#define ANSWER_S 10

struct nodes {
    char text[NODES_MAX][NODE_SIZE]; /* ip:port, in the order of the list */
    size_t count;
};

struct follower {
    memcached_st *client;
    struct nodes nodes;
    char key[KEYS][KEY_SIZE];
    char problem[256];
};

static bool split(const char *node, char ip[NODE_SIZE], uint16_t *port)
{
    const char *colon = strrchr(node, ':');
    uint64_t number;

    if (colon == NULL || !text_to_u64(colon + 1, 1, UINT16_MAX, &number)) {
        return false;
    }
    (void)snprintf(ip, NODE_SIZE, "%.*s", (int)(colon - node), node);
    *port = (uint16_t)number;
    return true;
}

static bool ends_with(const char *text, size_t size, const char *end)
{
    return strlen(end) <= size && memcmp(text + size - strlen(end), end, strlen(end)) == 0;
}

/* The answer to one request, up to its END. */
static bool ask(const char *node, const char *request, char reply[REPLY_SIZE])
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    struct timeval patience = { .tv_sec = ANSWER_S };
    char ip[NODE_SIZE];
    size_t size = 0;
    uint16_t port;
    ssize_t n = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || !split(node, ip, &port) || inet_pton(AF_INET, ip, &address.sin_addr) != 1) {
        return false;
    }
    address.sin_port = htons(port);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    reply[0] = '\0';
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
        send(fd, request, strlen(request), MSG_NOSIGNAL) == (ssize_t)strlen(request)) {
        while (0 < n && size + 1 < REPLY_SIZE && !ends_with(reply, size, "END\r\n")) {
            n = recv(fd, reply + size, REPLY_SIZE - 1 - size, 0);
            size += n < 0 ? 0 : (size_t)n;
            reply[size] = '\0';
        }
    }
    (void)close(fd);
    return ends_with(reply, size, "END\r\n");
}

static bool discover(const char *endpoint, struct nodes *out)
{
    static char reply[REPLY_SIZE];
    char *rest = reply;
    char *member;

    *out = (struct nodes){ .count = 0 };
    if (!ask(endpoint, "config get cluster\r\n", reply)) {
        return false;
    }
    (void)strsep(&rest, "\n");
    (void)strsep(&rest, "\n");
    rest[strcspn(rest, "\n")] = '\0';
    while ((member = strsep(&rest, " ")) != NULL && out->count < NODES_MAX) {
        const char *hostname = strsep(&member, "|");
        const char *ip = strsep(&member, "|");

        if (hostname == NULL || ip == NULL || member == NULL) {
            return false;
        }
        (void)snprintf(out->text[out->count++], NODE_SIZE, "%.20s:%.6s", ip, member);
    }
    return true;
}

static bool same(const struct nodes *a, const struct nodes *b)
{
    return a->count == b->count && memcmp(a->text, b->text, a->count * NODE_SIZE) == 0;
}

static void take_up(struct follower *f, const struct nodes *nodes)
{
    char ip[NODE_SIZE];
    uint16_t port;
    size_t i;

    memcached_free(f->client);
    f->client = memcached_create(NULL);
    f->nodes = *nodes;
    (void)memcached_behavior_set(f->client, MEMCACHED_BEHAVIOR_KETAMA, 1);
    (void)memcached_behavior_set(f->client, MEMCACHED_BEHAVIOR_TCP_NODELAY, 1);
    (void)memcached_behavior_set(f->client, MEMCACHED_BEHAVIOR_CONNECT_TIMEOUT, 6000);
    (void)memcached_behavior_set(f->client, MEMCACHED_BEHAVIOR_POLL_TIMEOUT, 6000);
    for (i = 0; i < nodes->count; i++) {
        if (split(nodes->text[i], ip, &port)) {
            (void)memcached_server_add(f->client, ip, port);
        }
    }
}

static bool failed(struct follower *f, const char *what, memcached_return_t rc)
{
    (void)snprintf(f->problem, sizeof(f->problem), "%s: %s", what,
                   memcached_strerror(f->client, rc));
    return false;
}

static bool play_key(struct follower *f, const char *key, const char *text)
{
    static char reply[REPLY_SIZE];
    char request[KEY_SIZE + 16];
    memcached_return_t rc = memcached_set(f->client, key, strlen(key), text, strlen(text), 0, 0);
    uint32_t flags;
    size_t size;
    char *value;
    bool right;

    if (rc != MEMCACHED_SUCCESS) {
        return failed(f, "set", rc);
    }
    value = memcached_get(f->client, key, strlen(key), &size, &flags, &rc);
    if (value == NULL) {
        return failed(f, "get", rc);
    }
    right = size == strlen(text) && memcmp(value, text, size) == 0;
    free(value);
    (void)snprintf(request, sizeof(request), "get %s\r\n", key);
    if (!right ||
        !ask(f->nodes.text[memcached_generate_hash(f->client, key, strlen(key))], request, reply) ||
        strstr(reply, text) == NULL) {
        (void)snprintf(f->problem, sizeof(f->problem), "%s is not where the ring says", key);
        return false;
    }
    return true;
}

static bool play_round(struct follower *f, unsigned number)
{
    char text[32];
    size_t i;

    (void)snprintf(text, sizeof(text), "libmemcached %u", number);
    for (i = 0; i < KEYS; i++) {
        if (!play_key(f, f->key[i], text)) {
            return false;
        }
    }
    return true;
}

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void tell(struct nodes nodes)
{
    size_t i;

    qsort(nodes.text, nodes.count, NODE_SIZE, compare);
    (void)printf("nodes %zu ", nodes.count);
    for (i = 0; i < nodes.count; i++) {
        (void)printf("%s%s", i == 0 ? "" : ",", nodes.text[i]);
    }
    (void)printf("\n");
}

int main(int argc, char **argv)
{
    static struct follower follower;
    const struct timespec pause = { .tv_nsec = PAUSE_NS };
    struct nodes told = { .count = 0 };
    struct nodes now;
    unsigned number;
    size_t i;
    bool good;

    if (argc != 2) {
        return 2;
    }
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    for (i = 0; i < KEYS; i++) {
        (void)snprintf(follower.key[i], KEY_SIZE, "follow:%d:%08x", (int)getpid(),
                       (unsigned)i * 2654435761U);
    }
    for (number = 1;; number++) {
        if (!discover(argv[1], &now)) {
            (void)printf("failed discovery\n");
        } else if (!same(&now, &follower.nodes)) {
            take_up(&follower, &now);
        }
        good = play_round(&follower, number);
        if (discover(argv[1], &now) && same(&now, &follower.nodes)) {
            if (!good) {
                (void)printf("failed %s\n", follower.problem);
            } else if (!same(&now, &told)) {
                told = now;
                tell(now);
            }
        }
        (void)nanosleep(&pause, NULL);
    }
}
