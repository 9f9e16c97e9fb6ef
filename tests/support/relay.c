#include "support/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "base/clock.h"
#include "support/net.h"
#include "support/scene.h"

#define CONNECTIONS_MAX 64
#define CHUNK_BYTES 65536
#define CHUNKS_MAX 64 /* held per direction; beyond, the sender has to wait */

struct chunk {
    struct chunk *next;
    uint64_t due_ms;
    size_t size;
    size_t sent;
    char bytes[];
};

struct direction {
    int from;
    int to;
    bool is_reply;
    bool ended; /* the sender has closed its side */
    bool passed_end;
    struct chunk *first;
    struct chunk **last;
    unsigned count;
};

struct connection {
    bool open;
    struct direction request;
    struct direction reply;
};

struct relay {
    pthread_mutex_t lock;
    pthread_cond_t idle; /* the thread sleeps, having seen all that was set */
    bool sleeping;
    int wake; /* eventfd */
    int listener;
    char ip[SCENE_IP_SIZE];
    uint16_t port;
    char target_ip[SCENE_IP_SIZE];
    uint16_t target_port;
    enum relay_mode mode;
    uint64_t delay_ms;
    bool drip;
    bool cut;
    unsigned accepted;
    struct connection connections[CONNECTIONS_MAX];
};

/* ---- Connections ---- */

static void connection_reset(struct connection *connection)
{
    const struct linger reset = { .l_onoff = 1 };
    struct direction *both[2] = { &connection->request, &connection->reply };
    size_t i;

    for (i = 0; i < 2; i++) {
        (void)setsockopt(both[i]->from, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        (void)close(both[i]->from);
        while (both[i]->first != NULL) {
            struct chunk *chunk = both[i]->first;

            both[i]->first = chunk->next;
            free(chunk);
        }
    }
    connection->open = false;
}

static void direction_init(struct direction *direction, int from, int to, bool is_reply)
{
    *direction = (struct direction){ .from = from, .to = to, .is_reply = is_reply };
    direction->last = &direction->first;
}

static void prepare_socket(int fd)
{
    int on = 1;

    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static void accept_one(struct relay *relay)
{
    int client = accept4(relay->listener, NULL, NULL, SOCK_CLOEXEC);
    int server;
    size_t i = 0;

    if (client < 0) {
        return;
    }
    relay->accepted++;
    while (i < CONNECTIONS_MAX && relay->connections[i].open) {
        i++;
    }
    server = i == CONNECTIONS_MAX ? -1 : net_connect(relay->target_ip, relay->target_port);
    if (server < 0) {
        (void)close(client);
        return;
    }
    prepare_socket(client);
    prepare_socket(server);
    direction_init(&relay->connections[i].request, client, server, false);
    direction_init(&relay->connections[i].reply, server, client, true);
    relay->connections[i].open = true;
}

/* ---- Moving bytes ---- */

/* Whether nothing goes out; what is held in one direction only still comes in. */
static bool is_held(const struct relay *relay, const struct direction *direction)
{
    return relay->mode == RELAY_HOLD ||
           (relay->mode == RELAY_HOLD_REPLIES && direction->is_reply) ||
           (relay->mode == RELAY_HOLD_REQUESTS && !direction->is_reply);
}

static bool wants_read(const struct relay *relay, const struct direction *direction)
{
    return !direction->ended && relay->mode != RELAY_HOLD && direction->count < CHUNKS_MAX;
}

static bool has_due(const struct relay *relay, const struct direction *direction, uint64_t now_ms)
{
    return direction->first != NULL && !is_held(relay, direction) &&
           direction->first->due_ms <= now_ms;
}

/* false: the connection has to go. */
static bool take_bytes(struct relay *relay, struct direction *direction)
{
    static char bytes[CHUNK_BYTES]; /* of the one thread */
    ssize_t size = recv(direction->from, bytes, sizeof(bytes), 0);
    struct chunk *chunk;

    if (size < 0) {
        return errno == EAGAIN;
    }
    if (size == 0) {
        direction->ended = true;
        return true;
    }
    if ((relay->mode == RELAY_CUT_REPLIES && direction->is_reply) ||
        (relay->mode == RELAY_CUT_REQUESTS && !direction->is_reply)) {
        return false;
    }
    chunk = malloc(sizeof(*chunk) + (size_t)size);
    if (chunk == NULL) {
        scene_fail("out of memory");
    }
    *chunk = (struct chunk){ .due_ms = clock_mono_ms() + relay->delay_ms, .size = (size_t)size };
    memcpy(chunk->bytes, bytes, (size_t)size);
    *direction->last = chunk;
    direction->last = &chunk->next;
    direction->count++;
    return true;
}

static bool give_bytes(const struct relay *relay, struct direction *direction, uint64_t now_ms)
{
    while (has_due(relay, direction, now_ms)) {
        struct chunk *chunk = direction->first;
        size_t size = relay->drip ? 1 : chunk->size - chunk->sent;
        ssize_t sent = send(direction->to, chunk->bytes + chunk->sent, size, MSG_NOSIGNAL);

        if (sent < 0) {
            return errno == EAGAIN;
        }
        chunk->sent += (size_t)sent;
        if (chunk->sent == chunk->size) {
            direction->first = chunk->next;
            direction->last = chunk->next == NULL ? &direction->first : direction->last;
            direction->count--;
            free(chunk);
        }
    }
    if (direction->ended && direction->first == NULL && !direction->passed_end) {
        direction->passed_end = true;
        (void)shutdown(direction->to, SHUT_WR);
    }
    return true;
}

/* ---- The thread ---- */

static void obey(struct relay *relay)
{
    size_t i;

    if (relay->mode == RELAY_REFUSE && 0 <= relay->listener) {
        (void)close(relay->listener);
        relay->listener = -1;
    } else if (relay->mode != RELAY_REFUSE && relay->listener < 0) {
        relay->listener = net_listen(relay->ip, relay->port);
    }
    for (i = 0; i < CONNECTIONS_MAX; i++) {
        if (relay->connections[i].open && (relay->cut || relay->mode == RELAY_REFUSE)) {
            connection_reset(&relay->connections[i]);
        }
    }
    relay->cut = false;
}

static void move_all(struct relay *relay)
{
    uint64_t now_ms = clock_mono_ms();
    size_t i;

    for (i = 0; i < CONNECTIONS_MAX; i++) {
        struct connection *connection = &relay->connections[i];
        bool ok = true;

        if (!connection->open) {
            continue;
        }
        if (wants_read(relay, &connection->request)) {
            ok = take_bytes(relay, &connection->request);
        }
        if (ok && wants_read(relay, &connection->reply)) {
            ok = take_bytes(relay, &connection->reply);
        }
        ok = ok && give_bytes(relay, &connection->request, now_ms) &&
             give_bytes(relay, &connection->reply, now_ms);
        if (!ok || (connection->request.passed_end && connection->reply.passed_end)) {
            connection_reset(connection);
        }
    }
}

static int poll_add(const struct relay *relay, const struct direction *direction,
                    struct pollfd *fds, nfds_t *count, uint64_t now_ms)
{
    short events = 0;

    events |= wants_read(relay, direction) ? POLLIN : 0;
    if (events != 0) {
        fds[(*count)++] = (struct pollfd){ .fd = direction->from, .events = events };
    }
    if (direction->first == NULL || is_held(relay, direction)) {
        return -1;
    }
    if (has_due(relay, direction, now_ms)) {
        fds[(*count)++] = (struct pollfd){ .fd = direction->to, .events = POLLOUT };
        return -1;
    }
    return (int)(direction->first->due_ms - now_ms);
}

static int sooner(int a, int b)
{
    if (a < 0 || b < 0) {
        return a < 0 ? b : a;
    }
    return a < b ? a : b;
}

/* Sleep until something can be done; the lock is free meanwhile. */
static void sleep_until_needed(struct relay *relay)
{
    static struct pollfd fds[2 + 4 * CONNECTIONS_MAX]; /* of the one thread */
    uint64_t now_ms = clock_mono_ms();
    uint64_t wakes;
    nfds_t count = 0;
    int timeout_ms = -1;
    size_t i;

    fds[count++] = (struct pollfd){ .fd = relay->wake, .events = POLLIN };
    fds[count++] = (struct pollfd){ .fd = relay->listener, .events = POLLIN };
    for (i = 0; i < CONNECTIONS_MAX; i++) {
        const struct connection *connection = &relay->connections[i];

        if (connection->open) {
            timeout_ms =
                sooner(timeout_ms, poll_add(relay, &connection->request, fds, &count, now_ms));
            timeout_ms =
                sooner(timeout_ms, poll_add(relay, &connection->reply, fds, &count, now_ms));
        }
    }
    relay->sleeping = true;
    (void)pthread_cond_broadcast(&relay->idle);
    (void)pthread_mutex_unlock(&relay->lock);
    (void)poll(fds, count, timeout_ms);
    (void)pthread_mutex_lock(&relay->lock);
    relay->sleeping = false;
    if ((fds[0].revents & POLLIN) != 0) {
        (void)!read(relay->wake, &wakes, sizeof(wakes));
    }
    if ((fds[1].revents & POLLIN) != 0 && relay->mode != RELAY_REFUSE) {
        accept_one(relay);
    }
}

__attribute__((noreturn)) static void *run(void *ctx)
{
    struct relay *relay = ctx;

    (void)pthread_mutex_lock(&relay->lock);
    for (;;) {
        obey(relay);
        move_all(relay);
        sleep_until_needed(relay);
    }
}

/* ---- From the test's thread ---- */

/* Wake the thread and wait until it has seen what was set. Called and returns with the lock held.
 */
static void apply(struct relay *relay)
{
    const uint64_t one = 1;

    relay->sleeping = false;
    if (write(relay->wake, &one, sizeof(one)) != (ssize_t)sizeof(one)) {
        scene_fail("relay: %s", strerror(errno));
    }
    while (!relay->sleeping) {
        (void)pthread_cond_wait(&relay->idle, &relay->lock);
    }
}

struct relay *relay_start(const char *ip, uint16_t port, const char *target_ip,
                          uint16_t target_port)
{
    struct relay *relay = scene_alloc(sizeof(*relay));
    pthread_t thread;

    (void)snprintf(relay->ip, sizeof(relay->ip), "%s", ip);
    (void)snprintf(relay->target_ip, sizeof(relay->target_ip), "%s", target_ip);
    relay->port = port;
    relay->target_port = target_port;
    relay->listener = net_listen(ip, port);
    relay->wake = eventfd(0, EFD_CLOEXEC);
    if (relay->wake < 0 || pthread_mutex_init(&relay->lock, NULL) != 0 ||
        pthread_cond_init(&relay->idle, NULL) != 0 ||
        pthread_create(&thread, NULL, run, relay) != 0) {
        scene_fail("relay: %s", strerror(errno));
    }
    (void)pthread_detach(thread);
    return relay;
}

void relay_set(struct relay *relay, enum relay_mode mode)
{
    (void)pthread_mutex_lock(&relay->lock);
    relay->mode = mode;
    apply(relay);
    (void)pthread_mutex_unlock(&relay->lock);
}

void relay_delay(struct relay *relay, uint64_t ms)
{
    (void)pthread_mutex_lock(&relay->lock);
    relay->delay_ms = ms;
    apply(relay);
    (void)pthread_mutex_unlock(&relay->lock);
}

void relay_drip(struct relay *relay)
{
    (void)pthread_mutex_lock(&relay->lock);
    relay->drip = true;
    apply(relay);
    (void)pthread_mutex_unlock(&relay->lock);
}

void relay_cut(struct relay *relay)
{
    (void)pthread_mutex_lock(&relay->lock);
    relay->cut = true;
    apply(relay);
    (void)pthread_mutex_unlock(&relay->lock);
}

static size_t bytes_kept(const struct direction *direction)
{
    const struct chunk *chunk;
    size_t bytes = 0;

    for (chunk = direction->first; chunk != NULL; chunk = chunk->next) {
        bytes += chunk->size - chunk->sent;
    }
    return bytes;
}

size_t relay_held_bytes(struct relay *relay)
{
    size_t bytes = 0;
    size_t i;

    (void)pthread_mutex_lock(&relay->lock);
    for (i = 0; i < CONNECTIONS_MAX; i++) {
        const struct connection *connection = &relay->connections[i];

        if (connection->open) {
            bytes += bytes_kept(relay->mode == RELAY_HOLD_REQUESTS ? &connection->request
                                                                   : &connection->reply);
        }
    }
    (void)pthread_mutex_unlock(&relay->lock);
    return bytes;
}

unsigned relay_connections(struct relay *relay)
{
    unsigned accepted;

    (void)pthread_mutex_lock(&relay->lock);
    accepted = relay->accepted;
    (void)pthread_mutex_unlock(&relay->lock);
    return accepted;
}
