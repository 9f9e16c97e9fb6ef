#include "base/clock.h"
#include "cli/listing.h"
#include "cli/verb.h"
#include "client/context.h"
#include "client/options.h"

#define ETCD_PATIENCE_MS 5000

struct events_flags {
    struct options shared;
    const char *output;
    uint64_t since_ms;
    bool watch;
};

static const struct opt opts[] = {
    { "watch", 'w', OPT_FLAG, offsetof(struct events_flags, watch), NULL, NULL,
      "go on with a line for each event, until Ctrl-C" },
    { "since", 0, OPT_DURATION, offsetof(struct events_flags, since_ms), "DURATION", NULL,
      "none that is older" },
    { "output", 'o', OPT_TEXT, offsetof(struct events_flags, output), LISTING_VALUES, "table",
      "how to print them" },
    TIMEOUT_FLAG(struct events_flags, shared.timeout_ms, NULL,
                 "how long to wait for etcd (5s); with --watch: when to end"),
    ETCD_OPTIONS(struct events_flags, shared),
};

const struct opt_table cmd_events_options = {
    .program = "muster events",
    .synopsis = "[NAME…] [-w] [--since DURATION]",
    .summary = "Tell what happened and why, to the clusters of these names or to all.",
    .opts = opts,
    .count = ARRAY_COUNT(opts),
    .examples = "  muster events\n"
                "  muster events quickstart --since 10m\n"
                "  muster events quickstart -w\n",
};

int cmd_events(int argc, char *const *argv, struct err *err)
{
    CLEANUP(context_close) struct context context = { .loop = NULL };
    CLEANUP(listing_deinit) struct listing listing = { .context = &context, .kind = &show_events };
    struct events_flags flags = { .shared.timeout_ms = UINT64_MAX, .since_ms = UINT64_MAX };
    const uint64_t now_ms = clock_wall_ms();
    struct opt_result args;
    uint64_t end_ms;
    int rv =
        options_read(&cmd_events_options, argc, argv, &flags, 0, OPT_POSITIONAL_MAX, &args, err);

    if (rv != 0) {
        return rv < 0 ? rv : 0;
    }
    rv = listing_use_form(&listing, flags.output, err);
    if (0 <= rv) {
        rv = listing_use_names(&listing, args.positional, args.positional_count, err);
    }
    listing.request.since_ms = flags.since_ms < now_ms ? now_ms - flags.since_ms : 0;
    end_ms = flags.shared.timeout_ms == 0 ? UINT64_MAX : flags.shared.timeout_ms;
    if (flags.watch || end_ms == UINT64_MAX) {
        flags.shared.timeout_ms = ETCD_PATIENCE_MS;
    }
    if (0 <= rv) {
        rv = context_open(&context, &flags.shared, err);
    }
    if (rv < 0) {
        return rv;
    }
    return flags.watch ? listing_watch(&listing, end_ms, err) : listing_print(&listing, err);
}
