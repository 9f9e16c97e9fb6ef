#include "show/show.h"

#include <string.h>
#include <strings.h>

#define KIND_NAMES_MAX 32

const struct show_kind *const show_kinds[] = { &show_clusters, &show_nodes, &show_joins,
                                               &show_clients,  &show_hosts, &show_events,
                                               &show_sources,  NULL };

/* What documents call a cluster, in any case, one or many. */
static bool is_document_kind(const char *text)
{
    static const char kind[] = "memcachedcluster";
    const char *end = text + sizeof(kind) - 1;

    return strncasecmp(text, kind, sizeof(kind) - 1) == 0 &&
           (*end == '\0' || strcasecmp(end, "s") == 0);
}

int show_kind_find(const char *text, const struct show_kind **out, struct err *err)
{
    const char *names[KIND_NAMES_MAX];
    const char *nearest;
    size_t count = 0;
    size_t i;

    for (i = 0; show_kinds[i] != NULL; i++) {
        const struct show_kind *kind = show_kinds[i];

        if (strcmp(text, kind->name) == 0 || strcmp(text, kind->singular) == 0 ||
            strcmp(text, kind->brief) == 0 || (kind == &show_clusters && is_document_kind(text))) {
            *out = kind;
            return 0;
        }
        names[count++] = kind->name;
    }
    nearest = text_nearest(text, names, count);
    if (nearest != NULL) {
        return err_set(err, ERR_USAGE, "there is no kind '%s', did you mean %s?", text, nearest);
    }
    return err_set(
        err, ERR_USAGE,
        "there is no kind '%s'; there are clusters, nodes, joins, clients, hosts, events "
        "or sources",
        text);
}

bool show_wants(const struct show_request *request, const char *name)
{
    size_t i;

    if (request->names_count == 0) {
        return request->name == NULL || strcmp(request->name, name) == 0;
    }
    for (i = 0; i < request->names_count; i++) {
        if (strcmp(request->names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

bool show_wants_cluster(const struct show_request *request, const struct cluster_facts *cluster)
{
    const struct spec *spec = cluster->spec == NULL ? NULL : &cluster->spec->spec;

    return show_wants(request, cluster->name) &&
           (request->selector == NULL ||
            selector_matches(request->selector, spec == NULL ? NULL : spec->labels,
                             spec == NULL ? 0 : spec->labels_count));
}

int show_read(struct context *context, const struct show_request *request,
              const struct clusters_query *query, struct facts *facts, struct err *err)
{
    struct clusters_query named = *query;

    if (0 < request->names_count) {
        named.names = request->names;
        named.names_count = request->names_count;
    } else if (request->name != NULL) {
        named.names = &request->name;
        named.names_count = 1;
    }
    return clusters_read(context, &named, facts, err);
}

int show_rows(const struct show_kind *kind, const struct facts *facts,
              const struct show_request *request, struct table *table, struct err *err)
{
    table_init_columns(table, request->arena, kind->columns, kind->columns_count, request->wide);
    return kind->rows(facts, request, table, err);
}

int show_table(const struct show_kind *kind, const struct facts *facts,
               const struct show_request *request, struct str *out, struct err *err)
{
    struct table table;
    int rv = show_rows(kind, facts, request, &table, err);

    return rv < 0 ? rv : table_render(&table, 0, out, err);
}

const char *show_labels(struct arena *arena, const struct label *labels, size_t count)
{
    const char *text = "";
    size_t i;

    for (i = 0; i < count && text != NULL; i++) {
        text = arena_printf(arena, "%s%s%s=%s", text, i == 0 ? "" : ",", labels[i].name,
                            labels[i].value);
    }
    return text;
}
