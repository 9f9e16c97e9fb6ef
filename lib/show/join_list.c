#include "show/join_list.h"

#include <string.h>

static int no_memory(struct err *err)
{
    return err_set(err, ERR_NOMEM, "no memory for a list of requests to join");
}

/* The key of each watcher that saw a request follows that of another one of the same joiner. */
static const struct join_verdict *verdict_of(const struct cluster_facts *cluster, const char *uid)
{
    const struct join_verdict *at = cluster->verdicts;

    while (at != NULL && strcmp(at->uid, uid) != 0) {
        at = at->next;
    }
    return at;
}

static bool is_chosen(const char *name, const struct cluster_facts *cluster)
{
    return name == NULL || strcmp(name, cluster->name) == 0;
}

/* One more watcher saw a request of the same joiner. */
static int entry_add(struct join_entry *entry, const struct join_report *seen, struct arena *arena,
                     struct err *err)
{
    if (seen->join.issued_ms < entry->join->issued_ms) {
        return 0;
    }
    if (entry->join->issued_ms < seen->join.issued_ms) {
        entry->join = &seen->join;
        entry->seen_by = seen->seen_by;
        entry->seen_ms = seen->seen_ms;
        return 0;
    }
    entry->seen_by = arena_printf(arena, "%s,%s", entry->seen_by, seen->seen_by);
    entry->seen_ms = seen->seen_ms < entry->seen_ms ? seen->seen_ms : entry->seen_ms;
    return entry->seen_by == NULL ? no_memory(err) : 0;
}

static int cluster_add(struct join_list *list, const struct cluster_facts *cluster,
                       struct arena *arena, struct err *err)
{
    const struct join_facts *at = cluster->joins;
    struct join_entry *last = NULL;
    int rv = 0;

    for (; 0 <= rv && at != NULL; at = at->next) {
        const struct join_report *seen = &at->seen;

        if (last != NULL && strcmp(last->join->uid, seen->join.uid) == 0) {
            rv = entry_add(last, seen, arena, err);
            continue;
        }
        last = &list->entries[list->count++];
        *last = (struct join_entry){ .cluster = cluster->name,
                                     .join = &seen->join,
                                     .seen_by = seen->seen_by,
                                     .seen_ms = seen->seen_ms,
                                     .verdict = verdict_of(cluster, seen->join.uid) };
    }
    return rv;
}

int join_list_make(const struct facts *facts, const char *name, struct arena *arena,
                   struct join_list *out, struct err *err)
{
    const struct cluster_facts *cluster;
    const struct join_facts *join;
    struct join_list list = { .count = 0 };
    size_t count = 0;
    int rv = 0;

    for (cluster = facts->clusters; cluster != NULL; cluster = cluster->next) {
        for (join = cluster->joins; join != NULL && is_chosen(name, cluster); join = join->next) {
            count++;
        }
    }
    list.entries = arena_calloc(arena, count + 1, sizeof(*list.entries));
    if (list.entries == NULL) {
        return no_memory(err);
    }
    for (cluster = facts->clusters; 0 <= rv && cluster != NULL; cluster = cluster->next) {
        if (is_chosen(name, cluster)) {
            rv = cluster_add(&list, cluster, arena, err);
        }
    }
    if (0 <= rv) {
        *out = list;
    }
    return rv;
}
