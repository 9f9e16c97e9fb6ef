#include "controller/pushing.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "controller/pass.h"

const char *pushing_record(void *ctx, const char *cluster, uint32_t version, size_t *bytes)
{
    struct controller *c = ctx;
    const struct cluster_objects *keys = objects_cluster(&c->objects, cluster);
    const struct object *config = keys == NULL ? NULL : object_single(keys, KEY_CONFIG);

    if (config == NULL || config->of.config.head.version != version ||
        leader_fence(c->leader) == 0) {
        return NULL;
    }
    *bytes = config->bytes_count;
    return config->bytes;
}

static void push_failed(struct controller *c, struct cluster *cluster,
                        const struct push_order *order, const struct err *err)
{
    c->counts.push_failures++;
    /* The first failure in a row is news. */
    if (cluster_push_failed(cluster, order->slot, order->host, order->ip, clock_wall_ms()) == 1) {
        log_write(c->log, LOG_WARN, "push-failed", LOG_TEXT("cluster", order->cluster),
                  LOG_NUMBER("slot", order->slot), LOG_TEXT("host", order->host),
                  LOG_NUMBER("version", order->version), LOG_TEXT("error", err->msg));
    }
    pass_mark(c, cluster->name);
}

void pushing_done(void *ctx, const struct push_order *order, const struct err *err)
{
    struct controller *c = ctx;
    struct cluster *cluster = fleet_find(&c->fleet, order->cluster);

    if (cluster == NULL) {
        return;
    }
    if (err != NULL && err->code == ERR_CANCELED) {
        cluster_pushing(cluster, order->slot, order->host, 0); /* a newer version is due instead */
        pass_mark(c, cluster->name);
        return;
    }
    if (err != NULL) {
        push_failed(c, cluster, order, err);
        return;
    }
    c->counts.pushes++;
    cluster_pushed(cluster, order->slot, order->host, order->ip, order->version, clock_wall_ms());
    log_write(c->log, LOG_DEBUG, "config-pushed", LOG_TEXT("cluster", order->cluster),
              LOG_NUMBER("slot", order->slot), LOG_TEXT("host", order->host),
              LOG_NUMBER("version", order->version));
    if (cluster->state == CLUSTER_IDLE) {
        pass_wake_no_later(cluster, PUSH_ACK_WAIT_MS);
    } else {
        cluster->dirty = true; /* so that a pass looks when the acknowledgement is overdue */
    }
}

void pushing_start(struct controller *c, struct cluster *cluster, const struct txn_plan *plan)
{
    size_t i;

    for (i = 0; i < plan->pushes_count; i++) {
        struct txn_push *wanted = &plan->pushes[i];
        struct push_order order = { .slot = wanted->slot,
                                    .port = wanted->port,
                                    .beside = wanted->beside,
                                    .version = wanted->version };
        struct err err;
        int rv;

        if (wanted->started) {
            continue;
        }
        memcpy(order.cluster, cluster->name, sizeof(order.cluster));
        (void)strncat(order.host, wanted->host, sizeof(order.host) - 1);
        (void)strncat(order.ip, wanted->ip, sizeof(order.ip) - 1);
        rv = pusher_push(c->pusher, &order, &err);
        wanted->started = rv != ERR_CANCELED;
        if (0 <= rv) {
            cluster_pushing(cluster, order.slot, order.host, order.version);
        } else if (rv != ERR_CANCELED) {
            push_failed(c, cluster, &order, &err);
        }
    }
}
