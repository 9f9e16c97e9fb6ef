/*
 * base64 - bytes as text and back (RFC 4648, with padding).
 */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/str.h"

/* Append the text of `size` bytes. */
void base64_append(struct str *out, const void *bytes, size_t size);

/*
 * Replace the text by the bytes it stands for, and a NUL behind them. Returns whether it was valid;
 * if not, its content is undefined.
 */
MUST_USE bool base64_decode(char *text, size_t *size);

#endif
