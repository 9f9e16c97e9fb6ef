/*
 * exchange - what a write to the partition does: it goes into the inbox, or it is refused.
 *
 * `set` always hands its value over; `add` only while nothing is served, `cas` only when the
 * version that it names is the one that is served. STORED tells that the watcher will look at the
 * value, not that it will be served.
 */
#ifndef DISCOVERY_EXCHANGE_H
#define DISCOVERY_EXCHANGE_H

#include <stdint.h>

#include "discovery/reply.h"
#include "discovery/request.h"
#include "discovery/segment.h"

/* Whether the request brings a value that has to be collected; false: it is answered at once. */
bool exchange_takes_value(const struct request *request);

/*
 * Whether a write whose body has come whole may be carried out: REPLY_STORED, or why not. `body` is
 * request->body_bytes long, `cell` what is served now.
 */
enum reply_outcome exchange_judge(const struct request *request, const char *body,
                                  const struct segment_cell *cell);

/*
 * Carry out a write whose body has come whole, if it may be: `body` is request->body_bytes long.
 * `inbox` is the path of the inbox, `n` counts its writes. `cell` is what is served now.
 */
enum reply_outcome exchange_write(const struct request *request, const char *body,
                                  const struct segment_cell *cell, const char *inbox, uint32_t n);

/* The outcome of a request of ours that takes no value and is no read. */
enum reply_outcome exchange_refusal(const struct request *request);

#endif
