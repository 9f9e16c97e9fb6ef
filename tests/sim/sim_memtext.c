/*
 * lib/memd/memtext.h over the modelled network: requests of one connection are answered one after
 * another, and one that is not answered in time breaks all that wait behind it. What writes is an
 * effect of the party that asks.
 */
#include "memd/memtext.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/name.h"
#include "sim/sim_state.h"

#define REQUEST_BYTES_MAX 128

struct request {
    enum sim_request_kind kind;
    char key[REQUEST_BYTES_MAX];
    uint64_t listener; /* whose answer it follows; 0: nobody's */
    char *value;       /* of SET; NULL */
    size_t value_bytes;
    memtext_fn *done;
    void *ctx;
};

struct memtext {
    struct sim *sim;
    uint32_t ip;
    uint16_t port;
    uint64_t timeout_ms;
    struct request requests[MEMTEXT_PENDING_MAX]; /* a ring */
    size_t first;
    size_t count;
    struct sim_ask *ask; /* about the first one */
    struct str reply;
    uint64_t listener; /* who gave it */
    uint32_t round;    /* of the connection; 0: there is none */
    bool calling;      /* a callback runs */
    bool freed;        /* by it: the memory goes when it returns */
};

static void ask_next(struct memtext *m);

/* Returns whether `m` still lives. */
static bool tell(struct memtext *m, const struct err *failure)
{
    struct request request = m->requests[m->first];

    m->first = (m->first + 1) % MEMTEXT_PENDING_MAX;
    m->count--;
    m->calling = true;
    free(request.value);
    if (failure != NULL) {
        request.done(request.ctx, NULL, 0, failure);
    } else {
        request.done(request.ctx, str_text(&m->reply), m->reply.size, NULL);
    }
    m->calling = false;
    if (m->freed) {
        memtext_free(m);
        return false;
    }
    return true;
}

/* Returns whether `m` still lives. */
static bool break_off(struct memtext *m, enum sim_outcome outcome)
{
    size_t left = m->count;
    struct err failure;

    m->listener = 0;
    m->round = 0;
    if (outcome == SIM_TIMEOUT) {
        err_record(&failure, ERR_TIMEOUT, "no answer within %llu ms",
                   (unsigned long long)m->timeout_ms);
    } else {
        err_record(&failure, ERR_IO, "connection refused");
    }
    while (0 < left) {
        left--;
        if (!tell(m, &failure)) {
            return false;
        }
    }
    return true;
}

/* The reply as memcached would have written it, without its last line end. */
static void compose(struct memtext *m, const struct request *request, const struct sim_reply *reply)
{
    str_clear(&m->reply);
    if (request->kind == SIM_REQUEST_VERSION || request->kind == SIM_REQUEST_DELETE ||
        reply->outcome == SIM_REFUSED) {
        str_append(&m->reply, reply->value, reply->value_bytes);
        return;
    }
    if (request->kind == SIM_REQUEST_SET) {
        str_append_text(&m->reply, "STORED");
        return;
    }
    if (reply->outcome == SIM_OK && request->kind == SIM_REQUEST_STATS) {
        str_append(&m->reply, reply->value, reply->value_bytes);
    } else if (reply->outcome == SIM_OK) {
        str_appendf(&m->reply, "VALUE %s 0 %zu\r\n", request->key, reply->value_bytes);
        str_append(&m->reply, reply->value, reply->value_bytes);
        str_appendf(&m->reply, "\r\n");
    }
    str_appendf(&m->reply, "END");
}

static void on_reply(void *ctx, const struct sim_reply *reply)
{
    struct memtext *m = ctx;
    bool lives;

    m->ask = NULL;
    if (reply->outcome == SIM_TIMEOUT || reply->outcome == SIM_UNREACHABLE) {
        lives = break_off(m, reply->outcome);
    } else {
        compose(m, &m->requests[m->first], reply);
        m->listener = reply->listener;
        m->round = m->round == 0 ? reply->round : m->round;
        CHECK(!str_failed(&m->reply));
        lives = tell(m, NULL);
    }
    /* What was asked within a callback has waited for its end. */
    if (lives && 0 < m->count) {
        ask_next(m);
    }
}

static void ask_next(struct memtext *m)
{
    const struct request *request = &m->requests[m->first];
    struct sim_request asked = { .kind = request->kind,
                                 .key = request->key,
                                 .value = request->value,
                                 .value_bytes = request->value_bytes,
                                 .listener = request->listener,
                                 .round = m->round };
    char ip[IPV4_TEXT_SIZE];
    char what[sizeof("write to :65535") + IPV4_TEXT_SIZE];
    bool happens = false;

    if (request->kind == SIM_REQUEST_SET) {
        ipv4_format(m->ip, ip);
        (void)snprintf(what, sizeof(what), "write to %s:%u", ip, m->port);
        happens = sim_effect_begins(m->sim, what);
        if (happens && m->sim->write_told != NULL) {
            m->sim->write_told(m->sim->write_ctx, m->ip, m->port, &asked);
        }
    }
    m->ask = sim_ask(m->sim, m->ip, m->port, &asked, m->timeout_ms, on_reply, m);
    if (happens) {
        sim_effect_ends(m->sim);
    }
}

/* "set <key> <flags> <exptime> <bytes>\r\n<value>\r\n" */
static void parse_set(const char *text, size_t size, struct request *request)
{
    const char *value = memchr(text, '\n', size);

    CHECK(value != NULL);
    value++;
    CHECK(sscanf(text, "set %127s %*u %*u %zu", request->key, &request->value_bytes) == 2);
    CHECK((size_t)(value - text) + request->value_bytes + 2 == size);
    request->value = mem_alloc(request->value_bytes + 1);
    CHECK(request->value != NULL);
    memcpy(request->value, value, request->value_bytes);
}

/* What our programs ask; anything else is a mistake in here. */
static struct request parse(const char *text, size_t size)
{
    struct request request = { .kind = SIM_REQUEST_GET };

    CHECK(2 < size);
    if (strncmp(text, "set ", 4) == 0) {
        request.kind = SIM_REQUEST_SET;
        parse_set(text, size, &request);
        return request;
    }
    CHECK(size < REQUEST_BYTES_MAX);
    if (strncmp(text, "version\r\n", size) == 0) {
        request.kind = SIM_REQUEST_VERSION;
    } else if (strncmp(text, "stats\r\n", size) == 0) {
        request.kind = SIM_REQUEST_STATS;
    } else if (strncmp(text, "stats ", 6) == 0) {
        request.kind = SIM_REQUEST_STATS;
        (void)snprintf(request.key, sizeof(request.key), "%.*s", (int)(size - 8), text + 6);
    } else if (strncmp(text, MEMTEXT_ASK_WHO, size) == 0) {
        request.kind = SIM_REQUEST_DELETE;
    } else {
        CHECK(strncmp(text, "get ", 4) == 0);
        (void)snprintf(request.key, sizeof(request.key), "%.*s", (int)(size - 6), text + 4);
    }
    return request;
}

int memtext_ask(struct memtext *m, const char *request, size_t request_bytes,
                enum memtext_reply kind, memtext_fn *done, void *ctx, struct err *err)
{
    struct request *at = &m->requests[(m->first + m->count) % MEMTEXT_PENDING_MAX];

    (void)kind;
    if (m->count == MEMTEXT_PENDING_MAX) {
        return err_set(err, ERR_LIMIT, "too many questions");
    }
    *at = parse(request, request_bytes);
    at->listener = m->calling ? m->listener : 0;
    at->done = done;
    at->ctx = ctx;
    m->count++;
    if (m->count == 1 && !m->calling) {
        ask_next(m);
    }
    return 0;
}

int memtext_new(struct loop *loop, const char *ip, uint16_t port, uint64_t timeout_ms,
                struct memtext **out, struct err *err)
{
    struct memtext *m = mem_alloc(sizeof(*m));

    (void)loop;
    if (m == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    m->sim = sim_current();
    m->port = port;
    m->timeout_ms = timeout_ms;
    CHECK(ipv4_parse(ip, &m->ip));
    str_init(&m->reply, MEMTEXT_REPLY_BYTES_MAX);
    *out = m;
    return 0;
}

/* Nobody listens in to the simulator. */
void memtext_use_tls(struct memtext *memtext, struct tls_context *const *tls)
{
    (void)memtext;
    (void)tls;
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
    sim_ask_drop(m->sim, m->ask);
    for (; 0 < m->count; m->count--) {
        free(m->requests[m->first].value);
        m->first = (m->first + 1) % MEMTEXT_PENDING_MAX;
    }
    str_deinit(&m->reply);
    free(m);
}
