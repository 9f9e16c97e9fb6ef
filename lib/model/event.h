/*
 * event - the reasons that events give: which there are, who gives them, what they mean, what to
 * do.
 *
 * The one place where reasons are named; docs/events.md is made from it, counters of events
 * are kept by it, and a test finds a reason in the code that is not in it.
 */
#ifndef MODEL_EVENT_H
#define MODEL_EVENT_H

#include <stdbool.h>

#include "base/cleanup.h"

#define EVENT_TYPE_NORMAL "Normal"
#define EVENT_TYPE_WARNING "Warning"
#define EVENT_TYPE_EITHER "Normal or Warning"

#define EVENT_BY_CONTROLLER "controller"
#define EVENT_BY_WATCHER "watcher"
#define EVENT_BY_BOTH "controller, watcher"
#define EVENT_BY_GITOPS "gitops"

/* name, reason, type, program, what it means, what to do */
/* clang-format off */
#define EVENT_REASONS(X)                                                                          \
    X(ADOPTED, "Adopted", WARNING, CONTROLLER,                                                    \
      "a node runs that no order was there for; it was taken over as it is",                      \
      "nothing, if etcd was restored or emptied; else see who started it")                        \
    X(ALIAS_CLEARED, "AliasCleared", NORMAL, CONTROLLER,                                          \
      "the endpoint was removed: no node serves, or the cluster is being deleted",                \
      "nothing when it was deleted; else see why no node is up")                                  \
    X(ALIAS_MOVED, "AliasMoved", NORMAL, CONTROLLER,                                              \
      "the endpoint points to another node",                                                      \
      "nothing; clients that know nodes go on with those")                                        \
    X(ALIAS_SET, "AliasSet", NORMAL, CONTROLLER,                                                  \
      "the endpoint points to a node for the first time",                                         \
      "give it to clients (muster endpoint)")                                                     \
    X(CONFIG_CONFLICT, "ConfigConflict", WARNING, WATCHER,                                        \
      "two signed records of one version have different content; what is in force stays",        \
      "nothing, if etcd was restored: a higher version follows; else look who else has the key")  \
    X(CONFIG_REFUSED, "ConfigRefused", WARNING, WATCHER,                                          \
      "something was written to a node's partition that is no valid, newer configuration",       \
      "find out who writes there: nothing but the controller and peers should")                   \
    X(CONFIGURATION_COMMITTED, "ConfigurationCommitted", EITHER, CONTROLLER,                      \
      "a new version of the list of nodes was signed and written; Warning: because etcd or a node "\
      "told of versions that were lost",                                                          \
      "nothing")                                                                                  \
    X(CONVERGED, "Converged", NORMAL, CONTROLLER,                                                 \
      "every wanted node is as the spec asks, and serves the current configuration",              \
      "nothing")                                                                                  \
    X(DEGRADED, "Degraded", WARNING, CONTROLLER,                                                  \
      "a listed node is not up",                                                                  \
      "see muster explain; it is restarted or replaced by itself")                                \
    X(DELETED, "Deleted", NORMAL, CONTROLLER,                                                     \
      "all nodes of a deleted cluster are stopped, and its keys are gone",                        \
      "nothing")                                                                                  \
    X(DRAINING, "Draining", NORMAL, CONTROLLER,                                                   \
      "a node is listed no longer, and waits for its clients to leave",                           \
      "nothing")                                                                                  \
    X(DRIFTED, "Drifted", WARNING, GITOPS,                                                        \
      "a field lives with another value than the followed repository has",                        \
      "put the value into the repository, or set it back (docs/gitops.md)")                       \
    X(DRIFT_ENDED, "DriftEnded", NORMAL, GITOPS,                                                  \
      "a field that had drifted is as the followed repository says",                              \
      "nothing")                                                                                  \
    X(JOIN_REFUSED, "JoinRefused", WARNING, BOTH,                                                 \
      "a memcached asked to join and may not",                                                    \
      "see muster get joins for why")                                                             \
    X(JOIN_REQUESTED, "JoinRequested", NORMAL, WATCHER,                                           \
      "a memcached asks to join",                                                                 \
      "nothing; the controller answers")                                                          \
    X(KEY_INVALID, "KeyInvalid", WARNING, BOTH,                                                   \
      "a key in etcd can't be read; what depends on it waits",                                    \
      "see who wrote it; apply the spec again, or restore the key")                               \
    X(MEMCACHED_DIED, "MemcachedDied", WARNING, WATCHER,                                          \
      "a node's memcached ended, and was not asked to; its cache is lost",                        \
      "see the kernel's log (out of memory?); it is started again by itself")                     \
    X(MOVED, "Moved", WARNING, CONTROLLER,                                                        \
      "a node got another address on its host, because its own can't be used",                    \
      "see what uses the address")                                                                \
    X(NODE_JOINED, "NodeJoined", NORMAL, CONTROLLER,                                              \
      "a request to join was admitted",                                                           \
      "nothing")                                                                                  \
    X(NODE_LEAVING, "NodeLeaving", NORMAL, CONTROLLER,                                            \
      "a node that had joined wants to leave",                                                    \
      "nothing")                                                                                  \
    X(NODE_LEFT, "NodeLeft", NORMAL, CONTROLLER,                                                  \
      "a node that had joined was let go of",                                                     \
      "nothing")                                                                                  \
    X(NODE_REMOVED, "NodeRemoved", WARNING, CONTROLLER,                                           \
      "a node that had joined is dead and was taken out",                                         \
      "nothing; it asks again when it is back")                                                   \
    X(PARTITION_CLEARED, "PartitionCleared", WARNING, WATCHER,                                    \
      "what a partition held did not verify and was dropped; nothing is served until a valid "    \
      "configuration comes",                                                                      \
      "nothing when the cluster was made again; else see who can write to the watcher's files")   \
    X(PARTITION_CLOSED, "PartitionClosed", WARNING, WATCHER,                                      \
      "somebody has switched writes to a node's partition off",                                   \
      "switch them on again (docs/discovery.md) when that was not meant")                         \
    X(PARTITION_IN_PROCESS, "PartitionInProcess", WARNING, CONTROLLER,                            \
      "a node does not answer discovery on its data port",                                        \
      "see muster get nodes, and the node's PartitionModule event")                               \
    X(PARTITION_MODE, "PartitionMode", EITHER, WATCHER,                                           \
      "where a node answers discovery has changed; Warning: not on its data port",                \
      "see the node's PartitionModule event")                                                     \
    X(PARTITION_MODULE, "PartitionModule", WARNING, WATCHER,                                      \
      "the module that was loaded into memcached says that it can't work, and why",               \
      "do what it says; discovery is answered by the watcher's port meanwhile")                   \
    X(PARTITION_OPENED, "PartitionOpened", NORMAL, WATCHER,                                       \
      "writes to a node's partition are on again",                                                \
      "nothing")                                                                                  \
    X(PARTITION_REPAIRED, "PartitionRepaired", WARNING, WATCHER,                                  \
      "a partition's files were damaged or removed, and hold what is in force again",             \
      "see who can write to the watcher's files")                                                 \
    X(PAYLOAD_LARGE, "PayloadLarge", WARNING, CONTROLLER,                                         \
      "the list of nodes is longer than some clients read",                                       \
      "fewer nodes, or shorter names (docs/discovery.md)")                                        \
    X(PEER_REPAIRED, "PeerRepaired", WARNING, WATCHER,                                            \
      "a peer had missed a configuration, and this watcher wrote it there",                       \
      "see why the peer's watcher did not take it by itself")                                     \
    X(PLACED, "Placed", NORMAL, CONTROLLER,                                                       \
      "a node was given a place on a host",                                                       \
      "nothing")                                                                                  \
    X(RECREATED, "Recreated", WARNING, GITOPS,                                                    \
      "a cluster was deleted by hand, but is in the followed repository, and was made again",     \
      "remove it from the repository when it is to go")                                           \
    X(REMOVED, "Removed", NORMAL, CONTROLLER,                                                     \
      "a node is stopped and its order gone",                                                     \
      "nothing")                                                                                  \
    X(REPLACED, "Replaced", WARNING, CONTROLLER,                                                  \
      "a node was given up, and one on another host takes its place",                             \
      "look after the host that it was on")                                                       \
    X(RESTARTING, "Restarting", NORMAL, CONTROLLER,                                               \
      "a node is restarted in place because an operator asked for it (muster restart)",           \
      "nothing")                                                                                  \
    X(RESUMED, "Resumed", NORMAL, CONTROLLER,                                                     \
      "a node that was to leave stays",                                                           \
      "nothing")                                                                                  \
    X(SETTINGS_CHANGED, "SettingsChanged", NORMAL, CONTROLLER,                                    \
      "a node is restarted in place with new settings",                                           \
      "nothing")                                                                                  \
    X(SOURCE_APPLIED, "SourceApplied", NORMAL, GITOPS,                                            \
      "a commit of a followed repository is in force",                                            \
      "nothing")                                                                                  \
    X(SOURCE_CONFLICT, "SourceConflict", WARNING, GITOPS,                                         \
      "a commit contradicts what somebody else has set; nothing of it is in force",               \
      "settle who manages the field, or take it over (muster gitops --force-conflicts)")          \
    X(SOURCE_RECOVERED, "SourceRecovered", NORMAL, GITOPS,                                        \
      "what kept a followed repository from being in force is over",                              \
      "nothing")                                                                                  \
    X(SOURCE_REFUSED, "SourceRefused", WARNING, GITOPS,                                           \
      "a commit can't be taken; the last good one stays in force",                                \
      "mend what the message names, and commit")                                                  \
    X(SOURCE_REWRITTEN, "SourceRewritten", WARNING, GITOPS,                                       \
      "a followed branch was rewritten, and its new head is in force",                            \
      "nothing, if somebody meant to (git push --force); else protect the branch")                \
    X(SOURCE_UNREACHABLE, "SourceUnreachable", WARNING, GITOPS,                                   \
      "a followed repository does not answer; what was in force stays so",                        \
      "see why: the message has what the network or the server said")                             \
    X(SPEC_APPLIED, "SpecApplied", NORMAL, GITOPS,                                                \
      "a commit of a followed repository has created, changed or deleted the cluster",            \
      "nothing")                                                                                  \
    X(STALLED, "Stalled", WARNING, CONTROLLER,                                                    \
      "something keeps the cluster from going on, or takes longer than it may",                   \
      "see muster explain, and what it says can be done")                                         \
    X(STOPPING, "Stopping", NORMAL, CONTROLLER,                                                   \
      "a node that has drained is ordered to stop",                                               \
      "nothing")                                                                                  \
    X(SUCCESSOR_PLACED, "SuccessorPlaced", NORMAL, CONTROLLER,                                    \
      "a node that will take another one's place was given a place",                              \
      "nothing")                                                                                  \
    X(UNSCHEDULABLE, "Unschedulable", WARNING, CONTROLLER,                                        \
      "a node fits on no host",                                                                   \
      "add hosts or memory, or change the spec's placement; muster explain says what is short")
/* clang-format on */

enum event_reason {
#define X(name, text, type, program, meaning, action) EVENT_##name,
    EVENT_REASONS(X)
#undef X
        EVENT_REASON_COUNT
};

struct event_row {
    const char *reason;
    const char *type; /* EVENT_TYPE_… */
    const char *program;
    const char *meaning;
    const char *action;
};

/* The row of a reason. */
const struct event_row *event_row(enum event_reason reason);

/* Whether `text` is one of the reasons, and which. */
MUST_USE bool event_reason_parse(const char *text, enum event_reason *out);

#endif
