/* A discovery port that takes TLS, and a client that is OpenSSL's own. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "memd/memtext.h"
#include "memd/subscription.h"
#include "support/certs.h"
#include "support/process.h"
#include "support/wait.h"
#include "tests/unit/watcher/port.h"
#include "tests/unit/watcher/world.h"

#define TURNS_MAX 4000

struct client {
    SSL_CTX *ctx;
    SSL *ssl;
    int fd;
};

/* `own`: what it shows; NULL: nothing. `version`: the highest that it speaks; 0: any. */
static struct client client_new(struct port *p, const struct cert *own, int version)
{
    struct client c = { .fd = port_connect(p) };

    c.ctx = SSL_CTX_new(TLS_client_method());
    cr_assert_not_null(c.ctx);
    if (version != 0) {
        SSL_CTX_set_security_level(c.ctx, 0);
        cr_assert_eq(SSL_CTX_set_min_proto_version(c.ctx, version), 1);
        cr_assert_eq(SSL_CTX_set_max_proto_version(c.ctx, version), 1);
    }
    if (own != NULL) {
        cr_assert_eq(SSL_CTX_use_certificate_chain_file(c.ctx, own->cert.text), 1);
        cr_assert_eq(SSL_CTX_use_PrivateKey_file(c.ctx, own->key.text, SSL_FILETYPE_PEM), 1);
    }
    cr_assert_eq(fcntl(c.fd, F_SETFL, O_NONBLOCK), 0);
    c.ssl = SSL_new(c.ctx);
    cr_assert_not_null(c.ssl);
    cr_assert_eq(SSL_set_fd(c.ssl, c.fd), 1);
    SSL_set_connect_state(c.ssl);
    return c;
}

static void client_free(struct client *c)
{
    SSL_free(c->ssl);
    SSL_CTX_free(c->ctx);
    (void)close(c->fd);
}

/* Whether an operation that gave `outcome` is to be tried again. */
static bool again(const struct client *c, int outcome)
{
    int reason = SSL_get_error(c->ssl, outcome);

    return reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE;
}

/* false: the server has ended the connection. */
static bool client_say(struct port *p, struct client *c, const char *text, size_t size)
{
    int turns;

    for (turns = 0; 0 < size && turns < TURNS_MAX; turns++) {
        int n = SSL_write(c->ssl, text, (int)size);

        if (0 < n) {
            text += n;
            size -= (size_t)n;
        } else if (!again(c, n)) {
            return false;
        }
        port_run(p, 1);
    }
    cr_assert_eq(size, 0);
    return true;
}

/* Read until `text` stands in it, or `size_max` bytes came; the size. 0: the server has ended. */
static size_t client_read(struct port *p, struct client *c, char *out, size_t size_max,
                          const char *text)
{
    size_t size = 0;
    int turns;

    for (turns = 0; turns < TURNS_MAX && size < size_max; turns++) {
        int n = SSL_read(c->ssl, out + size, (int)(size_max - size));

        if (0 < n) {
            size += (size_t)n;
            turns = 0;
        } else if (!again(c, n)) {
            return 0;
        } else {
            port_run(p, 1);
        }
        out[size] = '\0';
        if (text != NULL && strstr(out, text) != NULL) {
            return size;
        }
    }
    cr_assert(text == NULL && size == size_max, "%zu bytes", size);
    return size;
}

/* Whether it is told the version. */
static bool is_answered(struct port *p, struct client *c)
{
    char reply[1024];

    return client_say(p, c, "config get cluster\r\n", 20) &&
           client_read(p, c, reply, sizeof(reply) - 1, "END\r\n") != 0 &&
           strstr(reply, "a|10.0.0.1|11211") != NULL;
}

static bool is_answered_plainly(struct port *p)
{
    char reply[512] = "";
    int fd = port_connect(p);
    int turns;

    port_say(fd, "version\r\n");
    for (turns = 0; turns < TURNS_MAX; turns++) {
        ssize_t got = recv(fd, reply, sizeof(reply) - 1, MSG_DONTWAIT);

        if (0 <= got || errno != EAGAIN) {
            break;
        }
        port_run(p, 1);
    }
    (void)close(fd);
    return strncmp(reply, "VERSION", 7) == 0;
}

/* The CN of what the server has shown. */
static void server_name(const struct client *c, char out[64])
{
    X509 *shown = SSL_get1_peer_certificate(c->ssl);

    cr_assert_not_null(shown);
    cr_assert_lt(0,
                 X509_NAME_get_text_by_NID(X509_get_subject_name(shown), NID_commonName, out, 64));
    X509_free(shown);
}

static void open_tls(struct port *p, const struct cert *own, const struct cert *client_ca,
                     bool required)
{
    struct discovery_host_options options = { .busy_ms = 1000, .tls_required = required };

    options.tls.cert = own->cert.text;
    options.tls.key = own->key.text;
    options.tls.ca = client_ca == NULL ? NULL : client_ca->cert.text;
    port_open_with(p, &options);
}

Test(discovery_tls, it_stands_beside_plain_text)
{
    struct cert own = cert_make("own", "first");
    struct client c;
    struct port p;

    open_tls(&p, &own, NULL, false);
    c = client_new(&p, NULL, 0);
    cr_expect(is_answered(&p, &c));
    cr_expect(is_answered_plainly(&p));
    cr_expect(is_answered(&p, &c));
    cr_expect_eq(port_figure(&p, "tls_connections"), 1);
    cr_expect_eq(port_figure(&p, "cut_failed"), 0);
    client_free(&c);
    port_close(&p);
}

Test(discovery_tls, plain_text_is_cut_off_where_tls_is_required)
{
    struct cert own = cert_make("own", "first");
    struct client c;
    struct port p;

    open_tls(&p, &own, NULL, true);
    c = client_new(&p, NULL, 0);
    cr_expect(is_answered(&p, &c));
    cr_expect_not(is_answered_plainly(&p));
    client_free(&c);
    port_close(&p);
}

Test(discovery_tls, older_versions_are_refused)
{
    static const int refused[] = { TLS1_VERSION, TLS1_1_VERSION };
    static const int taken[] = { TLS1_2_VERSION, TLS1_3_VERSION };
    struct cert own = cert_make("own", "first");
    struct port p;
    size_t i;

    open_tls(&p, &own, NULL, false);
    for (i = 0; i < 2; i++) {
        struct client c = client_new(&p, NULL, refused[i]);

        cr_expect_not(is_answered(&p, &c), "%d", refused[i]);
        client_free(&c);
        c = client_new(&p, NULL, taken[i]);
        cr_expect(is_answered(&p, &c), "%d", taken[i]);
        client_free(&c);
    }
    cr_expect_eq(port_figure(&p, "cut_failed"), 2);
    port_close(&p);
}

Test(discovery_tls, clients_show_a_certificate_where_a_ca_is_given)
{
    struct cert own = cert_make("own", "first");
    struct cert known = cert_make("known", "client");
    struct cert stranger = cert_make("stranger", "client");
    struct client c;
    struct port p;

    open_tls(&p, &own, &known, false);
    c = client_new(&p, &known, 0);
    cr_expect(is_answered(&p, &c));
    client_free(&c);
    c = client_new(&p, &stranger, 0);
    cr_expect_not(is_answered(&p, &c));
    client_free(&c);
    c = client_new(&p, NULL, 0);
    cr_expect_not(is_answered(&p, &c));
    client_free(&c);
    port_close(&p);
}

/* Neither the size of an answer nor a client that reads late changes what arrives. */
Test(discovery_tls, long_answers_arrive_whole_and_in_order)
{
    static const char request[] = "gets muster:config\r\n";
    static const char head[] = "VALUE muster:config 0 393216 2\r\n";
    const size_t requests = 12;
    const size_t answer_bytes = strlen(head) + DISCOVERY_RECORD_BYTES_MAX + strlen("\r\nEND\r\n");
    struct cert own = cert_make("own", "first");
    char *bytes = scene_alloc(requests * answer_bytes + 1);
    struct client c;
    struct port p;
    size_t i;

    open_tls(&p, &own, NULL, false);
    port_serve(&p, 2, DISCOVERY_RECORD_BYTES_MAX);
    c = client_new(&p, NULL, 0);
    for (i = 0; i < requests; i++) {
        cr_assert(client_say(&p, &c, request, strlen(request)));
    }
    port_run(&p, 100);
    cr_assert_eq(client_read(&p, &c, bytes, requests * answer_bytes, NULL),
                 requests * answer_bytes);
    for (i = 0; i < requests; i++) {
        const char *answer = bytes + i * answer_bytes;

        cr_expect_eq(strncmp(answer, head, strlen(head)), 0);
        cr_expect_eq(strspn(answer + strlen(head), "r"), DISCOVERY_RECORD_BYTES_MAX);
        cr_expect_eq(strncmp(answer + answer_bytes - 7, "\r\nEND\r\n", 7), 0);
    }
    client_free(&c);
    port_close(&p);
}

/* Many requests in one record: what was decrypted is answered without another event. */
Test(discovery_tls, requests_may_come_all_at_once_or_byte_by_byte)
{
    static char many[16000];
    static char answers[1 << 20];
    const char *request = "config get cluster\r\n";
    const size_t answer_bytes = strlen("CONFIG cluster 0 19\r\n1\na|10.0.0.1|11211\n\r\nEND\r\n");
    struct cert own = cert_make("own", "first");
    struct client c;
    struct port p;
    size_t i;

    open_tls(&p, &own, NULL, false);
    c = client_new(&p, NULL, 0);
    for (i = 0; i < sizeof(many); i += strlen(request)) {
        memcpy(many + i, request, strlen(request));
    }
    cr_assert(client_say(&p, &c, many, sizeof(many)));
    cr_expect_eq(client_read(&p, &c, answers, sizeof(many) / strlen(request) * answer_bytes, NULL),
                 sizeof(many) / strlen(request) * answer_bytes);
    for (i = 0; i < strlen(request); i++) {
        cr_assert(client_say(&p, &c, request + i, 1));
    }
    cr_expect_neq(client_read(&p, &c, answers, sizeof(answers) - 1, "END\r\n"), 0);
    client_free(&c);
    port_close(&p);
}

/* Each is answered in a turn of its own, and no event tells of those that were decrypted. */
Test(discovery_tls, costly_requests_of_one_record_are_all_answered)
{
    static const char request[] = "get muster:config\r\n";
    static char many[800 * (sizeof(request) - 1)];
    static char answers[1 << 20];
    const size_t requests = sizeof(many) / strlen(request);
    const size_t answer_bytes = strlen("VALUE muster:config 0 100\r\n\r\nEND\r\n") + 100;
    struct cert own = cert_make("own", "first");
    struct client c;
    struct port p;
    size_t i;

    open_tls(&p, &own, NULL, false);
    c = client_new(&p, NULL, 0);
    for (i = 0; i < requests; i++) {
        memcpy(many + i * strlen(request), request, strlen(request));
    }
    cr_assert(client_say(&p, &c, many, sizeof(many)));
    cr_expect_eq(client_read(&p, &c, answers, requests * answer_bytes, NULL),
                 requests * answer_bytes);
    cr_assert(is_answered(&p, &c));
    client_free(&c);
    port_close(&p);
}

/* The answers fill the socket while requests of the same record have been decrypted, but not read.
 */
Test(discovery_tls, what_was_decrypted_is_not_forgotten_while_answers_wait)
{
    static const char request[] = "get muster:config\r\n";
    const size_t record_bytes = 20000;
    const size_t requests = 400;
    const size_t answer_bytes =
        strlen("VALUE muster:config 0 20000\r\n") + record_bytes + strlen("\r\nEND\r\n");
    struct cert own = cert_make("own", "first");
    char *many = scene_alloc(requests * strlen(request) + 1);
    char *bytes = scene_alloc(requests * answer_bytes + 1);
    struct client c;
    struct port p;
    size_t i;

    open_tls(&p, &own, NULL, false);
    port_serve(&p, 2, record_bytes);
    c = client_new(&p, NULL, 0);
    cr_assert(is_answered(&p, &c));
    for (i = 0; i < requests; i++) {
        memcpy(many + i * strlen(request), request, strlen(request));
    }
    cr_assert(client_say(&p, &c, many, requests * strlen(request)));
    port_run(&p, 50);
    cr_expect_lt(0, port_figure(&p, "unread_bytes"));
    cr_expect_eq(client_read(&p, &c, bytes, requests * answer_bytes, NULL),
                 requests * answer_bytes);
    client_free(&c);
    port_close(&p);
}

Test(discovery_tls, subscribers_hear_of_changes)
{
    char line[512];
    struct cert own = cert_make("own", "first");
    struct client c;
    struct port p;

    open_tls(&p, &own, NULL, false);
    c = client_new(&p, NULL, 0);
    cr_assert(client_say(&p, &c, "config watch cluster\r\n", 22));
    cr_expect_neq(client_read(&p, &c, line, sizeof(line) - 1, "CONFIG-CHANGED 1\r\n"), 0);
    port_serve(&p, 2, 100);
    discovery_changed(p.server);
    cr_expect_neq(client_read(&p, &c, line, sizeof(line) - 1, "CONFIG-CHANGED 2\r\n"), 0);
    discovery_joining(p.server, "0123456789abcdef");
    cr_expect_neq(
        client_read(&p, &c, line, sizeof(line) - 1, "JOIN-REQUESTED 0123456789abcdef\r\n"), 0);
    client_free(&c);
    port_close(&p);
}

Test(discovery_tls, a_handshake_that_stalls_or_is_none_is_cut_off)
{
    struct cert own = cert_make("own", "first");
    struct port p;
    int fd;

    open_tls(&p, &own, NULL, false);
    fd = port_connect(&p);
    cr_assert_eq(send(fd, "\x16\x03\x01", 3, MSG_NOSIGNAL), 3);
    cr_expect(port_is_closed(&p, fd));
    cr_expect_eq(port_figure(&p, "cut_slow"), 1);
    (void)close(fd);
    fd = port_connect(&p);
    cr_assert_eq(send(fd, "\x16garbage that is no handshake", 29, MSG_NOSIGNAL), 29);
    cr_expect(port_is_closed(&p, fd));
    cr_expect_eq(port_figure(&p, "cut_failed"), 1);
    (void)close(fd);
    port_close(&p);
}

Test(discovery_tls, a_new_certificate_holds_for_new_connections)
{
    struct cert own = cert_make("own", "first");
    char name[64];
    struct client c[2];
    struct port p;
    struct err err;

    open_tls(&p, &own, NULL, false);
    c[0] = client_new(&p, NULL, 0);
    cr_expect(is_answered(&p, &c[0]));
    (void)cert_make("own", "second");
    cr_assert_eq(discovery_host_reload(p.host, &err), 0, "%s", err.msg);
    c[1] = client_new(&p, NULL, 0);
    cr_expect(is_answered(&p, &c[1]));
    server_name(&c[1], name);
    cr_expect_str_eq(name, "second");
    cr_expect(is_answered(&p, &c[0])); /* it goes on */
    server_name(&c[0], name);
    cr_expect_str_eq(name, "first");
    client_free(&c[0]);
    client_free(&c[1]);
    port_close(&p);
}

Test(discovery_tls, a_bad_pair_changes_nothing)
{
    struct cert own = cert_make("own", "first");
    struct cert other = cert_make("other", "second");
    char name[64];
    struct client c;
    struct port p;
    struct err err;

    open_tls(&p, &own, NULL, false);
    cr_assert_eq(rename(other.key.text, own.key.text), 0);
    cr_expect_eq(discovery_host_reload(p.host, &err), ERR_INVALID);
    cr_expect_not_null(strstr(err.msg, own.key.text), "%s", err.msg);
    (void)scene_write("own.pem", "this is no certificate\n");
    cr_expect_eq(discovery_host_reload(p.host, &err), ERR_INVALID);
    cr_expect_not_null(strstr(err.msg, own.cert.text), "%s", err.msg);
    c = client_new(&p, NULL, 0);
    cr_expect(is_answered(&p, &c));
    server_name(&c, name);
    cr_expect_str_eq(name, "first");
    client_free(&c);
    port_close(&p);
}

Test(discovery_tls, without_a_usable_pair_it_does_not_start)
{
    struct cert own = cert_make("own", "first");
    struct cert other = cert_make("other", "second");
    struct discovery_host_options options = { .tls = { own.cert.text, other.key.text, NULL,
                                                       NULL } };
    struct discovery_host *host = NULL;
    struct loop *loop;
    struct err err;

    cr_assert_eq(loop_new(&loop, &err), 0);
    cr_expect_eq(discovery_host_new(loop, &options, &host, &err), ERR_INVALID);
    options.tls = (struct tls_files){ "/nonexistent", own.key.text, NULL, NULL };
    cr_expect_eq(discovery_host_new(loop, &options, &host, &err), ERR_INVALID);
    options.tls = (struct tls_files){ own.cert.text, own.key.text, "/nonexistent", NULL };
    cr_expect_eq(discovery_host_new(loop, &options, &host, &err), ERR_INVALID);
    cr_expect_null(host);
    loop_free(loop);
}

/* ---- Muster's own clients ---- */

struct heard {
    bool told;
    size_t bytes;
    char text[64];
    uint32_t version;
    struct err err;
};

static void on_reply(void *ctx, const char *reply, size_t reply_bytes, const struct err *err)
{
    struct heard *heard = ctx;

    heard->told = true;
    heard->bytes = reply_bytes;
    if (reply != NULL) {
        (void)snprintf(heard->text, sizeof(heard->text), "%.60s", reply);
    } else {
        heard->err = *err;
    }
}

static void on_changed(void *ctx, uint32_t version)
{
    ((struct heard *)ctx)->version = version;
}

static void on_lost(void *ctx, const struct err *err)
{
    ((struct heard *)ctx)->err = *err;
}

static void open_with_peers(struct port *p, const struct cert *own, const char *peers_ca)
{
    struct discovery_host_options options = { .tls_required = true, .peers_ca = peers_ca };

    options.tls.cert = own->cert.text;
    options.tls.key = own->key.text;
    options.tls.ca = peers_ca; /* so they have to show their own */
    port_open_with(p, &options);
}

static struct heard ask_port(struct port *p, struct memtext *memtext, const char *request)
{
    struct heard heard = { .told = false };
    struct err err;

    cr_assert_eq(
        memtext_ask(memtext, request, strlen(request), MEMTEXT_END, on_reply, &heard, &err), 0);
    cr_assert_eq(loop_run_until(p->loop, &heard.told, WAIT_MS, &err), 0, "%s", err.msg);
    return heard;
}

Test(discovery_tls, nodes_ask_each_other_in_tls)
{
    struct cert own = cert_make("own", "node");
    struct memtext *memtext;
    struct heard heard;
    struct port p;
    struct err err;
    int i;

    open_with_peers(&p, &own, own.cert.text);
    port_serve(&p, 2, DISCOVERY_RECORD_BYTES_MAX);
    cr_assert_eq(memtext_new(p.loop, p.ip.text, PORT_NUMBER, WAIT_MS, &memtext, &err), 0);
    memtext_use_tls(memtext, discovery_host_peers_tls(p.host));
    for (i = 0; i < 3; i++) {
        heard = ask_port(&p, memtext, "config get cluster\r\n");
        cr_expect_eq(strncmp(heard.text, "CONFIG cluster 0 19\r\n2\na|", 25), 0, "%s", heard.text);
        heard = ask_port(&p, memtext, "get muster:config\r\n");
        cr_expect_lt(DISCOVERY_RECORD_BYTES_MAX, heard.bytes);
    }
    memtext_free(memtext);
    port_close(&p);
}

Test(discovery_tls, nodes_trust_nobody_but_their_ca)
{
    struct cert own = cert_make("own", "node");
    struct cert other = cert_make("other", "node");
    struct memtext *memtext;
    struct heard heard;
    struct port p;
    struct err err;

    open_with_peers(&p, &own, other.cert.text);
    cr_assert_eq(memtext_new(p.loop, p.ip.text, PORT_NUMBER, WAIT_MS, &memtext, &err), 0);
    memtext_use_tls(memtext, discovery_host_peers_tls(p.host));
    heard = ask_port(&p, memtext, "config get cluster\r\n");
    cr_expect_eq(heard.err.code, ERR_IO, "%s", heard.text);
    memtext_free(memtext);
    port_close(&p);
}

/* The first answer may take more than one read, and one record. */
Test(discovery_tls, nodes_subscribe_in_tls)
{
    static const struct subscription_events events = { on_changed, NULL, on_lost };
    struct cert own = cert_make("own", "node");
    struct subscription *subscription;
    struct heard heard = { .version = 0 };
    uint32_t version;
    struct port p;
    struct err err;
    int turns;

    open_with_peers(&p, &own, own.cert.text);
    cr_assert_eq(
        subscription_new(p.loop, p.ip.text, PORT_NUMBER, &events, &heard, &subscription, &err), 0);
    subscription_use_tls(subscription, discovery_host_peers_tls(p.host));
    for (version = 1; version < 4; version++) {
        port_serve(&p, version, 100);
        discovery_changed(p.server);
        for (turns = 0; turns < TURNS_MAX && heard.version != version; turns++) {
            port_run(&p, 1);
        }
        cr_expect_eq(heard.version, version, "%s", heard.err.msg);
    }
    subscription_free(subscription);
    port_close(&p);
}

/* ---- A real watcher ---- */

/* What openssl s_client says of the port, and the port to what stands in the file; `own` (may be
 * NULL) is what it shows where it is asked for a certificate. */
static char *s_client(const char *ip, const struct cert *own, const char *file)
{
    char command[1024];
    const char *const argv[] = { "sh", "-c", command, NULL };
    const struct process_spec spec = { .name = "s_client", .argv = argv };
    char *output = NULL;

    (void)snprintf(
        command, sizeof(command), "openssl s_client -connect %s:%d %s %s %s %s -ign_eof <%s 2>&1",
        ip, WORLD_DISCOVERY_PORT, own == NULL ? "" : "-cert", own == NULL ? "" : own->cert.text,
        own == NULL ? "" : "-key", own == NULL ? "" : own->key.text, file);
    (void)process_run(&spec, &output);
    return output;
}

static bool shows(const char *ip, const char *name)
{
    char subject[96];
    struct scene_path file = scene_write("asked", "version\r\nquit\r\n");
    char *said = s_client(ip, NULL, file.text);
    bool good;

    (void)snprintf(subject, sizeof(subject), "subject=CN = %s", name);
    good = strstr(said, subject) != NULL && strstr(said, "VERSION 1.") != NULL;
    free(said);
    return good;
}

struct reload {
    struct world *w;
    const char *text;
};

static bool watcher_says(void *ctx)
{
    const struct reload *reload = ctx;

    return world_watcher_says(reload->w, reload->text);
}

static void push_by_s_client(struct world *w, const char *ip, const struct cert *own,
                             uint32_t version)
{
    struct world_record record = { .version = version };
    const char *text = world_seal(w, &record);
    struct scene_path file = scene_path("push");
    FILE *out = fopen(file.text, "w");
    char *said;

    cr_assert_not_null(out);
    (void)fprintf(out, "set muster:config 0 0 %zu\r\n%s\r\nquit\r\n", strlen(text), text);
    (void)fclose(out);
    said = s_client(ip, own, file.text);
    cr_assert_not_null(strstr(said, "STORED"), "%s", said);
    free(said);
}

/* Without the module everything between nodes goes through discovery ports. */
Test(discovery_tls, nodes_prove_and_propagate_where_tls_is_required, .timeout = 60)
{
    struct cert own = cert_make("own", "node");
    const char *const options[] = { "--module",
                                    "none",
                                    "--discovery-cert",
                                    own.cert.text,
                                    "--discovery-key",
                                    own.key.text,
                                    "--discovery-ca",
                                    own.cert.text,
                                    "--discovery-client-ca",
                                    own.cert.text,
                                    "--discovery-tls",
                                    "require",
                                    NULL };
    struct intent intents[2];
    struct world w;
    uint32_t i;

    world_init(&w);
    world_start_watcher(&w, options);
    for (i = 0; i < 2; i++) {
        intents[i] = world_intent(i + 1, INTENT_RUN);
        world_put_intent(&w, &intents[i]);
        (void)world_await_up(&w, i + 1);
    }
    push_by_s_client(&w, intents[0].ip, &own, 1);
    (void)world_await_served(&w, 1, 1);
    (void)world_await_served(&w, 2, 1);
    push_by_s_client(&w, intents[0].ip, &own, 2);
    (void)world_await_served(&w, 2, 2);
    world_deinit(&w);
}

Test(discovery_tls, a_watcher_takes_a_new_certificate_on_sighup, .timeout = 60)
{
    struct cert own = cert_make("own", "first");
    const char *const options[] = { "--discovery-cert", own.cert.text, "--discovery-key",
                                    own.key.text, NULL };
    struct reload refused;
    struct reload taken;
    struct intent intent;
    struct world w;

    world_init(&w);
    refused = (struct reload){ &w, "certificate-refused" };
    taken = (struct reload){ &w, "event=reloaded" };
    world_start_watcher(&w, options);
    intent = world_intent(1, INTENT_RUN);
    world_put_intent(&w, &intent);
    (void)world_await_up(&w, 1);
    cr_expect(shows(intent.ip, "first"));
    (void)scene_write("own.pem", "this is no certificate\n");
    process_signal(w.watcher, SIGHUP);
    cr_expect(wait_until(watcher_says, &refused, WAIT_MS));
    cr_expect(shows(intent.ip, "first"));
    (void)cert_make("own", "second");
    process_signal(w.watcher, SIGHUP);
    cr_expect(wait_until(watcher_says, &taken, WAIT_MS));
    cr_expect(shows(intent.ip, "second"));
    world_deinit(&w);
}
