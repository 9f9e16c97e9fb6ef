#include <stdio.h>
#include <string.h>

#include "apply/documents.h"
#include "apply/spec_store.h"
#include "base/clock.h"
#include "cli/editor.h"
#include "cli/verb.h"
#include "client/context.h"
#include "client/options.h"
#include "codec/spec_yaml.h"

#define TEXT_BYTES_MAX (2U * SPEC_YAML_BYTES_MAX)
#define HEADER_LINES 2
#define FILE_NAME_SIZE (CLUSTER_NAME_MAX + 8)

struct edit_flags {
    struct options shared;
};

static const struct opt opts[] = {
    SHARED_OPTIONS(struct edit_flags, shared),
};

const struct opt_table cmd_edit_options = {
    .program = "muster edit",
    .synopsis = "CLUSTER",
    .summary = "Edit a cluster's spec in $VISUAL or $EDITOR. A text with mistakes is opened again, "
               "with the mistakes above it. When somebody else has changed the cluster meanwhile, "
               "nothing is written and the text is kept. Fields that are changed are then managed "
               "by hand: documents that are applied unchanged leave them as they are.",
    .opts = opts,
    .count = ARRAY_COUNT(opts),
    .examples = "  muster edit sessions\n"
                "  EDITOR='sed -i s/64Mi/128Mi/' muster edit sessions\n",
};

/* An edit under way. */
struct editing {
    const char *name;
    struct arena *arena;
    uint64_t revision;       /* of what was opened */
    struct str text;         /* as it was opened, or came back */
    struct str opened;       /* as it was opened last */
    struct documents wanted; /* what came back; none: it is to stay as it is */
};

/* Behind the comments that stand at the head of the text. */
static const char *body_of(const struct str *text)
{
    const char *at = str_text(text);

    while (*at == '#') {
        at += strcspn(at, "\n");
        at += *at == '\n' ? 1 : 0;
    }
    return at;
}

static size_t count_lines(const char *text)
{
    size_t count = 0;

    for (; *text != '\0'; text++) {
        count += *text == '\n' ? 1 : 0;
    }
    return count;
}

/* The body below `lines` lines of anything, so that mistakes name the lines that are opened. */
static int parse_below(struct editing *editing, const char *body, size_t lines, struct err *err)
{
    CLEANUP(str_deinit) struct str text;
    char file[FILE_NAME_SIZE];
    size_t i;
    int rv;

    str_init(&text, TEXT_BYTES_MAX);
    for (i = 0; i < lines; i++) {
        str_append_char(&text, '\n');
    }
    str_append_text(&text, body);
    rv = str_check(&text, err);
    if (rv < 0) {
        return rv;
    }
    documents_deinit(&editing->wanted);
    documents_init(&editing->wanted);
    (void)snprintf(file, sizeof(file), "%s.yaml", editing->name);
    rv = documents_add_bytes(&editing->wanted, file, str_text(&text), text.size, true, err);
    return rv < 0 ? rv : documents_finish(&editing->wanted, err);
}

/* One document, of this cluster. */
static int check_wanted(struct editing *editing, struct err *err)
{
    struct documents *wanted = &editing->wanted;

    if (wanted->count == 1 && strcmp(wanted->list[0].read.spec.name, editing->name) == 0) {
        return 0;
    }
    str_appendf(&wanted->mistakes, "%s.yaml: must hold the document of cluster '%s' alone\n",
                editing->name, editing->name);
    return err_set(err, ERR_SPEC, "the text does not hold cluster '%s' alone", editing->name);
}

static int parse(struct editing *editing, struct err *err)
{
    const char *body = body_of(&editing->text);
    int rv = parse_below(editing, body, 0, err);

    if (rv == ERR_SPEC) {
        rv = parse_below(editing, body,
                         HEADER_LINES + count_lines(str_text(&editing->wanted.mistakes)), err);
    }
    return rv < 0 ? rv : check_wanted(editing, err);
}

/* What is opened: a header, the mistakes of the last try, and the text. */
static int compose(struct editing *editing, const char *body, struct err *err)
{
    CLEANUP(str_deinit) struct str text;
    const char *at = str_text(&editing->wanted.mistakes);

    str_init(&text, TEXT_BYTES_MAX);
    str_appendf(&text,
                "# This is cluster '%s'. What is changed is written when the editor ends; without\n"
                "# a change nothing happens. Comments at the head are passed over.\n",
                editing->name);
    while (*at != '\0') {
        size_t size = strcspn(at, "\n");

        str_appendf(&text, "# %.*s\n", (int)size, at);
        at += size + (at[size] == '\n' ? 1 : 0);
    }
    str_append_text(&text, body);
    str_clear(&editing->text);
    str_append(&editing->text, str_text(&text), text.size);
    str_clear(&editing->opened);
    str_append(&editing->opened, str_text(&text), text.size);
    return str_failed(&text) || str_failed(&editing->text) || str_failed(&editing->opened)
               ? err_set(err, ERR_NOMEM, "no memory for the text")
               : 0;
}

static bool is_as_opened(const struct editing *editing)
{
    return strcmp(body_of(&editing->text), body_of(&editing->opened)) == 0;
}

/* Until the text is well, is given up, or comes back with the same mistakes. */
static int ask(struct editing *editing, struct editor *editor, const char *body, struct err *err)
{
    bool again = false;
    int rv = compose(editing, body, err);

    while (0 <= rv) {
        CLEANUP(str_deinit) struct str kept;

        str_init(&kept, TEXT_BYTES_MAX);
        rv = editor_run(editor, &editing->text, err);
        if (rv < 0) {
            return rv;
        }
        if (body_of(&editing->text)[0] == '\0' || (is_as_opened(editing) && !again)) {
            documents_deinit(&editing->wanted);
            return 0;
        }
        rv = parse(editing, err);
        if (rv != ERR_SPEC || is_as_opened(editing)) {
            return rv;
        }
        str_append_text(&kept, body_of(&editing->text));
        rv = compose(editing, str_text(&kept), err);
        again = true;
    }
    return rv;
}

static int decide(void *ctx, size_t index, struct spec_edit *edit, struct err *err)
{
    const struct editing *editing = ctx;
    const struct spec *wanted = &editing->wanted.list[0].read.spec;

    (void)index;
    if (edit->current != NULL && edit->revision != editing->revision &&
        !spec_equal(&edit->current->spec, wanted)) {
        return err_set(err, ERR_CONFLICT, "cluster '%s' was changed meanwhile", edit->name);
    }
    return spec_edit_change(edit, wanted, "edit", clock_wall_ms(), editing->arena, err);
}

static int open_text(struct context *context, struct editing *editing, struct str *out,
                     struct err *err)
{
    struct spec_edit edit = { .name = editing->name };
    int rv = spec_store_read(context, &edit, 1, err);

    if (rv < 0) {
        return rv;
    }
    if (edit.current == NULL) {
        return err_set(err, ERR_NOT_FOUND, "there is no cluster '%s'", edit.name);
    }
    editing->revision = edit.revision;
    return spec_yaml_render(&edit.current->spec, out, err);
}

static int write_text(struct context *context, struct editing *editing, struct err *err)
{
    struct spec_edit edit = { .name = editing->name };
    int rv = 0;

    if (editing->wanted.count == 1) {
        rv = spec_store_change(context, &edit, 1, decide, editing, err);
    }
    if (0 <= rv) {
        (void)printf("cluster/%s %s\n", editing->name,
                     edit.done == SPEC_UNCHANGED ? "unchanged" : "edited");
    }
    return rv;
}

static int run(struct context *context, struct editing *editing, struct err *err)
{
    CLEANUP(str_deinit) struct str body;
    struct editor editor = { .path = "" };
    int rv;

    str_init(&body, SPEC_YAML_BYTES_MAX);
    rv = open_text(context, editing, &body, err);
    if (0 <= rv) {
        rv = editor_begin(&editor, editing->name, err);
    }
    if (rv < 0) {
        return rv;
    }
    rv = ask(editing, &editor, str_text(&body), err);
    if (0 <= rv) {
        rv = write_text(context, editing, err);
    }
    if (rv < 0 && rv != ERR_USAGE) {
        char why[ERR_MSG_MAX];

        memcpy(why, err->msg, sizeof(why));
        return err_set(err, rv, "%.300s; the text is kept in %s", why, editor.path);
    }
    editor_end(&editor);
    return rv;
}

static void editing_deinit(struct editing *editing)
{
    str_deinit(&editing->text);
    str_deinit(&editing->opened);
    documents_deinit(&editing->wanted);
}

int cmd_edit(int argc, char *const *argv, struct err *err)
{
    CLEANUP(context_close) struct context context = { .loop = NULL };
    CLEANUP(editing_deinit) struct editing editing = { .arena = &context.arena };
    struct edit_flags flags;
    struct opt_result args;
    int rv;

    memset(&flags, 0, sizeof(flags));
    str_init(&editing.text, TEXT_BYTES_MAX);
    str_init(&editing.opened, TEXT_BYTES_MAX);
    documents_init(&editing.wanted);
    rv = options_read(&cmd_edit_options, argc, argv, &flags, 1, 1, &args, err);
    if (rv != 0) {
        return rv < 0 ? rv : 0;
    }
    editing.name = args.positional[0];
    rv = cluster_name_check(editing.name, err);
    if (0 <= rv) {
        rv = context_open(&context, &flags.shared, err);
    }
    return rv < 0 ? rv : run(&context, &editing, err);
}
