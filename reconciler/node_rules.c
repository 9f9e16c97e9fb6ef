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
    { "forget-disowned",     F(STOPPING)|F(DISOWNED),           F(REPORTED),                         ACT_DELETE,
      "another joiner is on its host, so its intent goes" },
    { "await-return",        F(STOPPING),                       F(HOST)|F(REPORTED),                 ACT_NOTHING,
      "its lost host is to find the order to stop it, should it return" },
    { "await-stop",          F(STOPPING),                       0,                                   ACT_NOTHING,
      "it waits for its host to stop it" },

    /* nodes that nobody asked for */
    { "catch",               F(REPORTED)|F(DELETING),           F(PLACED),                           ACT_CATCH,
      "it runs without an intent while the cluster is being deleted" },
    { "adopt",               F(REPORTED),                       F(PLACED),                           ACT_ADOPT,
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
      "another node has its address, too" },
    { "await-successor",     F(WANTED)|F(SUCCEEDED),            0,                                   ACT_NOTHING,
      "another node takes its slot over once that is proven" },
    { "configure-down",      F(WANTED)|F(SETTINGS_OLD)|F(DOWN)|F(BUDGET), F(LEAVING)|F(PAUSED)|F(STALLED), ACT_SETTINGS,
      "its settings changed while it is down" },
    { "configure-failed",    F(WANTED)|F(SETTINGS_OLD)|F(DOWN)|F(FAILED), F(LEAVING)|F(PAUSED)|F(STALLED), ACT_SETTINGS,
      "it does not come up with its settings, and they changed" },

    /* nodes that joined, in slots of their own */
    { "let-leave",           F(WANTED)|F(ATTACHED)|F(BEYOND)|F(LEAVING), 0,                                ACT_DISMISS,
      "it joined, and wants to leave, or its host is drained" },
    { "dismiss",             F(WANTED)|F(ATTACHED)|F(BEYOND)|F(UNWELCOME)|F(BUDGET), 0,                                ACT_DISMISS,
      "it joined, and the spec lets nobody join any more" },

    /* nodes that failed */
    { "hold-in-doubt",       F(WANTED)|F(FAILED)|F(MASS),       0,                                   ACT_NOTHING,
      "it looks dead, and so do too many others: nothing is replaced" },
    { "remove-dead",         F(WANTED)|F(ATTACHED)|F(BEYOND)|F(FAILED), 0,                                ACT_DISMISS,
      "it joined, and is neither reported up nor reachable" },
    { "hold-settings",       F(WANTED)|F(FAILED)|F(SUSPECT),    0,                                   ACT_NOTHING,
      "it can't come up, and nothing shows that its settings work elsewhere" },
    { "replace",             F(WANTED)|F(FAILED),               0,                                   ACT_REPLACE,
      "it is neither reported up nor reachable" },

    /* hosts to be left */
    { "leave-host",          F(WANTED)|F(LEAVING)|F(BUDGET),    0,                                   ACT_SUCCEED,
      "its host is drained, has no address for it, or is left out by the spec, or it joined and is to go" },
    { "await-leaving",       F(WANTED)|F(LEAVING),              0,                                   ACT_NOTHING,
      "it is to leave its host, and maxSurge is used up" },

    { "await-dismissal",     F(WANTED)|F(UNWELCOME),            0,                                   ACT_NOTHING,
      "it joined, the spec lets nobody join any more, and maxUnavailable is used up" },

    /* new settings */
    { "hold-paused",         F(WANTED)|F(SETTINGS_OLD)|F(PAUSED), 0,                                   ACT_NOTHING,
      "its settings changed, and the rollout is paused" },
    { "hold-stalled",        F(WANTED)|F(SETTINGS_OLD)|F(STALLED), 0,                                   ACT_NOTHING,
      "its settings changed, but the rollout made no progress for progressDeadline" },
    { "configure-new",       F(WANTED)|F(SETTINGS_OLD),         F(LISTED),                           ACT_SETTINGS,
      "its settings changed before clients knew it" },
    { "succeed",             F(WANTED)|F(SETTINGS_OLD)|F(STATIC)|F(BUDGET), 0,                                   ACT_SUCCEED,
      "its settings changed, and maxUnavailable lets no node be taken down" },
    { "await-surge",         F(WANTED)|F(SETTINGS_OLD)|F(STATIC), 0,                                   ACT_NOTHING,
      "its settings changed, and maxSurge is used up or other nodes are missed" },
    { "await-alias",         F(WANTED)|F(SETTINGS_OLD)|F(RELIEVED)|F(BUDGET), 0,                                   ACT_YIELD,
      "its settings changed, and the alias leaves it before it is taken down" },
    { "configure",           F(WANTED)|F(SETTINGS_OLD)|F(BUDGET), 0,                                   ACT_SETTINGS,
      "its settings changed" },
    { "await-budget",        F(WANTED)|F(SETTINGS_OLD),         0,                                   ACT_NOTHING,
      "its settings changed, and maxUnavailable is used up" },

    /* nodes as they should be */
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

    /* nodes that are to take a slot over */
    { "configure-successor", F(SUCCESSOR)|F(PLACED)|F(SETTINGS_OLD), F(LISTED)|F(PAUSED)|F(STALLED), ACT_SETTINGS,
      "its settings changed before clients knew it" },
    { "prove-successor",     F(SUCCESSOR),                      0,                                   ACT_NOTHING,
      "it takes its slot over once it is proven" },

    /* leavers: out of the configuration, out of the alias, drained, stopped */
    { "let-last-go",         F(PLACED)|F(LISTED)|F(ATTACHED)|F(DRAINING)|F(DRAINED)|F(LAST), 0,                    ACT_STOP,
      "nobody is left to be listed in its place, and its clients are gone, or had their time" },
    { "keep-last",           F(PLACED)|F(LISTED)|F(ATTACHED)|F(DRAINING)|F(LAST), 0,                                ACT_AWAIT,
      "nobody is left to be listed in its place, and it waits for its clients to go" },
    { "leave-list",          F(LISTED),                         0,                                   ACT_NOTHING,
      "it waits for a configuration without it" },
    { "gone",                0,                                 F(PLACED),                           ACT_NOTHING,
      "nothing of it is left" },
    { "leave-members",       F(EXPOSED),                        0,                                   ACT_NOTHING,
      "a member may still list it" },
    { "leave-alias",         F(ALIASED),                        0,                                   ACT_NOTHING,
      "the alias still points to it" },
    { "stop-superseded",     F(SUPERSEDED)|F(DRAINED),          0,                                   ACT_STOP,
      "another node holds its slot, and its clients are gone, or had their time" },
    { "stop-drained",        F(DRAINED),                        0,                                   ACT_STOP,
      "its clients are gone, or had their time" },
    { "drain",               0,                                 F(DRAINING),                         ACT_DRAIN,
      "no configuration lists it any more" },
    { "await-pollers",       F(UNTOLD),                         0,                                   ACT_AWAIT,
      "its clients are gone, and one that polled lately may not know yet that it left" },
    { "await-drain",         0,                                 0,                                   ACT_AWAIT,
      "it waits for its clients to go" },
};

static const struct rule_law laws[] = {
    { F(WANTED)|F(SUPERSEDED), 0,            "a slot is held by one node only" },
    { F(WANTED)|F(LAST),       0,            "where somebody is wanted nobody is the last" },
    { F(WANTED)|F(DELETING),   0,            "nothing is wanted of a cluster that is being deleted" },
    { F(SUCCESSOR),            F(SUPERSEDED), "what takes a slot over does not hold it yet" },
    { F(SUCCESSOR),            F(PLACED),    "what takes a slot over was placed for it" },
    { F(SUCCESSOR)|F(STOPPING), 0,           "what goes takes nothing over" },
    { F(SUCCESSOR)|F(DRAINING), 0,           "what goes takes nothing over" },
    { F(SUCCESSOR)|F(FOREIGN), 0,            "what is of another incarnation takes nothing over" },
    { F(SUCCESSOR)|F(LEAVING), 0,            "what has to go itself takes nothing over" },
    { F(SUCCESSOR)|F(FAILED),  0,            "what failed takes nothing over" },
    { F(SUCCESSOR)|F(LISTED),  0,            "clients learn of it when it has taken over" },
    { F(SUCCEEDED),            F(WANTED),    "a slot that nobody wants is taken over by nobody" },
    { F(SUCCEEDED),            F(PLACED),    "only a node can be taken over from" },
    { F(SUCCEEDED)|F(STOPPING), 0,           "what stops gives its slot up without a successor" },
    { F(SUCCEEDED)|F(DRAINING), 0,           "what is wanted again is resumed first" },
    { F(SUCCEEDED)|F(FOREIGN), 0,            "what is of another incarnation is taken over itself" },
    { F(LEAVING),              F(PLACED),    "what is not placed leaves no host" },
    { F(WANTED)|F(BEYOND),     F(ATTACHED),  "beyond what the spec asks for only those stay that joined" },
    { F(ATTACHED),             F(PLACED)|F(REPORTED), "an intent or a report says that it joined" },
    { F(ATTACHED)|F(SETTINGS_OLD), 0,        "what joined keeps the settings that it came with" },
    { F(ATTACHED)|F(CROWDED),  0,            "what joined has the address that it came with" },
    { F(ATTACHED)|F(SUSPECT),  0,            "what joined says nothing about the spec's settings" },
    { F(DISOWNED),             F(ATTACHED)|F(PLACED), "what muster placed has no joiner" },
    { F(UNWELCOME),            F(ATTACHED),  "what muster placed is as the spec asks" },
    { F(UNWELCOME),            F(BEYOND),    "in a slot of the spec it gives way to a successor" },
    { F(UNWELCOME),            F(PLACED),    "what is not placed is not sent away" },
    { F(FOREIGN),              F(PLACED),    "an intent names an incarnation" },
    { F(DRAINING),             F(PLACED),    "an intent has a phase" },
    { F(STOPPING),             F(PLACED),    "an intent has a phase" },
    { F(DRAINING)|F(STOPPING), 0,            "an intent has one phase only" },
    { F(SETTINGS_OLD),         F(PLACED),    "an intent holds settings" },
    { F(ALIASED),              F(PLACED),    "an intent has an address for the alias to point to" },
    { F(LOST),                 F(STOPPING),  "an order to stop says since when" },
    { F(FAILED),               F(PLACED),    "what nobody placed can't fail" },
    { F(STOPPED),              F(PLACED),    "what is stopped without an intent is gone" },
    { F(DOWN),                 F(PLACED),    "what runs without an intent gets one first" },
    { F(UP),                   F(PLACED),    "what runs without an intent gets one first" },
    { F(STOPPED),              F(REPORTED),  "a report has a state" },
    { F(DOWN),                 F(REPORTED),  "a report has a state" },
    { F(UP),                   F(REPORTED),  "a report has a state" },
    { F(STOPPED)|F(DOWN),      0,            "a report has one state only" },
    { F(STOPPED)|F(UP),        0,            "a report has one state only" },
    { F(DOWN)|F(UP),           0,            "a report has one state only" },
    { F(PROVEN),               F(UP),        "nothing is proven unless it is up" },
    { F(PROVEN)|F(FOREIGN),    0,            "a former incarnation proves nothing" },
    { F(DRAINED),              F(PLACED),    "an intent says since when" },
    { F(UNTOLD),               F(DRAINING),  "only who drains waits for what clients were told" },
    { F(UNTOLD)|F(DRAINED),    0,            "who is drained waits for nobody" },
    { F(CROWDED),              F(WANTED),    "crowding is looked for where a node is wanted" },
    { F(CROWDED),              F(DOWN),      "crowding is looked for where a node is down" },
    { F(FAILED)|F(UP),         0,            "what is reported up has not failed" },
    { F(SUSPECT),              F(HOST),      "a host that is gone explains the failure" },
    { F(SUSPECT),              F(FAILED),    "nobody is suspected of what did not happen" },
    { F(BUDGET),               F(WANTED),    "the budget is for what is wanted" },
};
/* clang-format on */

RULE_TABLE(node_rules, FACTS, ACTS);

enum order act_order(enum act act)
{
    static const enum order orders[] = {
#define X(name, text, order) ORDER_##order,
        ACTS(X)
#undef X
    };

    return orders[act];
}
