#include "controller/event_lease.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

struct event_lease {
    struct etcd *etcd;
    uint64_t lifetime_ms;
    event_lease_fn *ready;
    void *ctx;
    uint64_t id;
    uint64_t granted_ms; /* monotonic */
    bool asking;
};

int event_lease_new(struct etcd *etcd, uint64_t lifetime_ms, event_lease_fn *ready, void *ctx,
                    struct event_lease **out, struct err *err)
{
    struct event_lease *lease = mem_alloc(sizeof(*lease));

    if (lease == NULL) {
        return err_set(err, ERR_NOMEM, "lease of events");
    }
    lease->etcd = etcd;
    lease->lifetime_ms = lifetime_ms;
    lease->ready = ready;
    lease->ctx = ctx;
    *out = lease;
    return 0;
}

void event_lease_free(struct event_lease *lease)
{
    free(lease);
}

static uint64_t period_ms(const struct event_lease *lease)
{
    return lease->lifetime_ms / 4;
}

uint64_t event_lease_id(const struct event_lease *lease)
{
    if (lease->id == 0 || lease->granted_ms + period_ms(lease) <= clock_mono_ms()) {
        return 0;
    }
    return lease->id;
}

static void granted(void *ctx, uint64_t id, uint64_t ttl_s, const struct err *err)
{
    struct event_lease *lease = ctx;

    (void)ttl_s;
    lease->asking = false;
    if (err == NULL) {
        lease->id = id;
        lease->granted_ms = clock_mono_ms();
    }
    lease->ready(lease->ctx, err);
}

int event_lease_ask(struct event_lease *lease, struct err *err)
{
    uint64_t ttl_s = (lease->lifetime_ms + period_ms(lease) + 999) / 1000;
    int rv;

    if (lease->asking) {
        return 0;
    }
    rv = etcd_lease_grant(lease->etcd, ttl_s < ETCD_LEASE_TTL_S_MIN ? ETCD_LEASE_TTL_S_MIN : ttl_s,
                          granted, lease, err);
    lease->asking = 0 <= rv;
    return rv;
}

void event_lease_drop(struct event_lease *lease)
{
    lease->id = 0;
}
