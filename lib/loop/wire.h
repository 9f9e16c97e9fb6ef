/*
 * wire - the client's side of a connected socket, plain or TLS, with send(2) and recv(2) to it.
 *
 * Both fail with -1 and errno; EAGAIN waits for what wire_wants() says. The socket is the caller's.
 */
#ifndef LOOP_WIRE_H
#define LOOP_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "loop/tls.h"

struct wire {
    int fd;
    struct tls_stream *tls; /* NULL: plain */
};

/* `fd` has been connected. `context` NULL: plain. Ends a former connection first. */
MUST_USE int wire_open(struct wire *wire, int fd, struct tls_context *context, struct err *err);

/* Before `fd` is closed; a zeroed wire is fine. */
void wire_close(struct wire *wire);

/* EPROTO: TLS can't go on, for example because the peer's certificate is not trusted. */
ssize_t wire_send(struct wire *wire, const void *bytes, size_t size);
ssize_t wire_recv(struct wire *wire, void *bytes, size_t size);

/* What that `errno` of the last call means, in words. */
const char *wire_problem(const struct wire *wire, int error);

/* The events to wait for: reading always, writing when there is something `unsent` and TLS does not
 * wait for the peer first. */
unsigned wire_wants(const struct wire *wire, bool unsent);

/* Whether wire_recv() has more at once, of which no event will tell. */
bool wire_pending(const struct wire *wire);

#endif
