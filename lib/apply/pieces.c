#include "apply/pieces.h"

#include <stdbool.h>
#include <string.h>

#include "base/str.h"
#include "codec/spec_yaml.h"

#define VALUE_BYTES_MAX (1U << 20)

static int no_memory(const struct spec *spec, struct err *err)
{
    return err_set(err, ERR_NOMEM, "no memory for the fields of cluster '%s'", spec->name);
}

static int add_labels(const struct spec_field *field, const struct spec *spec, struct arena *arena,
                      struct pieces *out, struct err *err)
{
    size_t count;
    const struct label *labels = spec_field_labels(field, spec, &count);
    size_t i;

    for (i = 0; i < count; i++) {
        struct piece *piece = &out->list[out->count++];

        piece->path = arena_printf(arena, "%s.%s", field->path, labels[i].name);
        piece->value = labels[i].value;
        if (piece->path == NULL) {
            return no_memory(spec, err);
        }
    }
    return 0;
}

static int add_field(const struct spec_field *field, const struct spec *spec, struct arena *arena,
                     struct pieces *out, struct err *err)
{
    CLEANUP(str_deinit) struct str text;
    struct piece *piece = &out->list[out->count++];

    str_init(&text, VALUE_BYTES_MAX);
    spec_yaml_value(field, spec, &text);
    piece->path = field->path;
    piece->value = str_failed(&text) ? NULL : arena_strdup(arena, str_text(&text));
    return piece->value == NULL ? no_memory(spec, err) : 0;
}

int pieces_of(const struct spec *spec, uint32_t set, struct arena *arena, struct pieces *out,
              struct err *err)
{
    size_t i;
    int rv = 0;

    out->count = 0;
    for (i = 0; 0 <= rv && i < SPEC_FIELDS_COUNT; i++) {
        const struct spec_field *field = &spec_fields[i];

        if ((set & UINT32_C(1) << i) == 0 || field->type == SPEC_FIELD_NAME) {
            continue;
        }
        rv = field->type == SPEC_FIELD_LABELS ? add_labels(field, spec, arena, out, err)
                                              : add_field(field, spec, arena, out, err);
    }
    return rv;
}

const char *pieces_value(const struct pieces *pieces, const char *path)
{
    size_t i;

    for (i = 0; i < pieces->count; i++) {
        if (strcmp(pieces->list[i].path, path) == 0) {
            return pieces->list[i].value;
        }
    }
    return NULL;
}

/* The label that `path` names below a field of labels; NULL: it names the field, or another. */
static const char *label_below(const struct spec_field *field, const char *path)
{
    size_t size = strlen(field->path);

    return field->type == SPEC_FIELD_LABELS && strncmp(path, field->path, size) == 0 &&
                   path[size] == '.'
               ? path + size + 1
               : NULL;
}

static const struct label *label_find(const struct spec_field *field, const struct spec *spec,
                                      const char *name)
{
    size_t count;
    const struct label *labels = spec_field_labels(field, spec, &count);
    size_t i;

    for (i = 0; i < count; i++) {
        if (strcmp(labels[i].name, name) == 0) {
            return &labels[i];
        }
    }
    return NULL;
}

/* The labels of `to` with that of `name` as `given`, in order of their names. */
static int copy_label(const struct spec_field *field, const char *name, const struct label *given,
                      struct arena *arena, struct spec *to, struct err *err)
{
    size_t count;
    const struct label *labels = spec_field_labels(field, to, &count);
    struct label *next = arena_calloc(arena, count + 1, sizeof(*next));
    size_t used = 0;
    size_t i;

    if (next == NULL) {
        return no_memory(to, err);
    }
    for (i = 0; i < count; i++) {
        int order = strcmp(labels[i].name, name);

        if (given != NULL && 0 <= order) {
            next[used++] = *given;
            given = NULL;
        }
        if (order != 0) {
            next[used++] = labels[i];
        }
    }
    if (given != NULL) {
        next[used++] = *given;
    }
    if (SPEC_LABELS_MAX < used) {
        return err_set(err, ERR_SPEC, "%s: more than %d labels", field->path, SPEC_LABELS_MAX);
    }
    spec_field_set_labels(field, next, used, to);
    return 0;
}

int piece_copy(const char *path, const struct spec *from, struct arena *arena, struct spec *to,
               struct err *err)
{
    size_t i;

    for (i = 0; i < SPEC_FIELDS_COUNT; i++) {
        const struct spec_field *field = &spec_fields[i];
        const char *label = label_below(field, path);

        if (label != NULL) {
            return copy_label(field, label, label_find(field, from, label), arena, to, err);
        }
        if (strcmp(field->path, path) == 0) {
            spec_field_copy(field, from, to);
            return 0;
        }
    }
    return 0;
}
