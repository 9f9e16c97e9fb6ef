/*
 * pollers - who has asked for the configuration, and the newest version that each was handed.
 *
 * A bounded table in memory, one row for each address. When it is full, the one that was seen
 * longest ago gives way. Several clients at one address (behind one NAT, or several
 * processes of a host) share a row: what the first of them learns counts for all.
 *
 * The table grows with its rows and takes no memory before the first. Not for several threads.
 * Times are seconds of the machine's monotonic clock, which all of its processes share.
 */
#ifndef DISCOVERY_POLLERS_H
#define DISCOVERY_POLLERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/cleanup.h"

#define POLLERS_MAX 1024
#define POLLERS_NONE UINT16_MAX /* the index of no row */
#define POLLERS_BUCKETS 512

/* NONE: nothing is known of who asks. A mapped IPv4 address is INET. */
enum poller_family { POLLER_NONE, POLLER_INET, POLLER_INET6, POLLER_UNIX };
#define POLLER_FAMILIES 4

struct poller_peer {
    uint8_t family; /* enum poller_family */
    uint8_t address[16];
};

#define POLLER_TEXT_SIZE 48 /* "unix", or an address and NUL */

struct poller {
    struct poller_peer peer;
    uint32_t version; /* the newest that it was handed; 0: none */
    uint64_t count;   /* of its requests */
    uint64_t seen_s;  /* its last one */
};

struct pollers {
    struct poller *rows;
    uint16_t *next; /* in its bucket; POLLERS_NONE: the last */
    size_t count;
    size_t capacity;
    size_t max; /* at most so many rows, below POLLERS_NONE; 0: POLLERS_MAX */
    uint16_t buckets[POLLERS_BUCKETS]; /* valid while 0 < capacity */
};

/* A zeroed table is empty; so it is again afterwards, `max` included. */
void pollers_deinit(struct pollers *pollers);

/*
 * Add what `seen` tells to the row of its peer: its requests, and its version and time where they
 * are newer. Returns the index of the row, which stays its until it gives way to another, or
 * POLLERS_NONE for a peer of no family and without memory. `news` (may be NULL): the row is a new
 * one, or its version has grown.
 */
size_t pollers_note(struct pollers *pollers, const struct poller *seen, bool *news);

/*
 * From when on the table tells of everybody, when it does so from `since_s` on as far as the caller
 * knows: of a full one, rows that are older than all that are left have given way.
 */
uint64_t pollers_since_s(const struct pollers *pollers, uint64_t since_s);

/* The row of `peer`, or NULL. */
const struct poller *pollers_find(const struct pollers *pollers, const struct poller_peer *peer);

/* Whether both are the same. */
bool poller_peer_equal(const struct poller_peer *a, const struct poller_peer *b);

/* Who an address of accept(2) or getpeername(2) is. */
void poller_peer_of(const struct sockaddr *address, socklen_t size, struct poller_peer *out);

/* "10.0.0.7", "fd00::7" or "unix". */
void poller_peer_format(const struct poller_peer *peer, char out[POLLER_TEXT_SIZE]);

/* Whether `text` is one of them. */
MUST_USE bool poller_peer_parse(const char *text, struct poller_peer *out);

#endif
