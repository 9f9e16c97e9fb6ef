#include <criterion/criterion.h>
#include <string.h>

#include "cli/stages.h"
#include "make.h"

static const struct cluster_facts *cluster(const struct made *made)
{
    const struct cluster_facts *found = facts_cluster(&made->facts, "c");

    cr_assert_not_null(found);
    return found;
}

static void expect_slot(const struct made *made, uint32_t slot, enum stage stage)
{
    struct stages stages;

    stages_of(cluster(made), &stages);
    cr_expect_eq(stages.slots[slot], stage, "slot %u: %s", slot, stage_text(stages.slots[slot]));
}

static void expect_why(const struct made *made, const char *part)
{
    char why[STAGES_WHY_SIZE];

    stages_why(cluster(made), why);
    cr_expect_not_null(strstr(why, part), "'%s' is not in: %s", part, why);
}

Test(stages, a_slot_walks_through_all_of_them)
{
    struct made made;

    made_init(&made);
    make_spec_key(&made, "c", 1, 1, false);
    expect_slot(&made, 1, STAGE_NONE);
    make_intent(&made, "c", 1, INTENT_RUN);
    expect_slot(&made, 1, STAGE_PLACED);
    make_report(&made, "c", 1, NODE_STARTING, 0, 0);
    expect_slot(&made, 1, STAGE_PLACED);
    make_report(&made, "c", 1, NODE_UP, 0, 0);
    expect_slot(&made, 1, STAGE_STARTED);
    make_config(&made, "c", 1, 1);
    expect_slot(&made, 1, STAGE_STARTED);
    make_report(&made, "c", 1, NODE_UP, 1, 0);
    expect_slot(&made, 1, STAGE_PUSHED);
    make_report(&made, "c", 1, NODE_UP, 1, 1);
    expect_slot(&made, 1, STAGE_ACKNOWLEDGED);
    made_deinit(&made);
}

Test(stages, a_member_that_is_down_has_only_its_place)
{
    struct made made;

    made_init(&made);
    make_spec_key(&made, "c", 1, 1, false);
    make_config(&made, "c", 1, 1);
    make_report(&made, "c", 1, NODE_DOWN, 1, 1);
    expect_slot(&made, 1, STAGE_PLACED);
    expect_why(&made, "stage 'started' hangs: 0 of 1 nodes; 0001 on local is down");
    expect_why(&made, "(port in use)");
    made_deinit(&made);
}

Test(stages, a_successor_has_started_until_it_is_listed)
{
    struct made made;

    made_init(&made);
    make_spec_key(&made, "c", 1, 1, false);
    make_config(&made, "c", 1, 1);
    make_report(&made, "c", 1, NODE_UP, 1, 1);
    made.host = MAKE_OTHER_HOST;
    make_report(&made, "c", 1, NODE_UP, 1, 1);
    expect_slot(&made, 1, STAGE_ACKNOWLEDGED);
    made.host = MAKE_HOST;
    make_report(&made, "c", 1, NODE_DOWN, 1, 1);
    expect_slot(&made, 1, STAGE_STARTED);
    made_deinit(&made);
}

Test(stages, a_joiner_outside_of_the_configuration_is_not_configured)
{
    struct made made;

    made_init(&made);
    make_spec_key(&made, "c", 2, 2, false);
    make_config(&made, "c", 1, 1);
    make_report(&made, "c", 1, NODE_UP, 1, 1);
    make_report(&made, "c", 2, NODE_UP, 1, 1);
    expect_slot(&made, 1, STAGE_ACKNOWLEDGED);
    expect_slot(&made, 2, STAGE_STARTED);
    made_deinit(&made);
}

Test(stages, a_leaver_does_not_count)
{
    struct made made;
    struct stages stages;

    made_init(&made);
    make_spec_key(&made, "c", 1, 2, false);
    make_intent(&made, "c", 2, INTENT_DRAIN);
    make_report(&made, "c", 2, NODE_UP, 1, 1);
    stages_of(cluster(&made), &stages);
    cr_expect_eq(stages.wanted, 1);
    cr_expect_eq(stages.reached[STAGE_PLACED], 0);
    made_deinit(&made);
}

/* Converged is the controller's word, about this generation of this cluster. */
Test(stages, converged_needs_the_current_generation)
{
    struct made made;
    struct stages stages;

    made_init(&made);
    make_spec_key(&made, "c", 1, 2, false);
    make_status(&made, "c", 1, CONDITION_CONVERGED, true, "");
    stages_of(cluster(&made), &stages);
    cr_expect_not(stages.converged);
    expect_why(&made, "no controller has taken up generation 2");
    make_status(&made, "c", 2, CONDITION_CONVERGED, false, "one node lags");
    stages_of(cluster(&made), &stages);
    cr_expect_not(stages.converged);
    make_status(&made, "c", 2, CONDITION_CONVERGED, true, "");
    stages_of(cluster(&made), &stages);
    cr_expect(stages.converged);
    made_deinit(&made);
}

/* A status that tells of a slot what its report no longer says is of a former run. */
Test(stages, converged_needs_a_status_of_these_reports)
{
    struct made made;
    struct stages stages;

    made_init(&made);
    make_spec_key(&made, "c", 1, 1, false);
    make_config(&made, "c", 4, 1);
    make_status_of_slot(&made, "c", 1, "up", 4);
    make_report(&made, "c", 1, NODE_UP, 4, 4);
    stages_of(cluster(&made), &stages);
    cr_expect(stages.converged);
    make_report(&made, "c", 1, NODE_STARTING, 4, 0);
    stages_of(cluster(&made), &stages);
    cr_expect_not(stages.converged, "its state is another one");
    make_report(&made, "c", 1, NODE_UP, 4, 0);
    stages_of(cluster(&made), &stages);
    cr_expect_not(stages.converged, "it serves another version");
    make_status_of_slot(&made, "c", 1, "up", 0);
    stages_of(cluster(&made), &stages);
    cr_expect(stages.converged, "the controller's word about these reports counts");
    made_deinit(&made);
}

Test(stages, why_names_the_stage_and_some_slots)
{
    struct made made;
    uint32_t slot;

    made_init(&made);
    make_spec_key(&made, "c", 6, 1, false);
    make_status(&made, "c", 1, CONDITION_UNSCHEDULABLE, true, "host local: no memory");
    for (slot = 1; slot <= 2; slot++) {
        make_intent(&made, "c", slot, INTENT_RUN);
    }
    expect_why(&made, "stage 'placed' hangs: 2 of 6 nodes; 0003 has no host; 0004 has no host; "
                      "0005 has no host; and 1 more");
    expect_why(&made, "Unschedulable: host local: no memory");
    made_deinit(&made);
}

Test(stages, why_tells_that_only_the_endpoint_is_missing)
{
    struct made made;

    made_init(&made);
    make_spec_key(&made, "c", 1, 1, false);
    make_config(&made, "c", 1, 1);
    make_report(&made, "c", 1, NODE_UP, 1, 1);
    make_status(&made, "c", 1, CONDITION_CONVERGED, false, "the alias waits");
    expect_why(&made, "stage 'alias' hangs: the endpoint is not set");
    expect_why(&made, "Converged: the alias waits");
    made_deinit(&made);
}

Test(stages, why_not_deleted_tells_what_is_left)
{
    struct made made;
    char why[STAGES_WHY_SIZE];

    made_init(&made);
    make_spec_key(&made, "c", 1, 2, true);
    stages_why_not_deleted(cluster(&made), why);
    cr_expect_str_eq(why, "no controller has taken up the deletion (is one running?)");
    make_status(&made, "c", 2, CONDITION_CONVERGED, false, "");
    make_intent(&made, "c", 1, INTENT_STOP);
    make_report(&made, "c", 1, NODE_UP, 1, 1);
    stages_why_not_deleted(cluster(&made), why);
    cr_expect_str_eq(why, "1 nodes are left; 0001 on local is up");
    made_deinit(&made);
}
