/*
 * spread - which node of a list a client asks for a key, by the three ways that clients declare.
 *
 * Pure, and the same to the bit as
 *   ketama      libmemcached with KETAMA_WEIGHTED and equal weights: 160 points of each node (156
 *               for some lengths of the list, by the rounding of its floats), MD5 of
 *               "<hostname>:<port>-<i>", and of "<hostname>-<i>" where the port is 11211;
 *   modulo      libmemcached's default: one-at-a-time modulo the length of the list;
 *   rendezvous  pymemcache's HashClient: the highest murmur3 of "<hostname>:<port>-<key>".
 *
 * (libmemcached's plain KETAMA, 100 points of each node, places keys elsewhere.)
 */
#ifndef HASHING_SPREAD_H
#define HASHING_SPREAD_H

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "model/spec.h"

#define SPREAD_NODES_MAX 4096
#define SPREAD_KEY_BYTES_MAX 250
#define SPREAD_NODE_TEXT_MAX 300 /* "<hostname>:<port>" */

struct spread_node {
    const char *hostname;
    uint16_t port;
};

struct spread;

/* Lay out the nodes of a list, whose names are copied. ERR_INVALID for none, ERR_LIMIT, ERR_NOMEM.
 */
MUST_USE int spread_new(enum spec_hashing hashing, const struct spread_node *nodes, size_t count,
                        struct spread **out, struct err *err);
void spread_free(struct spread *spread);
DEFINE_CLEANUP(struct spread, spread_free);

/* The place in the list of the node that is asked for the key. */
size_t spread_find(const struct spread *spread, const char *key, size_t size);

#endif
