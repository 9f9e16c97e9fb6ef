#include "apply/spec_diff.h"

#include <string.h>

#include "base/str.h"
#include "codec/spec_yaml.h"

#define VALUE_BYTES_MAX (1U << 20)

static const char *value_text(const struct spec_field *field, const struct spec *spec,
                              struct arena *arena)
{
    CLEANUP(str_deinit) struct str text;

    str_init(&text, VALUE_BYTES_MAX);
    spec_yaml_value(field, spec, &text);
    return str_failed(&text) ? NULL : arena_strdup(arena, str_text(&text));
}

/* "spec.rollout.drain" is called "rollout.drain" by everybody. */
static const char *short_name(const char *path)
{
    const char *dot = strchr(path, '.');

    return dot == NULL ? path : dot + 1;
}

int spec_diff(const struct spec *before, const struct spec *after, struct arena *arena,
              struct spec_diff *out, struct err *err)
{
    struct spec nothing;
    struct spec_diff diff = { .count = 0 };
    size_t i;

    spec_init(&nothing);
    nothing.name = after->name;
    for (i = 0; i < SPEC_FIELDS_COUNT; i++) {
        const struct spec_field *field = &spec_fields[i];
        struct spec_diff_line line = {
            .name = short_name(field->path),
            .before = value_text(field, before == NULL ? &nothing : before, arena),
            .after = value_text(field, after, arena),
        };

        if (line.before == NULL || line.after == NULL) {
            return err_set(err, ERR_NOMEM, "no memory for the spec of '%s'", after->name);
        }
        if (strcmp(line.before, line.after) != 0) {
            diff.lines[diff.count++] = line;
        }
    }
    *out = diff;
    return 0;
}

static const char *or_none(const char *value)
{
    return value[0] == '\0' ? "none" : value;
}

void spec_diff_line(const struct spec_diff *diff, struct str *out)
{
    size_t i;

    for (i = 0; i < diff->count; i++) {
        str_appendf(out, "%s%s %s -> %s", i == 0 ? "" : ", ", diff->lines[i].name,
                    or_none(diff->lines[i].before), or_none(diff->lines[i].after));
    }
}
