/*
 * mix - a seeded, endless variety of what clients say to memcached.
 *
 * Each round is one connection's whole stream, with cuts; only its end may end the connection. The
 * same seed gives the same rounds. Everything in it has an answer that depends on nothing but the
 * stream and what was said before (no clocks, no process ids, and as newer versions flush by the
 * second, no flush), so that two servers that are told the same must answer the same.
 */
#ifndef TESTS_MODULE_MIX_H
#define TESTS_MODULE_MIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/module/talk.h"

#define MIX_BYTES_MAX (16U << 20)
#define MIX_CUTS_MAX 64

enum mix_kind {
    MIX_PLAIN,  /* memcached's commands only */
    MIX_READS,  /* and reads of the partition */
    MIX_WRITES, /* and writes to it; text only, and no cas is shown */
};

struct mix {
    uint64_t seed;
    uint64_t random;
    enum mix_kind kind;
    uint64_t operations; /* so far, in all rounds */
    bool harmless;     /* no value is long, or looks like a command of the partition or like a large
                          number: for a server that takes values for commands */
    bool ends_in_data; /* the last round; memcached may then lose answers to what came before */
    bool has_long_line; /* the last round; memcached drops it when its client ends too early */
    char bytes[MIX_BYTES_MAX];
    size_t size;
    size_t cuts[MIX_CUTS_MAX];
};

void mix_init(struct mix *mix, uint64_t seed, enum mix_kind kind);

/* The next round; it lies in `mix` and is valid until the next. */
struct speech mix_round(struct mix *mix);

#endif
