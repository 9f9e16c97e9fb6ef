#include "reconciler/node_rules.h"

#include "base/cleanup.h"

#define F(name) FACT(name)

/* clang-format off */
static const struct rule rules[] = {
    /* keys that can't be read: no guesses */
    { "blocked",             F(BLOCKED),                        0,                                   ACT_NOTHING,
      "a key that tells about it can't be read" },

    /* the end of a node */
    { "forget-stopped",      F(STOPPING)|F(STOPPED),            0,                                   ACT_DELETE,
      "it is stopped, so its intent goes" },
    { "forget-lost",         F(STOPPING)|F(LOST),               F(HOST)|F(REPORTED),                 ACT_DELETE,
      "its host is gone for good, so its intent goes" },
    { "await-return",        F(STOPPING),                       F(HOST)|F(REPORTED),                 ACT_NOTHING,
      "its lost host is to find the order to stop it, should it return" },
    { "await-stop",          F(STOPPING),                       0,                                   ACT_NOTHING,
      "it waits for its host to stop it" },

    /* nodes that nobody asked for */
    { "catch",               F(ORPHANED)|F(DELETING),           F(PLACED),                           ACT_CATCH,
      "it runs without an intent while the cluster is being deleted" },
    { "adopt",               F(ORPHANED),                       F(PLACED),                           ACT_ADOPT,
      "it runs without an intent, so it gets one" },

    /* the end of a cluster */
    { "stop-deleted",        F(DELETING)|F(PLACED),             0,                                   ACT_STOP,
      "the cluster is being deleted" },
    { "deleted",             F(DELETING),                       0,                                   ACT_NOTHING,
      "the cluster is being deleted" },

    /* what the spec asks for */
    { "place",               F(WANTED),                         F(PLACED),                           ACT_PLACE,
      "the spec asks for it" },
    { "take-over",           F(WANTED)|F(FOREIGN),              0,                                   ACT_RUN,
      "it was a node of a former cluster of this name" },
    { "resume",              F(WANTED)|F(DRAINING),             0,                                   ACT_RUN,
      "it is wanted again" },
    { "move-crowded",        F(WANTED)|F(CROWDED),              0,                                   ACT_MOVE,
      "another node of the cluster is up at its address" },
    { "configure-down",      F(WANTED)|F(SETTINGS_OLD)|F(DOWN), 0,                                   ACT_SETTINGS,
      "its settings changed while it is down" },
    { "hold-in-doubt",       F(WANTED)|F(FAILED)|F(MASS),       0,                                   ACT_NOTHING,
      "it looks dead, and so does most of the cluster: nothing is replaced" },
    { "hold-settings",       F(WANTED)|F(FAILED)|F(SUSPECT),    0,                                   ACT_NOTHING,
      "it can't come up, and nothing shows that its settings work elsewhere" },
    { "replace",             F(WANTED)|F(FAILED),               0,                                   ACT_REPLACE,
      "it is neither reported up nor reachable" },
    { "configure-new",       F(WANTED)|F(SETTINGS_OLD),         F(LISTED),                           ACT_SETTINGS,
      "its settings changed before clients knew it" },
    { "configure",           F(WANTED)|F(SETTINGS_OLD)|F(BUDGET), 0,                                   ACT_SETTINGS,
      "its settings changed" },
    { "await-budget",        F(WANTED)|F(SETTINGS_OLD),         0,                                   ACT_NOTHING,
      "its settings changed, and maxUnavailable is used up" },
    { "serve",               F(WANTED)|F(PROVEN)|F(LISTED),     0,                                   ACT_NOTHING,
      "it serves" },
    { "await-listing",       F(WANTED)|F(PROVEN),               0,                                   ACT_NOTHING,
      "it serves and waits for the next configuration" },
    { "await-proof",         F(WANTED)|F(UP),                   0,                                   ACT_NOTHING,
      "it is up and has yet to serve the current configuration" },
    { "await-up",            F(WANTED)|F(REPORTED),             0,                                   ACT_NOTHING,
      "it waits to come up" },
    { "await-report",        F(WANTED),                         0,                                   ACT_NOTHING,
      "its host does not report it" },

    /* leavers: out of the configuration, out of the alias, drained, stopped */
    { "leave-list",          F(LISTED),                         0,                                   ACT_NOTHING,
      "it waits for a configuration without it" },
    { "gone",                0,                                 F(PLACED),                           ACT_NOTHING,
      "nothing of it is left" },
    { "leave-members",       F(EXPOSED),                        0,                                   ACT_NOTHING,
      "a member may still list it" },
    { "leave-alias",         F(ALIASED),                        0,                                   ACT_NOTHING,
      "the alias still points to it" },
    { "stop-superseded",     F(SUPERSEDED),                     0,                                   ACT_STOP,
      "another node holds its slot" },
    { "drain",               0,                                 F(DRAINING),                         ACT_DRAIN,
      "no configuration lists it any more" },
    { "stop-drained",        F(DRAINED),                        0,                                   ACT_STOP,
      "its clients are gone, or had their time" },
    { "await-drain",         0,                                 0,                                   ACT_AWAIT,
      "it waits for its clients to go" },
};

static const struct rule_law laws[] = {
    { F(WANTED)|F(SUPERSEDED), 0,            "a slot is held by one node only" },
    { F(WANTED)|F(DELETING),   0,            "nothing is wanted of a cluster that is being deleted" },
    { F(ORPHANED)|F(PLACED),   0,            "what runs without an intent has none" },
    { F(FOREIGN),              F(PLACED),    "an intent names an incarnation" },
    { F(DRAINING),             F(PLACED),    "an intent has a phase" },
    { F(STOPPING),             F(PLACED),    "an intent has a phase" },
    { F(DRAINING)|F(STOPPING), 0,            "an intent has one phase only" },
    { F(SETTINGS_OLD),         F(PLACED),    "an intent holds settings" },
    { F(ALIASED),              F(PLACED),    "an intent has an address for the alias to point to" },
    { F(LOST),                 F(PLACED),    "an intent says since when" },
    { F(PLACED)|F(DELETING),   F(LOST),      "nobody waits for the hosts of a deleted cluster" },
    { F(FAILED),               F(PLACED),    "what nobody placed can't fail" },
    { F(REPORTED),             F(PLACED),    "what is reported without an intent is an orphan" },
    { F(STOPPED),              F(REPORTED),  "a report has a state" },
    { F(DOWN),                 F(REPORTED),  "a report has a state" },
    { F(UP),                   F(REPORTED),  "a report has a state" },
    { F(STOPPED)|F(DOWN),      0,            "a report has one state only" },
    { F(STOPPED)|F(UP),        0,            "a report has one state only" },
    { F(DOWN)|F(UP),           0,            "a report has one state only" },
    { F(PROVEN),               F(UP),        "nothing is proven unless it is up" },
    { F(PROVEN)|F(FOREIGN),    0,            "a former incarnation proves nothing" },
    { F(DRAINED),              F(DRAINING),  "a drain ends after it began" },
    { F(CROWDED),              F(WANTED),    "crowding is looked for where a node is wanted" },
    { F(CROWDED),              F(DOWN),      "crowding is looked for where a node is down" },
    { F(FAILED)|F(UP),         0,            "what is reported up has not failed" },
    { F(SUSPECT),              F(HOST),      "a host that is gone explains the failure" },
    { F(BUDGET),               F(WANTED),    "the budget is for what is wanted" },
};
/* clang-format on */

static const struct rule_term fact_terms[] = {
#define X(name, text) { #name, text },
    FACTS(X)
#undef X
};

static const struct rule_term act_terms[] = {
#define X(name, order, text) { #name, text },
    ACTS(X)
#undef X
};

const struct rule_table node_rules = {
    .rules = rules,
    .count = ARRAY_COUNT(rules),
    .facts = fact_terms,
    .facts_count = ARRAY_COUNT(fact_terms),
    .acts = act_terms,
    .acts_count = ARRAY_COUNT(act_terms),
    .laws = laws,
    .laws_count = ARRAY_COUNT(laws),
};

enum order act_order(enum act act)
{
    static const enum order orders[] = {
#define X(name, order, text) ORDER_##order,
        ACTS(X)
#undef X
    };

    return orders[act];
}
