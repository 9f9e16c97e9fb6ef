/*
 * join_request - sealing a request to join, and telling a genuine one from anything else.
 *
 * A request travels as JSON (json_encode_join(), model_json.h): at most JOIN_BYTES_MAX bytes. Its
 * `mac` is HMAC-SHA256 (RFC 2104, libsodium) under the cluster's join token over a context line and
 * every other field with its length, so that no two requests have the same text. Who holds the
 * token may ask; what is asked for is decided by the controller. Nothing is encrypted: a request
 * holds no secret.
 */
#ifndef CODEC_JOIN_REQUEST_H
#define CODEC_JOIN_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "codec/join_token.h"
#include "model/join.h"

/* Append the request, sealed under the first token; `join->mac` is not looked at. ERR_LIMIT beyond
 * JOIN_BYTES_MAX, ERR_INVALID for what could not be read again. */
MUST_USE int join_request_seal(const struct join *join, const struct join_tokens *tokens,
                               struct str *out, struct err *err);

/* Decode a request's form alone; texts live in `arena`. ERR_INVALID says what is wrong with it,
 * ERR_LIMIT that it is too large. It may come from anybody. */
MUST_USE int join_request_decode(const char *bytes, size_t size, struct arena *arena,
                                 struct join *out, struct err *err);

/* ERR_UNVERIFIED unless it was sealed, as it is, under one of the tokens. */
MUST_USE int join_request_verify(const struct join *join, const struct join_tokens *tokens,
                                 struct err *err);

/* A fresh nonce. */
void join_nonce(char out[JOIN_NONCE_SIZE]);

#endif
