#include <criterion/criterion.h>
#include <string.h>

#include "cli/progress.h"
#include "make.h"

Test(progress, tells_each_step_of_each_node_once)
{
    struct made made;
    struct stages before;
    struct stages after;
    CLEANUP(str_deinit) struct str out;

    made_init(&made);
    str_init(&out, 1U << 16);
    make_spec_key(&made, "c", 2, 1, false);
    stages_of(facts_cluster(&made.facts, "c"), &before);
    make_intent(&made, "c", 1, INTENT_RUN);
    make_config(&made, "c", 1, 1);
    make_report(&made, "c", 1, NODE_UP, 1, 1);
    make_alias(&made, "c", 1, 1);
    make_status(&made, "c", 1, CONDITION_CONVERGED, true, "");
    stages_of(facts_cluster(&made.facts, "c"), &after);
    progress_steps(facts_cluster(&made.facts, "c"), &before, &after, "1s", &out);
    cr_expect_str_eq(str_text(&out), "1s  c/0001  placed on local at 127.0.9.1:11211\n"
                                     "1s  c/0001  started as pid 4711\n"
                                     "1s  c/0001  pushed version 1\n"
                                     "1s  c/0001  acknowledged version 1\n"
                                     "1s  c  alias set to 127.0.9.1:11211\n"
                                     "1s  c  converged\n");
    str_clear(&out);
    progress_steps(facts_cluster(&made.facts, "c"), &after, &after, "1s", &out);
    cr_expect_eq(out.size, 0);
    progress_steps(facts_cluster(&made.facts, "c"), &after, &before, "1s", &out);
    cr_expect_not_null(strstr(str_text(&out), "c/0001  not up\n"), "%s", str_text(&out));
    made_deinit(&made);
}

/* Nobody waits for a time limit to learn that no host fits. */
Test(progress, tells_what_holds_a_cluster_up_when_that_changes)
{
    CLEANUP(str_deinit) struct str out;

    str_init(&out, 4096);
    progress_hindrance("c", "", "Unschedulable: no host", "1s", &out);
    cr_expect_str_eq(str_text(&out), "1s  c  is held up: Unschedulable: no host\n");
    str_clear(&out);
    progress_hindrance("c", "Unschedulable: no host", "Unschedulable: no host", "2s", &out);
    cr_expect_str_eq(str_text(&out), "");
    progress_hindrance("c", "Unschedulable: no host", "", "3s", &out);
    cr_expect_str_eq(str_text(&out), "3s  c  is no longer held up\n");
}

/* What was so before is no news; a cluster that has no configuration yet is told of from the start.
 */
Test(progress, begins_with_where_a_cluster_stands)
{
    static const char *const names[] = { "c", "d" };
    struct progress progress = { .out = tmpfile() };
    struct made made;
    struct err err;
    char text[512] = "";

    made_init(&made);
    make_spec_key(&made, "c", 2, 2, false);
    make_config(&made, "c", 4, 2);
    make_intent(&made, "c", 1, INTENT_RUN);
    make_report(&made, "c", 1, NODE_UP, 4, 4);
    make_spec_key(&made, "d", 1, 1, false);
    make_intent(&made, "d", 1, INTENT_RUN);
    cr_assert_eq(progress_expect(&progress, names, 2, &err), 0);
    cr_expect_eq(progress_show(&progress, &made.facts, 10), 0);
    make_intent(&made, "c", 2, INTENT_RUN);
    cr_expect_eq(progress_show(&progress, &made.facts, 20), 0);
    rewind(progress.out);
    text[fread(text, 1, sizeof(text) - 1, progress.out)] = '\0';
    cr_expect_str_eq(text, "   0.01s  c  1 of 2 nodes serve version 4\n"
                           "   0.01s  d/0001  placed on local at 127.0.9.1:11211\n"
                           "   0.02s  c/0002  placed on local at 127.0.9.2:11211\n");
    (void)fclose(progress.out);
    progress_deinit(&progress);
    made_deinit(&made);
}

/* As `up` prints it where it can't redraw. */
Test(progress, shows_why_a_cluster_has_no_place)
{
    static const struct status unschedulable = {
        .observed_generation = 1,
        .uid = MAKE_UID,
        .conditions[CONDITION_UNSCHEDULABLE] = { true, "NoHostFits", "local is full", 1 },
    };
    static const char *const names[] = { "c" };
    struct progress progress = { .out = tmpfile() };
    struct made made;
    struct err err;
    char text[256] = "";

    made_init(&made);
    make_spec_key(&made, "c", 2, 1, false);
    make_status_value(&made, "c", &unschedulable);
    cr_assert_eq(progress_expect(&progress, names, 1, &err), 0);
    cr_expect_eq(progress_show(&progress, &made.facts, 10), 0);
    cr_expect_eq(progress_show(&progress, &made.facts, 20), 0);
    rewind(progress.out);
    text[fread(text, 1, sizeof(text) - 1, progress.out)] = '\0';
    cr_expect_str_eq(text, "   0.01s  c  is held up: Unschedulable: local is full\n");
    (void)fclose(progress.out);
    progress_deinit(&progress);
    made_deinit(&made);
}

Test(progress, a_bar_has_a_cell_per_slot_while_there_are_few)
{
    CLEANUP(str_deinit) struct str out;

    str_init(&out, 4096);
    progress_bar(2, 3, false, &out);
    cr_expect_str_eq(str_text(&out), "##.");
    str_clear(&out);
    progress_bar(1023, 1024, false, &out);
    cr_expect_str_eq(str_text(&out), "###############################.");
    str_clear(&out);
    progress_bar(0, 0, false, &out);
    cr_expect_str_eq(str_text(&out), "");
}
