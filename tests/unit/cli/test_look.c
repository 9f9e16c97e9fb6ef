/* What looks at clusters: pure parts, and the verbs against keys that stand in a real etcd. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/screen.h"
#include "cli/watch_view.h"
#include "make.h"
#include "muster_run.h"
#include "show/cluster_state.h"
#include "show/node_load.h"
#include "show/selector.h"
#include "show/show.h"
#include "support/etcd_server.h"
#include "support/process.h"
#include "support/scene.h"

/* ---- Selectors ---- */

Test(selector, terms_and_what_they_match)
{
    static const struct label labels[] = { { "tier", "gold" }, { "zone", "a" } };
    static const struct {
        const char *text;
        bool matches;
    } rows[] = {
        { "tier=gold", true },
        { "tier==gold", true },
        { "tier=silver", false },
        { "tier!=silver", true },
        { "tier!=gold", false },
        { "owner!=x", true },
        { "tier", true },
        { "owner", false },
        { "!owner", true },
        { "!tier", false },
        { "tier=", false },
        { "tier=gold,zone=a", true },
        { "tier=gold,zone=b", false },
    };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(rows); i++) {
        struct selector selector;
        struct err err;

        cr_assert_eq(selector_parse(rows[i].text, &selector, &err), 0, "%s", rows[i].text);
        cr_expect_eq(selector_matches(&selector, labels, ARRAY_COUNT(labels)), rows[i].matches,
                     "%s", rows[i].text);
    }
}

Test(selector, what_is_none_is_refused)
{
    static const char *const texts[] = {
        "",
        "=",
        "=a",
        "a=b,",
        "!",
        "a b",
        "a=b=c",
        "a,,b",
        "!a=b",
        "a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a",
        "a=0123456789012345678901234567890123456789012345678901234567890123"
    };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(texts); i++) {
        struct selector selector;
        struct err err;

        cr_expect_eq(selector_parse(texts[i], &selector, &err), ERR_USAGE, "%s", texts[i]);
    }
}

/* ---- A cluster's state ---- */

Test(cluster_state, the_gravest_counts)
{
    static const struct {
        enum condition_type type;
        const char *word;
    } rows[] = {
        { CONDITION_CONVERGED, "Ready" },
        { CONDITION_DEGRADED, "Degraded" },
        { CONDITION_STALLED, "Stalled" },
        { CONDITION_UNSCHEDULABLE, "Stalled" },
    };
    struct spec_record record = { .generation = 2 };
    struct status status = { .observed_generation = 2 };
    struct cluster_facts cluster = { .spec_revision = 1 };
    size_t i;

    for (i = 0; i < CONDITION_COUNT; i++) {
        status.conditions[i] = (struct condition){ .reason = "", .message = "" };
    }
    cr_expect_str_eq(cluster_state(&cluster, true).word, "Unreadable");
    cluster.spec = &record;
    cr_expect_str_eq(cluster_state(&cluster, true).word, "Pending");
    cluster.status = &status;
    cr_expect_str_eq(cluster_state(&cluster, true).word, "Converging");
    record.paused = true;
    cr_expect_str_eq(cluster_state(&cluster, true).word, "Paused");
    for (i = 0; i < ARRAY_COUNT(rows); i++) {
        status.conditions[rows[i].type] =
            (struct condition){ .status = true, .reason = rows[i].word, .message = "m" };
        cr_expect_str_eq(cluster_state(&cluster, true).word, rows[i].word);
        cr_expect_str_eq(cluster_state(&cluster, true).message, "m");
    }
    /* Nobody keeps the conditions up. */
    cr_expect_str_eq(cluster_state(&cluster, false).word, "Unknown");
    cr_expect_str_eq(cluster_state(&cluster, false).reason, "NoLeader");
    record.generation = 3;
    cr_expect_str_eq(cluster_state(&cluster, false).word, "Pending");
    cr_expect_str_eq(cluster_state(&cluster, false).message, "no controller leads");
    cr_expect_str_eq(cluster_state(&cluster, true).word, "Pending");
    record.deleting = true;
    cr_expect_str_eq(cluster_state(&cluster, true).word, "Deleting");
}

/* ---- The screen ---- */

static void expect_drawn(const char *text, unsigned rows, unsigned columns, const char *expected)
{
    CLEANUP(str_deinit) struct str out;

    str_init(&out, 1U << 16);
    screen_render(text, rows, columns, &out);
    cr_expect_str_eq(str_text(&out), expected);
}

Test(screen, lines_are_cut_to_the_terminal)
{
    expect_drawn("", 2, 4, "\x1b[H\x1b[J");
    expect_drawn("abcdef\ng\n", 3, 4, "\x1b[Habcd\x1b[0m\x1b[K\r\ng\x1b[0m\x1b[K\r\n\x1b[J");
    expect_drawn("a\nb\nc\n", 2, 4, "\x1b[Ha\x1b[0m\x1b[K\r\nb\x1b[0m\x1b[K");
    expect_drawn("\xc3\xa4\xc3\xb6xy\n", 1, 2, "\x1b[H\xc3\xa4\xc3\xb6\x1b[0m\x1b[K");
    expect_drawn("\x1b[31mab\x1b[0mcd\n", 1, 2, "\x1b[H\x1b[31mab\x1b[0m\x1b[0m\x1b[K");
    expect_drawn("a\x1b"
                 "b\x07"
                 "c\n",
                 1, 9, "\x1b[Habc\x1b[0m\x1b[K");
    expect_drawn("a\x1b[2Jb\n", 1, 9, "\x1b[Ha[2Jb\x1b[0m\x1b[K");
}

/* ---- Loads ---- */

#define ROWS(gets, hits, uptime)                                                               \
    "STAT uptime " uptime "\r\nSTAT cmd_get " gets "\r\nSTAT cmd_set 5\r\nSTAT get_hits " hits \
    "\r\nSTAT get_misses 10\r\nSTAT evictions 2\r\nSTAT bytes 1048576\r\nSTAT "                \
    "limit_maxbytes 67108864\r\nSTAT curr_items 7\r\nSTAT curr_connections 3\r\nEND"

static struct node_load load_at(const char *rows, uint64_t at_s)
{
    struct node_load node = { .cluster = "c",
                              .slot = 1,
                              .host = "h",
                              .ip = "10.0.0.1",
                              .port = 11211,
                              .answers = true,
                              .problem = "",
                              .at_ns = at_s * 1000000000 };

    load_read(rows, &node.now);
    return node;
}

Test(node_load, two_samples_tell_what_is_done_per_second)
{
    struct node_load before[] = { load_at(ROWS("40", "30", "100"), 10) };
    struct node_load now[] = { load_at(ROWS("2040", "2030", "102"), 12),
                               load_at(ROWS("1", "1", "1"), 12) };
    struct load_sample first = { before, 1 };
    struct load_sample second = { now, 2 };
    struct made made;
    CLEANUP(str_deinit) struct str out;
    struct err err;

    made_init(&made);
    str_init(&out, 1U << 16);
    now[1].slot = 2;
    now[1].answers = false;
    now[1].problem = "timed out";
    load_compare(&second, &first);
    cr_assert_eq(load_table(&second, false, &made.arena, &out, &err), 0);
    cr_expect_str_eq(
        str_text(&out),
        "CLUSTER   SLOT   HOST   HIT     HIT NOW   CMD/S   EVICT/S   EVICTIONS   MEMORY     ITEMS   "
        "CONNS\n"
        "c         0001   h      99.5%   100.0%    1000    0         2           1Mi/64Mi   7       "
        "3\n"
        "c         0002   h      -       -         -       -         -           -          -       "
        "-\n"
        "c/0002 on h at 10.0.0.1:11211 does not answer: timed out\n");
    str_clear(&out);
    cr_assert_eq(load_table(&second, true, &made.arena, &out, &err), 0);
    cr_expect_not_null(strstr(str_text(&out), "c         1/2     99.5%"), "%s", str_text(&out));
    made_deinit(&made);
}

/* Its counters begin anew: they are not less than nothing. */
Test(node_load, a_node_that_was_restarted_is_not_compared)
{
    struct node_load before[] = { load_at(ROWS("4000", "3000", "100"), 10) };
    struct node_load now[] = { load_at(ROWS("40", "30", "1"), 12) };
    struct load_sample first = { before, 1 };
    struct load_sample second = { now, 1 };

    load_compare(&second, &first);
    cr_expect_not(now[0].compared);
}

/* ---- Verbs ---- */

static void begin(struct made *made)
{
    made_init(made);
    made->etcd = etcd_server_start();
    cr_assert_eq(setenv("MUSTER_ETCD_ENDPOINTS", etcd_server_url(made->etcd), 1), 0);
    make_spec_key(made, "c", 2, 3, false);
    make_config(made, "c", 4, 2);
    make_alias(made, "c", 1, 4);
    make_status(made, "c", 3, CONDITION_CONVERGED, true, "all serve version 4");
    make_intent(made, "c", 1, INTENT_RUN);
    make_report(made, "c", 1, NODE_UP, 4, 4);
    make_event(made, "c", MAKE_NOW_MS - 9000, "Earlier");
    make_leader(made);
}

/* `muster` with these arguments, followed. */
static struct process *follow(const char *const *args)
{
    struct scene_path program = scene_program("muster");
    const char *argv[12] = { program.text };
    size_t i;

    for (i = 0; args[i] != NULL; i++) {
        argv[i + 1] = args[i];
    }
    return process_start(&(struct process_spec){ .name = "followed", .argv = argv });
}

Test(look, forms_names_and_selectors)
{
    CLEANUP(mem_free_p) char *recent = NULL;
    struct made made;

    begin(&made);
    EXPECT_OUTPUT("c\n", 0, "get", "cl", "-o",
                  "jsonpath={range .items[*]}{.metadata.name}{\"\\n\"}{end}", NULL);
    EXPECT_OUTPUT("Ready 3", 0, "get", "cluster", "c", "-o", "jsonpath={.state} {.spec.generation}",
                  NULL);
    EXPECT_PART("--output: jsonpath: byte 3: expected a name", 2, "get", "cl", "-o", "jsonpath={.",
                NULL);
    EXPECT_PART("SERVING", 0, "get", "clusters", "-o", "wide", NULL);
    EXPECT_PART("there is no cluster 'x'", 4, "get", "clusters", "c", "x", NULL);
    EXPECT_PART("there is no cluster 'x'", 4, "get", "cluster/c", "cluster/x", NULL);
    EXPECT_OUTPUT("c\n", 0, "get", "cl/c", "cl/c", "-o", "name", NULL);
    EXPECT_PART("'host/h' can't be the name of a cluster", 2, "get", "cluster/c", "host/h", NULL);
    EXPECT_PART("kind: MemcachedCluster", 0, "export", "cluster/c", "clusters/c", NULL);
    EXPECT_PART("cluster/user", 0, "where", "cluster/c", "cluster/user", NULL);
    EXPECT_PART("There are no clusters.", 0, "get", "clusters", "-l", "tier=gold", NULL);
    EXPECT_PART("--selector: nodes have no labels", 2, "get", "no", "-l", "a", NULL);
    EXPECT_PART("--watch: clients can't be followed", 2, "get", "clients", "-w", NULL);
    EXPECT_PART("Earlier", 0, "events", "c", NULL);
    make_event(&made, "c", 5000, "Ancient");
    EXPECT_PART("Ancient", 0, "events", NULL);
    recent = muster_run(0, "events", "--since", "1d", NULL);
    cr_expect_null(strstr(recent, "Ancient"), "%s", recent);
    cr_expect_not_null(strstr(recent, "Earlier"), "%s", recent);
    made_deinit(&made);
}

Test(look, a_followed_listing_tells_each_change_once_and_what_is_gone)
{
    struct made made;
    struct process *process;

    begin(&made);
    process = follow((const char *[]){ "get", "nodes", "c", "-w", NULL });
    cr_assert(process_wait_output(process, "0001   local"));
    make_report(&made, "c", 1, NODE_UP, 4, 4); /* nothing that is shown */
    made.host = MAKE_OTHER_HOST;
    make_intent(&made, "c", 2, INTENT_RUN);
    cr_assert(process_wait_output(process, "0002   h2"));
    (void)etcd_server_delete(made.etcd, MAKE_PREFIX "/intent/h2/c/0002");
    cr_assert(process_wait_output(process, "c/0002/h2 is gone\n"));
    process_signal(process, SIGINT);
    cr_expect_eq(process_wait(process), 0);
    {
        CLEANUP(mem_free_p) char *output = process_output(process);
        const char *first = strstr(output, "0001   local");

        cr_assert_not_null(first);
        cr_expect_null(strstr(first + 1, "0001   local"), "%s", output);
        cr_expect_null(strstr(strstr(output, "CLUSTER") + 1, "CLUSTER"), "one heading: %s", output);
    }
    made_deinit(&made);
}

/* What happens while nobody listens is told, too; also when etcd has forgotten the steps. */
Test(look, a_followed_listing_has_no_gap_where_etcd_was_away)
{
    struct made made;
    struct process *process;

    begin(&made);
    process = follow((const char *[]){ "get", "clusters", "-w", "-o", "json", NULL });
    cr_assert(process_wait_output(process, "\"name\":\"c\""));
    process_signal(process, SIGSTOP);
    make_spec_key(&made, "d", 1, 1, false);
    make_spec_key(&made, "e", 1, 1, false);
    etcd_server_compact(made.etcd, etcd_server_revision(made.etcd));
    etcd_server_kill(made.etcd);
    process_signal(process, SIGCONT);
    cr_assert(process_wait_output(process, "etcd can't be heard"));
    etcd_server_restart(made.etcd);
    cr_assert(process_wait_output(process, "\"name\":\"d\""));
    cr_assert(process_wait_output(process, "\"name\":\"e\""));
    process_signal(process, SIGTERM);
    cr_expect_eq(process_wait(process), 0);
    made_deinit(&made);
}

Test(look, events_are_followed_and_end_in_time)
{
    struct made made;
    struct process *process;

    begin(&made);
    process = follow((const char *[]){ "events", "c", "-w", "--timeout", "60s", NULL });
    cr_assert(process_wait_output(process, "Earlier"));
    make_event(&made, "c", MAKE_NOW_MS, "Later");
    cr_assert(process_wait_output(process, "Later"));
    process_signal(process, SIGINT);
    cr_expect_eq(process_wait(process), 0);
    EXPECT_PART("Earlier", 0, "events", "-w", "--timeout", "3s", NULL);
    made_deinit(&made);
}

Test(look, where_tells_the_owner_by_what_the_spec_declares)
{
    struct made made;

    begin(&made);
    EXPECT_PART("c/0001\nc/0002\n", 0, "where", "c", "a", "b", "-o", "name", "--hashing", "modulo",
                NULL);
    EXPECT_PART("KEY   SLOT   HOST   ADDRESS           THEN\n", 0, "where", "c", "a", "--nodes",
                "1", NULL);
    EXPECT_PART("is not known before it is placed", 1, "where", "c", "a", "--nodes", "3", NULL);
    EXPECT_PART("--hashing: must be ketama, modulo or rendezvous", 2, "where", "c", "a",
                "--hashing", "x", NULL);
    EXPECT_PART("can't be a key", 2, "where", "c", "a b", NULL);
    EXPECT_PART("there is no cluster 'x'", 4, "where", "x", "a", NULL);
    made_deinit(&made);
}

Test(look, top_names_the_nodes_that_are_silent)
{
    struct made made;

    begin(&made);
    EXPECT_PART("c/0001 on local at 127.0.9.1:11211 does not answer: ", 0, "top", "nodes", "c",
                "-i", "100ms", NULL);
    EXPECT_PART("c         0/1", 0, "top", "clusters", "-i", "100ms", NULL);
    EXPECT_PART("there is no cluster 'x'", 4, "top", "nodes", "x", NULL);
    made_deinit(&made);
}

/* The commit that was refused is another one than that in force. */
Test(look, a_source_tells_of_its_head_beside_what_is_in_force)
{
    struct etcd_server *etcd = etcd_server_start();

    cr_assert_eq(setenv("MUSTER_ETCD_ENDPOINTS", etcd_server_url(etcd), 1), 0);
    (void)etcd_server_put(
        etcd, "/muster/v1/sources/shop",
        "{\"name\":\"shop\",\"repository\":\"/srv/caches\",\"branch\":\"main\","
        "\"path\":\"prod\",\"state\":\"Refused\",\"sinceMs\":1,"
        "\"revision\":\"0dd3d17ebd40ab177910830f4e19db8c976c166d\",\"title\":\"users\","
        "\"signer\":\"\",\"appliedMs\":1,"
        "\"head\":\"d37f7d52855f968be949da9d075ca9a2aa81753e\",\"error\":\"a: b\","
        "\"checkedMs\":1,\"intervalMs\":2000,\"running\":true,\"clusters\":1,"
        "\"driftTotal\":0,\"drift\":[]}");
    EXPECT_PART("shop   Refused   0dd3d17ebd   1", 0, "get", "sources", NULL);
    EXPECT_PART("prod   d37f7d5285   -", 0, "get", "sources", "-o", "wide", NULL);
    etcd_server_kill(etcd);
}

Test(look, objects_are_sorted_by_what_they_have)
{
    CLEANUP(mem_free_p) char *bare = NULL;
    struct made made;

    begin(&made);
    make_spec_key(&made, "a", 10, 1, false);
    make_spec_key(&made, "b", 1, 1, false);
    EXPECT_OUTPUT("b\nc\na\n", 0, "get", "clusters", "--sort-by", ".spec.spec.nodes", "-o", "name",
                  NULL);
    EXPECT_OUTPUT("b c a", 0, "get", "cl", "--sort-by", "{.spec.spec.nodes}", "-o",
                  "jsonpath={.items[*].name}", NULL);
    EXPECT_OUTPUT("a b c", 0, "get", "cl", "--sort-by", "name", "-o", "jsonpath={.items[*].name}",
                  NULL);
    EXPECT_OUTPUT("c\n", 0, "get", "cluster", "c", "--sort-by", ".name", "-o", "name", NULL);
    bare = muster_run(0, "get", "clusters", "--sort-by", ".spec.spec.nodes", "--no-headers", NULL);
    cr_expect_eq(strncmp(bare, "b ", 2), 0, "%s", bare);
    cr_expect_null(strstr(bare, "NAME"), "%s", bare);
    cr_expect_not_null(strstr(bare, "\na "), "%s", bare);
    EXPECT_PART("--sort-by: no object has that", 2, "get", "cl", "--sort-by", ".nodes", NULL);
    EXPECT_PART("--sort-by: jsonpath: byte 3", 2, "get", "cl", "--sort-by", ".[", NULL);
    EXPECT_PART("what is followed has no order", 2, "get", "cl", "-w", "--sort-by", "name", NULL);
    EXPECT_PART("in order of their names", 2, "get", "cl", "-o", "yaml", "--sort-by", "name", NULL);
    made_deinit(&made);
}

/* What stands there is as the last controller left it. */
Test(look, without_a_leader_a_state_is_not_known)
{
    struct made made;
    struct process *process;

    begin(&made);
    process = follow((const char *[]){ "get", "clusters", "-w", NULL });
    cr_assert(process_wait_output(process, "Ready "));
    (void)etcd_server_delete(made.etcd, MAKE_PREFIX "/leader");
    cr_assert(process_wait_output(process, "Unknown   NoLeader"));
    process_signal(process, SIGINT);
    cr_expect_eq(process_wait(process), 0);
    EXPECT_OUTPUT("Unknown", 0, "get", "cluster", "c", "-o", "jsonpath={.state}", NULL);
    EXPECT_PART("(no controller leads: that is as the last one left it)", 0, "describe", "cluster",
                "c", NULL);
    make_leader(&made);
    EXPECT_OUTPUT("Ready", 0, "get", "cluster", "c", "-o", "jsonpath={.state}", NULL);
    made_deinit(&made);
}

Test(look, watch_without_a_terminal_tells_steps)
{
    struct made made;
    struct process *process;

    begin(&made);
    process = follow((const char *[]){ "watch", "c", NULL });
    cr_assert(process_wait_output(process, "c is Ready Told"));
    make_status(&made, "c", 3, CONDITION_STALLED, true, "it waits");
    cr_assert(process_wait_output(process, "c is Stalled Told"));
    process_signal(process, SIGINT);
    cr_expect_eq(process_wait(process), 0);
    EXPECT_PART("there is no cluster 'x'", 4, "watch", "x", NULL);
    made_deinit(&made);
}

/* On a terminal that is made narrow, and ended by a key or by a signal: it is as before. */
static void expect_restored(const char *text, const char *end, const char *const *args)
{
    struct scene_path script = scene_source("tests/unit/cli/terminal.py");
    struct scene_path program = scene_program("muster");
    const char *argv[12] = { "/usr/bin/python3", script.text, text, end, program.text };
    CLEANUP(mem_free_p) char *output = NULL;
    size_t i;

    for (i = 0; args[i] != NULL; i++) {
        argv[5 + i] = args[i];
    }
    cr_expect_eq(process_run(&(struct process_spec){ .name = "terminal", .argv = argv }, &output),
                 0);
    cr_expect_not_null(strstr(output, "status 0\nscreen left\nmodes same\n"), "%s: %s", end,
                       output);
    cr_expect_not_null(strstr(output, "widest 30\n"), "%s", output);
}

Test(look, a_terminal_is_given_back_as_it_was)
{
    struct made made;

    begin(&made);
    expect_restored("all serve version 4", "q", (const char *[]){ "watch", "c", NULL });
    expect_restored("Earlier", "\x03", (const char *[]){ "watch", "c", NULL });
    expect_restored("Budgets", "signal:SIGTERM", (const char *[]){ "watch", "c", NULL });
    expect_restored("EVICTIONS", "signal:SIGHUP",
                    (const char *[]){ "top", "nodes", "-i", "200ms", NULL });
    expect_restored("EVICTIONS", "q", (const char *[]){ "top", "clusters", "-i", "200ms", NULL });
    made_deinit(&made);
}

/* ---- The view of watch ---- */

Test(watch_view, nodes_that_are_not_in_order_come_first)
{
    CLEANUP(str_deinit) struct str out;
    struct watch_request request = { .name = "c", .now_ms = MAKE_NOW_MS };
    struct made made;
    struct err err;
    uint32_t slot;

    made_init(&made);
    str_init(&out, 1U << 20);
    request.arena = &made.arena;
    make_spec_key(&made, "c", 20, 3, false);
    make_config(&made, "c", 4, 20);
    make_status(&made, "c", 3, CONDITION_CONVERGED, true, "all serve version 4");
    for (slot = 1; slot <= 20; slot++) {
        make_intent(&made, "c", slot, INTENT_RUN);
        make_report(&made, "c", slot, slot == 19 ? NODE_DOWN : NODE_UP, 4, 4);
    }
    cr_assert_eq(watch_view_head(&made.facts, &request, &out, &err), 0);
    cr_expect_not_null(strstr(str_text(&out), "PROBLEM\n  0019"), "%s", str_text(&out));
    cr_expect_not_null(strstr(str_text(&out), "  and 4 more\n"), "%s", str_text(&out));
    request.name = "x";
    str_clear(&out);
    cr_assert_eq(watch_view_head(&made.facts, &request, &out, &err), 0);
    cr_expect_str_eq(str_text(&out), "x  is gone\n");
    made_deinit(&made);
}
