/*
 * The names that stand in front of libssl's. A library that is loaded into memcached besides may
 * call them too, on connections that are not followed: then they are nothing but the real ones.
 */
#include <errno.h>

#include "watcher/module/conn.h"
#include "watcher/module/module.h"
#include "watcher/module/stream.h"
#include "watcher/module/tls.h"

#define EXPORT __attribute__((visibility("default")))

EXPORT int SSL_set_fd(struct ssl_st *ssl, int fd);
EXPORT int SSL_read(struct ssl_st *ssl, void *out, int size);
EXPORT int SSL_write(struct ssl_st *ssl, const void *bytes, int size);
EXPORT int SSL_get_error(const struct ssl_st *ssl, int result);

/* The followed connection that memcached speaks TLS on with `ssl`; NULL: there is none. */
static struct conn *find(const struct tls *tls, const struct ssl_st *ssl)
{
    struct conn_table *table = module_own()->table;
    struct conn *conn = table == NULL ? NULL : conn_find(table, tls->SSL_get_fd(ssl));

    return conn != NULL && conn->ssl == ssl ? conn : NULL;
}

/* Somebody calls what is not there: only a library that was taken apart can come here. */
static int nowhere(void)
{
    errno = ENOSYS;
    return -1;
}

/* From here on the socket's own bytes are TLS's. */
int SSL_set_fd(struct ssl_st *ssl, int fd)
{
    const struct tls *tls = tls_functions();
    struct conn *conn = conn_find(module_own()->table, fd);

    if (tls == NULL) {
        return 0;
    }
    if (conn != NULL) {
        conn->ssl = ssl;
    }
    return tls->SSL_set_fd(ssl, fd);
}

int SSL_read(struct ssl_st *ssl, void *out, int size)
{
    const struct tls *tls = tls_functions();
    struct conn *conn;

    if (tls == NULL) {
        return nowhere();
    }
    conn = find(tls, ssl);
    return conn == NULL || size <= 0 ? tls->SSL_read(ssl, out, size)
                                     : (int)stream_read(module_own(), conn, out, (size_t)size);
}

int SSL_write(struct ssl_st *ssl, const void *bytes, int size)
{
    const struct tls *tls = tls_functions();
    struct conn *conn;
    int n;

    if (tls == NULL) {
        return nowhere();
    }
    conn = find(tls, ssl);
    if (conn != NULL) {
        conn->claim = 0;
    }
    n = tls->SSL_write(ssl, bytes, size);
    if (conn != NULL && 0 < n && tracker_listens(&conn->tracker)) {
        tracker_hear(&conn->tracker, bytes, (size_t)n);
    }
    return n;
}

int SSL_get_error(const struct ssl_st *ssl, int result)
{
    const struct tls *tls = tls_functions();
    struct conn *conn;

    if (tls == NULL) {
        return TLS_ERROR_SYSCALL;
    }
    conn = result < 0 ? find(tls, ssl) : NULL;
    return conn != NULL && conn->claim != 0 ? conn->claim : tls->SSL_get_error(ssl, result);
}
