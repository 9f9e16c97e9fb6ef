#include <string.h>

#include "base/units.h"
#include "cli/show.h"
#include "cli/table.h"
#include "codec/model_json.h"

#define RANGES 2

static int read_hosts(struct context *context, const char *name, struct facts *facts,
                      struct err *err)
{
    struct etcd_range ranges[RANGES] = {
        { .key = name == NULL ? context_key(context, "hosts/")
                              : context_key(context, "hosts/%s", name),
          .prefix = name == NULL },
        { .key = name == NULL ? context_key(context, "intent/")
                              : context_key(context, "intent/%s/", name),
          .prefix = true },
    };

    if (ranges[0].key == NULL || ranges[1].key == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for a key");
    }
    return context_read(context, ranges, RANGES, facts, err);
}

static size_t count_hosts(const struct facts *facts, const struct show_request *request)
{
    const struct host_facts *host;
    size_t count = 0;

    (void)request; /* no other host was read */
    for (host = facts->hosts; host != NULL; host = host->next) {
        count++;
    }
    return count;
}

/* Nodes and memory that intents take from the host. */
static void count_used(const struct facts *facts, const char *host, uint32_t *nodes,
                       uint64_t *memory_bytes)
{
    const struct intent_facts *at;

    *nodes = 0;
    *memory_bytes = 0;
    for (at = facts->intents; at != NULL; at = at->next) {
        if (strcmp(at->intent.host, host) == 0) {
            (*nodes)++;
            *memory_bytes += at->intent.settings.memory_bytes;
        }
    }
}

static int hosts_table(const struct facts *facts, const struct show_request *request,
                       struct str *out, struct err *err)
{
    static const char *const headings[] = { "NAME",      "ZONE",    "NODES",   "MEMORY",
                                            "MEMCACHED", "WATCHER", "PROBLEM", NULL };
    const struct host_facts *at;
    struct table table;

    table_init(&table, request->arena, headings);
    for (at = facts->hosts; at != NULL; at = at->next) {
        const struct host *host = &at->host;
        char used_text[UNITS_TEXT_SIZE];
        char memory_text[UNITS_TEXT_SIZE];
        uint64_t memory_bytes;
        uint32_t nodes;

        count_used(facts, host->name, &nodes, &memory_bytes);
        size_format_short(memory_bytes, used_text);
        size_format_short(host->memory_bytes, memory_text);
        table_add(&table, host->name);
        table_add(&table, host->zone);
        table_addf(&table, "%u/%u", nodes, host->nodes_max);
        table_addf(&table, "%s/%s", used_text, memory_text);
        table_add(&table, host->memcached_version);
        table_add(&table, host->watcher_version);
        table_add(&table, host->problem);
    }
    return table_render(&table, 0, out, err);
}

static int hosts_json(const struct facts *facts, const struct show_request *request,
                      struct str *out, struct err *err)
{
    const struct host_facts *host;
    const char *separator = "";
    int rv = 0;

    str_append_text(out, request->name == NULL ? "[" : "");
    for (host = facts->hosts; host != NULL && 0 <= rv; host = host->next) {
        str_append_text(out, separator);
        separator = ",";
        rv = json_encode_host(&host->host, out, err);
    }
    str_append_text(out, request->name == NULL ? "]" : "");
    return rv;
}

static int hosts_names(const struct facts *facts, const struct show_request *request,
                       struct str *out, struct err *err)
{
    const struct host_facts *host;

    (void)request;
    (void)err;
    for (host = facts->hosts; host != NULL; host = host->next) {
        str_appendf(out, "%s\n", host->host.name);
    }
    return 0;
}

const struct show_kind show_hosts = {
    .name = "hosts",
    .singular = "host",
    .read = read_hosts,
    .count = count_hosts,
    .table = hosts_table,
    .json = hosts_json,
    .names = hosts_names,
};
