/* What the completion scripts ask: the words that may stand at the end of a command line. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cli/complete.h"
#include "cli/help.h"
#include "cli/verb.h"
#include "client/clusters.h"
#include "client/context.h"
#include "client/context_file.h"
#include "client/options.h"
#include "show/host_list.h"
#include "show/output.h"

/* Somebody waits with a finger on the key. */
#define ANSWER_MS 1000
#define ARGS_MAX 64

const struct opt_table cmd___complete_options = {
    .program = "muster __complete",
    .synopsis = "WORD...",
    .summary = "Print what the last word of a command line may be, for the scripts of muster "
               "completion.",
};

/* The options of the connection among the words, so that names come from the etcd that is meant. */
static int read_connection(int argc, char *const *argv, struct connection_flags *flags,
                           struct err *err)
{
    char name[] = "__complete";
    char *kept[ARGS_MAX] = { name };
    struct opt_result args;
    int count = 1;
    int at;
    size_t i;

    for (at = 0; at + 1 < argc; at++) {
        const char *word = argv[at];

        for (i = 0; i < help_connection.count && strncmp(word, "--", 2) == 0; i++) {
            const struct opt *opt = &help_connection.opts[i];
            size_t size = strcspn(word + 2, "=");

            if (opt->type == OPT_GROUP || strlen(opt->name) != size ||
                strncmp(opt->name, word + 2, size) != 0 || ARGS_MAX < count + 2) {
                continue;
            }
            kept[count++] = argv[at];
            if (word[2 + size] == '\0' && at + 2 < argc) {
                kept[count++] = argv[++at];
            }
            break;
        }
    }
    return opt_parse(&help_connection, count, kept, flags, &args, err);
}

static int add_clusters(struct context *context, const struct complete_wish *wish, struct str *out,
                        struct err *err)
{
    const char **names = NULL;
    size_t count = 0;
    size_t i;
    int rv = clusters_list(context, &names, &count, err);

    for (i = 0; 0 <= rv && i < count; i++) {
        complete_add(wish, names[i], "cluster", out);
    }
    return rv;
}

static int add_hosts(struct context *context, const struct complete_wish *wish, struct str *out,
                     struct err *err)
{
    struct etcd_range ranges[HOST_LIST_RANGES];
    struct host_list list = { .count = 0 };
    struct facts facts;
    size_t i;
    int rv = host_list_ranges(context, NULL, ranges, err);

    facts_init(&facts, &context->arena, context->prefix);
    if (0 <= rv) {
        rv = context_read(context, ranges, HOST_LIST_RANGES, &facts, err);
    }
    if (0 <= rv) {
        rv = host_list_make(&facts, &context->arena, &list, err);
    }
    for (i = 0; 0 <= rv && i < list.count; i++) {
        complete_add(wish, list.entries[i].name, "host", out);
    }
    return rv;
}

static void add_contexts(const struct complete_wish *wish, struct str *out)
{
    CLEANUP(arena_deinit) struct arena arena;
    struct contexts contexts;
    struct err ignored;
    size_t i;

    arena_init(&arena, CONTEXT_ARENA_BYTES_MAX);
    if (context_file_read(&arena, &contexts, &ignored) < 0) {
        return;
    }
    for (i = 0; i < contexts.count; i++) {
        complete_add(wish, contexts.list[i].name, "context", out);
    }
}

/* Without etcd there are no names, and nobody to tell why. */
static void add_names(int argc, char *const *argv, const struct complete_wish *wish,
                      struct str *out)
{
    CLEANUP(context_close) struct context context = { .loop = NULL };
    struct connection_flags flags = { .shared = { .prefix = NULL } };
    struct err ignored;

    if (read_connection(argc, argv, &flags, &ignored) < 0) {
        return;
    }
    if (ANSWER_MS < flags.shared.timeout_ms) {
        flags.shared.timeout_ms = ANSWER_MS;
    }
    if (context_open(&context, &flags.shared, &ignored) < 0) {
        return;
    }
    if (wish->names == ARG_CLUSTER) {
        (void)add_clusters(&context, wish, out, &ignored);
    } else {
        (void)add_hosts(&context, wish, out, &ignored);
    }
}

int cmd___complete(int argc, char *const *argv, struct err *err)
{
    CLEANUP(str_deinit) struct str out;
    struct complete_wish wish;

    str_init(&out, OUTPUT_BYTES_MAX);
    if (argc < 2) {
        return err_set(err, ERR_USAGE, "usage: muster __complete WORD...");
    }
    complete(argc - 1, argv + 1, &out, &wish);
    if (wish.names == ARG_CLUSTER || wish.names == ARG_HOST) {
        add_names(argc - 1, argv + 1, &wish, &out);
    } else if (wish.names == ARG_CONTEXT) {
        add_contexts(&wish, &out);
    } else if (wish.names == ARG_FILE) {
        str_append_text(&out, ":files\n");
    }
    return output_text(&out, err);
}
