/*
 * sim_doom - one harm at a chosen place: at the n-th effect of a process, or at the n-th batch that
 * its watches are told.
 *
 * Effects and batches are counted from when the harm was set, for each party over all its lives.
 * A run without a harm tells of the same places, so that each of them can be harmed in turn.
 */
#ifndef SIM_SIM_DOOM_H
#define SIM_SIM_DOOM_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/sim.h"

/* name, text, what it strikes */
/* clang-format off */
#define SIM_HARMS(X)                                                                           \
    X(BEFORE, "before", SIM_SPOT_EFFECT)         /* it dies, and the effect never is */        \
    X(AFTER, "after", SIM_SPOT_EFFECT)           /* it dies when the effect is done */         \
    X(LOST, "lost", SIM_SPOT_MESSAGE)            /* no death: it waits for an answer in vain */\
    X(UNANSWERED, "unanswered", SIM_SPOT_MESSAGE) /* the same, but it was done */              \
    X(LATE, "late", SIM_SPOT_MESSAGE)            /* the same, but it is done much later */     \
    X(DROPPED, "dropped", SIM_SPOT_BATCH)        /* the watch is deaf from there, and breaks */\
    X(HELD, "held", SIM_SPOT_BATCH)              /* told with what comes in the next time */   \
    X(REPEATED, "repeated", SIM_SPOT_BATCH)      /* told once more, behind the one after it */ \
    X(OLD, "old", SIM_SPOT_BATCH)                /* the watch ends; the next list is an old one */
/* clang-format on */

/* A message is an effect that another machine carries out, and answers. */
enum sim_spot { SIM_SPOT_EFFECT, SIM_SPOT_MESSAGE, SIM_SPOT_BATCH };

enum sim_harm {
#define X(name, text, spot) SIM_HARM_##name,
    SIM_HARMS(X)
#undef X
        SIM_HARM_COUNT
};

const char *sim_harm_text(enum sim_harm harm);
enum sim_spot sim_harm_spot(enum sim_harm harm);

#define SIM_DOOM_TEXT_MAX 127

struct sim_doom {
    const struct sim_party *party;
    enum sim_harm harm;
    uint32_t at;                      /* from 1; 0: the first whose text contains `text` */
    char text[SIM_DOOM_TEXT_MAX + 1]; /* of what is done, or told: "put /muster/v1/leader" */
    uint64_t age;                     /* of the old list, in revisions */
};

/* Nothing was set before, or it has struck. */
void sim_doom_set(struct sim *sim, const struct sim_doom *doom);

/* Whether it has struck. */
bool sim_doom_struck(const struct sim *sim);

/* Be told of each spot; `text` says what the effect does, or what a batch tells. */
typedef void sim_spot_fn(void *ctx, const struct sim_party *party, enum sim_spot spot,
                         const char *text);
void sim_spots_tell(struct sim *sim, sim_spot_fn *fn, void *ctx);

/* ---- For those who make effects ---- */

/* Whether somebody wants to know what effects do; else any text will do. */
bool sim_doom_reads(const struct sim *sim);

/* At the begin of an effect of the running party, and at its end: each may be its death. */
void sim_doom_begins(struct sim *sim, const char *what);
void sim_doom_ends(struct sim *sim);

#define SIM_LATE_MS 4000 /* for a late message: nobody waits for an answer any more */

/* What the message of the effect under way suffers: LOST, UNANSWERED, LATE, or SIM_HARM_COUNT. */
enum sim_harm sim_doom_of_message(struct sim *sim);

/* What a batch suffers that is to be told to a watch of `party`: DROPPED, HELD, REPEATED, OLD, or
 * SIM_HARM_COUNT. */
enum sim_harm sim_doom_of_batch(struct sim *sim, const struct sim_party *party, const char *what);
uint64_t sim_doom_age(const struct sim *sim);

#endif
