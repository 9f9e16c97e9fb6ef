/*
 * spec_yaml - the operator's YAML: `apiVersion: muster/v1`, `kind: MemcachedCluster`.
 *
 * A file may hold several documents. All mistakes of a file are found at once, each as
 * "file:line:column: spec.nodes: must be between 1 and 1024, got 0"; unknown fields are
 * mistakes and come with the nearest known name. YAML 1.2 by libfyaml; aliases, tags and
 * duplicate keys are refused. docs/spec.md is the reference of the fields.
 */
#ifndef CODEC_SPEC_YAML_H
#define CODEC_SPEC_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "model/spec.h"
#include "model/spec_field.h"

#define SPEC_YAML_API_VERSION "muster/v1"
#define SPEC_YAML_KIND "MemcachedCluster"
#define SPEC_YAML_BYTES_MAX (1U << 20)
#define SPEC_YAML_DOCUMENTS_MAX 1000
#define SPEC_YAML_MISTAKES_MAX 100 /* a last line tells how many more there are */

/* What one document says, and where. */
struct spec_document {
    struct spec spec;
    uint32_t set;  /* bit i: it sets spec_fields[i] */
    unsigned line; /* where it begins */
    unsigned column;
};
_Static_assert(SPEC_FIELDS_COUNT <= 32, "a bit for each field");

struct spec_yaml_file {
    const char *name; /* for messages; "-" for standard input */
    const char *bytes;
    size_t size;
    bool may_be_empty; /* no document is fine */
};

struct spec_documents {
    const struct spec_document *list; /* in the order of the file */
    size_t count;
};

/*
 * Read all documents of a file into `*out`, in `arena`. ERR_SPEC: one line per mistake was appended
 * to `mistakes`, and the first of them is in `err`. ERR_NOMEM.
 */
MUST_USE int spec_yaml_read(const struct spec_yaml_file *file, struct arena *arena,
                            struct spec_documents *out, struct str *mistakes, struct err *err);

/*
 * The same, the specs alone: read all documents of `bytes`; `file` is the name for messages ("-"
 * for standard input). Returns 0 with `*specs` (in `arena`, at least one); or ERR_SPEC with one
 * line per mistake appended to `mistakes`, and the first of them in `err`.
 */
MUST_USE int spec_yaml_parse(const char *file, const char *bytes, size_t size, struct arena *arena,
                             const struct spec **specs, size_t *specs_count, struct str *mistakes,
                             struct err *err);

/* The canonical document of a spec: parses to an equal spec, equal specs give equal bytes. */
MUST_USE int spec_yaml_render(const struct spec *spec, struct str *out, struct err *err);

/*
 * The value of one field as a document may have it, in one line: lists in brackets, labels in
 * braces; nothing for what a document leaves out.
 */
void spec_yaml_value(const struct spec_field *field, const struct spec *spec, struct str *out);

#endif
