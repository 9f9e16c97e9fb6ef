#include <stdio.h>
#include <string.h>

#include "cli/verb.h"
#include "client/context.h"
#include "client/options.h"

struct endpoint_flags {
    struct options shared;
};

static const struct opt opts[] = {
    SHARED_OPTIONS(struct endpoint_flags, shared),
};

const struct opt_table cmd_endpoint_options = {
    .program = "muster endpoint",
    .synopsis = "CLUSTER",
    .summary = "Print HOST:PORT of a cluster's configuration endpoint, which is what discovery "
               "clients are given: its DNS name where the spec has a domain, else an address. "
               "Exits with 4 while there is none.",
    .opts = opts,
    .count = ARRAY_COUNT(opts),
    .examples = "  muster endpoint sessions\n",
};

static int endpoint(struct context *context, const char *name, struct err *err)
{
    struct etcd_range ranges[] = {
        { .key = context_key(context, "clusters/%s/alias", name) },
        { .key = context_key(context, "clusters/%s/spec", name) },
    };
    const struct cluster_facts *cluster;
    char text[FACTS_ENDPOINT_SIZE];
    struct facts facts;
    int rv;

    if (ranges[0].key == NULL || ranges[1].key == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    facts_init(&facts, &context->arena, context->prefix);
    rv = context_read(context, ranges, ARRAY_COUNT(ranges), &facts, err);
    if (rv < 0) {
        return rv;
    }
    cluster = facts_cluster(&facts, name);
    if (cluster == NULL || cluster->alias == NULL) {
        if (facts.bad_count != 0) {
            return err_set(err, ERR_INVALID, "%s", facts.bad);
        }
        return err_set(err, ERR_NOT_FOUND,
                       cluster == NULL ? "there is no cluster '%s'"
                                       : "cluster '%s' has no endpoint yet",
                       name);
    }
    facts_endpoint(cluster, text);
    (void)printf("%s\n", text);
    return 0;
}

int cmd_endpoint(int argc, char *const *argv, struct err *err)
{
    CLEANUP(context_close) struct context context = { .loop = NULL };
    struct endpoint_flags flags;
    struct opt_result args;
    int rv;

    memset(&flags, 0, sizeof(flags));
    rv = options_read(&cmd_endpoint_options, argc, argv, &flags, 1, 1, &args, err);
    if (rv != 0) {
        return rv < 0 ? rv : 0;
    }
    rv = cluster_name_check(args.positional[0], err);
    if (0 <= rv) {
        rv = context_open(&context, &flags.shared, err);
    }
    return rv < 0 ? rv : endpoint(&context, args.positional[0], err);
}
