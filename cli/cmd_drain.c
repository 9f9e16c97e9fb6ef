#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cli/cordon.h"
#include "cli/follow.h"
#include "cli/moves.h"
#include "cli/verb.h"
#include "client/context.h"
#include "client/options.h"
#include "show/output.h"

struct drain_flags {
    struct options shared;
    const char *reason;
    bool no_wait;
};

static const struct opt opts[] = {
    REASON_FLAG(struct drain_flags, reason),
    { "no-wait", 0, OPT_FLAG, offsetof(struct drain_flags, no_wait), NULL, NULL,
      "return at once; the nodes move all the same" },
    TIMEOUT_FLAG(struct drain_flags, shared.timeout_ms, "0s",
                 "how long to wait until no node is left; 0s: as long as it takes"),
    ETCD_OPTIONS(struct drain_flags, shared),
};

const struct opt_table cmd_drain_options = {
    .program = "muster drain",
    .synopsis = "HOST [--no-wait]",
    .summary =
        "Move all nodes of a host away and place none there any more. Each node's successor is "
        "started elsewhere and listed before the node leaves the list, drains and stops; slots are "
        "kept, cached items are not. Waits for the end and tells each step; Ctrl-C ends the waiting "
        "only. muster uncordon takes it back, muster cordon stops it where it is.",
    .opts = opts,
    .count = ARRAY_COUNT(opts),
    .examples = "  muster drain cache-a1 --reason \"new kernel\" && ssh cache-a1 reboot\n"
                "  muster drain cache-a1 --timeout 10m\n",
};

struct draining {
    struct moves *moves;
    bool done;
    bool given_up; /* somebody else wants the host back */
    struct str text;
};

static void look(void *ctx, struct facts *facts)
{
    struct draining *draining = ctx;

    moves_look(draining->moves, facts, &draining->text);
    (void)fputs(str_text(&draining->text), stdout);
    (void)fflush(stdout);
    str_clear(&draining->text);
    draining->given_up = !draining->moves->draining;
    draining->done = draining->given_up || moves_done(draining->moves);
}

static int tell_time_is_up(const struct draining *draining, struct err *err)
{
    CLEANUP(str_deinit) struct str why;
    const struct moves *moves = draining->moves;

    str_init(&why, STAGES_WHY_SIZE);
    moves_why(moves, &why);
    return err_set(err, ERR_TIMEOUT, "host '%s' is not drained, it goes on: %s", moves->host,
                   str_text(&why));
}

static void tell_end(const struct moves *moves)
{
    (void)printf("host/%s drained\n", moves->host);
    if (0 < moves->left) {
        (void)fflush(stdout);
        (void)fprintf(stderr, "muster: host %s is away: %zu node%s stopped as soon as it returns\n",
                      moves->host, moves->left, moves->left == 1 ? " is" : "s are");
    }
}

static int follow_moves(struct context *context, struct draining *draining, uint64_t patience_ms,
                        struct err *err)
{
    CLEANUP(follow_free_p) struct follow *follow = NULL;
    const char *key = context_key(context, "%s", "");
    int rv;

    if (key == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for a key");
    }
    rv = follow_new(context, key, look, draining, &follow, err);
    if (0 <= rv) {
        rv = follow_until(follow, &draining->done, patience_ms, err);
    }
    if (rv == ERR_TIMEOUT) {
        return tell_time_is_up(draining, err);
    }
    if (0 <= rv && draining->given_up) {
        return err_set(err, ERR_CONFLICT, "host '%s' is no longer asked to be drained",
                       draining->moves->host);
    }
    if (0 <= rv) {
        tell_end(draining->moves);
    }
    return rv;
}

static int await_end(struct context *context, const char *host, uint64_t patience_ms,
                     struct err *err)
{
    struct draining draining = { .moves = arena_alloc(&context->arena, sizeof(*draining.moves)) };
    int rv;

    if (draining.moves == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    draining.moves->host = host;
    str_init(&draining.text, OUTPUT_BYTES_MAX);
    rv = follow_moves(context, &draining, patience_ms, err);
    str_deinit(&draining.text);
    return rv;
}

int cmd_drain(int argc, char *const *argv, struct err *err)
{
    CLEANUP(context_close) struct context context = { .loop = NULL };
    struct drain_flags flags = { .reason = NULL };
    struct cordon_outcome outcome;
    struct opt_result args;
    const char *host;
    uint64_t patience_ms;
    int rv = options_read(&cmd_drain_options, argc, argv, &flags, 1, 1, &args, err);

    if (rv != 0) {
        return rv < 0 ? rv : 0;
    }
    host = args.positional[0];
    patience_ms = options_patience(&flags.shared);
    rv = host_name_check(host, err);
    if (0 <= rv) {
        rv = cordon_reason_check(flags.reason, err);
    }
    if (0 <= rv) {
        rv = context_open(&context, &flags.shared, err);
    }
    if (0 <= rv) {
        rv = cordon_change(&context, host, CORDON_DRAIN, flags.reason, &outcome, err);
    }
    if (rv < 0) {
        return rv;
    }
    (void)printf("host/%s %sdraining\n", host, outcome.changed ? "" : "already ");
    (void)fflush(stdout);
    return flags.no_wait ? 0 : await_end(&context, host, patience_ms, err);
}
