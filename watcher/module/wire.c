#include "watcher/module/wire.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "watcher/module/real.h"
#include "watcher/module/tls.h"

static ssize_t tls_read(struct conn *conn, void *out, size_t size)
{
    const struct tls *tls = tls_functions();
    int n = tls->SSL_read(conn->ssl, out, size < INT_MAX ? (int)size : INT_MAX);

    conn->pending = 0 < n && 0 < tls->SSL_pending(conn->ssl);
    return n;
}

ssize_t wire_read(struct conn *conn, void *out, size_t size)
{
    return conn->ssl != NULL ? tls_read(conn, out, size)
                             : real_functions()->read(conn->fd, out, size);
}

/* ---- Plain ---- */

static int plain_send(struct conn *conn)
{
    struct iovec parts[REPLY_PARTS];
    struct msghdr message = { .msg_iov = parts };
    ssize_t n;

    while (conn->sent_bytes < reply_bytes(&conn->reply)) {
        message.msg_iovlen = (size_t)reply_parts(&conn->reply, conn->sent_bytes, parts);
        n = real_functions()->sendmsg(conn->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            conn->send_event = EPOLLOUT;
            return errno == EAGAIN || errno == EWOULDBLOCK ? WIRE_BLOCKED : -1;
        }
        conn->sent_bytes += (size_t)n;
    }
    return 0;
}

/* ---- TLS ---- */

/*
 * Put the next bytes of the reply in one place. What SSL_write could not send has to be given to it
 * again, at the same address: the place is kept until then.
 */
static int gather(struct conn *conn)
{
    struct iovec parts[REPLY_PARTS];
    int count = reply_parts(&conn->reply, conn->sent_bytes, parts);
    size_t left = reply_bytes(&conn->reply) - conn->sent_bytes;
    size_t used = 0;
    int i;

    conn->record_bytes = left < TLS_RECORD_BYTES ? left : TLS_RECORD_BYTES;
    conn->record = malloc(conn->record_bytes);
    if (conn->record == NULL) {
        return -1;
    }
    for (i = 0; i < count && used < conn->record_bytes; i++) {
        size_t room = conn->record_bytes - used;
        size_t taken = parts[i].iov_len < room ? parts[i].iov_len : room;

        memcpy(conn->record + used, parts[i].iov_base, taken);
        used += taken;
    }
    return 0;
}

static void drop_record(struct conn *conn)
{
    free(conn->record);
    conn->record = NULL;
}

/* SSL_write has sent nothing: why? */
static int judge_error(struct conn *conn, int error)
{
    if (error != TLS_ERROR_WANT_READ && error != TLS_ERROR_WANT_WRITE) {
        errno = ECONNRESET;
        return -1;
    }
    conn->send_event = error == TLS_ERROR_WANT_READ ? EPOLLIN : EPOLLOUT;
    return WIRE_BLOCKED;
}

/* The queue of errors is the thread's, for all of its connections: leave none behind. */
static int tls_send(struct conn *conn)
{
    const struct tls *tls = tls_functions();
    int error;
    int n;

    while (conn->sent_bytes < reply_bytes(&conn->reply)) {
        if (conn->record == NULL && gather(conn) != 0) {
            errno = ENOMEM;
            return -1;
        }
        tls->ERR_clear_error();
        n = tls->SSL_write(conn->ssl, conn->record, (int)conn->record_bytes);
        if (n <= 0) {
            error = tls->SSL_get_error(conn->ssl, n);
            tls->ERR_clear_error();
            return judge_error(conn, error);
        }
        conn->sent_bytes += (size_t)n;
        drop_record(conn);
    }
    return 0;
}

int wire_send(struct conn *conn)
{
    return conn->ssl != NULL ? tls_send(conn) : plain_send(conn);
}

void wire_send_end(struct conn *conn)
{
    drop_record(conn);
    copy_put(conn->copy);
    conn->copy = NULL;
    conn->sent_bytes = 0;
}
