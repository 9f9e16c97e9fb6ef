/*
 * memtext_scan - where a reply of memcached's text protocol ends. Pure.
 *
 * The scanner remembers how far it has come, so that a reply which arrives in many pieces is read
 * once. Data blocks are passed over by their announced length: whatever they contain is no line.
 */
#ifndef MEMD_MEMTEXT_SCAN_H
#define MEMD_MEMTEXT_SCAN_H

#include <stddef.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "memd/memtext.h"

struct memtext_scan {
    enum memtext_reply kind;
    size_t at; /* start of the first line that was not taken in yet */
};

/*
 * Look at all `size` bytes of the reply so far. 1: it is whole, its length with the last line end
 * in `*length`; 0: more is needed; ERR_PROTOCOL; ERR_LIMIT beyond MEMTEXT_REPLY_BYTES_MAX.
 */
MUST_USE int memtext_scan(struct memtext_scan *scan, const char *bytes, size_t size, size_t *length,
                          struct err *err);

#endif
