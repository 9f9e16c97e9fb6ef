#include "watcher/discovery.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "discovery/session.h"

#define READ_BYTES 4096U
#define BACKLOG 128
#define ACCEPTS_PER_TURN 32
#define VALUES_MAX 4
#define SWEEP_MS 30000U
/* How long no connection is taken when the descriptors are used up. */
#define ACCEPT_PAUSE_MS 1000U
/* A peer that vanished is noticed at the latest: by probes of a silent connection, or by what it
 * does not acknowledge. */
#define PROBE_AFTER_S 60
#define PROBE_EVERY_S 10
#define PROBES_MAX 6
#define UNACKNOWLEDGED_MS 120000U

/* Input is read only when all replies before it are sent: `waiting` is what was read too far. */
struct connection {
    struct discovery *server;
    struct connection *next;
    struct connection *previous;
    int fd;
    struct loop_fd *watch;
    struct session session;
    struct str unsent;
    struct str waiting;
    uint64_t heard_ms;
    bool closing; /* when `unsent` is sent */
};

struct discovery {
    struct loop *loop;
    int fd;
    struct loop_fd *watch;
    struct loop_timer *sweep;
    struct loop_timer *pause;
    struct connection *first;
    size_t count;
    size_t unread_bytes; /* of all connections */
    uint64_t count_ever;
    uint32_t version_told; /* to the subscribers */
    struct session_source source;
    struct session_env env;
};

/* ---- One connection ---- */

static void connection_free(struct connection *c)
{
    struct discovery *server = c->server;

    if (c->previous == NULL) {
        server->first = c->next;
    } else {
        c->previous->next = c->next;
    }
    if (c->next != NULL) {
        c->next->previous = c->previous;
    }
    server->count--;
    server->unread_bytes -= c->unsent.size;
    session_deinit(&c->session, &server->env);
    loop_fd_free(c->watch);
    (void)close(c->fd);
    str_deinit(&c->unsent);
    str_deinit(&c->waiting);
    free(c);
}

/* Keep what the socket did not take. Returns whether the connection is good. */
static bool keep_unsent(struct connection *c, const struct iovec *parts, size_t count, size_t sent)
{
    size_t before = c->unsent.size;
    size_t i;

    for (i = 0; i < count; i++) {
        size_t done = sent < parts[i].iov_len ? sent : parts[i].iov_len;

        str_append(&c->unsent, (const char *)parts[i].iov_base + done, parts[i].iov_len - done);
        sent -= done;
    }
    c->server->unread_bytes += c->unsent.size - before;
    return !str_failed(&c->unsent) && c->server->unread_bytes <= DISCOVERY_UNREAD_TOTAL_MAX;
}

/* Send a reply in one write where the socket takes it. Returns whether the connection is good. */
static bool send_reply(struct connection *c, const struct reply *reply)
{
    struct iovec parts[REPLY_PARTS] = {
        { (void *)(uintptr_t)reply->head, reply->head_bytes },
        { (void *)(uintptr_t)reply->body, reply->body_bytes },
        { (void *)(uintptr_t)reply->tail, reply->tail_bytes },
    };
    struct msghdr message = { .msg_iov = parts, .msg_iovlen = REPLY_PARTS };
    ssize_t sent = 0;

    if (reply_bytes(reply) == 0) {
        return true;
    }
    if (c->unsent.size == 0) {
        do {
            sent = sendmsg(c->fd, &message, MSG_NOSIGNAL);
        } while (sent < 0 && errno == EINTR);
    }
    if (sent < 0 && errno != EAGAIN) {
        return false;
    }
    return keep_unsent(c, parts, REPLY_PARTS, sent < 0 ? 0 : (size_t)sent);
}

/* Returns whether the connection is good. */
static bool send_unsent(struct connection *c)
{
    ssize_t sent = send(c->fd, str_text(&c->unsent), c->unsent.size, MSG_NOSIGNAL);

    if (sent < 0) {
        return errno == EAGAIN || errno == EINTR;
    }
    str_drop_head(&c->unsent, (size_t)sent);
    c->server->unread_bytes -= (size_t)sent;
    if (c->unsent.size == 0) {
        str_deinit(&c->unsent);
    }
    return true;
}

/* Answer what `bytes` ask, up to the first answer that the socket does not take. Returns whether
 * the connection is good. */
static bool answer(struct connection *c, const char *bytes, size_t size)
{
    struct session_env *env = &c->server->env;

    while (0 < size && !c->closing) {
        size_t used;
        enum session_event event = session_feed(&c->session, env, bytes, size, &used);

        bytes += used;
        size -= used;
        c->closing = event == SESSION_CLOSE;
        if (event != SESSION_MORE && !send_reply(c, &env->reply)) {
            return false;
        }
        if (0 < c->unsent.size) {
            str_append(&c->waiting, bytes, size);
            return !str_failed(&c->waiting);
        }
    }
    return true;
}

static bool answer_waiting(struct connection *c)
{
    CLEANUP(str_deinit) struct str waiting = c->waiting;

    str_init(&c->waiting, READ_BYTES);
    return answer(c, str_text(&waiting), waiting.size);
}

static bool take_in(struct connection *c)
{
    char bytes[READ_BYTES];
    ssize_t got = recv(c->fd, bytes, sizeof(bytes), 0);

    if (got < 0) {
        return errno == EAGAIN || errno == EINTR;
    }
    c->heard_ms = clock_mono_ms();
    return 0 < got && answer(c, bytes, (size_t)got);
}

static void want_next(struct connection *c)
{
    loop_fd_want(c->watch, 0 < c->unsent.size ? LOOP_WRITABLE : LOOP_READABLE);
}

static void on_connection(void *ctx, unsigned events)
{
    struct connection *c = ctx;
    bool good = true;

    if ((events & LOOP_WRITABLE) != 0 && 0 < c->unsent.size) {
        good = send_unsent(c);
        if (good && c->unsent.size == 0) {
            good = answer_waiting(c);
        }
    } else if ((events & LOOP_READABLE) != 0) {
        good = take_in(c);
    }
    if (!good || (c->closing && c->unsent.size == 0)) {
        connection_free(c);
        return;
    }
    want_next(c);
}

/* ---- The port ---- */

/* Best effort: what can't be set changes only when a vanished peer is noticed. */
static void set_options(int fd)
{
    const int one = 1;
    const int after_s = PROBE_AFTER_S;
    const int every_s = PROBE_EVERY_S;
    const int probes = PROBES_MAX;
    const unsigned unacknowledged_ms = UNACKNOWLEDGED_MS;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &after_s, sizeof(after_s));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every_s, sizeof(every_s));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_ms,
                     sizeof(unacknowledged_ms));
}

/* Takes over `fd`. */
static void connection_new(struct discovery *server, int fd)
{
    CLEANUP(fd_close_p) int socket_fd = fd;
    struct connection *c = mem_alloc(sizeof(*c));

    if (c == NULL) {
        return;
    }
    set_options(fd);
    if (loop_fd_new(server->loop, fd, on_connection, c, &c->watch, NULL) < 0) {
        free(c);
        return;
    }
    socket_fd = -1; /* NOLINT(clang-analyzer-deadcode.DeadStores): read at the end of the scope */
    c->server = server;
    c->fd = fd;
    c->heard_ms = clock_mono_ms();
    session_init(&c->session);
    str_init(&c->unsent, DISCOVERY_UNREAD_BYTES_MAX);
    str_init(&c->waiting, READ_BYTES);
    c->next = server->first;
    if (c->next != NULL) {
        c->next->previous = c;
    }
    server->first = c;
    server->count++;
    server->count_ever++;
    loop_fd_want(c->watch, LOOP_READABLE);
    if (!loop_timer_running(server->sweep)) {
        loop_timer_start(server->sweep, SWEEP_MS);
    }
}

/* A client that leaves its value unfinished must not keep others from writing. */
static void give_up_oldest_value(void *ctx)
{
    struct discovery *server = ctx;
    struct connection *oldest = NULL;
    struct connection *c;

    for (c = server->first; c != NULL; c = c->next) {
        if (c->session.body != NULL &&
            (oldest == NULL || c->session.body_number < oldest->session.body_number)) {
            oldest = c;
        }
    }
    if (oldest != NULL) {
        connection_free(oldest);
    }
}

static void on_connect(void *ctx, unsigned events)
{
    struct discovery *server = ctx;
    int i;

    (void)events;
    for (i = 0; i < ACCEPTS_PER_TURN; i++) {
        int fd = accept4(server->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd < 0) {
            if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
                loop_fd_want(server->watch, 0);
                loop_timer_start(server->pause, ACCEPT_PAUSE_MS);
            }
            return;
        }
        if (DISCOVERY_CONNECTIONS_MAX <= server->count) {
            (void)close(fd);
        } else {
            connection_new(server, fd);
        }
    }
}

static void on_pause_over(void *ctx)
{
    struct discovery *server = ctx;

    loop_fd_want(server->watch, LOOP_READABLE);
}

/* Subscribers may be silent; everybody else, and whoever does not read, may not. */
static void on_sweep(void *ctx)
{
    struct discovery *server = ctx;
    uint64_t now_ms = clock_mono_ms();
    struct connection *c = server->first;

    while (c != NULL) {
        struct connection *next = c->next;

        if (c->heard_ms + DISCOVERY_IDLE_MS <= now_ms &&
            (!c->session.watching || 0 < c->unsent.size)) {
            connection_free(c);
        }
        c = next;
    }
    if (server->first != NULL) {
        loop_timer_start(server->sweep, SWEEP_MS);
    }
}

static void tell_subscribers(struct discovery *server, const struct reply *line)
{
    struct connection *c = server->first;

    while (c != NULL) {
        struct connection *next = c->next;

        if (c->session.watching) {
            if (send_reply(c, line)) {
                want_next(c);
            } else {
                connection_free(c);
            }
        }
        c = next;
    }
}

void discovery_changed(struct discovery *server)
{
    uint32_t version = server->env.cell->version;
    struct reply line;

    if (version != server->version_told) {
        server->version_told = version;
        reply_change(version, &line);
        tell_subscribers(server, &line);
    }
}

void discovery_joining(struct discovery *server, const char *uid)
{
    struct reply line;

    reply_joining(uid, &line);
    tell_subscribers(server, &line);
}

/* ---- What it tells of itself ---- */

static size_t count_subscribers(const struct discovery *server)
{
    const struct connection *c;
    size_t count = 0;

    for (c = server->first; c != NULL; c = c->next) {
        count += c->session.watching ? 1 : 0;
    }
    return count;
}

static bool add_stats(void *ctx, const char *group, struct rows *rows)
{
    const struct discovery *server = ctx;
    const struct session_source *source = &server->source;
    const bool general = group[0] == '\0';

    if (general) {
        rows_add_number(rows, "curr_connections", server->count);
        rows_add_number(rows, "total_connections", server->count_ever);
        rows_add_number(rows, "subscribers", count_subscribers(server));
    }
    return (source->stats != NULL && source->stats(source->ctx, group, rows)) || general;
}

static bool find_join_at(void *ctx, size_t index, struct session_join *out)
{
    const struct session_source *source = &((const struct discovery *)ctx)->source;

    return source->join_at != NULL && source->join_at(source->ctx, index, out);
}

static int listen_at(struct discovery *server, const char *ip, uint16_t port, struct err *err)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
    int one = 1;

    if (inet_pton(AF_INET, ip, &address.sin_addr) != 1) {
        return err_set(err, ERR_INVALID, "%s is not an IPv4 address", ip);
    }
    server->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (server->fd < 0) {
        return err_set(err, ERR_IO, "socket: %s", strerror(errno));
    }
    (void)setsockopt(server->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(server->fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(server->fd, BACKLOG) < 0) {
        return err_set(err, errno == EADDRINUSE ? ERR_CONFLICT : ERR_IO, "discovery port %s:%u: %s",
                       ip, port, strerror(errno));
    }
    return 0;
}

static int open_server(struct discovery *server, struct err *err)
{
    struct loop *loop = server->loop;
    int rv = loop_timer_new(loop, on_sweep, server, &server->sweep, err);

    if (rv == 0) {
        rv = loop_timer_new(loop, on_pause_over, server, &server->pause, err);
    }
    if (rv == 0) {
        rv = loop_fd_new(loop, server->fd, on_connect, server, &server->watch, err);
    }
    return rv;
}

int discovery_new(struct loop *loop, const struct discovery_options *options,
                  struct discovery **out, struct err *err)
{
    CLEANUP(discovery_free_p) struct discovery *server = mem_alloc(sizeof(*server));
    int rv;

    if (server == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    server->loop = loop;
    server->fd = -1;
    server->source = options->source;
    server->env = (struct session_env){ .cell = options->cell,
                                        .inbox = options->inbox,
                                        .source = { add_stats, find_join_at, server },
                                        .values_max = VALUES_MAX,
                                        .give_up_oldest = give_up_oldest_value,
                                        .ctx = server };
    rv = listen_at(server, options->ip, options->port, err);
    if (rv == 0) {
        rv = open_server(server, err);
    }
    if (rv < 0) {
        return rv;
    }
    server->version_told = options->cell->version;
    loop_fd_want(server->watch, LOOP_READABLE);
    *out = TAKE(server);
    return 0;
}

void discovery_free(struct discovery *server)
{
    if (server == NULL) {
        return;
    }
    while (server->first != NULL) {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it takes itself out of the list */
        connection_free(server->first);
    }
    loop_fd_free(server->watch);
    loop_timer_free(server->sweep);
    loop_timer_free(server->pause);
    fd_close_p(&server->fd);
    session_env_deinit(&server->env);
    free(server);
}
