#include <criterion/criterion.h>

#include "world.h"

Test(stories, three_nodes_are_created)
{
    struct world w;

    world_init(&w, 3);
    world_apply(&w, 3);
    world_settle(&w, 10000);
    world_expect(&w, "[    0] 0001 intent-put h1 run place\n"
                     "[    0] 0002 intent-put h2 run place\n"
                     "[    0] 0003 intent-put h3 run place\n"
                     "[  200] - config-commit v1 [0001 0002 0003] commit\n"
                     "[  200] 0001 config-push v1 push\n"
                     "[  200] 0002 config-push v1 push\n"
                     "[  200] 0003 config-push v1 push\n"
                     "[  300] 0001 alias-set v1 alias-first\n");
    cr_expect(world_condition(&w, CONDITION_CONVERGED));
    cr_expect(world_condition(&w, CONDITION_READY));
    cr_expect(!world_condition(&w, CONDITION_PROGRESSING));
    cr_expect(!world_condition(&w, CONDITION_STALLED));
    cr_expect(!world_condition(&w, CONDITION_DEGRADED));
    world_deinit(&w);
}
