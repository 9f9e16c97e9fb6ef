/*
 * The gate of the partition module: while the kill switch of the partition is away, memcached
 * answers as if it ran without the module, and so it does, once the switch is back, on every
 * connection that was made before.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "discovery/names.h"
#include "sim/sim_machine.h"

void sim_gate_flip(struct sim_partition *partition)
{
    partition->off = !partition->off;
}

static void look(struct sim_memcached *memcached)
{
    const struct sim_partition *partition =
        sim_partition_find(memcached->machine, memcached->partition_dir);
    bool shut = partition != NULL && partition->has_segment && partition->off;

    memcached->round += memcached->round == 0 || (shut && !memcached->shut) ? 1 : 0;
    memcached->shut = shut;
}

static bool refuse(struct sim_reply *out)
{
    out->outcome = SIM_REFUSED;
    out->value = "ERROR";
    out->value_bytes = strlen(out->value);
    return true;
}

static bool keep(struct sim_memcached *memcached, const struct sim_request *request)
{
    free(memcached->item);
    memcached->item = mem_alloc(request->value_bytes + 1);
    CHECK(memcached->item != NULL);
    memcpy(memcached->item, request->value, request->value_bytes);
    memcached->item_bytes = request->value_bytes;
    return true;
}

static bool hand(const struct sim_memcached *memcached, const struct sim_request *request,
                 struct sim_reply *out)
{
    if (memcached->item == NULL || strcmp(request->key, KEY_RECORD) != 0) {
        out->outcome = SIM_NOT_FOUND;
        return true;
    }
    out->value = memcached->item;
    out->value_bytes = memcached->item_bytes;
    return true;
}

bool sim_gate_answers(struct sim_memcached *memcached, const struct sim_request *request,
                      struct sim_reply *out)
{
    if (memcached->partition_dir == NULL) {
        return false;
    }
    look(memcached);
    out->round = memcached->round;
    if (!memcached->shut && (request->round == 0 || request->round == memcached->round)) {
        return false;
    }
    switch (request->kind) {
    case SIM_REQUEST_CONFIG:
    case SIM_REQUEST_DELETE:
        return refuse(out);
    case SIM_REQUEST_GET:
        return hand(memcached, request, out);
    case SIM_REQUEST_SET:
        return strcmp(request->key, KEY_RECORD) != 0 || keep(memcached, request);
    case SIM_REQUEST_VERSION:
    case SIM_REQUEST_STATS:
        break;
    }
    return false;
}
