#include "hashing/spread.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "hashing/key_hash.h"
#include "hashing/md5.h"

#define POINTS_PER_NODE 160
#define POINTS_PER_DIGEST 4
#define DEFAULT_PORT 11211

struct point {
    uint32_t value;
    uint32_t place;
};

struct spread {
    enum spec_hashing hashing;
    size_t count;
    struct point *points; /* ketama; ascending */
    size_t points_count;
    char (*names)[SPREAD_NODE_TEXT_MAX]; /* rendezvous */
};

/* ---- Ketama ---- */

/* Digests of each node, in the arithmetic of libmemcached, whose rounding counts. */
static unsigned digests_of(size_t count)
{
    float share = 1.0F / (float)count;
    float product = share * (float)POINTS_PER_NODE / (float)POINTS_PER_DIGEST * (float)count;

    return (unsigned)floorf((float)((double)product + 0.0000000001));
}

static int by_value(const void *a, const void *b)
{
    const struct point *x = a;
    const struct point *y = b;

    if (x->value != y->value) {
        return x->value < y->value ? -1 : 1;
    }
    return (x->place > y->place) - (x->place < y->place);
}

static void add_points(struct spread *spread, uint32_t place, const struct spread_node *node,
                       unsigned digests)
{
    unsigned i;
    unsigned k;

    for (i = 0; i < digests; i++) {
        unsigned char digest[MD5_BYTES];
        char text[SPREAD_NODE_TEXT_MAX + 16];
        int size = node->port == DEFAULT_PORT
                       ? snprintf(text, sizeof(text), "%s-%u", node->hostname, i)
                       : snprintf(text, sizeof(text), "%s:%u-%u", node->hostname, node->port, i);

        md5(text, (size_t)size, digest);
        for (k = 0; k < POINTS_PER_DIGEST; k++) {
            const unsigned char *at = digest + (size_t)k * 4;

            spread->points[spread->points_count++] = (struct point){
                .value = (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
                         (uint32_t)at[3] << 24,
                .place = place,
            };
        }
    }
}

static int lay_points(struct spread *spread, const struct spread_node *nodes, struct err *err)
{
    const unsigned digests = digests_of(spread->count);
    size_t i;

    spread->points =
        mem_calloc(spread->count * (digests + 1) * POINTS_PER_DIGEST, sizeof(*spread->points));
    if (spread->points == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for %zu nodes", spread->count);
    }
    for (i = 0; i < spread->count; i++) {
        add_points(spread, (uint32_t)i, &nodes[i], digests);
    }
    qsort(spread->points, spread->points_count, sizeof(*spread->points), by_value);
    return 0;
}

/* The first point that is not below the key's hash; behind the last one comes the first. */
static size_t find_point(const struct spread *spread, uint32_t hash)
{
    size_t low = 0;
    size_t high = spread->points_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (spread->points[middle].value < hash) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return spread->points[low == spread->points_count ? 0 : low].place;
}

/* ---- Rendezvous ---- */

static int name_nodes(struct spread *spread, const struct spread_node *nodes, struct err *err)
{
    size_t i;

    spread->names = mem_calloc(spread->count, sizeof(*spread->names));
    if (spread->names == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for %zu nodes", spread->count);
    }
    for (i = 0; i < spread->count; i++) {
        (void)snprintf(spread->names[i], sizeof(spread->names[i]), "%s:%u", nodes[i].hostname,
                       nodes[i].port);
    }
    return 0;
}

/* Of equal scores the name that is later in the order of texts wins. */
static size_t find_highest(const struct spread *spread, const char *key, size_t size)
{
    char text[SPREAD_NODE_TEXT_MAX + SPREAD_KEY_BYTES_MAX + 2];
    uint32_t highest = 0;
    size_t winner = 0;
    size_t i;

    for (i = 0; i < spread->count; i++) {
        size_t name_size = strlen(spread->names[i]);
        uint32_t score;

        memcpy(text, spread->names[i], name_size);
        text[name_size] = '-';
        memcpy(text + name_size + 1, key, size);
        score = key_hash_murmur3(text, name_size + 1 + size);
        if (i == 0 || highest < score ||
            (score == highest && strcmp(spread->names[winner], spread->names[i]) < 0)) {
            highest = score;
            winner = i;
        }
    }
    return winner;
}

/* ---- All of them ---- */

int spread_new(enum spec_hashing hashing, const struct spread_node *nodes, size_t count,
               struct spread **out, struct err *err)
{
    CLEANUP(spread_free_p) struct spread *spread = NULL;
    size_t i;
    int rv = 0;

    if (count == 0) {
        return err_set(err, ERR_INVALID, "a list without nodes has no place for keys");
    }
    if (SPREAD_NODES_MAX < count) {
        return err_set(err, ERR_LIMIT, "more than %d nodes", SPREAD_NODES_MAX);
    }
    for (i = 0; i < count; i++) {
        if (SPREAD_NODE_TEXT_MAX - 8 < strlen(nodes[i].hostname)) {
            return err_set(err, ERR_LIMIT, "the name of a node is too long");
        }
    }
    spread = mem_calloc(1, sizeof(*spread));
    if (spread == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for %zu nodes", count);
    }
    spread->hashing = hashing;
    spread->count = count;
    if (hashing == SPEC_HASHING_KETAMA) {
        rv = lay_points(spread, nodes, err);
    } else if (hashing == SPEC_HASHING_RENDEZVOUS) {
        rv = name_nodes(spread, nodes, err);
    }
    if (rv < 0) {
        return rv;
    }
    *out = TAKE(spread);
    return 0;
}

void spread_free(struct spread *spread)
{
    if (spread == NULL) {
        return;
    }
    free(spread->points);
    free(spread->names);
    free(spread);
}

size_t spread_find(const struct spread *spread, const char *key, size_t size)
{
    CHECK(size <= SPREAD_KEY_BYTES_MAX);
    switch (spread->hashing) {
    case SPEC_HASHING_KETAMA:
        return find_point(spread, key_hash_md5(key, size));
    case SPEC_HASHING_MODULO:
        return key_hash_one_at_a_time(key, size) % spread->count;
    case SPEC_HASHING_RENDEZVOUS:
        break;
    }
    return find_highest(spread, key, size);
}
