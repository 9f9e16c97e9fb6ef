#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "reconciler/alias.h"
#include "reconciler/joins.h"
#include "reconciler/membership.h"
#include "reconciler/node_rules.h"
#include "reconciler/push.h"
#include "tables/table.h"
#include "watcher/agent.h"
#include "watcher/attached.h"

#define NAMES_SIZE 512

/* The names of an example's facts, for whoever has to find out what is wrong. */
static const char *names(const struct table *table, uint64_t facts, char out[NAMES_SIZE])
{
    size_t used = 0;
    size_t i;

    out[0] = '\0';
    for (i = 0; i < table->facts_count && used < NAMES_SIZE; i++) {
        if ((facts & (UINT64_C(1) << i)) != 0) {
            used += (size_t)snprintf(out + used, NAMES_SIZE - used, "%s%s", used == 0 ? "" : " ",
                                     table->facts[i].name);
        }
    }
    return out;
}

static void no_rule_is_dead(const struct table *table)
{
    struct cube_list outside;
    uint64_t example;
    size_t i;

    for (i = 0; i < table->rules_count; i++) {
        table_outside(table, i, &outside);
        cr_expect(cubes_find(table->rules[i].when, &outside, &example),
                  "no facts that there can be lead to the rule '%s'", table->rules[i].name);
    }
}

/* Also for facts that break the laws: a wrong law must not stop the program. */
static void there_is_no_hole(const struct table *table)
{
    struct cube_list outside = { .count = 0 };
    char text[NAMES_SIZE];
    uint64_t example = 0;
    size_t i;

    for (i = 0; i < table->rules_count; i++) {
        cube_list_add(&outside, table->rules[i].when.need, table->rules[i].when.deny);
    }
    cr_expect_not(cubes_find((struct cube){ 0, 0 }, &outside, &example), "no rule for: %s",
                  names(table, example, text));
}

/* A law that follows from the others says nothing; two that contradict each other allow nothing. */
static void each_law_says_something(const struct table *table)
{
    uint64_t example;
    size_t i;
    size_t k;

    for (i = 0; i < table->laws_count; i++) {
        struct cube_list others = { .count = 0 };

        cr_expect_gt(strlen(table->laws[i].sentence), 0);
        for (k = 0; k < table->laws_count; k++) {
            if (k != i) {
                cube_list_add(&others, table->laws[k].never.need, table->laws[k].never.deny);
            }
        }
        cr_expect(cubes_find(table->laws[i].never, &others, &example),
                  "the other laws say already: %s", table->laws[i].sentence);
    }
}

static void rules_speak_for_themselves(const struct table *table)
{
    size_t i;
    size_t k;

    for (i = 0; i < table->rules_count; i++) {
        const struct table_rule *rule = &table->rules[i];

        cr_expect_gt(strlen(rule->sentence), 0, "%s", rule->name);
        cr_expect_eq(rule->when.need & rule->when.deny, 0, "%s", rule->name);
        for (k = 0; k < i; k++) {
            cr_expect_str_neq(rule->name, table->rules[k].name);
        }
    }
    for (i = 0; i < table->facts_count; i++) {
        cr_expect_gt(strlen(table->facts[i].text), 0, "%s", table->facts[i].name);
    }
}

static void check(enum table_id id)
{
    struct table table;

    table_get(id, &table);
    no_rule_is_dead(&table);
    there_is_no_hole(&table);
    each_law_says_something(&table);
    rules_speak_for_themselves(&table);
}

Test(tables, each_state_of_a_node_has_a_rule_and_no_rule_is_dead)
{
    check(TABLE_NODE);
}

Test(tables, each_state_of_the_membership_has_a_rule_and_no_rule_is_dead)
{
    check(TABLE_MEMBERSHIP);
}

Test(tables, each_state_of_the_alias_has_a_rule_and_no_rule_is_dead)
{
    check(TABLE_ALIAS);
}

Test(tables, each_state_of_a_push_has_a_rule_and_no_rule_is_dead)
{
    check(TABLE_PUSH);
}

Test(tables, each_request_to_join_has_a_rule_and_no_rule_is_dead)
{
    check(TABLE_JOIN);
}

Test(tables, each_state_of_the_agent_has_a_rule_and_no_rule_is_dead)
{
    check(TABLE_AGENT);
}

Test(tables, each_state_of_what_joined_has_a_rule_and_no_rule_is_dead)
{
    check(TABLE_ATTACHED);
}

/* ---- What must never happen, whatever else is true ---- */

/* Where all of `need` and none of `deny` hold, no act but these is chosen. */
struct only {
    uint64_t acts; /* one bit each */
    uint64_t need;
    uint64_t deny;
    const char *sentence;
};

static void check_only(enum table_id id, const struct only *onlys, size_t count)
{
    struct cube_list outside;
    struct table table;
    char text[NAMES_SIZE];
    uint64_t example = 0;
    size_t i;
    size_t k;

    table_get(id, &table);
    table.laws_count = 0; /* not even if a law should be wrong */
    for (i = 0; i < table.rules_count; i++) {
        const struct table_rule *rule = &table.rules[i];

        table_outside(&table, i, &outside);
        for (k = 0; k < count; k++) {
            struct cube both = { rule->when.need | onlys[k].need, rule->when.deny | onlys[k].deny };
            bool allowed = (onlys[k].acts & (UINT64_C(1) << rule->act)) != 0;

            cr_expect(allowed || !cubes_find(both, &outside, &example),
                      "%s: broken by the rule '%s' for: %s", onlys[k].sentence, rule->name,
                      names(&table, example, text));
        }
    }
}

Test(tables, no_state_of_a_node_breaks_what_must_never_happen)
{
#define A(name) (UINT64_C(1) << ACT_##name)
#define F(name) FACT(name)
    /* clang-format off */
    static const struct only onlys[] = {
        { A(NOTHING),             F(BLOCKED),              0,
          "nothing is decided about what can't be read" },
        { ~(A(DRAIN)|A(STOP)),    F(WANTED),               F(DELETING),
          "a wanted node is neither drained nor stopped" },
        /* What joined, and is the last of all, may go while it is listed: no list can leave it out. */
        { ~(A(DRAIN)|A(STOP)),    F(LISTED),              F(DELETING)|F(LAST),
          "a listed node is neither drained nor stopped" },
        { ~(A(DRAIN)|A(STOP)),    F(LISTED),              F(DELETING)|F(ATTACHED),
          "a listed node is neither drained nor stopped" },
        { ~(A(DRAIN)|A(STOP)),    F(EXPOSED),             F(DELETING)|F(LAST),
          "no node is drained or stopped while a member may list it" },
        { ~(A(DRAIN)|A(STOP)),    F(EXPOSED),             F(DELETING)|F(ATTACHED),
          "no node is drained or stopped while a member may list it" },
        { ~(A(DRAIN)|A(STOP)),    F(ALIASED),             F(DELETING)|F(LAST),
          "no node is drained or stopped while the alias points to it" },
        { ~(A(DRAIN)|A(STOP)),    F(ALIASED),             F(DELETING)|F(ATTACHED),
          "no node is drained or stopped while the alias points to it" },
        { ~A(STOP),               0,                       F(DELETING)|F(DRAINED),
          "a node is stopped after its drain only" },
        { ~(A(RUN)|A(MOVE)|A(SETTINGS)|A(DRAIN)|A(DISMISS)|A(STOP)|A(AWAIT)), 0, F(PLACED),
          "an intent that is not there can't be changed" },
        { ~(A(PLACE)|A(ADOPT)|A(CATCH)), F(PLACED),        0,
          "a node gets one intent only" },
        { ~A(DELETE),             0,                       F(STOPPING),
          "only the intent of a node that was to stop goes" },
        { ~A(DELETE),             F(HOST),                 F(STOPPED)|F(DISOWNED),
          "an intent stays until its host says that the node is stopped, or is another's" },
        { ~A(DELETE),             F(REPORTED),             F(STOPPED),
          "an intent stays until its host says that the node is stopped" },
        { A(DELETE)|A(NOTHING),   F(STOPPING),             0,
          "an order to stop is not taken back" },
        { ~(A(PLACE)|A(REPLACE)|A(SUCCEED)|A(RUN)|A(MOVE)), 0, F(WANTED),
          "nothing is started that is not wanted" },
        { ~A(SETTINGS),           0,                       F(WANTED)|F(SUCCESSOR),
          "nothing is restarted that is not wanted" },
        { ~(A(PLACE)|A(REPLACE)|A(SUCCEED)|A(SETTINGS)|A(RUN)|A(MOVE)|A(ADOPT)), F(DELETING), 0,
          "nothing is started for a cluster that is being deleted" },
        { ~A(REPLACE),            F(MASS),                 0,
          "nothing is replaced while most of the cluster looks dead" },
        { ~A(REPLACE),            0,                       F(FAILED),
          "only what has failed is replaced" },
        { ~A(SETTINGS),           F(LISTED),               F(BUDGET)|F(DOWN),
          "a listed node restarts within the budget only" },
        { ~A(SETTINGS),           F(LISTED)|F(RELIEVED),   F(DOWN),
          "the alias leaves a node before that is taken down" },
        { ~A(SETTINGS),           F(PAUSED),               0,
          "a rollout that is paused restarts nothing" },
        { ~A(SETTINGS),           F(STALLED),              0,
          "a rollout that has stopped restarts nothing" },
        { ~A(SUCCEED),            0,                       F(BUDGET),
          "successors are placed within the budget only" },
        { ~A(SUCCEED),            F(PAUSED),               F(LEAVING),
          "a rollout that is paused places no successor for new settings" },
        { ~A(SUCCEED),            F(STALLED),              F(LEAVING),
          "a rollout that has stopped places no successor for new settings" },
        { ~(A(SUCCEED)|A(REPLACE)), F(SUCCEEDED),          0,
          "a node gets one successor at a time" },
        { ~A(SUCCEED),            0,                       F(LEAVING)|F(SETTINGS_OLD),
          "a node that may stay as it is gets no successor" },
        { ~(A(DRAIN)|A(STOP)),    F(SUCCESSOR),            F(DELETING)|F(STOPPING),
          "who is to take a slot over is not stopped" },
        { ~A(DISMISS),            0,                       F(ATTACHED),
          "nobody is sent away but who joined" },
        { ~A(DISMISS),            0,                       F(BEYOND),
          "a slot that the spec asks for is given up by nobody" },
        { ~A(DISMISS),            0,                       F(LEAVING)|F(UNWELCOME)|F(FAILED),
          "who joined stays as long as it may" },
        { ~A(DISMISS),            F(MASS),                 F(LEAVING)|F(UNWELCOME),
          "nobody is removed as dead while most of the cluster looks dead" },
        { ~A(DISMISS),            F(UNWELCOME),            F(LEAVING)|F(BUDGET)|F(FAILED),
          "who is not welcome any more goes within the budget" },
        { ~(A(PLACE)|A(REPLACE)|A(SUCCEED)), F(BEYOND)|F(PLACED)|F(ATTACHED)|F(LEAVING), 0,
          "nobody is placed for who joined and leaves a slot of its own" },
    };
    /* clang-format on */
#undef F
#undef A

    check_only(TABLE_NODE, onlys, ARRAY_COUNT(onlys));
}

Test(tables, no_state_of_the_membership_breaks_what_must_never_happen)
{
#define A(name) (UINT64_C(1) << MEMBERSHIP_##name)
#define F(name) MEMBERSHIP(name)
    /* clang-format off */
    static const struct only onlys[] = {
        { A(KEEP),    F(FROZEN),    0, "nothing is committed without a spec" },
        { A(KEEP),    F(BLOCKED),   0, "nothing is committed on top of what can't be read" },
        { A(KEEP),    F(EMPTY),     0, "clients are never told an empty list" },
        { ~A(COMMIT), F(SILENT),    0, "no version is chosen while no node says what it has seen" },
        { ~A(COMMIT), F(EXHAUSTED), 0, "no version is used twice" },
        { ~A(COMMIT), F(LARGE),     0, "no list is committed that a partition can't hold" },
        { ~A(COMMIT), 0,            F(CHANGED)|F(RENEW), "no version is spent on nothing" },
    };
    /* clang-format on */
#undef F
#undef A

    check_only(TABLE_MEMBERSHIP, onlys, ARRAY_COUNT(onlys));
}

Test(tables, no_state_of_the_alias_breaks_what_must_never_happen)
{
#define A(name) (UINT64_C(1) << ALIAS_##name)
#define F(name) ALIAS(name)
    /* clang-format off */
    static const struct only onlys[] = {
        { ~A(POINT),         0,           F(TARGET),   "the alias points to a good node only" },
        { ~A(REMOVE),        0,           F(DELETING), "the alias goes with its cluster only" },
        { ~A(POINT),         F(DELETING), 0,           "a deleted cluster gets no alias" },
        { A(KEEP)|A(REMOVE), F(FROZEN),   0,           "nothing is decided without a spec" },
        { ~A(POINT),         F(SOUND),    F(SETTLED),  "a sound alias waits for the members" },
    };
    /* clang-format on */
#undef F
#undef A

    check_only(TABLE_ALIAS, onlys, ARRAY_COUNT(onlys));
}

Test(tables, no_state_of_a_push_breaks_what_must_never_happen)
{
#define A(name) (UINT64_C(1) << PUSH_##name)
#define F(name) PUSH(name)
    /* clang-format off */
    static const struct only onlys[] = {
        { A(KEEP),            F(UNDERWAY), 0,         "two pushes are never on their way at once" },
        { A(KEEP)|A(AWAIT),   F(EARLY),    0,         "a push has its time before the next" },
        { ~A(SEND),           0,           F(ABLE),   "nothing is pushed to who can't take it" },
        { ~A(SEND),           0,           F(BEHIND), "nothing is pushed to who has it" },
        { ~A(REMIND),         0,           F(MISSED), "only who is missed is reminded" },
    };
    /* clang-format on */
#undef F
#undef A

    check_only(TABLE_PUSH, onlys, ARRAY_COUNT(onlys));
}

Test(tables, no_request_to_join_breaks_what_must_never_happen)
{
#define A(name) (UINT64_C(1) << JOIN_##name)
#define F(name) JOIN(name)
    /* clang-format off */
    static const struct only onlys[] = {
        { ~(A(ADMIT)|A(RETURN)), 0,                 F(JOINABLE),     "nobody joins unless the spec lets them" },
        { ~(A(ADMIT)|A(RETURN)), 0,                 F(HOST),         "nobody joins whose watcher is not there" },
        { ~(A(ADMIT)|A(RETURN)), F(FROZEN),         0,               "nobody joins without a spec" },
        { ~(A(ADMIT)|A(RETURN)), F(BLOCKED),        0,               "nothing is decided about what can't be read" },
        { ~(A(ADMIT)|A(RETURN)), F(FOREIGN),        0,               "nobody joins who asked for another cluster" },
        { ~(A(ADMIT)|A(RETURN)), F(EXPIRED),        0,               "no request counts for ever" },
        { ~(A(ADMIT)|A(RETURN)), F(KNOWN)|F(STALE), 0,               "no request counts twice" },
        { ~(A(ADMIT)|A(RETURN)), F(HOST_TAKEN),     0,               "nobody gets orders for the host of another" },
        { ~(A(ADMIT)|A(RETURN)), F(ADDRESS_TAKEN),  0,               "nobody joins with the address of another" },
        { ~(A(ADMIT)|A(RETURN)), F(KNOWN)|F(UP),    F(SAME),         "nobody takes the slot of a node that is up" },
        { ~(A(ADMIT)|A(RETURN)), F(STOPPING),       0,               "an order to stop is not taken back" },
        { ~(A(ADMIT)|A(RETURN)), F(CORDONED),       0,               "nobody joins on a host that is cordoned" },
        { ~A(ADMIT),             F(KNOWN),          0,               "one joiner has one slot" },
        { ~A(ADMIT),             F(UNASKED),        0,               "one joiner has one slot" },
        { ~A(ADMIT),             0,                 F(SLOT),         "who joins has a slot" },
        { ~A(ADMIT),             0,                 F(ROOM),         "nobody joins beyond maxNodes" },
        { ~A(RETURN),            0,                 F(ROOM)|F(RUNNING), "nobody comes back beyond maxNodes" },
        { ~A(RETURN),            0,                 F(KNOWN),        "who comes back was there" },
    };
    /* clang-format on */
#undef F
#undef A

    check_only(TABLE_JOIN, onlys, ARRAY_COUNT(onlys));
}

Test(tables, no_state_of_the_agent_breaks_what_must_never_happen)
{
#define A(name) (UINT64_C(1) << AGENT_DO_##name)
#define F(name) (UINT64_C(1) << AGENT_FACT_##name)
    /* clang-format off */
    static const struct only onlys[] = {
        { ~A(START),            F(PROCESS),  0,              "a process has no second beside it" },
        { ~A(START),            F(STOP),     0,              "what is to stop is not started" },
        { ~A(START),            0,           F(RUNNABLE),    "what can't be run is not started" },
        { ~A(START),            0,           F(DUE),         "a backoff is kept" },
        { ~(A(TERM)|A(KILL)),   0,           F(PROCESS),     "what does not run gets no signal" },
        { A(NOTHING)|A(KILL),   F(PROCESS)|F(ENDING), 0,     "SIGTERM is sent once" },
        { A(NOTHING),           F(PROCESS)|F(MATCHES)|F(RUNNABLE), F(STOP)|F(HUNG)|F(ENDING)|F(OVERDUE),
          "what runs as asked goes on" },
        { A(NOTHING),           F(PROCESS),  F(STOP)|F(RUNNABLE)|F(ENDING)|F(OVERDUE),
          "nothing is ended, unless as asked, while it could not be started again" },
        { ~A(FORGET),           0,           F(STOP)|F(BYGONE), "only an order to stop, or the end of its cluster, makes forget" },
        { ~A(FORGET),           F(PROCESS),  0,              "what runs is not forgotten" },
        { ~A(FORGET),           F(PRESENT),  0,              "an intent that is there is not forgotten" },
    };
    /* clang-format on */
#undef F
#undef A

    check_only(TABLE_AGENT, onlys, ARRAY_COUNT(onlys));
}

Test(tables, no_state_of_what_joined_breaks_what_must_never_happen)
{
#define A(name) (UINT64_C(1) << AGENT_DO_##name)
#define F(name) (UINT64_C(1) << ATTACHED_FACT_##name)
    /* clang-format off */
    static const struct only onlys[] = {
        { A(NOTHING)|A(FORGET), 0,           0,              "it is never started, ended or killed" },
        { ~A(FORGET),           0,           F(STOP)|F(BYGONE), "only an order to stop, or the end of its cluster, makes forget" },
        { ~A(FORGET),           F(HEARD),    F(STOP),        "what runs is not forgotten, unless it was let go of" },
        { ~A(FORGET),           F(PRESENT),  0,              "an intent that is there is not forgotten" },
    };
    /* clang-format on */
#undef F
#undef A

    check_only(TABLE_ATTACHED, onlys, ARRAY_COUNT(onlys));
}
