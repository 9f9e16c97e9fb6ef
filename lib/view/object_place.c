#include "view/object_place.h"

#include "model/name.h"

static struct claim claim_at(const char *ip, uint16_t data_port, uint64_t memory_bytes)
{
    struct claim claim = { .data_port = data_port, .memory_bytes = memory_bytes };

    if (!ipv4_parse(ip, &claim.ip)) {
        claim.ip = 0;
    }
    return claim;
}

struct claim object_place_of_intent(const struct intent *intent)
{
    struct claim claim = claim_at(intent->ip, intent->data_port, intent->settings.memory_bytes);

    claim.told = intent->phase != INTENT_STOP;
    return claim;
}

/* What the object claims for `cluster`, and on which host; NULL: nothing. */
static const char *claim_of(const struct object *object, const struct cluster_objects *cluster,
                            struct claim *out)
{
    const struct node_report *report = &object->of.report;

    if (object->problem != NULL || cluster == NULL) {
        return NULL;
    }
    if (object->key.kind == KEY_INTENT) {
        *out = object_place_of_intent(&object->of.intent);
        out->cluster = cluster->number;
        return object->of.intent.host;
    }
    if (object->key.kind == KEY_NODE && report->state != NODE_STOPPED) {
        *out = claim_at(report->ip, report->data_port, report->settings.memory_bytes);
        out->cluster = cluster->number;
        return report->host;
    }
    return NULL;
}

/* What a host's key says; NULL: it can't be read. */
static const struct host *host_of(const struct object *object)
{
    return object->problem == NULL ? &object->of.host : NULL;
}

int object_place_enter(struct places *places, struct object *object,
                       const struct cluster_objects *cluster, struct err *err)
{
    struct claim claim;
    const char *host = claim_of(object, cluster, &claim);

    if (object->key.kind == KEY_HOST) {
        return places_host_put(places, object->key.host, host_of(object), err);
    }
    return host == NULL ? 0 : places_claim(places, host, &claim, &object->place, err);
}

void object_place_leave(struct places *places, const struct object *object,
                        const struct cluster_objects *cluster)
{
    struct claim claim;

    if (object->key.kind == KEY_HOST) {
        places_host_gone(places, object->key.host, host_of(object));
    } else if (object->place != NULL && claim_of(object, cluster, &claim) != NULL) {
        places_release(places, object->place, &claim);
    }
}
