#include <stdio.h>

#include "apply/documents.h"
#include "apply/spec_store.h"
#include "base/clock.h"
#include "base/str.h"
#include "cli/await.h"
#include "cli/await_many.h"
#include "cli/spec_files.h"
#include "cli/verb.h"
#include "client/options.h"

struct delete_flags {
    struct options shared;
    struct opt_texts files;
    bool yes;
    bool wait;
};

static const struct opt opts[] = {
    FILES_FLAG(struct delete_flags, files),
    { "yes", 'y', OPT_FLAG, offsetof(struct delete_flags, yes), NULL, NULL,
      "with -f: do not ask before the clusters of the documents are deleted" },
    { "wait", 0, OPT_FLAG, offsetof(struct delete_flags, wait), NULL, NULL,
      "return when the clusters are gone" },
    TIMEOUT_FLAG(
        struct delete_flags, shared.timeout_ms, "60s",
        "how long to wait for etcd (5s at most), and with --wait for the end; 0s: as long as it "
        "takes"),
    ETCD_OPTIONS(struct delete_flags, shared),
};

const struct opt_table cmd_delete_options = {
    .program = "muster delete",
    .synopsis = "cluster NAME | -f FILE|DIR",
    .summary =
        "Delete a cluster, or those that documents name: its endpoint goes, its nodes are stopped, what they cache is "
        "lost. There is no way back.",
    .opts = opts,
    .count = ARRAY_COUNT(opts),
    .examples = "  muster delete cluster sessions --wait\n"
                "  muster delete -f clusters/old/ --yes\n",
};

static int decide(void *ctx, size_t index, struct spec_edit *edit, struct err *err)
{
    (void)ctx;
    (void)index;
    return spec_edit_delete(edit, clock_wall_ms(), err);
}

static int delete_cluster(struct delete_flags *flags, const char *name, struct err *err)
{
    CLEANUP(context_close) struct context context = { .loop = NULL };
    struct spec_edit edit = { .name = name };
    uint64_t timeout_ms = options_patience(&flags->shared);
    int rv = context_open(&context, &flags->shared, err);

    if (0 <= rv) {
        rv = spec_store_change(&context, &edit, 1, decide, NULL, err);
    }
    if (rv < 0) {
        return rv;
    }
    if (flags->wait) {
        rv = await_cluster(&context, name, AWAIT_DELETED, timeout_ms, err);
    }
    if (0 <= rv) {
        (void)printf("cluster/%s %s\n", name, flags->wait ? "deleted" : "deleting");
    }
    return rv;
}

#define NAMES_ASKED_MAX 10
#define QUESTION_BYTES_MAX 4096

static int ask(const char *const *names, size_t count, struct err *err)
{
    CLEANUP(str_deinit) struct str question;

    str_init(&question, QUESTION_BYTES_MAX);
    names_list(names, count, NAMES_ASKED_MAX, &question);
    str_append_text(&question, ": delete, with all that is cached there?");
    return ask_first(str_text(&question), "--yes", err);
}

/* All of them, or none. */
static int delete_named(struct delete_flags *flags, const char *const *names, size_t count,
                        struct err *err)
{
    CLEANUP(context_close) struct context context = { .loop = NULL };
    struct await_many leaving = { .leaving = names,
                                  .leaving_count = count,
                                  .timeout_ms = options_patience(&flags->shared),
                                  .out = stderr };
    struct spec_edit *edits;
    size_t i;
    int rv = context_open(&context, &flags->shared, err);

    if (rv < 0) {
        return rv;
    }
    edits = arena_calloc(&context.arena, count, sizeof(*edits));
    if (edits == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for %zu clusters", count);
    }
    for (i = 0; i < count; i++) {
        edits[i].name = names[i];
    }
    rv = spec_store_change(&context, edits, count, decide, NULL, err);
    if (0 <= rv && flags->wait) {
        rv = await_many(&context, &leaving, err);
    }
    for (i = 0; 0 <= rv && i < count; i++) {
        (void)printf("cluster/%s %s\n", names[i], flags->wait ? "deleted" : "deleting");
    }
    return rv;
}

static int delete_documents(struct delete_flags *flags, struct err *err)
{
    CLEANUP(documents_deinit) struct documents documents;
    const char **names;
    size_t i;
    int rv = flags->yes ? 0 : ask_possible("--yes", err);

    documents_init(&documents);
    if (0 <= rv) {
        rv = spec_files_read(&flags->files, &documents, err);
    }
    if (rv < 0) {
        return rv;
    }
    names = arena_calloc(&documents.arena, documents.count, sizeof(*names));
    if (names == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for %zu clusters", documents.count);
    }
    for (i = 0; i < documents.count; i++) {
        names[i] = documents.list[i].read.spec.name;
    }
    if (!flags->yes) {
        rv = ask(names, documents.count, err);
    }
    return rv < 0 ? rv : delete_named(flags, names, documents.count, err);
}

int cmd_delete(int argc, char *const *argv, struct err *err)
{
    struct delete_flags flags = { .wait = false };
    const struct verb_kind *kind;
    struct opt_result args;
    int rv = options_read(&cmd_delete_options, argc, argv, &flags, 0, 2, &args, err);

    if (rv != 0) {
        return rv < 0 ? rv : 0;
    }
    if (args.positional_count == 0 && 0 < flags.files.count) {
        return delete_documents(&flags, err);
    }
    if (args.positional_count != 2 || 0 < flags.files.count) {
        return err_set(err, ERR_USAGE, "usage: %s %s", cmd_delete_options.program,
                       cmd_delete_options.synopsis);
    }
    rv = verb_kind("delete", args.positional[0], &kind, err);
    if (0 <= rv) {
        rv = cluster_name_check(args.positional[1], err);
    }
    return rv < 0 ? rv : delete_cluster(&flags, args.positional[1], err);
}
