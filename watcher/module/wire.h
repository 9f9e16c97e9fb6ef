/*
 * wire - how bytes come from a client and go to it: through the socket, or TLS on it.
 */
#ifndef MODULE_WIRE_H
#define MODULE_WIRE_H

#include <stddef.h>
#include <sys/types.h>

#include "watcher/module/conn.h"

/*
 * As read(2), and as SSL_read(3), whose error memcached can ask for then. Sets conn->pending where
 * TLS has decrypted more than was asked for: no event of the kernel's tells of it.
 */
ssize_t wire_read(struct conn *conn, void *out, size_t size);

/*
 * Send what is left of conn->reply. 0: all is sent. WIRE_BLOCKED: the rest waits for
 * conn->send_event of epoll. -1 with errno: the connection is broken. A reply that fits
 * TLS_RECORD_BYTES is one packet, or one record.
 */
#define WIRE_BLOCKED 1
MUST_USE int wire_send(struct conn *conn);

/* Nothing more is to be sent. */
void wire_send_end(struct conn *conn);

#endif
