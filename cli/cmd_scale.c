#include <stdio.h>

#include "apply/spec_store.h"
#include "base/clock.h"
#include "cli/await.h"
#include "cli/verb.h"
#include "client/context.h"
#include "client/options.h"

#define NODES_NOT_GIVEN UINT64_MAX

struct scale_flags {
    struct options shared;
    uint64_t nodes;
    struct opt_wait wait;
};

static const struct opt opts[] = {
    { "nodes", 'n', OPT_NUMBER, offsetof(struct scale_flags, nodes), "N", NULL,
      "how many nodes the cluster shall have, 1 to 1024" },
    AWAIT_OPTION(struct scale_flags, wait),
    SHARED_OPTIONS(struct scale_flags, shared),
};

const struct opt_table cmd_scale_options = {
    .program = "muster scale",
    .synopsis = "CLUSTER --nodes N [--wait]",
    .summary = "Change how many nodes a cluster has. Scaling in takes the highest slots away: "
               "first out of the configuration, then, drained, out of the hosts.",
    .opts = opts,
    .count = ARRAY_COUNT(opts),
    .examples = "  muster scale sessions --nodes 5\n"
                "  muster scale sessions --nodes 8 --wait=5m\n",
};

struct scaling {
    uint32_t nodes;
    struct arena *arena;
};

static int decide(void *ctx, size_t index, struct spec_edit *edit, struct err *err)
{
    const struct scaling *scaling = ctx;

    (void)index;
    return spec_edit_scale(edit, scaling->nodes, clock_wall_ms(), scaling->arena, err);
}

int cmd_scale(int argc, char *const *argv, struct err *err)
{
    CLEANUP(context_close) struct context context = { .loop = NULL };
    struct scale_flags flags = { .nodes = NODES_NOT_GIVEN };
    struct spec_edit edit = { .name = NULL };
    struct opt_result args;
    struct scaling scaling = { .arena = &context.arena };
    int rv = options_read(&cmd_scale_options, argc, argv, &flags, 1, 1, &args, err);

    if (rv != 0) {
        return rv < 0 ? rv : 0;
    }
    if (flags.nodes == NODES_NOT_GIVEN) {
        return err_set(err, ERR_USAGE, "--nodes is needed");
    }
    if (flags.nodes < 1 || SPEC_NODES_MAX < flags.nodes) {
        return err_set(err, ERR_USAGE, "--nodes: must be between 1 and %d, got %llu",
                       SPEC_NODES_MAX, (unsigned long long)flags.nodes);
    }
    scaling.nodes = (uint32_t)flags.nodes;
    edit.name = args.positional[0];
    rv = cluster_name_check(edit.name, err);
    if (0 <= rv) {
        rv = context_open(&context, &flags.shared, err);
    }
    if (0 <= rv) {
        rv = spec_store_change(&context, &edit, 1, decide, &scaling, err);
    }
    if (0 <= rv) {
        (void)printf("cluster/%s %s\n", edit.name,
                     edit.done == SPEC_UNCHANGED ? "unchanged" : "scaled");
        rv = await_if_asked(&context, edit.name, &flags.wait, err);
    }
    return rv;
}
