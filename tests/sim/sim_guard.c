/* What breaks the laws of a rule table breaks the run. */
#include "sim/sim.h"
#include "tables/guard.h"

void table_guard_failed(const char *problem)
{
    sim_broken(sim_current(), "rules", "%s", problem);
}
