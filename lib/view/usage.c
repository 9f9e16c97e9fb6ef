#include "view/usage.h"

#include <stdlib.h>
#include <string.h>

#define USES_FIRST 64

static int full(struct err *err)
{
    return err_set(err, ERR_NOMEM, "places on hosts");
}

static int use_add(struct uses *uses, struct arena *arena, const struct use *use, struct err *err)
{
    if (uses->count == uses->capacity) {
        size_t capacity = uses->capacity == 0 ? USES_FIRST : uses->capacity * 2;
        struct use *grown = arena_calloc(arena, capacity, sizeof(*grown));

        if (grown == NULL) {
            return full(err);
        }
        if (0 < uses->count) {
            memcpy(grown, uses->list, uses->count * sizeof(*grown));
        }
        uses->list = grown;
        uses->capacity = capacity;
    }
    uses->list[uses->count++] = *use;
    return 0;
}

static int use_intents(struct uses *uses, const struct object *object, struct arena *arena,
                       struct err *err)
{
    int rv = 0;

    for (; object != NULL && 0 <= rv; object = object->next) {
        const struct intent *intent = &object->of.intent;

        if (object->problem == NULL) {
            rv = use_add(uses, arena,
                         &(struct use){ intent->host, intent->ip, intent->data_port,
                                        intent->settings.memory_bytes },
                         err);
        }
    }
    return rv;
}

static int use_reports(struct uses *uses, const struct object *object, struct arena *arena,
                       struct err *err)
{
    int rv = 0;

    for (; object != NULL && 0 <= rv; object = object->next) {
        const struct node_report *report = &object->of.report;

        if (object->problem == NULL && report->state != NODE_STOPPED) {
            rv = use_add(uses, arena,
                         &(struct use){ report->host, report->ip, report->data_port,
                                        report->settings.memory_bytes },
                         err);
        }
    }
    return rv;
}

static int compare_uses(const void *a, const void *b)
{
    const struct use *x = a;
    const struct use *y = b;
    int rv = strcmp(x->host, y->host);

    if (rv == 0) {
        rv = strcmp(x->ip, y->ip);
    }
    if (rv != 0) {
        return rv;
    }
    return x->data_port < y->data_port ? -1 : x->data_port > y->data_port;
}

int uses_collect(const struct objects *objects, const char *cluster, struct arena *arena,
                 struct uses *uses, struct err *err)
{
    size_t kept = 0;
    size_t i;
    int rv = 0;

    for (i = 0; i < objects->clusters_count && 0 <= rv; i++) {
        const struct cluster_objects *other = objects->clusters[i];

        if (strcmp(other->name, cluster) != 0) {
            rv = use_intents(uses, other->lists[KEY_INTENT], arena, err);
        }
        if (strcmp(other->name, cluster) != 0 && 0 <= rv) {
            rv = use_reports(uses, other->lists[KEY_NODE], arena, err);
        }
    }
    for (i = 0; i < objects->reservations_count && 0 <= rv; i++) {
        const struct reservation *place = &objects->reservations[i];

        if (strcmp(place->cluster, cluster) != 0) {
            rv = use_add(
                uses, arena,
                &(struct use){ place->host, place->ip, place->data_port, place->memory_bytes },
                err);
        }
    }
    if (rv < 0 || uses->count == 0) {
        return rv;
    }
    qsort(uses->list, uses->count, sizeof(*uses->list), compare_uses);
    for (i = 0; i < uses->count; i++) {
        if (kept == 0 || compare_uses(&uses->list[kept - 1], &uses->list[i]) != 0) {
            uses->list[kept++] = uses->list[i];
        }
    }
    uses->count = kept;
    return 0;
}
