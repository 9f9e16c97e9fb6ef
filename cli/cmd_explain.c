#include "base/str.h"
#include "cli/account.h"
#include "cli/verb.h"
#include "client/options.h"
#include "model/name.h"
#include "show/live.h"
#include "show/output.h"

struct explain_flags {
    struct options shared;
    const char *slot;
    const char *output;
    bool facts;
};

static const struct opt opts[] = {
    { "slot", 's', OPT_TEXT, offsetof(struct explain_flags, slot), "SLOT", NULL,
      "only this slot, with all that holds of it" },
    { "facts", 0, OPT_FLAG, offsetof(struct explain_flags, facts), NULL, NULL,
      "all facts, also of nodes that are in order" },
    { "output", 'o', OPT_TEXT, offsetof(struct explain_flags, output), "table|json|yaml", "table",
      "how to print it" },
    SHARED_OPTIONS(struct explain_flags, shared),
};

const struct opt_table cmd_explain_options = {
    .program = "muster explain",
    .synopsis = "CLUSTER",
    .summary = "Tell why a cluster is as it is: which facts hold of each node, which rule they "
               "lead to, what is in the way, and what comes next and when. The controller's own "
               "decisions, made anew on what the keys say.",
    .opts = opts,
    .count = ARRAY_COUNT(opts),
    .examples = "  muster explain sessions\n"
                "  muster explain sessions --slot 0003\n"
                "  muster explain sessions -o json | jq .obstacle\n",
};

static int explain(struct context *context, const char *name, const struct account_scope *scope,
                   enum output_format format, struct err *err)
{
    CLEANUP(live_deinit) struct live live = { .count = 0 };
    CLEANUP(str_deinit) struct str text;
    struct account account;
    struct view view;
    int rv;

    str_init(&text, OUTPUT_BYTES_MAX);
    rv = live_read(&live, context, &name, 1, err);
    if (0 <= rv) {
        rv = live_view(&live, 0, &view, err);
    }
    if (0 <= rv) {
        rv = account_make(&view, live.led, &context->arena, &account, err);
    }
    if (0 <= rv && scope->slot != 0 && !account_has_slot(&account, scope->slot)) {
        return err_set(err, ERR_NOT_FOUND, "cluster %s has no slot %04u", name, scope->slot);
    }
    if (rv < 0) {
        return rv;
    }
    if (format == OUTPUT_TABLE) {
        rv = account_text(&account, scope, &context->arena, &text, err);
        return rv < 0 ? rv : output_marked(&text, err);
    }
    rv = account_json(&account, scope, &text, err);
    return rv < 0 ? rv : output_json(&text, format, err);
}

int cmd_explain(int argc, char *const *argv, struct err *err)
{
    CLEANUP(context_close) struct context context = { .loop = NULL };
    struct explain_flags flags = { .slot = NULL };
    struct account_scope scope = { .slot = 0 };
    uint64_t slot = 0;
    enum output_format format;
    struct opt_result args;
    int rv = options_read(&cmd_explain_options, argc, argv, &flags, 1, 1, &args, err);

    if (rv != 0) {
        return rv < 0 ? rv : 0;
    }
    scope.facts = flags.facts;
    if (flags.slot != NULL && !text_to_u64(flags.slot, 1, SLOT_MAX, &slot)) {
        return err_set(err, ERR_USAGE, "--slot: must be 0001 to 9999, got '%s'", flags.slot);
    }
    scope.slot = (uint32_t)slot;
    rv = output_format_parse(flags.output, &format, err);
    if (0 <= rv && format == OUTPUT_NAME) {
        return err_set(err, ERR_USAGE, "--output: must be table, json or yaml");
    }
    if (0 <= rv) {
        rv = cluster_name_check(args.positional[0], err);
    }
    if (0 <= rv) {
        rv = context_open(&context, &flags.shared, err);
    }
    return rv < 0 ? rv : explain(&context, args.positional[0], &scope, format, err);
}
