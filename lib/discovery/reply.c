#include "discovery/reply.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"

#define RESPONSE_MAGIC 0x81
#define DECIMALS_MAX 20 /* of a number of 64 bits */

enum {
    STATUS_OK = 0x00,
    STATUS_NOT_FOUND = 0x01,
    STATUS_EXISTS = 0x02,
    STATUS_TOO_LARGE = 0x03,
    STATUS_INVALID = 0x04,
    STATUS_NOT_STORED = 0x05,
    STATUS_UNKNOWN_COMMAND = 0x81,
    STATUS_NO_MEMORY = 0x82,
    STATUS_BUSY = 0x85,
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
    [REPLY_BUSY] = { "SERVER_ERROR too many writes\r\n", STATUS_BUSY, "too many writes" },
    [REPLY_FAILED] = { "SERVER_ERROR out of memory storing object\r\n", STATUS_NO_MEMORY,
                       "Out of memory" },
    [REPLY_NO_ROOM] = { "SERVER_ERROR out of memory writing the answer\r\n", STATUS_NO_MEMORY,
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

/* An empty reply; the room for its head is left as it is, for its size is a good part of the cost.
 */
static void begin(struct reply *out)
{
    out->head_bytes = 0;
    out->body = NULL;
    out->body_bytes = 0;
    out->tail = NULL;
    out->tail_bytes = 0;
}

static void add_head(struct reply *out, const void *bytes, size_t size)
{
    CHECK(size <= REPLY_HEAD_SIZE - out->head_bytes);
    memcpy(out->head + out->head_bytes, bytes, size);
    out->head_bytes += size;
}

static void add_text(struct reply *out, const char *text)
{
    add_head(out, text, strlen(text));
}

/* In decimal. By hand: snprintf(3) would take longer than all the rest of a reply. */
static void add_number(struct reply *out, uint64_t number)
{
    char digits[DECIMALS_MAX];
    size_t at = sizeof(digits);

    do {
        at--;
        digits[at] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    add_head(out, digits + at, sizeof(digits) - at);
}

static void text_reply(struct reply *out, const char *text)
{
    begin(out);
    add_text(out, text);
}

/* A binary header for a body of `extras` + `key` + `value` bytes; they are added by the caller. */
static void binary_reply(const struct request *request, uint16_t status, uint64_t cas,
                         const size_t sizes[3], struct reply *out)
{
    char header[REQUEST_BINARY_HEADER_BYTES] = { 0 };

    begin(out);
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

/* What an answer names, and what it holds. */
struct item {
    const char *key;
    const char *bytes; /* NULL: there is no such thing */
    size_t size;
    uint64_t cas;
};

static void find_item(const struct request *request, const struct segment_cell *cell,
                      struct item *out)
{
    const bool record = request->kind == REQUEST_RECORD_GET;

    out->key = request->kind == REQUEST_CONFIG_GET ? "cluster" : record ? KEY_RECORD : KEY_PAYLOAD;
    out->bytes = cell->version == 0 ? NULL : record ? cell->record : cell->payload;
    out->size = record ? cell->record_bytes : cell->payload_bytes;
    out->cas = cell->version;
}

static void read_text(const struct request *request, const struct item *item, struct reply *out)
{
    static const char tail[] = "\r\nEND\r\n";

    if (item->bytes == NULL) {
        text_reply(out, "END\r\n");
        return;
    }
    text_reply(out, request->kind == REQUEST_CONFIG_GET ? "CONFIG " : "VALUE ");
    add_text(out, item->key);
    add_text(out, " 0 ");
    add_number(out, item->size);
    if (request->with_cas) {
        add_text(out, " ");
        add_number(out, item->cas);
    }
    add_text(out, "\r\n");
    out->body = item->bytes;
    out->body_bytes = item->size;
    out->tail = tail;
    out->tail_bytes = sizeof(tail) - 1;
}

/* getk and getkq name the key in their answers. */
static bool answers_with_key(const struct request *request)
{
    return request->opcode == 0x0c || request->opcode == 0x0d || request->opcode == 0x62 ||
           request->opcode == 0x63;
}

static void read_binary(const struct request *request, const struct item *item, struct reply *out)
{
    const char *key = answers_with_key(request) ? item->key : "";
    size_t sizes[] = { 0, strlen(key), 0 };
    const char flags[4] = { 0 };

    if (item->bytes == NULL) {
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
    sizes[0] = sizeof(flags);
    sizes[2] = item->size;
    binary_reply(request, STATUS_OK, item->cas, sizes, out);
    add_head(out, flags, sizeof(flags));
    add_head(out, key, sizes[1]);
    out->body = item->bytes;
    out->body_bytes = item->size;
}

static void read_item(const struct request *request, const struct item *item, struct reply *out)
{
    if (request->protocol == REQUEST_BINARY) {
        read_binary(request, item, out);
    } else {
        read_text(request, item, out);
    }
}

void reply_read(const struct request *request, const struct segment_cell *cell, struct reply *out)
{
    struct item item;

    find_item(request, cell, &item);
    read_item(request, &item, out);
}

void reply_join(const struct request *request, const char *bytes, size_t size, struct reply *out)
{
    char key[sizeof(KEY_JOIN) + JOIN_UID_CHARS];
    const struct item item = { .key = key, .bytes = bytes, .size = size };

    (void)snprintf(key, sizeof(key), KEY_JOIN "%s", request->uid);
    read_item(request, &item, out);
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

void reply_refuse_join(const struct request *request, const char *why, struct reply *out)
{
    char text[sizeof(REPLY_JOIN_REFUSED) + REPLY_WORD_CHARS_MAX + 2];

    (void)snprintf(text, sizeof(text), REPLY_JOIN_REFUSED "%.*s\r\n", REPLY_WORD_CHARS_MAX, why);
    if (request->protocol == REQUEST_TEXT) {
        text_reply(out, request->quiet ? "" : text);
        return;
    }
    text[strcspn(text, "\r")] = '\0';
    binary_message(request, STATUS_NOT_STORED, text + strlen("SERVER_ERROR "), out);
}

void reply_row(const struct request *request, size_t name_bytes, size_t value_bytes,
               struct reply *out)
{
    const size_t sizes[] = { 0, name_bytes, value_bytes };

    binary_reply(request, STATUS_OK, 0, sizes, out);
}

static void server_text(const struct request *request, struct reply *out)
{
    if (request->kind == REQUEST_VERSION) {
        text_reply(out, "VERSION " REPLY_SERVER_VERSION "\r\n");
    } else if (request->kind == REQUEST_VERBOSITY) {
        text_reply(out, request->quiet ? "" : "OK\r\n");
    } else {
        text_reply(out, request->kind == REQUEST_NOOP ? "MN\r\n" : "");
    }
}

static void server_binary(const struct request *request, struct reply *out)
{
    const bool silent = request->kind == REQUEST_QUIT && request->opcode == 0x17;

    if (silent) {
        text_reply(out, "");
    } else {
        binary_message(request, STATUS_OK,
                       request->kind == REQUEST_VERSION ? REPLY_SERVER_VERSION : "", out);
    }
}

void reply_server(const struct request *request, struct reply *out)
{
    if (request->protocol == REQUEST_BINARY) {
        server_binary(request, out);
    } else {
        server_text(request, out);
    }
}

void reply_joining(const char *uid, struct reply *out)
{
    char text[48];

    (void)snprintf(text, sizeof(text), "JOIN-REQUESTED %.*s\r\n", JOIN_UID_CHARS, uid);
    text_reply(out, text);
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
