#include "watcher/sidecar.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "codec/envelope.h"
#include "codec/join_request.h"
#include "codec/model_json.h"
#include "memd/memtext.h"
#include "store/keys.h"
#include "watcher/join.h"
#include "watcher/stats_settings.h"

#define SPEC_ARENA_BYTES (4U << 20)
#define IDENTITY_NAMED_BYTES_MAX 1024
#define IDENTITY_BYTES_MAX 64
#define VERSION_SIZE 32

static const char ask_settings[] = "stats settings\r\n";
static const char ask_version[] = "version\r\n";

struct sidecar {
    struct loop *loop;
    struct sidecar_options options;
    struct sidecar_view view;
    char uid[JOIN_UID_SIZE];
    bool drawn;         /* in this life; nobody knows of it but by a request */
    uint64_t issued_ms; /* of the last request */
    struct node_settings settings;
    char version[VERSION_SIZE];
    struct memtext *memtext; /* to memcached, while it is looked at */
    struct loop_timer *find;
    struct loop_timer *hold;
    struct joiner *joiner; /* NULL: it asks nobody, and registers in etcd */
    struct loop_timer *register_again;
    bool registers;         /* in etcd, while it asks */
    struct report_key *own; /* its own report of its request; NULL: none stands */
    bool asking;
    bool looking_up;
};

bool sidecar_asks(const struct sidecar_view *view)
{
    if (!view->found || view->placed || view->let_go || view->leaving) {
        return false;
    }
    return view->heard || (view->waited && !view->known);
}

/* ---- Who it is ---- */

static void identity_path(const struct sidecar *s, char out[PATH_MAX])
{
    (void)snprintf(out, PATH_MAX, "%s/join", s->options.config->flags.state_dir);
}

static int keep_identity(const struct sidecar *s, struct err *err)
{
    char path[PATH_MAX];
    char text[IDENTITY_BYTES_MAX];
    int size = snprintf(text, sizeof(text), "%s %llu\n", s->uid, (unsigned long long)s->issued_ms);

    identity_path(s, path);
    return file_write(path, text, (size_t)size, err);
}

static bool read_identity(struct sidecar *s, const struct str *text)
{
    const char *at = str_text(text);
    char uid[JOIN_UID_SIZE];

    if (text->size <= JOIN_UID_SIZE || at[JOIN_UID_SIZE - 1] != ' ' || at[text->size - 1] != '\n') {
        return false;
    }
    (void)snprintf(uid, sizeof(uid), "%s", at);
    if (!name_is_uid(uid) || !bytes_to_u64(at + JOIN_UID_SIZE, text->size - JOIN_UID_SIZE - 1, 0,
                                           INT64_MAX, &s->issued_ms)) {
        return false;
    }
    memcpy(s->uid, uid, sizeof(uid));
    return true;
}

/* Who it is stands in the options; the file tells only when it last asked. */
static int take_identity(struct sidecar *s, const char *identity, bool kept, struct err *err)
{
    char text[JOIN_UID_SIZE];
    CLEANUP(str_deinit) struct str named;
    char digest[CONFIG_DIGEST_SIZE];

    str_init(&named, IDENTITY_NAMED_BYTES_MAX);
    str_appendf(&named, "muster joiner %s", identity);
    if (str_failed(&named)) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    digest_hex(str_text(&named), named.size, digest);
    (void)snprintf(text, sizeof(text), "%.*s", JOIN_UID_SIZE - 1, digest);
    s->issued_ms = kept && strcmp(s->uid, text) == 0 ? s->issued_ms : 0;
    memcpy(s->uid, text, sizeof(s->uid));
    return keep_identity(s, err);
}

static int load_identity(struct sidecar *s, struct err *err)
{
    const char *identity = s->options.config->flags.identity;
    CLEANUP(str_deinit) struct str text;
    char path[PATH_MAX];
    bool known;
    int rv;

    str_init(&text, IDENTITY_BYTES_MAX);
    identity_path(s, path);
    rv = file_read(path, &text, err);
    known = rv == 0 && read_identity(s, &text);
    if (identity != NULL && identity[0] != '\0' && (rv == 0 || rv == ERR_NOT_FOUND)) {
        return take_identity(s, identity, known, err);
    }
    if (known) {
        return 0;
    }
    if (rv < 0 && rv != ERR_NOT_FOUND && rv != ERR_LIMIT) {
        return rv;
    }
    if (rv != ERR_NOT_FOUND) {
        log_write(s->options.log, LOG_WARN, "join-identity-unreadable", LOG_TEXT("file", path));
    }
    random_hex16(s->uid);
    s->drawn = true;
    s->issued_ms = 0;
    return keep_identity(s, err);
}

bool sidecar_is_meant(const struct sidecar *s, const struct intent *intent)
{
    return intent->attached && strcmp(intent->join, s->uid) == 0;
}

bool sidecar_is_here(const struct sidecar *s, const struct intent *intent)
{
    const struct host *host = &s->options.config->host;

    return sidecar_is_meant(s, intent) && strcmp(intent->ip, host->ip_first) == 0 &&
           intent->data_port == host->data_port;
}

bool sidecar_remembers(struct sidecar *s, const struct intent *intent)
{
    const struct host *host = &s->options.config->host;
    struct err err;

    if (!s->drawn || !intent->attached || !name_is_uid(intent->join) ||
        strcmp(intent->ip, host->ip_first) != 0 || intent->data_port != host->data_port) {
        return false;
    }
    s->drawn = false;
    (void)snprintf(s->uid, sizeof(s->uid), "%s", intent->join);
    if (keep_identity(s, &err) < 0) {
        log_write(s->options.log, LOG_WARN, "join-identity-not-kept", LOG_TEXT("problem", err.msg));
    }
    log_write(s->options.log, LOG_WARN, "join-identity-remembered", LOG_TEXT("uid", s->uid));
    return true;
}

/* ---- Its request ---- */

/*
 * Later than any before, also when the clock was set back a little. What is further ahead than a
 * node tolerates would be refused until that time comes; nobody with a right clock took it, either.
 */
static uint64_t next_issue_ms(struct sidecar *s)
{
    uint64_t now_ms = clock_wall_ms();
    struct err err;

    if (s->issued_ms < now_ms || now_ms + JOIN_CLOCK_SKEW_MS <= s->issued_ms) {
        s->issued_ms = now_ms;
    } else {
        s->issued_ms++;
    }
    if (keep_identity(s, &err) < 0) {
        log_write(s->options.log, LOG_WARN, "join-identity-not-kept", LOG_TEXT("problem", err.msg));
    }
    return s->issued_ms;
}

static void compose(void *ctx, struct join *out)
{
    struct sidecar *s = ctx;
    const struct watcher_config *config = s->options.config;

    out->uid = s->uid;
    out->host = config->host.name;
    out->ip = config->host.ip_first;
    out->data_port = config->host.data_port;
    out->discovery_port = (uint16_t)(config->host.data_port - 1);
    out->slot_wanted = (uint32_t)config->flags.slot;
    out->settings = s->settings;
    out->issued_ms = next_issue_ms(s);
}

/* ---- Registering in etcd itself ---- */

static void look_up_later(struct sidecar *s, uint64_t after_ms)
{
    if (s->registers) {
        loop_timer_start(s->register_again, after_ms);
    }
}

static void format_key(const struct sidecar *s, enum key_kind kind, char out[KEY_TEXT_SIZE])
{
    const struct watcher_config *config = s->options.config;
    struct key key = { .kind = kind };

    (void)snprintf(key.cluster, sizeof(key.cluster), "%s", config->flags.cluster);
    (void)snprintf(key.id, sizeof(key.id), "%s", s->uid);
    (void)snprintf(key.host, sizeof(key.host), "%s", config->host.name);
    key_format(config->flags.prefix, &key, out);
}

static int put_own(struct sidecar *s, const char *cluster_uid, struct err *err)
{
    CLEANUP(str_deinit) struct str json;
    char nonce[JOIN_NONCE_SIZE];
    char key[KEY_TEXT_SIZE];
    struct join_report report = { .join = { .cluster = s->options.config->flags.cluster,
                                            .cluster_uid = cluster_uid,
                                            .nonce = nonce,
                                            .mac = "" },
                                  .seen_by = s->options.config->host.name,
                                  .seen_ms = clock_wall_ms() };
    int rv = 0;

    join_nonce(nonce);
    compose(s, &report.join);
    str_init(&json, REPORT_VALUE_BYTES_MAX);
    if (s->own == NULL) {
        format_key(s, KEY_JOIN_REPORT, key);
        rv = report_key_new(s->options.report, key, &s->own, err);
    }
    if (rv == 0) {
        rv = json_encode_join_report(&report, &json, err);
    }
    return rv < 0 ? rv : report_key_put(s->own, str_text(&json), json.size, err);
}

static int register_in(struct sidecar *s, const struct etcd_range_result *result, struct err *err)
{
    CLEANUP(arena_deinit) struct arena arena;
    struct spec_record record;
    int rv;

    arena_init(&arena, SPEC_ARENA_BYTES);
    if (result->count == 0) {
        return err_set(err, ERR_NOT_FOUND, "there is no cluster %s",
                       s->options.config->flags.cluster);
    }
    rv = json_decode_spec_record(result->kvs[0].value, result->kvs[0].value_bytes, &arena, &record,
                                 err);
    return rv < 0 ? rv : put_own(s, record.uid, err);
}

static void on_spec(void *ctx, const struct etcd_range_result *result, const struct err *err)
{
    struct sidecar *s = ctx;
    struct err problem;

    s->looking_up = false;
    if (!s->registers) {
        return;
    }
    if (err == NULL && register_in(s, result, &problem) == 0) {
        log_write(s->options.log, LOG_INFO, "join-registered",
                  LOG_TEXT("cluster", s->options.config->flags.cluster), LOG_TEXT("uid", s->uid));
        look_up_later(s, SIDECAR_RENEW_MS);
        return;
    }
    if (err == NULL && problem.code == ERR_NOT_FOUND && s->own != NULL) {
        report_key_drop(TAKE(s->own)); /* the cluster was deleted: nothing is to be left of it */
    }
    log_write(s->options.log, LOG_WARN, "join-not-registered",
              LOG_TEXT("problem", err != NULL ? err->msg : problem.msg));
    look_up_later(s, SIDECAR_LOOK_UP_MS);
}

static void on_register(void *ctx)
{
    struct sidecar *s = ctx;
    char key[KEY_TEXT_SIZE];
    struct etcd_range range = { .key = key };
    struct err err;

    format_key(s, KEY_SPEC, key);
    if (s->looking_up) {
        return;
    }
    if (etcd_range(s->options.etcd, &range, on_spec, s, &err) < 0) {
        look_up_later(s, SIDECAR_LOOK_UP_MS);
        return;
    }
    s->looking_up = true;
}

/* ---- Asking, or not ---- */

static void set_registers(struct sidecar *s, bool registers)
{
    if (s->registers == registers) {
        return;
    }
    s->registers = registers;
    if (registers) {
        loop_timer_start(s->register_again, 0);
        return;
    }
    loop_timer_stop(s->register_again);
    if (s->own != NULL) {
        report_key_drop(TAKE(s->own));
    }
}

/* Of the hosts that it was told to ask none is a node: its cluster may have none yet, or none any
 * more. Which one it is must be known then. */
static void on_alone(void *ctx)
{
    struct sidecar *s = ctx;

    if (s->options.config->flags.cluster != NULL && !s->registers) {
        log_write(s->options.log, LOG_INFO, "join-without-peers",
                  LOG_TEXT("cluster", s->options.config->flags.cluster), LOG_TEXT("uid", s->uid));
        set_registers(s, true);
    }
}

static void set_asking(struct sidecar *s, bool asking)
{
    if (s->asking == asking) {
        return;
    }
    s->asking = asking;
    if (s->joiner == NULL) {
        set_registers(s, asking);
    } else if (asking) {
        joiner_start(s->joiner);
    } else {
        joiner_stop(s->joiner);
        set_registers(s, false);
    }
}

static void decide(struct sidecar *s)
{
    set_asking(s, sidecar_asks(&s->view));
}

void sidecar_update(struct sidecar *s, const struct sidecar_view *view)
{
    struct sidecar_view next = *view;

    next.found = s->view.found;
    next.waited = s->view.waited;
    s->view = next;
    decide(s);
}

static void on_held(void *ctx)
{
    struct sidecar *s = ctx;

    s->view.waited = true;
    decide(s);
}

/* ---- Its memcached ---- */

static void on_version(void *ctx, const char *reply, size_t reply_bytes, const struct err *err)
{
    struct sidecar *s = ctx;

    (void)reply_bytes;
    (void)err;
    if (reply != NULL && strncmp(reply, "VERSION ", strlen("VERSION ")) == 0) {
        (void)snprintf(s->version, sizeof(s->version), "%.*s", VERSION_SIZE - 1,
                       reply + strlen("VERSION "));
    }
}

static void on_settings(void *ctx, const char *reply, size_t reply_bytes, const struct err *err)
{
    struct sidecar *s = ctx;

    (void)reply_bytes;
    (void)err;
    if (reply == NULL || !stats_settings(reply, &s->settings)) {
        loop_timer_start(s->find, SIDECAR_FIND_MS);
        return;
    }
    memtext_free(TAKE(s->memtext));
    if (!s->view.found) {
        log_write(s->options.log, LOG_INFO, "memcached-heard",
                  LOG_TEXT("ip", s->options.config->host.ip_first),
                  LOG_NUMBER("port", s->options.config->host.data_port),
                  LOG_TEXT("version", s->version));
    }
    s->view.found = true;
    s->options.heard(s->options.ctx);
    decide(s);
}

static int ask_memcached(struct sidecar *s, struct err *err)
{
    const struct host *host = &s->options.config->host;
    int rv = s->memtext != NULL ? 0
                                : memtext_new(s->loop, host->ip_first, host->data_port,
                                              JOIN_ANSWER_MS, &s->memtext, err);

    if (rv == 0) {
        rv = memtext_ask(s->memtext, ask_version, sizeof(ask_version) - 1, MEMTEXT_LINE, on_version,
                         s, err);
    }
    if (rv == 0) {
        rv = memtext_ask(s->memtext, ask_settings, sizeof(ask_settings) - 1, MEMTEXT_END,
                         on_settings, s, err);
    }
    return rv;
}

static void on_find(void *ctx)
{
    struct sidecar *s = ctx;
    struct err err;

    if (ask_memcached(s, &err) < 0) {
        loop_timer_start(s->find, SIDECAR_FIND_MS);
    }
}

void sidecar_look(struct sidecar *s)
{
    if (s->memtext == NULL && !loop_timer_running(s->find)) {
        loop_timer_start(s->find, 0);
    }
}

const struct node_settings *sidecar_settings(const struct sidecar *s)
{
    return &s->settings;
}

const char *sidecar_version(const struct sidecar *s)
{
    return s->version;
}

/* ---- Lifecycle ---- */

static int open_joiner(struct sidecar *s, struct err *err)
{
    static const struct joiner_events events = { compose, on_alone };
    const struct watcher_config *config = s->options.config;
    struct joiner_options options = { .log = s->options.log,
                                      .hosts = config->join,
                                      .hosts_count = config->join_count,
                                      .keys = &config->keys,
                                      .token_file = config->flags.token_file,
                                      .cluster = config->flags.cluster,
                                      .tls = s->options.tls,
                                      .own_ip = config->host.ip_first,
                                      .own_port = config->host.data_port };

    return config->join_count == 0 ? 0 : joiner_new(s->loop, &options, &events, s, &s->joiner, err);
}

static int open_parts(struct sidecar *s, struct err *err)
{
    int rv = load_identity(s, err);

    if (rv == 0) {
        rv = loop_timer_new(s->loop, on_find, s, &s->find, err);
    }
    if (rv == 0) {
        rv = loop_timer_new(s->loop, on_held, s, &s->hold, err);
    }
    if (rv == 0) {
        rv = loop_timer_new(s->loop, on_register, s, &s->register_again, err);
    }
    return rv < 0 ? rv : open_joiner(s, err);
}

int sidecar_new(struct loop *loop, const struct sidecar_options *options, struct sidecar **out,
                struct err *err)
{
    CLEANUP(sidecar_free_p) struct sidecar *s = mem_alloc(sizeof(*s));
    int rv;

    if (s == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    s->loop = loop;
    s->options = *options;
    rv = open_parts(s, err);
    if (rv < 0) {
        return rv;
    }
    loop_timer_start(s->find, 0);
    loop_timer_start(s->hold, SIDECAR_HOLD_MS);
    log_write(s->options.log, LOG_INFO, "joins-as", LOG_TEXT("uid", s->uid));
    *out = TAKE(s);
    return 0;
}

/* Its report of its own request, if one stands, goes with the lease. */
void sidecar_free(struct sidecar *s)
{
    if (s == NULL) {
        return;
    }
    joiner_free(s->joiner);
    memtext_free(s->memtext);
    loop_timer_free(s->find);
    loop_timer_free(s->hold);
    loop_timer_free(s->register_again);
    free(s);
}
