/*
 * spec_schema - the JSON Schema (draft 2020-12) of a cluster's document, for editors and CI.
 *
 * Made of the table of fields and of the rules over several of them. Schema and reader refuse the
 * same documents but for what a schema can't say, of which the reader refuses more:
 *   - steps of a size that is written in Ki, or in bytes as a text
 *   - maxItemSize against memory, maxNodes against nodes
 *   - which extra argument takes which value
 *   - the size of the node list, from the name, the domain and the count of nodes
 *   - a number that is no whole one in its text (3.0), or that stands for a text ("1e+5")
 *   - a host that stands in the list twice, as a text and as a number
 * Duplicate keys, anchors, tags and bytes that are no text are no matter of a schema.
 */
#ifndef CODEC_SPEC_SCHEMA_H
#define CODEC_SPEC_SCHEMA_H

#include "base/err.h"
#include "base/str.h"

#define SPEC_SCHEMA_BYTES_MAX (256U << 10)

/* Append the schema to `out`, as JSON with a line for each member. ERR_NOMEM, ERR_LIMIT. */
MUST_USE int spec_schema(struct str *out, struct err *err);

#endif
