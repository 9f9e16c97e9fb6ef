#include <stdio.h>

#include "base/clock.h"
#include "cli/verb.h"
#include "client/context.h"
#include "client/options.h"
#include "model/name.h"
#include "show/output.h"
#include "show/show.h"

struct get_flags {
    struct options shared;
    struct discovery_tls_flags discovery;
    const char *output;
};

static const struct opt opts[] = {
    { "output", 'o', OPT_TEXT, offsetof(struct get_flags, output), "table|json|yaml|name", "table",
      "how to print it; yaml of clusters is what muster apply takes" },
    SHARED_OPTIONS(struct get_flags, shared),
    DISCOVERY_TLS_FLAGS(struct get_flags, discovery),
};

const struct opt_table cmd_get_options = {
    .program = "muster get",
    .synopsis = "clusters|nodes|joins|clients|hosts|events [NAME]",
    .summary = "List objects. NAME is that of a cluster (of which the nodes, requests to "
               "join, clients or events are listed) or of a host. Clients are asked for at "
               "the nodes: who polled, and the newest version that each was handed.",
    .opts = opts,
    .count = ARRAY_COUNT(opts),
    .examples = "  muster get clusters\n"
                "  muster get nodes sessions -o json\n"
                "  muster get clients sessions\n"
                "  muster get clusters -o yaml > clusters.yaml\n",
};

static const struct show_kind *const kinds[] = { &show_clusters, &show_nodes, &show_joins,
                                                 &show_clients,  &show_hosts, &show_events };

static int find_kind(const char *text, const struct show_kind **out, struct err *err)
{
    const char *names[ARRAY_COUNT(kinds)];
    const char *nearest;
    size_t i;

    for (i = 0; i < ARRAY_COUNT(kinds); i++) {
        names[i] = kinds[i]->name;
        if (text_equal(text, kinds[i]->name) || text_equal(text, kinds[i]->singular)) {
            *out = kinds[i];
            return 0;
        }
    }
    nearest = text_nearest(text, names, ARRAY_COUNT(kinds));
    if (nearest != NULL) {
        return err_set(err, ERR_USAGE, "there are no '%s', did you mean %s?", text, nearest);
    }
    return err_set(err, ERR_USAGE,
                   "there are no '%s': clusters, nodes, joins, clients, hosts or events", text);
}

static int print(const struct show_kind *kind, const struct facts *facts,
                 const struct show_request *request, enum output_format format, struct err *err)
{
    CLEANUP(str_deinit) struct str text;
    show_fn *show = kind->table;
    int rv;

    str_init(&text, OUTPUT_BYTES_MAX);
    if (format == OUTPUT_NAME) {
        show = kind->names;
    } else if (format == OUTPUT_YAML && kind->yaml != NULL) {
        show = kind->yaml;
    } else if (format != OUTPUT_TABLE) {
        show = kind->json;
    }
    rv = show(facts, request, &text, err);
    if (rv < 0) {
        return rv;
    }
    return show == kind->json ? output_json(&text, format, err) : output_text(&text, err);
}

static bool has_cluster(const struct facts *facts, const char *name)
{
    const struct cluster_facts *cluster = facts_cluster(facts, name);

    return cluster != NULL && cluster->spec_revision != 0;
}

static int not_found(const struct show_kind *kind, const char *name, struct err *err)
{
    const char *what = kind->of_cluster ? "cluster" : kind->singular;

    return err_set(err, ERR_NOT_FOUND, "there is no %s '%s'",
                   kind == &show_nodes ? "node of cluster" : what, name);
}

static int get(struct context *context, const struct show_kind *kind, const char *name,
               enum output_format format, struct err *err)
{
    struct show_request request = { .name = name,
                                    .now_ms = clock_wall_ms(),
                                    .arena = &context->arena };
    struct facts facts;
    int rv;

    facts_init(&facts, &context->arena, context->prefix);
    rv = kind->read(context, name, &facts, err);
    if (rv < 0) {
        return rv;
    }
    if (facts.bad_count != 0) {
        (void)fprintf(stderr, "muster: %s%s\n", facts.bad,
                      facts.bad_count == 1 ? "" : " (and others)");
    }
    if (kind->count(&facts, &request) == 0) {
        if (name != NULL && !(kind->of_cluster && has_cluster(&facts, name))) {
            return not_found(kind, name, err);
        }
        if (format == OUTPUT_TABLE) {
            (void)fprintf(stderr, "There are no %s.\n", kind->name);
            return 0;
        }
    }
    return print(kind, &facts, &request, format, err);
}

int cmd_get(int argc, char *const *argv, struct err *err)
{
    CLEANUP(context_close) struct context context = { .loop = NULL };
    struct get_flags flags = { .output = NULL };
    const struct show_kind *kind;
    enum output_format format;
    struct opt_result args;
    const char *name;
    int rv = options_read(&cmd_get_options, argc, argv, &flags, 1, 2, &args, err);

    if (rv != 0) {
        return rv < 0 ? rv : 0;
    }
    rv = find_kind(args.positional[0], &kind, err);
    if (0 <= rv) {
        rv = output_format_parse(flags.output, &format, err);
    }
    if (rv < 0) {
        return rv;
    }
    name = args.positional_count == 2 ? args.positional[1] : NULL;
    if (name != NULL && !name_is_label(name, HOST_NAME_TEXT_MAX)) {
        return err_set(err, ERR_USAGE, "'%s' can't be a name", name);
    }
    rv = context_open(&context, &flags.shared, err);
    if (0 <= rv) {
        rv = context_use_tls(&context, &flags.discovery, err);
    }
    return rv < 0 ? rv : get(&context, kind, name, format, err);
}
