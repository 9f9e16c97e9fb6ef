/*
 * memtext - one text-protocol connection to a memcached, for what libmemcached has no call for:
 * `version`, `stats …`, `config get cluster`, and reading back what a data port serves.
 *
 * Non-blocking on the loop; connects when first asked and again after a failure; requests are
 * answered in order. `done` comes once per request, never from inside the call. A reply is at
 * most MEMTEXT_REPLY_BYTES_MAX, else ERR_LIMIT and the connection is closed. What is asked inside
 * the `done` of an answer goes out on the connection that has answered, or fails: so a port can be
 * asked first who it is. Freed inside `done`, the reply stays valid until that returns.
 */
#ifndef MEMD_MEMTEXT_H
#define MEMD_MEMTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "loop/loop.h"
#include "loop/tls.h"

#define MEMTEXT_REPLY_BYTES_MAX (1U << 20)
#define MEMTEXT_PENDING_MAX 64
#define MEMTEXT_CLOSED "the connection was closed" /* by the other side: a failure's message */

struct memtext;

/* How the end of a reply is recognised. */
enum memtext_reply {
    MEMTEXT_LINE, /* one line */
    MEMTEXT_END, /* up to "END\r\n"; data blocks of VALUE and CONFIG lines are passed over by length
                  */
};

/* `reply` without its last CRLF, NUL-terminated; NULL on failure. An error line (ERROR,
 * SERVER_ERROR …) is a reply. */
typedef void memtext_fn(void *ctx, const char *reply, size_t reply_bytes, const struct err *err);

MUST_USE int memtext_new(struct loop *loop, const char *ip, uint16_t port, uint64_t timeout_ms,
                         struct memtext **out, struct err *err);
void memtext_free(struct memtext *memtext);
/* Speak TLS from the next connection on: with `*tls` as it is then; NULL there is plain text. What
 * it points to is borrowed. */
void memtext_use_tls(struct memtext *memtext, struct tls_context *const *tls);
DEFINE_CLEANUP(struct memtext, memtext_free);

/* Send one request, CRLF included. ERR_LIMIT when MEMTEXT_PENDING_MAX are unanswered. */
MUST_USE int memtext_ask(struct memtext *memtext, const char *request, size_t request_bytes,
                         enum memtext_reply kind, memtext_fn *done, void *ctx, struct err *err);

/*
 * Who answers at a port: MEMTEXT_ASK_WHO gets one line, for which a partition says NOT_FOUND and
 * does nothing, and a plain memcached ERROR. Unlike `config get cluster`, no partition takes it for
 * the question of a client, which it would count among those that have polled.
 */
#define MEMTEXT_ASK_WHO "config delete cluster\r\n"
bool memtext_is_partition(const char *reply, size_t reply_bytes);

/*
 * The data block of a reply "VALUE <key> <flags> <bytes>[ <cas>]\r\n<data>\r\nEND" or "CONFIG …";
 * 0 and the block inside `reply`, ERR_NOT_FOUND for a bare END, ERR_PROTOCOL for anything else.
 */
MUST_USE int memtext_block(const char *reply, size_t reply_bytes, const char **block,
                           size_t *block_bytes, struct err *err);

#endif
