/* Chance: splitmix64, one state a stream. */
#include "sim/sim_state.h"

#define HASH_START UINT64_C(1469598103934665603)
#define HASH_STEP UINT64_C(1099511628211)

static uint64_t next(uint64_t *state)
{
    uint64_t z;

    *state += UINT64_C(0x9e3779b97f4a7c15);
    z = *state;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void sim_chance_init(struct sim *sim)
{
    uint64_t state = sim->options.seed;
    size_t i;

    for (i = 0; i < SIM_CHANCE_COUNT; i++) {
        sim->chance[i] = next(&state);
    }
}

uint64_t sim_random(struct sim *sim, enum sim_stream stream)
{
    return next(&sim->chance[stream]);
}

uint64_t sim_below(struct sim *sim, enum sim_stream stream, uint64_t n)
{
    return n == 0 ? 0 : sim_random(sim, stream) % n;
}

uint64_t sim_between(struct sim *sim, enum sim_stream stream, uint64_t min, uint64_t max)
{
    return min + sim_below(sim, stream, max - min + 1);
}

bool sim_chance(struct sim *sim, enum sim_stream stream, unsigned per_mille)
{
    return sim_below(sim, stream, 1000) < per_mille;
}

static enum sim_stream stream_of(enum sim_fault fault)
{
    return (enum sim_stream)((unsigned)SIM_CHANCE_FAULTS + (unsigned)fault);
}

bool sim_strikes(struct sim *sim, enum sim_fault fault, unsigned per_mille)
{
    if (sim->healing || (sim->options.faults >> fault & 1) == 0) {
        return false;
    }
    return sim_chance(sim, stream_of(fault), per_mille);
}

uint64_t sim_fault_between(struct sim *sim, enum sim_fault fault, uint64_t min, uint64_t max)
{
    return sim_between(sim, stream_of(fault), min, max);
}

const char *sim_fault_text(enum sim_fault fault)
{
    static const char *const texts[] = {
#define X(name, text) [SIM_##name] = (text),
        SIM_FAULTS(X)
#undef X
    };

    return texts[fault];
}

uint64_t sim_hash(const char *bytes, size_t size)
{
    uint64_t sum = HASH_START;
    size_t i;

    for (i = 0; i < size; i++) {
        sum = (sum ^ (unsigned char)bytes[i]) * HASH_STEP;
    }
    return sum == 0 ? 1 : sum;
}
