/*
 * verb - one command of the program: `muster <verb>`, or `muster <verb> <sub-verb>`.
 *
 * verbs.c holds the table of all of them. What a verb is called, told and given stands there and in
 * its table of options; the overview, `--help`, the completion scripts, the man pages and
 * docs/cli.md are made from these two. Each verb lives in its own cmd_<verb>.c, reads its options
 * from a table of its own, and yields 0 or an error's code, whose class is the exit code; some
 * yield VERB_CHANGES instead of 0.
 */
#ifndef CLI_VERB_H
#define CLI_VERB_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/opt.h"

/*
 * Run with argv[0] = the verb's last word. On failure `err` holds the line that main prints; an
 * empty message means that the verb has already told why.
 */
typedef int verb_fn(int argc, char *const *argv, struct err *err);

/* Something would be changed: exit code 2, and any failure of that verb has exit code 1. */
#define VERB_CHANGES 2

/* The groups of the overview, in order, and their headings. */
#define VERB_GROUPS(X)         \
    X(DECLARE, "Declare")      \
    X(LOOK, "Look")            \
    X(CHANGE, "Change")        \
    X(REPAIR, "Repair")        \
    X(MACHINE, "This machine") \
    X(OTHER, "Other")

enum verb_group {
#define X(name, heading) VERB_##name,
    VERB_GROUPS(X)
#undef X
        VERB_INTERNAL, /* started by other verbs and scripts, not by people: in no overview */
};

/* What an argument names, so that a shell can complete it. */
enum verb_arg {
    ARG_NOTHING,
    ARG_CLUSTER,
    ARG_HOST,
    ARG_FILE, /* each of them */
    ARG_KIND, /* one of `kinds`; what it is followed by is said there */
    ARG_CONTEXT,
    ARG_VERB,
};

struct verb_kind {
    const char *name; /* NULL: the end of the list */
    const char *summary;
    enum verb_arg then; /* what the argument behind it names */
};

struct verb {
    const char *name; /* "apply"; "rollout pause" for a sub-verb, whose parent has a row above */
    enum verb_group group;
    const char *summary;             /* one line for the overview */
    verb_fn *run;                    /* NULL: has sub-verbs only */
    const struct opt_table *options; /* NULL likewise; its examples are not */
    enum verb_arg takes;             /* as first argument */
    const struct verb_kind *kinds;   /* ARG_KIND only */
    bool tells_changes;              /* by VERB_CHANGES */
    bool takes_more;                 /* arguments behind that name more of the same */
};

/* All rows, grouped, sub-verbs behind their parents. */
const struct verb *verbs_all(size_t *count);

/* The row of that name, or NULL. */
const struct verb *verb_find(const char *name);

/* Whether `verb` is a sub-verb, and of `parent` when that is not NULL. */
bool verb_is_sub(const struct verb *verb, const struct verb *parent);

/*
 * The verb that the first words name, in `*out`; returns how many words that are (1 or 2), or
 * ERR_USAGE, which suggests the nearest. A parent without a sub-verb is found as itself.
 */
MUST_USE int verb_lookup(int argc, char *const *argv, const struct verb **out, struct err *err);

/* Whether `text` is the kind's name, in the singular or the plural. */
bool verb_names_kind(const char *text, const char *kind);

/*
 * The kind that an argument of `verb` names, in the singular or the plural; ERR_USAGE suggests the
 * nearest.
 */
MUST_USE int verb_kind(const char *verb, const char *text, const struct verb_kind **out,
                       struct err *err);

#define VERBS(X)       \
    X(__complete)      \
    X(apply)           \
    X(completion)      \
    X(config)          \
    X(context_list)    \
    X(context_show)    \
    X(context_use)     \
    X(cordon)          \
    X(delete)          \
    X(describe)        \
    X(diff)            \
    X(down)            \
    X(drain)           \
    X(edit)            \
    X(endpoint)        \
    X(events)          \
    X(explain)         \
    X(export)          \
    X(get)             \
    X(gitops)          \
    X(help)            \
    X(key_new)         \
    X(label)           \
    X(lint)            \
    X(man)             \
    X(options)         \
    X(plan)            \
    X(repair_confirm)  \
    X(restart)         \
    X(rollout_history) \
    X(rollout_pause)   \
    X(rollout_resume)  \
    X(rollout_status)  \
    X(rollout_undo)    \
    X(scale)           \
    X(schema)          \
    X(supervise)       \
    X(token_new)       \
    X(top)             \
    X(uncordon)        \
    X(up)              \
    X(version)         \
    X(wait)            \
    X(watch)           \
    X(where)

#define X(name)         \
    verb_fn cmd_##name; \
    extern const struct opt_table cmd_##name##_options;
VERBS(X)
#undef X

#endif
