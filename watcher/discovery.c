#include "watcher/discovery.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "watcher/discovery_parts.h"

#define BACKLOG 1024
#define ACCEPTS_PER_TURN 32
/* How long no connection is taken when the descriptors are used up. */
#define ACCEPT_PAUSE_MS 1000U
#define NS_PER_US 1000U

/* ---- Who comes ---- */

static void on_connect(void *ctx, unsigned events)
{
    struct discovery *server = ctx;
    int i;

    (void)events;
    for (i = 0; i < ACCEPTS_PER_TURN; i++) {
        struct sockaddr_in address = { .sin_family = AF_INET };
        socklen_t size = sizeof(address);
        int fd =
            accept4(server->fd, (struct sockaddr *)&address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        struct poller_peer peer;

        if (fd < 0) {
            if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
                loop_fd_want(server->watch, 0);
                loop_timer_start(server->pause, ACCEPT_PAUSE_MS);
            }
            return;
        }
        discovery_host_make_room(server->host);
        poller_peer_of((const struct sockaddr *)&address, size, &peer);
        connection_new(server, fd, &peer);
    }
}

static void on_pause_over(void *ctx)
{
    struct discovery *server = ctx;

    loop_fd_want(server->watch, LOOP_READABLE);
}

static void give_up_oldest_value(void *ctx)
{
    discovery_host_give_up_value(((struct discovery *)ctx)->host);
}

/* ---- Who writes ---- */

static bool may_write(void *ctx)
{
    struct discovery *server = ctx;

    if (server->writes == NULL) {
        server->writes = mem_alloc(sizeof(*server->writes));
        if (server->writes == NULL) {
            return false;
        }
        rates_init(server->writes, RATE_WRITES_PER_SECOND);
    }
    return rates_take(server->writes, server->asking, clock_mono_ns() / NS_PER_US);
}

/* ---- What subscribers are told ---- */

static void tell_those(struct discovery *server, enum standing standing, const struct reply *line)
{
    struct connection *c = server->host->standing[standing].first;

    while (c != NULL) {
        struct connection *next = c->next;

        if (c->server == server && c->session.watching) {
            connection_tell(c, line);
        }
        c = next;
    }
}

/* Telling makes some of the subscribers busy: who is busy already comes first. */
static void tell_subscribers(struct discovery *server, const struct reply *line)
{
    tell_those(server, STANDING_BUSY, line);
    tell_those(server, STANDING_SUBSCRIBED, line);
    discovery_host_relieve(server->host);
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

static void add_own_rows(const struct discovery *server, struct rows *rows)
{
    static const char *const names[CUT_COUNT] = {
#define X(name, text) [CUT_##name] = text,
        DISCOVERY_CUTS(X)
#undef X
    };
    size_t i;

    rows_add_number(rows, "curr_connections", server->count);
    rows_add_number(rows, "total_connections", server->count_ever);
    rows_add_number(rows, "max_connections", server->host->options.connections_max);
    rows_add_number(rows, "tls_connections", server->count_tls);
    rows_add_number(rows, "unread_bytes", server->host->unread_bytes);
    rows_add_number(rows, "subscribers", server->subscribers);
    for (i = 0; i < CUT_COUNT; i++) {
        rows_add_number(rows, names[i], server->cuts[i]);
    }
}

struct discovery_counts discovery_counts(const struct discovery *server)
{
    struct discovery_counts counts = { .connections_ever = server->count_ever,
                                       .requests = server->env.gets,
                                       .writes = server->env.inbox_writes,
                                       .connections = server->count,
                                       .subscribers = server->subscribers };

    memcpy(counts.cuts, server->cuts, sizeof(counts.cuts));
    return counts;
}

static bool add_stats(void *ctx, const char *group, struct rows *rows)
{
    const struct discovery *server = ctx;
    const struct session_source *source = &server->source;
    const bool general = group[0] == '\0';

    if (general) {
        add_own_rows(server, rows);
    }
    return (source->stats != NULL && source->stats(source->ctx, group, rows)) || general;
}

static bool find_join_at(void *ctx, size_t index, struct session_join *out)
{
    const struct session_source *source = &((const struct discovery *)ctx)->source;

    return source->join_at != NULL && source->join_at(source->ctx, index, out);
}

static const char *join_refusal(void *ctx, const char *uid, const char *request,
                                size_t request_bytes)
{
    const struct session_source *source = &((const struct discovery *)ctx)->source;

    return source->join_refusal == NULL
               ? NULL
               : source->join_refusal(source->ctx, uid, request, request_bytes);
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
    int rv = loop_timer_new(loop, on_pause_over, server, &server->pause, err);

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
    server->host = options->host;
    server->fd = -1;
    server->source = options->source;
    server->polled = options->polled;
    server->env = (struct session_env){ .cell = options->cell,
                                        .inbox = options->inbox,
                                        .source = { add_stats, find_join_at, join_refusal, server },
                                        .values = &options->host->values,
                                        .give_up_oldest = give_up_oldest_value,
                                        .may_write = may_write,
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

static void end_those(struct discovery *server, enum standing standing)
{
    struct connection *c = server->host->standing[standing].first;

    while (c != NULL) {
        struct connection *next = c->next;

        if (c->server == server) {
            connection_free(c);
        }
        c = next;
    }
}

void discovery_free(struct discovery *server)
{
    enum standing standing;

    if (server == NULL) {
        return;
    }
    for (standing = 0; standing < STANDING_COUNT; standing++) {
        end_those(server, standing);
    }
    loop_fd_free(server->watch);
    loop_timer_free(server->pause);
    fd_close_p(&server->fd);
    session_env_deinit(&server->env);
    free(server->writes);
    free(server);
}
