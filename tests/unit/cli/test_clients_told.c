#include <criterion/criterion.h>
#include <string.h>

#include "make.h"
#include "show/clients_told.h"
#include "show/show.h"

/* Three nodes; the third does not answer. */
static const char *const rows_of[] = {
    "STAT 10.0.0.7 5 40 12\r\nSTAT 10.0.0.9 6 90 1\r\nEND",
    "STAT since 9\r\nSTAT 10.0.0.7 6 5 3\r\nSTAT unix 0 7 1\r\nEND",
    NULL,
};

struct stage {
    struct made made;
    struct clients_told told;
};

static void begin(struct stage *s, const char *const *rows, size_t count)
{
    struct cluster_facts *cluster;
    struct err err;
    size_t i;

    made_init(&s->made);
    make_spec_key(&s->made, "c", 2, 3, false);
    for (i = 0; i < count; i++) {
        make_report(&s->made, "c", (uint32_t)i + 1, NODE_UP, 6, 6);
    }
    cluster = s->made.facts.clusters;
    s->told = (struct clients_told){ .nodes_count = count };
    s->told.nodes = arena_calloc(&s->made.arena, count, sizeof(*s->told.nodes));
    for (i = 0; i < count; i++) {
        s->told.nodes[i].node = &cluster->nodes[i];
        s->told.nodes[i].answer.rows = rows[i];
        s->told.nodes[i].answer.problem = "no answer within 1000 ms";
    }
    cr_assert_eq(clients_gather(&s->told, MAKE_NOW_MS, &s->made.arena, &err), 0);
    cluster->clients = &s->told;
}

static void expect_text(struct stage *s, show_fn *show, const char *name, const char *expected)
{
    struct show_request request = { .name = name, .now_ms = MAKE_NOW_MS, .arena = &s->made.arena };
    CLEANUP(str_deinit) struct str out;
    struct err err;

    str_init(&out, 1U << 20);
    cr_assert_eq(show(&s->made.facts, &request, &out, &err), 0);
    cr_expect_str_eq(str_text(&out), expected);
}

static void expect_table(struct stage *s, const struct show_kind *kind, const char *name,
                         const char *expected)
{
    struct show_request request = { .name = name, .now_ms = MAKE_NOW_MS, .arena = &s->made.arena };
    CLEANUP(str_deinit) struct str out;
    struct err err;

    str_init(&out, 1U << 20);
    cr_assert_eq(show_table(kind, &s->made.facts, &request, &out, &err), 0);
    cr_expect_str_eq(str_text(&out), expected);
}

Test(clients_told, who_is_behind_stands_first)
{
    struct stage s;

    begin(&s, rows_of, ARRAY_COUNT(rows_of));
    expect_table(&s, &show_clients, NULL,
                 "CLUSTER   CLIENT     VERSION   SEEN AGO   REQUESTS   NODES\n"
                 "c         unix       -         7s         1          0002\n"
                 "c         10.0.0.7   6         5s         15         0001, 0002\n"
                 "c         10.0.0.9   6         90s        1          0001\n");
    expect_text(&s, show_clients.names, "c", "c/unix\nc/10.0.0.7\nc/10.0.0.9\n");
    expect_text(&s, show_clients.names, "d", "");
    made_deinit(&s.made);
}

Test(clients_told, one_node_that_answers_is_enough_to_be_told)
{
    static const char *const none[] = { NULL, NULL };
    static const char *const one[] = { NULL, "END" };
    struct stage s;

    begin(&s, none, 2);
    cr_expect(clients_nobody_tells(&s.told));
    made_deinit(&s.made);
    begin(&s, one, 2);
    cr_expect(!clients_nobody_tells(&s.told), "it tells that nobody has asked");
    made_deinit(&s.made);
    begin(&s, none, 0);
    cr_expect(!clients_nobody_tells(&s.told), "there is nobody to ask");
    made_deinit(&s.made);
}

Test(clients_told, json_names_every_node)
{
    static const char *const one[] = { "STAT 10.0.0.7 5 40 12\r\nEND", "END" };
    struct stage s;

    begin(&s, one, 2);
    cr_expect_eq(show_clients.count(&s.made.facts, &(struct show_request){ .name = "c" }), 1);
    expect_text(&s, show_clients.json, NULL,
                "[{\"cluster\":\"c\",\"address\":\"10.0.0.7\",\"version\":5,"
                "\"seenMs\":1799999960000,\"requests\":12,\"nodes\":[\"0001\"]}]");
    made_deinit(&s.made);
}

Test(clients_told, a_table_counts_nodes_beyond_a_few)
{
    static const char *const same[] = {
        "STAT 10.0.0.7 5 40 1\r\nEND", "STAT 10.0.0.7 5 40 1\r\nEND", "STAT 10.0.0.7 5 40 1\r\nEND",
        "STAT 10.0.0.7 5 40 1\r\nEND", "STAT 10.0.0.7 5 40 1\r\nEND", "STAT 10.0.0.7 5 40 1\r\nEND",
    };
    struct stage s;

    begin(&s, same, ARRAY_COUNT(same));
    expect_table(&s, &show_clients, NULL,
                 "CLUSTER   CLIENT     VERSION   SEEN AGO   REQUESTS   NODES\n"
                 "c         10.0.0.7   5         40s        6          "
                 "0001, 0002, 0003, 0004 and 2 more\n");
    made_deinit(&s.made);
}

Test(clients_told, a_node_that_talks_nonsense_tells_nothing)
{
    static const char *const odd[] = { "STAT pid 5\r\nEND", "STAT 10.0.0.7 5 40 1\r\nEND" };
    struct stage s;

    begin(&s, odd, 2);
    cr_expect_null(s.told.nodes[0].answer.rows);
    cr_expect_not_null(strstr(s.told.nodes[0].answer.problem, "pid"), "%s",
                       s.told.nodes[0].answer.problem);
    cr_expect_eq(s.told.count, 1);
    made_deinit(&s.made);
}
