/*
 * clients - what a node's discovery port tells of those that asked for the configuration.
 *
 * The answer to `stats clients` (docs/discovery.md):
 *
 *     STAT since <seconds>                           of what is longer ago, not all is known
 *     STAT <address> <version> <seconds> <requests>  one row for each address
 *
 * Pure. Seconds are told as "so long ago", because the clocks of hosts differ.
 */
#ifndef MEMD_CLIENTS_H
#define MEMD_CLIENTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "discovery/pollers.h"
#include "discovery/tally.h"

#define CLIENTS_ASK "stats clients\r\n"
#define CLIENTS_SINCE "since"

/* Who asked within the last three minutes is a client that may ask again. */
#define CLIENTS_RECENT_S 180
/* Who is told to have asked within this may have asked within that. */
#define CLIENTS_WINDOW_S (CLIENTS_RECENT_S + TALLY_REFRESH_S)

/*
 * Add the rows of `reply` to `pollers`, with times on the asker's clock, which says `now_s`;
 * `*since_s` is from when on these are all (0: none is missing). ERR_PROTOCOL for anything that is
 * no such answer, ERROR of a node that does not know the question included; `pollers` may have got
 * some rows then.
 */
MUST_USE int clients_read(const char *reply, size_t reply_bytes, uint64_t now_s,
                          struct pollers *pollers, uint64_t *since_s, struct err *err);

/*
 * The lowest version that an address was handed last of those that were seen since `from_s`;
 * UINT32_MAX: there is none.
 */
uint32_t clients_lowest(const struct pollers *pollers, uint64_t from_s);

#endif
