/* Requests to join, as operators see them, and the tokens that they are made with. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/account.h"
#include "codec/join_token.h"
#include "codec/model_json.h"
#include "lineup.h"
#include "make.h"
#include "muster_run.h"
#include "show/join_list.h"
#include "show/join_verdicts.h"
#include "show/output.h"
#include "show/show.h"
#include "support/etcd_server.h"
#include "support/scene.h"
#include "view/view_recall.h"

#define JOINER "0f0f0f0f0f0f0f0f"
#define OTHER "1f1f1f1f1f1f1f1f"

static struct join join_of(const char *uid, const char *host, uint64_t issued_ms)
{
    return (struct join){ .cluster = "c",
                          .cluster_uid = MAKE_UID,
                          .uid = uid,
                          .host = host,
                          .ip = "10.9.0.1",
                          .data_port = 11211,
                          .discovery_port = 11210,
                          .settings = make_spec("c", 1).settings,
                          .issued_ms = issued_ms,
                          .nonce = "00112233445566778899aabbccddeeff",
                          .mac = "" };
}

static const char *report_json(struct arena *arena, const char *uid, const char *seen_by,
                               uint64_t issued_ms, uint64_t seen_ms)
{
    CLEANUP(str_deinit) struct str json;
    const struct join_report seen = { .join = join_of(uid, "guest", issued_ms),
                                      .seen_by = seen_by,
                                      .seen_in_slot = 1,
                                      .seen_ms = seen_ms };
    struct err err;

    str_init(&json, JSON_VALUE_BYTES_MAX);
    cr_assert_eq(json_encode_join_report(&seen, &json, &err), 0, "%s", err.msg);
    return arena_strdup(arena, str_text(&json));
}

static void make_join(struct made *made, const char *uid, const char *seen_by, uint64_t issued_ms,
                      uint64_t seen_ms)
{
    const char *key =
        arena_printf(&made->arena, MAKE_PREFIX "/clusters/c/joins/%s/%s", uid, seen_by);

    make_raw(made, key, report_json(&made->arena, uid, seen_by, issued_ms, seen_ms));
}

static void expect_list(show_fn *show, struct made *made, const char *expected)
{
    struct show_request request = { .now_ms = MAKE_NOW_MS, .arena = &made->arena };
    CLEANUP(str_deinit) struct str out;
    struct err err = { 0 };

    str_init(&out, 1U << 20);
    cr_assert_eq(show(&made->facts, &request, &out, &err), 0, "%s", err.msg);
    cr_expect_str_eq(str_text(&out), expected);
}

static void expect_table(struct made *made, const char *expected)
{
    struct show_request request = { .now_ms = MAKE_NOW_MS, .arena = &made->arena };
    CLEANUP(str_deinit) struct str out;
    struct err err = { 0 };

    str_init(&out, 1U << 20);
    cr_assert_eq(show_table(&show_joins, &made->facts, &request, &out, &err), 0, "%s", err.msg);
    cr_expect_str_eq(str_text(&out), expected);
}

Test(joins, one_line_for_each_joiner_and_its_newest_request)
{
    static const struct join_verdict verdicts[] = {
        { .uid = OTHER, .word = "refused", .rule = "join-full", .why = "it is full" },
        { .next = verdicts,
          .uid = JOINER,
          .slot = 4,
          .word = "welcome",
          .rule = "join",
          .why = "there is room" },
    };
    struct made made;

    made_init(&made);
    make_spec_key(&made, "c", 2, 3, false);
    make_join(&made, JOINER, "h1", MAKE_NOW_MS - 9000, MAKE_NOW_MS - 8000);
    make_join(&made, JOINER, "h2", MAKE_NOW_MS - 5000, MAKE_NOW_MS - 4000);
    make_join(&made, JOINER, "h3", MAKE_NOW_MS - 5000, MAKE_NOW_MS - 3000);
    make_join(&made, OTHER, "h1", MAKE_NOW_MS - 1000, MAKE_NOW_MS - 1000);
    made.facts.clusters->verdicts = &verdicts[1];
    expect_table(&made,
                 "CLUSTER   UID                HOST    ADDRESS          SLOT   SEEN BY   AGE   "
                 "VERDICT   WHY\n"
                 "c         0f0f0f0f0f0f0f0f   guest   10.9.0.1:11211   0004   h2,h3     4s    "
                 "welcome   there is room\n"
                 "c         1f1f1f1f1f1f1f1f   guest   10.9.0.1:11211   -      h1        1s    "
                 "refused   it is full\n");
    expect_list(show_joins.names, &made, "c/0f0f0f0f0f0f0f0f\nc/1f1f1f1f1f1f1f1f\n");
    made_deinit(&made);
}

/* Three nodes on four hosts; the last host has a sidecar, whose watcher asks. */
struct asking {
    struct arena arena;
    struct lineup lineup;
    struct join_view join;
};

static void ask(struct asking *a)
{
    arena_init(&a->arena, 64U << 20);
    lineup_cluster(&a->lineup, &a->arena, 4, 3);
    a->lineup.hosts[3].host.sidecar = true;
    a->lineup.record.spec.membership = SPEC_MEMBERSHIP_JOINABLE;
    a->lineup.record.spec.nodes_max = 4;
    a->join =
        (struct join_view){ .join = join_of(JOINER, a->lineup.hosts[3].host.name, LINEUP_NOW_MS),
                            .watchers = 1,
                            .seen_by = "h1",
                            .seen_ms = LINEUP_NOW_MS };
    a->lineup.view.joins = &a->join;
    a->lineup.view.joins_count = 1;
}

static void expect_verdict(struct asking *a, const char *word, const char *rule, uint32_t slot)
{
    const struct join_verdict *verdict = NULL;
    struct err err;

    cr_assert_eq(join_verdicts_make(&a->lineup.view, &a->arena, &verdict, &err), 0);
    cr_assert_not_null(verdict);
    cr_expect_str_eq(verdict->uid, JOINER);
    cr_expect_str_eq(verdict->word, word);
    cr_expect_str_eq(verdict->rule, rule);
    cr_expect_eq(verdict->slot, slot);
    cr_expect_null(verdict->next);
}

Test(joins, verdicts_are_those_of_the_rules)
{
    struct asking a;

    ask(&a);
    expect_verdict(&a, "welcome", "join", 4);
    a.lineup.record.spec.nodes_max = 3;
    expect_verdict(&a, "refused", "join-full", 0);
    a.lineup.record.spec.nodes_max = 4;
    a.lineup.hosts[3].present = false;
    expect_verdict(&a, "waiting", "join-host-away", 4);
    arena_deinit(&a.arena);
}

Test(joins, an_account_tells_who_asks_and_that_it_joins)
{
    struct account_scope scope = { .slot = 0 };
    CLEANUP(str_deinit) struct str text;
    CLEANUP(str_deinit) struct str json;
    struct account account;
    struct asking a;
    struct err err;

    str_init(&text, OUTPUT_BYTES_MAX);
    str_init(&json, OUTPUT_BYTES_MAX);
    ask(&a);
    cr_assert_eq(view_recall(&a.lineup.view, &a.arena, &err), 0);
    cr_assert_eq(account_make(&a.lineup.view, true, &a.arena, &account, &err), 0, "%s", err.msg);
    cr_assert_eq(account_text(&account, &scope, &a.arena, &text, &err), 0);
    cr_expect_not_null(strstr(str_text(&text), "Requests to join\n"));
    cr_expect_not_null(strstr(str_text(&text), "it asks to join, and there is room"));
    cr_expect_not_null(strstr(str_text(&text), "join 0004 on"), "%s", str_text(&text));
    cr_assert_eq(account_json(&account, &scope, &json, &err), 0);
    cr_expect_not_null(strstr(str_text(&json), "\"joins\":[{\"uid\":\"" JOINER "\""), "%s",
                       str_text(&json));
    cr_expect_eq(account.forecast.starts, 0, "its memcached runs anyhow");
    cr_expect_eq(account.forecast.members_after_count, 4);
    arena_deinit(&a.arena);
}

Test(joins, are_listed_with_what_the_controller_would_say)
{
    struct etcd_server *etcd = etcd_server_start();
    struct scene_path file = scene_write("c.yaml", "apiVersion: muster/v1\n"
                                                   "kind: MemcachedCluster\n"
                                                   "metadata: { name: c }\n"
                                                   "spec: { nodes: 1 }\n");
    struct arena arena;

    arena_init(&arena, 1U << 20);
    cr_assert_eq(setenv("MUSTER_ETCD_ENDPOINTS", etcd_server_url(etcd), 1), 0);
    EXPECT_PART("created", 0, "apply", "-f", file.text, NULL);
    EXPECT_OUTPUT("There are no joins.\n", 0, "get", "joins", NULL);
    (void)etcd_server_put(etcd, MAKE_PREFIX "/clusters/c/joins/" JOINER "/h1",
                          report_json(&arena, JOINER, "h1", 1000, 1000));
    EXPECT_PART("refused   it asks to join another incarnation of the cluster\n", 0, "get", "joins",
                "c", NULL);
    EXPECT_PART("\"rule\": \"join-foreign\"", 0, "get", "joins", "-o", "json", NULL);
    arena_deinit(&arena);
}

Test(tokens, are_made_so_that_nobody_else_reads_them)
{
    struct scene_path path = scene_path("sessions");
    struct join_tokens tokens;
    struct join_token first;
    struct stat status;
    char line[sizeof(path.text) + 16];
    struct err err;

    (void)snprintf(line, sizeof(line), "%s created\n", path.text);
    EXPECT_OUTPUT(line, 0, "token", "new", path.text, NULL);
    cr_assert_eq(stat(path.text, &status), 0);
    cr_expect_eq(status.st_mode & 0777, 0600);
    cr_assert_eq(join_tokens_load(path.text, &tokens, &err), 0, "%s", err.msg);
    cr_assert_eq(tokens.count, 1);
    cr_expect_eq(tokens.tokens[0].size, 64);
    first = tokens.tokens[0];
    EXPECT_PART("can't be made: File exists", 5, "token", "new", path.text, NULL);
    (void)snprintf(line, sizeof(line), "%s rotated\n", path.text);
    EXPECT_OUTPUT(line, 0, "token", "new", path.text, "--rotate", NULL);
    cr_assert_eq(stat(path.text, &status), 0);
    cr_expect_eq(status.st_mode & 0777, 0600);
    cr_assert_eq(join_tokens_load(path.text, &tokens, &err), 0, "%s", err.msg);
    cr_assert_eq(tokens.count, 2);
    cr_expect_eq(memcmp(tokens.tokens[1].bytes, first.bytes, first.size), 0, "the old one is last");
    cr_expect_neq(memcmp(tokens.tokens[0].bytes, first.bytes, first.size), 0);
    EXPECT_PART("there is no verb 'token old'", 2, "token", "old", path.text, NULL);
}

/* What is no token file is not made one. */
Test(tokens, only_a_token_file_is_rotated)
{
    struct scene_path path = scene_write("notes", "buy milk\n");

    EXPECT_PART("others may read this token", 1, "token", "new", path.text, "--rotate", NULL);
    cr_assert_eq(chmod(path.text, 0600), 0);
    EXPECT_PART("notes:1: a token has", 1, "token", "new", path.text, "--rotate", NULL);
    EXPECT_PART("nothing", 4, "token", "new", scene_path("nothing").text, "--rotate", NULL);
}
