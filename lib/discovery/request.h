/*
 * request - what the bytes at a command's beginning are, in memcached's two protocols.
 *
 * Parses one command head: a text line with its end, or a binary header with extras and key. It
 * tells the commands of the reserved partition from all others, and says how many bytes of data
 * follow. It is pure and keeps nothing; tracker.h follows a whole stream with it.
 *
 * Commands of the partition, text (one trailing space and a bare LF are tolerated on reads):
 *
 *     config get cluster                          the payload
 *     config set cluster <flags> <bytes>          into the inbox; nothing is overwritten
 *     config delete cluster                       answered NOT_FOUND; nothing is deleted
 *     config watch cluster                        discovery port only: one line per change
 *     get|gets AmazonElastiCache:cluster          the payload, as an item
 *     get|gets muster:config                      the signed record, as an item
 *     set|add|cas muster:config … <bytes>         into the inbox
 *     set muster:join:<uid> … <bytes>             into the inbox
 *     get|gets muster:join:<uid>                  discovery port only: a request that waits there
 *
 * Binary: opcodes 0x60-0x63 (get, getq, getk, getkq), 0x64 (set), 0x66 (delete), and the ordinary
 * get and set opcodes with the reserved keys.
 *
 * A `get` of several keys is an ordinary command even when a reserved key is among them; to
 * memcached that key is a miss. So no answer is ever made of two parts with two owners. Any other
 * command on a reserved key (`delete`, `ms`, `incr` …) is ordinary too and acts on memcached's
 * own, unrelated item of that name.
 *
 * Versions of memcached disagree on malformed write lines: some take a data block, some don't.
 * Only a line that all of them frame alike counts as a write here; any other one is REQUEST_ODD.
 */
#ifndef DISCOVERY_REQUEST_H
#define DISCOVERY_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "discovery/names.h"

/* A longer line without an end is no command of ours; memcached gives up on it at that length. */
#define REQUEST_LINE_MAX 2048

#define REQUEST_BINARY_MAGIC 0x80
#define REQUEST_BINARY_HEADER_BYTES 24
#define REQUEST_KEY_BYTES_MAX 250

/* The longest name of a group of statistics that is told from others. */
#define REQUEST_GROUP_CHARS_MAX 16

/* No command of ours has a longer head. */
#define REQUEST_HEAD_BYTES_MAX REQUEST_LINE_MAX

enum request_protocol { REQUEST_TEXT, REQUEST_BINARY };

enum request_kind {
    /* memcached's */
    REQUEST_PLAIN,   /* `body_bytes` follow, for sure */
    REQUEST_ODD,     /* a malformed write: at most `odd_bytes_max` may follow */
    REQUEST_UNKNOWN, /* a verb nobody knows: nothing follows in any version that we know */
    REQUEST_FATAL,   /* binary: memcached closes the connection on it */
    /* the partition's: reads */
    REQUEST_CONFIG_GET,  /* config get cluster, 0x60-0x63 */
    REQUEST_PAYLOAD_GET, /* AmazonElastiCache:cluster */
    REQUEST_RECORD_GET,  /* muster:config */
    /* the partition's: writes */
    REQUEST_CONFIG_SET,
    REQUEST_CONFIG_DELETE,
    REQUEST_RECORD_SET,
    REQUEST_JOIN,
    REQUEST_CONFIG_OTHER, /* binary 0x60-0x66 with another key, or 0x65 */
    /* memcached's, which a discovery port without memcached answers itself */
    REQUEST_CONFIG_WATCH,
    REQUEST_VERSION,
    REQUEST_QUIT,
    REQUEST_STATS,
    REQUEST_NOOP,
    REQUEST_VERBOSITY,
    REQUEST_JOIN_GET, /* muster:join:<uid>, with a uid that is valid; to memcached a plain miss */
};

enum request_mode { REQUEST_SET, REQUEST_ADD, REQUEST_CAS };

struct request {
    enum request_kind kind;
    enum request_protocol protocol;
    size_t head_bytes;      /* the line with its end; header, extras and key */
    uint64_t body_bytes;    /* behind the head: data block with its CRLF, or value */
    uint64_t odd_bytes_max; /* REQUEST_ODD: the largest block that the head can announce */
    enum request_mode mode; /* of a write */
    uint64_t cas;           /* REQUEST_CAS: the version that the writer replaces */
    bool with_cas;          /* text: gets */
    bool quiet;             /* noreply, or a quiet opcode */
    uint8_t opcode;         /* binary */
    uint32_t opaque;        /* binary: in the sender's byte order */
    union {
        char uid[JOIN_UID_CHARS + 1]; /* JOIN, JOIN_GET: "" when the key has none that is valid */
        char group[REQUEST_GROUP_CHARS_MAX + 1]; /* STATS: "" without; "?" for what is none */
    };
};

/* Outcomes: the head is not complete yet; the line is too long to be of interest. */
#define REQUEST_PARTIAL 1
#define REQUEST_LONG 2

/*
 * Parse the command that begins at bytes[0]. 0 and `*out`; REQUEST_PARTIAL (needs more bytes);
 * REQUEST_LONG (text: more than REQUEST_LINE_MAX bytes and no line end).
 */
MUST_USE int request_parse(enum request_protocol protocol, const char *bytes, size_t size,
                           struct request *out);

/* Whether the partition answers the request, in memcached as on a discovery port. */
bool request_is_ours(const struct request *request);

/* The largest value that a write of this kind may have; 0 for what is no write. */
size_t request_value_bytes_max(enum request_kind kind);

/* The value's size within `body_bytes`: without the CRLF of a text data block. */
uint64_t request_value_bytes(const struct request *request);

/* For request.c only: the two parsers, on at least one byte. */
int request_parse_text(const char *bytes, size_t size, struct request *out);
int request_parse_binary(const char *bytes, size_t size, struct request *out);

#endif
