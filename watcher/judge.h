/*
 * judge - whether a record may be put in force in a partition. Pure.
 */
#ifndef WATCHER_JUDGE_H
#define WATCHER_JUDGE_H

#include <stdint.h>

#include "base/err.h"
#include "codec/envelope.h"
#include "model/config.h"
#include "model/node.h"

/* Whose partition it is. */
struct partition_id {
    const char *cluster;
    uint32_t slot;
    const char *uid;
};

/* Outcomes beside 0. */
#define JUDGE_SAME 1 /* it is what is in force */
#define JUDGE_TWIN 2 /* verified, of the version in force, and with another content */

/*
 * Whether `config` may follow what is in force. 0: it may. JUDGE_SAME, JUDGE_TWIN (`err` tells of
 * it). ERR_UNVERIFIED, ERR_CONFLICT (another cluster or incarnation), ERR_INVALID (older).
 */
MUST_USE int judge_config(const struct config *config, const struct trusted_keys *keys,
                          const struct partition_id *id, const struct served *served,
                          uint32_t version_seen, struct err *err);

#endif
