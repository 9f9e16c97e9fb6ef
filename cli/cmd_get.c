#include "base/cleanup.h"
#include "cli/listing.h"
#include "cli/verb.h"
#include "client/context.h"
#include "client/options.h"

#define ETCD_PATIENCE_MS 5000

struct get_flags {
    struct options shared;
    struct discovery_tls_flags discovery;
    const char *output;
    const char *selector;
    const char *sort;
    bool headless;
    bool watch;
};

static const struct opt opts[] = {
    { "output", 'o', OPT_TEXT, offsetof(struct get_flags, output), LISTING_VALUES, "table",
      "how to print it; yaml of clusters is what muster apply takes" },
    { "selector", 'l', OPT_TEXT, offsetof(struct get_flags, selector), "LABELS", NULL,
      "only clusters with these labels: a=b,c!=d,e,!f" },
    { "sort-by", 0, OPT_TEXT, offsetof(struct get_flags, sort), "PATH", NULL,
      "in the order of what a jsonpath finds in each object: .spec.spec.nodes" },
    { "no-headers", 0, OPT_FLAG, offsetof(struct get_flags, headless), NULL, NULL,
      "tables without their heading" },
    { "watch", 'w', OPT_FLAG, offsetof(struct get_flags, watch), NULL, NULL,
      "go on with a line for each change, until Ctrl-C" },
    TIMEOUT_FLAG(struct get_flags, shared.timeout_ms, NULL,
                 "how long to wait for etcd (5s); with --watch: when to end"),
    ETCD_OPTIONS(struct get_flags, shared),
    DISCOVERY_TLS_FLAGS(struct get_flags, discovery),
};

const struct opt_table cmd_get_options = {
    .program = "muster get",
    .synopsis = "clusters|nodes|joins|clients|hosts|events|sources [NAME…]",
    .summary = "List objects. NAMEs are those of clusters (of which the nodes, requests to "
               "join, clients or events are listed) or of hosts. Clients are asked for at "
               "the nodes: who polled, and the newest version that each was handed. Short "
               "names: cl, no, jo, ct, ho, ev, so. A list is found under .items of a jsonpath.",
    .opts = opts,
    .count = ARRAY_COUNT(opts),
    .examples = "  muster get clusters\n"
                "  muster get nodes quickstart -o wide\n"
                "  muster get clusters -l tier=gold -w\n"
                "  muster get no -o jsonpath='{range .items[*]}{.metadata.name}{\"\\n\"}{end}'\n"
                "  muster get nodes --sort-by .report.startedMs --no-headers\n"
                "  muster get clusters -o yaml > clusters.yaml\n",
};

int cmd_get(int argc, char *const *argv, struct err *err)
{
    CLEANUP(context_close) struct context context = { .loop = NULL };
    CLEANUP(listing_deinit) struct listing listing = { .context = &context };
    struct get_flags flags = { .shared.timeout_ms = UINT64_MAX };
    struct opt_result args;
    uint64_t end_ms;
    int rv = options_read(&cmd_get_options, argc, argv, &flags, 1, OPT_POSITIONAL_MAX, &args, err);

    if (rv != 0) {
        return rv < 0 ? rv : 0;
    }
    rv = show_kind_find(args.positional[0], &listing.kind, err);
    if (0 <= rv) {
        rv = listing_use_form(&listing, flags.output, err);
    }
    if (0 <= rv) {
        rv = listing_use_selector(&listing, flags.selector, err);
    }
    if (0 <= rv) {
        rv = listing_use_sort(&listing, flags.sort, err);
    }
    listing.headless = flags.headless;
    if (0 <= rv) {
        rv = listing_use_names(&listing, args.positional + 1, args.positional_count - 1, err);
    }
    end_ms = flags.shared.timeout_ms == 0 ? UINT64_MAX : flags.shared.timeout_ms;
    if (flags.watch || end_ms == UINT64_MAX) {
        flags.shared.timeout_ms = ETCD_PATIENCE_MS;
    }
    if (0 <= rv) {
        rv = context_open(&context, &flags.shared, err);
    }
    if (0 <= rv) {
        rv = context_use_tls(&context, &flags.discovery, err);
    }
    if (rv < 0) {
        return rv;
    }
    return flags.watch ? listing_watch(&listing, end_ms, err) : listing_print(&listing, err);
}
