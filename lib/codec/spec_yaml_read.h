/*
 * spec_yaml_read - one document on its way to a spec: its values, and its names.
 *
 * Internal to codec. What is wrong is recorded as a mistake where it is found; reading goes on.
 */
#ifndef CODEC_SPEC_YAML_READ_H
#define CODEC_SPEC_YAML_READ_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "codec/yaml_mistakes.h"
#include "codec/yaml_tree.h"
#include "model/spec_field.h"

#define SPEC_YAML_SHOWN_MAX 64 /* bytes of the operator's text in a mistake */

struct reading {
    struct yaml_mistakes *mistakes;
    struct arena *arena; /* of the spec's texts */
    const struct yaml_node *root;
    struct spec *spec;
    bool set[SPEC_FIELDS_COUNT];    /* the document has a value */
    bool broken[SPEC_FIELDS_COUNT]; /* and it could not be read, which is told already */
    bool no_memory;
};

/* Where a node is shown: at its value, or at its key when it has none. */
struct yaml_place spec_yaml_place(const struct yaml_node *node);

/* Tell that the value is not what the field wants; yields false. */
bool spec_yaml_wants(struct reading *reading, const struct yaml_node *node, const char *path,
                     const char *what);

/* Read the value of a field into the spec. false: it can't be read, and that is told. */
bool spec_yaml_read_value(struct reading *reading, const struct spec_field *field,
                          const struct yaml_node *node);

/* Whether a name is one of those in front of every document: apiVersion, kind. */
bool spec_yaml_is_head(const char *name);

/* Tell that a section ("" is the document) has no field of that name, and which one may be meant.
 */
void spec_yaml_tell_unknown(struct reading *reading, const char *section,
                            const struct yaml_node *node);

#endif
