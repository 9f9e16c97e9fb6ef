#include <stdio.h>

#include "base/str.h"
#include "cli/await.h"
#include "cli/verb.h"
#include "client/options.h"

struct wait_flags {
    struct options shared;
    const char *goal;
};

static const struct opt opts[] = {
    { "for", 0, OPT_TEXT, offsetof(struct wait_flags, goal), "converged|deleted", NULL,
      "converged (every reachable node serves what the spec asks for) or deleted" },
    TIMEOUT_FLAG(struct wait_flags, shared.timeout_ms, "30s",
                 "how long to wait; 0s: as long as it takes"),
    ETCD_OPTIONS(struct wait_flags, shared),
};

const struct opt_table cmd_wait_options = {
    .program = "muster wait",
    .synopsis = "CLUSTER --for converged|deleted",
    .summary = "Wait until a cluster is what its spec asks for, or is gone. Exits with 7 when time "
               "is up, and says which stage hangs and why.",
    .opts = opts,
    .count = ARRAY_COUNT(opts),
    .examples = "  muster wait sessions --for converged --timeout 2m\n",
};

int cmd_wait(int argc, char *const *argv, struct err *err)
{
    CLEANUP(context_close) struct context context = { .loop = NULL };
    struct wait_flags flags = { .goal = NULL };
    struct opt_result args;
    enum await_goal goal;
    uint64_t timeout_ms;
    int rv = options_read(&cmd_wait_options, argc, argv, &flags, 1, 1, &args, err);

    if (rv != 0) {
        return rv < 0 ? rv : 0;
    }
    if (text_equal(flags.goal, "converged")) {
        goal = AWAIT_CONVERGED;
    } else if (text_equal(flags.goal, "deleted")) {
        goal = AWAIT_DELETED;
    } else {
        return err_set(err, ERR_USAGE, "--for: must be converged or deleted");
    }
    timeout_ms = options_patience(&flags.shared);
    rv = cluster_name_check(args.positional[0], err);
    if (0 <= rv) {
        rv = context_open(&context, &flags.shared, err);
    }
    if (0 <= rv) {
        rv = await_cluster(&context, args.positional[0], goal, timeout_ms, err);
    }
    if (0 <= rv) {
        (void)printf("cluster/%s %s\n", args.positional[0], flags.goal);
    }
    return rv;
}
