#include "sim/sim_doom.h"

#include <string.h>

#include "base/check.h"
#include "sim/sim_state.h"

static const struct {
    const char *text;
    enum sim_spot spot;
} harms[] = {
#define X(name, text, spot) { (text), (spot) },
    SIM_HARMS(X)
#undef X
};

const char *sim_harm_text(enum sim_harm harm)
{
    return harms[harm].text;
}

enum sim_spot sim_harm_spot(enum sim_harm harm)
{
    return harms[harm].spot;
}

void sim_doom_set(struct sim *sim, const struct sim_doom *doom)
{
    CHECK(sim->doom.party == NULL || sim->doom_state == SIM_DOOM_STRUCK);
    CHECK(doom->harm < SIM_HARM_COUNT);
    sim->doom = *doom;
    sim->doom_left = doom->at;
    sim->doom_state = SIM_DOOM_WAITS;
}

bool sim_doom_struck(const struct sim *sim)
{
    return sim->doom_state == SIM_DOOM_STRUCK;
}

uint64_t sim_doom_age(const struct sim *sim)
{
    return sim->doom.age;
}

void sim_spots_tell(struct sim *sim, sim_spot_fn *fn, void *ctx)
{
    sim->spot_told = fn;
    sim->spot_ctx = ctx;
}

bool sim_doom_reads(const struct sim *sim)
{
    return sim->spot_told != NULL ||
           (sim->doom_state == SIM_DOOM_WAITS && sim->doom.text[0] != '\0');
}

/* Whether this is the place; counts. */
static bool is_here(struct sim *sim, const struct sim_party *party, bool is_batch, const char *what)
{
    if (sim->doom_state != SIM_DOOM_WAITS || sim->doom.party != party ||
        (sim_harm_spot(sim->doom.harm) == SIM_SPOT_BATCH) != is_batch) {
        return false;
    }
    if (sim->doom.text[0] != '\0') {
        return strstr(what, sim->doom.text) != NULL;
    }
    sim->doom_left--;
    return sim->doom_left == 0;
}

/* ---- Effects ---- */

void sim_doom_begins(struct sim *sim, const char *what)
{
    struct sim_party *party = sim->running;

    if (sim->spot_told != NULL) {
        sim->effect_text = what;
        sim->effect_is_message = false;
    }
    if (!is_here(sim, party, false, what)) {
        return;
    }
    sim->doom_state = SIM_DOOM_STRIKES;
    sim_trace(sim, "about to %s", what);
    if (sim->doom.harm == SIM_HARM_BEFORE) {
        sim->doom_state = SIM_DOOM_STRUCK;
        sim_party_kill(party);
    }
}

void sim_doom_ends(struct sim *sim)
{
    struct sim_party *party = sim->running;

    if (sim->spot_told != NULL) {
        sim->spot_told(sim->spot_ctx, party,
                       sim->effect_is_message ? SIM_SPOT_MESSAGE : SIM_SPOT_EFFECT,
                       sim->effect_text);
    }
    if (sim->doom_state != SIM_DOOM_STRIKES || sim->doom.party != party) {
        return;
    }
    sim->doom_state = SIM_DOOM_STRUCK;
    if (sim->doom.harm == SIM_HARM_AFTER) {
        sim_party_kill(party);
    }
}

enum sim_harm sim_doom_of_message(struct sim *sim)
{
    sim->effect_is_message = true;
    if (sim->doom_state != SIM_DOOM_STRIKES || sim->doom.party != sim->running ||
        sim_harm_spot(sim->doom.harm) != SIM_SPOT_MESSAGE) {
        return SIM_HARM_COUNT;
    }
    return sim->doom.harm;
}

/* ---- Batches ---- */

enum sim_harm sim_doom_of_batch(struct sim *sim, const struct sim_party *party, const char *what)
{
    if (sim->spot_told != NULL) {
        sim->spot_told(sim->spot_ctx, party, SIM_SPOT_BATCH, what);
    }
    if (!is_here(sim, party, true, what)) {
        return SIM_HARM_COUNT;
    }
    sim->doom_state = SIM_DOOM_STRUCK;
    sim_trace(sim, "what %s is told is %s", party->name, sim_harm_text(sim->doom.harm));
    return sim->doom.harm;
}
