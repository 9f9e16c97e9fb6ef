#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "cli/describe.h"
#include "cli/verb.h"
#include "client/context.h"
#include "client/options.h"
#include "show/host_list.h"
#include "show/output.h"
#include "show/peers_told.h"

struct describe_flags {
    struct options shared;
    struct discovery_tls_flags discovery;
};

static const struct opt opts[] = {
    SHARED_OPTIONS(struct describe_flags, shared),
    DISCOVERY_TLS_FLAGS(struct describe_flags, discovery),
};

const struct opt_table cmd_describe_options = {
    .program = "muster describe",
    .synopsis = "cluster|host NAME",
    .summary = "Tell all about a cluster (what is wanted, its conditions, its endpoint, each slot, "
               "what its nodes see of each other, and what happened lately) or about a host.",
    .opts = opts,
    .count = ARRAY_COUNT(opts),
    .examples = "  muster describe cluster sessions\n"
                "  muster describe host cache-a1\n",
};

/* Describe what was read into the facts. */
typedef int describe_fn(const struct facts *facts, const struct show_request *request,
                        struct str *out, struct err *err);

static int describe(struct context *context, const char *name, const struct etcd_range *ranges,
                    size_t count, describe_fn *say, struct err *err)
{
    CLEANUP(str_deinit) struct str text;
    struct show_request request = { .name = name,
                                    .now_ms = clock_wall_ms(),
                                    .arena = &context->arena };
    struct peers_told peers;
    struct facts facts;
    int rv;

    str_init(&text, OUTPUT_BYTES_MAX);
    facts_init(&facts, &context->arena, context->prefix);
    rv = context_read(context, ranges, count, &facts, err);
    if (0 <= rv && say == describe_cluster && facts_cluster(&facts, name) != NULL) {
        rv = peers_ask(&context->asker, facts_cluster(&facts, name), &context->arena, &peers, err);
        request.peers = &peers;
    }
    if (0 <= rv) {
        rv = say(&facts, &request, &text, err);
    }
    return rv < 0 ? rv : output_text(&text, err);
}

static int cluster(struct context *context, const char *name, struct err *err)
{
    struct etcd_range ranges[] = {
        { .key = context_key(context, "clusters/%s/spec", name) },
        { .key = context_key(context, "clusters/%s/config", name) },
        { .key = context_key(context, "clusters/%s/alias", name) },
        { .key = context_key(context, "clusters/%s/status", name) },
        { .key = context_key(context, "clusters/%s/nodes/", name), .prefix = true },
        { .key = context_key(context, "events/%s/", name), .prefix = true },
        { .key = context_key(context, "cordons/"), .prefix = true },
        { .key = context_key(context, "intent/"), .prefix = true },
        { .key = context_key(context, "leader") },
    };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(ranges); i++) {
        if (ranges[i].key == NULL) {
            return err_set(err, ERR_NOMEM, "out of memory");
        }
    }
    return describe(context, name, ranges, ARRAY_COUNT(ranges), describe_cluster, err);
}

static int host(struct context *context, const char *name, struct err *err)
{
    struct etcd_range ranges[HOST_LIST_RANGES];
    int rv = host_list_ranges(context, NULL, ranges, err);

    return rv < 0 ? rv : describe(context, name, ranges, HOST_LIST_RANGES, describe_host, err);
}

int cmd_describe(int argc, char *const *argv, struct err *err)
{
    CLEANUP(context_close) struct context context = { .loop = NULL };
    const struct verb_kind *kind;
    struct describe_flags flags;
    struct opt_result args;
    const char *name;
    bool of_host;
    int rv;

    memset(&flags, 0, sizeof(flags));
    rv = options_read(&cmd_describe_options, argc, argv, &flags, 2, 2, &args, err);
    if (rv != 0) {
        return rv < 0 ? rv : 0;
    }
    name = args.positional[1];
    rv = verb_kind("describe", args.positional[0], &kind, err);
    if (rv < 0) {
        return rv;
    }
    of_host = kind->then == ARG_HOST;
    rv = of_host ? host_name_check(name, err) : cluster_name_check(name, err);
    if (0 <= rv) {
        rv = context_open(&context, &flags.shared, err);
    }
    if (0 <= rv) {
        rv = context_use_tls(&context, &flags.discovery, err);
    }
    if (rv < 0) {
        return rv;
    }
    return of_host ? host(&context, name, err) : cluster(&context, name, err);
}
