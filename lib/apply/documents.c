#include "apply/documents.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARENA_BYTES_MAX (512U << 20)
#define MISTAKES_BYTES_MAX (1U << 20)
#define READ_CHUNK_BYTES 65536
#define STDIN_NAME "standard input"

void documents_init(struct documents *documents)
{
    memset(documents, 0, sizeof(*documents));
    arena_init(&documents->arena, ARENA_BYTES_MAX);
    str_init(&documents->mistakes, MISTAKES_BYTES_MAX);
}

void documents_deinit(struct documents *documents)
{
    arena_deinit(&documents->arena);
    str_deinit(&documents->mistakes);
    memset(documents, 0, sizeof(*documents));
}

static int no_memory(struct err *err)
{
    return err_set(err, ERR_NOMEM, "no memory for documents");
}

/* ---- Bytes ---- */

static void note_first(struct documents *documents, const char *text)
{
    if (documents->first[0] == '\0') {
        (void)snprintf(documents->first, sizeof(documents->first), "%s", text);
    }
}

static int reserve(struct documents *documents, size_t more, struct err *err)
{
    size_t capacity = documents->capacity == 0 ? 64 : documents->capacity;
    struct document *grown;

    while (capacity < documents->count + more) {
        capacity *= 2;
    }
    if (capacity == documents->capacity) {
        return 0;
    }
    grown = arena_calloc(&documents->arena, capacity, sizeof(*grown));
    if (grown == NULL) {
        return no_memory(err);
    }
    if (0 < documents->count) {
        memcpy(grown, documents->list, documents->count * sizeof(*grown));
    }
    documents->list = grown;
    documents->capacity = capacity;
    return 0;
}

static int take(struct documents *documents, const char *name, const struct spec_documents *read,
                struct err *err)
{
    size_t i;
    int rv;

    if (DOCUMENTS_MAX < documents->count + read->count) {
        return err_set(err, ERR_SPEC, "%s: more than %d documents", name, DOCUMENTS_MAX);
    }
    rv = reserve(documents, read->count, err);
    for (i = 0; 0 <= rv && i < read->count; i++) {
        documents->list[documents->count++] =
            (struct document){ .read = read->list[i], .file = name };
    }
    return rv;
}

int documents_add_bytes(struct documents *documents, const char *name, const char *bytes,
                        size_t size, bool needed, struct err *err)
{
    const char *kept = arena_strdup(&documents->arena, name);
    const struct spec_yaml_file file = {
        .name = kept, .bytes = bytes, .size = size, .may_be_empty = !needed
    };
    struct spec_documents read = { .count = 0 };
    int rv;

    if (kept == NULL) {
        return no_memory(err);
    }
    if (DOCUMENTS_FILES_MAX <= documents->files || DOCUMENTS_BYTES_MAX - documents->bytes < size) {
        return err_set(err, ERR_SPEC, "%s: more than %d files, or %u bytes", name,
                       DOCUMENTS_FILES_MAX, DOCUMENTS_BYTES_MAX);
    }
    documents->files++;
    documents->bytes += size;
    rv = spec_yaml_read(&file, &documents->arena, &read, &documents->mistakes, err);
    if (rv == ERR_SPEC) {
        note_first(documents, err->msg);
        return 0;
    }
    return rv < 0 ? rv : take(documents, kept, &read, err);
}

/* ---- Files ---- */

static int read_fd(int fd, const char *name, struct str *out, struct err *err)
{
    char chunk[READ_CHUNK_BYTES];
    ssize_t size;

    while ((size = read(fd, chunk, sizeof(chunk))) != 0) {
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size < 0) {
            return err_set(err, ERR_IO, "%s: %s", name, strerror(errno));
        }
        str_append(out, chunk, (size_t)size);
        if (str_failed(out)) {
            return err_set(err, ERR_SPEC, "%s: larger than %u bytes", name, SPEC_YAML_BYTES_MAX);
        }
    }
    return 0;
}

static int add_fd(struct documents *documents, int fd, const char *name, bool needed,
                  struct err *err)
{
    CLEANUP(str_deinit) struct str bytes;
    int rv;

    str_init(&bytes, SPEC_YAML_BYTES_MAX);
    rv = read_fd(fd, name, &bytes, err);
    return rv < 0 ? rv
                  : documents_add_bytes(documents, name, str_text(&bytes), bytes.size, needed, err);
}

static int add_file(struct documents *documents, const char *path, bool needed, struct err *err)
{
    CLEANUP(fd_close_p) int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    }
    return add_fd(documents, fd, path, needed, err);
}

/* ---- Directories ---- */

/* Names of a directory, in order. */
struct names {
    struct documents *documents;
    const char **list;
    size_t count;
    size_t capacity;
};

static int names_add(struct names *names, const char *name, struct err *err)
{
    size_t capacity = names->capacity == 0 ? 32 : 2 * names->capacity;
    const char **grown;

    if (names->count == names->capacity) {
        grown = arena_calloc(&names->documents->arena, capacity, sizeof(*grown));
        if (grown == NULL) {
            return no_memory(err);
        }
        if (0 < names->count) {
            memcpy(grown, names->list, names->count * sizeof(*grown));
        }
        names->list = grown;
        names->capacity = capacity;
    }
    names->list[names->count] = arena_strdup(&names->documents->arena, name);
    return names->list[names->count++] == NULL ? no_memory(err) : 0;
}

static int by_text(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static int read_names(const char *path, struct names *names, struct err *err)
{
    DIR *dir = opendir(path);
    const struct dirent *entry;
    int rv = 0;

    if (dir == NULL) {
        return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    }
    while (0 <= rv && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.') {
            rv = names_add(names, entry->d_name, err);
        }
    }
    (void)closedir(dir);
    if (0 < names->count) {
        qsort(names->list, names->count, sizeof(*names->list), by_text);
    }
    return rv;
}

static bool is_yaml(const char *name)
{
    const char *dot = strrchr(name, '.');

    return dot != NULL && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

static int add_dir(struct documents *documents, const char *path, unsigned depth, struct err *err);

static int add_entry(struct documents *documents, const char *path, const char *name,
                     unsigned depth, struct err *err)
{
    char below[DOCUMENTS_PATH_MAX];
    struct stat link;
    size_t size = strlen(path);
    const char *slash = 0 < size && path[size - 1] == '/' ? "" : "/";

    if (sizeof(below) <= (size_t)snprintf(below, sizeof(below), "%s%s%s", path, slash, name)) {
        return err_set(err, ERR_SPEC, "%s: a path below it is too long", path);
    }
    if (lstat(below, &link) < 0) {
        return err_set(err, ERR_IO, "%s: %s", below, strerror(errno));
    }
    if (S_ISDIR(link.st_mode)) {
        return add_dir(documents, below, depth + 1, err);
    }
    if (!is_yaml(name) || (!S_ISREG(link.st_mode) && !S_ISLNK(link.st_mode))) {
        return 0;
    }
    if (stat(below, &link) == 0 && !S_ISREG(link.st_mode)) {
        return 0; /* a link to what is no file */
    }
    return add_file(documents, below, false, err);
}

static int add_dir(struct documents *documents, const char *path, unsigned depth, struct err *err)
{
    struct names names = { .documents = documents };
    size_t i;
    int rv;

    if (DOCUMENTS_DEPTH_MAX < depth) {
        return err_set(err, ERR_SPEC, "%s: deeper than %d directories", path, DOCUMENTS_DEPTH_MAX);
    }
    rv = read_names(path, &names, err);
    for (i = 0; 0 <= rv && i < names.count; i++) {
        rv = add_entry(documents, path, names.list[i], depth, err);
    }
    return rv;
}

int documents_add_path(struct documents *documents, const char *path, struct err *err)
{
    struct stat stats;

    if (strcmp(path, "-") == 0) {
        return add_fd(documents, STDIN_FILENO, STDIN_NAME, true, err);
    }
    if (stat(path, &stats) < 0) {
        return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    }
    return S_ISDIR(stats.st_mode) ? add_dir(documents, path, 0, err)
                                  : add_file(documents, path, true, err);
}

/* ---- All together ---- */

static int by_name(const void *left, const void *right)
{
    const struct document *a = left;
    const struct document *b = right;
    int order = strcmp(a->read.spec.name, b->read.spec.name);

    if (order == 0) {
        order = strcmp(a->file, b->file);
    }
    if (order == 0) {
        order = a->read.line < b->read.line ? -1 : a->read.line != b->read.line;
    }
    return order;
}

static void tell_twice(struct documents *documents, const struct document *one,
                       const struct document *other)
{
    char text[ERR_MSG_MAX];

    (void)snprintf(text, sizeof(text), "%s:%u:%u: metadata.name: cluster '%s' is also in %s:%u",
                   other->file, other->read.line, other->read.column, other->read.spec.name,
                   one->file, one->read.line);
    note_first(documents, text);
    str_appendf(&documents->mistakes, "%s\n", text);
}

int documents_finish(struct documents *documents, struct err *err)
{
    size_t i;

    if (1 < documents->count) {
        qsort(documents->list, documents->count, sizeof(*documents->list), by_name);
    }
    for (i = 1; i < documents->count; i++) {
        const struct document *one = &documents->list[i - 1];

        if (strcmp(one->read.spec.name, documents->list[i].read.spec.name) == 0) {
            tell_twice(documents, one, &documents->list[i]);
        }
    }
    return documents->first[0] == '\0' ? 0 : err_set(err, ERR_SPEC, "%s", documents->first);
}
