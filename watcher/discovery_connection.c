#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/mem.h"
#include "watcher/discovery_parts.h"

#define READ_BYTES 4096U
#define FLAT_BYTES 4096U
/* Within one event; then others have their turn. */
#define TLS_READS_MAX 16
#define TLS_HANDSHAKE_BYTE 0x16 /* the first byte of a TLS client; no command begins with it */
/* A peer that vanished is noticed at the latest: by probes of a silent connection, or by what it
 * does not acknowledge. */
#define PROBE_AFTER_S 60
#define PROBE_EVERY_S 10
#define PROBES_MAX 6
#define UNACKNOWLEDGED_MS 120000U

void connection_free(struct connection *c)
{
    struct discovery *server = c->server;

    discovery_host_remove(server->host, c);
    server->count--;
    server->count_tls -= c->tls == NULL ? 0 : 1;
    server->subscribers -= c->session.watching ? 1 : 0;
    session_deinit(&c->session, &server->env);
    tls_stream_free(c->tls);
    loop_fd_free(c->watch);
    (void)close(c->fd);
    str_deinit(&c->unsent);
    str_deinit(&c->waiting);
    free(c);
}

void connection_cut(struct connection *c, enum discovery_cut why)
{
    c->server->cuts[why]++;
    connection_free(c);
}

/* ---- Output ---- */

/* Keep what the socket did not take. Returns whether the connection is good. */
static bool keep_unsent(struct connection *c, const struct iovec *parts, int count, size_t sent)
{
    size_t before = c->unsent.size;
    int i;

    for (i = 0; i < count; i++) {
        size_t done = sent < parts[i].iov_len ? sent : parts[i].iov_len;

        str_append(&c->unsent, (const char *)parts[i].iov_base + done, parts[i].iov_len - done);
        sent -= done;
    }
    c->server->host->unread_bytes += c->unsent.size - before;
    if (str_failed(&c->unsent)) {
        c->server->cuts[CUT_UNREAD]++;
        return false;
    }
    return true;
}

/* The parts in one piece in `flat`: its size; 0: they don't fit. */
static size_t flatten(const struct iovec *parts, int count, char *flat, size_t flat_size)
{
    size_t size = 0;
    int i;

    for (i = 0; i < count; i++) {
        if (flat_size - size < parts[i].iov_len) {
            return 0;
        }
        memcpy(flat + size, parts[i].iov_base, parts[i].iov_len);
        size += parts[i].iov_len;
    }
    return size;
}

/* How many bytes the socket took; negative: it is of no use. Short answers cost less in one piece:
 * copying them is cheaper than having the kernel walk through parts. */
static ssize_t send_parts(struct connection *c, struct iovec *parts, int count)
{
    struct msghdr message = { .msg_iov = parts, .msg_iovlen = (size_t)count };
    char flat[FLAT_BYTES];
    size_t size = flatten(parts, count, flat, sizeof(flat));
    ssize_t sent;

    do {
        sent = size != 0 ? send(c->fd, flat, size, MSG_NOSIGNAL)
                         : sendmsg(c->fd, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 && errno == EAGAIN ? 0 : sent;
}

/* A reply is one record, and so one write, when it fits the scratch. */
static ssize_t send_parts_tls(struct connection *c, const struct iovec *parts, int count)
{
    char *scratch = c->server->host->scratch;
    size_t size = flatten(parts, count, scratch, DISCOVERY_SCRATCH_BYTES);
    ssize_t sent;

    if (size == 0) {
        return 0; /* it goes out piece by piece */
    }
    sent = tls_write(c->tls, scratch, size);
    return sent == TLS_AGAIN ? 0 : sent;
}

/* Send a reply in one write where the socket takes it. Returns whether the connection is good. */
static bool send_reply(struct connection *c, const struct reply *reply)
{
    struct iovec parts[REPLY_PARTS];
    int count = reply_parts(reply, 0, parts);
    ssize_t sent = 0;

    if (count == 0) {
        return true;
    }
    if (c->unsent.size == 0) {
        sent = c->tls == NULL ? send_parts(c, parts, count) : send_parts_tls(c, parts, count);
    }
    if (sent < 0) {
        return false;
    }
    return (size_t)sent == reply_bytes(reply) || keep_unsent(c, parts, count, (size_t)sent);
}

/* Returns whether the connection is good. */
static bool send_unsent(struct connection *c)
{
    struct iovec part = { c->unsent.bytes, c->unsent.size };
    ssize_t sent;

    if (c->tls == NULL) {
        sent = send_parts(c, &part, 1);
    } else {
        sent = tls_write(c->tls, part.iov_base, part.iov_len);
        sent = sent == TLS_AGAIN ? 0 : sent;
    }
    if (sent < 0) {
        return false;
    }
    str_drop_head(&c->unsent, (size_t)sent);
    c->server->host->unread_bytes -= (size_t)sent;
    if (c->unsent.size == 0) {
        str_deinit(&c->unsent);
    }
    return true;
}

/* ---- Input ---- */

static enum session_event feed(struct connection *c, const char *bytes, size_t size, size_t *used)
{
    struct discovery *server = c->server;
    const bool watched = c->session.watching;
    enum session_event event;

    server->asking = &c->peer;
    event = session_feed(&c->session, &server->env, bytes, size, used);
    server->asking = NULL;
    server->subscribers += c->session.watching && !watched ? 1 : 0;
    c->closing = event == SESSION_CLOSE;
    c->spent = server->env.costly || DISCOVERY_CHEAP_BYTES_MAX < reply_bytes(&server->env.reply);
    return event;
}

/* Answer what `bytes` ask, up to the first answer that was costly or that the socket does not take.
 * Returns whether the connection is good. */
static bool answer(struct connection *c, const char *bytes, size_t size)
{
    struct session_env *env = &c->server->env;

    while (0 < size && !c->closing) {
        size_t used;
        enum session_event event = feed(c, bytes, size, &used);

        bytes += used;
        size -= used;
        if (event != SESSION_MORE && !send_reply(c, &env->reply)) {
            return false;
        }
        if (env->polled && c->server->polled != NULL) {
            c->server->polled(c->server->source.ctx, &c->peer,
                              c->unsent.size == 0 ? env->cell->version : 0);
        }
        if (0 < c->unsent.size || c->spent) {
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

static bool take_in_plain(struct connection *c)
{
    char bytes[READ_BYTES];
    ssize_t got = recv(c->fd, bytes, sizeof(bytes), 0);

    if (got < 0) {
        return errno == EAGAIN || errno == EINTR;
    }
    return 0 < got && answer(c, bytes, (size_t)got);
}

/* What has been decrypted must be taken in now: no event tells of it. A record holds at most 16
 * KiB, so this ends; it also ends with an answer that waits or was costly, after which it goes on
 * from here. */
static bool take_in_tls(struct connection *c)
{
    char bytes[READ_BYTES];
    int i;

    for (i = 0; i < TLS_READS_MAX && !c->closing && !c->spent && c->unsent.size == 0; i++) {
        ssize_t got = tls_read(c->tls, bytes, sizeof(bytes));

        if (got == TLS_FAILED) {
            c->server->cuts[CUT_FAILED]++;
        }
        if (got <= 0) {
            return got == TLS_AGAIN;
        }
        if (!answer(c, bytes, (size_t)got)) {
            return false;
        }
        if (!tls_pending(c->tls)) {
            break;
        }
    }
    return true;
}

/* The first byte tells TLS from plain text. Returns whether the connection is good. */
static bool greet(struct connection *c)
{
    const struct discovery_host *host = c->server->host;
    unsigned char first;
    ssize_t got;

    if (host->tls == NULL) {
        c->greeted = true;
        return true;
    }
    got = recv(c->fd, &first, 1, MSG_PEEK);
    if (got <= 0) {
        return got < 0 && (errno == EAGAIN || errno == EINTR);
    }
    c->greeted = true;
    if (first == TLS_HANDSHAKE_BYTE) {
        if (tls_stream_new(host->tls, c->fd, &c->tls, NULL) < 0) {
            return false;
        }
        c->server->count_tls++;
        return true;
    }
    c->server->cuts[CUT_FAILED] += host->options.tls_required ? 1 : 0;
    return !host->options.tls_required;
}

static bool take_in(struct connection *c)
{
    if (!c->greeted && !greet(c)) {
        return false;
    }
    if (!c->greeted) {
        return true;
    }
    return c->tls == NULL ? take_in_plain(c) : take_in_tls(c);
}

/* ---- The connection ---- */

/* Whether there is something to answer of which no event will tell. */
static bool has_more(const struct connection *c)
{
    return c->unsent.size == 0 &&
           (0 < c->waiting.size || (c->spent && c->tls != NULL && tls_pending(c->tls)));
}

/* A socket that has room tells so at once: that is the next turn, after all others. */
static void want_next(struct connection *c)
{
    unsigned wanted = 0 < c->unsent.size || has_more(c) ? LOOP_WRITABLE : LOOP_READABLE;

    if (c->tls != NULL && tls_wants(c->tls) != 0 && !has_more(c)) {
        wanted = tls_wants(c->tls);
    }
    loop_fd_want(c->watch, wanted);
}

static bool go_on(struct connection *c)
{
    c->spent = false;
    if (0 < c->unsent.size && !send_unsent(c)) {
        return false;
    }
    if (c->unsent.size == 0 && 0 < c->waiting.size && !answer_waiting(c)) {
        return false;
    }
    return c->unsent.size != 0 || c->spent || c->closing || take_in(c);
}

static void on_connection(void *ctx, unsigned events)
{
    struct connection *c = ctx;
    struct discovery_host *host = c->server->host;
    const size_t unsent = c->unsent.size;
    const size_t waiting = c->waiting.size;

    (void)events;
    if (!go_on(c) || (c->closing && c->unsent.size == 0)) {
        connection_free(c);
        return;
    }
    discovery_host_place(host, c, c->unsent.size < unsent || c->waiting.size < waiting);
    want_next(c);
    discovery_host_relieve(host);
}

void connection_tell(struct connection *c, const struct reply *line)
{
    if (!send_reply(c, line)) {
        connection_free(c);
        return;
    }
    discovery_host_place(c->server->host, c, false);
    want_next(c);
}

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

void connection_new(struct discovery *server, int fd, const struct poller_peer *peer)
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
    c->peer = *peer;
    session_init(&c->session);
    str_init(&c->unsent, DISCOVERY_UNREAD_BYTES_MAX);
    str_init(&c->waiting, READ_BYTES);
    discovery_host_add(server->host, c);
    server->count++;
    server->count_ever++;
    loop_fd_want(c->watch, LOOP_READABLE);
}
