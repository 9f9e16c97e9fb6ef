#include "sim/sim_controller.h"

#include "base/check.h"

#define RESTART_MS 1000 /* of what died by itself */
#define EVENT_TTL_MS 3600000
#define DNS_TTL_MS 5000

static void bury(void *ctx)
{
    struct sim_controller *c = ctx;

    controller_free(c->controller);
    loop_free(c->loop);
    c->controller = NULL;
    c->loop = NULL;
    sim_event_plan(c->party.sim, &c->restart, c->restart_ms);
    c->restart_ms = RESTART_MS;
}

static void on_failed(void *ctx, const struct err *err)
{
    struct sim_controller *c = ctx;

    sim_trace(c->party.sim, "gives up: %s", err->msg);
    sim_party_kill(&c->party);
}

static void run(void *ctx)
{
    struct sim_controller *c = ctx;
    struct err err;

    if (loop_new(&c->loop, &err) < 0 ||
        controller_new(c->loop, &c->config, on_failed, c, &c->controller, &err) < 0) {
        sim_broken(c->party.sim, "start", "%s: %s", c->party.name, err.msg);
    }
}

void sim_controller_start(struct sim_controller *c)
{
    sim_event_cancel(c->party.sim, &c->restart);
    sim_party_start(&c->party);
    sim_run_as(&c->party, run, c);
}

static void on_restart(void *ctx)
{
    struct sim_controller *c = ctx;

    if (!c->party.alive) {
        sim_controller_start(c);
    }
}

void sim_controller_init(struct sim *sim, struct sim_controller *c, unsigned number)
{
    *c = (struct sim_controller){ .restart_ms = RESTART_MS };
    sim_party_init(sim, &c->party, sim_place_add(sim), bury, c, "ctl%u", number);
    sim_event_init(&c->restart, NULL, on_restart, c);
    c->config = (struct controller_config){ .prefix = SIM_PREFIX,
                                            .signing_key = SIM_SIGNING_KEY,
                                            .identity = c->party.name,
                                            .dns_prefix = "/skydns",
                                            .dns_ttl_ms = DNS_TTL_MS,
                                            .lease_ttl_ms = 1000 * SIM_LEASE_TTL_S,
                                            .event_ttl_ms = EVENT_TTL_MS,
                                            .lease_ttl_s = SIM_LEASE_TTL_S };
    c->config.etcd.endpoints = "sim";
    c->config.dns = (struct dns_options){ .prefix = "/skydns", .ttl_s = DNS_TTL_MS / 1000 };
}

void sim_controller_stop(struct sim_controller *c)
{
    sim_party_kill(&c->party);
    sim_event_cancel(c->party.sim, &c->restart);
}

void sim_controller_deinit(struct sim_controller *c)
{
    sim_controller_stop(c);
}

void sim_controller_kill(struct sim_controller *c, uint64_t restart_ms)
{
    c->restart_ms = restart_ms;
    sim_party_kill(&c->party);
}

void sim_controller_doom(struct sim_controller *c, uint32_t effects, bool after,
                         uint64_t restart_ms)
{
    c->restart_ms = restart_ms;
    c->party.effects_left = effects + 1;
    c->party.dies_after = after;
}
