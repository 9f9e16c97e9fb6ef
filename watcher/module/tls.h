/*
 * tls - libssl, where memcached has loaded it.
 *
 * Memcached speaks TLS through libssl's SSL_read and SSL_write, which the module stands in front of
 * as it does of read(2). Nothing is linked: without libssl nothing of this is ever called, and with
 * one that is linked into memcached itself the module sees encrypted bytes and lets them pass.
 */
#ifndef MODULE_TLS_H
#define MODULE_TLS_H

#include <stdbool.h>

struct ssl_st;

/* name, result, parameters: as <openssl/ssl.h> has them */
#define TLS_FUNCTIONS(X)                                    \
    X(SSL_set_fd, int, (struct ssl_st *, int))              \
    X(SSL_get_fd, int, (const struct ssl_st *))             \
    X(SSL_read, int, (struct ssl_st *, void *, int))        \
    X(SSL_write, int, (struct ssl_st *, const void *, int)) \
    X(SSL_pending, int, (const struct ssl_st *))            \
    X(SSL_get_error, int, (const struct ssl_st *, int))     \
    X(ERR_clear_error, void, (void))

/* Results of SSL_get_error(3). */
#define TLS_ERROR_WANT_READ 2
#define TLS_ERROR_WANT_WRITE 3
#define TLS_ERROR_SYSCALL 5

#define TLS_RECORD_BYTES 16384 /* the most that one record carries */

struct tls {
#define X(name, result, parameters) result(*name) parameters;
    TLS_FUNCTIONS(X)
#undef X
};

/* All of them; NULL when the process lacks one. Any thread may ask. */
const struct tls *tls_functions(void);

#endif
