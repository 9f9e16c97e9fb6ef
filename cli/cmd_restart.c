#include <stdio.h>

#include "apply/spec_store.h"
#include "base/clock.h"
#include "cli/await.h"
#include "cli/verb.h"
#include "client/context.h"
#include "client/options.h"

struct restart_flags {
    struct options shared;
    struct opt_wait wait;
};

static const struct opt opts[] = {
    AWAIT_OPTION(struct restart_flags, wait),
    SHARED_OPTIONS(struct restart_flags, shared),
};

const struct opt_table cmd_restart_options = {
    .program = "muster restart",
    .synopsis = "CLUSTER [--wait]",
    .summary =
        "Start all nodes of a cluster anew, as a change of their settings would: no more at "
        "once than maxUnavailable allows, or, where that is 0, each only after its successor "
        "serves. A memcached that is started anew is empty. Memcacheds that joined are not "
        "touched.",
    .opts = opts,
    .count = ARRAY_COUNT(opts),
    .examples = "  muster restart sessions && muster rollout status sessions\n"
                "  muster restart sessions --wait=10m\n",
};

static int decide(void *ctx, size_t index, struct spec_edit *edit, struct err *err)
{
    (void)ctx;
    (void)index;
    return spec_edit_restart(edit, clock_wall_ms(), err);
}

int cmd_restart(int argc, char *const *argv, struct err *err)
{
    CLEANUP(context_close) struct context context = { .loop = NULL };
    struct restart_flags flags = { .shared = { .timeout_ms = 0 } };
    struct spec_edit edit = { .name = NULL };
    struct opt_result args;
    int rv = options_read(&cmd_restart_options, argc, argv, &flags, 1, 1, &args, err);

    if (rv != 0) {
        return rv < 0 ? rv : 0;
    }
    edit.name = args.positional[0];
    rv = cluster_name_check(edit.name, err);
    if (0 <= rv) {
        rv = context_open(&context, &flags.shared, err);
    }
    if (0 <= rv) {
        rv = spec_store_change(&context, &edit, 1, decide, NULL, err);
    }
    if (0 <= rv) {
        (void)printf("cluster/%s restarting\n", edit.name);
        rv = await_if_asked(&context, edit.name, &flags.wait, err);
    }
    return rv;
}
