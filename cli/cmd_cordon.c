#include <stdio.h>

#include "cli/cordon.h"
#include "cli/verb.h"
#include "client/context.h"
#include "client/options.h"

struct cordon_flags {
    struct options shared;
    const char *reason;
};

static const struct opt cordon_opts[] = {
    REASON_FLAG(struct cordon_flags, reason),
    SHARED_OPTIONS(struct cordon_flags, shared),
};

const struct opt_table cmd_cordon_options = {
    .program = "muster cordon",
    .synopsis = "HOST",
    .summary = "Place no new node on a host. Those that are there stay; a drain that was asked for "
               "goes no further. muster uncordon takes it back, muster drain moves the nodes away.",
    .opts = cordon_opts,
    .count = ARRAY_COUNT(cordon_opts),
    .examples = "  muster cordon cache-a1 --reason \"new kernel on Sunday\"\n",
};

static const struct opt uncordon_opts[] = {
    SHARED_OPTIONS(struct cordon_flags, shared),
};

const struct opt_table cmd_uncordon_options = {
    .program = "muster uncordon",
    .synopsis = "HOST",
    .summary = "Have a host take nodes again after muster cordon or muster drain. Nodes that have "
               "moved away don't come back by that.",
    .opts = uncordon_opts,
    .count = ARRAY_COUNT(uncordon_opts),
    .examples = "  muster uncordon cache-a1\n",
};

static int change(struct cordon_flags *flags, const char *host, enum cordon_wish wish,
                  struct err *err)
{
    CLEANUP(context_close) struct context context = { .loop = NULL };
    struct cordon_outcome outcome;
    int rv = host_name_check(host, err);

    if (0 <= rv) {
        rv = cordon_reason_check(flags->reason, err);
    }
    if (0 <= rv) {
        rv = context_open(&context, &flags->shared, err);
    }
    if (0 <= rv) {
        rv = cordon_change(&context, host, wish, flags->reason, &outcome, err);
    }
    if (rv < 0) {
        return rv;
    }
    (void)printf("host/%s %s%scordoned\n", host, outcome.changed ? "" : "already ",
                 wish == CORDON_OFF ? "un" : "");
    if (outcome.away) {
        (void)fflush(stdout);
        (void)fprintf(stderr, "muster: host %s is away\n", host);
    }
    return 0;
}

int cmd_cordon(int argc, char *const *argv, struct err *err)
{
    struct cordon_flags flags = { .reason = NULL };
    struct opt_result args;
    int rv = options_read(&cmd_cordon_options, argc, argv, &flags, 1, 1, &args, err);

    if (rv != 0) {
        return rv < 0 ? rv : 0;
    }
    return change(&flags, args.positional[0], CORDON_ON, err);
}

int cmd_uncordon(int argc, char *const *argv, struct err *err)
{
    struct cordon_flags flags = { .reason = NULL };
    struct opt_result args;
    int rv = options_read(&cmd_uncordon_options, argc, argv, &flags, 1, 1, &args, err);

    if (rv != 0) {
        return rv < 0 ? rv : 0;
    }
    return change(&flags, args.positional[0], CORDON_OFF, err);
}
