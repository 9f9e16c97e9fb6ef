#include "store/lease.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "loop/loop.h"

#define RENEWALS_PER_TTL 3
#define RETRY_MS 200 /* the client paces its tries itself */

enum lease_state {
    LEASE_WANTED,  /* a grant is on its way, or waits for the next try */
    LEASE_HELD,    /* renewed in time, as far as the clock can tell */
    LEASE_REVOKED, /* given back, or on the way */
};

struct lease {
    struct etcd *etcd;
    uint64_t ttl_s; /* that is asked for */
    lease_fn *changed;
    void *ctx;
    enum lease_state state;
    uint64_t id;            /* 0 unless held */
    uint64_t sent_ms;       /* the request that is on its way */
    uint64_t ends_ms;       /* etcd keeps the lease at least until then */
    struct loop_timer *act; /* next grant or renewal */
    struct loop_timer *end;
    loop_fn *revoked;
    void *revoked_ctx;
};

/* Keys put with it are gone, or will be: another lease is needed, and they with it. */
static void lose(struct lease *lease)
{
    etcd_cancel(lease->etcd, lease);
    loop_timer_stop(lease->end);
    lease->id = 0;
    lease->state = LEASE_WANTED;
    loop_timer_start(lease->act, 0);
    lease->changed(lease->ctx, 0);
}

static void on_end(void *ctx)
{
    lose(ctx);
}

/* The lease lives for `ttl_s` from when the request was sent, by whose arrival etcd counts. */
static void prolong(struct lease *lease, uint64_t ttl_s)
{
    uint64_t now_ms = clock_mono_ms();
    uint64_t ttl_ms = ttl_s * 1000;

    lease->ends_ms = lease->sent_ms + ttl_ms;
    loop_timer_start(lease->end, lease->ends_ms <= now_ms ? 0 : lease->ends_ms - now_ms);
    loop_timer_start(lease->act, ttl_ms / RENEWALS_PER_TTL);
}

/* ---- Renewal ---- */

static void on_renewed(void *ctx, uint64_t id, uint64_t ttl_s, const struct err *err)
{
    struct lease *lease = ctx;

    if (err != NULL && err->code != ERR_NOT_FOUND) {
        loop_timer_start(lease->act, RETRY_MS); /* `end` says when that is in vain */
        return;
    }
    if (err != NULL || id != lease->id || ttl_s == 0) {
        lose(lease);
        return;
    }
    prolong(lease, ttl_s);
}

static void renew(struct lease *lease)
{
    struct err err;

    lease->sent_ms = clock_mono_ms();
    if (etcd_lease_keepalive(lease->etcd, lease->id, on_renewed, lease, &err) < 0) {
        loop_timer_start(lease->act, RETRY_MS);
    }
}

/* ---- Grant ---- */

static void on_granted(void *ctx, uint64_t id, uint64_t ttl_s, const struct err *err)
{
    struct lease *lease = ctx;

    if (err != NULL) {
        loop_timer_start(lease->act, RETRY_MS);
        return;
    }
    lease->id = id;
    lease->state = LEASE_HELD;
    prolong(lease, ttl_s);
    lease->changed(lease->ctx, id);
}

static void grant(struct lease *lease)
{
    struct err err;

    lease->sent_ms = clock_mono_ms();
    if (etcd_lease_grant(lease->etcd, lease->ttl_s, on_granted, lease, &err) < 0) {
        loop_timer_start(lease->act, RETRY_MS);
    }
}

/* ---- The end ---- */

static void on_revoked(void *ctx, uint64_t id, uint64_t ttl_s, const struct err *err)
{
    struct lease *lease = ctx;

    (void)id;
    (void)ttl_s;
    (void)err; /* it will run out by itself */
    lease->revoked(lease->revoked_ctx);
}

static void on_act(void *ctx)
{
    struct lease *lease = ctx;

    switch (lease->state) {
    case LEASE_WANTED:
        grant(lease);
        break;
    case LEASE_HELD:
        renew(lease);
        break;
    case LEASE_REVOKED:
        lease->revoked(lease->revoked_ctx);
        break;
    }
}

void lease_revoke(struct lease *lease, loop_fn *done, void *ctx)
{
    uint64_t id = lease->id;
    struct err err;

    CHECK(lease->state != LEASE_REVOKED);
    lease->id = 0;
    lease->revoked = done;
    lease->revoked_ctx = ctx;
    lease->state = LEASE_REVOKED;
    etcd_cancel(lease->etcd, lease);
    loop_timer_stop(lease->act);
    loop_timer_stop(lease->end);
    if (id == 0 || etcd_lease_revoke(lease->etcd, id, on_revoked, lease, &err) < 0) {
        loop_timer_start(lease->act, 0);
    }
}

/* ---- Lifecycle ---- */

uint64_t lease_id(const struct lease *lease)
{
    return clock_mono_ms() < lease->ends_ms ? lease->id : 0;
}

int lease_new(struct loop *loop, struct etcd *etcd, uint64_t ttl_s, lease_fn *changed, void *ctx,
              struct lease **out, struct err *err)
{
    CLEANUP(lease_free_p) struct lease *lease = NULL;
    int rv;

    if (ttl_s < ETCD_LEASE_TTL_S_MIN) {
        return err_set(err, ERR_INVALID, "a lease of %llu s: at least %d",
                       (unsigned long long)ttl_s, ETCD_LEASE_TTL_S_MIN);
    }
    lease = mem_alloc(sizeof(*lease));
    if (lease == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    *lease = (struct lease){ .etcd = etcd, .ttl_s = ttl_s, .changed = changed };
    lease->ctx = ctx;
    rv = loop_timer_new(loop, on_act, lease, &lease->act, err);
    if (rv < 0) {
        return rv;
    }
    rv = loop_timer_new(loop, on_end, lease, &lease->end, err);
    if (rv < 0) {
        return rv;
    }
    grant(lease);
    *out = TAKE(lease);
    return 0;
}

void lease_free(struct lease *lease)
{
    if (lease == NULL) {
        return;
    }
    etcd_cancel(lease->etcd, lease);
    loop_timer_free(lease->act);
    loop_timer_free(lease->end);
    free(lease);
}
