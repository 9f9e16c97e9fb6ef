#include "controller/leavers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "controller/census.h"
#include "controller/pass.h"

static bool drains(const struct object *object)
{
    return object->problem == NULL && object->of.intent.phase == INTENT_DRAIN;
}

static size_t count_draining(const struct object *object)
{
    size_t count = 0;

    for (; object != NULL; object = object->next) {
        count += drains(object) ? 1 : 0;
    }
    return count;
}

/* A node that drains is done when its last client is gone: that must not be this program. */
static void release(struct controller *c, const struct object *object)
{
    for (; object != NULL; object = object->next) {
        if (drains(object)) {
            const struct intent *intent = &object->of.intent;

            memd_forget(c->memd, intent->ip, intent->data_port);
            memd_forget(c->memd, intent->ip, intent->discovery_port);
        }
    }
}

/* ---- What clients were told ---- */

static void on_census(void *ctx, uint32_t version)
{
    struct cluster *cluster = ctx;

    if (cluster->polled_version != version) {
        cluster->polled_version = version;
        pass_mark(cluster->owner, cluster->name);
    }
}

static bool is_census_wanted(const struct cluster_objects *keys)
{
    const struct object *spec = object_single(keys, KEY_SPEC);

    return spec != NULL && spec->of.spec.spec.drain_ends == SPEC_DRAIN_EVIDENCE &&
           object_single(keys, KEY_CONFIG) != NULL;
}

static void put_place(struct census_place *place, const char *ip, uint16_t port)
{
    (void)snprintf(place->ip, sizeof(place->ip), "%s", ip);
    place->port = port;
}

/* All members and all that drain: whoever may have told a client anything lately. */
static struct census_place *list_places(const struct cluster_objects *keys, size_t draining,
                                        size_t *count)
{
    const struct config_draft *head = &object_single(keys, KEY_CONFIG)->of.config.head;
    const struct object *object = keys->lists[KEY_INTENT];
    struct census_place *places = mem_calloc(head->members_count + draining + 1, sizeof(*places));
    size_t i;

    if (places == NULL) {
        return NULL;
    }
    for (i = 0; i < head->members_count; i++) {
        put_place(&places[i], head->members[i].ip, (uint16_t)(head->members[i].port - 1));
    }
    for (; object != NULL; object = object->next) {
        if (drains(object)) {
            put_place(&places[i++], object->of.intent.ip, object->of.intent.discovery_port);
        }
    }
    *count = i;
    return places;
}

static int follow_census(struct controller *c, struct cluster *cluster,
                         const struct cluster_objects *keys, size_t draining, struct err *err)
{
    CLEANUP(mem_free_p) struct census_place *places = NULL;
    size_t count = 0;
    int rv = 0;

    if (cluster->census == NULL) {
        rv = census_new(c->loop, c->config->discovery_tls, on_census, cluster, &cluster->census,
                        err);
    }
    if (rv < 0) {
        return rv;
    }
    places = list_places(keys, draining, &count);
    if (places == NULL) {
        return err_set(err, ERR_NOMEM, "census");
    }
    rv = census_ask(cluster->census, places, count, err);
    if (rv == 1) {
        cluster->polled_version = 0; /* that was about other nodes */
    }
    return rv;
}

void leavers_end(struct cluster *cluster)
{
    census_free(cluster->census);
    cluster->census = NULL;
    cluster->polled_version = 0;
}

void leavers_follow(struct controller *c, struct cluster *cluster,
                    const struct cluster_objects *keys)
{
    size_t draining = keys == NULL ? 0 : count_draining(keys->lists[KEY_INTENT]);
    struct err err;

    if (0 < draining) {
        release(c, keys->lists[KEY_INTENT]);
    }
    if (draining == 0 || !is_census_wanted(keys)) {
        leavers_end(cluster);
    } else if (follow_census(c, cluster, keys, draining, &err) < 0) {
        leavers_end(cluster); /* then the drain takes its time */
        log_write(c->log, LOG_WARN, "census-impossible", LOG_TEXT("cluster", cluster->name),
                  LOG_TEXT("error", err.msg));
    }
}
