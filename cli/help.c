#include "cli/help.h"

#include <string.h>

static const struct opt connection_opts[] = {
    SHARED_OPTIONS(struct connection_flags, shared),
    DISCOVERY_TLS_FLAGS(struct connection_flags, discovery),
};

const struct opt_table help_connection = {
    .program = "muster options",
    .synopsis = "",
    .summary =
        "Where etcd is, and how to speak to it. Every verb that needs etcd takes these, behind it or "
        "before it; those with discovery in their name are for verbs that ask the nodes.",
    .opts = connection_opts,
    .count = ARRAY_COUNT(connection_opts),
};

const char *const help_exit_codes[] = {
    "0 done",
    "1 failed; plan, diff: for any reason; up --detach: also when time was up",
    "2 usage; plan, diff: something would be changed",
    "3 bad spec",
    "4 not found",
    "5 conflict",
    "6 cannot reach etcd",
    "7 timed out",
    NULL,
};

const char *const help_headings[] = {
#define X(name, heading) heading,
    VERB_GROUPS(X)
#undef X
};

#define NAME_WIDTH 10

static void print_group(FILE *out, enum verb_group group)
{
    size_t count;
    const struct verb *verbs = verbs_all(&count);
    size_t i;

    (void)fprintf(out, "\n%s:\n", help_headings[group]);
    for (i = 0; i < count; i++) {
        if (verbs[i].group == group && !verb_is_sub(&verbs[i], NULL)) {
            (void)fprintf(out, "  %-*s  %s\n", NAME_WIDTH, verbs[i].name, verbs[i].summary);
        }
    }
}

void help_overview(FILE *out)
{
    int group;
    size_t i;

    (void)fputs("Usage: muster VERB …\n\nA control plane for memcached clusters.\n", out);
    for (group = 0; group < VERB_INTERNAL; group++) {
        print_group(out, (enum verb_group)group);
    }
    (void)fputs("\nmuster VERB --help tells what a verb takes, with examples; muster options tells "
                "how etcd\nis found. Exit codes:\n",
                out);
    for (i = 0; help_exit_codes[i] != NULL; i++) {
        (void)fprintf(out, "  %s\n", help_exit_codes[i]);
    }
}

static void help_parent(FILE *out, const struct verb *parent)
{
    size_t count;
    const struct verb *verbs = verbs_all(&count);
    size_t skip = strlen(parent->name) + 1;
    size_t i;

    (void)fprintf(out, "Usage: muster %s VERB …\n\n%s\n\nVerbs:\n", parent->name, parent->summary);
    for (i = 0; i < count; i++) {
        if (verb_is_sub(&verbs[i], parent)) {
            (void)fprintf(out, "  %-*s  %s\n", NAME_WIDTH, verbs[i].name + skip, verbs[i].summary);
        }
    }
    (void)fprintf(out, "\nmuster %s VERB --help tells what each takes, with examples.\n",
                  parent->name);
}

void help_verb(FILE *out, const struct verb *verb)
{
    if (verb->options == NULL) {
        help_parent(out, verb);
        return;
    }
    opt_print_help(out, verb->options);
}
