#include "discovery/exchange.h"

#include <string.h>

#include "discovery/inbox.h"

bool exchange_takes_value(const struct request *request)
{
    size_t value_bytes_max = request_value_bytes_max(request->kind);

    return value_bytes_max != 0 && request_value_bytes(request) <= value_bytes_max;
}

enum reply_outcome exchange_refusal(const struct request *request)
{
    if (request_value_bytes_max(request->kind) != 0) {
        return REPLY_TOO_LARGE;
    }
    return REPLY_NOT_FOUND;
}

/* Whether a conditional write meets its condition. */
static enum reply_outcome admit(const struct request *request, const struct segment_cell *cell)
{
    switch (request->mode) {
    case REQUEST_SET:
        return REPLY_STORED;
    case REQUEST_ADD:
        return cell->version == 0 ? REPLY_STORED : REPLY_NOT_STORED;
    case REQUEST_CAS:
        if (cell->version == 0) {
            return REPLY_NOT_FOUND;
        }
        return cell->version == request->cas ? REPLY_STORED : REPLY_EXISTS;
    }
    return REPLY_NOT_STORED;
}

static bool body_ends_well(const struct request *request, const char *body)
{
    return request->protocol == REQUEST_BINARY ||
           memcmp(body + request->body_bytes - 2, "\r\n", 2) == 0;
}

enum reply_outcome exchange_judge(const struct request *request, const char *body,
                                  const struct segment_cell *cell)
{
    if (!body_ends_well(request, body)) {
        return REPLY_BAD_CHUNK;
    }
    if (request->kind == REQUEST_JOIN && request->uid[0] == '\0') {
        return REPLY_BAD_UID;
    }
    return admit(request, cell);
}

enum reply_outcome exchange_write(const struct request *request, const char *body,
                                  const struct segment_cell *cell, const char *inbox, uint32_t n)
{
    struct inbox_entry entry = { .kind = request->kind == REQUEST_JOIN ? INBOX_JOIN : INBOX_CONFIG,
                                 .value = body,
                                 .value_bytes = (size_t)request_value_bytes(request) };
    enum reply_outcome outcome = exchange_judge(request, body, cell);
    struct err err;
    int rv;

    if (outcome != REPLY_STORED) {
        return outcome;
    }
    memcpy(entry.uid, request->uid, sizeof(entry.uid));
    rv = inbox_put(inbox, n, &entry, &err);
    return rv == 0 ? REPLY_STORED : rv == INBOX_OFF ? REPLY_OFF : REPLY_FAILED;
}
