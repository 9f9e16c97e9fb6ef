#include <string.h>

#include "apply/batch.h"
#include "base/str.h"
#include "cli/preview.h"
#include "cli/spec_files.h"
#include "cli/verb.h"
#include "client/options.h"
#include "show/host_list.h"
#include "show/live.h"
#include "show/output.h"

struct plan_flags {
    struct options shared;
    struct opt_texts files;
    const char *source;
    bool force;
    const char *doomed; /* --delete */
    const char *host;   /* --drain */
    const char *output;
};

static const struct opt opts[] = {
    FILES_FLAG(struct plan_flags, files),
    SOURCE_FLAG(struct plan_flags, source),
    FORCE_FLAG(struct plan_flags, force),
    { "delete", 0, OPT_TEXT, offsetof(struct plan_flags, doomed), "CLUSTER", NULL,
      "plan the deletion of a cluster" },
    { "drain", 0, OPT_TEXT, offsetof(struct plan_flags, host), "HOST", NULL,
      "plan the drain of a host, for each cluster that has a node there" },
    { "output", 'o', OPT_TEXT, offsetof(struct plan_flags, output), "table|json|yaml", "table",
      "how to print it" },
    SHARED_OPTIONS(struct plan_flags, shared),
};

const struct opt_table cmd_plan_options = {
    .program = "muster plan",
    .synopsis = "-f FILE|DIR | --delete CLUSTER | --drain HOST",
    .summary =
        "Tell what apply, delete or drain would come to, and write nothing: the controller's "
        "own decisions on the live state, step by step, while every host obeys. Exit codes: "
        "0 nothing would change, 2 something would, 1 any failure.",
    .opts = opts,
    .count = ARRAY_COUNT(opts),
    .examples = "  muster plan -f sessions.yaml && echo 'nothing to do'\n"
                "  muster plan -f sessions.yaml -o json | jq '.clusters[].summary'\n"
                "  muster plan --delete sessions\n"
                "  muster plan --drain host-7\n",
};

/* The clusters that are planned for, and what for. */
struct wishes {
    struct preview_wish wish; /* without the spec */
    const char **names;
    size_t count;
    const struct documents *documents; /* PREVIEW_APPLY: as many; else NULL */
};

static int no_memory(struct err *err)
{
    return err_set(err, ERR_NOMEM, "no memory for a plan");
}

static int wish_documents(struct arena *arena, const struct documents *documents,
                          struct wishes *out, struct err *err)
{
    size_t i;

    out->names = arena_calloc(arena, documents->count, sizeof(*out->names));
    if (out->names == NULL) {
        return no_memory(err);
    }
    for (i = 0; i < documents->count; i++) {
        out->names[i] = documents->list[i].read.spec.name;
    }
    out->documents = documents;
    out->count = documents->count;
    return 0;
}

static int wish_deletion(struct arena *arena, const char *name, struct wishes *out, struct err *err)
{
    out->wish.kind = PREVIEW_DELETE;
    out->names = arena_calloc(arena, 1, sizeof(*out->names));
    if (out->names == NULL) {
        return no_memory(err);
    }
    out->names[out->count++] = name;
    return 0;
}

static void add_name(struct wishes *wishes, const char *name)
{
    size_t i;

    for (i = 0; i < wishes->count; i++) {
        if (strcmp(wishes->names[i], name) == 0) {
            return;
        }
    }
    wishes->names[wishes->count++] = name;
}

static bool is_there(const struct intent *intent, const char *host)
{
    return strcmp(intent->host, host) == 0 && intent->phase == INTENT_RUN;
}

/* Every cluster that has a node to run on the host. */
static int wish_drain(struct context *context, const char *host, struct wishes *out,
                      struct err *err)
{
    struct etcd_range ranges[HOST_LIST_RANGES];
    const struct intent_facts *one;
    struct host_list list;
    struct facts facts;
    size_t count = 0;
    int rv = host_list_ranges(context, NULL, ranges, err);

    out->wish = (struct preview_wish){ .kind = PREVIEW_DRAIN, .host = host };
    facts_init(&facts, &context->arena, context->prefix);
    if (0 <= rv) {
        rv = context_read(context, ranges, HOST_LIST_RANGES, &facts, err);
    }
    if (0 <= rv) {
        rv = host_list_make(&facts, &context->arena, &list, err);
    }
    if (0 <= rv && host_list_find(&list, host) == NULL) {
        return host_list_unknown(&list, host, err);
    }
    for (one = facts.intents; 0 <= rv && one != NULL; one = one->next) {
        count += is_there(&one->intent, host) ? 1 : 0;
    }
    out->names = arena_calloc(&context->arena, count + 1, sizeof(*out->names));
    if (out->names == NULL) {
        return no_memory(err);
    }
    for (one = facts.intents; 0 <= rv && one != NULL; one = one->next) {
        if (is_there(&one->intent, host)) {
            add_name(out, one->intent.cluster);
        }
    }
    return rv;
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

static int plan_one(struct live *live, const struct wishes *wishes, size_t i, struct preview *out,
                    struct err *err)
{
    struct arena *arena = &live->context->arena;
    struct preview_wish wish = wishes->wish;
    struct view view;
    int rv = live_view(live, i, &view, err);

    if (wishes->documents != NULL) {
        wish.document.spec = &wishes->documents->list[i].read.spec;
        wish.document.set = wishes->documents->list[i].read.set;
    }
    if (0 <= rv) {
        rv = preview_make(&view, &wish, arena, out, err);
    }
    return rv < 0 ? rv : suppose(live, out, err);
}

static int plan_all(struct live *live, const struct wishes *wishes, struct preview *plans,
                    struct err *err)
{
    size_t i;
    int rv = 0;

    for (i = 0; 0 <= rv && i < wishes->count; i++) {
        rv = plan_one(live, wishes, i, &plans[i], err);
    }
    return rv;
}

static int plan(struct context *context, const struct wishes *wishes, enum output_format format,
                struct err *err)
{
    CLEANUP(live_deinit) struct live live = { .count = 0 };
    CLEANUP(str_deinit) struct str text;
    struct previews previews = { .count = wishes->count };
    struct preview *plans = arena_calloc(&context->arena, wishes->count + 1, sizeof(*plans));
    int rv;

    str_init(&text, OUTPUT_BYTES_MAX);
    if (plans == NULL) {
        return no_memory(err);
    }
    rv = live_read(&live, context, wishes->names, wishes->count, err);
    if (0 <= rv) {
        rv = plan_all(&live, wishes, plans, err);
    }
    previews.list = plans;
    previews.led = live.led;
    if (0 <= rv && format == OUTPUT_TABLE && wishes->count == 0) {
        str_appendf(&text, "No node is placed on host %s: no changes.\n", wishes->wish.host);
        rv = output_text(&text, err);
    } else if (0 <= rv && format == OUTPUT_TABLE) {
        rv = preview_text(&previews, &context->arena, &text, err);
        rv = rv < 0 ? rv : output_marked(&text, err);
    } else if (0 <= rv) {
        rv = preview_json(&previews, &text, err);
        rv = rv < 0 ? rv : output_json(&text, format, err);
    }
    if (rv < 0) {
        return rv;
    }
    return previews_change(&previews) ? VERB_CHANGES : 0;
}

static int check(const struct plan_flags *flags, enum output_format *format, struct err *err)
{
    int given = (0 < flags->files.count ? 1 : 0) + (flags->doomed != NULL ? 1 : 0) +
                (flags->host != NULL ? 1 : 0);
    int rv;

    if (given != 1) {
        return err_set(err, ERR_USAGE, "one of -f FILE, --delete NAME and --drain HOST is needed");
    }
    rv = output_format_parse(flags->output, format, err);
    if (0 <= rv && *format == OUTPUT_NAME) {
        return err_set(err, ERR_USAGE, "--output: a plan has no names, only table, json and yaml");
    }
    if (0 <= rv && batch_source_check(flags->source, err) < 0) {
        return err_wrap(err, "--source");
    }
    return 0 <= rv && flags->doomed != NULL ? cluster_name_check(flags->doomed, err) : rv;
}

int cmd_plan(int argc, char *const *argv, struct err *err)
{
    CLEANUP(context_close) struct context context = { .loop = NULL };
    CLEANUP(documents_deinit) struct documents documents;
    struct plan_flags flags = { .doomed = NULL };
    struct wishes wishes = { .wish = { .kind = PREVIEW_APPLY } };
    enum output_format format;
    struct opt_result args;
    int rv = options_read(&cmd_plan_options, argc, argv, &flags, 0, 0, &args, err);

    documents_init(&documents);
    if (rv != 0) {
        return rv < 0 ? rv : 0;
    }
    rv = check(&flags, &format, err);
    if (0 <= rv && 0 < flags.files.count) {
        rv = spec_files_read(&flags.files, &documents, err);
    }
    if (0 <= rv) {
        rv = context_open(&context, &flags.shared, err);
    }
    wishes.wish.document = (struct merge_wish){ .source = flags.source, .force = flags.force };
    if (0 <= rv && 0 < flags.files.count) {
        rv = wish_documents(&context.arena, &documents, &wishes, err);
    } else if (0 <= rv && flags.doomed != NULL) {
        rv = wish_deletion(&context.arena, flags.doomed, &wishes, err);
    } else if (0 <= rv) {
        rv = wish_drain(&context, flags.host, &wishes, err);
    }
    return rv < 0 ? rv : plan(&context, &wishes, format, err);
}
