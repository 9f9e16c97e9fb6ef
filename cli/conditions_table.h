/*
 * conditions_table - the conditions of a cluster, a line each. Pure.
 */
#ifndef CLI_CONDITIONS_TABLE_H
#define CLI_CONDITIONS_TABLE_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "model/status.h"

/* Append those that have a reason, below `heading` for their types, two spaces in. */
MUST_USE int conditions_table(const struct status *status, const char *heading, uint64_t now_ms,
                              struct arena *arena, struct str *out, struct err *err);

#endif
