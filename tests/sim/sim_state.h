/*
 * sim_state - what is inside a run; for the files sim_*.c of the core only.
 */
#ifndef SIM_SIM_STATE_H
#define SIM_SIM_STATE_H

#include "base/str.h"
#include "sim/sim.h"
#include "sim/sim_doom.h"

#define SIM_BROKEN_TEXT_MAX 512
#define SIM_RANGES_MAX 256

enum sim_doom_state { SIM_DOOM_NONE, SIM_DOOM_WAITS, SIM_DOOM_STRIKES, SIM_DOOM_STRUCK };

struct sim_range {
    uint32_t ip_first;
    uint32_t count;
    unsigned place;
};

struct sim {
    struct sim_options options;
    uint64_t now_ms;
    uint64_t chance[SIM_CHANCE_COUNT];
    bool healing;
    struct sim_etcd *etcd;
    struct sim_party *running;
    char broken[SIM_BROKEN_TEXT_MAX];
    /* the queue: a binary heap */
    struct sim_event **queue;
    size_t queue_count;
    size_t queue_capacity;
    uint64_t orders;
    /* the network */
    unsigned places_count;
    bool place_down[SIM_PLACES_MAX];
    uint64_t cut_until_ms[SIM_PLACES_MAX][SIM_PLACES_MAX];
    struct sim_message *messages;
    struct sim_port *ports;
    uint64_t listeners;
    struct sim_range ranges[SIM_RANGES_MAX];
    size_t ranges_count;
    struct sim_ask *asks;
    uint64_t asks_made;
    struct sim_wire *wires; /* sim_wire.c */
    uint64_t wires_made;
    struct probe *probes; /* sim_memd.c */
    struct str line;      /* of the trace */
    /* the harm that was chosen, and who is told of places for one */
    struct sim_doom doom;
    enum sim_doom_state doom_state;
    uint32_t doom_left; /* until it strikes */
    sim_spot_fn *spot_told;
    sim_write_fn *write_told;
    void *write_ctx;
    void *spot_ctx;
    const char *effect_text; /* of the effect under way */
    bool effect_is_message;
};

/* The first draw of a stream, from the run's seed. */
void sim_chance_init(struct sim *sim);

/* Whether the event, which was due just now, waits because the party is paused. */
bool sim_event_hold(struct sim *sim, struct sim_event *event, const struct sim_party *party);

/* What listens there; NULL: nothing does. */
struct sim_port *sim_port_at(struct sim *sim, uint32_t ip, uint16_t port);
/* Whose address it is; false: nobody's. */
bool sim_place_of(const struct sim *sim, uint32_t ip, unsigned *out);

void sim_net_deinit(struct sim *sim);
void sim_wires_deinit(struct sim *sim);
void sim_asks_deinit(struct sim *sim);

#endif
