#include "watcher/module/gate.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "watcher/module/tick.h"

void gate_init(struct gate *gate, const char *partition)
{
    atomic_init(&gate->looked_ms, 0);
    atomic_init(&gate->round, 0);
    atomic_init(&gate->shut, false);
    atomic_init(&gate->broken, false);
    atomic_init(&gate->complained, false);
    (void)snprintf(gate->active, sizeof(gate->active), "%s/" PARTITION_ACTIVE, partition);
    (void)snprintf(gate->segment, sizeof(gate->segment), "%s/" PARTITION_SEGMENT, partition);
}

unsigned gate_round(const struct gate *gate)
{
    return atomic_load_explicit(&gate->round, memory_order_relaxed);
}

/* Removed, and not just not there yet, or gone with the whole partition. */
static bool switched_off(const struct gate *gate)
{
    return access(gate->active, F_OK) != 0 && errno == ENOENT && access(gate->segment, F_OK) == 0;
}

bool gate_open(struct gate *gate)
{
    if (atomic_load_explicit(&gate->broken, memory_order_relaxed)) {
        return false;
    }
    if (tick_ms() - atomic_load_explicit(&gate->looked_ms, memory_order_relaxed) < GATE_CHECK_MS) {
        return !atomic_load_explicit(&gate->shut, memory_order_relaxed);
    }
    if (!switched_off(gate)) {
        atomic_store_explicit(&gate->looked_ms, tick_ms(), memory_order_relaxed);
        atomic_store_explicit(&gate->shut, false, memory_order_relaxed);
        return true;
    }
    if (!atomic_exchange(&gate->shut, true)) {
        (void)atomic_fetch_add(&gate->round, 1);
        (void)fprintf(stderr, "muster_partition: switched off: %s was removed\n", gate->active);
    }
    return false;
}

void gate_complain(struct gate *gate, const char *reason)
{
    if (!atomic_exchange(&gate->complained, true)) {
        (void)fprintf(stderr, "muster_partition: inactive: %s\n", reason);
    }
}

void gate_break(struct gate *gate, const char *reason)
{
    if (!atomic_exchange(&gate->broken, true)) {
        (void)atomic_fetch_add(&gate->round, 1);
        (void)fprintf(stderr, "muster_partition: inactive: %s\n", reason);
    }
}
