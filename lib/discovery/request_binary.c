#include "discovery/request.h"

#include <string.h>

#include "discovery/inbox.h"

#define VALUE_BYTES_MAX (1U << 30) /* memcached's largest item size */

enum {
    OPCODE_GET = 0x00,
    OPCODE_SET = 0x01,
    OPCODE_ADD = 0x02,
    OPCODE_GETQ = 0x09,
    OPCODE_GETK = 0x0c,
    OPCODE_GETKQ = 0x0d,
    OPCODE_STAT = 0x10,
    OPCODE_SETQ = 0x11,
    OPCODE_ADDQ = 0x12,
    OPCODE_CONFIG_FIRST = 0x60,
    OPCODE_CONFIG_GETQ = 0x61,
    OPCODE_CONFIG_GETKQ = 0x63,
    OPCODE_CONFIG_SET = 0x64,
    OPCODE_CONFIG_DELETE = 0x66,
};

enum part { NEVER, ALWAYS, EITHER };

/* The shape with which every version frames an opcode alike. */
struct shape {
    uint8_t opcode;
    uint8_t extras_bytes;
    enum part key;
    enum part value;
    enum request_kind kind;
};

/* clang-format off */
static const struct shape shapes[] = {
    /* opcode, extras, key,    value */
    { OPCODE_GET,   0, ALWAYS, NEVER,  REQUEST_PLAIN },
    { OPCODE_GETQ,  0, ALWAYS, NEVER,  REQUEST_PLAIN },
    { OPCODE_GETK,  0, ALWAYS, NEVER,  REQUEST_PLAIN },
    { OPCODE_GETKQ, 0, ALWAYS, NEVER,  REQUEST_PLAIN },
    { OPCODE_SET,   8, ALWAYS, EITHER, REQUEST_PLAIN },
    { OPCODE_SETQ,  8, ALWAYS, EITHER, REQUEST_PLAIN },
    { 0x0a,         0, NEVER,  NEVER,  REQUEST_NOOP },
    { OPCODE_ADD,   8, ALWAYS, EITHER, REQUEST_PLAIN },
    { OPCODE_ADDQ,  8, ALWAYS, EITHER, REQUEST_PLAIN },
    { 0x03,         8, ALWAYS, EITHER, REQUEST_PLAIN }, /* replace */
    { 0x13,         8, ALWAYS, EITHER, REQUEST_PLAIN },
    { 0x04,         0, ALWAYS, NEVER,  REQUEST_PLAIN }, /* delete */
    { 0x14,         0, ALWAYS, NEVER,  REQUEST_PLAIN },
    { 0x05,        20, ALWAYS, NEVER,  REQUEST_PLAIN }, /* increment, decrement */
    { 0x06,        20, ALWAYS, NEVER,  REQUEST_PLAIN },
    { 0x15,        20, ALWAYS, NEVER,  REQUEST_PLAIN },
    { 0x16,        20, ALWAYS, NEVER,  REQUEST_PLAIN },
    { 0x0e,         0, ALWAYS, EITHER, REQUEST_PLAIN }, /* append, prepend */
    { 0x0f,         0, ALWAYS, EITHER, REQUEST_PLAIN },
    { 0x19,         0, ALWAYS, EITHER, REQUEST_PLAIN },
    { 0x1a,         0, ALWAYS, EITHER, REQUEST_PLAIN },
    { 0x1c,         4, ALWAYS, NEVER,  REQUEST_PLAIN }, /* touch, get and touch */
    { 0x1d,         4, ALWAYS, NEVER,  REQUEST_PLAIN },
    { 0x1e,         4, ALWAYS, NEVER,  REQUEST_PLAIN },
    { 0x23,         4, ALWAYS, NEVER,  REQUEST_PLAIN },
    { 0x24,         4, ALWAYS, NEVER,  REQUEST_PLAIN },
    { 0x07,         0, NEVER,  NEVER,  REQUEST_QUIT },
    { 0x17,         0, NEVER,  NEVER,  REQUEST_QUIT },
    { 0x08,         0, NEVER,  NEVER,  REQUEST_PLAIN }, /* flush */
    { 0x08,         4, NEVER,  NEVER,  REQUEST_PLAIN },
    { 0x18,         0, NEVER,  NEVER,  REQUEST_PLAIN },
    { 0x18,         4, NEVER,  NEVER,  REQUEST_PLAIN },
    { 0x0b,         0, NEVER,  NEVER,  REQUEST_VERSION },
    { OPCODE_STAT,  0, EITHER, NEVER,  REQUEST_STATS },
    { 0x20,         0, NEVER,  NEVER,  REQUEST_PLAIN }, /* list of SASL mechanisms */
};
/* clang-format on */

struct header {
    uint8_t opcode;
    uint8_t extras_bytes;
    uint16_t key_bytes;
    uint32_t value_bytes;
    uint64_t cas;
    const char *key;
};

static uint64_t big_endian(const char *bytes, size_t size)
{
    uint64_t value = 0;
    size_t i;

    for (i = 0; i < size; i++) {
        value = value << 8 | (unsigned char)bytes[i];
    }
    return value;
}

static bool part_fits(enum part part, uint32_t size)
{
    return part == EITHER || (part == ALWAYS) == (size != 0);
}

static const struct shape *find_shape(const struct header *header)
{
    size_t i;

    for (i = 0; i < ARRAY_COUNT(shapes); i++) {
        const struct shape *shape = &shapes[i];

        if (shape->opcode == header->opcode && shape->extras_bytes == header->extras_bytes &&
            part_fits(shape->key, header->key_bytes) &&
            part_fits(shape->value, header->value_bytes)) {
            return header->value_bytes <= VALUE_BYTES_MAX ? shape : NULL;
        }
    }
    return NULL;
}

static bool key_is(const struct header *header, const char *text)
{
    return header->key_bytes == strlen(text) && memcmp(header->key, text, header->key_bytes) == 0;
}

/* Whether the key is `muster:join:<uid>` with a valid uid, which is then kept. */
static bool find_uid(const struct header *header, struct request *out)
{
    const size_t prefix = sizeof(KEY_JOIN) - 1;

    if (header->key_bytes != prefix + JOIN_UID_CHARS ||
        memcmp(header->key, KEY_JOIN, prefix) != 0 ||
        !inbox_uid_valid(header->key + prefix, header->key_bytes - prefix)) {
        return false;
    }
    memcpy(out->uid, header->key + prefix, JOIN_UID_CHARS);
    return true;
}

static void claim_get(const struct header *header, struct request *out)
{
    if (key_is(header, KEY_PAYLOAD)) {
        out->kind = REQUEST_PAYLOAD_GET;
    } else if (key_is(header, KEY_RECORD)) {
        out->kind = REQUEST_RECORD_GET;
    } else if (find_uid(header, out)) {
        out->kind = REQUEST_JOIN_GET;
    }
    out->quiet = header->opcode == OPCODE_GETQ || header->opcode == OPCODE_GETKQ;
}

static void claim_store(const struct header *header, struct request *out)
{
    const size_t prefix = sizeof(KEY_JOIN) - 1;
    const bool add = header->opcode == OPCODE_ADD || header->opcode == OPCODE_ADDQ;

    if (key_is(header, KEY_RECORD)) {
        out->kind = REQUEST_RECORD_SET;
        out->mode = add ? REQUEST_ADD : header->cas != 0 ? REQUEST_CAS : REQUEST_SET;
        out->cas = header->cas;
    } else if (!add && prefix <= header->key_bytes && memcmp(header->key, KEY_JOIN, prefix) == 0) {
        out->kind = REQUEST_JOIN;
        (void)find_uid(header, out);
    }
    out->quiet = header->opcode == OPCODE_SETQ || header->opcode == OPCODE_ADDQ;
}

static void claim_stats(const struct header *header, struct request *out)
{
    if (header->key_bytes == 0) {
        return;
    }
    out->group[0] = '?';
    if (header->key_bytes <= REQUEST_GROUP_CHARS_MAX) {
        memcpy(out->group, header->key, header->key_bytes);
    }
}

static void claim(const struct header *header, struct request *out)
{
    switch (header->opcode) {
    case OPCODE_GET:
    case OPCODE_GETQ:
    case OPCODE_GETK:
    case OPCODE_GETKQ:
        claim_get(header, out);
        break;
    case OPCODE_SET:
    case OPCODE_SETQ:
    case OPCODE_ADD:
    case OPCODE_ADDQ:
        claim_store(header, out);
        break;
    case OPCODE_STAT:
        claim_stats(header, out);
        break;
    default:
        break;
    }
}

/* 0x60-0x66 are all ours: stock memcached miscounts the bytes of opcodes that it doesn't know. */
static void parse_config(const struct header *header, struct request *out)
{
    const bool cluster = key_is(header, "cluster");

    out->kind = REQUEST_CONFIG_OTHER;
    out->quiet = header->opcode == OPCODE_CONFIG_GETQ || header->opcode == OPCODE_CONFIG_GETKQ;
    if (!cluster) {
        return;
    }
    if (header->opcode <= OPCODE_CONFIG_GETKQ && header->value_bytes == 0) {
        out->kind = REQUEST_CONFIG_GET;
    } else if (header->opcode == OPCODE_CONFIG_SET) {
        out->kind = REQUEST_CONFIG_SET;
    } else if (header->opcode == OPCODE_CONFIG_DELETE && header->value_bytes == 0) {
        out->kind = REQUEST_CONFIG_DELETE;
    }
}

static void parse_header(const struct header *header, struct request *out)
{
    const struct shape *shape;

    if (OPCODE_CONFIG_FIRST <= header->opcode && header->opcode <= OPCODE_CONFIG_DELETE) {
        parse_config(header, out);
        return;
    }
    shape = find_shape(header);
    if (shape == NULL) {
        out->kind = REQUEST_ODD;
        out->odd_bytes_max = out->body_bytes + header->extras_bytes + header->key_bytes;
        out->body_bytes = 0;
        return;
    }
    out->kind = shape->kind;
    claim(header, out);
}

int request_parse_binary(const char *bytes, size_t size, struct request *out)
{
    struct header header;
    uint64_t body_bytes;
    size_t head_bytes;

    if (size < REQUEST_BINARY_HEADER_BYTES) {
        return REQUEST_PARTIAL;
    }
    header.opcode = (uint8_t)bytes[1];
    header.key_bytes = (uint16_t)big_endian(bytes + 2, 2);
    header.extras_bytes = (uint8_t)bytes[4];
    header.cas = big_endian(bytes + 16, 8);
    header.key = bytes + REQUEST_BINARY_HEADER_BYTES + header.extras_bytes;
    body_bytes = big_endian(bytes + 8, 4);
    *out = (struct request){ .kind = REQUEST_FATAL, .protocol = REQUEST_BINARY };
    out->head_bytes = REQUEST_BINARY_HEADER_BYTES;
    if ((unsigned char)bytes[0] != REQUEST_BINARY_MAGIC ||
        REQUEST_KEY_BYTES_MAX < header.key_bytes ||
        body_bytes < (uint64_t)header.key_bytes + header.extras_bytes || INT32_MAX < body_bytes) {
        return 0;
    }
    head_bytes = (size_t)REQUEST_BINARY_HEADER_BYTES + header.extras_bytes + header.key_bytes;
    if (size < head_bytes) {
        return REQUEST_PARTIAL;
    }
    header.value_bytes = (uint32_t)(body_bytes - header.key_bytes - header.extras_bytes);
    out->head_bytes = head_bytes;
    out->body_bytes = header.value_bytes;
    out->opcode = header.opcode;
    memcpy(&out->opaque, bytes + 12, sizeof(out->opaque));
    parse_header(&header, out);
    return 0;
}
