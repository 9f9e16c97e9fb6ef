#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "support/keys_fixture.h"
#include "view/view_build.h"

static const struct cluster_observations nothing_observed = { .slots = NULL };
static struct arena arena;
static struct fixture f;

static void setup(void)
{
    arena_init(&arena, 16U << 20);
    fixture_start(&f, NULL);
}

static void teardown(void)
{
    fixture_end(&f);
    arena_deinit(&arena);
}

TestSuite(view, .init = setup, .fini = teardown);

static struct view view_of(const char *cluster)
{
    struct view view;
    struct err err;

    cr_assert_eq(view_build(&f.objects, cluster, &nothing_observed, 7000, &arena, &view, &err), 0,
                 "%s", err.msg);
    return view;
}

Test(view, lists_are_in_the_order_of_their_slots)
{
    static const uint32_t order[] = { 3, 1, 10, 2 };
    struct spec_record spec = fixture_spec("a");
    struct view view;
    size_t i;

    fixture_put_spec(&f, &spec);
    for (i = 0; i < 4; i++) {
        struct intent intent = fixture_intent("a", order[i], "h1", "10.0.0.1");
        struct node_report report = fixture_report("a", order[i], "h1", "10.0.0.1");

        fixture_put_intent(&f, &intent);
        fixture_put_report(&f, &report);
    }
    view = view_of("a");
    cr_assert_eq(view.now_ms, 7000);
    cr_assert_eq(view.spec->spec.nodes, 3);
    cr_assert_eq(view.intents_count, 4);
    cr_assert_eq(view.reports_count, 4);
    for (i = 1; i < 4; i++) {
        cr_assert_lt(view.intents[i - 1].slot, view.intents[i].slot);
        cr_assert_lt(view.reports[i - 1].slot, view.reports[i].slot);
    }
    cr_assert_null(view.config);
    cr_assert_null(view.lineage);
    cr_assert_null(view.alias);
    cr_assert_null(view.status);
}

Test(view, intents_of_one_slot_are_in_the_order_of_their_hosts)
{
    struct intent b = fixture_intent("a", 1, "hb", "10.0.0.2");
    struct intent c = fixture_intent("a", 1, "ha", "10.0.0.1");
    struct view view;

    fixture_put_intent(&f, &b);
    fixture_put_intent(&f, &c);
    view = view_of("a");
    cr_assert_str_eq(view.intents[0].host, "ha");
    cr_assert_str_eq(view.intents[1].host, "hb");
}

Test(view, reports_of_one_slot_are_in_the_order_of_their_hosts)
{
    struct node_report b = fixture_report("a", 1, "hb", "10.0.0.2");
    struct node_report c = fixture_report("a", 1, "ha", "10.0.0.1");
    struct node_report first = fixture_report("a", 2, "ha", "10.0.0.3");
    struct view view;

    fixture_put_report(&f, &first);
    fixture_put_report(&f, &b);
    fixture_put_report(&f, &c);
    view = view_of("a");
    cr_assert_eq(view.reports_count, 3);
    cr_assert_str_eq(view.reports[0].host, "ha");
    cr_assert_str_eq(view.reports[1].host, "hb");
    cr_assert_eq(view.reports[2].slot, 2);
}

/* Of each joiner the newest request counts, whoever saw which one. */
Test(view, joins_are_merged_by_who_asks)
{
    struct join_report first = fixture_join("a", '1', "h1");
    struct join_report again = fixture_join("a", '1', "h2");
    struct join_report newer = fixture_join("a", '1', "h3");
    struct join_report other = fixture_join("a", '0', "h9");
    struct view view;

    again.seen_ms = 5500;
    newer.join.issued_ms = 5001;
    newer.join.nonce = "ffeeddccbbaa99887766554433221100";
    newer.join.ip = "10.9.0.2";
    newer.seen_ms = 7000;
    fixture_put_join(&f, &first);
    fixture_put_join(&f, &again);
    fixture_put_join(&f, &other);
    view = view_of("a");
    cr_assert_eq(view.joins_count, 2);
    cr_expect_str_eq(view.joins[0].join.uid, "0123456789abcde0");
    cr_expect_str_eq(view.joins[0].seen_by, "h9");
    cr_expect_eq(view.joins[1].watchers, 2);
    cr_expect_eq(view.joins[1].seen_ms, 5500);
    cr_expect_str_eq(view.joins[1].seen_by, "h1");
    fixture_put_join(&f, &newer);
    view = view_of("a");
    cr_assert_eq(view.joins_count, 2);
    cr_expect_eq(view.joins[1].watchers, 1);
    cr_expect_str_eq(view.joins[1].join.ip, "10.9.0.2");
    cr_expect_eq(view.joins[1].seen_ms, 7000);
    fixture_gone(&f, "clusters/a/joins/0123456789abcde1/h3");
    view = view_of("a");
    cr_expect_eq(view.joins[1].watchers, 2);
}

/* A key that tells of another joiner than its name, or of none, is bad, and nothing depends on it.
 */
Test(view, joins_that_cannot_be_read_are_bad_keys)
{
    struct join_report join = fixture_join("a", '0', "h1");
    struct view view;

    fixture_put_join(&f, &join);
    fixture_put_text(&f, "clusters/a/joins/0123456789abcde1/h1", "{}");
    view = view_of("a");
    cr_expect_eq(view.joins_count, 1);
    cr_assert_eq(view.bad_keys_count, 1);
    cr_expect_eq(view.bad_keys[0].kind, BAD_KEY_OTHER);
}

Test(view, bad_keys_are_named_with_what_they_would_have_told)
{
    struct view view;

    fixture_put_text(&f, "clusters/a/spec", "x");
    fixture_put_text(&f, "clusters/a/nodes/0002/h1", "x");
    fixture_put_text(&f, "clusters/a/other", "x");
    fixture_put_text(&f, "intent/h1/a/0003", "x");
    fixture_put_text(&f, "clusters/b/spec", "x");
    view = view_of("a");
    cr_assert_null(view.spec);
    cr_assert_eq(view.bad_keys_count, 4);
    cr_assert_str_eq(view.bad_keys[0].key, FIXTURE_PREFIX "/clusters/a/nodes/0002/h1");
    cr_assert_eq(view.bad_keys[0].kind, BAD_KEY_REPORT);
    cr_assert_eq(view.bad_keys[0].slot, 2);
    cr_assert_str_eq(view.bad_keys[0].host, "h1");
    cr_assert_eq(view.bad_keys[1].kind, BAD_KEY_OTHER);
    cr_assert_eq(view.bad_keys[2].kind, BAD_KEY_SPEC);
    cr_assert_str_eq(view.bad_keys[2].host, "");
    cr_assert_eq(view.bad_keys[3].kind, BAD_KEY_INTENT);
    cr_assert_eq(view.bad_keys[3].slot, 3);
    cr_assert_str_eq(view.bad_keys[3].host, "h1");
}

Test(view, hosts_show_what_other_clusters_take)
{
    struct host h1 = fixture_host("h1", "10.0.0.1", 16);
    struct host h2 = fixture_host("h2", "10.0.1.1", 1);
    struct intent own = fixture_intent("a", 1, "h1", "10.0.0.1");
    struct intent other = fixture_intent("b", 1, "h1", "10.0.0.3");
    struct intent second = fixture_intent("b", 2, "h1", "10.0.0.2");
    struct intent ported = fixture_intent("b", 3, "h2", "10.0.1.1");
    struct node_report twin = fixture_report("b", 1, "h1", "10.0.0.3");
    struct node_report forgotten = fixture_report("c", 1, "h1", "10.0.0.5");
    struct node_report stopped = fixture_report("c", 2, "h1", "10.0.0.6");
    struct view view;

    ported.data_port = 11215;
    ported.discovery_port = 11214;
    stopped.state = NODE_STOPPED;
    fixture_put_host(&f, &h2);
    fixture_put_host(&f, &h1);
    fixture_put_intent(&f, &own);
    fixture_put_intent(&f, &other);
    fixture_put_intent(&f, &second);
    fixture_put_intent(&f, &ported);
    fixture_put_report(&f, &twin);
    fixture_put_report(&f, &forgotten);
    fixture_put_report(&f, &stopped);
    view = view_of("a");
    cr_assert_eq(view.hosts_count, 2);
    cr_assert_str_eq(view.hosts[0].host.name, "h1");
    cr_assert(view.hosts[0].present);
    cr_assert_eq(view.hosts[0].nodes_used, 3, "an intent and its report count once");
    cr_assert_eq(view.hosts[0].memory_used, 3 * SPEC_MEMORY_BYTES_DEFAULT);
    cr_assert_eq(view.hosts[0].indexes_used_count, 3);
    cr_assert_eq(view.hosts[0].indexes_used[0], 1);
    cr_assert_eq(view.hosts[0].indexes_used[1], 2);
    cr_assert_eq(view.hosts[0].indexes_used[2], 4);
    cr_assert_eq(view.hosts[1].indexes_used_count, 1);
    cr_assert_eq(view.hosts[1].indexes_used[0], 2);
}

Test(view, places_of_transactions_under_way_are_taken)
{
    struct host h1 = fixture_host("h1", "10.0.0.1", 16);
    struct intent other = fixture_intent("b", 1, "h1", "10.0.0.2");
    struct intent own = fixture_intent("a", 1, "h1", "10.0.0.3");
    struct spec_record spec = fixture_spec("a");
    struct view view;
    struct err err;

    fixture_put_spec(&f, &spec);
    fixture_put_host(&f, &h1);
    cr_assert_eq(objects_reserve(&f.objects, &other, &err), 0);
    cr_assert_eq(objects_reserve(&f.objects, &own, &err), 0);
    view = view_of("a");
    cr_assert_eq(view.hosts[0].nodes_used, 1);
    cr_assert_eq(view.hosts[0].indexes_used[0], 1);
}

Test(view, a_host_that_is_gone_is_listed_for_its_intents)
{
    struct intent first = fixture_intent("a", 1, "lost", "10.0.0.1");
    struct intent second = fixture_intent("a", 2, "lost", "10.0.0.2");
    struct host h1 = fixture_host("h1", "10.0.0.1", 16);
    struct view view;

    fixture_put_intent(&f, &first);
    fixture_put_intent(&f, &second);
    fixture_put_host(&f, &h1);
    view = view_of("a");
    cr_assert_eq(view.hosts_count, 2);
    cr_assert_str_eq(view.hosts[1].host.name, "lost");
    cr_assert_not(view.hosts[1].present);
}

static void expect_fleet(size_t hosts, size_t gone)
{
    struct view view = view_of("a");

    cr_expect_eq(view.fleet_hosts, hosts, "%zu hosts", view.fleet_hosts);
    cr_expect_eq(view.fleet_gone, gone, "%zu gone", view.fleet_gone);
}

Test(view, the_fleet_is_counted_over_all_clusters)
{
    struct host h1 = fixture_host("h1", "10.0.0.1", 16);
    struct host idle = fixture_host("idle", "10.0.3.1", 16);
    struct intent first = fixture_intent("a", 1, "h1", "10.0.0.1");
    struct intent second = fixture_intent("b", 1, "h1", "10.0.0.2");
    struct intent lost = fixture_intent("b", 2, "lost", "10.0.1.1");
    struct intent stopping = fixture_intent("a", 2, "old", "10.0.2.1");

    stopping.phase = INTENT_STOP;
    fixture_put_host(&f, &idle);
    fixture_put_host(&f, &h1);
    fixture_put_intent(&f, &first);
    fixture_put_intent(&f, &second);
    fixture_put_intent(&f, &lost);
    fixture_put_intent(&f, &stopping);
    expect_fleet(2, 1);
    fixture_put_host(&f, &h1);
    expect_fleet(2, 1);
    fixture_gone(&f, "hosts/h1");
    expect_fleet(2, 2);
    fixture_gone(&f, "intent/h1/a/0001");
    expect_fleet(2, 2);
    fixture_put_text(&f, "hosts/h1", "x");
    expect_fleet(2, 1);
    lost.phase = INTENT_STOP;
    fixture_put_intent(&f, &lost);
    expect_fleet(1, 0);
    fixture_put_text(&f, "intent/h1/b/0001", "x");
    expect_fleet(0, 0);
    fixture_gone(&f, "hosts/h1");
    fixture_gone(&f, "hosts/idle");
    fixture_gone(&f, "intent/lost/b/0002");
    fixture_gone(&f, "intent/old/a/0002");
    cr_assert_eq(f.objects.places.count, 0, "nothing tells of any host");
}

Test(view, the_lineage_is_never_below_the_history)
{
    struct view view;

    fixture_put_text(&f, "clusters/a/history/0000000009", "whatever it says");
    view = view_of("a");
    cr_assert_eq(view.lineage->version, 9);
    fixture_put_lineage(&f, "a", 2, 12);
    view = view_of("a");
    cr_assert_eq(view.lineage->version, 12);
    cr_assert_eq(view.lineage->epoch, 2);
}

Test(view, a_full_arena_is_a_failure_and_no_crash)
{
    struct spec_record spec = fixture_spec("a");
    struct host h1 = fixture_host("h1", "10.0.0.1", 16);
    struct intent other = fixture_intent("b", 1, "h1", "10.0.0.2");
    size_t bytes;
    int failures = 0;

    fixture_put_spec(&f, &spec);
    fixture_put_host(&f, &h1);
    fixture_put_intent(&f, &other);
    for (bytes = 0; bytes < 8192; bytes += 16) {
        struct arena small;
        struct view view;
        struct err err;

        arena_init(&small, bytes);
        if (view_build(&f.objects, "a", &nothing_observed, 7000, &small, &view, &err) < 0) {
            cr_assert_eq(err.code, ERR_NOMEM);
            failures++;
        }
        arena_deinit(&small);
    }
    cr_assert_gt(failures, 0);
    cr_assert_lt(failures, 512);
}
