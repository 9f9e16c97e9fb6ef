#include "cli/spoken.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* The first argument's place, when it has a slash; 0: there is no such argument. */
static int find_first(const struct verb *verb, int argc, char *const *argv)
{
    struct opt_result result;
    struct err ignored;
    int at;

    if (opt_positional(verb->options, argc, argv, &result, &ignored) < 0 ||
        result.positional_count == 0 || strchr(result.positional[0], '/') == NULL) {
        return 0;
    }
    for (at = 1; at < argc; at++) {
        if (argv[at] == result.positional[0]) {
            return at;
        }
    }
    return 0;
}

static void split(const struct verb *verb, struct spoken *spoken, int at)
{
    char *name = strchr(spoken->argv[at], '/') + 1;
    size_t size = (size_t)(name - 1 - spoken->argv[at]);

    if (SPOKEN_KIND_SIZE <= size) {
        return;
    }
    (void)snprintf(spoken->kind, sizeof(spoken->kind), "%.*s", (int)size, spoken->argv[at]);
    if (verb->takes == ARG_KIND) {
        memmove(&spoken->argv[at + 2], &spoken->argv[at + 1],
                (size_t)(spoken->argc - at) * sizeof(*spoken->argv));
        spoken->argv[at] = spoken->kind;
        spoken->argv[at + 1] = name;
        spoken->argc++;
    } else if (verb_names_kind(spoken->kind, verb->takes == ARG_HOST ? "host" : "cluster")) {
        spoken->argv[at] = name;
    }
}

int spoken_read(const struct verb *verb, int argc, char *const *argv, struct spoken *out,
                struct err *err)
{
    int at;

    *out = (struct spoken){ .argc = argc };
    out->argv = mem_calloc((size_t)argc + 2, sizeof(*out->argv));
    if (out->argv == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for the arguments");
    }
    memcpy(out->argv, argv, (size_t)argc * sizeof(*argv));
    if (verb->takes != ARG_CLUSTER && verb->takes != ARG_HOST && verb->takes != ARG_KIND) {
        return 0;
    }
    at = find_first(verb, argc, argv);
    if (0 < at) {
        split(verb, out, at);
    }
    return 0;
}

void spoken_deinit(struct spoken *spoken)
{
    free(spoken->argv);
    spoken->argv = NULL;
}
