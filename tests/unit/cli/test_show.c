#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "cli/describe.h"
#include "make.h"
#include "show/output.h"
#include "show/show.h"

static void fill(struct made *made)
{
    made_init(made);
    make_spec_key(made, "c", 2, 3, false);
    make_config(made, "c", 4, 2);
    make_alias(made, "c", 1, 4);
    make_status(made, "c", 3, CONDITION_CONVERGED, true, "all serve version 4");
    make_intent(made, "c", 1, INTENT_RUN);
    make_report(made, "c", 1, NODE_UP, 4, 4);
    make_intent(made, "c", 2, INTENT_RUN);
    make_host(made, "local", "");
    make_event(made, "d", MAKE_NOW_MS - 1000, "Later");
    make_event(made, "c", MAKE_NOW_MS - 9000, "Earlier");
}

static void expect_text(show_fn *show, struct made *made, const char *name, const char *expected)
{
    struct show_request request = { .name = name, .now_ms = MAKE_NOW_MS, .arena = &made->arena };
    CLEANUP(str_deinit) struct str out;
    struct err err = { 0 };

    str_init(&out, 1U << 20);
    cr_assert_eq(show(&made->facts, &request, &out, &err), 0, "%s", err.msg);
    cr_expect_str_eq(str_text(&out), expected);
}

static void expect_part(show_fn *show, struct made *made, const char *name, const char *part)
{
    struct show_request request = { .name = name, .now_ms = MAKE_NOW_MS, .arena = &made->arena };
    CLEANUP(str_deinit) struct str out;
    struct err err = { 0 };

    str_init(&out, 1U << 20);
    cr_assert_eq(show(&made->facts, &request, &out, &err), 0, "%s", err.msg);
    cr_expect_not_null(strstr(str_text(&out), part), "'%s' is not in: %s", part, str_text(&out));
}

static void expect_table(const struct show_kind *kind, struct made *made, const char *name,
                         const char *expected)
{
    struct show_request request = { .name = name, .now_ms = MAKE_NOW_MS, .arena = &made->arena };
    CLEANUP(str_deinit) struct str out;
    struct err err = { 0 };

    str_init(&out, 1U << 20);
    cr_assert_eq(show_table(kind, &made->facts, &request, &out, &err), 0, "%s", err.msg);
    cr_expect_str_eq(str_text(&out), expected);
}

Test(show, clusters_in_a_table)
{
    struct made made;

    fill(&made);
    make_spec_key(&made, "e", 1, 1, true);
    expect_table(&show_clusters, &made, NULL,
                 "NAME   READY   STATUS     REASON     VERSION   ENDPOINT          AGE\n"
                 "c      0/3     Unknown    NoLeader   1         127.0.9.1:11211   90s\n"
                 "e      0/1     Deleting   NoLeader   -         -                 90s\n");
    make_leader(&made);
    expect_table(&show_clusters, &made, NULL,
                 "NAME   READY   STATUS     REASON   VERSION   ENDPOINT          AGE\n"
                 "c      0/3     Ready      Told     1         127.0.9.1:11211   90s\n"
                 "e      0/1     Deleting   -        -         -                 90s\n");
    expect_text(show_clusters.names, &made, NULL, "c\ne\n");
    expect_text(show_clusters.names, &made, "e", "e\n");
    made_deinit(&made);
}

Test(show, nodes_as_reported_and_as_intended)
{
    struct made made;

    fill(&made);
    expect_table(
        &show_nodes, &made, NULL,
        "CLUSTER   SLOT   HOST    ADDRESS           PHASE   STATE    PARTITION    VERSION   "
        "PID    RESTARTS   JOINED\n"
        "c         0001   local   127.0.9.1:11211   run     up       in-process   4         "
        "4711   0          no\n"
        "c         0002   local   127.0.9.2:11211   run     silent   -            -         "
        "-      -          no\n");
    expect_text(show_nodes.names, &made, "c", "c/0001/local\nc/0002/local\n");
    expect_text(show_nodes.json, &made, "x", "[]");
    made_deinit(&made);
}

Test(show, both_nodes_of_a_slot_that_moves)
{
    struct made made;

    fill(&made);
    made.host = MAKE_OTHER_HOST;
    make_intent(&made, "c", 1, INTENT_RUN);
    make_report(&made, "c", 1, NODE_STARTING, 0, 0);
    expect_table(
        &show_nodes, &made, NULL,
        "CLUSTER   SLOT   HOST    ADDRESS            PHASE   STATE      PARTITION    VERSION   "
        "PID    RESTARTS   JOINED\n"
        "c         0001   local   127.0.9.1:11211    run     up         in-process   4         "
        "4711   0          no\n"
        "c         0001   h2      127.0.10.1:11211   run     starting   in-process   -         "
        "4711   0          no\n"
        "c         0002   local   127.0.9.2:11211    run     silent     -            -         "
        "-      -          no\n");
    expect_text(show_nodes.names, &made, "c", "c/0001/local\nc/0001/h2\nc/0002/local\n");
    made_deinit(&made);
}

Test(show, hosts_with_what_intents_take)
{
    struct made made;

    fill(&made);
    expect_table(&show_hosts, &made, NULL,
                 "NAME    STATE   ZONE   NODES   MEMORY         MEMCACHED   WATCHER   NOTE\n"
                 "local   ready   -      2/249   128Mi/18.8Gi   1.6.18      0.1.0     -\n");
    made_deinit(&made);
}

/* One that is away is not forgotten while anything is asked of it. */
Test(show, hosts_out_of_use_and_away)
{
    struct made made;

    made_init(&made);
    make_host(&made, "b1", "");
    make_host(&made, "b2", "no memcached");
    make_cordon(&made, "a9", false, "");
    make_cordon(&made, "b1", true, "new kernel");
    make_cordon(&made, "b2", false, "");
    made.host = "c1";
    make_intent(&made, "c", 1, INTENT_RUN);
    expect_table(&show_hosts, &made, NULL,
                 "NAME   STATE            ZONE   NODES   MEMORY     MEMCACHED   WATCHER   NOTE\n"
                 "a9     away, cordoned   -      0       0          -           -         "
                 "cordoned for 5m\n"
                 "b1     drained          -      0/249   0/18.8Gi   1.6.18      0.1.0     "
                 "cordoned for 5m: new kernel\n"
                 "b2     cordoned         -      0/249   0/18.8Gi   1.6.18      0.1.0     "
                 "no memcached; cordoned for 5m\n"
                 "c1     away             -      1       64Mi       -           -         -\n");
    expect_text(show_hosts.names, &made, NULL, "a9\nb1\nb2\nc1\n");
    expect_part(show_hosts.json, &made, NULL,
                "[{\"name\":\"a9\",\"state\":\"away, cordoned\",\"nodes\":0,\"memoryBytes\":0,"
                "\"host\":null,\"cordon\":{\"host\":\"a9\",\"drain\":false,");
    expect_part(show_hosts.json, &made, NULL, "\"host\":{\"name\":\"b2\",");
    made_deinit(&made);
}

Test(show, a_host_in_words)
{
    struct made made;

    made_init(&made);
    make_host(&made, "local", "no memcached");
    make_cordon(&made, "local", true, "new kernel");
    make_intent(&made, "c", 1, INTENT_DRAIN);
    make_intent(&made, "d", 7, INTENT_RUN);
    expect_text(describe_host, &made, "local",
                "Name:         local\n"
                "State:        draining\n"
                "Cordon:       cordoned for 5m: new kernel\n"
                "Zone:         -\n"
                "Addresses:    249 from 127.0.9.1, port 11211\n"
                "Nodes:        2 of 249, 128Mi of 18.8Gi of memory\n"
                "memcached:    1.6.18\n"
                "Watcher:      0.1.0\n"
                "Problem:      no memcached\n"
                "Slots:\n"
                "  CLUSTER   SLOT   ADDRESS           PHASE   MEMORY\n"
                "  c         0001   127.0.9.1:11211   drain   64Mi\n"
                "  d         0007   127.0.9.7:11211   run     64Mi\n");
    made_deinit(&made);
}

Test(show, a_host_that_is_not_known_has_the_others_named)
{
    struct show_request request = { .name = "x", .now_ms = MAKE_NOW_MS };
    CLEANUP(str_deinit) struct str out;
    struct made made;
    struct err err = { 0 };
    char name[16];
    int i;

    made_init(&made);
    request.arena = &made.arena;
    str_init(&out, 1U << 20);
    cr_expect_eq(describe_host(&made.facts, &request, &out, &err), ERR_NOT_FOUND);
    cr_expect_str_eq(err.msg, "there is no host 'x': none is known at all");
    for (i = 1; i <= 10; i++) {
        (void)snprintf(name, sizeof(name), "h%02d", i);
        make_host(&made, name, "");
    }
    cr_expect_eq(describe_host(&made.facts, &request, &out, &err), ERR_NOT_FOUND);
    cr_expect_str_eq(err.msg, "there is no host 'x': known are h01, h02, h03, h04, h05, h06, h07, "
                              "h08 and 2 more");
    cr_expect_eq(out.size, 0);
    made_deinit(&made);
}

Test(show, events_in_order_of_time)
{
    struct made made;

    fill(&made);
    expect_table(&show_events, &made, NULL,
                 "AGE   TYPE     REASON    CLUSTER   SUBJECT   MESSAGE\n"
                 "9s    Normal   Earlier   c         cluster   it happened\n"
                 "1s    Normal   Later     d         cluster   it happened\n");
    made_deinit(&made);
}

static void expect_start(show_fn *show, struct made *made, const char *name, const char *start)
{
    struct show_request request = { .name = name, .now_ms = MAKE_NOW_MS, .arena = &made->arena };
    CLEANUP(str_deinit) struct str out;
    struct err err = { 0 };

    str_init(&out, 1U << 20);
    cr_assert_eq(show(&made->facts, &request, &out, &err), 0, "%s", err.msg);
    cr_expect_eq(strncmp(str_text(&out), start, strlen(start)), 0, "%s", str_text(&out));
}

/* JSON by name is the object itself; YAML of clusters is what `muster apply` takes. */
Test(show, a_cluster_in_json_and_yaml)
{
    struct made made;

    fill(&made);
    expect_start(show_clusters.json, &made, NULL, "[{\"name\":\"c\",\"spec\":{\"uid\":");
    expect_start(show_clusters.json, &made, "c", "{\"name\":\"c\",\"spec\":{\"uid\":");
    expect_start(show_clusters.yaml, &made, "c", "apiVersion: muster/v1\nkind: Memcached");
    made_deinit(&made);
}

Test(describe, tells_all_about_a_cluster)
{
    static const char *const parts[] = {
        "Name:         c\n",
        "Generation:   3\n",
        "  memory           64Mi\n",
        "Converged   True     5s      Told     all serve version 4\n",
        "Configuration: version 4, epoch 1, 2 members, key 0011223344556677\n",
        "Endpoint:      127.0.9.1:11211 -> slot 0001 (127.0.9.1), version 4\n",
        "  0001   local   127.0.9.1:11211   run     up       in-process   4        yes      no       -",
        "  9s    Normal   Earlier   cluster   it happened\n",
    };
    struct made made;
    struct show_request request = { .name = "c", .now_ms = MAKE_NOW_MS };
    CLEANUP(str_deinit) struct str out;
    struct err err = { 0 };
    size_t i;

    fill(&made);
    request.arena = &made.arena;
    str_init(&out, 1U << 20);
    cr_assert_eq(describe_cluster(&made.facts, &request, &out, &err), 0, "%s", err.msg);
    for (i = 0; i < ARRAY_COUNT(parts); i++) {
        cr_expect_not_null(strstr(str_text(&out), parts[i]), "no '%s' in\n%s", parts[i],
                           str_text(&out));
    }
    request.name = "x";
    cr_expect_eq(describe_cluster(&made.facts, &request, &out, &err), ERR_NOT_FOUND);
    made_deinit(&made);
}

Test(output, ages_have_two_of_a_unit_before_the_next)
{
    static const struct {
        uint64_t ms;
        const char *text;
    } ages[] = {
        { 0, "0s" },          { 1999, "1s" },      { 119999, "119s" },
        { 120000, "2m" },     { 7199999, "119m" }, { 7200000, "2h" },
        { 172799999, "47h" }, { 172800000, "2d" }, { UINT64_C(8640000000), "100d" },
    };
    char text[24];
    size_t i;

    for (i = 0; i < ARRAY_COUNT(ages); i++) {
        output_age(MAKE_NOW_MS, MAKE_NOW_MS - ages[i].ms, text, sizeof(text));
        cr_expect_str_eq(text, ages[i].text);
    }
    output_age(MAKE_NOW_MS, MAKE_NOW_MS + 5000, text, sizeof(text));
    cr_expect_str_eq(text, "0s", "a clock that is ahead makes nothing older");
}
