/*
 * spec_files - the documents that a verb was given, and a question before something is lost.
 */
#ifndef CLI_SPEC_FILES_H
#define CLI_SPEC_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "apply/documents.h"
#include "base/err.h"
#include "base/opt.h"

/* clang-format off */
#define FILES_FLAG(type, member)                                                              \
    { "file", 'f', OPT_TEXTS, offsetof(type, member), "FILE|DIR", NULL,                       \
      "YAML with one or more documents; a directory: all *.yaml and *.yml in it and below; "  \
      "- reads standard input" }

#define SOURCE_FLAG(type, member)                                                             \
    { "source", 0, OPT_TEXT, offsetof(type, member), "NAME", MERGE_SOURCE_DEFAULT,            \
      "in whose name the documents are applied; fields that others have changed stay as they "\
      "are" }

#define FORCE_FLAG(type, member)                                                              \
    { "force-conflicts", 0, OPT_FLAG, offsetof(type, member), NULL, NULL,                     \
      "set all that the documents say, also what others have changed" }
/* clang-format on */

/*
 * Read and check all of them into `out`, which was initialised. ERR_SPEC when there is no document
 * in them at all; where there are mistakes, they were printed on standard error, one a line, and
 * the message of `err` is empty.
 */
MUST_USE int spec_files_read(const struct opt_texts *files, struct documents *out, struct err *err);

/*
 * Ask on the terminal whether `what` ("Delete 2 clusters (a, b)?") shall be; 0 when the answer is
 * yes, ERR_CANCELED otherwise, ERR_USAGE where nobody can be asked: `flag` says yes, too.
 */
MUST_USE int ask_first(const char *what, const char *flag, struct err *err);

/* The same before it is known what to ask: ERR_USAGE unless there is a terminal. */
MUST_USE int ask_possible(const char *flag, struct err *err);

/* "a, b, c and 12 more", at most `shown` names. */
void names_list(const char *const *names, size_t count, size_t shown, struct str *out);

#endif
