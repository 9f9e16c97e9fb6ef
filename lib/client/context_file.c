#include "client/context_file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

#define MISTAKES_BYTES_MAX (64U << 10)
#define OTHERS_WRITE 0022U
#define OTHERS_READ 0007U

int context_file_path(char out[CONTEXT_FILE_PATH_SIZE], struct err *err)
{
    const char *base = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    int n;

    if (base != NULL && base[0] == '/') {
        n = snprintf(out, CONTEXT_FILE_PATH_SIZE, "%s/muster/config.yaml", base);
    } else if (home != NULL && home[0] == '/') {
        n = snprintf(out, CONTEXT_FILE_PATH_SIZE, "%s/.config/muster/config.yaml", home);
    } else {
        return err_set(err, ERR_USAGE, "no place for a context file: HOME is not set");
    }
    if (CONTEXT_FILE_PATH_SIZE <= n) {
        return err_set(err, ERR_USAGE, "the path of the context file is too long");
    }
    return 0;
}

/* Whether others have none of these rights. A file that is not there has nothing to tell. */
static int check_mode(const char *path, unsigned rights, const char *what, struct err *err)
{
    struct stat at;

    if (stat(path, &at) < 0 || ((unsigned)at.st_mode & rights) == 0) {
        return 0;
    }
    return err_set(err, ERR_INVALID, "%s: others may %s it (mode %04o); chmod %s it first", path,
                   what, (unsigned)at.st_mode & 07777U, rights == OTHERS_WRITE ? "go-w" : "o-rwx");
}

/* A path of the file is one from where the file lies. */
static int make_absolute(struct arena *arena, const char *file, const char **path, struct err *err)
{
    const char *slash = strrchr(file, '/');

    if (*path == NULL || (*path)[0] == '/') {
        return 0;
    }
    *path = arena_printf(arena, "%.*s/%s", (int)(slash - file), file, *path);
    return *path == NULL ? err_set(err, ERR_NOMEM, "out of memory") : 0;
}

static int make_paths(struct arena *arena, const char *file, struct context_entry *entry,
                      struct err *err)
{
    const char **const paths[] = { &entry->ca_file,      &entry->cert_file,
                                   &entry->key_file,     &entry->password_file,
                                   &entry->discovery_ca, &entry->discovery_cert,
                                   &entry->discovery_key };
    size_t i;
    int rv = 0;

    for (i = 0; i < ARRAY_COUNT(paths) && 0 <= rv; i++) {
        rv = make_absolute(arena, file, paths[i], err);
    }
    return rv;
}

static int parse(struct arena *arena, const char *path, const struct str *text,
                 struct contexts *out, struct err *err)
{
    CLEANUP(str_deinit) struct str mistakes;
    size_t i;
    int rv;

    str_init(&mistakes, MISTAKES_BYTES_MAX);
    rv = contexts_yaml_parse(path, str_text(text), text->size, arena, out, &mistakes, err);
    if (rv == ERR_SPEC) {
        (void)fputs(str_text(&mistakes), stderr); /* all of them are more than a message holds */
        return err_set(err, rv, "%s can't be used", path);
    }
    for (i = 0; i < out->count && 0 <= rv; i++) {
        rv = make_paths(arena, path, &out->list[i], err);
    }
    return rv;
}

int context_file_read(struct arena *arena, struct contexts *out, struct err *err)
{
    CLEANUP(str_deinit) struct str text;
    char path[CONTEXT_FILE_PATH_SIZE];
    struct err none;
    int rv = context_file_path(path, &none);

    *out = (struct contexts){ .count = 0 };
    str_init(&text, CONTEXTS_BYTES_MAX);
    if (rv < 0) {
        return 0; /* no home, no file */
    }
    rv = file_read_given(path, &text, err);
    if (rv < 0) {
        return rv == ERR_NOT_FOUND ? 0 : rv;
    }
    rv = check_mode(path, OTHERS_WRITE, "write to", err);
    return rv < 0 ? rv : parse(arena, path, &text, out, err);
}

static int no_context(const struct contexts *contexts, const char *name, struct err *err)
{
    const char *nearest = contexts_nearest(contexts, name);

    if (nearest != NULL) {
        return err_set(err, ERR_USAGE, "there is no context '%s', did you mean '%s'?", name,
                       nearest);
    }
    return err_set(err, ERR_USAGE, "there is no context '%s'; muster context list tells which",
                   name);
}

/* ---- Use ---- */

/* Beside it first: whoever reads sees the former file or the new one. A link to it stays one. */
static int replace(const char *link, const struct str *text, struct err *err)
{
    CLEANUP(mem_free_p) char *path = realpath(link, NULL);
    char beside[PATH_MAX + 8];
    struct stat at;
    int rv;

    if (path == NULL) {
        return err_set(err, ERR_IO, "%s: can't be replaced: %s", link, strerror(errno));
    }
    (void)snprintf(beside, sizeof(beside), "%s.new", path);
    rv = file_write(beside, str_text(text), text->size, err);
    if (rv < 0) {
        return rv;
    }
    if (stat(path, &at) < 0 || chmod(beside, at.st_mode & 07777U) < 0 || rename(beside, path) < 0) {
        rv = err_set(err, ERR_IO, "%s: can't be replaced: %s", path, strerror(errno));
        (void)unlink(beside);
    }
    return rv;
}

/* The start of the line, counted from 1. */
static const char *line_at(const char *text, unsigned line)
{
    while (1 < line && text != NULL) {
        text = strchr(text, '\n');
        text = text == NULL ? NULL : text + 1;
        line--;
    }
    return text;
}

static int set_current(const char *path, const char *name, unsigned line, const struct str *text,
                       struct err *err)
{
    CLEANUP(str_deinit) struct str changed;
    const char *at = line == 0 ? str_text(text) : line_at(str_text(text), line);
    size_t before;
    int rv;

    str_init(&changed, CONTEXTS_BYTES_MAX);
    if (at == NULL || (line != 0 && strncmp(at, "current:", strlen("current:")) != 0)) {
        return err_set(err, ERR_INVALID, "%s:%u: \"current\" must stand at the start of a line",
                       path, line);
    }
    before = (size_t)(at - str_text(text));
    str_append(&changed, str_text(text), before);
    str_appendf(&changed, "current: %s\n", name);
    if (line != 0) {
        at += strcspn(at, "\n");
        at += *at == '\n' ? 1 : 0;
    }
    str_append_text(&changed, at);
    rv = str_check(&changed, err);
    return rv < 0 ? rv : replace(path, &changed, err);
}

int context_file_use(const char *name, struct err *err)
{
    CLEANUP(str_deinit) struct str text;
    CLEANUP(arena_deinit) struct arena arena;
    char path[CONTEXT_FILE_PATH_SIZE];
    struct contexts contexts;
    int rv = context_file_path(path, err);

    str_init(&text, CONTEXTS_BYTES_MAX);
    arena_init(&arena, CONTEXTS_BYTES_MAX * 4);
    if (0 <= rv) {
        rv = context_file_read(&arena, &contexts, err);
    }
    if (0 <= rv && contexts_find(&contexts, name) == NULL) {
        (void)no_context(&contexts, name, err);
        err->code = rv = ERR_NOT_FOUND;
    }
    if (0 <= rv) {
        rv = file_read_given(path, &text, err);
    }
    return rv < 0 ? rv : set_current(path, name, contexts.current_line, &text, err);
}

/* ---- Apply ---- */

static void fill(const char **field, const char *value)
{
    *field = *field == NULL ? value : *field;
}

static int apply(const struct context_entry *entry, struct options *options,
                 struct discovery_tls_flags *discovery, struct err *err)
{
    const char *const secrets[] = { entry->key_file, entry->password_file, entry->discovery_key };
    size_t i;
    int rv = 0;

    for (i = 0; i < ARRAY_COUNT(secrets) && 0 <= rv; i++) {
        rv = secrets[i] == NULL ? 0 : check_mode(secrets[i], OTHERS_READ, "read", err);
    }
    if (rv < 0) {
        return rv;
    }
    fill(&options->etcd.endpoints, entry->endpoints);
    fill(&options->etcd.ca_file, entry->ca_file);
    fill(&options->etcd.cert_file, entry->cert_file);
    fill(&options->etcd.key_file, entry->key_file);
    fill(&options->etcd.user, entry->user);
    fill(&options->etcd.password_file, entry->password_file);
    fill(&options->prefix, entry->prefix);
    *discovery = (struct discovery_tls_flags){ .ca = entry->discovery_ca,
                                               .name = entry->discovery_name,
                                               .cert = entry->discovery_cert,
                                               .key = entry->discovery_key };
    return 0;
}

int context_file_apply(struct arena *arena, struct options *options,
                       struct discovery_tls_flags *discovery, struct err *err)
{
    struct contexts *contexts;
    const char *name = options->context;
    const struct context_entry *entry;
    int rv;

    if (name == NULL && (options->etcd.endpoints != NULL || options->state_dir != NULL)) {
        return 0;
    }
    contexts = arena_alloc(arena, sizeof(*contexts));
    if (contexts == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    rv = context_file_read(arena, contexts, err);
    if (rv < 0) {
        return rv;
    }
    name = name == NULL ? contexts->current : name;
    if (name == NULL) {
        return 0;
    }
    entry = contexts_find(contexts, name);
    if (entry == NULL) {
        (void)no_context(contexts, name, err);
        return err_wrap(err, "--context");
    }
    return apply(entry, options, discovery, err);
}
