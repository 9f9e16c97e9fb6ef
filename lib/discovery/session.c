#include "discovery/session.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "discovery/exchange.h"

void session_init(struct session *session)
{
    *session = (struct session){ .state = SESSION_HEAD, .protocol = REQUEST_TEXT };
}

static void drop_body(struct session *session, struct session_env *env)
{
    if (session->body != NULL) {
        CHECK(0 < env->values->held);
        env->values->held--;
        free(session->body);
        session->body = NULL;
    }
}

static void drop_head(struct session *session)
{
    free(session->head);
    session->head = NULL;
    session->head_bytes = 0;
}

void session_deinit(struct session *session, struct session_env *env)
{
    drop_body(session, env);
    drop_head(session);
}

void session_env_deinit(struct session_env *env)
{
    rows_deinit(&env->rows);
}

bool session_incomplete(const struct session *session)
{
    return session->head_bytes != 0 || session->state == SESSION_BODY ||
           session->state == SESSION_SKIP;
}

/* An empty reply is none: quiet commands are answered with nothing. */
static enum session_event replied(const struct session_env *env)
{
    return reply_bytes(&env->reply) == 0 ? SESSION_MORE : SESSION_REPLY;
}

static enum session_event close_with(struct session *session, struct session_env *env,
                                     enum reply_outcome outcome)
{
    reply_write(&session->request, outcome, &env->reply);
    session->state = SESSION_OVER;
    return SESSION_CLOSE;
}

/* Refuse a command and swallow its data. Ours are refused at once, memcached's at their end. */
static enum session_event refuse(struct session *session, struct session_env *env,
                                 enum reply_outcome outcome)
{
    const struct request *request = &session->request;

    if (SESSION_SKIP_BYTES_MAX < request->body_bytes) {
        return close_with(session, env, outcome);
    }
    session->refusal = outcome;
    session->refused = request->body_bytes == 0 || request_is_ours(request);
    session->state = request->body_bytes == 0 ? SESSION_HEAD : SESSION_SKIP;
    session->body_bytes = 0;
    if (!session->refused) {
        return SESSION_MORE;
    }
    reply_write(request, outcome, &env->reply);
    return replied(env);
}

static enum session_event begin_value(struct session *session, struct session_env *env)
{
    env->sets++;
    if (!exchange_takes_value(&session->request)) {
        return refuse(session, env, exchange_refusal(&session->request));
    }
    if (env->values->held_max <= env->values->held && env->give_up_oldest != NULL) {
        env->give_up_oldest(env->ctx);
    }
    if (env->values->held_max <= env->values->held) {
        return refuse(session, env, REPLY_FAILED);
    }
    session->body = malloc((size_t)session->request.body_bytes + 1);
    if (session->body == NULL) {
        return refuse(session, env, REPLY_FAILED);
    }
    env->values->held++;
    session->body_bytes = 0;
    session->state = SESSION_BODY;
    return SESSION_MORE;
}

static enum session_event answer_server(struct session *session, struct session_env *env)
{
    reply_server(&session->request, &env->reply);
    if (session->request.kind == REQUEST_QUIT) {
        session->state = SESSION_OVER;
        return SESSION_CLOSE;
    }
    return replied(env);
}

static enum session_event answer_read(struct session *session, struct session_env *env)
{
    reply_read(&session->request, env->cell, &env->reply);
    env->gets++;
    env->costly = session->request.kind == REQUEST_RECORD_GET;
    env->polled = !env->costly;
    return replied(env);
}

static bool find_join(const struct session_env *env, const char *uid, struct session_join *out)
{
    const struct session_source *source = &env->source;
    size_t i;

    for (i = 0; source->join_at != NULL && source->join_at(source->ctx, i, out); i++) {
        if (strcmp(out->uid, uid) == 0) {
            return true;
        }
    }
    return false;
}

static enum session_event answer_join(struct session *session, struct session_env *env)
{
    struct session_join join = { .request = NULL };

    env->costly = true;
    if (!find_join(env, session->request.uid, &join)) {
        join = (struct session_join){ .request = NULL };
    }
    reply_join(&session->request, join.request, join.request_bytes, &env->reply);
    return replied(env);
}

static void add_own_rows(struct session_env *env)
{
    rows_add(&env->rows, "version", REPLY_SERVER_VERSION);
    rows_add_number(&env->rows, "curr_config", env->cell->version);
    rows_add_number(&env->rows, "cmd_config_get", env->gets);
    rows_add_number(&env->rows, "cmd_config_set", env->sets);
    rows_add_number(&env->rows, "cmd_config_watch", env->watches);
}

static enum session_event answer_stats(struct session *session, struct session_env *env)
{
    const char *group = session->request.group;
    bool known = group[0] == '\0';

    env->costly = true;
    rows_begin(&env->rows, &session->request);
    if (known) {
        add_own_rows(env);
    }
    if (env->source.stats != NULL) {
        known = env->source.stats(env->source.ctx, group, &env->rows) || known;
    }
    if (!known) {
        return refuse(session, env, REPLY_UNKNOWN_COMMAND);
    }
    rows_end(&env->rows, &env->reply);
    return replied(env);
}

/* The first lines of a subscription: the version, and each join request that waits. */
static enum session_event begin_watch(struct session *session, struct session_env *env)
{
    const struct session_source *source = &env->source;
    struct session_join join;
    struct reply line;
    size_t i;

    session->watching = true;
    env->costly = true;
    env->watches++;
    rows_begin(&env->rows, &session->request);
    reply_change(env->cell->version, &line);
    rows_append(&env->rows, line.head, line.head_bytes);
    for (i = 0; source->join_at != NULL && source->join_at(source->ctx, i, &join); i++) {
        reply_joining(join.uid, &line);
        rows_append(&env->rows, line.head, line.head_bytes);
    }
    rows_end_lines(&env->rows, &env->reply);
    return SESSION_WATCH;
}

/*
 * A binary command that nobody knows, or of an odd shape, is framed by its header all the same.
 * Behind an odd line of text, what follows can't be known.
 */
static enum session_event answer_odd(struct session *session, struct session_env *env)
{
    struct request *request = &session->request;

    if (request->protocol == REQUEST_TEXT) {
        return close_with(session, env, REPLY_UNKNOWN_COMMAND);
    }
    request->body_bytes =
        request->odd_bytes_max - (request->head_bytes - REQUEST_BINARY_HEADER_BYTES);
    return refuse(session, env, REPLY_UNKNOWN_COMMAND);
}

/* Carry out the command whose head is complete. */
static enum session_event run(struct session *session, struct session_env *env)
{
    switch (session->request.kind) {
    case REQUEST_CONFIG_GET:
    case REQUEST_PAYLOAD_GET:
    case REQUEST_RECORD_GET:
        return answer_read(session, env);
    case REQUEST_CONFIG_SET:
    case REQUEST_RECORD_SET:
    case REQUEST_JOIN:
    case REQUEST_CONFIG_DELETE:
    case REQUEST_CONFIG_OTHER:
        return begin_value(session, env);
    case REQUEST_CONFIG_WATCH:
        return begin_watch(session, env);
    case REQUEST_JOIN_GET:
        return answer_join(session, env);
    case REQUEST_STATS:
        return answer_stats(session, env);
    case REQUEST_VERSION:
    case REQUEST_QUIT:
    case REQUEST_NOOP:
    case REQUEST_VERBOSITY:
        return answer_server(session, env);
    case REQUEST_PLAIN:
    case REQUEST_UNKNOWN:
        return refuse(session, env, REPLY_UNKNOWN_COMMAND);
    case REQUEST_ODD:
        return answer_odd(session, env);
    case REQUEST_FATAL:
        break;
    }
    return close_with(session, env, REPLY_UNKNOWN_COMMAND);
}

/* Keep what may become a command. Returns whether there is memory for it. */
static bool keep_head(struct session *session, const char *bytes, size_t size)
{
    if (session->head == NULL) {
        session->head = malloc(SESSION_HEAD_BYTES);
    }
    if (session->head == NULL) {
        return false;
    }
    memcpy(session->head + session->head_bytes, bytes, size);
    session->head_bytes += size;
    return true;
}

static void begin_session(struct session *session, char first)
{
    if (!session->started) {
        session->started = true;
        session->protocol =
            (unsigned char)first == REQUEST_BINARY_MAGIC ? REQUEST_BINARY : REQUEST_TEXT;
    }
}

/* Nearly all commands come whole and are read where they lie; only what is cut is kept. */
static int parse_head(struct session *session, const char *bytes, size_t size, size_t *used)
{
    const size_t before = session->head_bytes;
    const size_t room = SESSION_HEAD_BYTES - before;
    const size_t taken = size < room ? size : room;
    int rv;

    if (before != 0 && !keep_head(session, bytes, taken)) {
        return REQUEST_LONG;
    }
    rv = request_parse(session->protocol, before != 0 ? session->head : bytes, before + taken,
                       &session->request);
    if (rv == REQUEST_PARTIAL) {
        *used = taken;
        return before != 0 || keep_head(session, bytes, taken) ? rv : REQUEST_LONG;
    }
    if (rv == 0) {
        CHECK(before <= session->request.head_bytes);
        *used = session->request.head_bytes - before;
    }
    return rv;
}

static enum session_event feed_head(struct session *session, struct session_env *env,
                                    const char *bytes, size_t size, size_t *used)
{
    int rv;

    begin_session(session, bytes[0]);
    *used = size;
    rv = parse_head(session, bytes, size, used);
    if (rv == REQUEST_PARTIAL) {
        return SESSION_MORE;
    }
    drop_head(session);
    if (rv == REQUEST_LONG) {
        session->request = (struct request){ .kind = REQUEST_ODD, .protocol = REQUEST_TEXT };
        return close_with(session, env, REPLY_UNKNOWN_COMMAND);
    }
    return run(session, env);
}

/* What the watcher has against a request to join: it is told at once, nothing is handed over. */
static const char *join_refusal(const struct session *session, const struct session_env *env)
{
    const struct session_source *source = &env->source;
    const struct request *request = &session->request;

    if (request->kind != REQUEST_JOIN || source->join_refusal == NULL ||
        exchange_judge(request, session->body, env->cell) != REPLY_STORED) {
        return NULL;
    }
    return source->join_refusal(source->ctx, request->uid, session->body,
                                (size_t)request_value_bytes(request));
}

static void write_value(const struct session *session, struct session_env *env)
{
    const struct request *request = &session->request;
    const char *why;

    if (env->may_write != NULL && !env->may_write(env->ctx)) {
        reply_write(request, REPLY_BUSY, &env->reply);
        return;
    }
    why = join_refusal(session, env);
    if (why != NULL) {
        reply_refuse_join(request, why, &env->reply);
        return;
    }
    reply_write(request,
                exchange_write(request, session->body, env->cell, env->inbox, env->inbox_writes++),
                &env->reply);
}

static enum session_event finish_body(struct session *session, struct session_env *env)
{
    env->costly = true;
    write_value(session, env);
    drop_body(session, env);
    session->state = SESSION_HEAD;
    return replied(env);
}

static enum session_event finish_skip(struct session *session, struct session_env *env)
{
    session->state = SESSION_HEAD;
    if (session->refused) {
        return SESSION_MORE;
    }
    reply_write(&session->request, session->refusal, &env->reply);
    return replied(env);
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
    return session->state == SESSION_BODY ? finish_body(session, env) : finish_skip(session, env);
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

    env->reply.head_bytes = 0;
    env->reply.body_bytes = 0;
    env->reply.tail_bytes = 0;
    env->costly = false;
    env->polled = false;
    while (event == SESSION_MORE && !env->costly && at < size) {
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
