#include "discovery/pollers.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "discovery/checksum.h"

#define ROWS_FIRST 16

void pollers_deinit(struct pollers *pollers)
{
    free(pollers->rows);
    free(pollers->next);
    *pollers = (struct pollers){ .count = 0 };
}

bool poller_peer_equal(const struct poller_peer *a, const struct poller_peer *b)
{
    return a->family == b->family && memcmp(a->address, b->address, sizeof(a->address)) == 0;
}

static size_t bucket_of(const struct poller_peer *peer)
{
    return (size_t)(checksum64(peer, sizeof(*peer)) % POLLERS_BUCKETS);
}

static size_t find(const struct pollers *pollers, const struct poller_peer *peer)
{
    size_t i;

    if (pollers->capacity == 0) {
        return POLLERS_NONE;
    }
    i = pollers->buckets[bucket_of(peer)];
    while (i != POLLERS_NONE && !poller_peer_equal(&pollers->rows[i].peer, peer)) {
        i = pollers->next[i];
    }
    return i;
}

static size_t max_of(const struct pollers *pollers)
{
    return pollers->max == 0 ? POLLERS_MAX : pollers->max;
}

static bool grow(struct pollers *pollers)
{
    size_t capacity = pollers->capacity == 0 ? ROWS_FIRST : pollers->capacity * 2;
    size_t max = max_of(pollers);
    struct poller *rows;
    uint16_t *next;
    size_t i;

    capacity = capacity < max ? capacity : max;
    rows = realloc(pollers->rows, capacity * sizeof(*rows));
    if (rows == NULL) {
        return false;
    }
    pollers->rows = rows;
    next = realloc(pollers->next, capacity * sizeof(*next));
    if (next == NULL) {
        return false;
    }
    pollers->next = next;
    for (i = 0; pollers->capacity == 0 && i < POLLERS_BUCKETS; i++) {
        pollers->buckets[i] = POLLERS_NONE;
    }
    pollers->capacity = capacity;
    return true;
}

static size_t oldest(const struct pollers *pollers)
{
    size_t found = 0;
    size_t i;

    for (i = 1; i < pollers->count; i++) {
        if (pollers->rows[i].seen_s < pollers->rows[found].seen_s) {
            found = i;
        }
    }
    return found;
}

/* Take row `i` out of its bucket. */
static void unlink_row(struct pollers *pollers, size_t i)
{
    uint16_t *at = &pollers->buckets[bucket_of(&pollers->rows[i].peer)];

    while (*at != i) {
        at = &pollers->next[*at];
    }
    *at = pollers->next[i];
}

/* An empty row for `peer`; POLLERS_NONE without memory. */
static size_t add(struct pollers *pollers, const struct poller_peer *peer)
{
    size_t bucket = bucket_of(peer);
    size_t i = pollers->count;

    if (pollers->count == max_of(pollers)) {
        i = oldest(pollers);
        unlink_row(pollers, i);
    } else if (pollers->count == pollers->capacity && !grow(pollers)) {
        return POLLERS_NONE;
    }
    pollers->rows[i] = (struct poller){ .peer = *peer };
    pollers->next[i] = pollers->buckets[bucket];
    pollers->buckets[bucket] = (uint16_t)i;
    pollers->count += i == pollers->count ? 1 : 0;
    return i;
}

size_t pollers_note(struct pollers *pollers, const struct poller *seen, bool *news)
{
    struct poller *row;
    bool known;
    size_t i;

    if (seen->peer.family == POLLER_NONE || POLLER_FAMILIES <= seen->peer.family) {
        return POLLERS_NONE;
    }
    i = find(pollers, &seen->peer);
    known = i != POLLERS_NONE;
    if (!known) {
        i = add(pollers, &seen->peer);
    }
    if (i == POLLERS_NONE) {
        return i;
    }
    row = &pollers->rows[i];
    if (news != NULL) {
        *news = !known || row->version < seen->version;
    }
    row->count += seen->count;
    row->version = row->version < seen->version ? seen->version : row->version;
    row->seen_s = row->seen_s < seen->seen_s ? seen->seen_s : row->seen_s;
    return i;
}

uint64_t pollers_since_s(const struct pollers *pollers, uint64_t since_s)
{
    uint64_t oldest_s = 0;

    if (pollers->count == max_of(pollers)) {
        oldest_s = pollers->rows[oldest(pollers)].seen_s;
    }
    return since_s < oldest_s ? oldest_s : since_s;
}

const struct poller *pollers_find(const struct pollers *pollers, const struct poller_peer *peer)
{
    size_t i = find(pollers, peer);

    return i == POLLERS_NONE ? NULL : &pollers->rows[i];
}

/* ---- Peers ---- */

static void inet_peer(const struct in_addr *address, struct poller_peer *out)
{
    out->family = POLLER_INET;
    memcpy(out->address, address, sizeof(*address));
}

static void inet6_peer(const struct in6_addr *address, struct poller_peer *out)
{
    struct in_addr mapped;

    if (IN6_IS_ADDR_V4MAPPED(address)) {
        memcpy(&mapped, address->s6_addr + sizeof(*address) - sizeof(mapped), sizeof(mapped));
        inet_peer(&mapped, out);
        return;
    }
    out->family = POLLER_INET6;
    memcpy(out->address, address, sizeof(*address));
}

void poller_peer_of(const struct sockaddr *address, socklen_t size, struct poller_peer *out)
{
    struct sockaddr_in inet;
    struct sockaddr_in6 inet6;

    *out = (struct poller_peer){ .family = POLLER_NONE };
    if (size < sizeof(address->sa_family)) {
        return;
    }
    if (address->sa_family == AF_UNIX) {
        out->family = POLLER_UNIX;
    } else if (address->sa_family == AF_INET && sizeof(inet) <= size) {
        memcpy(&inet, address, sizeof(inet));
        inet_peer(&inet.sin_addr, out);
    } else if (address->sa_family == AF_INET6 && sizeof(inet6) <= size) {
        memcpy(&inet6, address, sizeof(inet6));
        inet6_peer(&inet6.sin6_addr, out);
    }
}

void poller_peer_format(const struct poller_peer *peer, char out[POLLER_TEXT_SIZE])
{
    const char *other = peer->family == POLLER_UNIX ? "unix" : "-";

    if ((peer->family != POLLER_INET && peer->family != POLLER_INET6) ||
        inet_ntop(peer->family == POLLER_INET ? AF_INET : AF_INET6, peer->address, out,
                  POLLER_TEXT_SIZE) == NULL) {
        memcpy(out, other, strlen(other) + 1);
    }
}

bool poller_peer_parse(const char *text, struct poller_peer *out)
{
    struct in_addr inet;
    struct in6_addr inet6;

    *out = (struct poller_peer){ .family = POLLER_NONE };
    if (strcmp(text, "unix") == 0) {
        out->family = POLLER_UNIX;
    } else if (inet_pton(AF_INET, text, &inet) == 1) {
        inet_peer(&inet, out);
    } else if (inet_pton(AF_INET6, text, &inet6) == 1) {
        inet6_peer(&inet6, out);
    }
    return out->family != POLLER_NONE;
}
