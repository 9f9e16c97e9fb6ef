#include "watcher/join.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "codec/join_request.h"
#include "codec/model_json.h"
#include "discovery/names.h"
#include "discovery/reply.h"
#include "memd/memtext.h"
#include "watcher/join_table.h"

#define RECORD_ARENA_BYTES (8U << 20)

static const char ask_who[] = MEMTEXT_ASK_WHO;
static const char ask_record[] = "get " KEY_RECORD "\r\n";

enum state {
    IDLE,
    PAUSE,     /* the next try follows */
    RESOLVING, /* the host's name */
    PROBING,   /* whether the port has a partition, and what it serves */
    WRITING,   /* the request */
};

struct joiner {
    struct loop *loop;
    struct joiner_options options;
    struct joiner_events events;
    void *ctx;
    enum state state;
    struct loop_timer *next;
    struct resolve *resolve;
    struct memtext *memtext;
    size_t turn;   /* which host */
    size_t failed; /* hosts in a row */
    bool refused;  /* one of them had it read, and said no */
    uint64_t pause_ms;
    struct resolve_ips ips; /* of the host; none: it was not looked up in this turn */
    size_t at;              /* which of them */
    uint16_t port;          /* that is being asked */
    bool beside;            /* it is the one below the host's */
    bool last;              /* the host has no other port that could be asked */
    bool ours;              /* who answers there knows discovery */
    char uid[JOIN_UID_SIZE];
    char cluster[CLUSTER_NAME_MAX + 1];
    char cluster_uid[UID_TEXT_SIZE]; /* of the last request that was written; "": none was */
    char problem[ERR_MSG_MAX];       /* the last one that was logged */
};

static void set_state(struct joiner *j, enum state state)
{
    j->state = state;
}

static const struct join_host *host_of(const struct joiner *j)
{
    return &j->options.hosts[j->turn % j->options.hosts_count];
}

static void drop_connection(struct joiner *j)
{
    resolve_free(j->resolve);
    j->resolve = NULL;
    memtext_free(j->memtext);
    j->memtext = NULL;
}

static void pause_for(struct joiner *j, uint64_t after_ms)
{
    drop_connection(j);
    set_state(j, PAUSE);
    loop_timer_start(j->next, after_ms);
}

static void turn_to_next_host(struct joiner *j)
{
    j->at = 0;
    j->ips.count = 0;
    j->turn++;
}

/* The next address, or the next host. Returns whether all hosts have failed. */
static bool fail_over(struct joiner *j)
{
    j->at++;
    if (j->at < j->ips.count) {
        return false;
    }
    turn_to_next_host(j);
    j->failed++;
    return j->failed % j->options.hosts_count == 0;
}

/* This host can't help now: the next one may. The same trouble is logged once. */
static void give_up(struct joiner *j, const struct err *err)
{
    char problem[ERR_MSG_MAX];
    bool alone;

    (void)snprintf(problem, sizeof(problem), "%.128s:%u: %.300s", host_of(j)->name, j->port,
                   err->msg);
    if (strcmp(problem, j->problem) != 0) {
        memcpy(j->problem, problem, sizeof(problem));
        log_write(j->options.log, LOG_WARN, "join-not-asked", LOG_TEXT("problem", problem));
    }
    alone = fail_over(j);
    pause_for(j, alone ? JOIN_ROUND_MS : JOIN_NEXT_MS);
    if (alone && !j->refused) {
        j->events.alone(j->ctx);
    }
    j->refused = j->refused && !alone;
}

/* Who was asked has answered. */
static void pause_longer(struct joiner *j)
{
    j->failed = 0;
    j->refused = false;
    j->problem[0] = '\0';
    pause_for(j, j->pause_ms);
    j->pause_ms = JOIN_PAUSE_MAX_MS / 2 < j->pause_ms ? JOIN_PAUSE_MAX_MS : 2 * j->pause_ms;
}

/* ---- Writing the request ---- */

/* Only the verdict's name comes over the wire, and only one that we know is of use; TAKEN where it
 * names none. */
static enum join_verdict refusal_in(const char *reply)
{
    const char *word = reply + strlen(REPLY_JOIN_REFUSED);
    int verdict;

    if (strncmp(reply, REPLY_JOIN_REFUSED, strlen(REPLY_JOIN_REFUSED)) != 0) {
        return JOIN_TAKEN;
    }
    for (verdict = JOIN_DUPLICATE; verdict < JOIN_VERDICT_COUNT; verdict++) {
        if (strcmp(word, join_verdict_word((enum join_verdict)verdict)) == 0) {
            return (enum join_verdict)verdict;
        }
    }
    return JOIN_TAKEN;
}

/* Another host may know better; and what is wrong may be mended meanwhile. */
static void refused(struct joiner *j, enum join_verdict verdict)
{
    log_write(j->options.log, LOG_WARN, "join-refused-by", LOG_TEXT("host", host_of(j)->name),
              LOG_NUMBER("port", j->port), LOG_TEXT("cluster", j->cluster), LOG_TEXT("uid", j->uid),
              LOG_TEXT("verdict", join_verdict_word(verdict)),
              LOG_TEXT("why", join_verdict_text(verdict)));
    j->refused = true;
    if (fail_over(j)) {
        pause_longer(j);
    } else {
        pause_for(j, JOIN_NEXT_MS);
    }
}

static void on_written(void *ctx, const char *reply, size_t reply_bytes, const struct err *err)
{
    struct joiner *j = ctx;
    struct err problem;

    (void)reply_bytes;
    if (reply == NULL) {
        give_up(j, err);
        return;
    }
    if (refusal_in(reply) != JOIN_TAKEN) {
        refused(j, refusal_in(reply));
        return;
    }
    if (strcmp(reply, "STORED") != 0) {
        err_record(&problem, ERR_PROTOCOL, "it does not take requests to join: %.100s", reply);
        give_up(j, &problem);
        return;
    }
    log_write(j->options.log, LOG_INFO, "join-asked", LOG_TEXT("host", host_of(j)->name),
              LOG_NUMBER("port", j->port), LOG_TEXT("cluster", j->cluster),
              LOG_TEXT("uid", j->uid));
    turn_to_next_host(j);
    pause_longer(j);
}

static int seal(struct joiner *j, const struct config_draft *config, struct str *out,
                struct err *err)
{
    CLEANUP(join_tokens_clear) struct join_tokens tokens = { .count = 0 };
    char nonce[JOIN_NONCE_SIZE];
    struct join join = { .mac = "" };
    int rv = join_tokens_load(j->options.token_file, &tokens, err);

    if (rv < 0) {
        return rv;
    }
    join_nonce(nonce);
    j->events.compose(j->ctx, &join);
    join.cluster = config->cluster;
    join.cluster_uid = config->uid;
    join.nonce = nonce;
    (void)snprintf(j->uid, sizeof(j->uid), "%s", join.uid);
    (void)snprintf(j->cluster, sizeof(j->cluster), "%s", join.cluster);
    (void)snprintf(j->cluster_uid, sizeof(j->cluster_uid), "%s", join.cluster_uid);
    return join_request_seal(&join, &tokens, out, err);
}

static int write_request(struct joiner *j, const struct config_draft *config, struct err *err)
{
    CLEANUP(str_deinit) struct str request;
    CLEANUP(str_deinit) struct str json;
    int rv;

    str_init(&json, 2 * JOIN_BYTES_MAX);
    str_init(&request, 4 * JOIN_BYTES_MAX);
    rv = seal(j, config, &json, err);
    if (rv < 0) {
        return rv;
    }
    str_appendf(&request, "set " KEY_JOIN "%s 0 0 %zu\r\n%s\r\n", j->uid, json.size,
                str_text(&json));
    rv = str_check(&request, err);
    if (rv == 0) {
        rv = memtext_ask(j->memtext, str_text(&request), request.size, MEMTEXT_LINE, on_written, j,
                         err);
    }
    if (rv == 0) {
        set_state(j, WRITING);
    }
    return rv;
}

/* ---- What a host serves ---- */

static int check_record(const struct joiner *j, const char *record, size_t record_bytes,
                        struct arena *arena, struct config *out, struct err *err)
{
    int rv = json_decode_config(record, record_bytes, arena, out, err);

    if (rv == 0) {
        rv = envelope_verify(out, j->options.keys, err);
    }
    if (rv == 0 && j->options.cluster != NULL &&
        strcmp(out->head.cluster, j->options.cluster) != 0) {
        rv = err_set(err, ERR_CONFLICT, "it is a node of %s", out->head.cluster);
    }
    return rv;
}

/* The host's own port is asked next if this one is of no use. */
static bool begins_beside(const struct joiner *j)
{
    return j->beside && !j->last;
}

static int take_record(struct joiner *j, const char *reply, size_t reply_bytes, struct err *err)
{
    CLEANUP(arena_deinit) struct arena arena;
    const char *record;
    size_t record_bytes;
    struct config config;
    int rv;

    arena_init(&arena, RECORD_ARENA_BYTES);
    rv = memtext_block(reply, reply_bytes, &record, &record_bytes, err);
    if (rv == ERR_NOT_FOUND) {
        return err_set(err, ERR_NOT_FOUND, "it serves no configuration yet");
    }
    if (rv == 0) {
        rv = check_record(j, record, record_bytes, &arena, &config, err);
    }
    if (rv == 0 && begins_beside(j) && strcmp(config.head.uid, j->cluster_uid) != 0) {
        rv = err_set(err, ERR_CONFLICT, "it is a node of another cluster");
    }
    return rv == 0 ? write_request(j, &config.head, err) : rv;
}

static void probe(struct joiner *j);

static void probe_other(struct joiner *j)
{
    j->beside = !j->beside;
    j->last = true;
    probe(j);
}

static void on_record(void *ctx, const char *reply, size_t reply_bytes, const struct err *err)
{
    struct joiner *j = ctx;
    struct err problem;

    if (reply != NULL && j->ours) {
        if (take_record(j, reply, reply_bytes, &problem) == 0) {
            return;
        }
        if (!begins_beside(j)) {
            give_up(j, &problem);
            return;
        }
    }
    if (!j->last) {
        probe_other(j);
        return;
    }
    err_record(&problem, ERR_PROTOCOL, "no partition answers there, or at the port %s: %.200s",
               j->beside ? "above" : "below", reply == NULL ? err->msg : "it is a plain memcached");
    give_up(j, &problem);
}

/* The answer to `get` follows on the same connection. */
static void on_who(void *ctx, const char *reply, size_t reply_bytes, const struct err *err)
{
    struct joiner *j = ctx;

    (void)err;
    j->ours = reply != NULL && memtext_is_partition(reply, reply_bytes);
}

static void probe(struct joiner *j)
{
    struct err err;
    int rv;

    memtext_free(j->memtext);
    j->memtext = NULL;
    j->ours = false;
    j->port = (uint16_t)(host_of(j)->port - (j->beside ? 1 : 0));
    set_state(j, PROBING);
    rv = memtext_new(j->loop, j->ips.ip[j->at], j->port, JOIN_ANSWER_MS, &j->memtext, &err);
    if (rv == 0) {
        memtext_use_tls(j->memtext, j->beside ? j->options.tls : NULL);
        rv = memtext_ask(j->memtext, ask_who, sizeof(ask_who) - 1, MEMTEXT_LINE, on_who, j, &err);
    }
    if (rv == 0) {
        rv = memtext_ask(j->memtext, ask_record, sizeof(ask_record) - 1, MEMTEXT_END, on_record, j,
                         &err);
    }
    if (rv < 0) {
        give_up(j, &err);
    }
}

/* ---- A try ---- */

void joiner_order(struct resolve_ips *ips, const struct joiner_options *options, uint16_t port,
                  size_t round)
{
    struct resolve_ips found = *ips;
    size_t i;

    ips->count = 0;
    for (i = 0; i < found.count; i++) {
        const char *ip = found.ip[(round / 2 + i) % found.count];

        if (port != options->own_port || strcmp(ip, options->own_ip) != 0) {
            memcpy(ips->ip[ips->count++], ip, RESOLVE_IP_SIZE);
        }
    }
}

static void take_ips(struct joiner *j, const struct resolve_ips *ips)
{
    struct err err;

    j->ips = *ips;
    resolve_free(TAKE(j->resolve));
    joiner_order(&j->ips, &j->options, host_of(j)->port, j->turn / j->options.hosts_count);
    if (j->ips.count == 0) {
        err_record(&err, ERR_NOT_FOUND, "nobody is there but this memcached itself");
        give_up(j, &err);
        return;
    }
    probe(j);
}

static void on_resolved(void *ctx, const struct resolve_ips *ips, const struct err *err)
{
    struct joiner *j = ctx;

    if (ips == NULL) {
        give_up(j, err);
        return;
    }
    take_ips(j, ips);
}

static void look_up(struct joiner *j)
{
    const struct join_host *host = host_of(j);
    struct resolve_ips ips = { .count = 1 };
    struct err err;

    if (name_is_ipv4(host->name)) {
        (void)snprintf(ips.ip[0], sizeof(ips.ip[0]), "%.15s", host->name);
        take_ips(j, &ips);
        return;
    }
    set_state(j, RESOLVING);
    if (resolve_new(j->loop, host->name, on_resolved, j, &j->resolve, &err) < 0) {
        give_up(j, &err);
    }
}

static void on_next(void *ctx)
{
    struct joiner *j = ctx;

    j->beside = (j->turn / j->options.hosts_count) % 2 == 1 && j->cluster_uid[0] != '\0';
    j->last = false;
    j->port = host_of(j)->port;
    if (j->at < j->ips.count) {
        probe(j);
    } else {
        look_up(j);
    }
}

/* ---- Lifecycle ---- */

void joiner_start(struct joiner *j)
{
    if (j->state != IDLE) {
        return;
    }
    j->pause_ms = JOIN_PAUSE_FIRST_MS;
    j->failed = 0;
    j->refused = false;
    set_state(j, PAUSE);
    loop_timer_start(j->next, 0);
}

void joiner_stop(struct joiner *j)
{
    drop_connection(j);
    loop_timer_stop(j->next);
    j->ips.count = 0;
    j->at = 0;
    j->problem[0] = '\0';
    set_state(j, IDLE);
}

int joiner_new(struct loop *loop, const struct joiner_options *options,
               const struct joiner_events *events, void *ctx, struct joiner **out, struct err *err)
{
    CLEANUP(joiner_free_p) struct joiner *j = mem_alloc(sizeof(*j));
    int rv;

    if (j == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    j->loop = loop;
    j->options = *options;
    j->events = *events;
    j->ctx = ctx;
    rv = loop_timer_new(loop, on_next, j, &j->next, err);
    if (rv < 0) {
        return rv;
    }
    *out = TAKE(j);
    return 0;
}

void joiner_free(struct joiner *j)
{
    if (j == NULL) {
        return;
    }
    drop_connection(j);
    loop_timer_free(j->next);
    free(j);
}
