/*
 * documents - the specs of files, of directories, of standard input, or of bytes in memory.
 *
 * What is added is read at once; what is wrong with it is gathered, each mistake with its file and
 * line, so that all of them are told together. One cluster in two places is a mistake, too. After
 * the last addition documents_finish() says whether all is well. Nothing is printed, nothing is
 * asked of etcd.
 *
 * Of a directory the files *.yaml and *.yml count, in it and below, in order of their paths;
 * names that begin with a dot are passed over, links to directories are not followed, and files
 * that hold no document are fine there. A file that is named has to hold one.
 *
 * All texts live in the documents' own arena.
 */
#ifndef APPLY_DOCUMENTS_H
#define APPLY_DOCUMENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/str.h"
#include "codec/spec_yaml.h"

#define DOCUMENTS_MAX 10000
#define DOCUMENTS_FILES_MAX 10000
#define DOCUMENTS_BYTES_MAX (64U << 20) /* of all files together */
#define DOCUMENTS_DEPTH_MAX 16          /* of directories */
#define DOCUMENTS_PATH_MAX 1024

struct document {
    struct spec_document read; /* the spec, which of its fields the document sets, its line */
    const char *file;          /* as given, below a directory its path; for messages */
};

struct documents {
    struct arena arena;
    struct document *list; /* in the order they were added; by name after documents_finish() */
    size_t count;
    size_t capacity;
    size_t files;
    size_t bytes;
    struct str mistakes;     /* a line each: "FILE:LINE:COLUMN: spec.nodes: must be …" */
    char first[ERR_MSG_MAX]; /* the first of them; "" while there are none */
};

void documents_init(struct documents *documents);
/* For CLEANUP; fine on zeroed ones. */
void documents_deinit(struct documents *documents);

/*
 * Add what a path names: a file, a directory, or "-" for standard input. Mistakes in it are
 * gathered. Fails with ERR_IO for what can't be read, ERR_SPEC beyond a limit, ERR_NOMEM.
 */
MUST_USE int documents_add_path(struct documents *documents, const char *path, struct err *err);

/*
 * Add a file's bytes, `name` is what messages call it. Both are copied where they are kept. No
 * document in it is a mistake only if `needed`.
 */
MUST_USE int documents_add_bytes(struct documents *documents, const char *name, const char *bytes,
                                 size_t size, bool needed, struct err *err);

/*
 * 0: all documents are well, in order of the clusters' names, perhaps none. ERR_SPEC: the lines are
 * in `mistakes`, and the first of them in `err`.
 */
MUST_USE int documents_finish(struct documents *documents, struct err *err);

#endif
