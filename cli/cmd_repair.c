#include <stdio.h>

#include "apply/spec_store.h"
#include "base/clock.h"
#include "base/str.h"
#include "cli/dead_nodes.h"
#include "cli/verb.h"
#include "client/context.h"
#include "client/options.h"
#include "show/output.h"

struct repair_flags {
    struct options shared;
};

static const struct opt opts[] = {
    SHARED_OPTIONS(struct repair_flags, shared),
};

const struct opt_table cmd_repair_confirm_options = {
    .program = "muster repair confirm",
    .synopsis = "CLUSTER",
    .summary =
        "Confirm that the nodes that look dead are dead. When more than half of a cluster's nodes, "
        "or of all hosts, look dead at once, the controller suspects itself, replaces nothing and "
        "says so (condition Stalled, reason MassFailure). Confirmed, those nodes are replaced on "
        "other hosts; nodes that die later are held back again. When half has returned, that ends "
        "without a word.",
    .opts = opts,
    .count = ARRAY_COUNT(opts),
    .examples = "  muster repair confirm sessions\n",
};

static int decide(void *ctx, size_t index, struct spec_edit *edit, struct err *err)
{
    const uint64_t *confirmed_ms = ctx;

    (void)index;
    return spec_edit_confirm(edit, *confirmed_ms, err);
}

static int read_cluster(struct context *context, const char *name, struct facts *facts,
                        struct err *err)
{
    const struct cluster_facts *cluster;
    struct etcd_range ranges[] = {
        { .key = context_key(context, "clusters/%s/spec", name) },
        { .key = context_key(context, "clusters/%s/status", name) },
    };
    int rv;

    if (ranges[0].key == NULL || ranges[1].key == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for a key");
    }
    facts_init(facts, &context->arena, context->prefix);
    rv = context_read(context, ranges, ARRAY_COUNT(ranges), facts, err);
    if (rv < 0) {
        return rv;
    }
    cluster = facts_cluster(facts, name);
    if (cluster == NULL || cluster->spec_revision == 0) {
        return err_set(err, ERR_NOT_FOUND, "there is no cluster '%s'", name);
    }
    if (facts->bad_count != 0) {
        return err_set(err, ERR_CONFLICT, "%s; repair or remove the key first", facts->bad);
    }
    return 0;
}

static int confirm(struct context *context, const char *name, struct err *err)
{
    CLEANUP(str_deinit) struct str text;
    struct spec_edit edit = { .name = name };
    const struct cluster_facts *cluster;
    struct facts facts;
    uint64_t now_ms = clock_wall_ms();
    uint64_t confirmed_ms;
    size_t count;
    int rv = read_cluster(context, name, &facts, err);

    str_init(&text, OUTPUT_BYTES_MAX);
    if (rv < 0) {
        return rv;
    }
    cluster = facts_cluster(&facts, name);
    count = dead_nodes(cluster, now_ms, &text, &confirmed_ms);
    if (count == 0) {
        (void)printf("cluster/%s unchanged: no node looks dead\n", name);
        return 0;
    }
    rv = spec_store_change(context, &edit, 1, decide, &confirmed_ms, err);
    if (rv < 0) {
        return rv;
    }
    rv = output_text(&text, err);
    (void)printf("cluster/%s confirmed: %zu node%s to be replaced\n", name, count,
                 count == 1 ? " is" : "s are");
    return rv;
}

int cmd_repair_confirm(int argc, char *const *argv, struct err *err)
{
    CLEANUP(context_close) struct context context = { .loop = NULL };
    struct repair_flags flags = { .shared = { .prefix = NULL } };
    struct opt_result args;
    int rv = options_read(&cmd_repair_confirm_options, argc, argv, &flags, 1, 1, &args, err);

    if (rv != 0) {
        return rv < 0 ? rv : 0;
    }
    rv = cluster_name_check(args.positional[0], err);
    if (0 <= rv) {
        rv = context_open(&context, &flags.shared, err);
    }
    return rv < 0 ? rv : confirm(&context, args.positional[0], err);
}
