/*
 * spec_field - the fields of a spec as one table: path, type, place, bounds, default.
 *
 * The YAML reader, the YAML writer, the checks and the stored form all work from it, so that a
 * field is described once. Rules over several fields stand in spec_check.c.
 */
#ifndef MODEL_SPEC_FIELD_H
#define MODEL_SPEC_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/spec.h"

enum spec_field_type {
    SPEC_FIELD_NAME,     /* const char *: a label of at most `max` bytes */
    SPEC_FIELD_LABELS,   /* const struct label *, at most `max` */
    SPEC_FIELD_COUNT,    /* uint32_t within min..max */
    SPEC_FIELD_SIZE,     /* uint64_t bytes within min..max */
    SPEC_FIELD_DURATION, /* uint64_t milliseconds within min..max */
    SPEC_FIELD_WORD,     /* an enum: one of `words` */
    SPEC_FIELD_ARGS,     /* const char *const *, at most `max`: options of memcached */
    SPEC_FIELD_HOSTS,    /* const char *const *, at most `max`: host names */
    SPEC_FIELD_DOMAIN,   /* const char *: a domain or "" */
};

struct spec_field {
    const char *path; /* in the YAML document: "spec.rollout.maxSurge" */
    enum spec_field_type type;
    size_t offset;       /* in struct spec */
    size_t count_offset; /* of the number of elements; lists only */
    uint64_t min;
    uint64_t max;
    uint64_t preset;          /* value when the document has none; lists and texts are then empty */
    bool required;            /* the document must have one */
    const char *const *words; /* in the order of the enum's values, then NULL; WORD only */
    uint64_t step;            /* what the value is a multiple of; SIZE only */
    const char *about;        /* what it is for, for the schema and docs/spec.md */
};

#define SPEC_FIELDS_COUNT 22

/* In the order in which a document is written. */
extern const struct spec_field spec_fields[SPEC_FIELDS_COUNT];

/* A spec that has the default of every field; required ones are "" or 0. */
void spec_init(struct spec *spec);

/* Give the field the value that it has in `from`; lists and texts are borrowed. */
void spec_field_copy(const struct spec_field *field, const struct spec *from, struct spec *to);

/* The value of a COUNT, SIZE or DURATION field, and setting it. */
uint64_t spec_field_number(const struct spec_field *field, const struct spec *spec);
void spec_field_set_number(const struct spec_field *field, uint64_t value, struct spec *spec);

/* The labels of a LABELS field, and setting them; the list is borrowed. */
const struct label *spec_field_labels(const struct spec_field *field, const struct spec *spec,
                                      size_t *count);
void spec_field_set_labels(const struct spec_field *field, const struct label *labels, size_t count,
                           struct spec *spec);

/* The value of a WORD field, and setting it; false: `text` is none of its words. */
const char *spec_field_word(const struct spec_field *field, const struct spec *spec);
MUST_USE bool spec_field_set_word(const struct spec_field *field, const char *text,
                                  struct spec *spec);

#endif
