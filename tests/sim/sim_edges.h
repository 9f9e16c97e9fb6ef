/*
 * sim_edges - clocks, log and randomness of the simulated programs.
 */
#ifndef SIM_SIM_EDGES_H
#define SIM_SIM_EDGES_H

/* What the clocks show when a run begins; no time is 0. */
#define SIM_EPOCH_MS UINT64_C(1800000000000)
#define SIM_MONO_MS UINT64_C(1000000)

/* Make libsodium draw from the run; once, before anything else uses it. */
void sim_edges_init(void);

#endif
