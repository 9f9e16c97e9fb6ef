/* The verbs about named connections. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cli/verb.h"
#include "client/context_file.h"
#include "client/options.h"
#include "show/output.h"
#include "show/table.h"

#define ARENA_BYTES_MAX (4U << 20)

const struct opt_table cmd_context_list_options = {
    .program = "muster context list",
    .synopsis = "",
    .summary = "List the named connections of $XDG_CONFIG_HOME/muster/config.yaml (else "
               "~/.config/muster/config.yaml). The current one is used where no option and no "
               "variable says which etcd is meant; --context takes another one.",
    .examples = "  muster context list\n",
};

const struct opt_table cmd_context_use_options = {
    .program = "muster context use",
    .synopsis = "CONTEXT",
    .summary = "Make another named connection the current one, in the file. Its other lines are "
               "left as they are.",
    .examples = "  muster context use production\n",
};

const struct opt_table cmd_context_show_options = {
    .program = "muster context show",
    .synopsis = "[CONTEXT]",
    .summary = "Tell what a named connection says, or the current one.",
    .examples = "  muster context show\n"
                "  muster context show production\n",
};

/* All verbs begin alike; `contexts` is in the arena. */
static int begin(const struct opt_table *table, int argc, char *const *argv, size_t max,
                 struct opt_result *args, struct err *err)
{
    size_t min = table == &cmd_context_use_options ? 1 : 0;

    return options_read(table, argc, argv, NULL, min, max, args, err);
}

static int list(struct arena *arena, struct err *err)
{
    CLEANUP(str_deinit) struct str text;
    struct contexts contexts;
    struct table table;
    size_t i;
    int rv = context_file_read(arena, &contexts, err);

    str_init(&text, OUTPUT_BYTES_MAX);
    if (rv < 0) {
        return rv;
    }
    if (contexts.count == 0) {
        (void)fprintf(stderr, "There are no contexts.\n");
        return 0;
    }
    table_init(&table, arena,
               (const char *const[]){ "CURRENT", "NAME", "ENDPOINTS", "USER", "PREFIX", NULL });
    for (i = 0; i < contexts.count; i++) {
        const struct context_entry *entry = &contexts.list[i];

        table_add(&table, text_equal(entry->name, contexts.current) ? "*" : "");
        table_add(&table, entry->name);
        table_add(&table, entry->endpoints);
        table_add(&table, entry->user == NULL ? "" : entry->user);
        table_add(&table, entry->prefix == NULL ? "" : entry->prefix);
    }
    rv = table_render(&table, 0, &text, err);
    return rv < 0 ? rv : output_text(&text, err);
}

int cmd_context_list(int argc, char *const *argv, struct err *err)
{
    CLEANUP(arena_deinit) struct arena arena;
    struct opt_result args;
    int rv = begin(&cmd_context_list_options, argc, argv, 0, &args, err);

    arena_init(&arena, ARENA_BYTES_MAX);
    if (rv != 0) {
        return rv < 0 ? rv : 0;
    }
    return list(&arena, err);
}

int cmd_context_use(int argc, char *const *argv, struct err *err)
{
    struct opt_result args;
    int rv = begin(&cmd_context_use_options, argc, argv, 1, &args, err);

    if (rv != 0) {
        return rv < 0 ? rv : 0;
    }
    rv = context_file_use(args.positional[0], err);
    if (0 <= rv) {
        (void)printf("context/%s is the current one\n", args.positional[0]);
    }
    return rv;
}

static void put(const char *name, const char *value)
{
    if (value != NULL) {
        (void)printf("%-22s %s\n", name, value);
    }
}

static int show(struct arena *arena, const char *name, struct err *err)
{
    const struct context_entry *entry;
    struct contexts contexts;
    int rv = context_file_read(arena, &contexts, err);

    if (rv < 0) {
        return rv;
    }
    name = name == NULL ? contexts.current : name;
    if (name == NULL) {
        return err_set(err, ERR_NOT_FOUND, "there is no current context");
    }
    entry = contexts_find(&contexts, name);
    if (entry == NULL) {
        const char *nearest = contexts_nearest(&contexts, name);

        return err_set(err, ERR_NOT_FOUND, "there is no context '%s'%s%s%s", name,
                       nearest == NULL ? "" : ", did you mean '", nearest == NULL ? "" : nearest,
                       nearest == NULL ? "" : "'?");
    }
    put("name:", entry->name);
    put("etcd endpoints:", entry->endpoints);
    put("etcd cacert:", entry->ca_file);
    put("etcd cert:", entry->cert_file);
    put("etcd key:", entry->key_file);
    put("etcd user:", entry->user);
    put("etcd passwordFile:", entry->password_file);
    put("prefix:", entry->prefix);
    put("discovery cacert:", entry->discovery_ca);
    put("discovery name:", entry->discovery_name);
    put("discovery cert:", entry->discovery_cert);
    put("discovery key:", entry->discovery_key);
    return 0;
}

int cmd_context_show(int argc, char *const *argv, struct err *err)
{
    CLEANUP(arena_deinit) struct arena arena;
    struct opt_result args;
    int rv = begin(&cmd_context_show_options, argc, argv, 1, &args, err);

    arena_init(&arena, ARENA_BYTES_MAX);
    if (rv != 0) {
        return rv < 0 ? rv : 0;
    }
    return show(&arena, args.positional_count == 0 ? NULL : args.positional[0], err);
}
