#include "watcher/module/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "discovery/exchange.h"
#include "watcher/module/answer.h"
#include "watcher/module/queue.h"
#include "watcher/module/tick.h"
#include "watcher/module/tls.h"
#include "watcher/module/wire.h"

#define ANSWERS_PER_READ 32 /* then other connections have their turn */

/* Results of a step that hands nothing to memcached; other steps give a count, or -1 with errno. */
#define STEP_AGAIN (-2) /* go on with the next command */

static ssize_t nothing_now(struct conn *conn)
{
    conn->claim = TLS_ERROR_WANT_READ;
    errno = EAGAIN;
    return -1;
}

static ssize_t broken(struct conn *conn)
{
    conn->claim = TLS_ERROR_SYSCALL;
    errno = ECONNRESET;
    return -1;
}

/* All bytes pass: as if nobody stood between. */
static ssize_t pass(struct conn *conn, char *out, size_t size)
{
    ssize_t n = wire_read(conn, out, size);

    conn->pending = false;
    return n;
}

/*
 * Fill `out` with the next bytes of the stream: what is held, and behind it, where that is not
 * enough to go on, what the kernel has. `*held` of them were held and still are. As read(2).
 */
static ssize_t fill(struct conn *conn, char *out, size_t size, size_t *held)
{
    ssize_t n;

    *held = hold_peek(&conn->hold, out, size);
    if (*held == size || (*held != 0 && !conn->stalled)) {
        return (ssize_t)*held;
    }
    n = wire_read(conn, out + *held, size - *held);
    return n <= 0 ? n : n + (ssize_t)*held;
}

/*
 * The first `used` of the `size` bytes in `out` are done with; hold back the rest, of which the
 * first `held` - `used` are held already. `stalled`: they need more bytes behind them.
 */
static int keep(struct conn *conn, const char *out, size_t size, size_t held, size_t used,
                bool stalled)
{
    if (used <= held) {
        hold_drop(&conn->hold, used);
        used = held;
    } else {
        hold_clear(&conn->hold);
    }
    if (hold_append(&conn->hold, out + used, size - used) != 0) {
        return -1;
    }
    conn->stalled = stalled;
    return 0;
}

/* Send conn->reply and go on, unless the client does not take it. */
static ssize_t send_reply(struct module *module, struct conn *conn)
{
    int rv = answer_send(conn);

    if (rv == ANSWER_BLOCKED) {
        counting_add(&module->counting, TALLY_BLOCKED, 1);
        return nothing_now(conn);
    }
    if (rv < 0) {
        answer_abandon(conn);
        return broken(conn);
    }
    return STEP_AGAIN;
}

/*
 * What is to be served: what the segment held when this thread last heard of events, or newer. One
 * look serves all requests of which it heard then, unless they take longer than the clock ticks.
 */
static struct copy *current_copy(struct module *module)
{
    struct queue *queue = queue_own();
    const uint64_t now_ms = tick_ms();

    if (queue->looked_ms != now_ms) {
        copies_look(&module->copies);
        queue->looked_ms = now_ms;
    }
    return copies_get(&module->copies);
}

static ssize_t answer_read(struct module *module, struct conn *conn, const struct request *request)
{
    uint32_t version;
    ssize_t rv;

    conn->copy = current_copy(module);
    version = copy_cell(conn->copy)->version;
    reply_read(request, copy_cell(conn->copy), &conn->reply);
    rv = send_reply(module, conn);
    counting_read(&module->counting, conn, request->kind, version, rv == STEP_AGAIN);
    return rv;
}

static ssize_t answer_outcome(struct module *module, struct conn *conn, enum reply_outcome outcome)
{
    /* Who deletes asks who answers here. */
    if (conn->request.kind != REQUEST_CONFIG_DELETE) {
        counting_add(&module->counting,
                     outcome == REPLY_STORED ? TALLY_WRITES : TALLY_WRITES_REFUSED, 1);
    }
    reply_write(&conn->request, outcome, &conn->reply);
    return send_reply(module, conn);
}

/* Whether the client may write once more to the inbox. */
static bool may_write(struct module *module, struct conn *conn)
{
    const struct poller_peer *peer = conn_peer(conn);
    struct timespec now;
    bool may;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    (void)pthread_mutex_lock(&module->writes_lock);
    may = rates_take(&module->writes, peer,
                     (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
    (void)pthread_mutex_unlock(&module->writes_lock);
    return may;
}

/* The value has come whole: hand it over. */
static ssize_t finish_value(struct module *module, struct conn *conn)
{
    struct copy *copy = current_copy(module);
    enum reply_outcome outcome = REPLY_BUSY;

    if (may_write(module, conn)) {
        outcome = exchange_write(&conn->request, conn->value, copy_cell(copy), module->inbox,
                                 atomic_fetch_add(&module->inbox_writes, 1));
    }
    copy_put(copy);
    free(conn->value);
    conn->value = NULL;
    values_end(&module->values, conn);
    conn->intake = INTAKE_NONE;
    return answer_outcome(module, conn, outcome);
}

static ssize_t refuse(struct module *module, struct conn *conn, enum reply_outcome outcome)
{
    conn->intake = conn->request.body_bytes == 0 ? INTAKE_NONE : INTAKE_SKIP;
    return answer_outcome(module, conn, outcome);
}

static ssize_t begin_write(struct module *module, struct conn *conn, const struct request *request)
{
    conn->request = *request;
    conn->intake_bytes = 0;
    if (!exchange_takes_value(request)) {
        return refuse(module, conn, exchange_refusal(request));
    }
    conn->value = malloc((size_t)request->body_bytes + 1);
    if (conn->value == NULL) {
        return refuse(module, conn, REPLY_FAILED);
    }
    values_begin(&module->values, conn);
    conn->intake = INTAKE_VALUE;
    return request->body_bytes == 0 ? finish_value(module, conn) : STEP_AGAIN;
}

/* Take in data of a command of ours; `scratch` is memcached's buffer. */
static ssize_t take_data(struct module *module, struct conn *conn, char *scratch, size_t size)
{
    uint64_t left = conn->request.body_bytes - conn->intake_bytes;
    bool collect = conn->intake == INTAKE_VALUE;
    char *to = collect ? conn->value + conn->intake_bytes : scratch;
    size_t room = collect || left < size ? (size_t)left : size;
    ssize_t n;

    if (conn->hold.size != 0) {
        n = (ssize_t)hold_peek(&conn->hold, to, room);
        hold_drop(&conn->hold, (size_t)n);
    } else {
        n = wire_read(conn, to, room);
        if (n <= 0) {
            return n;
        }
    }
    conn->intake_bytes += (uint64_t)n;
    if (conn->intake_bytes < conn->request.body_bytes) {
        return STEP_AGAIN;
    }
    if (collect) {
        return finish_value(module, conn);
    }
    conn->intake = INTAKE_NONE;
    return STEP_AGAIN;
}

/* Carry out a command of ours whose head is complete. */
static ssize_t run(struct module *module, struct conn *conn, const struct request *request)
{
    if (request->kind == REQUEST_CONFIG_GET || request->kind == REQUEST_PAYLOAD_GET ||
        request->kind == REQUEST_RECORD_GET) {
        return answer_read(module, conn, request);
    }
    return begin_write(module, conn, request);
}

static void count_held(struct module *module, const struct conn *conn, size_t before)
{
    if (before < conn->hold.size) {
        counting_add(&module->counting, TALLY_HELD, 1);
        counting_add(&module->counting, TALLY_HELD_BYTES, conn->hold.size - before);
    }
}

/* Whether commands of ours are to be answered, or memcached's to refuse. */
static bool may_answer(struct module *module)
{
    struct err why;

    if (!gate_open(&module->gate)) {
        return false;
    }
    if (copies_usable(&module->copies, &why)) {
        return true;
    }
    gate_complain(&module->gate, why.msg);
    return false;
}

/* Look at the next bytes of the stream and hand on what is memcached's. */
static ssize_t step(struct module *module, struct conn *conn, char *out, size_t size)
{
    enum tracker_verdict verdict;
    struct request request;
    size_t before = conn->hold.size;
    bool stalled;
    bool ours;
    size_t used;
    size_t held;
    ssize_t n = fill(conn, out, size, &held);

    if (n <= 0) {
        return n;
    }
    verdict = tracker_scan(&conn->tracker, out, (size_t)n, &used, &request);
    ours = verdict == TRACKER_OURS && used == 0;
    if (ours && !may_answer(module)) {
        conn->tracker.state = TRACKER_OPAQUE;
        ours = false;
        used = (size_t)n;
    } else if (ours) {
        used = request.head_bytes;
    }
    stalled = verdict == TRACKER_PARTIAL && conn->hold.size == held; /* it may hold even more */
    if (keep(conn, out, (size_t)n, held, used, stalled) != 0) {
        return broken(conn);
    }
    count_held(module, conn, before);
    if (ours) {
        return run(module, conn, &request);
    }
    return used == 0 ? nothing_now(conn) : (ssize_t)used;
}

/* Whether another round can get on without a report of epoll. */
static bool may_go_on(const struct conn *conn)
{
    return conn->intake != INTAKE_NONE || conn_ready(conn);
}

/* A read whose bytes are looked at. */
static ssize_t follow(struct module *module, struct conn *conn, char *out, size_t size)
{
    enum tracker_verdict verdict;
    ssize_t n = STEP_AGAIN;
    int i;

    if (conn->intake == INTAKE_NONE) {
        verdict = tracker_ask(&conn->tracker, size);
        if (verdict == TRACKER_CLOSE || verdict == TRACKER_LATER) {
            return verdict == TRACKER_CLOSE ? 0 : nothing_now(conn);
        }
    }
    if (conn->tracker.state == TRACKER_OPAQUE) {
        conn->stalled = false;
    }
    for (i = 0; i < ANSWERS_PER_READ && n == STEP_AGAIN; i++) {
        n = conn->intake != INTAKE_NONE ? take_data(module, conn, out, size)
                                        : step(module, conn, out, size);
        if (n == STEP_AGAIN && !may_go_on(conn)) {
            return nothing_now(conn);
        }
    }
    return n == STEP_AGAIN ? nothing_now(conn) : n;
}

/*
 * Before the first byte: does memcached wait for events and read as every release does that the
 * module was made for? Bytes that were held back would be lost to one that doesn't.
 */
static void meet(struct module *module, struct conn *conn, size_t size)
{
    if (!conn->interest.registered || !queue_own()->waited) {
        gate_break(&module->gate, "memcached waits for events in an unknown way");
    } else if (size != TRACKER_FRESH_BYTES) {
        gate_break(&module->gate, "memcached reads in an unknown way");
    }
}

/* Whether the connection is in the hands of memcached alone from now on. */
static bool is_let_go(struct module *module, struct conn *conn, size_t size)
{
    if (conn->tracker.state == TRACKER_START) {
        meet(module, conn, size);
    }
    if (conn->round != gate_round(&module->gate) && conn->intake == INTAKE_NONE) {
        conn->tracker.state = TRACKER_OPAQUE;
    }
    return conn->tracker.state == TRACKER_OPAQUE && conn->hold.size == 0;
}

ssize_t stream_read(struct module *module, struct conn *conn, char *out, size_t size)
{
    ssize_t n;

    conn->claim = 0;
    if (size == 0 || (!conn->blocked && is_let_go(module, conn, size))) {
        return pass(conn, out, size);
    }
    if (conn->blocked) {
        return nothing_now(conn);
    }
    n = follow(module, conn, out, size);
    if (conn_ready(conn)) {
        queue_add(conn);
    }
    return n;
}
