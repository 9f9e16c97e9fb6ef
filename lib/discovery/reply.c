#include "discovery/reply.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"

#define RESPONSE_MAGIC 0x81

enum {
    STATUS_OK = 0x00,
    STATUS_NOT_FOUND = 0x01,
    STATUS_EXISTS = 0x02,
    STATUS_TOO_LARGE = 0x03,
    STATUS_INVALID = 0x04,
    STATUS_NOT_STORED = 0x05,
    STATUS_UNKNOWN_COMMAND = 0x81,
    STATUS_NO_MEMORY = 0x82,
};

static const struct {
    const char *text;
    uint16_t status;
    const char *message; /* the body of a binary refusal */
} outcomes[] = {
    [REPLY_STORED] = { "STORED\r\n", STATUS_OK, "" },
    [REPLY_NOT_STORED] = { "NOT_STORED\r\n", STATUS_NOT_STORED, "Not stored." },
    [REPLY_EXISTS] = { "EXISTS\r\n", STATUS_EXISTS, "Data exists for key." },
    [REPLY_NOT_FOUND] = { "NOT_FOUND\r\n", STATUS_NOT_FOUND, "Not found" },
    [REPLY_TOO_LARGE] = { "SERVER_ERROR object too large for cache\r\n", STATUS_TOO_LARGE,
                          "Too large." },
    [REPLY_BAD_CHUNK] = { "CLIENT_ERROR bad data chunk\r\n", STATUS_INVALID, "Invalid arguments" },
    [REPLY_BAD_UID] = { "CLIENT_ERROR the uid of a join is 16 hex digits\r\n", STATUS_INVALID,
                        "the uid of a join is 16 hex digits" },
    [REPLY_OFF] = { "SERVER_ERROR configuration writes are switched off\r\n", STATUS_NOT_STORED,
                    "configuration writes are switched off" },
    [REPLY_FAILED] = { "SERVER_ERROR out of memory storing object\r\n", STATUS_NO_MEMORY,
                       "Out of memory" },
    [REPLY_UNKNOWN_COMMAND] = { "ERROR\r\n", STATUS_UNKNOWN_COMMAND, "Unknown command" },
};

static void put_big_endian(char *at, uint64_t value, size_t size)
{
    while (0 < size) {
        size--;
        at[size] = (char)(value & 0xff);
        value >>= 8;
    }
}

static void add_head(struct reply *out, const void *bytes, size_t size)
{
    CHECK(size <= REPLY_HEAD_SIZE - out->head_bytes);
    memcpy(out->head + out->head_bytes, bytes, size);
    out->head_bytes += size;
}

static void text_reply(struct reply *out, const char *text)
{
    *out = (struct reply){ .head_bytes = 0 };
    add_head(out, text, strlen(text));
}

/* A binary header for a body of `extras` + `key` + `value` bytes; they are added by the caller. */
static void binary_reply(const struct request *request, uint16_t status, uint64_t cas,
                         const size_t sizes[3], struct reply *out)
{
    char header[REQUEST_BINARY_HEADER_BYTES] = { 0 };

    *out = (struct reply){ .head_bytes = 0 };
    header[0] = (char)RESPONSE_MAGIC;
    header[1] = (char)request->opcode;
    header[4] = (char)sizes[0];
    put_big_endian(header + 2, sizes[1], 2);
    put_big_endian(header + 6, status, 2);
    put_big_endian(header + 8, sizes[0] + sizes[1] + sizes[2], 4);
    memcpy(header + 12, &request->opaque, sizeof(request->opaque));
    put_big_endian(header + 16, cas, 8);
    add_head(out, header, sizeof(header));
}

static void binary_message(const struct request *request, uint16_t status, const char *message,
                           struct reply *out)
{
    const size_t sizes[] = { 0, 0, strlen(message) };

    binary_reply(request, status, 0, sizes, out);
    add_head(out, message, sizes[2]);
}

static const char *key_of(const struct request *request)
{
    return request->kind == REQUEST_CONFIG_GET    ? "cluster"
           : request->kind == REQUEST_PAYLOAD_GET ? KEY_PAYLOAD
                                                  : KEY_RECORD;
}

static void set_body(const struct request *request, const struct segment_cell *cell,
                     struct reply *out)
{
    const bool record = request->kind == REQUEST_RECORD_GET;

    out->body = record ? cell->record : cell->payload;
    out->body_bytes = record ? cell->record_bytes : cell->payload_bytes;
}

static void read_text(const struct request *request, const struct segment_cell *cell,
                      struct reply *out)
{
    static const char tail[] = "\r\nEND\r\n";
    char head[REPLY_HEAD_SIZE];
    int n;

    if (cell->version == 0) {
        text_reply(out, "END\r\n");
        return;
    }
    *out = (struct reply){ .tail = tail, .tail_bytes = sizeof(tail) - 1 };
    set_body(request, cell, out);
    n = snprintf(head, sizeof(head), "%s %s 0 %zu",
                 request->kind == REQUEST_CONFIG_GET ? "CONFIG" : "VALUE", key_of(request),
                 out->body_bytes);
    add_head(out, head, (size_t)n);
    if (request->with_cas) {
        n = snprintf(head, sizeof(head), " %u", cell->version);
        add_head(out, head, (size_t)n);
    }
    add_head(out, "\r\n", 2);
}

/* getk and getkq name the key in their answers. */
static bool answers_with_key(const struct request *request)
{
    return request->opcode == 0x0c || request->opcode == 0x0d || request->opcode == 0x62 ||
           request->opcode == 0x63;
}

static void read_binary(const struct request *request, const struct segment_cell *cell,
                        struct reply *out)
{
    const char *key = answers_with_key(request) ? key_of(request) : "";
    size_t sizes[] = { 0, strlen(key), 0 };
    const char flags[4] = { 0 };
    struct reply body = { .head_bytes = 0 };

    if (cell->version == 0) {
        if (request->quiet) {
            text_reply(out, "");
        } else if (sizes[1] != 0) {
            binary_reply(request, STATUS_NOT_FOUND, 0, sizes, out);
            add_head(out, key, sizes[1]);
        } else {
            binary_message(request, STATUS_NOT_FOUND, "Not found", out);
        }
        return;
    }
    set_body(request, cell, &body);
    sizes[0] = sizeof(flags);
    sizes[2] = body.body_bytes;
    binary_reply(request, STATUS_OK, cell->version, sizes, out);
    add_head(out, flags, sizeof(flags));
    add_head(out, key, sizes[1]);
    out->body = body.body;
    out->body_bytes = body.body_bytes;
}

void reply_read(const struct request *request, const struct segment_cell *cell, struct reply *out)
{
    if (request->protocol == REQUEST_BINARY) {
        read_binary(request, cell, out);
    } else {
        read_text(request, cell, out);
    }
}

void reply_write(const struct request *request, enum reply_outcome outcome, struct reply *out)
{
    if (request->protocol == REQUEST_TEXT) {
        text_reply(out, request->quiet ? "" : outcomes[outcome].text);
    } else if (request->quiet && (outcome == REPLY_STORED || outcome == REPLY_NOT_FOUND)) {
        text_reply(out, "");
    } else {
        binary_message(request, outcomes[outcome].status, outcomes[outcome].message, out);
    }
}

static void stats_binary(const struct request *request, uint32_t version, struct reply *out)
{
    const size_t end[] = { 0, 0, 0 };
    struct reply part;
    char number[16];
    const char *const rows[][2] = { { "version", REPLY_SERVER_VERSION },
                                    { "curr_config", number } };
    size_t i;

    (void)snprintf(number, sizeof(number), "%u", version);
    *out = (struct reply){ .head_bytes = 0 };
    for (i = 0; i < ARRAY_COUNT(rows); i++) {
        const size_t sizes[] = { 0, strlen(rows[i][0]), strlen(rows[i][1]) };

        binary_reply(request, STATUS_OK, 0, sizes, &part);
        add_head(out, part.head, part.head_bytes);
        add_head(out, rows[i][0], sizes[1]);
        add_head(out, rows[i][1], sizes[2]);
    }
    binary_reply(request, STATUS_OK, 0, end, &part);
    add_head(out, part.head, part.head_bytes);
}

static void stats_text(uint32_t version, struct reply *out)
{
    char text[REPLY_HEAD_SIZE];

    (void)snprintf(text, sizeof(text),
                   "STAT version " REPLY_SERVER_VERSION "\r\nSTAT curr_config %u\r\nEND\r\n",
                   version);
    text_reply(out, text);
}

static void server_text(const struct request *request, uint32_t version, struct reply *out)
{
    if (request->kind == REQUEST_STATS) {
        stats_text(version, out);
    } else if (request->kind == REQUEST_VERSION) {
        text_reply(out, "VERSION " REPLY_SERVER_VERSION "\r\n");
    } else {
        text_reply(out, request->kind == REQUEST_NOOP ? "MN\r\n" : "");
    }
}

static void server_binary(const struct request *request, uint32_t version, struct reply *out)
{
    const bool silent = request->kind == REQUEST_QUIT && request->opcode == 0x17;

    if (request->kind == REQUEST_STATS) {
        stats_binary(request, version, out);
    } else if (silent) {
        text_reply(out, "");
    } else {
        binary_message(request, STATUS_OK,
                       request->kind == REQUEST_VERSION ? REPLY_SERVER_VERSION : "", out);
    }
}

void reply_server(const struct request *request, uint32_t version, struct reply *out)
{
    if (request->protocol == REQUEST_BINARY) {
        server_binary(request, version, out);
    } else {
        server_text(request, version, out);
    }
}

void reply_change(uint32_t version, struct reply *out)
{
    char text[48];

    (void)snprintf(text, sizeof(text), "CONFIG-CHANGED %u\r\n", version);
    text_reply(out, text);
}

size_t reply_bytes(const struct reply *reply)
{
    return reply->head_bytes + reply->body_bytes + reply->tail_bytes;
}

int reply_parts(const struct reply *reply, size_t skip, struct iovec parts[REPLY_PARTS])
{
    const char *const from[REPLY_PARTS] = { reply->head, reply->body, reply->tail };
    const size_t sizes[REPLY_PARTS] = { reply->head_bytes, reply->body_bytes, reply->tail_bytes };
    int count = 0;
    size_t i;

    for (i = 0; i < REPLY_PARTS; i++) {
        size_t skipped = skip < sizes[i] ? skip : sizes[i];
        const char *at = from[i] == NULL ? NULL : from[i] + skipped;

        skip -= skipped;
        if (skipped < sizes[i]) {
            memcpy(&parts[count].iov_base, &at, sizeof(at)); /* iovec knows no const */
            parts[count].iov_len = sizes[i] - skipped;
            count++;
        }
    }
    return count;
}

void reply_copy(const struct reply *reply, char *out)
{
    struct iovec parts[REPLY_PARTS];
    int count = reply_parts(reply, 0, parts);
    int i;

    for (i = 0; i < count; i++) {
        memcpy(out, parts[i].iov_base, parts[i].iov_len);
        out += parts[i].iov_len;
    }
}
