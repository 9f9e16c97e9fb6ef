#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "client/cluster_plan.h"

/* Names whose keys are in another order than they are, and which are beginnings of each other. */
static const char *const all[] = { "a", "a-", "a-b", "a0", "ab", "b", "b-0", "z" };

#define NAMES 8
#define KEY_SIZE 64

static const char *const leaves[] = { "", "alias", "nodes/1/h", "status", "\x7f" };

/* Of all sets of names: each key is in one name's range or in one gap, and it is told which. */
Test(cluster_plan, names_and_gaps_cover_each_key_once)
{
    struct arena arena CLEANUP(arena_deinit);
    unsigned set;

    arena_init(&arena, 1U << 24);
    for (set = 0; set < 1U << NAMES; set++) {
        const char *names[NAMES];
        struct cluster_plan plan;
        struct err err;
        size_t count = 0;
        size_t i;
        size_t j;
        size_t k;

        for (i = NAMES; 0 < i; i--) { /* not in order */
            if ((set >> (i - 1) & 1U) != 0) {
                names[count++] = all[i - 1];
            }
        }
        cr_assert_eq(cluster_plan_make(&arena, "/p", names, count, &plan, &err), 0);
        cr_assert_eq(plan.count, count);
        for (i = 0; i < NAMES; i++) {
            for (j = 0; j < ARRAY_COUNT(leaves); j++) {
                bool known = (set >> i & 1U) != 0;
                char key[KEY_SIZE];
                size_t in = 0;

                (void)snprintf(key, sizeof(key), "/p/clusters/%s/%s", all[i], leaves[j]);
                for (k = 0; k <= count; k++) {
                    if (0 <= strcmp(key, plan.gaps[k].from) && strcmp(key, plan.gaps[k].end) < 0) {
                        in++;
                        cr_expect_eq(cluster_plan_gap(&plan, key), k, "%s, set %x", key, set);
                    }
                }
                cr_expect_eq(in, known ? 0 : 1, "%s is in %zu gaps, set %x", key, in, set);
                cr_expect(!known || cluster_plan_gap(&plan, key) == SIZE_MAX, "%s", key);
            }
        }
        arena_clear(&arena);
    }
}

/* Whatever stands there, also what is no cluster's. */
Test(cluster_plan, without_names_all_is_one_gap)
{
    struct arena arena CLEANUP(arena_deinit);
    struct cluster_plan plan;
    struct err err;

    arena_init(&arena, 1U << 16);
    cr_assert_eq(cluster_plan_make(&arena, "/p", NULL, 0, &plan, &err), 0);
    cr_expect_str_eq(plan.gaps[0].from, "/p/clusters/");
    cr_expect_str_eq(plan.gaps[0].end, "/p/clusters0");
    cr_expect_eq(cluster_plan_gap(&plan, "/p/clusters/A B"), 0);
}

Test(cluster_plan, pays_unless_most_names_are_of_the_past)
{
    cr_expect(cluster_plan_pays(100, 5400));
    cr_expect(cluster_plan_pays(0, 0));
    cr_expect_not(cluster_plan_pays(1000, 5400));
    cr_expect_not(cluster_plan_pays(1, 0));
    cr_expect_not(cluster_plan_pays(CLUSTER_PLAN_NAMES_MAX + 1, UINT64_MAX));
}
