/*
 * sim_loop - what the simulator asks of a loop besides lib/loop/loop.h.
 */
#ifndef SIM_SIM_LOOP_H
#define SIM_SIM_LOOP_H

#include <stdbool.h>

#include "loop/loop.h"

/* Whether its program asked to stop it: the process is to be ended. */
bool sim_loop_stopped(const struct loop *loop);

#endif
