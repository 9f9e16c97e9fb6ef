#include <stdio.h>

#include "apply/spec_store.h"
#include "base/file.h"
#include "base/str.h"
#include "cli/verb.h"
#include "client/clusters.h"
#include "client/context.h"
#include "client/options.h"
#include "codec/spec_yaml.h"
#include "show/output.h"

struct export_flags {
    struct options shared;
    const char *dir;
};

static const struct opt opts[] = {
    { "file", 'f', OPT_TEXT, offsetof(struct export_flags, dir), "DIR", NULL,
      "write a file NAME.yaml for each cluster into this directory, which is made where it is not "
      "there; else all is printed" },
    SHARED_OPTIONS(struct export_flags, shared),
};

const struct opt_table cmd_export_options = {
    .program = "muster export",
    .synopsis = "[CLUSTER…] [-f DIR]",
    .summary = "Write the specs of clusters (all, or those that are named) as documents that apply "
               "again unchanged. Clusters that are being deleted are left out, unless named.",
    .opts = opts,
    .count = ARRAY_COUNT(opts),
    .examples = "  muster export > all.yaml\n"
                "  muster export -f clusters/ && muster diff -f clusters/\n",
};

#define EXPORT_PATH_SIZE 1024

struct exporting {
    const char *dir; /* NULL: all goes to `all` */
    struct str all;  /* documents, one behind the other */
    bool named;      /* every one has to be there */
    size_t count;
};

static int export_file(const struct exporting *exporting, const char *name, const struct str *text,
                       struct err *err)
{
    char path[EXPORT_PATH_SIZE];
    int size = snprintf(path, sizeof(path), "%s/%s.yaml", exporting->dir, name);
    int rv;

    if ((size_t)size >= sizeof(path)) {
        return err_set(err, ERR_USAGE, "%s: the path is too long", exporting->dir);
    }
    rv = file_write(path, str_text(text), text->size, err);
    if (0 <= rv) {
        (void)printf("%s\n", path);
    }
    return rv;
}

static int export_one(struct exporting *exporting, const struct spec_edit *edit, struct err *err)
{
    CLEANUP(str_deinit) struct str text;
    int rv;

    str_init(&text, SPEC_YAML_BYTES_MAX);
    if (edit->current == NULL && exporting->named) {
        return err_set(err, ERR_NOT_FOUND, "there is no cluster '%s'", edit->name);
    }
    if (edit->current == NULL || (edit->current->deleting && !exporting->named)) {
        return 0;
    }
    rv = spec_yaml_render(&edit->current->spec, &text, err);
    if (rv < 0) {
        return rv;
    }
    if (exporting->dir != NULL) {
        return export_file(exporting, edit->name, &text, err);
    }
    str_append_text(&exporting->all, exporting->count++ == 0 ? "" : "---\n");
    str_append(&exporting->all, str_text(&text), text.size);
    return str_check(&exporting->all, err);
}

static int export_all(struct context *context, const char *const *names, size_t count,
                      struct exporting *exporting, struct err *err)
{
    struct spec_edit *edits = arena_calloc(&context->arena, count + 1, sizeof(*edits));
    size_t i;
    int rv;

    if (edits == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for %zu clusters", count);
    }
    for (i = 0; i < count; i++) {
        edits[i].name = names[i];
    }
    rv = spec_store_read(context, edits, count, err);
    if (0 <= rv && exporting->dir != NULL) {
        rv = dir_make(exporting->dir, err);
    }
    for (i = 0; 0 <= rv && i < count; i++) {
        rv = export_one(exporting, &edits[i], err);
    }
    return rv < 0 || exporting->dir != NULL ? rv : output_text(&exporting->all, err);
}

static void exporting_deinit(struct exporting *exporting)
{
    str_deinit(&exporting->all);
}

int cmd_export(int argc, char *const *argv, struct err *err)
{
    CLEANUP(context_close) struct context context = { .loop = NULL };
    CLEANUP(exporting_deinit) struct exporting exporting = { .dir = NULL };
    struct export_flags flags = { .dir = NULL };
    struct opt_result args;
    const char **names = NULL;
    size_t count = 0;
    size_t i;
    int rv =
        options_read(&cmd_export_options, argc, argv, &flags, 0, OPT_POSITIONAL_MAX, &args, err);

    str_init(&exporting.all, OUTPUT_BYTES_MAX);
    if (rv != 0) {
        return rv < 0 ? rv : 0;
    }
    for (i = 0; 0 <= rv && i < args.positional_count; i++) {
        rv = cluster_name_check(args.positional[i], err);
    }
    exporting.dir = flags.dir;
    exporting.named = 0 < args.positional_count;
    if (0 <= rv) {
        rv = context_open(&context, &flags.shared, err);
    }
    if (0 <= rv && !exporting.named) {
        rv = clusters_list(&context, &names, &count, err);
    }
    if (rv < 0) {
        return rv;
    }
    return exporting.named
               ? export_all(&context, args.positional, args.positional_count, &exporting, err)
               : export_all(&context, names, count, &exporting, err);
}
