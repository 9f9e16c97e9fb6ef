/*
 * relay - a TCP relay between a client under test and a real server, that can fail on demand.
 *
 * Runs on a thread of its own; calls take effect before they return. Lives as long as the test.
 */
#ifndef SUPPORT_RELAY_H
#define SUPPORT_RELAY_H

#include <stddef.h>
#include <stdint.h>

struct relay;

enum relay_mode {
    RELAY_PASS,
    RELAY_REFUSE,        /* nobody listens; connections are reset */
    RELAY_HOLD,          /* connections are accepted and kept, nothing moves: a frozen host */
    RELAY_HOLD_REPLIES,  /* requests reach the server, its answers do not come back */
    RELAY_HOLD_REQUESTS, /* answers come back, requests are kept: they arrive late */
    RELAY_CUT_REPLIES,   /* requests reach the server; its answer resets the connection */
    RELAY_CUT_REQUESTS,  /* what the client sends resets its connection; nothing arrives */
};

/* Listen at ip:port and relay to the target. */
struct relay *relay_start(const char *ip, uint16_t port, const char *target_ip,
                          uint16_t target_port);

/* What is held moves on when the mode changes to RELAY_PASS. */
void relay_set(struct relay *relay, enum relay_mode mode);

/* Let all bytes that come from now on arrive so much later, in both directions. */
void relay_delay(struct relay *relay, uint64_t ms);

/* Let every byte from now on travel in a segment of its own. */
void relay_drip(struct relay *relay);

/* Reset all connections that are open now. */
void relay_cut(struct relay *relay);

/* How many bytes of the server's have come and not yet been passed on; of the client's, while
 * RELAY_HOLD_REQUESTS is set. */
size_t relay_held_bytes(struct relay *relay);

/* How many connections were accepted so far. */
unsigned relay_connections(struct relay *relay);

#endif
