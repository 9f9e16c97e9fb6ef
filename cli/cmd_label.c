#include <stdio.h>
#include <string.h>

#include "apply/spec_store.h"
#include "base/clock.h"
#include "cli/verb.h"
#include "client/context.h"
#include "client/options.h"

struct label_flags {
    struct options shared;
    bool overwrite;
};

static const struct opt opts[] = {
    { "overwrite", 0, OPT_FLAG, offsetof(struct label_flags, overwrite), NULL, NULL,
      "change labels that are there already" },
    SHARED_OPTIONS(struct label_flags, shared),
};

const struct opt_table cmd_label_options = {
    .program = "muster label",
    .synopsis = "CLUSTER NAME=VALUE… NAME-…",
    .summary = "Set labels of a cluster, or remove them (with a hyphen behind the name). They are "
               "then managed by hand: documents that don't have them leave them as they are.",
    .opts = opts,
    .count = ARRAY_COUNT(opts),
    .examples = "  muster label sessions team=web tier=gold\n"
                "  muster label sessions tier-\n",
};

/* What is to become of the labels. */
struct labelling {
    const char *const *wishes; /* "name=value", "name-" */
    size_t count;
    bool overwrite;
    struct arena *arena;
};

static size_t label_place(const struct label *labels, size_t count, const char *name, size_t size)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (strlen(labels[i].name) == size && memcmp(labels[i].name, name, size) == 0) {
            return i;
        }
    }
    return count;
}

static void label_drop(struct label *labels, size_t *count, size_t at)
{
    if (at < *count) {
        (*count)--;
        memmove(&labels[at], &labels[at + 1], (*count - at) * sizeof(*labels));
    }
}

static int label_set(const struct labelling *labelling, const char *wish, struct label *labels,
                     size_t *count, struct err *err)
{
    const char *equals = strchr(wish, '=');
    size_t at = label_place(labels, *count, wish, (size_t)(equals - wish));
    struct label label = { arena_strndup(labelling->arena, wish, (size_t)(equals - wish)),
                           equals + 1 };

    if (label.name == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for labels");
    }
    if (at < *count && strcmp(labels[at].value, label.value) != 0 && !labelling->overwrite) {
        return err_set(err, ERR_CONFLICT, "label '%s' is '%s' already; --overwrite changes it",
                       label.name, labels[at].value);
    }
    label_drop(labels, count, at);
    for (at = (*count)++; 0 < at && 0 < strcmp(labels[at - 1].name, label.name); at--) {
        labels[at] = labels[at - 1];
    }
    labels[at] = label;
    return 0;
}

static int decide(void *ctx, size_t index, struct spec_edit *edit, struct err *err)
{
    const struct labelling *labelling = ctx;
    size_t count = edit->current == NULL ? 0 : edit->current->spec.labels_count;
    struct label *labels =
        arena_calloc(labelling->arena, count + labelling->count + 1, sizeof(*labels));
    struct spec wanted;
    size_t i;
    int rv = 0;

    (void)index;
    if (labels == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for labels");
    }
    if (edit->current == NULL) {
        return err_set(err, ERR_NOT_FOUND, "there is no cluster '%s'", edit->name);
    }
    wanted = edit->current->spec;
    if (0 < count) {
        memcpy(labels, wanted.labels, count * sizeof(*labels));
    }
    for (i = 0; 0 <= rv && i < labelling->count; i++) {
        const char *wish = labelling->wishes[i];

        if (strchr(wish, '=') != NULL) {
            rv = label_set(labelling, wish, labels, &count, err);
        } else {
            label_drop(labels, &count, label_place(labels, count, wish, strlen(wish) - 1));
        }
    }
    wanted.labels = labels;
    wanted.labels_count = count;
    if (0 <= rv && spec_check(&wanted, err) < 0) {
        err->code = ERR_USAGE;
        return ERR_USAGE;
    }
    return rv < 0
               ? rv
               : spec_edit_change(edit, &wanted, "label", clock_wall_ms(), labelling->arena, err);
}

static int check_wishes(const struct opt_result *args, struct err *err)
{
    size_t i;

    for (i = 1; i < args->positional_count; i++) {
        const char *wish = args->positional[i];
        size_t size = strlen(wish);

        if (wish[0] == '=' || (strchr(wish, '=') == NULL && (size < 2 || wish[size - 1] != '-'))) {
            return err_set(err, ERR_USAGE, "'%s' is neither NAME=VALUE nor NAME-", wish);
        }
    }
    return cluster_name_check(args->positional[0], err);
}

int cmd_label(int argc, char *const *argv, struct err *err)
{
    CLEANUP(context_close) struct context context = { .loop = NULL };
    struct label_flags flags = { .overwrite = false };
    struct spec_edit edit = { .name = NULL };
    struct opt_result args;
    struct labelling labelling;
    int rv =
        options_read(&cmd_label_options, argc, argv, &flags, 2, OPT_POSITIONAL_MAX, &args, err);

    if (rv != 0) {
        return rv < 0 ? rv : 0;
    }
    labelling = (struct labelling){ .wishes = args.positional + 1,
                                    .count = args.positional_count - 1,
                                    .overwrite = flags.overwrite,
                                    .arena = &context.arena };
    edit.name = args.positional[0];
    rv = check_wishes(&args, err);
    if (0 <= rv) {
        rv = context_open(&context, &flags.shared, err);
    }
    if (0 <= rv) {
        rv = spec_store_change(&context, &edit, 1, decide, &labelling, err);
    }
    if (0 <= rv) {
        (void)printf("cluster/%s %s\n", edit.name,
                     edit.done == SPEC_UNCHANGED ? "unchanged" : "labeled");
    }
    return rv;
}
