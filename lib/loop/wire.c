#include "loop/wire.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "loop/loop.h"

int wire_open(struct wire *wire, int fd, struct tls_context *context, struct err *err)
{
    wire_close(wire);
    wire->fd = fd;
    return context == NULL ? 0 : tls_stream_new(context, fd, &wire->tls, err);
}

void wire_close(struct wire *wire)
{
    tls_stream_free(wire->tls);
    wire->tls = NULL;
}

static ssize_t as_errno(ssize_t outcome)
{
    if (outcome == TLS_AGAIN || outcome == TLS_FAILED) {
        errno = outcome == TLS_AGAIN ? EAGAIN : EPROTO;
        return -1;
    }
    return outcome;
}

ssize_t wire_send(struct wire *wire, const void *bytes, size_t size)
{
    return wire->tls == NULL ? send(wire->fd, bytes, size, MSG_NOSIGNAL)
                             : as_errno(tls_write(wire->tls, bytes, size));
}

ssize_t wire_recv(struct wire *wire, void *bytes, size_t size)
{
    return wire->tls == NULL ? recv(wire->fd, bytes, size, 0)
                             : as_errno(tls_read(wire->tls, bytes, size));
}

const char *wire_problem(const struct wire *wire, int error)
{
    return wire->tls != NULL && error == EPROTO ? tls_problem(wire->tls) : strerror(error);
}

unsigned wire_wants(const struct wire *wire, bool unsent)
{
    unsigned wants = wire->tls == NULL ? 0 : tls_wants(wire->tls);

    return LOOP_READABLE | (wants == LOOP_WRITABLE || (unsent && wants == 0) ? LOOP_WRITABLE : 0U);
}

bool wire_pending(const struct wire *wire)
{
    return wire->tls != NULL && tls_pending(wire->tls);
}
