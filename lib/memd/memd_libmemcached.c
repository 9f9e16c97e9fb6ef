#include "memd/memd.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <libmemcached/memcached.h>

#include "base/mem.h"

#define CONNECT_TIMEOUT_MS_DEFAULT 300
#define REPLY_TIMEOUT_MS_DEFAULT 300
#define TIMEOUT_MS_MAX 60000
#define KEY_BYTES_MAX 250

enum call_kind {
    CALL_SET,
    CALL_GET,
    CALL_CLOSE, /* the connection; libmemcached waits for the other side to close, too */
};

/* One request; owned by the queue of its target. */
struct call {
    struct call *next;
    enum call_kind kind;
    char key[KEY_BYTES_MAX + 1];
    memd_fn *done;
    void *ctx;
    /* Written by the work function, read on the loop afterwards. */
    char *reply; /* libmemcached's, by malloc() */
    size_t reply_bytes;
    struct err err; /* code 0: done */
    size_t value_bytes;
    char value[];
};

/*
 * While `working`, the handle and the queue's head belong to a thread of the pool, everything else
 * to the loop; otherwise all of it belongs to the loop.
 */
struct target {
    struct memd *memd;
    uint64_t id; /* ip and port as one number */
    char ip[INET_ADDRSTRLEN];
    uint16_t port;
    memcached_st *handle; /* NULL: not connected */
    struct call *head;
    struct call *tail;
    bool working;
};

struct memd {
    struct loop *loop;
    struct memd_options options;
    struct target **targets; /* ascending by id */
    size_t targets_count;
    size_t targets_capacity;
    size_t working; /* targets with a call on a thread */
    bool closed;    /* memd_free() was called: the last work done releases all */
};

static uint64_t timeout_or(uint64_t ms, uint64_t fallback_ms)
{
    if (ms == 0) {
        return fallback_ms;
    }
    return ms < TIMEOUT_MS_MAX ? ms : TIMEOUT_MS_MAX;
}

int memd_new(struct loop *loop, const struct memd_options *options, struct memd **out,
             struct err *err)
{
    struct memd *memd = mem_alloc(sizeof(*memd));

    if (memd == NULL) {
        return err_set(err, ERR_NOMEM, "memcached connections");
    }
    memd->loop = loop;
    memd->options.connect_timeout_ms =
        timeout_or(options == NULL ? 0 : options->connect_timeout_ms, CONNECT_TIMEOUT_MS_DEFAULT);
    memd->options.reply_timeout_ms =
        timeout_or(options == NULL ? 0 : options->reply_timeout_ms, REPLY_TIMEOUT_MS_DEFAULT);
    *out = memd;
    return 0;
}

static void call_free(struct call *call)
{
    free(call->reply);
    free(call);
}

static void target_free(struct target *target)
{
    while (target->head != NULL) {
        struct call *call = target->head;

        target->head = call->next;
        call_free(call);
    }
    if (target->handle != NULL) {
        memcached_free(target->handle);
    }
    free(target);
}

static void release(struct memd *memd)
{
    size_t i;

    for (i = 0; i < memd->targets_count; i++) {
        target_free(memd->targets[i]);
    }
    free(memd->targets);
    free(memd);
}

void memd_free(struct memd *memd)
{
    if (memd == NULL) {
        return;
    }
    memd->closed = true;
    if (memd->working == 0) {
        release(memd);
    }
}

/* ---- Targets ---- */

/* Where `id` is or belongs in the list. */
static size_t target_place(const struct memd *memd, uint64_t id)
{
    size_t low = 0;
    size_t high = memd->targets_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (memd->targets[middle]->id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static int targets_grow(struct memd *memd, struct err *err)
{
    size_t capacity = memd->targets_capacity == 0 ? 8 : memd->targets_capacity * 2;
    struct target **grown;

    if (memd->targets_count == MEMD_TARGETS_MAX) {
        return err_set(err, ERR_LIMIT, "more than %d memcached connections", MEMD_TARGETS_MAX);
    }
    if (memd->targets_count < memd->targets_capacity) {
        return 0;
    }
    grown = mem_realloc(memd->targets, capacity * sizeof(struct target *));
    if (grown == NULL) {
        return err_set(err, ERR_NOMEM, "memcached connections");
    }
    memd->targets = grown;
    memd->targets_capacity = capacity;
    return 0;
}

static int target_id(const char *ip, uint16_t port, uint64_t *out, struct err *err)
{
    struct in_addr address;

    if (port == 0 || inet_pton(AF_INET, ip, &address) != 1) {
        return err_set(err, ERR_INVALID, "not an address of memcached: %s:%u", ip, port);
    }
    *out = (uint64_t)ntohl(address.s_addr) << 16 | port;
    return 0;
}

static int target_of(struct memd *memd, const char *ip, uint16_t port, struct target **out,
                     struct err *err)
{
    struct target *target;
    uint64_t id;
    size_t place;
    int rv = target_id(ip, port, &id, err);

    if (rv < 0) {
        return rv;
    }
    place = target_place(memd, id);
    if (place < memd->targets_count && memd->targets[place]->id == id) {
        *out = memd->targets[place];
        return 0;
    }
    rv = targets_grow(memd, err);
    if (rv < 0) {
        return rv;
    }
    target = mem_alloc(sizeof(*target));
    if (target == NULL) {
        return err_set(err, ERR_NOMEM, "connection to %s:%u", ip, port);
    }
    target->memd = memd;
    target->id = id;
    target->port = port;
    (void)strncpy(target->ip, ip, sizeof(target->ip) - 1);
    memmove(memd->targets + place + 1, memd->targets + place,
            (memd->targets_count - place) * sizeof(struct target *));
    memd->targets[place] = target;
    memd->targets_count++;
    *out = target;
    return 0;
}

static void target_remove(struct target *target)
{
    struct memd *memd = target->memd;
    size_t place = target_place(memd, target->id);

    memd->targets_count--;
    memmove(memd->targets + place, memd->targets + place + 1,
            (memd->targets_count - place) * sizeof(struct target *));
    target_free(target);
}

/* ---- On a thread of the pool: libmemcached, which blocks ---- */

static bool behave(memcached_st *handle, memcached_behavior_t behavior, uint64_t value)
{
    return memcached_success(memcached_behavior_set(handle, behavior, value));
}

static memcached_st *handle_open(const struct target *target)
{
    const struct memd_options *options = &target->memd->options;
    memcached_st *handle = memcached_create(NULL);
    /* Microseconds; POLL and CONNECT count in milliseconds. */
    uint64_t socket_timeout_us = options->reply_timeout_ms * 1000;

    if (handle == NULL) {
        return NULL;
    }
    if (!behave(handle, MEMCACHED_BEHAVIOR_CONNECT_TIMEOUT, options->connect_timeout_ms) ||
        !behave(handle, MEMCACHED_BEHAVIOR_POLL_TIMEOUT, options->reply_timeout_ms) ||
        !behave(handle, MEMCACHED_BEHAVIOR_SND_TIMEOUT, socket_timeout_us) ||
        !behave(handle, MEMCACHED_BEHAVIOR_RCV_TIMEOUT, socket_timeout_us) ||
        !behave(handle, MEMCACHED_BEHAVIOR_TCP_NODELAY, 1) ||
        !behave(handle, MEMCACHED_BEHAVIOR_VERIFY_KEY, 1) ||
        !behave(handle, MEMCACHED_BEHAVIOR_SUPPORT_CAS, 1) ||
        !memcached_success(memcached_server_add(handle, target->ip, target->port))) {
        memcached_free(handle);
        return NULL;
    }
    return handle;
}

static void handle_close(struct target *target)
{
    if (target->handle != NULL) {
        memcached_free(target->handle);
        target->handle = NULL;
    }
}

/* libmemcached's codes in ours; everything that is not listed is trouble with the connection. */
static int code_of(memcached_return_t rc)
{
    static const struct {
        memcached_return_t rc;
        int code;
    } codes[] = {
        { MEMCACHED_NOTFOUND, ERR_NOT_FOUND },
        { MEMCACHED_TIMEOUT, ERR_TIMEOUT },
        { MEMCACHED_MEMORY_ALLOCATION_FAILURE, ERR_NOMEM },
        { MEMCACHED_NOTSTORED, ERR_PROTOCOL },
        { MEMCACHED_PROTOCOL_ERROR, ERR_PROTOCOL },
        { MEMCACHED_CLIENT_ERROR, ERR_PROTOCOL },
        { MEMCACHED_SERVER_ERROR, ERR_PROTOCOL },
        { MEMCACHED_ERROR, ERR_PROTOCOL },
        { MEMCACHED_E2BIG, ERR_PROTOCOL },
        { MEMCACHED_SERVER_MEMORY_ALLOCATION_FAILURE, ERR_PROTOCOL },
        { MEMCACHED_UNKNOWN_READ_FAILURE, ERR_PROTOCOL },
        { MEMCACHED_PARTIAL_READ, ERR_PROTOCOL },
        { MEMCACHED_BAD_KEY_PROVIDED, ERR_INVALID },
    };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(codes); i++) {
        if (codes[i].rc == rc) {
            return codes[i].code;
        }
    }
    return ERR_IO;
}

static memcached_return_t ask(memcached_st *handle, struct call *call)
{
    memcached_return_t rc;
    uint32_t flags;

    if (call->kind == CALL_SET) {
        return memcached_set(handle, call->key, strlen(call->key), call->value, call->value_bytes,
                             0, 0);
    }
    call->reply =
        memcached_get(handle, call->key, strlen(call->key), &call->reply_bytes, &flags, &rc);
    return rc;
}

/*
 * Ask once. A handle that failed is closed: kept, it would refuse everything for RETRY_TIMEOUT
 * (at least a second), or be out of step with the node's answers.
 */
static memcached_return_t attempt(struct target *target, struct call *call)
{
    memcached_return_t rc;
    const char *words;

    if (target->handle == NULL) {
        target->handle = handle_open(target);
    }
    if (target->handle == NULL) {
        (void)err_set(&call->err, ERR_NOMEM, "%s:%u", target->ip, target->port);
        return MEMCACHED_MEMORY_ALLOCATION_FAILURE;
    }
    rc = ask(target->handle, call);
    if (memcached_success(rc)) {
        call->err.code = 0;
        return rc;
    }
    /* Only some failures come with a message of their own. */
    words = memcached_last_error(target->handle) == MEMCACHED_SUCCESS
                ? memcached_strerror(target->handle, rc)
                : memcached_last_error_message(target->handle);
    (void)err_set(&call->err, code_of(rc), "%s of %s at %s:%u: %s",
                  call->kind == CALL_GET ? "get" : "set", call->key, target->ip, target->port,
                  words);
    if (rc != MEMCACHED_NOTFOUND) {
        handle_close(target);
    }
    return rc;
}

static void target_work(void *ctx)
{
    struct target *target = ctx;
    struct call *call = target->head;
    bool kept = target->handle != NULL;

    if (call->kind == CALL_CLOSE) {
        handle_close(target);
        return;
    }
    /* A node that was restarted has closed the kept connection: that says nothing about it now. */
    if (!memcached_success(attempt(target, call)) && kept && call->err.code == ERR_IO) {
        (void)attempt(target, call);
    }
}

/* ---- Back on the loop ---- */

/* Take the head off the queue and tell its caller. */
static void call_finish(struct target *target)
{
    struct call *call = target->head;
    const char *reply = call->kind == CALL_GET && call->reply == NULL ? "" : call->reply;

    target->head = call->next;
    if (target->head == NULL) {
        target->tail = NULL;
    }
    if (call->kind == CALL_CLOSE) {
        /* nobody waits for it */
    } else if (call->err.code < 0) {
        call->done(call->ctx, NULL, 0, &call->err);
    } else {
        call->done(call->ctx, reply, call->reply_bytes, NULL);
    }
    call_free(call);
}

static void target_done(void *ctx)
{
    struct target *target = ctx;
    struct memd *memd = target->memd;

    /* The target counts as working during the callbacks: a memd_free() in one is put off. */
    if (!memd->closed) {
        call_finish(target);
    }
    while (!memd->closed && target->head != NULL) {
        if (loop_work(memd->loop, target_work, target_done, target, &target->head->err) == 0) {
            return;
        }
        call_finish(target);
    }
    target->working = false;
    memd->working--;
    if (memd->closed) {
        if (memd->working == 0) {
            release(memd);
        }
    } else if (target->handle == NULL) {
        target_remove(target);
    }
}

/* Put the call at the queue's end; on failure it stays the caller's. */
static int call_queue(struct target *target, struct call *call, struct err *err)
{
    int rv;

    if (target->head != NULL) {
        target->tail->next = call;
        target->tail = call;
        return 0;
    }
    target->head = call;
    target->tail = call;
    if (target->working) { /* inside the callback of its last call */
        return 0;
    }
    rv = loop_work(target->memd->loop, target_work, target_done, target, err);
    if (rv < 0) {
        target->head = NULL;
        target->tail = NULL;
        return rv;
    }
    target->working = true;
    target->memd->working++;
    return 0;
}

static int key_check(const char *key, struct err *err)
{
    size_t i;

    for (i = 0; key[i] != '\0'; i++) {
        if ((unsigned char)key[i] <= ' ' || key[i] == 0x7f) {
            return err_set(err, ERR_INVALID, "a key of memcached has no spaces: '%s'", key);
        }
    }
    if (i == 0 || KEY_BYTES_MAX < i) {
        return err_set(err, ERR_INVALID, "a key of memcached has 1..%d bytes, got %zu",
                       KEY_BYTES_MAX, i);
    }
    return 0;
}

static int call_new(const char *key, const char *value, size_t value_bytes, struct call **out,
                    struct err *err)
{
    struct call *call;
    int rv = key_check(key, err);

    if (rv < 0) {
        return rv;
    }
    if (MEMD_VALUE_BYTES_MAX < value_bytes) {
        return err_set(err, ERR_LIMIT, "%s: %zu bytes are more than %u", key, value_bytes,
                       MEMD_VALUE_BYTES_MAX);
    }
    call = mem_alloc(sizeof(*call) + value_bytes);
    if (call == NULL) {
        return err_set(err, ERR_NOMEM, "%s: %zu bytes", key, value_bytes);
    }
    (void)strncpy(call->key, key, sizeof(call->key) - 1);
    if (0 < value_bytes) {
        memcpy(call->value, value, value_bytes);
    }
    call->value_bytes = value_bytes;
    *out = call;
    return 0;
}

static int call_give(struct memd *memd, const char *ip, uint16_t port, struct call *call,
                     struct err *err)
{
    struct target *target;
    int rv = target_of(memd, ip, port, &target, err);

    if (0 <= rv) {
        rv = call_queue(target, call, err);
    }
    if (rv < 0) {
        call_free(call);
    }
    return rv;
}

int memd_set(struct memd *memd, const char *ip, uint16_t port, const char *key, const char *value,
             size_t value_bytes, memd_fn *done, void *ctx, struct err *err)
{
    struct call *call;
    int rv = call_new(key, value, value_bytes, &call, err);

    if (rv < 0) {
        return rv;
    }
    call->done = done;
    call->ctx = ctx;
    return call_give(memd, ip, port, call, err);
}

int memd_get(struct memd *memd, const char *ip, uint16_t port, const char *key, memd_fn *done,
             void *ctx, struct err *err)
{
    struct call *call;
    int rv = call_new(key, NULL, 0, &call, err);

    if (rv < 0) {
        return rv;
    }
    call->kind = CALL_GET;
    call->done = done;
    call->ctx = ctx;
    return call_give(memd, ip, port, call, err);
}

void memd_forget(struct memd *memd, const char *ip, uint16_t port)
{
    struct call *call;
    struct err err; /* without memory the connection stays until memd_free() */
    uint64_t id;
    size_t place;

    if (target_id(ip, port, &id, &err) < 0) {
        return;
    }
    place = target_place(memd, id);
    if (place == memd->targets_count || memd->targets[place]->id != id) {
        return;
    }
    if (call_new("close", NULL, 0, &call, &err) < 0) {
        return;
    }
    call->kind = CALL_CLOSE;
    if (call_queue(memd->targets[place], call, &err) < 0) {
        call_free(call);
    }
}
