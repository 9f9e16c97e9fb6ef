#include "cli/spoken.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Where the text, which is one of the arguments, stands; 0: nowhere. */
static int place_of(const struct spoken *spoken, const char *text)
{
    int at;

    for (at = 1; at < spoken->argc; at++) {
        if (spoken->argv[at] == text) {
            return at;
        }
    }
    return 0;
}

/* The name in "KIND/NAME" when the verb takes names of that kind; `first` is its first argument. */
static char *name_of_kind(const struct verb *verb, const char *first, char *text)
{
    char kind[SPOKEN_KIND_SIZE];
    size_t size = strcspn(text, "/");

    if (text[size] == '\0' || SPOKEN_KIND_SIZE <= size) {
        return NULL;
    }
    (void)snprintf(kind, sizeof(kind), "%.*s", (int)size, text);
    if (verb->takes == ARG_KIND) {
        return strncmp(first, kind, size) == 0 && (first[size] == '/' || first[size] == '\0')
                   ? text + size + 1
                   : NULL;
    }
    return verb_names_kind(kind, verb->takes == ARG_HOST ? "host" : "cluster") ? text + size + 1
                                                                               : NULL;
}

static void split_more(const struct verb *verb, struct spoken *spoken,
                       const struct opt_result *said)
{
    size_t i;

    for (i = 1; i < said->positional_count; i++) {
        int at = place_of(spoken, said->positional[i]);
        char *name = at == 0 ? NULL : name_of_kind(verb, said->positional[0], spoken->argv[at]);

        if (name != NULL) {
            spoken->argv[at] = name;
        }
    }
}

static void split_first(const struct verb *verb, struct spoken *spoken, const char *first)
{
    int at = place_of(spoken, first);
    char *name = at == 0 ? NULL : name_of_kind(verb, first, spoken->argv[at]);

    if (name == NULL) {
        return;
    }
    (void)snprintf(spoken->kind, sizeof(spoken->kind), "%.*s", (int)strcspn(first, "/"), first);
    if (verb->takes == ARG_KIND) {
        memmove(&spoken->argv[at + 2], &spoken->argv[at + 1],
                (size_t)(spoken->argc - at) * sizeof(*spoken->argv));
        spoken->argv[at] = spoken->kind;
        spoken->argv[at + 1] = name;
        spoken->argc++;
    } else {
        spoken->argv[at] = name;
    }
}

int spoken_read(const struct verb *verb, int argc, char *const *argv, struct spoken *out,
                struct err *err)
{
    struct opt_result said;
    struct err ignored;

    *out = (struct spoken){ .argc = argc };
    out->argv = mem_calloc((size_t)argc + 2, sizeof(*out->argv));
    if (out->argv == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for the arguments");
    }
    memcpy(out->argv, argv, (size_t)argc * sizeof(*argv));
    if (verb->takes != ARG_CLUSTER && verb->takes != ARG_HOST && verb->takes != ARG_KIND) {
        return 0;
    }
    if (opt_positional(verb->options, argc, argv, &said, &ignored) < 0 ||
        said.positional_count == 0) {
        return 0;
    }
    if (verb->takes_more) {
        split_more(verb, out, &said);
    }
    split_first(verb, out, said.positional[0]);
    return 0;
}

void spoken_deinit(struct spoken *spoken)
{
    free(spoken->argv);
    spoken->argv = NULL;
}
