#include "controller/pusher.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "memd/memtext.h"

struct push {
    struct push *next;
    struct pusher *pusher;
    struct push_order order;
    struct memtext *memtext; /* while it runs in TLS */
};

struct pusher {
    struct memd *memd;
    struct loop *loop;
    struct tls_context *const *tls; /* to discovery ports; NULL: plain */
    struct push_events events;
    void *ctx;
    struct push *waiting; /* oldest first */
    struct push **waiting_end;
    size_t waiting_count;
    struct push *running;
    size_t running_count;
};

int pusher_new(struct memd *memd, const struct push_events *events, void *ctx, struct pusher **out,
               struct err *err)
{
    struct pusher *pusher = mem_alloc(sizeof(*pusher));

    if (pusher == NULL) {
        return err_set(err, ERR_NOMEM, "pushes");
    }
    pusher->memd = memd;
    pusher->events = *events;
    pusher->ctx = ctx;
    pusher->waiting_end = &pusher->waiting;
    *out = pusher;
    return 0;
}

void pusher_use_tls(struct pusher *pusher, struct loop *loop, struct tls_context *const *tls)
{
    pusher->loop = loop;
    pusher->tls = tls;
}

static void list_free(struct push *list)
{
    while (list != NULL) {
        struct push *next = list->next;

        memtext_free(list->memtext);
        free(list);
        list = next;
    }
}

void pusher_free(struct pusher *pusher)
{
    if (pusher == NULL) {
        return;
    }
    list_free(pusher->waiting);
    list_free(pusher->running);
    free(pusher);
}

static void running_remove(struct pusher *pusher, const struct push *push)
{
    struct push **link = &pusher->running;

    while (*link != push) {
        link = &(*link)->next;
    }
    *link = push->next;
    pusher->running_count--;
}

static void start_waiting(struct pusher *pusher);

static void push_done(void *ctx, const char *value, size_t value_bytes, const struct err *err)
{
    struct push *push = ctx;
    struct pusher *pusher = push->pusher;

    (void)value;
    (void)value_bytes;
    running_remove(pusher, push);
    pusher->events.done(pusher->ctx, &push->order, err);
    memtext_free(push->memtext);
    free(push);
    start_waiting(pusher);
}

/* ---- In TLS, which libmemcached does not speak ---- */

static void on_answer(void *ctx, const char *reply, size_t reply_bytes, const struct err *err)
{
    struct err refusal;

    (void)reply_bytes;
    if (reply != NULL && strcmp(reply, "STORED") != 0) {
        err_record(&refusal, ERR_PROTOCOL, "it refused: %.200s", reply);
        err = &refusal;
    }
    push_done(ctx, NULL, 0, err);
}

static int start_tls(struct push *push, const char *record, size_t bytes, struct err *err)
{
    CLEANUP(str_deinit) struct str request;
    struct pusher *pusher = push->pusher;
    int rv;

    str_init(&request, bytes + 64);
    str_appendf(&request, "set " PUSH_KEY " 0 0 %zu\r\n", bytes);
    str_append(&request, record, bytes);
    str_append_text(&request, "\r\n");
    rv = str_check(&request, err);
    if (0 <= rv) {
        rv = memtext_new(pusher->loop, push->order.ip, push->order.port, PUSH_TLS_TIMEOUT_MS,
                         &push->memtext, err);
    }
    if (0 <= rv) {
        memtext_use_tls(push->memtext, pusher->tls);
        rv = memtext_ask(push->memtext, str_text(&request), request.size, MEMTEXT_LINE, on_answer,
                         push, err);
    }
    if (rv < 0) {
        memtext_free(TAKE(push->memtext));
    }
    return rv;
}

static int start(struct pusher *pusher, struct push *push, struct err *err)
{
    size_t bytes = 0;
    const char *record =
        pusher->events.record(pusher->ctx, push->order.cluster, push->order.version, &bytes);
    int rv;

    if (record == NULL) {
        return err_set(err, ERR_CANCELED, "version %u of %s is not the committed one",
                       push->order.version, push->order.cluster);
    }
    if (push->order.beside && pusher->tls != NULL && *pusher->tls != NULL) {
        rv = start_tls(push, record, bytes, err);
    } else {
        rv = memd_set(pusher->memd, push->order.ip, push->order.port, PUSH_KEY, record, bytes,
                      push_done, push, err);
    }
    if (0 <= rv) {
        push->next = pusher->running;
        pusher->running = push;
        pusher->running_count++;
    }
    return rv;
}

static void start_waiting(struct pusher *pusher)
{
    while (pusher->waiting != NULL && pusher->running_count < PUSHES_AT_ONCE) {
        struct push *push = pusher->waiting;
        struct err err;

        pusher->waiting = push->next;
        if (pusher->waiting == NULL) {
            pusher->waiting_end = &pusher->waiting;
        }
        pusher->waiting_count--;
        if (start(pusher, push, &err) < 0) {
            pusher->events.done(pusher->ctx, &push->order, &err);
            free(push);
        }
    }
}

int pusher_push(struct pusher *pusher, const struct push_order *order, struct err *err)
{
    struct push *push = mem_alloc(sizeof(*push));
    int rv;

    if (push == NULL) {
        return err_set(err, ERR_NOMEM, "push to %s:%u", order->ip, order->port);
    }
    push->pusher = pusher;
    push->order = *order;
    if (pusher->running_count < PUSHES_AT_ONCE) {
        rv = start(pusher, push, err);
        if (rv < 0) {
            free(push);
        }
        return rv;
    }
    if (pusher->waiting_count == PUSHES_MAX) {
        free(push);
        return err_set(err, ERR_LIMIT, "more than %d pushes wait", PUSHES_MAX);
    }
    *pusher->waiting_end = push;
    pusher->waiting_end = &push->next;
    pusher->waiting_count++;
    return 0;
}
