#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "discovery/names.h"
#include "watcher/peer_parts.h"

#define REQUEST_BYTES 64

struct waiting {
    char uid[JOIN_UID_CHARS + 1];
};

struct peer_joins {
    struct loop *loop;
    struct tls_context *const *tls; /* NULL: plain */
    char ip[IPV4_TEXT_SIZE];
    uint16_t port;
    peer_join_fn *fn;
    void *ctx;
    struct memtext *memtext;                        /* while the first one is asked for */
    struct waiting waiting[PEER_JOINS_WAITING_MAX]; /* oldest first */
    size_t count;
};

static void read_next(struct peer_joins *joins);

static struct waiting take_first(struct peer_joins *joins)
{
    struct waiting first = joins->waiting[0];

    joins->count--;
    memmove(joins->waiting, joins->waiting + 1, joins->count * sizeof(first));
    return first;
}

/* The next one is asked for before the callback: it may free all of this. */
static void on_request(void *ctx, const char *reply, size_t reply_bytes, const struct err *err)
{
    struct peer_joins *joins = ctx;
    struct waiting first = take_first(joins);
    peer_join_fn *fn = joins->fn;
    void *fn_ctx = joins->ctx;
    const char *request;
    size_t request_bytes;

    (void)err;
    memtext_free(joins->memtext);
    joins->memtext = NULL;
    read_next(joins);
    if (reply != NULL && memtext_block(reply, reply_bytes, &request, &request_bytes, NULL) == 0) {
        fn(fn_ctx, first.uid, request, request_bytes);
    }
}

static int ask_for(struct peer_joins *joins, const char *uid)
{
    char request[REQUEST_BYTES];
    int size = snprintf(request, sizeof(request), "get " KEY_JOIN "%s\r\n", uid);
    int rv =
        memtext_new(joins->loop, joins->ip, joins->port, PEER_TIMEOUT_MS, &joins->memtext, NULL);

    if (rv < 0) {
        return rv;
    }
    memtext_use_tls(joins->memtext, joins->tls);
    return memtext_ask(joins->memtext, request, (size_t)size, MEMTEXT_END, on_request, joins, NULL);
}

static void read_next(struct peer_joins *joins)
{
    while (0 < joins->count && ask_for(joins, joins->waiting[0].uid) < 0) {
        memtext_free(joins->memtext);
        joins->memtext = NULL;
        (void)take_first(joins); /* out of memory: the next subscription tells of it again */
    }
}

void peer_joins_read(struct peer_joins *joins, const char *uid)
{
    size_t i;

    for (i = 0; i < joins->count; i++) {
        if (strcmp(joins->waiting[i].uid, uid) == 0) {
            return;
        }
    }
    if (joins->count == PEER_JOINS_WAITING_MAX || JOIN_UID_CHARS < strlen(uid)) {
        return;
    }
    memcpy(joins->waiting[joins->count++].uid, uid, strlen(uid) + 1);
    if (joins->count == 1) {
        read_next(joins);
    }
}

int peer_joins_new(struct loop *loop, const char *ip, uint16_t discovery_port, peer_join_fn *fn,
                   void *ctx, struct peer_joins **out, struct err *err)
{
    struct peer_joins *joins = mem_alloc(sizeof(*joins));

    if (joins == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    joins->loop = loop;
    memcpy(joins->ip, ip, strlen(ip) + 1);
    joins->port = discovery_port;
    joins->fn = fn;
    joins->ctx = ctx;
    *out = joins;
    return 0;
}

void peer_joins_use_tls(struct peer_joins *joins, struct tls_context *const *tls)
{
    joins->tls = tls;
}

void peer_joins_free(struct peer_joins *joins)
{
    if (joins == NULL) {
        return;
    }
    memtext_free(joins->memtext);
    free(joins);
}
