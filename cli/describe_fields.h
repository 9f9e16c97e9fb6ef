/*
 * describe_fields - who manages which field of a spec, for people. Pure.
 */
#ifndef CLI_DESCRIBE_FIELDS_H
#define CLI_DESCRIBE_FIELDS_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "model/spec.h"

/* Append "Managed by:" and a row per field that somebody has set. */
MUST_USE int describe_fields(const struct spec_record *record, struct arena *arena, struct str *out,
                             struct err *err);

#endif
