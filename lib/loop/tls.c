#include "loop/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "loop/loop.h"

struct tls_context {
    SSL_CTX *ssl;
    bool server;
    bool by_address; /* the peer's certificate is for the address that is connected to */
};

struct tls_stream {
    SSL *ssl;
    unsigned wants;
    bool failed;
    const char *problem; /* of what has failed */
};

static const char *reason(void)
{
    unsigned long code = ERR_get_error();
    const char *text = code == 0 ? NULL : ERR_reason_error_string(code);

    ERR_clear_error();
    return text == NULL ? "it can't be used" : text;
}

static int load_own(SSL_CTX *ssl, const struct tls_files *files, struct err *err)
{
    if (files->cert == NULL) {
        return 0;
    }
    if (SSL_CTX_use_certificate_chain_file(ssl, files->cert) != 1) {
        return err_set(err, ERR_INVALID, "certificate %s: %s", files->cert, reason());
    }
    if (SSL_CTX_use_PrivateKey_file(ssl, files->key, SSL_FILETYPE_PEM) != 1) {
        return err_set(err, ERR_INVALID, "key %s: %s", files->key, reason());
    }
    if (SSL_CTX_check_private_key(ssl) != 1) {
        return err_set(err, ERR_INVALID, "key %s: it is not that of the certificate %s", files->key,
                       files->cert);
    }
    return 0;
}

static int load_trusted(SSL_CTX *ssl, const struct tls_files *files, struct err *err)
{
    if (files->ca == NULL) {
        return 0;
    }
    if (SSL_CTX_load_verify_locations(ssl, files->ca, NULL) != 1) {
        return err_set(err, ERR_INVALID, "CA %s: %s", files->ca, reason());
    }
    SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return 0;
}

/* Whom the peer's certificate must name. The common name is no name of a server. */
static int set_name(struct tls_context *context, const char *name, struct err *err)
{
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(context->ssl);

    context->by_address = name != NULL && strcmp(name, TLS_NAME_ADDRESS) == 0;
    if (name == NULL || context->by_address) {
        return 0;
    }
    /* Anything, and anything below a domain, to OpenSSL. */
    if (name[0] == '\0' || name[0] == '.') {
        return err_set(err, ERR_INVALID, "'%s' can't be the name of nodes", name);
    }
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
                                               X509_CHECK_FLAG_NO_WILDCARDS);
    return X509_VERIFY_PARAM_set1_host(param, name, 0) == 1
               ? 0
               : err_set(err, ERR_INVALID, "name %s: %s", name, reason());
}

/* No tickets and no cache: a client that comes back shows its certificate again, and nothing is
 * kept for those who don't. */
static void set_limits(SSL_CTX *ssl)
{
    (void)SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                                 SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    (void)SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    (void)SSL_CTX_set_num_tickets(ssl, 0);
}

static int context_new(const SSL_METHOD *method, bool server, const struct tls_files *files,
                       struct tls_context **out, struct err *err)
{
    CLEANUP(tls_context_free_p) struct tls_context *context = mem_alloc(sizeof(*context));
    int rv;

    if (context == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    context->server = server;
    ERR_clear_error();
    context->ssl = SSL_CTX_new(method);
    if (context->ssl == NULL) {
        return err_set(err, ERR_NOMEM, "TLS: %s", reason());
    }
    set_limits(context->ssl);
    rv = load_own(context->ssl, files, err);
    if (rv == 0) {
        rv = load_trusted(context->ssl, files, err);
    }
    if (rv == 0) {
        rv = set_name(context, server ? NULL : files->name, err);
    }
    if (rv == 0) {
        *out = TAKE(context);
    }
    return rv;
}

int tls_server_new(const struct tls_files *files, struct tls_context **out, struct err *err)
{
    if (files->cert == NULL || files->key == NULL) {
        return err_set(err, ERR_INVALID, "a certificate and its key are needed");
    }
    return context_new(TLS_server_method(), true, files, out, err);
}

int tls_client_new(const struct tls_files *files, struct tls_context **out, struct err *err)
{
    if (files->ca == NULL || (files->cert == NULL) != (files->key == NULL)) {
        return err_set(err, ERR_INVALID, "a CA is needed, and a key with each certificate");
    }
    return context_new(TLS_client_method(), false, files, out, err);
}

void tls_context_free(struct tls_context *context)
{
    if (context != NULL) {
        SSL_CTX_free(context->ssl);
        free(context);
    }
}

static int expect_address(SSL *ssl, int fd, struct err *err)
{
    struct sockaddr_in peer = { .sin_family = AF_UNSPEC };
    socklen_t size = sizeof(peer);
    char text[INET_ADDRSTRLEN];

    if (getpeername(fd, (struct sockaddr *)&peer, &size) < 0 || peer.sin_family != AF_INET ||
        inet_ntop(AF_INET, &peer.sin_addr, text, sizeof(text)) == NULL ||
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), text) != 1) {
        return err_set(err, ERR_IO, "TLS: the peer's address can't be told");
    }
    return 0;
}

int tls_stream_new(struct tls_context *context, int fd, struct tls_stream **out, struct err *err)
{
    CLEANUP(tls_stream_free_p) struct tls_stream *stream = mem_alloc(sizeof(*stream));

    if (stream == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    ERR_clear_error();
    stream->ssl = SSL_new(context->ssl);
    if (stream->ssl == NULL || SSL_set_fd(stream->ssl, fd) != 1) {
        return err_set(err, ERR_NOMEM, "TLS: %s", reason());
    }
    if (context->by_address && expect_address(stream->ssl, fd, err) < 0) {
        return ERR_IO;
    }
    if (context->server) {
        SSL_set_accept_state(stream->ssl);
    } else {
        SSL_set_connect_state(stream->ssl);
    }
    *out = TAKE(stream);
    return 0;
}

void tls_stream_free(struct tls_stream *stream)
{
    if (stream != NULL) {
        if (stream->ssl != NULL && !stream->failed && tls_established(stream)) {
            (void)SSL_shutdown(stream->ssl);
        }
        ERR_clear_error();
        SSL_free(stream->ssl);
        free(stream);
    }
}

static const char *why_failed(const struct tls_stream *stream)
{
    long verdict = SSL_get_verify_result(stream->ssl);
    unsigned long code = ERR_get_error();
    const char *text = code == 0 ? NULL : ERR_reason_error_string(code);

    if (verdict != X509_V_OK) {
        return X509_verify_cert_error_string(verdict);
    }
    return text == NULL ? "the connection was broken off" : text;
}

/* What an operation came to that gave nothing. */
static ssize_t judge(struct tls_stream *stream, int outcome)
{
    switch (SSL_get_error(stream->ssl, outcome)) {
    case SSL_ERROR_WANT_READ:
        stream->wants = LOOP_READABLE;
        return TLS_AGAIN;
    case SSL_ERROR_WANT_WRITE:
        stream->wants = LOOP_WRITABLE;
        return TLS_AGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    default:
        stream->failed = true;
        stream->problem = why_failed(stream);
        ERR_clear_error();
        return TLS_FAILED;
    }
}

ssize_t tls_read(struct tls_stream *stream, void *bytes, size_t size)
{
    size_t got = 0;
    int outcome;

    stream->wants = 0;
    ERR_clear_error();
    outcome = SSL_read_ex(stream->ssl, bytes, size, &got);
    return outcome == 1 ? (ssize_t)got : judge(stream, outcome);
}

ssize_t tls_write(struct tls_stream *stream, const void *bytes, size_t size)
{
    size_t taken = 0;
    ssize_t rv;
    int outcome;

    stream->wants = 0;
    ERR_clear_error();
    outcome = SSL_write_ex(stream->ssl, bytes, size, &taken);
    if (outcome == 1) {
        return (ssize_t)taken;
    }
    rv = judge(stream, outcome);
    return rv == 0 ? TLS_FAILED : rv;
}

const char *tls_problem(const struct tls_stream *stream)
{
    return stream->problem == NULL ? "nothing has failed" : stream->problem;
}

unsigned tls_wants(const struct tls_stream *stream)
{
    return stream->wants;
}

bool tls_pending(const struct tls_stream *stream)
{
    return SSL_pending(stream->ssl) != 0;
}

bool tls_established(const struct tls_stream *stream)
{
    return SSL_is_init_finished(stream->ssl) != 0;
}
