/*
 * gate - whether the module may follow connections and answer at all.
 *
 * The kill switch is the file <partition>/active: where the partition has a segment and this file
 * is missing, the gate is shut. It is looked at (one access(2)) with a new connection or a command
 * of the partition, at most every GATE_CHECK_MS, so nothing is added to ordinary requests. It can
 * be opened again by making the file.
 *
 * The gate is also shut for good when memcached turns out to work in a way that the module does not
 * know.
 *
 * Each shutting ends a round. A connection belongs to the round in which it was accepted: once that
 * is over, all its bytes pass, also when the gate is open again, for its boundaries were not
 * followed in between. Any thread may call; what is said goes to stderr.
 */
#ifndef MODULE_GATE_H
#define MODULE_GATE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "discovery/names.h"

#define GATE_CHECK_MS 50U

struct gate {
    atomic_uint_fast64_t looked_ms; /* at the switch */
    atomic_uint round;
    atomic_bool shut;
    atomic_bool broken; /* for good */
    atomic_bool complained;
    char active[PARTITION_PATH_MAX + 16];
    char segment[PARTITION_PATH_MAX + 16];
};

/* Of the partition in the directory `partition`, which need not be there yet. */
void gate_init(struct gate *gate, const char *partition);

/* Look at the switch, if the last look is some time ago. */
bool gate_open(struct gate *gate);

unsigned gate_round(const struct gate *gate);

/* Say what keeps the module from answering at the moment, the first time. */
void gate_complain(struct gate *gate, const char *reason);

/* Shut for good; says why, once. */
void gate_break(struct gate *gate, const char *reason);

#endif
