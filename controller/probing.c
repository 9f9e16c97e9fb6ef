#include "controller/probing.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "controller/pass.h"
#include "controller/probe.h"

struct slot_probe {
    struct controller *controller;
    struct cluster *cluster;
    uint32_t slot;
    char host[HOST_NAME_TEXT_MAX + 1];
    struct probe *probe;
};

static void probed(void *ctx, bool answers)
{
    struct slot_probe *probe = ctx;

    if (cluster_probed(probe->cluster, probe->slot, probe->host, answers, clock_wall_ms())) {
        pass_mark(probe->controller, probe->cluster->name);
    }
}

void probing_end(struct slot_state *slot)
{
    if (slot->probe != NULL) {
        probe_free(slot->probe->probe);
        free(slot->probe);
        slot->probe = NULL;
    }
}

/* Without memory there is no probe: then the node counts as one that answers. */
static void begin(struct controller *controller, struct cluster *cluster, struct slot_state *slot)
{
    struct slot_probe *probe = mem_alloc(sizeof(*probe));
    struct err ignored;

    if (probe == NULL) {
        return;
    }
    *probe = (struct slot_probe){ .controller = controller,
                                  .cluster = cluster,
                                  .slot = slot->seen.slot };
    memcpy(probe->host, slot->host, sizeof(probe->host));
    if (probe_new(controller->loop, slot->ip, slot->data_port, probed, probe, &probe->probe,
                  &ignored) < 0) {
        free(probe);
        return;
    }
    slot->probe = probe;
}

void probing_follow(struct controller *controller, struct cluster *cluster)
{
    size_t i;

    for (i = 0; i < cluster->slots_count; i++) {
        struct slot_state *slot = &cluster->slots[i];

        if (slot->probe != NULL &&
            (!slot->probe_wanted || !probe_is_at(slot->probe->probe, slot->ip, slot->data_port))) {
            probing_end(slot);
        }
        if (slot->probe == NULL && slot->probe_wanted) {
            begin(controller, cluster, slot);
        }
    }
}
