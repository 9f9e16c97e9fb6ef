#include <criterion/criterion.h>
#include <string.h>

#include "cli/moves.h"
#include "make.h"

/* A host that is drained, looked at again and again: each look has facts of its own. */
struct scene {
    struct moves moves;
    struct made made;
    struct str out;
};

static struct scene *begin(void)
{
    static struct scene scene;

    memset(&scene, 0, sizeof(scene));
    scene.moves.host = MAKE_HOST;
    return &scene;
}

/* Facts that stay: the cluster, its hosts, a leader. Slots 1 and 2 are listed on MAKE_HOST. */
static struct made *next(struct scene *scene)
{
    made_init(&scene->made);
    make_spec_key(&scene->made, "c", 2, 1, false);
    make_host(&scene->made, MAKE_HOST, "");
    make_host(&scene->made, MAKE_OTHER_HOST, "");
    make_cordon(&scene->made, MAKE_HOST, true, "");
    make_leader(&scene->made);
    return &scene->made;
}

static void on(struct made *made, const char *host, uint32_t slot, enum intent_phase phase,
               enum node_state state)
{
    made->host = host;
    make_intent(made, "c", slot, phase);
    make_report(made, "c", slot, state, 4, 4);
    made->host = MAKE_HOST;
}

static void look(struct scene *scene, const char *expected)
{
    str_init(&scene->out, 1U << 16);
    moves_look(&scene->moves, &scene->made.facts, &scene->out);
    cr_expect_str_eq(str_text(&scene->out), expected);
    str_deinit(&scene->out);
    made_deinit(&scene->made);
}

Test(moves, each_step_of_a_node_is_told_once)
{
    struct scene *scene = begin();
    struct made *made = next(scene);

    make_config(made, "c", 4, 2);
    on(made, MAKE_HOST, 1, INTENT_RUN, NODE_UP);
    on(made, MAKE_HOST, 2, INTENT_RUN, NODE_UP);
    look(scene, "c/0001  waits for its turn\nc/0002  waits for its turn\n");
    cr_expect_eq(scene->moves.left, 2);
    cr_expect(scene->moves.draining);
    cr_expect_not(moves_done(&scene->moves));

    made = next(scene);
    make_config(made, "c", 4, 2);
    on(made, MAKE_HOST, 1, INTENT_RUN, NODE_UP);
    on(made, MAKE_HOST, 2, INTENT_RUN, NODE_UP);
    on(made, MAKE_OTHER_HOST, 1, INTENT_RUN, NODE_STARTING);
    look(scene, "c/0001  gets a successor on h2 at 127.0.10.1:11211\n");

    made = next(scene);
    make_config(made, "c", 4, 2);
    on(made, MAKE_HOST, 1, INTENT_RUN, NODE_UP);
    on(made, MAKE_HOST, 2, INTENT_RUN, NODE_UP);
    on(made, MAKE_OTHER_HOST, 1, INTENT_RUN, NODE_UP);
    look(scene, "c/0001  its successor on h2 is up\n");

    made = next(scene);
    on(made, MAKE_HOST, 1, INTENT_DRAIN, NODE_UP);
    on(made, MAKE_HOST, 2, INTENT_STOP, NODE_UP);
    look(scene, "c/0001  drains: clients may still use it\nc/0002  stops\n");

    made = next(scene);
    on(made, MAKE_HOST, 1, INTENT_STOP, NODE_STOPPED);
    look(scene, "c/0001  stops\nc/0002  has left the host\n");
    cr_expect_not(moves_done(&scene->moves), "the order to stop is not answered yet");

    made = next(scene);
    make_report(made, "c", 1, NODE_STOPPED, 0, 0);
    look(scene, "c/0001  has left the host\n");
    cr_expect(moves_done(&scene->moves));
    cr_expect_eq(scene->moves.left, 0);
}

Test(moves, a_successor_that_is_listed_has_taken_over)
{
    struct scene *scene = begin();
    struct made *made = next(scene);

    /* make_config() lists MAKE_HOST: look from the other side. */
    scene->moves.host = MAKE_OTHER_HOST;
    make_cordon(made, MAKE_OTHER_HOST, true, "");
    make_config(made, "c", 5, 1);
    on(made, MAKE_OTHER_HOST, 1, INTENT_RUN, NODE_UP);
    on(made, MAKE_HOST, 1, INTENT_RUN, NODE_UP);
    look(scene, "c/0001  its successor on local is listed in its place\n");
}

Test(moves, what_holds_a_cluster_up_is_told_when_it_changes)
{
    static const struct status unschedulable = {
        .observed_generation = 1,
        .uid = MAKE_UID,
        .conditions[CONDITION_UNSCHEDULABLE] = { true, "NoHostFits",
                                                 "slot 0001 fits on no host: "
                                                 "h2 is full",
                                                 1 },
        .conditions[CONDITION_STALLED] = { true, "Unschedulable", "h2 is full", 1 },
    };
    struct scene *scene = begin();
    CLEANUP(str_deinit) struct str why;
    struct made *made = next(scene);

    make_status_value(made, "c", &unschedulable);
    on(made, MAKE_HOST, 1, INTENT_RUN, NODE_UP);
    look(scene, "c/0001  waits for its turn\n"
                "c  is held up: Unschedulable: slot 0001 fits on no host: h2 is full\n");
    str_init(&why, 4096);
    moves_why(&scene->moves, &why);
    cr_expect_str_eq(str_text(&why), "1 node is left; c/0001 waits for its turn; c is held up: "
                                     "Unschedulable: slot 0001 fits on no host: h2 is full");

    made = next(scene);
    make_status_value(made, "c", &unschedulable);
    on(made, MAKE_HOST, 1, INTENT_RUN, NODE_UP);
    look(scene, "");

    made = next(scene);
    on(made, MAKE_HOST, 1, INTENT_RUN, NODE_UP);
    look(scene, "c  is no longer held up\n");
}

/* A host that does not come back can't be asked to stop anything; nobody waits for that. */
Test(moves, a_host_that_is_away_is_done_when_only_orders_to_stop_are_left)
{
    struct scene *scene = begin();

    made_init(&scene->made);
    make_leader(&scene->made);
    make_cordon(&scene->made, MAKE_HOST, true, "");
    make_intent(&scene->made, "c", 1, INTENT_STOP);
    make_intent(&scene->made, "c", 2, INTENT_DRAIN);
    look(scene, "c/0001  stops\nc/0002  drains: clients may still use it\n");
    cr_expect(scene->moves.away);
    cr_expect_not(moves_done(&scene->moves));

    made_init(&scene->made);
    make_leader(&scene->made);
    make_cordon(&scene->made, MAKE_HOST, true, "");
    make_intent(&scene->made, "c", 1, INTENT_STOP);
    make_intent(&scene->made, "c", 2, INTENT_STOP);
    look(scene, "c/0002  stops\n");
    cr_expect(moves_done(&scene->moves));
    cr_expect_eq(scene->moves.left, 2);
}

Test(moves, a_node_that_runs_unasked_counts)
{
    struct scene *scene = begin();
    struct made *made = next(scene);

    make_report(made, "c", 3, NODE_UP, 4, 4);
    look(scene, "c/0003  runs there unasked, until it is stopped\n");
    cr_expect_not(moves_done(&scene->moves));
}

Test(moves, without_a_leader_nothing_goes_on)
{
    struct scene *scene = begin();
    struct made *made;

    made_init(&scene->made);
    make_intent(&scene->made, "c", 1, INTENT_RUN);
    look(scene, "no controller leads: nothing goes on until one does\n"
                "c/0001  waits for its turn\n");
    cr_expect_not(scene->moves.draining);

    made = next(scene);
    on(made, MAKE_HOST, 1, INTENT_RUN, NODE_UP);
    look(scene, "a controller leads again\n");
}
