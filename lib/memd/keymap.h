/*
 * keymap - which node of a list clients ask for a key.
 *
 * libmemcached's own distributions, so that a change of a list can be told in keys: how many of
 * them clients look for elsewhere. Nothing is connected or resolved. Key number i is the text
 * "key:<i>"; the hashes spread such keys as evenly as any.
 */
#ifndef MEMD_KEYMAP_H
#define MEMD_KEYMAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"

#define KEYMAP_KEYS_MAX 1000000
#define KEYMAP_NODES_MAX 4096
#define KEYMAP_KETAMA_NODES_MAX 100 /* libmemcached 1.1.4 ends the program beyond */

enum keymap_kind {
    KEYMAP_KETAMA, /* consistent hashing over hostname and port, as ketama-compatible clients do */
    KEYMAP_MODULO, /* the hash modulo the length of the list: the position counts, not the name */
};

struct keymap_node {
    const char *hostname;
    uint16_t port;
};

/*
 * Fill `places`[0..keys-1] with the index of the node that is asked for each key. ERR_INVALID for
 * a list without nodes, ERR_LIMIT beyond the limits above, ERR_NOMEM.
 */
MUST_USE int keymap_find(enum keymap_kind kind, const struct keymap_node *nodes, size_t count,
                         uint32_t *places, size_t keys, struct err *err);

#endif
