#include <criterion/criterion.h>
#include <string.h>

#include "client/facts.h"
#include "make.h"

Test(facts, clusters_are_in_order_of_their_names_whatever_comes_first)
{
    struct made made;

    made_init(&made);
    make_spec_key(&made, "m", 1, 1, false);
    make_spec_key(&made, "z", 1, 1, false);
    make_spec_key(&made, "a", 1, 1, false);
    make_alias(&made, "m", 1, 1);
    cr_assert_eq(made.facts.clusters_count, 3);
    cr_expect_str_eq(made.facts.clusters->name, "a");
    cr_expect_str_eq(made.facts.clusters->next->name, "m");
    cr_expect_not_null(made.facts.clusters->next->alias);
    cr_expect_str_eq(made.facts.clusters->next->next->name, "z");
    made_deinit(&made);
}

Test(facts, intents_and_reports_meet_in_their_slot)
{
    struct made made;
    const struct cluster_facts *cluster;
    uint32_t slot;

    made_init(&made);
    for (slot = 20; 0 < slot; slot--) {
        make_report(&made, "c", slot, NODE_UP, 1, 1);
        make_intent(&made, "c", 21 - slot, INTENT_RUN);
    }
    cluster = facts_cluster(&made.facts, "c");
    cr_assert_eq(cluster->nodes_count, 20);
    for (slot = 1; slot <= 20; slot++) {
        cr_expect_eq(cluster->nodes[slot - 1].slot, slot);
        cr_expect_eq(cluster->nodes[slot - 1].report->slot, slot);
        cr_expect_eq(cluster->nodes[slot - 1].intent->slot, slot);
    }
    made_deinit(&made);
}

static const char *stands(const struct made *made, uint32_t slot)
{
    return facts_slot(facts_cluster(&made->facts, "c"), slot)->host;
}

/* A slot that moves has a node on both hosts for a while. */
Test(facts, the_listed_node_stands_for_its_slot_until_only_another_one_is_up)
{
    struct made made;

    made_init(&made);
    make_intent(&made, "c", 1, INTENT_RUN);
    make_report(&made, "c", 1, NODE_UP, 1, 1);
    made.host = MAKE_OTHER_HOST;
    make_intent(&made, "c", 1, INTENT_RUN);
    make_report(&made, "c", 1, NODE_UP, 1, 1);
    make_config(&made, "c", 1, 1);
    cr_expect_str_eq(stands(&made, 1), MAKE_HOST);
    made.host = MAKE_HOST;
    make_report(&made, "c", 1, NODE_DOWN, 1, 1);
    cr_expect_str_eq(stands(&made, 1), MAKE_OTHER_HOST);
    made.host = MAKE_OTHER_HOST;
    make_report(&made, "c", 1, NODE_STARTING, 1, 1);
    cr_expect_str_eq(stands(&made, 1), MAKE_HOST);
    cr_expect_null(facts_slot(facts_cluster(&made.facts, "c"), 2));
    made_deinit(&made);
}

Test(facts, without_a_configuration_the_node_that_is_to_run_stands_for_its_slot)
{
    struct made made;

    made_init(&made);
    make_intent(&made, "c", 1, INTENT_RUN);
    made.host = MAKE_OTHER_HOST;
    make_intent(&made, "c", 1, INTENT_STOP);
    cr_expect_str_eq(stands(&made, 1), MAKE_HOST);
    cr_expect_eq(facts_node(facts_cluster(&made.facts, "c"), 1, MAKE_OTHER_HOST)->intent->phase,
                 INTENT_STOP);
    cr_expect_null(facts_node(facts_cluster(&made.facts, "c"), 1, "h3"));
    made_deinit(&made);
}

Test(facts, of_one_slot_the_listed_node_is_shown_first)
{
    static const char *const shown[] = { MAKE_HOST, MAKE_OTHER_HOST, MAKE_HOST, MAKE_OTHER_HOST };
    const struct cluster_facts *cluster;
    struct made made;
    size_t i;

    made_init(&made);
    make_report(&made, "c", 1, NODE_UP, 1, 1);
    make_report(&made, "c", 2, NODE_UP, 1, 1);
    made.host = MAKE_OTHER_HOST;
    make_report(&made, "c", 1, NODE_UP, 1, 1);
    make_report(&made, "c", 2, NODE_UP, 1, 1);
    make_config(&made, "c", 1, 2);
    cluster = facts_cluster(&made.facts, "c");
    cr_assert_eq(cluster->nodes_count, ARRAY_COUNT(shown));
    cr_expect_str_eq(cluster->nodes[0].host, MAKE_OTHER_HOST, "they are kept in order");
    for (i = 0; i < ARRAY_COUNT(shown); i++) {
        cr_expect_str_eq(facts_shown(cluster, i)->host, shown[i], "%zu", i);
        cr_expect_eq(facts_shown(cluster, i)->slot, 1 + i / 2, "%zu", i);
    }
    made_deinit(&made);
}

Test(facts, a_value_that_can_not_be_read_is_noted_and_hurts_no_other)
{
    struct made made;
    const struct cluster_facts *cluster;

    made_init(&made);
    make_alias(&made, "d", 1, 1);
    make_raw(&made, MAKE_PREFIX "/clusters/c/spec", "{\"nodes\":");
    make_raw(&made, MAKE_PREFIX "/clusters/c/nodes/0001/local", "7");
    make_raw(&made, MAKE_PREFIX "/clusters/c/what/else", "?");
    make_raw(&made, "/elsewhere/clusters/c/spec", "?");
    cr_expect_eq(made.facts.bad_count, 2);
    cr_expect_not_null(strstr(made.facts.bad, "/clusters/c/spec"), "%s", made.facts.bad);
    cluster = facts_cluster(&made.facts, "c");
    cr_assert_not_null(cluster);
    cr_expect_null(cluster->spec);
    cr_expect_eq(cluster->spec_revision, 7, "writers compare the revision of a bad key, too");
    cr_expect_eq(cluster->nodes_count, 0);
    cr_expect_not_null(facts_cluster(&made.facts, "d")->alias);
    made_deinit(&made);
}

/* What clients are given outlives the node that the alias points to. */
Test(facts, the_endpoint_is_a_name_where_there_is_a_domain)
{
    static const char alias[] = "{\"host\":\"0001.c.cache.local\",\"ip\":\"127.0.9.1\",\"port\":"
                                "11311,\"slot\":1,\"version\":4}";
    char text[FACTS_ENDPOINT_SIZE];
    struct cluster_facts *cluster;
    struct spec_record record;
    struct made made;

    made_init(&made);
    make_spec_key(&made, "c", 2, 3, false);
    cluster = made.facts.clusters;
    facts_endpoint(cluster, text);
    cr_expect_str_eq(text, "");
    make_raw(&made, MAKE_PREFIX "/clusters/c/alias", alias);
    cr_assert_not_null(cluster->alias, "%s", made.facts.bad);
    facts_endpoint(cluster, text);
    cr_expect_str_eq(text, "127.0.9.1:11311");
    record = *cluster->spec;
    record.spec.domain = "cache.local";
    cluster->spec = &record;
    facts_endpoint(cluster, text);
    cr_expect_str_eq(text, "c.cfg.cache.local:11311");
    made_deinit(&made);
}
