#include "show/host_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

int host_list_ranges(struct context *context, const char *name,
                     struct etcd_range ranges[HOST_LIST_RANGES], struct err *err)
{
    static const char *const below[HOST_LIST_RANGES] = { "hosts/", "cordons/", "intent/" };
    size_t i;

    for (i = 0; i < HOST_LIST_RANGES; i++) {
        bool intents = i + 1 == HOST_LIST_RANGES;

        ranges[i] = (struct etcd_range){
            .key = context_key(context, "%s%s%s", below[i], name == NULL ? "" : name,
                               intents && name != NULL ? "/" : ""),
            .prefix = intents || name == NULL,
        };
        if (ranges[i].key == NULL) {
            return err_set(err, ERR_NOMEM, "no memory for a key");
        }
    }
    return 0;
}

static size_t count_all(const struct facts *facts)
{
    const struct host_facts *host;
    const struct cordon_facts *cordon;
    const struct intent_facts *intent;
    size_t count = 0;

    for (host = facts->hosts; host != NULL; host = host->next) {
        count++;
    }
    for (cordon = facts->cordons; cordon != NULL; cordon = cordon->next) {
        count++;
    }
    for (intent = facts->intents; intent != NULL; intent = intent->next) {
        count++;
    }
    return count;
}

static int by_name(const void *a, const void *b)
{
    const struct host_entry *x = a;
    const struct host_entry *y = b;

    return strcmp(x->name, y->name);
}

/* One entry for each thing that is known of a host. */
static size_t gather(const struct facts *facts, struct host_entry *out)
{
    const struct host_facts *host;
    const struct cordon_facts *cordon;
    const struct intent_facts *intent;
    size_t count = 0;

    for (host = facts->hosts; host != NULL; host = host->next) {
        out[count++] = (struct host_entry){ .name = host->host.name, .host = &host->host };
    }
    for (cordon = facts->cordons; cordon != NULL; cordon = cordon->next) {
        out[count++] =
            (struct host_entry){ .name = cordon->cordon.host, .cordon = &cordon->cordon };
    }
    for (intent = facts->intents; intent != NULL; intent = intent->next) {
        out[count++] = (struct host_entry){ .name = intent->intent.host,
                                            .nodes = 1,
                                            .memory_bytes = intent->intent.settings.memory_bytes };
    }
    return count;
}

/* Put the entries of one host, which stand together, into one. */
static size_t join(struct host_entry *entries, size_t count)
{
    size_t kept = 0;
    size_t i;

    for (i = 0; i < count; i++) {
        struct host_entry *to;

        if (kept == 0 || strcmp(entries[kept - 1].name, entries[i].name) != 0) {
            entries[kept++] = entries[i];
            continue;
        }
        to = &entries[kept - 1];
        to->host = to->host == NULL ? entries[i].host : to->host;
        to->cordon = to->cordon == NULL ? entries[i].cordon : to->cordon;
        to->nodes += entries[i].nodes;
        to->memory_bytes += entries[i].memory_bytes;
    }
    return kept;
}

int host_list_make(const struct facts *facts, struct arena *arena, struct host_list *out,
                   struct err *err)
{
    size_t count = count_all(facts);
    struct host_entry *entries = arena_calloc(arena, count + 1, sizeof(*entries));

    if (entries == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for %zu hosts", count);
    }
    count = gather(facts, entries);
    qsort(entries, count, sizeof(*entries), by_name);
    *out = (struct host_list){ .entries = entries, .count = join(entries, count) };
    return 0;
}

const struct host_entry *host_list_find(const struct host_list *list, const char *name)
{
    const struct host_entry key = { .name = name };

    return list->count == 0
               ? NULL
               : bsearch(&key, list->entries, list->count, sizeof(*list->entries), by_name);
}

const char *host_entry_state(const struct host_entry *entry)
{
    static const char *const texts[2][4] = {
        { "ready", "cordoned", "draining", "drained" },
        { "away", "away, cordoned", "away, draining", "away, drained" },
    };
    size_t cordon = 0;

    if (entry->cordon != NULL) {
        cordon = !entry->cordon->drain ? 1 : 0 < entry->nodes ? 2 : 3;
    }
    return texts[entry->host == NULL ? 1 : 0][cordon];
}

int host_list_unknown(const struct host_list *list, const char *name, struct err *err)
{
    CLEANUP(str_deinit) struct str known;
    size_t named = list->count < HOST_LIST_NAMED_MAX ? list->count : HOST_LIST_NAMED_MAX;
    size_t i;

    str_init(&known, ERR_MSG_MAX);
    if (list->count == 0) {
        return err_set(err, ERR_NOT_FOUND, "there is no host '%s': none is known at all", name);
    }
    for (i = 0; i < named; i++) {
        str_appendf(&known, "%s%s", i == 0 ? "" : ", ", list->entries[i].name);
    }
    if (named < list->count) {
        str_appendf(&known, " and %zu more", list->count - named);
    }
    return err_set(err, ERR_NOT_FOUND, "there is no host '%s': known are %s", name,
                   str_text(&known));
}
