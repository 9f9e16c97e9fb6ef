/*
 * reply - the bytes that answer a request of the partition, text and binary.
 *
 * A reply has up to three parts that belong in one write: fragments break clients that read a
 * reply as one packet. The middle part lies in the caller's memory (the payload or the record)
 * and is not copied.
 *
 *     config get cluster   ->  CONFIG cluster 0 <bytes>\r\n<payload>\r\nEND\r\n
 *     get <key>            ->  VALUE <key> 0 <bytes>\r\n<value>\r\nEND\r\n
 *     gets <key>           ->  VALUE <key> 0 <bytes> <version>\r\n<value>\r\nEND\r\n
 *     the same, with nothing to serve yet  ->  END\r\n, never an error: clients give up on one
 *     config delete        ->  NOT_FOUND\r\n: there is nothing that a client could delete
 *     writes               ->  as memcached answers a set; STORED means: handed to the watcher,
 *                              who will look at it
 *
 * Binary answers carry flags 0 and the version as cas; before the first configuration they are
 * "not found" (quiet ones: nothing). In every protocol, what is to be answered with nothing gives
 * an empty reply.
 */
#ifndef DISCOVERY_REPLY_H
#define DISCOVERY_REPLY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "discovery/request.h"
#include "discovery/segment.h"

#define REPLY_HEAD_SIZE 192
#define REPLY_PARTS 3
/* How the refusal of a request to join begins in text; the word follows. */
#define REPLY_JOIN_REFUSED "SERVER_ERROR join refused: "
#define REPLY_WORD_CHARS_MAX 24
#define REPLY_BYTES_MAX (REPLY_HEAD_SIZE + DISCOVERY_RECORD_BYTES_MAX + 8)

/* What the server side calls itself in `version` and `stats`: what clients ask for as minimum. */
#define REPLY_SERVER_VERSION "1.6.18"

struct reply {
    char head[REPLY_HEAD_SIZE];
    size_t head_bytes;
    const char *body;
    size_t body_bytes;
    const char *tail;
    size_t tail_bytes;
};

/* How a write went. */
enum reply_outcome {
    REPLY_STORED,
    REPLY_NOT_STORED,
    REPLY_EXISTS,
    REPLY_NOT_FOUND,
    REPLY_TOO_LARGE,
    REPLY_BAD_CHUNK,
    REPLY_BAD_UID,
    REPLY_OFF,     /* the inbox is switched off */
    REPLY_BUSY,    /* more writes than rate.h allows */
    REPLY_FAILED,  /* no memory, no disk */
    REPLY_NO_ROOM, /* for an answer of that length */
    REPLY_UNKNOWN_COMMAND,
};

/* The answer to a read, from `cell` (version 0: nothing to serve). It points into the cell. */
void reply_read(const struct request *request, const struct segment_cell *cell, struct reply *out);

/* The answer to a write, or a refusal of anything. */
void reply_write(const struct request *request, enum reply_outcome outcome, struct reply *out);

/* The answer to a request to join that was refused: `why` in a word. */
void reply_refuse_join(const struct request *request, const char *why, struct reply *out);

/* The answer to JOIN_GET: the request that is held under the uid; NULL: none is. */
void reply_join(const struct request *request, const char *bytes, size_t size, struct reply *out);

/* The answer to VERSION, VERBOSITY, NOOP or QUIT on a port without memcached. */
void reply_server(const struct request *request, struct reply *out);

/* Binary: the header of one packet of many that answer a request; its name and value follow. */
void reply_row(const struct request *request, size_t name_bytes, size_t value_bytes,
               struct reply *out);

/* The line that a subscriber gets on each change, and once at the beginning (0: none yet):
 * "CONFIG-CHANGED <version>\r\n". */
void reply_change(uint32_t version, struct reply *out);

/* The line that a subscriber gets for each join request: "JOIN-REQUESTED <uid>\r\n". */
void reply_joining(const char *uid, struct reply *out);

size_t reply_bytes(const struct reply *reply);

/* What is left of the reply behind its first `skip` bytes, for writev(2); returns the count. */
int reply_parts(const struct reply *reply, size_t skip, struct iovec parts[REPLY_PARTS]);

/* Copy the whole reply; `out` has room for reply_bytes(). */
void reply_copy(const struct reply *reply, char *out);

#endif
