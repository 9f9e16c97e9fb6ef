/*
 * json_text - JSON text laid out for people: indented, or as YAML.
 *
 * Works on the text itself, so that numbers keep all of their digits and fields that this release
 * does not know stay. The input is untrusted: ERR_INVALID names the byte where it stops being
 * JSON, nesting is bounded. What was appended to `out` on failure is meaningless.
 */
#ifndef CODEC_JSON_TEXT_H
#define CODEC_JSON_TEXT_H

#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

#define JSON_TEXT_DEPTH_MAX 32

/* Two spaces per level, one member or element a line, a newline at the end. */
MUST_USE int json_pretty(const char *bytes, size_t size, struct str *out, struct err *err);

/* The same value in YAML's block style; texts are quoted where a plain one would mean another. */
MUST_USE int json_to_yaml(const char *bytes, size_t size, struct str *out, struct err *err);

/* Append the text as a JSON string, quotes included; bytes that are no UTF-8 are replaced. */
void json_quote(const char *text, struct str *out);

#endif
