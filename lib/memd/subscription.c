#include "memd/subscription.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "loop/wire.h"
#include "memd/subscription_scan.h"

#define READ_BYTES 1024U
/* A peer that vanished is noticed by probes of the silent connection: after 5 + 3 * 2 seconds. */
#define PROBE_AFTER_S 5
#define PROBE_EVERY_S 2
#define PROBES_MAX 3

static const char request[] = "config watch cluster\r\n";

enum state {
    WAITING,    /* no socket; the timer ends the pause */
    CONNECTING, /* the timer gives up */
    ASKING,     /* the request waits for TLS; the timer gives up */
    ASKED,      /* the request is sent, the first line is awaited; the timer gives up */
    STANDING,   /* lines come when they come */
};

struct subscription {
    struct loop *loop;
    struct loop_timer *timer;
    struct sockaddr_in address;
    enum state state;
    int fd;
    struct loop_fd *watch;
    struct tls_context *const *tls; /* NULL: plain */
    struct wire wire;
    struct subscription_scan scan;
    uint64_t pause_ms;
    bool told; /* that it is lost */
    struct subscription_events events;
    void *ctx;
    bool calling; /* a callback runs */
    bool freed;   /* by it: the memory goes when it returns */
};

static void set_state(struct subscription *s, enum state state)
{
    s->state = state;
}

static void drop_socket(struct subscription *s)
{
    wire_close(&s->wire);
    loop_fd_free(s->watch);
    s->watch = NULL;
    fd_close_p(&s->fd);
    s->fd = -1;
}

/* The end of a callback: whether `s` still lives. */
static bool called(struct subscription *s)
{
    s->calling = false;
    if (s->freed) {
        subscription_free(s);
        return false;
    }
    return true;
}

static void give_up(struct subscription *s, const struct err *err)
{
    drop_socket(s);
    set_state(s, WAITING);
    loop_timer_start(s->timer, s->pause_ms);
    s->pause_ms *= 2;
    if (SUBSCRIPTION_RETRY_MAX_MS < s->pause_ms) {
        s->pause_ms = SUBSCRIPTION_RETRY_MAX_MS;
    }
    if (!s->told) {
        s->told = true;
        s->calling = true;
        s->events.lost(s->ctx, err);
        (void)called(s);
    }
}

static void give_up_because(struct subscription *s, const char *what, int error)
{
    struct err err;

    err_record(&err, ERR_IO, "%s: %s", what, strerror(error));
    give_up(s, &err);
}

/* ---- Lines ---- */

/* Returns whether `s` still lives. */
static bool tell(struct subscription *s, const struct subscription_news *news)
{
    s->calling = true;
    if (news->uid[0] == '\0') {
        s->told = false;
        s->events.changed(s->ctx, news->version);
    } else if (s->events.joining != NULL) {
        s->events.joining(s->ctx, news->uid);
    }
    return called(s);
}

/* Returns whether `s` still lives and stands. */
static bool take_lines(struct subscription *s, const char *bytes, size_t size)
{
    struct subscription_news news;
    struct err err;
    size_t used;
    int rv;

    while (0 < size) {
        rv = subscription_scan(&s->scan, bytes, size, &used, &news, &err);
        if (rv < 0) {
            give_up(s, &err);
            return false;
        }
        bytes += used;
        size -= used;
        if (rv == 1) {
            set_state(s, STANDING);
            loop_timer_stop(s->timer);
            s->pause_ms = SUBSCRIPTION_RETRY_FIRST_MS;
            if (!tell(s, &news)) {
                return false;
            }
        }
    }
    return true;
}

/* Returns whether there is more to take in at once. */
static bool take_some(struct subscription *s)
{
    char bytes[READ_BYTES];
    ssize_t got = wire_recv(&s->wire, bytes, sizeof(bytes));
    struct err err;

    if (got < 0) {
        if (errno != EAGAIN && errno != EINTR) {
            give_up_because(s, "subscription", errno);
        } else {
            loop_fd_want(s->watch, wire_wants(&s->wire, false));
        }
        return false;
    }
    if (got == 0) {
        err_record(&err, ERR_IO, "subscription: the connection was closed");
        give_up(s, &err);
        return false;
    }
    return take_lines(s, bytes, (size_t)got) && wire_pending(&s->wire);
}

static void take_in(struct subscription *s)
{
    while (take_some(s)) {
    }
}

/* ---- The connection ---- */

/* The buffer of a fresh connection has room for the request, so it goes out whole. */
static void ask(struct subscription *s)
{
    ssize_t sent = wire_send(&s->wire, request, sizeof(request) - 1);

    if (sent == (ssize_t)(sizeof(request) - 1)) {
        set_state(s, ASKED);
    } else if (0 <= sent || (errno != EAGAIN && errno != EINTR)) {
        give_up_because(s, "connect", sent < 0 ? errno : EPROTO);
        return;
    }
    loop_fd_want(s->watch, wire_wants(&s->wire, s->state == ASKING));
}

static void finish_connect(struct subscription *s)
{
    socklen_t size = sizeof(int);
    int error = 0;
    struct err err;

    if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0) {
        error = errno;
    }
    if (error != 0) {
        give_up_because(s, "connect", error);
        return;
    }
    if (wire_open(&s->wire, s->fd, s->tls == NULL ? NULL : *s->tls, &err) < 0) {
        give_up(s, &err);
        return;
    }
    set_state(s, ASKING);
    ask(s);
}

static void on_socket(void *ctx, unsigned events)
{
    struct subscription *s = ctx;

    (void)events;
    if (s->state == CONNECTING) {
        finish_connect(s);
    } else if (s->state == ASKING) {
        ask(s);
    } else {
        take_in(s);
    }
}

/* Best effort: what can't be set changes only when a vanished peer is noticed. */
static void set_options(int fd)
{
    const int one = 1;
    const int after_s = PROBE_AFTER_S;
    const int every_s = PROBE_EVERY_S;
    const int probes = PROBES_MAX;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &after_s, sizeof(after_s));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every_s, sizeof(every_s));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
}

static int connect_now(struct subscription *s, struct err *err)
{
    int rv;

    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0) {
        return err_set(err, ERR_IO, "socket: %s", strerror(errno));
    }
    set_options(s->fd);
    rv = loop_fd_new(s->loop, s->fd, on_socket, s, &s->watch, err);
    if (rv < 0) {
        return rv;
    }
    if (connect(s->fd, (const struct sockaddr *)&s->address, sizeof(s->address)) < 0 &&
        errno != EINPROGRESS) {
        return err_set(err, ERR_IO, "connect: %s", strerror(errno));
    }
    subscription_scan_init(&s->scan);
    set_state(s, CONNECTING);
    loop_fd_want(s->watch, LOOP_WRITABLE);
    loop_timer_start(s->timer, SUBSCRIPTION_CONNECT_MS);
    return 0;
}

static void on_timer(void *ctx)
{
    struct subscription *s = ctx;
    struct err err;

    if (s->state != WAITING) {
        err_record(&err, ERR_TIMEOUT, "subscription: no answer within %u ms",
                   SUBSCRIPTION_CONNECT_MS);
        give_up(s, &err);
    } else if (connect_now(s, &err) < 0) {
        give_up(s, &err);
    }
}

int subscription_new(struct loop *loop, const char *ip, uint16_t port,
                     const struct subscription_events *events, void *ctx, struct subscription **out,
                     struct err *err)
{
    CLEANUP(subscription_free_p) struct subscription *s = mem_alloc(sizeof(*s));
    int rv;

    if (s == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    s->loop = loop;
    s->fd = -1;
    s->pause_ms = SUBSCRIPTION_RETRY_FIRST_MS;
    s->events = *events;
    s->ctx = ctx;
    s->address.sin_family = AF_INET;
    s->address.sin_port = htons(port);
    set_state(s, WAITING);
    if (inet_pton(AF_INET, ip, &s->address.sin_addr) != 1) {
        return err_set(err, ERR_INVALID, "%s is not an IPv4 address", ip);
    }
    rv = loop_timer_new(loop, on_timer, s, &s->timer, err);
    if (rv < 0) {
        return rv;
    }
    loop_timer_start(s->timer, 0);
    *out = TAKE(s);
    return 0;
}

void subscription_use_tls(struct subscription *s, struct tls_context *const *tls)
{
    s->tls = tls;
}

void subscription_free(struct subscription *s)
{
    if (s == NULL) {
        return;
    }
    if (s->calling) {
        s->freed = true;
        return;
    }
    drop_socket(s);
    loop_timer_free(s->timer);
    free(s);
}
