#include <stdio.h>

#include "apply/spec_store.h"
#include "base/clock.h"
#include "base/str.h"
#include "cli/await.h"
#include "cli/verb.h"
#include "client/options.h"

struct delete_flags {
    struct options shared;
    bool wait;
};

static const struct opt opts[] = {
    { "wait", 0, OPT_FLAG, offsetof(struct delete_flags, wait), NULL, NULL,
      "return when the cluster is gone" },
    TIMEOUT_FLAG(
        struct delete_flags, shared.timeout_ms, "60s",
        "how long to wait for etcd (5s at most), and with --wait for the end; 0s: as long as it "
        "takes"),
    ETCD_OPTIONS(struct delete_flags, shared),
};

const struct opt_table cmd_delete_options = {
    .program = "muster delete",
    .synopsis = "cluster NAME [--wait]",
    .summary = "Delete a cluster: its endpoint goes, its nodes are stopped, what they cache is "
               "lost. There is no way back.",
    .opts = opts,
    .count = ARRAY_COUNT(opts),
    .examples = "  muster delete cluster sessions --wait\n",
};

static int decide(void *ctx, size_t index, struct spec_edit *edit, struct err *err)
{
    (void)ctx;
    (void)index;
    return spec_edit_delete(edit, clock_wall_ms(), err);
}

static int delete_cluster(struct delete_flags *flags, const char *name, struct err *err)
{
    CLEANUP(context_close) struct context context = { .loop = NULL };
    struct spec_edit edit = { .name = name };
    uint64_t timeout_ms = options_patience(&flags->shared);
    int rv = context_open(&context, &flags->shared, err);

    if (0 <= rv) {
        rv = spec_store_change(&context, &edit, 1, decide, NULL, err);
    }
    if (rv < 0) {
        return rv;
    }
    if (flags->wait) {
        rv = await_cluster(&context, name, AWAIT_DELETED, timeout_ms, err);
    }
    if (0 <= rv) {
        (void)printf("cluster/%s %s\n", name, flags->wait ? "deleted" : "deleting");
    }
    return rv;
}

int cmd_delete(int argc, char *const *argv, struct err *err)
{
    struct delete_flags flags = { .wait = false };
    const struct verb_kind *kind;
    struct opt_result args;
    int rv = options_read(&cmd_delete_options, argc, argv, &flags, 2, 2, &args, err);

    if (rv != 0) {
        return rv < 0 ? rv : 0;
    }
    rv = verb_kind("delete", args.positional[0], &kind, err);
    if (0 <= rv) {
        rv = cluster_name_check(args.positional[1], err);
    }
    return rv < 0 ? rv : delete_cluster(&flags, args.positional[1], err);
}
