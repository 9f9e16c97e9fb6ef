#include "tests/module/tls_client.h"

#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/scene.h"

#define VALID_S 3600

static FILE *open_file(const char *path)
{
    FILE *file = fopen(path, "we");

    if (file == NULL) {
        scene_fail("%s can't be written", path);
    }
    return file;
}

static X509 *make(EVP_PKEY *key)
{
    static const unsigned char name[] = "muster";
    X509 *certificate = X509_new();
    X509_NAME *subject = X509_get_subject_name(certificate);

    (void)ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    (void)X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    (void)X509_gmtime_adj(X509_getm_notAfter(certificate), VALID_S);
    (void)X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, name, -1, -1, 0);
    (void)X509_set_issuer_name(certificate, subject);
    (void)X509_set_pubkey(certificate, key);
    if (X509_sign(certificate, key, EVP_sha256()) == 0) {
        scene_fail("no certificate");
    }
    return certificate;
}

void tls_make_certificate(const char *certificate_path, const char *key_path)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate;
    FILE *file;

    if (key == NULL) {
        scene_fail("no key");
    }
    certificate = make(key);
    file = open_file(certificate_path);
    (void)PEM_write_X509(file, certificate);
    (void)fclose(file);
    file = open_file(key_path);
    (void)PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
    (void)fclose(file);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

void tls_client_open(struct tls_client *client, int fd)
{
    client->fd = fd;
    client->ctx = SSL_CTX_new(TLS_client_method());
    client->ssl = SSL_new(client->ctx);
    (void)SSL_set_fd(client->ssl, fd);
    if (SSL_connect(client->ssl) != 1) {
        scene_fail("no handshake");
    }
}

void tls_client_close(struct tls_client *client)
{
    SSL_free(client->ssl);
    SSL_CTX_free(client->ctx);
    (void)close(client->fd);
}

void tls_client_say(struct tls_client *client, const char *bytes, size_t size)
{
    cr_assert_eq(SSL_write(client->ssl, bytes, (int)size), (int)size);
}

void tls_client_expect(struct tls_client *client, const char *expected)
{
    const size_t size = strlen(expected);
    char *heard = scene_alloc(size + 1);
    size_t count = 0;
    int n = 1;

    while (count < size && 0 < n) {
        n = SSL_read(client->ssl, heard + count, (int)(size - count));
        count += n < 0 ? 0 : (size_t)n;
    }
    cr_assert_str_eq(heard, expected);
}

bool tls_client_ended(struct tls_client *client)
{
    char byte;

    return SSL_read(client->ssl, &byte, 1) <= 0;
}
