/*
 * editor - a text in the operator's editor: $VISUAL, else $EDITOR, else vi on a terminal.
 *
 * The text stands in a file of its own below $TMPDIR (/tmp), which only its owner may read.
 */
#ifndef CLI_EDITOR_H
#define CLI_EDITOR_H

#include "base/err.h"
#include "base/str.h"

#define EDITOR_PATH_SIZE 512

struct editor {
    char path[EDITOR_PATH_SIZE]; /* "" : no file yet */
};

/* Make the file; `name` becomes a part of its name, which ends in ".yaml". */
MUST_USE int editor_begin(struct editor *editor, const char *name, struct err *err);

/*
 * Have `text` edited: it is replaced by what the file holds when the editor has ended. ERR_USAGE
 * when there is no editor to be found; ERR_FAILED when it did not end with 0.
 */
MUST_USE int editor_run(struct editor *editor, struct str *text, struct err *err);

/* Remove the file. */
void editor_end(struct editor *editor);

#endif
