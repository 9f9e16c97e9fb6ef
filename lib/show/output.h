/*
 * output - the forms in which objects are printed: table, JSON, YAML, names.
 */
#ifndef SHOW_OUTPUT_H
#define SHOW_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define OUTPUT_BYTES_MAX (256U << 20)

#define OUTPUT_FORMATS(X) \
    X(TABLE, "table")     \
    X(JSON, "json")       \
    X(YAML, "yaml")       \
    X(NAME, "name")

enum output_format {
#define X(name, text) OUTPUT_##name,
    OUTPUT_FORMATS(X)
#undef X
};

/* ERR_USAGE names the formats that there are. */
MUST_USE int output_format_parse(const char *text, enum output_format *out, struct err *err);

/* Print JSON text on standard output, laid out as `format` says (OUTPUT_JSON or OUTPUT_YAML). */
MUST_USE int output_json(const struct str *json, enum output_format format, struct err *err);

/* Print as it stands. */
MUST_USE int output_text(const struct str *text, struct err *err);

/*
 * Print as it stands; on a terminal, lines that begin with "+ ", "- ", "~ " or "! " (after spaces)
 * in the colour of that, unless NO_COLOR is set.
 */
MUST_USE int output_marked(const struct str *text, struct err *err);

/* Print a unified diff; on a terminal in colours, as above. */
MUST_USE int output_diff(const struct str *text, struct err *err);

/* How long ago, as tables show it: "5s", "3m", "7h", "12d". */
void output_age(uint64_t now_ms, uint64_t then_ms, char *out, size_t out_size);

#endif
