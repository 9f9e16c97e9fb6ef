/*
 * muster-sim - runs of the simulator, by seed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/sim.h"
#include "sim/sim_edges.h"

int main(int argc, char **argv)
{
    struct sim_options options = { .seed = 1, .steps = 20, .faults = SIM_FAULTS_ALL };
    struct sim *sim;

    options.trace_fd = STDOUT_FILENO;
    options.tracing = argc == 2 && strcmp(argv[1], "--trace") == 0;
    sim_edges_init();
    sim = sim_new(&options);
    (void)printf("muster-sim %s: seed %llu\n", SIM_COMMIT, (unsigned long long)options.seed);
    sim_free(sim);
    return EXIT_SUCCESS;
}
