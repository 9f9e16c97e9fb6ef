/*
 * preview_keys - what a change of the node list means for clients' keys.
 *
 * A key moves when clients ask another address for it than before. It is missed when it moves, or
 * when the node that it stays on starts empty. Told for the ways in which clients spread keys; by
 * libmemcached's own code where that takes the list, else as the share to be expected.
 */
#ifndef CLI_PREVIEW_KEYS_H
#define CLI_PREVIEW_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "reconciler/forecast.h"

#define PREVIEW_KEYS_TRIED 50000

/* way, its name, for whom */
#define PREVIEW_KEYS_WAYS(X)                                                                 \
    X(KETAMA_NAME, "ketama", "clients that hash nodes by their names (ketama)")              \
    X(KETAMA_IP, "ketama-by-address", "clients that hash nodes by their addresses (ketama)") \
    X(MODULO, "modulo", "clients that count positions in the list (modulo)")

enum preview_keys_way {
#define X(name, text, whom) PREVIEW_KEYS_##name,
    PREVIEW_KEYS_WAYS(X)
#undef X
        PREVIEW_KEYS_WAY_COUNT
};

struct preview_keys_share {
    bool tried;      /* with PREVIEW_KEYS_TRIED keys; else it is the share to be expected */
    uint32_t moved;  /* thousandths */
    uint32_t missed; /* thousandths */
};

struct preview_keys {
    bool known; /* there is a list before and one after */
    struct preview_keys_share shares[PREVIEW_KEYS_WAY_COUNT];
};

/* ERR_NOMEM. */
MUST_USE int preview_keys_find(const struct forecast *forecast, struct arena *arena,
                               struct preview_keys *out, struct err *err);

const char *preview_keys_way_text(enum preview_keys_way way);
const char *preview_keys_way_whom(enum preview_keys_way way);

#endif
