/*
 * tls_client - a client that speaks TLS, and the certificate for its server.
 */
#ifndef TESTS_MODULE_TLS_CLIENT_H
#define TESTS_MODULE_TLS_CLIENT_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

/* A certificate signed by itself and its key, as PEM files in the scene's directory. */
void tls_make_certificate(const char *certificate_path, const char *key_path);

struct tls_client {
    SSL_CTX *ctx;
    SSL *ssl;
    int fd;
};

/* Connect and shake hands; stops the test when that fails. Takes `fd`. */
void tls_client_open(struct tls_client *client, int fd);
void tls_client_close(struct tls_client *client);

/* Say all in one record, if it fits. */
void tls_client_say(struct tls_client *client, const char *bytes, size_t size);

/* Hear exactly this next, or stop the test. */
void tls_client_expect(struct tls_client *client, const char *expected);

/* Whether the server has closed, with nothing more to say. */
bool tls_client_ended(struct tls_client *client);

#endif
