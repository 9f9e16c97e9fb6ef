/*
 * subscription_scan - the lines of a subscription (subscription.h). Pure.
 *
 * A line that is begun is kept until its end comes; nothing is allocated.
 */
#ifndef MEMD_SUBSCRIPTION_SCAN_H
#define MEMD_SUBSCRIPTION_SCAN_H

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "discovery/names.h"
#include "memd/subscription.h"

struct subscription_scan {
    char line[SUBSCRIPTION_LINE_MAX];
    size_t used;
};

/* Exactly one of the two. */
struct subscription_news {
    uint32_t version;             /* CONFIG-CHANGED, when `uid` is "" */
    char uid[JOIN_UID_CHARS + 1]; /* JOIN-REQUESTED */
};

/* No line is begun. */
void subscription_scan_init(struct subscription_scan *scan);

/*
 * Take in bytes up to the end of one line, or all; `*used` of them. 1: `*out` is what the line
 * says; call again with the rest. 0: the line is not whole yet. ERR_PROTOCOL: it is none of a
 * subscription's.
 */
MUST_USE int subscription_scan(struct subscription_scan *scan, const char *bytes, size_t size,
                               size_t *used, struct subscription_news *out, struct err *err);

#endif
