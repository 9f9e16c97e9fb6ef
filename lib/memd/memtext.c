#include "memd/memtext.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "loop/wire.h"
#include "memd/memtext_scan.h"

#define READ_BYTES 16384U
#define REQUESTS_BYTES_MAX (2U << 20)
/* Buffers beyond this are given back once they are empty. */
#define KEPT_BYTES_MAX 8192U

enum state {
    CLOSED,     /* no socket; the next request connects */
    CONNECTING, /* requests wait in `out` */
    OPEN,
    BROKEN, /* no socket; `failure` will be told to those who wait, at the next turn */
};

struct request {
    struct memtext_scan scan;
    memtext_fn *done;
    void *ctx;
    uint64_t deadline_ms;
};

struct memtext {
    struct loop *loop;
    struct loop_timer *timer; /* the oldest request's deadline */
    struct loop_defer *failing;
    struct sockaddr_in address;
    uint64_t timeout_ms;
    enum state state;
    int fd;
    struct loop_fd *watch;
    struct tls_context *const *tls; /* NULL: plain */
    struct wire wire;
    struct str out;
    struct str in;
    struct request requests[MEMTEXT_PENDING_MAX]; /* a ring */
    size_t first;
    size_t count;
    struct err failure;
    bool calling; /* a callback runs */
    bool freed;   /* by a callback: the memory goes when it returns */
};

static void set_state(struct memtext *m, enum state state)
{
    m->state = state;
}

static void drop_socket(struct memtext *m)
{
    wire_close(&m->wire);
    loop_fd_free(m->watch);
    m->watch = NULL;
    fd_close_p(&m->fd);
    m->fd = -1;
    str_deinit(&m->out);
    str_deinit(&m->in);
    loop_timer_stop(m->timer);
}

/* All who wait are told `failure` at the next turn of the loop. */
static void break_off(struct memtext *m)
{
    drop_socket(m);
    set_state(m, BROKEN);
    loop_defer_schedule(m->failing);
}

/* The end of a callback: whether `m` still lives. */
static bool called(struct memtext *m)
{
    m->calling = false;
    if (m->freed) {
        memtext_free(m);
        return false;
    }
    return true;
}

static void on_failing(void *ctx)
{
    struct memtext *m = ctx;
    struct request requests[MEMTEXT_PENDING_MAX];
    struct err failure = m->failure;
    size_t count = m->count;
    size_t i;

    for (i = 0; i < count; i++) {
        requests[i] = m->requests[(m->first + i) % MEMTEXT_PENDING_MAX];
    }
    m->count = 0;
    set_state(m, CLOSED);
    m->calling = true;
    for (i = 0; i < count && !m->freed; i++) {
        requests[i].done(requests[i].ctx, NULL, 0, &failure);
    }
    (void)called(m);
}

static void on_timeout(void *ctx)
{
    struct memtext *m = ctx;

    err_record(&m->failure, ERR_TIMEOUT, "no answer within %llu ms",
               (unsigned long long)m->timeout_ms);
    break_off(m);
}

static void watch_deadline(struct memtext *m)
{
    uint64_t now_ms;
    uint64_t deadline_ms;

    if (m->count == 0) {
        loop_timer_stop(m->timer);
        return;
    }
    now_ms = clock_mono_ms();
    deadline_ms = m->requests[m->first].deadline_ms;
    loop_timer_start(m->timer, now_ms < deadline_ms ? deadline_ms - now_ms : 0);
}

/* `error` is that of the connection. */
static void fail_with(struct memtext *m, int error)
{
    const bool closed = error == ECONNRESET || error == EPIPE;

    err_record(&m->failure, ERR_IO, "%s%s", !closed && m->wire.tls != NULL ? "TLS: " : "",
               closed ? MEMTEXT_CLOSED : wire_problem(&m->wire, error));
}

static void flush(struct memtext *m)
{
    ssize_t sent = 0;

    while (0 < m->out.size && 0 <= sent) {
        sent = wire_send(&m->wire, str_text(&m->out), m->out.size);
        if (0 < sent) {
            str_drop_head(&m->out, (size_t)sent);
        }
    }
    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        fail_with(m, errno);
        break_off(m);
        return;
    }
    if (m->out.size == 0 && KEPT_BYTES_MAX < m->out.capacity) {
        str_deinit(&m->out);
    }
    loop_fd_want(m->watch, wire_wants(&m->wire, 0 < m->out.size));
}

/* Hand the first `length` bytes of `in` to the oldest request. Returns whether `m` still lives and
 * may have more. */
static bool deliver(struct memtext *m, size_t length)
{
    struct request request = m->requests[m->first];
    size_t size = length - 1;

    m->first = (m->first + 1) % MEMTEXT_PENDING_MAX;
    m->count--;
    if (0 < size && m->in.bytes[size - 1] == '\r') {
        size--;
    }
    m->in.bytes[size] = '\0'; /* over the line's end */
    m->calling = true;
    request.done(request.ctx, m->in.bytes, size, NULL);
    if (!called(m) || m->state != OPEN) {
        return false;
    }
    str_drop_head(&m->in, length);
    return true;
}

/* Hand out whole replies. Returns whether the connection is still good. */
static bool take_replies(struct memtext *m)
{
    while (0 < m->in.size) {
        size_t length;
        int rv;

        if (m->count == 0) {
            err_record(&m->failure, ERR_PROTOCOL, "bytes that nobody asked for");
            break_off(m);
            return false;
        }
        rv = memtext_scan(&m->requests[m->first].scan, str_text(&m->in), m->in.size, &length,
                          &m->failure);
        if (rv < 0) {
            break_off(m);
            return false;
        }
        if (rv == 0) {
            return true;
        }
        if (!deliver(m, length)) {
            return false;
        }
    }
    if (KEPT_BYTES_MAX < m->in.capacity) {
        str_deinit(&m->in);
    }
    return true;
}

static void take_in(struct memtext *m)
{
    char chunk[READ_BYTES];
    ssize_t got = wire_recv(&m->wire, chunk, sizeof(chunk));

    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        loop_fd_want(m->watch, wire_wants(&m->wire, 0 < m->out.size));
        return;
    }
    if (got <= 0) {
        fail_with(m, got == 0 ? ECONNRESET : errno);
        break_off(m);
        return;
    }
    str_append(&m->in, chunk, (size_t)got);
    if (str_failed(&m->in)) {
        err_record(&m->failure, ERR_NOMEM, "out of memory");
        break_off(m);
        return;
    }
    if (take_replies(m)) {
        watch_deadline(m);
    }
}

static bool finish_connect(struct memtext *m)
{
    int error = 0;
    socklen_t size = sizeof(error);

    if (getsockopt(m->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0) {
        error = errno;
    }
    if (error != 0) {
        err_record(&m->failure, ERR_IO, "connect: %s", strerror(error));
        break_off(m);
        return false;
    }
    if (wire_open(&m->wire, m->fd, m->tls == NULL ? NULL : *m->tls, &m->failure) < 0) {
        break_off(m);
        return false;
    }
    set_state(m, OPEN);
    return true;
}

static void on_socket(void *ctx, unsigned events)
{
    struct memtext *m = ctx;

    if (m->state == CONNECTING && !finish_connect(m)) {
        return;
    }
    /* A handshake may wait for either event before anything can be sent. */
    if ((events & LOOP_WRITABLE) != 0 || (m->wire.tls != NULL && 0 < m->out.size)) {
        flush(m);
    }
    if (m->state == OPEN && (events & LOOP_READABLE) != 0) {
        take_in(m);
    }
}

static int connect_now(struct memtext *m, struct err *err)
{
    int one = 1;
    int rv;

    m->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (m->fd < 0) {
        return err_set(err, ERR_IO, "socket: %s", strerror(errno));
    }
    (void)setsockopt(m->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    rv = loop_fd_new(m->loop, m->fd, on_socket, m, &m->watch, err);
    if (rv < 0) {
        return rv;
    }
    if (connect(m->fd, (const struct sockaddr *)&m->address, sizeof(m->address)) < 0 &&
        errno != EINPROGRESS) {
        return err_set(err, ERR_IO, "connect: %s", strerror(errno));
    }
    set_state(m, CONNECTING);
    loop_fd_want(m->watch, LOOP_WRITABLE);
    return 0;
}

int memtext_new(struct loop *loop, const char *ip, uint16_t port, uint64_t timeout_ms,
                struct memtext **out, struct err *err)
{
    CLEANUP(memtext_free_p) struct memtext *m = mem_alloc(sizeof(*m));
    int rv;

    if (m == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    m->loop = loop;
    m->fd = -1;
    m->timeout_ms = timeout_ms;
    m->address.sin_family = AF_INET;
    m->address.sin_port = htons(port);
    str_init(&m->out, REQUESTS_BYTES_MAX);
    str_init(&m->in, MEMTEXT_REPLY_BYTES_MAX + READ_BYTES);
    set_state(m, CLOSED);
    if (inet_pton(AF_INET, ip, &m->address.sin_addr) != 1) {
        return err_set(err, ERR_INVALID, "%s is not an IPv4 address", ip);
    }
    rv = loop_timer_new(loop, on_timeout, m, &m->timer, err);
    if (rv == 0) {
        rv = loop_defer_new(loop, on_failing, m, &m->failing, err);
    }
    if (rv < 0) {
        return rv;
    }
    *out = TAKE(m);
    return 0;
}

void memtext_free(struct memtext *m)
{
    if (m == NULL) {
        return;
    }
    if (m->calling) {
        m->freed = true;
        return;
    }
    wire_close(&m->wire);
    loop_fd_free(m->watch);
    loop_timer_free(m->timer);
    loop_defer_free(m->failing);
    fd_close_p(&m->fd);
    str_deinit(&m->out);
    str_deinit(&m->in);
    free(m);
}

void memtext_use_tls(struct memtext *m, struct tls_context *const *tls)
{
    m->tls = tls;
}

/* All of the request goes out, or nothing of it. */
static int enqueue(struct memtext *m, const char *request, size_t request_bytes, struct err *err)
{
    str_append(&m->out, request, request_bytes);
    if (str_failed(&m->out)) {
        m->out.failed = false;
        return err_set(err, ERR_LIMIT, "too many bytes wait to be sent");
    }
    return 0;
}

int memtext_ask(struct memtext *m, const char *request, size_t request_bytes,
                enum memtext_reply kind, memtext_fn *done, void *ctx, struct err *err)
{
    int rv;

    if (m->count == MEMTEXT_PENDING_MAX) {
        return err_set(err, ERR_LIMIT, "%d requests are unanswered", MEMTEXT_PENDING_MAX);
    }
    rv = m->state == BROKEN ? 0 : enqueue(m, request, request_bytes, err);
    if (rv < 0) {
        return rv;
    }
    m->requests[(m->first + m->count) % MEMTEXT_PENDING_MAX] =
        (struct request){ .scan = { .kind = kind },
                          .done = done,
                          .ctx = ctx,
                          .deadline_ms = clock_mono_ms() + m->timeout_ms };
    m->count++;
    if (m->state == CLOSED && connect_now(m, &m->failure) < 0) {
        break_off(m);
    } else if (m->state == OPEN) {
        flush(m);
    }
    if (m->count == 1 && m->state != BROKEN) {
        watch_deadline(m);
    }
    return 0;
}
