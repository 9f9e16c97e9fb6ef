/*
 * ring - which members of a configuration a node watches. Pure.
 *
 * Members stand in the order of their slots; a node watches the RING_SUCCESSORS next ones, the
 * first following the last, and never itself. One that is no member (not yet, or no longer)
 * watches as if it stood in its slot's place: so that it, too, learns of what is newer. Everybody
 * with the same configuration agrees on who watches whom.
 */
#ifndef WATCHER_RING_H
#define WATCHER_RING_H

#include <stddef.h>
#include <stdint.h>

#include "model/config.h"

#define RING_SUCCESSORS 3

/* The place of the node that asks: its slot, and its address (a successor of the same slot is
 * another node). */
struct ring_self {
    uint32_t slot;
    const char *ip;
    uint16_t port;
};

/* Indexes into `members`, nearest first; returns how many. */
size_t ring_successors(const struct member *members, size_t count, const struct ring_self *self,
                       size_t out[RING_SUCCESSORS]);

#endif
