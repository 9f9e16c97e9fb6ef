/*
 * tls - TLS on non-blocking sockets, both sides: TLS 1.2 and later, no renegotiation, no
 * compression.
 *
 * A context holds a certificate, its key, and whom to trust; a stream is one connection. A stream
 * keeps its context alive, so a context can be replaced while its streams go on. The socket stays
 * the caller's, who watches it for what tls_wants() says. Idle streams give their buffers back.
 */
#ifndef LOOP_TLS_H
#define LOOP_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "base/err.h"

struct tls_context;
struct tls_stream;

/* Paths of PEM files. */
struct tls_files {
    const char *cert; /* the chain, own certificate first; NULL: none (clients only) */
    const char *key;  /* of the certificate */
    const char *ca;   /* who may have signed the peer's certificate; NULL: peers show none */
    /* What the server's certificate must be made out to, as a subjectAltName (clients only): this
     * DNS name, no wildcard, domain or ""; or TLS_NAME_ADDRESS, the IP address that was connected
     * to. NULL: it is not looked at. */
    const char *name;
};

#define TLS_NAME_ADDRESS "address"

/*
 * For the side that accepts. With `ca`, clients must show a certificate. ERR_INVALID: a file can't
 * be read, or the key is not the certificate's; the message names the file.
 */
MUST_USE int tls_server_new(const struct tls_files *files, struct tls_context **out,
                            struct err *err);

/* For the side that connects; the server's certificate must be signed by `ca`, which is needed, and
 * made out to `name`, if there is one. */
MUST_USE int tls_client_new(const struct tls_files *files, struct tls_context **out,
                            struct err *err);
void tls_context_free(struct tls_context *context);
DEFINE_CLEANUP(struct tls_context, tls_context_free);

/* A stream on `fd`; nothing is sent yet. The handshake is made by the first reads and writes. */
MUST_USE int tls_stream_new(struct tls_context *context, int fd, struct tls_stream **out,
                            struct err *err);

/* Tells the peer of the end, as far as the socket takes it; `fd` is still to be closed. */
void tls_stream_free(struct tls_stream *stream);
DEFINE_CLEANUP(struct tls_stream, tls_stream_free);

#define TLS_AGAIN (-1)  /* nothing now: wait for what tls_wants() says, then call again */
#define TLS_FAILED (-2) /* the connection is of no use any more */

/* What was read, at least 1 byte; 0: the peer has ended; TLS_AGAIN; TLS_FAILED. */
ssize_t tls_read(struct tls_stream *stream, void *bytes, size_t size);

/* What was taken, at least 1 byte; TLS_AGAIN (then the same bytes must come again, with or without
 * more behind them); TLS_FAILED. One record, and one write, takes up to 16 KiB. */
ssize_t tls_write(struct tls_stream *stream, const void *bytes, size_t size);

/* Why it failed, in a few words; they are constant. */
const char *tls_problem(const struct tls_stream *stream);

/* LOOP_READABLE or LOOP_WRITABLE: what the last TLS_AGAIN waits for; 0: nothing. */
unsigned tls_wants(const struct tls_stream *stream);

/* Whether bytes that were received already can be read; no event of the socket will tell of them.
 */
bool tls_pending(const struct tls_stream *stream);

/* Whether the handshake is over. */
bool tls_established(const struct tls_stream *stream);

#endif
