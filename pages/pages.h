/*
 * pages - what the repository keeps of the programs' own tables, and how it is written.
 */
#ifndef PAGES_PAGES_H
#define PAGES_PAGES_H

#include <stdio.h>

#include "base/err.h"
#include "base/str.h"

#define PAGES_BYTES_MAX (4U << 20)
#define PAGES_PATH_SIZE 4096

/* docs/cli.md: every verb, from the table of verbs. */
void cli_page(FILE *out);

/* deploy/muster-cluster.schema.json: the schema of a cluster's document. */
void schema_page(FILE *out);

/* The table of fields in docs/spec.md, from the table that the schema is made of. */
void spec_fields_page(FILE *out);

/* The manual pages of all programs, as files below `dir`, which is made. */
MUST_USE int man_pages(const char *dir, struct err *err);

#endif
