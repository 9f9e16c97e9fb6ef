/*
 * applied - what came of applied documents, told to people and to programs.
 */
#ifndef CLI_APPLIED_H
#define CLI_APPLIED_H

#include <stdbool.h>

#include "apply/batch.h"
#include "base/err.h"
#include "show/output.h"

/*
 * Print a line per cluster ("cluster/web configured"), or objects, or names; on standard error a
 * line for each field that stays other than a document says, and for each conflict.
 */
MUST_USE int applied_print(const struct batch_results *results, bool dry_run,
                           enum output_format format, struct err *err);

/* The conflicts alone, on standard error; the message of `err` is then empty. */
void applied_print_conflicts(const struct batch_results *results, struct err *err);

#endif
