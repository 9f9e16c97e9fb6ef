#include "base/str.h"
#include "cli/apply.h"
#include "cli/live.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/preview.h"
#include "cli/verb.h"

struct plan_flags {
    struct options shared;
    const char *file;
    const char *doomed; /* --delete */
    const char *output;
};

static const struct opt opts[] = {
    { "file", 'f', OPT_TEXT, offsetof(struct plan_flags, file), "FILE", NULL,
      "YAML with one or more documents; - reads standard input" },
    { "delete", 0, OPT_TEXT, offsetof(struct plan_flags, doomed), "NAME", NULL,
      "plan the deletion of a cluster" },
    { "output", 'o', OPT_TEXT, offsetof(struct plan_flags, output), "FORMAT", "table",
      "table, json or yaml" },
    SHARED_OPTIONS(struct plan_flags, shared),
};

const struct opt_table cmd_plan_options = {
    .program = "muster plan",
    .synopsis = "-f FILE | --delete NAME",
    .summary = "Tell what apply, or delete, would come to, and write nothing: the controller's own "
               "decisions on the live state, step by step, while every host obeys. Exit codes: 0 "
               "nothing would change, 2 something would, 1 any failure.",
    .opts = opts,
    .count = ARRAY_COUNT(opts),
    .examples = "  muster plan -f sessions.yaml && echo 'nothing to do'\n"
                "  muster plan -f sessions.yaml -o json | jq '.clusters[].summary'\n"
                "  muster plan --delete sessions\n",
};

/* One cluster that is planned for. */
struct wishes {
    const char **names;
    const struct spec **wanted; /* NULL each: deletion */
    size_t count;
};

static int wishes_list(struct arena *arena, const struct plan_flags *flags,
                       const struct spec_file *file, struct wishes *out, struct err *err)
{
    size_t i;

    out->names = arena_calloc(arena, file->count + 1, sizeof(*out->names));
    out->wanted = arena_calloc(arena, file->count + 1, sizeof(*out->wanted));
    if (out->names == NULL || out->wanted == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for %zu specs", file->count);
    }
    for (i = 0; i < file->count; i++) {
        out->names[i] = file->specs[i].name;
        out->wanted[i] = &file->specs[i];
        if (text_equal(flags->doomed, file->specs[i].name)) {
            return err_set(err, ERR_USAGE, "cluster '%s' is in the file and to be deleted",
                           flags->doomed);
        }
    }
    out->count = file->count;
    if (flags->doomed != NULL) {
        out->names[out->count++] = flags->doomed;
    }
    return 0;
}

/* Later ones see the places that earlier ones take. */
static int suppose(struct live *live, const struct preview *plan, struct err *err)
{
    size_t i;
    int rv = 0;

    for (i = 0; 0 <= rv && i < plan->forecast.slots_count; i++) {
        const struct forecast_slot *slot = &plan->forecast.slots[i];

        if (slot->change == FORECAST_NEW || slot->change == FORECAST_MOVED) {
            rv = live_suppose(live, slot->after, err);
        }
    }
    return rv;
}

static int plan_all(struct live *live, const struct wishes *wishes, struct preview *plans,
                    struct err *err)
{
    size_t i;
    int rv = 0;

    for (i = 0; 0 <= rv && i < wishes->count; i++) {
        struct view view;

        rv = live_view(live, i, &view, err);
        if (0 <= rv) {
            rv = preview_make(&view, wishes->wanted[i], &live->context->arena, &plans[i], err);
        }
        if (0 <= rv) {
            rv = suppose(live, &plans[i], err);
        }
    }
    return rv;
}

static bool any_changes(const struct preview *plans, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (preview_changes(&plans[i])) {
            return true;
        }
    }
    return false;
}

static int plan(struct context *context, const struct wishes *wishes, enum output_format format,
                struct err *err)
{
    CLEANUP(live_deinit) struct live live = { .count = 0 };
    CLEANUP(str_deinit) struct str text;
    struct preview *plans = arena_calloc(&context->arena, wishes->count, sizeof(*plans));
    int rv;

    str_init(&text, OUTPUT_BYTES_MAX);
    if (plans == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for %zu plans", wishes->count);
    }
    rv = live_read(&live, context, wishes->names, wishes->count, err);
    if (0 <= rv) {
        rv = plan_all(&live, wishes, plans, err);
    }
    if (0 <= rv && format == OUTPUT_TABLE) {
        rv = preview_text(plans, wishes->count, &context->arena, &text, err);
        rv = rv < 0 ? rv : output_marked(&text, err);
    } else if (0 <= rv) {
        rv = preview_json(plans, wishes->count, &text, err);
        rv = rv < 0 ? rv : output_json(&text, format, err);
    }
    if (rv < 0) {
        return rv;
    }
    return any_changes(plans, wishes->count) ? VERB_CHANGES : 0;
}

int cmd_plan(int argc, char *const *argv, struct err *err)
{
    CLEANUP(context_close) struct context context = { .loop = NULL };
    CLEANUP(spec_file_deinit) struct spec_file file = { .count = 0 };
    struct plan_flags flags = { .file = NULL };
    enum output_format format;
    struct wishes wishes = { .count = 0 };
    struct opt_result args;
    int rv = options_read(&cmd_plan_options, argc, argv, &flags, 0, 0, &args, err);

    if (rv != 0) {
        return rv < 0 ? rv : 0;
    }
    if (flags.file == NULL && flags.doomed == NULL) {
        return err_set(err, ERR_USAGE, "-f FILE or --delete NAME is needed");
    }
    rv = output_format_parse(flags.output, &format, err);
    if (0 <= rv && format == OUTPUT_NAME) {
        return err_set(err, ERR_USAGE, "--output: a plan has no names, only table, json and yaml");
    }
    if (0 <= rv && flags.doomed != NULL) {
        rv = cluster_name_check(flags.doomed, err);
    }
    if (0 <= rv && flags.file != NULL) {
        rv = spec_file_read(&file, flags.file, err);
    }
    if (0 <= rv) {
        rv = context_open(&context, &flags.shared, err);
    }
    if (0 <= rv) {
        rv = wishes_list(&context.arena, &flags, &file, &wishes, err);
    }
    return rv < 0 ? rv : plan(&context, &wishes, format, err);
}
