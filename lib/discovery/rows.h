/*
 * rows - an answer of any length that is made piece by piece: the rows of `stats`, text and binary.
 *
 *     STAT <name> <value>\r\n … END\r\n         binary: one packet for each row, an empty one at
 * the end
 *
 * One buffer serves one answer after the other; it is given back when it has grown beyond what
 * answers usually need. A failure sticks until rows_begin(); rows_end() then makes the answer a
 * refusal as a whole, never half a list.
 */
#ifndef DISCOVERY_ROWS_H
#define DISCOVERY_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "discovery/reply.h"
#include "discovery/request.h"

#define ROWS_BYTES_MAX (512U << 10)
#define ROWS_KEPT_BYTES_MAX 8192U /* of memory between answers */
#define ROWS_NAME_BYTES_MAX 127
#define ROWS_VALUE_BYTES_MAX 1023

struct rows {
    const struct request *request; /* whose answer it is */
    char *bytes;
    size_t size;
    size_t capacity;
    bool failed;
};

/* Release the memory. */
void rows_deinit(struct rows *rows);

/* Begin the answer to `request`, which stays the caller's until rows_end(). */
void rows_begin(struct rows *rows, const struct request *request);

/* Add a row. Names and values that are too long are cut; what would end a line becomes '?'. */
void rows_add(struct rows *rows, const char *name, const char *value);
void rows_add_number(struct rows *rows, const char *name, uint64_t value);
void rows_addf(struct rows *rows, const char *name, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Add bytes as they are; for answers that consist of lines. */
void rows_append(struct rows *rows, const void *bytes, size_t size);

/* What was added, with its end, as a reply that points into `rows`: valid until the next begin. */
void rows_end(struct rows *rows, struct reply *out);

/* The same for lines that were appended: nothing is put behind them. */
void rows_end_lines(struct rows *rows, struct reply *out);

#endif
