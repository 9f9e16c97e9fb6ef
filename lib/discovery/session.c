#include "discovery/session.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "discovery/exchange.h"

void session_init(struct session *session)
{
    session->state = SESSION_HEAD;
    session->started = false;
    session->protocol = REQUEST_TEXT;
    session->watching = false;
    session->head_bytes = 0;
    session->body_bytes = 0;
    session->body = NULL;
    session->reply = (struct reply){ .head_bytes = 0 };
}

static void drop_body(struct session *session, struct session_env *env)
{
    if (session->body != NULL) {
        CHECK(0 < env->values);
        env->values--;
        free(session->body);
        session->body = NULL;
    }
}

void session_deinit(struct session *session, struct session_env *env)
{
    drop_body(session, env);
}

/* An empty reply is none: quiet commands are answered with nothing. */
static enum session_event replied(const struct session *session)
{
    return reply_bytes(&session->reply) == 0 ? SESSION_MORE : SESSION_REPLY;
}

static enum session_event close_with(struct session *session, enum reply_outcome outcome)
{
    reply_write(&session->request, outcome, &session->reply);
    session->state = SESSION_OVER;
    return SESSION_CLOSE;
}

/* Refuse a command and swallow its data. Ours are refused at once, memcached's at their end. */
static enum session_event refuse(struct session *session, enum reply_outcome outcome)
{
    const struct request *request = &session->request;

    if (SESSION_SKIP_BYTES_MAX < request->body_bytes) {
        return close_with(session, outcome);
    }
    session->refusal = outcome;
    session->refused = request->body_bytes == 0 || request_is_ours(request);
    session->state = request->body_bytes == 0 ? SESSION_HEAD : SESSION_SKIP;
    session->body_bytes = 0;
    if (!session->refused) {
        return SESSION_MORE;
    }
    reply_write(request, outcome, &session->reply);
    return replied(session);
}

static enum session_event begin_value(struct session *session, struct session_env *env)
{
    if (!exchange_takes_value(&session->request)) {
        return refuse(session, exchange_refusal(&session->request));
    }
    if (env->values_max <= env->values && env->give_up_oldest != NULL) {
        env->give_up_oldest(env->ctx);
    }
    if (env->values_max <= env->values) {
        return refuse(session, REPLY_FAILED);
    }
    session->body = malloc((size_t)session->request.body_bytes + 1);
    if (session->body == NULL) {
        return refuse(session, REPLY_FAILED);
    }
    session->body_number = env->values_begun++;
    env->values++;
    session->body_bytes = 0;
    session->state = SESSION_BODY;
    return SESSION_MORE;
}

static enum session_event answer_server(struct session *session, const struct session_env *env)
{
    reply_server(&session->request, env->cell->version, &session->reply);
    if (session->request.kind == REQUEST_QUIT) {
        session->state = SESSION_OVER;
        return SESSION_CLOSE;
    }
    return replied(session);
}

/* Carry out the command whose head is complete. */
static enum session_event run(struct session *session, struct session_env *env)
{
    switch (session->request.kind) {
    case REQUEST_CONFIG_GET:
    case REQUEST_PAYLOAD_GET:
    case REQUEST_RECORD_GET:
        reply_read(&session->request, env->cell, &session->reply);
        return replied(session);
    case REQUEST_CONFIG_SET:
    case REQUEST_RECORD_SET:
    case REQUEST_JOIN:
    case REQUEST_CONFIG_DELETE:
    case REQUEST_CONFIG_OTHER:
        return begin_value(session, env);
    case REQUEST_CONFIG_WATCH:
        session->watching = true;
        reply_change(env->cell->version, &session->reply);
        return SESSION_WATCH;
    case REQUEST_VERSION:
    case REQUEST_QUIT:
    case REQUEST_STATS:
    case REQUEST_NOOP:
        return answer_server(session, env);
    case REQUEST_PLAIN:
    case REQUEST_UNKNOWN:
        return refuse(session, REPLY_UNKNOWN_COMMAND);
    case REQUEST_ODD: /* what follows can't be known */
    case REQUEST_FATAL:
        return close_with(session, REPLY_UNKNOWN_COMMAND);
    }
    return close_with(session, REPLY_UNKNOWN_COMMAND);
}

static enum session_event feed_head(struct session *session, struct session_env *env,
                                    const char *bytes, size_t size, size_t *used)
{
    size_t room = sizeof(session->head) - session->head_bytes;
    size_t taken = size < room ? size : room;
    int rv;

    if (!session->started) {
        session->started = true;
        session->protocol =
            (unsigned char)bytes[0] == REQUEST_BINARY_MAGIC ? REQUEST_BINARY : REQUEST_TEXT;
    }
    memcpy(session->head + session->head_bytes, bytes, taken);
    session->head_bytes += taken;
    rv = request_parse(session->protocol, session->head, session->head_bytes, &session->request);
    if (rv == REQUEST_PARTIAL) {
        *used = taken;
        return SESSION_MORE;
    }
    if (rv == REQUEST_LONG) {
        *used = taken;
        session->request = (struct request){ .kind = REQUEST_ODD, .protocol = REQUEST_TEXT };
        return close_with(session, REPLY_UNKNOWN_COMMAND);
    }
    CHECK(session->head_bytes - taken <= session->request.head_bytes);
    *used = taken - (session->head_bytes - session->request.head_bytes);
    session->head_bytes = 0;
    return run(session, env);
}

static enum session_event finish_body(struct session *session, struct session_env *env)
{
    enum reply_outcome outcome = exchange_write(&session->request, session->body, env->cell,
                                                env->inbox, env->inbox_writes++);

    drop_body(session, env);
    session->state = SESSION_HEAD;
    reply_write(&session->request, outcome, &session->reply);
    return replied(session);
}

static enum session_event finish_skip(struct session *session)
{
    session->state = SESSION_HEAD;
    if (session->refused) {
        return SESSION_MORE;
    }
    reply_write(&session->request, session->refusal, &session->reply);
    return replied(session);
}

/* Data of a command: kept or thrown away. */
static enum session_event feed_data(struct session *session, struct session_env *env,
                                    const char *bytes, size_t size, size_t *used)
{
    uint64_t left = session->request.body_bytes - session->body_bytes;
    size_t taken = left < size ? (size_t)left : size;

    if (session->state == SESSION_BODY) {
        memcpy(session->body + session->body_bytes, bytes, taken);
    }
    session->body_bytes += taken;
    *used = taken;
    if (session->body_bytes < session->request.body_bytes) {
        return SESSION_MORE;
    }
    return session->state == SESSION_BODY ? finish_body(session, env) : finish_skip(session);
}

/* A value of no bytes is complete as soon as its head is. */
static bool data_is_complete(const struct session *session)
{
    return session->state == SESSION_BODY && session->request.body_bytes == 0;
}

enum session_event session_feed(struct session *session, struct session_env *env, const char *bytes,
                                size_t size, size_t *used)
{
    enum session_event event = SESSION_MORE;
    size_t at = 0;
    size_t step;

    session->reply = (struct reply){ .head_bytes = 0 };
    while (event == SESSION_MORE && at < size) {
        step = 0;
        switch (session->state) {
        case SESSION_HEAD:
            event = feed_head(session, env, bytes + at, size - at, &step);
            if (event == SESSION_MORE && data_is_complete(session)) {
                event = finish_body(session, env);
            }
            break;
        case SESSION_BODY:
        case SESSION_SKIP:
            event = feed_data(session, env, bytes + at, size - at, &step);
            break;
        case SESSION_OVER:
            step = size - at;
            event = SESSION_CLOSE;
            break;
        }
        at += step;
    }
    *used = at;
    return event;
}
