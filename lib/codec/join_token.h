/*
 * join_token - the secrets that let a memcached ask to join a cluster.
 *
 * A token file belongs to one cluster and holds one token a line (JOIN_TOKEN_BYTES_MIN to
 * JOIN_TOKEN_BYTES_MAX printable characters without blanks; `#` begins a comment line). The first
 * one signs, all are accepted: to change a token, put the new one first everywhere, then remove the
 * old one. The joiner and the nodes that check its requests read the same file. It is secret: one
 * that is not kept from others (base/secret_file.h) is refused.
 */
#ifndef CODEC_JOIN_TOKEN_H
#define CODEC_JOIN_TOKEN_H

#include <stddef.h>

#include "base/cleanup.h"
#include "base/err.h"

#define JOIN_TOKEN_BYTES_MIN 32
#define JOIN_TOKEN_BYTES_MAX 256
#define JOIN_TOKENS_MAX 8
#define JOIN_TOKEN_FILE_BYTES_MAX 8192

struct join_token {
    char bytes[JOIN_TOKEN_BYTES_MAX];
    size_t size;
};

struct join_tokens {
    struct join_token tokens[JOIN_TOKENS_MAX];
    size_t count;
};

/* ERR_NOT_FOUND, ERR_DENIED (others may read it), ERR_INVALID names the line, ERR_LIMIT; `out` is
 * untouched then. */
MUST_USE int join_tokens_load(const char *path, struct join_tokens *out, struct err *err);

/* The same from a file's text; `name` stands in messages. */
MUST_USE int join_tokens_read(const char *text, size_t size, const char *name,
                              struct join_tokens *out, struct err *err);

/* Wipes the memory. For CLEANUP. */
void join_tokens_clear(struct join_tokens *tokens);

#endif
