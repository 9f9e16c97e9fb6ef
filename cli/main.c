/* muster - the operator's command line. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cli/verb.h"

/* clang-format off */
#define VERB_FIELDS(verb, text, told)                                                         \
    .name = #verb, .synopsis = (text), .summary = (told), .run = cmd_##verb,                  \
    .options = &cmd_##verb##_options

#define VERB(verb, text, told) { VERB_FIELDS(verb, text, told) }
#define VERB_WITH(flag, verb, text, told) { VERB_FIELDS(verb, text, told), .flag = true }

static const struct verb verbs[] = {
    VERB(up, "-f FILE [--detach]", "run everything on this machine"),
    VERB(down, "[--purge]", "stop what muster up has started"),
    VERB(apply, "-f FILE", "make clusters be as a file says"),
    VERB_WITH(tells_changes, plan, "-f FILE|--delete NAME|--drain HOST",
              "tell what that would come to"),
    VERB(get, "KIND [NAME]", "list clusters, nodes, joins, clients, hosts or events"),
    VERB(describe, "cluster|host NAME", "tell all about a cluster or a host"),
    VERB(explain, "NAME", "tell why a cluster is as it is, and what comes next"),
    VERB(endpoint, "NAME", "print the address for discovery clients"),
    VERB(config, "NAME [--node SLOT]", "print the configuration record"),
    VERB(scale, "NAME --nodes N", "change the count of nodes"),
    VERB(rollout, "pause|resume|status|history|undo NAME", "steer how a cluster gets to a new spec"),
    VERB(cordon, "HOST [--reason TEXT]", "place no new node on a host"),
    VERB(drain, "HOST [--reason TEXT]", "move all nodes of a host away"),
    VERB(uncordon, "HOST", "have a host take nodes again"),
    VERB(repair, "confirm NAME", "replace nodes although many look dead"),
    VERB(delete, "cluster NAME [--wait]", "delete a cluster"),
    VERB(token, "new FILE [--rotate]", "make a token to join a cluster with"),
    VERB(wait, "NAME --for converged|deleted", "wait for a state"),
    VERB_WITH(internal, supervise, "", "keep running what muster up has started"),
};
/* clang-format on */

static int synopsis_width(void)
{
    size_t width = 0;
    size_t i;

    for (i = 0; i < ARRAY_COUNT(verbs); i++) {
        size_t size = strlen(verbs[i].synopsis);

        width = width < size ? size : width;
    }
    return (int)width;
}

static void print_overview(FILE *out)
{
    const int width = synopsis_width();
    size_t i;

    (void)fprintf(out,
                  "Usage: muster VERB …\n\nA control plane for memcached clusters.\n\nVerbs:\n");
    for (i = 0; i < ARRAY_COUNT(verbs); i++) {
        if (!verbs[i].internal) {
            (void)fprintf(out, "  %-9s %-*s  %s\n", verbs[i].name, width, verbs[i].synopsis,
                          verbs[i].summary);
        }
    }
    (void)fprintf(out, "  %-9s %-*s  %s\n  %-9s %-*s  %s\n", "help", width, "[VERB]",
                  "this text, or that of a verb", "version", width, "", "print the version");
    (void)fprintf(out, "\nmuster VERB --help tells the options of a verb. Exit codes: 0 done, "
                       "1 failed, 2 usage,\n3 bad spec, 4 not found, 5 conflict, 6 cannot reach "
                       "etcd, 7 timed out (up --detach: 1).\nplan: "
                       "0 no changes, 2 changes, 1 failed.\n");
}

static const struct verb *find_verb(const char *name)
{
    size_t i;

    for (i = 0; i < ARRAY_COUNT(verbs); i++) {
        if (strcmp(verbs[i].name, name) == 0) {
            return &verbs[i];
        }
    }
    return NULL;
}

static int unknown_verb(const char *name, struct err *err)
{
    const char *names[ARRAY_COUNT(verbs)];
    const char *nearest;
    size_t count = 0;
    size_t i;

    for (i = 0; i < ARRAY_COUNT(verbs); i++) {
        if (!verbs[i].internal) {
            names[count++] = verbs[i].name;
        }
    }
    nearest = text_nearest(name, names, count);
    if (nearest != NULL) {
        return err_set(err, ERR_USAGE, "there is no verb '%s', did you mean '%s'?", name, nearest);
    }
    return err_set(err, ERR_USAGE, "there is no verb '%s'; muster help lists them", name);
}

static int run_verb(const char *name, int argc, char *const *argv, struct err *err)
{
    const struct verb *verb = find_verb(name);
    int rv;

    if (verb == NULL) {
        return unknown_verb(name, err);
    }
    rv = verb->run(argc, argv, err);
    if (rv < 0) {
        opt_name_origin(verb->options, argc, argv, err);
    }
    if (verb->tells_changes) {
        return rv < 0 ? ERR_FAILED : rv;
    }
    return rv < 0 ? rv : 0;
}

static int help(int argc, char *const *argv, struct err *err)
{
    char flag[] = "--help";
    char *const with_flag[] = { 1 < argc ? argv[1] : flag, flag, NULL };

    if (argc < 2) {
        print_overview(stdout);
        return 0;
    }
    return run_verb(argv[1], 2, with_flag, err);
}

static int run(int argc, char *const *argv, struct err *err)
{
    if (argc == 0) {
        print_overview(stderr);
        err->msg[0] = '\0';
        err->code = ERR_USAGE;
        return ERR_USAGE;
    }
    if (text_equal(argv[0], "help") || text_equal(argv[0], "--help") || text_equal(argv[0], "-h")) {
        return help(argc, argv, err);
    }
    if (text_equal(argv[0], "version") || text_equal(argv[0], "--version")) {
        (void)printf("muster %s\n", MUSTER_VERSION);
        return 0;
    }
    return run_verb(argv[0], argc, argv, err);
}

int main(int argc, char **argv)
{
    struct err err = { 0 };
    int rv;

    (void)signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of the write */
    rv = run(argc - 1, argv + 1, &err);
    if (fflush(stdout) != 0 && 0 <= rv) {
        rv = err_set(&err, ERR_IO, "standard output can't be written");
    }
    if (rv < 0 && err.msg[0] != '\0') {
        (void)fprintf(stderr, "muster: %s\n", err.msg);
    }
    return rv == VERB_CHANGES ? rv : err_exit_code(rv);
}
