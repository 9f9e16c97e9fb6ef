/* The table of all verbs, and finding one in it. */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/str.h"
#include "cli/verb.h"

#define VERBS_MAX 64
#define NAME_SIZE 64
#define KINDS_MAX 32

static const struct verb_kind get_kinds[] = {
    { "clusters", "clusters: nodes, versions, whether they have converged", ARG_CLUSTER },
    { "nodes", "nodes: hosts, addresses, states", ARG_CLUSTER },
    { "joins", "requests to join", ARG_CLUSTER },
    { "clients", "clients that poll, and the version each was handed", ARG_CLUSTER },
    { "hosts", "hosts: addresses, zones, nodes", ARG_HOST },
    { "events", "what happened, and why", ARG_CLUSTER },
    { "sources", "repositories whose specs are applied: revision, drift, error", ARG_NOTHING },
    { NULL, NULL, ARG_NOTHING },
};

static const struct verb_kind top_kinds[] = {
    { "nodes", "each node", ARG_CLUSTER },
    { "clusters", "what the nodes of each cluster come to together", ARG_CLUSTER },
    { NULL, NULL, ARG_NOTHING },
};

static const struct verb_kind describe_kinds[] = {
    { "cluster", "a cluster", ARG_CLUSTER },
    { "host", "a host", ARG_HOST },
    { NULL, NULL, ARG_NOTHING },
};

static const struct verb_kind delete_kinds[] = {
    { "cluster", "a cluster", ARG_CLUSTER },
    { NULL, NULL, ARG_NOTHING },
};

/* clang-format off */
#define VERB(of, verb, told)                                                                  \
    .name = #verb, .group = VERB_##of, .summary = (told), .run = cmd_##verb,                  \
    .options = &cmd_##verb##_options
#define PARENT(of, verb, told)                                                                \
    .name = #verb, .group = VERB_##of, .summary = (told)
#define SUBVERB(of, verb, sub, told)                                                          \
    .name = #verb " " #sub, .group = VERB_##of, .summary = (told),                            \
    .run = cmd_##verb##_##sub, .options = &cmd_##verb##_##sub##_options

static const struct verb verbs[] = {
    { VERB(DECLARE, apply, "make clusters be as a file says") },
    { VERB(DECLARE, plan, "tell what that would come to, step by step"), .tells_changes = true },
    { VERB(DECLARE, diff, "show what apply would change of the specs"), .tells_changes = true },
    { VERB(DECLARE, lint, "check documents without asking etcd"), .takes = ARG_FILE },
    { VERB(DECLARE, export, "write specs as documents that apply again"),
      .takes = ARG_CLUSTER, .takes_more = true },
    { VERB(DECLARE, gitops, "follow a branch of a Git repository") },
    { VERB(DECLARE, delete, "delete a cluster"), .takes = ARG_KIND, .kinds = delete_kinds },

    { VERB(LOOK, get, "list clusters, nodes, joins, clients, hosts, events or sources"),
      .takes = ARG_KIND, .kinds = get_kinds, .takes_more = true },
    { VERB(LOOK, events, "tell what happened, and go on telling"),
      .takes = ARG_CLUSTER, .takes_more = true },
    { VERB(LOOK, describe, "tell all about a cluster or a host"),
      .takes = ARG_KIND, .kinds = describe_kinds },
    { VERB(LOOK, explain, "tell why a cluster is as it is, and what comes next"), .takes = ARG_CLUSTER },
    { VERB(LOOK, endpoint, "print the address for discovery clients"), .takes = ARG_CLUSTER },
    { VERB(LOOK, config, "print the configuration record"), .takes = ARG_CLUSTER },
    { VERB(LOOK, watch, "watch a cluster on its way, on the whole terminal"), .takes = ARG_CLUSTER },
    { VERB(LOOK, top, "tell what nodes do: hit rate, commands, memory, connections"),
      .takes = ARG_KIND, .kinds = top_kinds },
    { VERB(LOOK, where, "tell which node has a key"), .takes = ARG_CLUSTER },
    { VERB(LOOK, wait, "wait until a cluster is converged or deleted"), .takes = ARG_CLUSTER },

    { VERB(CHANGE, scale, "change the count of nodes"), .takes = ARG_CLUSTER },
    { VERB(CHANGE, edit, "change a spec in an editor"), .takes = ARG_CLUSTER },
    { VERB(CHANGE, label, "set and remove labels of a cluster"), .takes = ARG_CLUSTER },
    { VERB(CHANGE, restart, "start all nodes anew, one after the other"), .takes = ARG_CLUSTER },
    { PARENT(CHANGE, rollout, "steer and follow how a cluster gets to a new spec") },
    { SUBVERB(CHANGE, rollout, pause, "restart or replace no further node"), .takes = ARG_CLUSTER },
    { SUBVERB(CHANGE, rollout, resume, "go on after a pause, or after no progress"), .takes = ARG_CLUSTER },
    { SUBVERB(CHANGE, rollout, status, "follow a rollout to its end"), .takes = ARG_CLUSTER },
    { SUBVERB(CHANGE, rollout, history, "list the last generations of the spec"), .takes = ARG_CLUSTER },
    { SUBVERB(CHANGE, rollout, undo, "apply a former spec again"), .takes = ARG_CLUSTER },
    { VERB(CHANGE, cordon, "place no new node on a host"), .takes = ARG_HOST },
    { VERB(CHANGE, drain, "move all nodes of a host away"), .takes = ARG_HOST },
    { VERB(CHANGE, uncordon, "have a host take nodes again"), .takes = ARG_HOST },

    { PARENT(REPAIR, repair, "help the controller with what it does not do by itself") },
    { SUBVERB(REPAIR, repair, confirm, "replace nodes although many look dead"), .takes = ARG_CLUSTER },

    { VERB(MACHINE, up, "run everything on this machine") },
    { VERB(MACHINE, down, "stop what muster up has started") },
    { PARENT(MACHINE, key, "the keys that configurations are signed and checked with") },
    { SUBVERB(MACHINE, key, new, "make a signing key and its public key"), .takes = ARG_FILE },
    { PARENT(MACHINE, token, "the secrets with which a memcached may join a cluster") },
    { SUBVERB(MACHINE, token, new, "make a token to join a cluster with"), .takes = ARG_FILE },

    { VERB(OTHER, help, "this text, or that of a verb"), .takes = ARG_VERB },
    { PARENT(OTHER, context, "named connections, for several installations") },
    { SUBVERB(OTHER, context, list, "list the named connections") },
    { SUBVERB(OTHER, context, use, "make one the current one"), .takes = ARG_CONTEXT },
    { SUBVERB(OTHER, context, show, "tell what one says"), .takes = ARG_CONTEXT },
    { VERB(OTHER, options, "the options that say where etcd is, and how to speak to it") },
    { VERB(OTHER, completion, "print a script that makes a shell complete command lines") },
    { VERB(OTHER, man, "print the manual page of a verb"), .takes = ARG_VERB },
    { VERB(OTHER, schema, "print the JSON Schema of a cluster's document") },
    { VERB(OTHER, version, "print the version") },

    { VERB(INTERNAL, __complete, "what the last word of a command line may be") },
    { VERB(INTERNAL, supervise, "keep running what muster up has started") },
};
/* clang-format on */

_Static_assert(ARRAY_COUNT(verbs) <= VERBS_MAX, "names are gathered on the stack");

/* What other programs call our verbs. */
static const struct {
    const char *theirs;
    const char *ours;
} synonyms[] = {
    { "create", "apply" },
    { "replace", "apply" },
    { "patch", "edit" },
    { "set", "edit" },
    { "annotate", "label" },
    { "autoscale", "scale" },
    { "taint", "cordon" },
    { "list", "get" },
    { "ls", "get" },
    { "show", "describe" },
    { "desc", "describe" },
    { "status", "describe" },
    { "log", "events" },
    { "logs", "events" },
    { "expose", "endpoint" },
    { "cluster-info", "context show" },
    { "api-resources", "schema" },
    { "init", "up" },
    { "run", "up" },
    { "remove", "delete" },
    { "rm", "delete" },
    { "validate", "lint" },
    { "dry-run", "plan" },
    { "why", "explain" },
    { "start", "up" },
    { "stop", "down" },
    { "undo", "rollout undo" },
    { "rollback", "rollout undo" },
    { "history", "rollout history" },
    { "pause", "rollout pause" },
    { "resume", "rollout resume" },
};

const struct verb *verbs_all(size_t *count)
{
    *count = ARRAY_COUNT(verbs);
    return verbs;
}

const struct verb *verb_find(const char *name)
{
    size_t i;

    for (i = 0; i < ARRAY_COUNT(verbs); i++) {
        if (strcmp(verbs[i].name, name) == 0) {
            return &verbs[i];
        }
    }
    return NULL;
}

bool verb_is_sub(const struct verb *verb, const struct verb *parent)
{
    const char *space = strchr(verb->name, ' ');
    size_t size;

    if (space == NULL || parent == NULL) {
        return space != NULL;
    }
    size = (size_t)(space - verb->name);
    return strlen(parent->name) == size && memcmp(parent->name, verb->name, size) == 0;
}

/* The names of the sub-verbs of `parent`, or of all others when it is NULL. */
static size_t names_below(const struct verb *parent, const char *names[VERBS_MAX])
{
    size_t skip = parent == NULL ? 0 : strlen(parent->name) + 1;
    size_t count = 0;
    size_t i;

    for (i = 0; i < ARRAY_COUNT(verbs); i++) {
        if (verbs[i].group != VERB_INTERNAL &&
            (parent == NULL ? !verb_is_sub(&verbs[i], NULL) : verb_is_sub(&verbs[i], parent))) {
            names[count++] = verbs[i].name + skip;
        }
    }
    return count;
}

static const char *nearest_verb(const char *name, const char *const *names, size_t count)
{
    size_t i;

    for (i = 0; i < ARRAY_COUNT(synonyms); i++) {
        if (strcmp(synonyms[i].theirs, name) == 0 && verb_find(synonyms[i].ours) != NULL) {
            return synonyms[i].ours;
        }
    }
    return text_nearest(name, names, count);
}

static int unknown_verb(const char *name, struct err *err)
{
    const char *names[VERBS_MAX];
    size_t count = names_below(NULL, names);
    const char *nearest = nearest_verb(name, names, count);

    if (nearest != NULL) {
        return err_set(err, ERR_USAGE, "there is no verb '%s', did you mean '%s'?", name, nearest);
    }
    return err_set(err, ERR_USAGE, "there is no verb '%s'; muster help lists them", name);
}

static int unknown_sub(const struct verb *parent, const char *name, struct err *err)
{
    const char *names[VERBS_MAX];
    size_t count = names_below(parent, names);
    const char *nearest = text_nearest(name, names, count);

    if (nearest == NULL && verb_find(name) != NULL) {
        return err_set(err, ERR_USAGE, "there is no verb '%s %s', did you mean 'muster %s'?",
                       parent->name, name, name);
    }
    if (nearest != NULL) {
        return err_set(err, ERR_USAGE, "there is no verb '%s %s', did you mean '%s'?", parent->name,
                       name, nearest);
    }
    return err_set(err, ERR_USAGE, "there is no verb '%s %s'; muster help %s lists them",
                   parent->name, name, parent->name);
}

int verb_lookup(int argc, char *const *argv, const struct verb **out, struct err *err)
{
    const struct verb *verb = verb_find(argv[0]);
    char name[NAME_SIZE];

    /* "rollout pause" as one argument is no name that a person gives. */
    if (verb == NULL || verb_is_sub(verb, NULL)) {
        return unknown_verb(argv[0], err);
    }
    *out = verb;
    if (verb->run != NULL || argc < 2 || argv[1][0] == '-') {
        return 1;
    }
    (void)snprintf(name, sizeof(name), "%s %s", argv[0], argv[1]);
    *out = verb_find(name);
    return *out == NULL ? unknown_sub(verb, argv[1], err) : 2;
}

bool verb_names_kind(const char *text, const char *kind)
{
    size_t size = strlen(kind);
    size_t stem = size - (kind[size - 1] == 's' ? 1 : 0);

    return strncmp(text, kind, stem) == 0 &&
           (text[stem] == '\0' || (text[stem] == 's' && text[stem + 1] == '\0'));
}

int verb_kind(const char *verb, const char *text, const struct verb_kind **out, struct err *err)
{
    const struct verb *row = verb_find(verb);
    const char *names[KINDS_MAX];
    const char *nearest;
    size_t i;

    CHECK(row != NULL);
    CHECK(row->kinds != NULL);
    for (i = 0; row->kinds[i].name != NULL; i++) {
        if (verb_names_kind(text, row->kinds[i].name)) {
            *out = &row->kinds[i];
            return 0;
        }
        CHECK(i < KINDS_MAX);
        names[i] = row->kinds[i].name;
    }
    nearest = text_nearest(text, names, i);
    if (nearest != NULL) {
        return err_set(err, ERR_USAGE, "%s: there is no kind '%s', did you mean '%s'?", verb, text,
                       nearest);
    }
    return err_set(err, ERR_USAGE, "%s: there is no kind '%s'; muster %s --help tells which", verb,
                   text, verb);
}
