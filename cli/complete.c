#include "cli/complete.h"

#include <stdio.h>
#include <string.h>

/* A command line that ends where something is to be completed. */
struct line {
    const struct verb *verb;
    size_t positional;
    const char *first;      /* the first positional argument; NULL: there is none before the end */
    const struct opt *open; /* the option whose value the last word is */
    bool over;              /* "--" was there */
};

static bool begins(const char *text, const char *begun)
{
    return strncmp(text, begun, strlen(begun)) == 0;
}

static void add(struct str *out, const char *before, const char *text, size_t size,
                const char *told)
{
    str_append_text(out, before);
    str_append(out, text, size);
    str_appendf(out, "\t%.*s\n", (int)strcspn(told, ";:("), told); /* what fits beside it */
}

void complete_add(const struct complete_wish *wish, const char *text, const char *told,
                  struct str *out)
{
    if (begins(text, wish->begun)) {
        add(out, wish->prefix, text, strlen(text), told);
    }
}

static const struct opt *find_option(const struct opt_table *table, const char *word, size_t size)
{
    size_t i;

    for (i = 0; table != NULL && i < table->count; i++) {
        const struct opt *opt = &table->opts[i];

        if (opt->type == OPT_GROUP) {
            continue;
        }
        if (word[1] == '-'
                ? strlen(opt->name) == size - 2 && memcmp(opt->name, word + 2, size - 2) == 0
                : size == 2 && opt->letter == word[1]) {
            return opt;
        }
    }
    return NULL;
}

/* Take one word before the last: an option, its value, or an argument. */
static void take(struct line *line, const char *word)
{
    const struct opt *opt;

    if (line->open != NULL) {
        line->open = NULL;
        return;
    }
    if (!line->over && strcmp(word, "--") == 0) {
        line->over = true;
        return;
    }
    if (!line->over && word[0] == '-' && word[1] != '\0') {
        opt =
            strchr(word, '=') == NULL ? find_option(line->verb->options, word, strlen(word)) : NULL;
        line->open = opt != NULL && opt_takes_value(opt) ? opt : NULL;
        return;
    }
    line->first = line->positional == 0 ? word : line->first;
    line->positional++;
}

/* The names that stand in `name` between '|', "table|json|yaml". */
static void add_choices(const char *name, const struct complete_wish *wish, struct str *out)
{
    while (*name != '\0') {
        size_t size = strcspn(name, "|");

        if (strncmp(name, wish->begun, strlen(wish->begun)) == 0 && strlen(wish->begun) <= size) {
            add(out, wish->prefix, name, size, "");
        }
        name += size + (name[size] == '|' ? 1 : 0);
    }
}

static void complete_value(const struct opt *opt, const char *begun, struct str *out,
                           struct complete_wish *wish)
{
    static const struct {
        const char *value_name;
        enum verb_arg names;
    } rows[] = { { "FILE", ARG_FILE },     { "DIR", ARG_FILE },        { "PATH", ARG_FILE },
                 { "FILE|DIR", ARG_FILE }, { "FILE|DIR|-", ARG_FILE }, { "CLUSTER", ARG_CLUSTER },
                 { "HOST", ARG_HOST },     { "CONTEXT", ARG_CONTEXT } };
    const char *name = opt->value_name == NULL ? "" : opt->value_name;
    size_t i;

    wish->begun = begun;
    for (i = 0; i < ARRAY_COUNT(rows); i++) {
        if (strcmp(rows[i].value_name, name) == 0) {
            wish->names = rows[i].names;
            return;
        }
    }
    if (strchr(name, '|') != NULL) {
        add_choices(name, wish, out);
    }
}

static void add_flag(const char *name, const char *help, const char *begun, struct str *out)
{
    char flag[COMPLETE_PREFIX_SIZE];

    (void)snprintf(flag, sizeof(flag), "--%s", name);
    if (begins(flag, begun)) {
        add(out, "", flag, strlen(flag), help);
    }
}

static void complete_flag(const struct opt_table *table, const char *begun, struct str *out,
                          struct complete_wish *wish)
{
    const char *equals = strchr(begun, '=');
    const struct opt *opt;
    size_t i;

    if (equals != NULL) {
        opt = find_option(table, begun, (size_t)(equals - begun));
        if (opt != NULL && begun[1] == '-' && (size_t)(equals - begun) + 1 < sizeof(wish->prefix)) {
            memcpy(wish->prefix, begun, (size_t)(equals - begun) + 1);
            wish->prefix[equals - begun + 1] = '\0';
            complete_value(opt, equals + 1, out, wish);
        }
        return;
    }
    for (i = 0; table != NULL && i < table->count; i++) {
        if (table->opts[i].type != OPT_GROUP) {
            add_flag(table->opts[i].name, table->opts[i].help, begun, out);
        }
    }
    add_flag("help", "show what the verb takes", begun, out);
}

/* Verbs below `parent`, or those that have none when it is NULL. */
static void add_verbs(const struct verb *parent, const char *begun, struct str *out)
{
    size_t skip = parent == NULL ? 0 : strlen(parent->name) + 1;
    size_t count;
    const struct verb *verbs = verbs_all(&count);
    size_t i;

    for (i = 0; i < count; i++) {
        const char *name = verbs[i].name + skip;

        if (verbs[i].group != VERB_INTERNAL &&
            (parent == NULL ? !verb_is_sub(&verbs[i], NULL) : verb_is_sub(&verbs[i], parent)) &&
            begins(name, begun)) {
            add(out, "", name, strlen(name), verbs[i].summary);
        }
    }
}

static void complete_kind(const struct line *line, const char *begun, struct str *out,
                          struct complete_wish *wish)
{
    const struct verb_kind *kind;
    struct err ignored;
    size_t i;

    if (line->positional == 0) {
        for (i = 0; line->verb->kinds[i].name != NULL; i++) {
            kind = &line->verb->kinds[i];
            if (begins(kind->name, begun)) {
                add(out, "", kind->name, strlen(kind->name), kind->summary);
            }
        }
        return;
    }
    if (0 <= verb_kind(line->verb->name, line->first, &kind, &ignored)) {
        wish->names = kind->then;
    }
}

static void complete_argument(const struct line *line, const char *begun, struct str *out,
                              struct complete_wish *wish)
{
    const struct verb *verb = line->verb;

    switch (verb->takes) {
    case ARG_KIND:
        complete_kind(line, begun, out, wish);
        break;
    case ARG_VERB:
        if (line->positional == 0) {
            add_verbs(NULL, begun, out);
        } else if (line->positional == 1 && verb_find(line->first) != NULL) {
            add_verbs(verb_find(line->first), begun, out);
        }
        break;
    case ARG_FILE:
        wish->names = ARG_FILE;
        break;
    case ARG_CLUSTER:
    case ARG_HOST:
    case ARG_CONTEXT:
        wish->names = line->positional == 0 ? verb->takes : ARG_NOTHING;
        break;
    case ARG_NOTHING:
        break;
    }
}

void complete(int argc, char *const *argv, struct str *out, struct complete_wish *wish)
{
    struct line line = { .verb = NULL };
    const char *begun = argv[argc - 1];
    struct err ignored;
    int words;
    int i;

    *wish = (struct complete_wish){ .names = ARG_NOTHING, .begun = begun };
    if (argc == 1) {
        add_verbs(NULL, begun, out);
        return;
    }
    words = verb_lookup(argc - 1, argv, &line.verb, &ignored);
    if (words < 0) {
        return;
    }
    if (line.verb->run == NULL) {
        if (argc == 2) {
            add_verbs(line.verb, begun, out);
        }
        return;
    }
    for (i = words; i < argc - 1; i++) {
        take(&line, argv[i]);
    }
    if (line.open != NULL) {
        complete_value(line.open, begun, out, wish);
    } else if (begun[0] == '-' && !line.over) {
        complete_flag(line.verb->options, begun, out, wish);
    } else {
        complete_argument(&line, begun, out, wish);
    }
}
