#include "codec/yaml_mistakes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define TEXT_MAX 480

void yaml_mistakes_init(struct yaml_mistakes *mistakes, const char *file, struct arena *arena)
{
    *mistakes = (struct yaml_mistakes){ .file = file, .arena = arena };
}

void yaml_mistake(struct yaml_mistakes *mistakes, struct yaml_place place, const char *fmt, ...)
{
    char text[TEXT_MAX];
    const char *copy;
    va_list args;
    char *c;

    if (SPEC_YAML_MISTAKES_MAX <= mistakes->count++) {
        return;
    }
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    for (c = text; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            *c = '?';
        }
    }
    copy = arena_strdup(mistakes->arena, text);
    mistakes->failed = mistakes->failed || copy == NULL;
    mistakes->list[mistakes->count - 1] = (struct yaml_mistake){ place, copy };
}

static int by_place(const void *left, const void *right)
{
    const struct yaml_mistake *a = left;
    const struct yaml_mistake *b = right;

    if (a->place.line != b->place.line) {
        return a->place.line < b->place.line ? -1 : 1;
    }
    return a->place.column < b->place.column ? -1 : a->place.column != b->place.column;
}

static void append(const struct yaml_mistakes *mistakes, const struct yaml_mistake *mistake,
                   struct str *out)
{
    if (mistake->place.line == 0) {
        str_appendf(out, "%s: %s\n", mistakes->file, mistake->text);
        return;
    }
    str_appendf(out, "%s:%u:%u: %s\n", mistakes->file, mistake->place.line, mistake->place.column,
                mistake->text);
}

int yaml_mistakes_tell(struct yaml_mistakes *mistakes, struct str *out, struct err *err)
{
    size_t shown =
        mistakes->count < SPEC_YAML_MISTAKES_MAX ? mistakes->count : SPEC_YAML_MISTAKES_MAX;
    const struct yaml_place *first = &mistakes->list[0].place;
    size_t i;
    int rv;

    if (mistakes->failed) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    if (mistakes->count == 0) {
        return 0;
    }
    qsort(mistakes->list, shown, sizeof(mistakes->list[0]), by_place);
    for (i = 0; i < shown; i++) {
        append(mistakes, &mistakes->list[i], out);
    }
    if (shown < mistakes->count) {
        str_appendf(out, "%s: and %zu more\n", mistakes->file, mistakes->count - shown);
    }
    rv = str_check(out, err);
    if (rv < 0) {
        return rv;
    }
    if (first->line == 0) {
        return err_set(err, ERR_SPEC, "%s: %s", mistakes->file, mistakes->list[0].text);
    }
    return err_set(err, ERR_SPEC, "%s:%u:%u: %s", mistakes->file, first->line, first->column,
                   mistakes->list[0].text);
}
