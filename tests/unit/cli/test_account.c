#include <criterion/criterion.h>
#include <string.h>

#include "cli/account.h"
#include "codec/json_text.h"
#include "lineup.h"
#include "make.h"
#include "show/output.h"
#include "view/view_recall.h"

static struct arena arena;
static struct lineup lineup;
static struct slot_status told[3];
static struct status status;

/* Three nodes on four hosts, all in order, as the controller has said. */
static void setup(void)
{
    size_t i;

    arena_init(&arena, 64U << 20);
    lineup_cluster(&lineup, &arena, 4, 3);
    for (i = 0; i < ARRAY_COUNT(told); i++) {
        told[i] = (struct slot_status){ .slot = (uint32_t)i + 1,
                                        .host = lineup.intents[i].host,
                                        .ip = lineup.intents[i].ip,
                                        .data_port = 11211,
                                        .phase = "run",
                                        .state = "up",
                                        .partition = "in-process",
                                        .version = 7,
                                        .listed = true,
                                        .rule = "serve" };
    }
    status = (struct status){ .observed_generation = 3,
                              .uid = MAKE_UID,
                              .version = 7,
                              .nodes_wanted = 3,
                              .slots = told,
                              .slots_count = ARRAY_COUNT(told) };
    for (i = 0; i < CONDITION_COUNT; i++) {
        status.conditions[i] = (struct condition){ .reason = "", .message = "" };
    }
    lineup.view.status = &status;
}

static void teardown(void)
{
    arena_deinit(&arena);
}

TestSuite(account, .init = setup, .fini = teardown);

/* The host of slot 2 is gone for eight seconds, its port for five. */
static void lose_a_host(void)
{
    lineup.hosts[1].present = false;
    lineup.reports[1] = lineup.reports[2];
    lineup.view.reports_count = 2;
    told[1].silent_since_ms = LINEUP_NOW_MS - 8000;
    told[1].unreachable_since_ms = LINEUP_NOW_MS - 5000;
    told[1].rule = "await-report";
}

static struct account made(bool led)
{
    struct account account;
    struct err err;

    cr_assert_eq(view_recall(&lineup.view, &arena, &err), 0);
    cr_assert_eq(account_make(&lineup.view, led, &arena, &account, &err), 0, "%s", err.msg);
    return account;
}

static const char *text_of(const struct account *account, struct account_scope scope)
{
    CLEANUP(str_deinit) struct str out;
    struct err err;

    str_init(&out, OUTPUT_BYTES_MAX);
    cr_assert_eq(account_text(account, &scope, &arena, &out, &err), 0, "%s", err.msg);
    return arena_strdup(&arena, str_text(&out));
}

static void expect_parts(const char *text, const char *const *parts, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++) {
        cr_expect_not_null(strstr(text, parts[i]), "no '%s' in:\n%s", parts[i], text);
    }
}

Test(account, a_cluster_in_order_is_told_on_a_screen)
{
    struct account account = made(true);
    const char *text = text_of(&account, (struct account_scope){ .slot = 0 });
    const char *expected =
        "Cluster c, generation 3\n"
        "\n"
        "  + Converged: version 7 is served.\n"
        "\n"
        "  Nodes\n"
        "      SLOT   HOST   STATE   RULE    WHY         NEXT   CONTROLLER SAYS\n"
        "      0001   h001   up      serve   it serves   -      the same\n"
        "      0002   h002   up      serve   it serves   -      the same\n"
        "      0003   h003   up      serve   it serves   -      the same\n"
        "\n"
        "  Cluster\n"
        "    Configuration  in-step: the configuration is as it should be\n"
        "    Endpoint       alias-in-place: it points to a node that acknowledged the current "
        "configuration\n"
        "    Acknowledged   0 members have yet to, 0 may answer with an older list\n"
        "    Budgets        0 of 1 unavailable, 0 of 1 surge\n"
        "    Rollout        none is under way\n"
        "\n"
        "  Next, while every host obeys\n"
        "    nothing\n";

    cr_expect_str_eq(text, expected, "expected:\n%s\ngot:\n%s", expected, text);
}

/* failAfter counts from the later of the two signals: 30 s from 5 s ago. */
Test(account, a_lost_host_is_told_with_its_facts_and_the_time_that_runs)
{
    static const char *const parts[] = {
        "  ~   0002   h002   silent   await-report   its host does not report it   in ",
        "    0002 on h002: await-report (nothing)\n",
        "LISTED   the current configuration lists it where it runs\n",
        "      it has been silent for 8.0s\n",
        "      its data port has not answered for 5.0s\n",
        "    in 25.0s   0002 on h002   await-report   replace: it is neither reported up nor reachable\n",
        "    1      wait 25.0s ",
        "start 0002 on h004 at 10.0.0.5:11211",
        "    Budgets        1 of 1 unavailable",
    };
    struct account account;

    lose_a_host();
    account = made(true);
    expect_parts(text_of(&account, (struct account_scope){ .slot = 0 }), parts, ARRAY_COUNT(parts));
}

Test(account, a_controller_that_says_otherwise_and_one_that_is_missing_are_told)
{
    static const char *const parts[] = {
        "  ! No controller leads: nothing changes until one does.\n",
        "  ~ The controller has not said anything about generation 3 yet.\n",
        "  ~   0003   h003   up      serve   it serves   -      await-up\n",
        "    0003 on h003: serve (nothing)\n",
    };
    struct account account;

    status.observed_generation = 2;
    told[2].rule = "await-up";
    account = made(false);
    expect_parts(text_of(&account, (struct account_scope){ .slot = 0 }), parts, ARRAY_COUNT(parts));
}

Test(account, one_slot_is_told_alone_and_with_its_facts)
{
    struct account account = made(true);
    const char *text = text_of(&account, (struct account_scope){ .slot = 2 });

    cr_expect_not_null(strstr(text, "      PROVEN    it serves as asked"), "%s", text);
    cr_expect_null(strstr(text, "h003"), "%s", text);
    cr_expect_null(strstr(text, "Budgets"), "%s", text);
}

Test(account, a_paused_rollout_is_named)
{
    static const char *const parts[] = {
        "  ~ Held (RolloutPaused): slot 0001: its settings changed, and the rollout is paused.\n",
        "hold-paused",
        "PAUSED        the rollout is paused\n",
        "; the rollout is paused\n",
    };
    struct account account;

    lineup.record.paused = true;
    lineup.record.spec.settings.memory_bytes *= 2;
    account = made(true);
    expect_parts(text_of(&account, (struct account_scope){ .slot = 0 }), parts, ARRAY_COUNT(parts));
}

Test(account, nothing_is_told_of_what_is_not_there)
{
    struct view nothing = { .cluster = "x", .now_ms = LINEUP_NOW_MS };
    struct account account;
    struct err err;

    cr_expect_eq(account_make(&nothing, true, &arena, &account, &err), ERR_NOT_FOUND);
    cr_expect_str_eq(err.msg, "there is no cluster 'x'");
}

Test(account, json_has_all_of_it)
{
    static const char *const parts[] = {
        "\"led\": true",         "\"converged\": true",        "\"rule\": \"await-report\"",
        "\"name\": \"LISTED\"",  "\"silentSinceMs\": 4992000", "\"unreachableSinceMs\": 4995000",
        "\"nextMs\": 5025000",   "\"maxUnavailable\": 1",      "\"act\": \"start\"",
        "\"then\": \"replace\"",
    };
    CLEANUP(str_deinit) struct str json;
    CLEANUP(str_deinit) struct str pretty;
    struct account_scope scope = { .slot = 0 };
    struct account account;
    struct err err;

    str_init(&json, OUTPUT_BYTES_MAX);
    str_init(&pretty, OUTPUT_BYTES_MAX);
    lose_a_host();
    lineup.view.config_since_ms = 0;
    account = made(true);
    cr_assert_eq(account_json(&account, &scope, &json, &err), 0);
    cr_assert_eq(json_pretty(str_text(&json), json.size, &pretty, &err), 0, "%s", err.msg);
    expect_parts(str_text(&pretty), parts, ARRAY_COUNT(parts));
}
