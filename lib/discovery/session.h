/*
 * session - one client connection of a discovery port that has no memcached behind it.
 *
 * Bytes in, replies out; the caller does the input and output. It answers the partition's commands
 * as memcached with the module does, and of memcached's own only `version`, `stats`, `verbosity`,
 * `mn` and `quit`; everything else gets ERROR (its data block, if any, is swallowed). `config watch
 * cluster` makes the connection a subscriber, which it stays; it may go on asking. A reserved key
 * of a join request that the watcher holds can be read.
 *
 * A session that waits for nothing in particular holds no memory. While a command is incomplete, it
 * holds at most SESSION_HEAD_BYTES of it, and while a value comes in, that value (one of at most
 * env->values->held_max at a time; for a further one the caller gives up the oldest, or writes are
 * refused). The caller bounds the number of sessions and how long they may be incomplete, and has
 * sent or copied a reply before it feeds any session of the same env.
 */
#ifndef DISCOVERY_SESSION_H
#define DISCOVERY_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "discovery/reply.h"
#include "discovery/request.h"
#include "discovery/rows.h"
#include "discovery/segment.h"

#define SESSION_HEAD_BYTES (REQUEST_HEAD_BYTES_MAX + 1)
#define SESSION_SKIP_BYTES_MAX (1U << 20) /* of data for somebody else; more closes */

/* A join request that the watcher holds. Borrowed until the next call. */
struct session_join {
    const char *uid;
    const char *request;
    size_t request_bytes;
};

/* What a port knows beyond the configuration. Each may be NULL; all get `ctx`. */
struct session_source {
    /* Add the rows of `stats <group>`; "" is plain `stats`. Returns whether there is such a group.
     */
    bool (*stats)(void *ctx, const char *group, struct rows *rows);
    /* The join request at `index`, counted from 0; false behind the last one. */
    bool (*join_at)(void *ctx, size_t index, struct session_join *out);
    /* Why the watcher would refuse this request to join, in a word of REPLY_WORD_CHARS_MAX, which
     * its writer is told; NULL: it takes it from the inbox. */
    const char *(*join_refusal)(void *ctx, const char *uid, const char *request,
                                size_t request_bytes);
    void *ctx;
};

/* The values that are being collected, by whatever ports share the memory for them. */
struct session_values {
    uint32_t held;
    uint32_t held_max;
};

/* Shared by all sessions of a port. Zero but for what the caller fills in. */
struct session_env {
    const struct segment_cell *cell; /* what is served; the caller may change it between calls */
    const char *inbox;               /* path of the inbox */
    struct session_source source;
    uint32_t inbox_writes; /* counted here */
    struct session_values *values;
    /* End the session whose value is the oldest unfinished one, another than the one that is being
     * fed. NULL: none is ended. */
    void (*give_up_oldest)(void *ctx);
    /* Whether who is being fed may write once more; NULL: without limit. */
    bool (*may_write)(void *ctx);
    void *ctx;
    /* Requests, counted here. */
    uint64_t gets;
    uint64_t sets;
    uint64_t watches;
    /* The outcome of the latest session_feed(). */
    struct reply reply;
    bool costly;      /* making it cost much more than an answer from `cell` */
    bool polled;      /* it tells a client the version in `cell`, or that there is none yet */
    struct rows rows; /* what a long reply points into */
};

/* Release what the env holds; no session of it is used any more. */
void session_env_deinit(struct session_env *env);

enum session_state {
    SESSION_HEAD, /* a command's head is coming in */
    SESSION_BODY, /* a value for us */
    SESSION_SKIP, /* data of a command that was refused */
    SESSION_OVER, /* the connection is to be closed */
};

struct session {
    enum session_state state;
    bool started; /* the first byte has told the protocol */
    bool watching;
    bool refused; /* SESSION_SKIP: it was given already */
    enum request_protocol protocol;
    enum reply_outcome refusal; /* SESSION_SKIP: the answer at its end */
    char *head;                 /* of a command that is incomplete */
    size_t head_bytes;
    struct request request; /* whose data is coming in */
    uint64_t body_bytes;    /* of it: collected or skipped so far */
    char *body;
};

void session_init(struct session *session);

/* Release what the session holds, also in the middle of a value. */
void session_deinit(struct session *session, struct session_env *env);

/* Whether a command has begun and is not complete. */
bool session_incomplete(const struct session *session);

enum session_event {
    SESSION_MORE,  /* nothing to send; all input is taken in, but behind what was costly */
    SESSION_REPLY, /* send env->reply, which may point into env->cell; then feed what is left */
    SESSION_WATCH, /* the same, and the connection is a subscriber from now on */
    SESSION_CLOSE, /* send env->reply, which may be empty, then close */
};

/*
 * Take in bytes up to the next event; `*used` of them were consumed. Call again with the rest
 * after each reply. What is costly ends a call, also when there is nothing to send, so that the
 * caller can let others come first.
 */
enum session_event session_feed(struct session *session, struct session_env *env, const char *bytes,
                                size_t size, size_t *used);

#endif
