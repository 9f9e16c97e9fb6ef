/*
 * tracker - where commands begin in the stream that a client sends to memcached.
 *
 * Follows boundaries only: lines, data blocks, binary headers. It reads the same bytes that
 * memcached will read, in the same order, and says how many of them may be handed on; commands
 * of the partition are found at boundaries and never handed on.
 *
 * It never guesses. Only commands that every version of memcached frames alike are followed by
 * their own words. Behind any other line it hands on nothing until memcached itself has shown
 * what it waits for: a read of TRACKER_FRESH_BYTES (its empty buffer) is one for a new command,
 * any other size is that of the data that it still consumes. Where both are possible, because
 * the line announces so much data, the verdict is TRACKER_CLOSE. When memcached asks for what
 * contradicts the boundaries followed so far, the connection becomes opaque: all bytes pass and
 * nothing is answered any more.
 *
 * So that memcached's buffer is empty at each boundary, a command whose head is incomplete is
 * held back (TRACKER_PARTIAL) until it is complete or too long to be of interest.
 *
 * Where the listener wants a login, memcached gets it in pieces that can't hold more than one: text
 * up to a line end, a binary command alone. What it answers to the piece tells whether the login
 * was accepted (login.h).
 *
 * Pure; a struct tracker holds no memory and can be copied.
 */
#ifndef DISCOVERY_TRACKER_H
#define DISCOVERY_TRACKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "discovery/login.h"
#include "discovery/request.h"

/* What memcached asks for when it waits for a new command. */
#define TRACKER_FRESH_BYTES 16384

/* Which protocols the listener speaks: as the first byte says, or only one (`-B`). */
enum tracker_listener { TRACKER_ANY, TRACKER_TEXT_ONLY, TRACKER_BINARY_ONLY };

enum tracker_state {
    TRACKER_START,     /* nothing was read yet */
    TRACKER_LOGIN,     /* text: memcached takes logins only, a line at a time */
    TRACKER_COMMAND,   /* at a boundary */
    TRACKER_BODY,      /* `owed_bytes` of data belong to the command before */
    TRACKER_LONG_LINE, /* in a long multi-get: up to the line end */
    TRACKER_SETTLING,  /* behind a line of which memcached alone knows what follows */
    TRACKER_OPAQUE,    /* all bytes pass */
};

struct tracker {
    enum tracker_state state;
    enum tracker_listener listener;
    enum request_protocol protocol;
    uint64_t owed_bytes; /* BODY; SETTLING: asked for by memcached and not handed on yet */
    uint64_t odd_bytes;  /* SETTLING: what may at most follow the line from here on */
    size_t asked_bytes;  /* by the read that is being answered */
    bool enlarged;       /* a long line made memcached take a larger buffer than usual */
    bool filled;         /* to the brim: it reads on before it looks at what it has */
    struct login login;
};

enum tracker_verdict {
    TRACKER_ALL,     /* everything may be handed on */
    TRACKER_PARTIAL, /* what follows is the beginning of a command: keep it, read more */
    TRACKER_OURS,    /* what follows is a command of the partition */
    TRACKER_CUT,     /* keep what follows until memcached asks again */
    TRACKER_LATER,   /* hand on nothing now: memcached has to look at what it has first */
    TRACKER_CLOSE,   /* boundaries can't be known any more */
};

void tracker_init(struct tracker *tracker, enum tracker_listener listener);

/*
 * The listener wants a login: to be called behind tracker_init(). Until memcached has accepted one,
 * commands of the partition are handed on like all others.
 */
void tracker_guard(struct tracker *tracker, enum login_kind kind);

/* While tracker_listens(): memcached has sent these bytes to the client. */
bool tracker_listens(const struct tracker *tracker);
void tracker_hear(struct tracker *tracker, const char *bytes, size_t size);

/*
 * Memcached asks for `asked` bytes: to be called once for each of its reads, before the scan.
 * TRACKER_ALL: scan; TRACKER_LATER: there is nothing to read, for now; TRACKER_CLOSE: the
 * connection must end.
 */
enum tracker_verdict tracker_ask(struct tracker *tracker, size_t asked);

/*
 * Look at the next bytes of the stream. The first `*used` of them may be handed on now; the rest
 * is to be shown again, with more behind it, at the next call. With TRACKER_OURS `*ours` is what
 * begins there: its head lies in `bytes` whole; its body may not have come yet. The tracker stays
 * at that boundary: take the command out of the stream and go on.
 */
enum tracker_verdict tracker_scan(struct tracker *tracker, const char *bytes, size_t size,
                                  size_t *used, struct request *ours);

#endif
