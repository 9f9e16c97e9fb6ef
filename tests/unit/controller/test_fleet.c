#include <criterion/criterion.h>

#include "controller/fleet.h"

static struct fleet fleet;

static void teardown(void)
{
    while (0 < fleet.count) {
        fleet_remove(&fleet, fleet.clusters[0]);
    }
    fleet_deinit(&fleet);
}

TestSuite(fleet, .fini = teardown);

static struct cluster *get(const char *name)
{
    struct cluster *cluster;
    struct err err;

    cr_assert_eq(fleet_get(&fleet, name, &cluster, &err), 0);
    return cluster;
}

Test(fleet, a_cluster_is_made_once_and_found_by_its_name)
{
    struct cluster *b = get("b");
    struct cluster *a = get("a");

    cr_assert_eq(get("a"), a);
    cr_assert_eq(fleet.count, 2);
    cr_assert_eq(fleet.clusters[0], a);
    cr_assert_eq(fleet_find(&fleet, "b"), b);
    fleet_remove(&fleet, b);
    cr_assert_null(fleet_find(&fleet, "b"));
}

Test(fleet, who_is_queued_first_comes_first_and_once)
{
    struct cluster *a = get("a");
    struct cluster *b = get("b");

    cr_assert_null(fleet_next(&fleet));
    fleet_queue(&fleet, b);
    fleet_queue(&fleet, a);
    fleet_queue(&fleet, b);
    cr_assert_eq(fleet.due_count, 2);
    cr_assert_eq(fleet_next(&fleet), b);
    fleet_queue(&fleet, b);
    cr_assert_eq(fleet_next(&fleet), a);
    cr_assert_eq(fleet_next(&fleet), b);
    cr_assert_null(fleet_next(&fleet));
    cr_assert_eq(fleet.due_count, 0);
}

/* At the head, in the middle and at the end. */
Test(fleet, what_is_removed_leaves_the_queue_whole)
{
    static const char *const names[] = { "a", "b", "c" };
    size_t gone;

    for (gone = 0; gone < 3; gone++) {
        size_t i;

        for (i = 0; i < 3; i++) {
            fleet_queue(&fleet, get(names[i]));
        }
        fleet_remove(&fleet, get(names[gone]));
        cr_assert_eq(fleet.due_count, 2);
        for (i = 0; i < 3; i++) {
            if (i != gone) {
                cr_assert_str_eq(fleet_next(&fleet)->name, names[i]);
            }
        }
        cr_assert_null(fleet_next(&fleet));
        fleet_queue(&fleet, get("d"));
        cr_assert_str_eq(fleet_next(&fleet)->name, "d", "the end is known");
    }
}
