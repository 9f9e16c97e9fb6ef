/*
 * sim_controller - whole controllers: started, killed at any effect, paused, started again.
 */
#ifndef SIM_SIM_CONTROLLER_H
#define SIM_SIM_CONTROLLER_H

#include "controller/controller.h"
#include "sim/sim.h"

#define SIM_CONTROLLERS_MAX 3
#define SIM_PREFIX "/muster/v1"
#define SIM_SIGNING_KEY "k" /* see sim_keys.c */
#define SIM_LEASE_TTL_S 10

struct sim_controller {
    struct sim_party party;
    struct controller_config config;
    struct loop *loop;
    struct controller *controller;
    struct sim_event restart;
    uint64_t restart_ms; /* after the next death */
};

/* Make the party, at a machine of its own; nothing runs yet. */
void sim_controller_init(struct sim *sim, struct sim_controller *c, unsigned number);
/* End it, if it runs, without telling anybody. */
void sim_controller_deinit(struct sim_controller *c);

void sim_controller_start(struct sim_controller *c);
/* Die now, and start again after `restart_ms`. */
void sim_controller_kill(struct sim_controller *c, uint64_t restart_ms);
/* Die now, and stay so until it is started. */
void sim_controller_stop(struct sim_controller *c);
/* Die at the effect after `effects` others, and start again. */
void sim_controller_doom(struct sim_controller *c, uint32_t effects, bool after,
                         uint64_t restart_ms);

#endif
