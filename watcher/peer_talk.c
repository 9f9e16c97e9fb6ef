#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "discovery/names.h"
#include "watcher/peer_parts.h"

#define WRITE_HEAD_BYTES 64

static const char ask_who[] = MEMTEXT_ASK_WHO;
static const char ask_record[] = "get " KEY_RECORD "\r\n";

/* Who answers discovery. */
enum way {
    WAY_UNKNOWN,
    WAY_DATA,   /* the module, at the data port */
    WAY_BESIDE, /* the data port is a plain memcached's */
};

struct peer_talk {
    struct loop *loop;
    struct tls_context *const *tls; /* to the discovery port; NULL: plain */
    char ip[IPV4_TEXT_SIZE];
    uint16_t port;
    struct peer_talk_events events;
    void *ctx;
    enum way way;
    /* What is said now: one connection at a time, closed at the end: a port that is watched may be
     * draining, and counts its connections. */
    struct memtext *memtext;
    bool at_data;    /* it is to the data port */
    bool identified; /* the data port has told that it is a partition's, in this look */
    bool ask_beside;
    bool answered;      /* the data port did, in this look */
    bool found_at_data; /* where the last look was answered */
    char *writing;      /* a whole request */
    size_t writing_bytes;
};

static void hang_up(struct peer_talk *talk)
{
    memtext_free(talk->memtext);
    talk->memtext = NULL;
}

/* ---- Looking ---- */

static void end_look(struct peer_talk *talk, bool known, const char *record, size_t record_bytes)
{
    struct peer_found found = {
        .answered = talk->answered, .known = known, .record = record, .record_bytes = record_bytes
    };

    talk->found_at_data = talk->at_data;
    hang_up(talk); /* the reply lives until this callback's end */
    talk->events.looked(talk->ctx, &found);
}

static int ask(struct peer_talk *talk, const char *request, memtext_fn *done)
{
    const enum memtext_reply kind = request == ask_who ? MEMTEXT_LINE : MEMTEXT_END;

    return memtext_ask(talk->memtext, request, strlen(request), kind, done, talk, NULL);
}

static int call(struct peer_talk *talk, bool data)
{
    int rv;

    hang_up(talk);
    talk->at_data = data;
    rv = memtext_new(talk->loop, talk->ip, data ? talk->port : (uint16_t)(talk->port - 1),
                     PEER_TIMEOUT_MS, &talk->memtext, NULL);
    if (rv == 0 && !data) {
        memtext_use_tls(talk->memtext, talk->tls);
    }
    return rv;
}

static void on_record(void *ctx, const char *reply, size_t reply_bytes, const struct err *err);

static void look_beside(struct peer_talk *talk)
{
    if (call(talk, false) < 0 || ask(talk, ask_record, on_record) < 0) {
        end_look(talk, false, NULL, 0);
    }
}

static void no_answer(struct peer_talk *talk)
{
    if (talk->at_data && talk->ask_beside) {
        look_beside(talk);
    } else {
        end_look(talk, false, NULL, 0);
    }
}

static void on_identity(void *ctx, const char *reply, size_t reply_bytes, const struct err *err)
{
    struct peer_talk *talk = ctx;

    (void)err;
    if (reply == NULL) {
        no_answer(talk);
        return;
    }
    talk->answered = true;
    talk->identified = memtext_is_partition(reply, reply_bytes);
    talk->way = talk->identified ? WAY_DATA : WAY_BESIDE;
    if (!talk->identified) {
        look_beside(talk);
    } else if (ask(talk, ask_record, on_record) < 0) {
        no_answer(talk);
    }
}

static void on_record(void *ctx, const char *reply, size_t reply_bytes, const struct err *err)
{
    struct peer_talk *talk = ctx;
    const char *record = NULL;
    size_t record_bytes = 0;

    (void)err;
    if (reply == NULL) {
        no_answer(talk);
        return;
    }
    talk->answered = talk->answered || talk->at_data;
    if (memtext_block(reply, reply_bytes, &record, &record_bytes, NULL) == 0) {
        end_look(talk, true, record, record_bytes);
    } else if (talk->at_data && !talk->identified) {
        /* A plain memcached may have taken the place of the one that was asked before. */
        if (ask(talk, ask_who, on_identity) < 0) {
            no_answer(talk);
        }
    } else {
        end_look(talk, true, NULL, 0);
    }
}

void peer_talk_look(struct peer_talk *talk, bool ask_beside)
{
    bool known = talk->way == WAY_DATA;

    talk->identified = false;
    talk->answered = false;
    talk->ask_beside = ask_beside;
    if (call(talk, true) < 0 ||
        ask(talk, known ? ask_record : ask_who, known ? on_record : on_identity) < 0) {
        end_look(talk, false, NULL, 0);
    }
}

/* ---- Writing ---- */

static void end_write(struct peer_talk *talk, bool taken)
{
    hang_up(talk);
    free(talk->writing);
    talk->writing = NULL;
    talk->events.wrote(talk->ctx, taken);
}

static void on_written(void *ctx, const char *reply, size_t reply_bytes, const struct err *err)
{
    (void)err;
    end_write(ctx, reply != NULL && reply_bytes == strlen("STORED") &&
                       memcmp(reply, "STORED", reply_bytes) == 0);
}

/* It goes out on the very connection that has just answered (memtext.h). */
static void on_writable(void *ctx, const char *reply, size_t reply_bytes, const struct err *err)
{
    struct peer_talk *talk = ctx;

    (void)err;
    if (reply == NULL || !memtext_is_partition(reply, reply_bytes)) {
        talk->way = WAY_UNKNOWN;
        end_write(talk, false);
    } else if (memtext_ask(talk->memtext, talk->writing, talk->writing_bytes, MEMTEXT_LINE,
                           on_written, talk, NULL) < 0) {
        end_write(talk, false);
    }
}

/* The head, the record, and the line end behind it. */
static int compose(struct peer_talk *talk, const char *record, size_t record_bytes)
{
    size_t room = WRITE_HEAD_BYTES + record_bytes;
    size_t head;

    free(talk->writing);
    talk->writing = mem_alloc(room);
    if (talk->writing == NULL) {
        return -1;
    }
    head = (size_t)snprintf(talk->writing, room, "set " KEY_RECORD " 0 0 %zu\r\n", record_bytes);
    memcpy(talk->writing + head, record, record_bytes);
    memcpy(talk->writing + head + record_bytes, "\r\n", 2);
    talk->writing_bytes = head + record_bytes + 2;
    return 0;
}

void peer_talk_write(struct peer_talk *talk, const char *record, size_t record_bytes)
{
    if (compose(talk, record, record_bytes) < 0 || call(talk, talk->found_at_data) < 0 ||
        ask(talk, ask_who, on_writable) < 0) {
        end_write(talk, false);
    }
}

/* ---- Lifecycle ---- */

int peer_talk_new(struct loop *loop, const char *ip, uint16_t port,
                  const struct peer_talk_events *events, void *ctx, struct peer_talk **out,
                  struct err *err)
{
    struct peer_talk *talk = mem_alloc(sizeof(*talk));

    if (talk == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    talk->loop = loop;
    memcpy(talk->ip, ip, strlen(ip) + 1);
    talk->port = port;
    talk->events = *events;
    talk->ctx = ctx;
    *out = talk;
    return 0;
}

void peer_talk_use_tls(struct peer_talk *talk, struct tls_context *const *tls)
{
    talk->tls = tls;
}

void peer_talk_free(struct peer_talk *talk)
{
    if (talk == NULL) {
        return;
    }
    memtext_free(talk->memtext);
    free(talk->writing);
    free(talk);
}

bool peer_talk_beside(const struct peer_talk *talk)
{
    return talk->way == WAY_BESIDE;
}
