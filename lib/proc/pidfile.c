#include "proc/pidfile.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

/* The field behind the command's closing parenthesis is the third one. */
#define STAT_FIELD_STATE 3
#define STAT_FIELD_START 22

void pidfile_init(struct pidfile *file)
{
    *file = (struct pidfile){ 0 };
    str_init(&file->args, PIDFILE_BYTES_MAX);
}

void pidfile_deinit(struct pidfile *file)
{
    str_deinit(&file->args);
}

int pidfile_set_args(struct pidfile *file, const char *const *argv, struct err *err)
{
    size_t i;

    str_clear(&file->args);
    for (i = 0; argv[i] != NULL; i++) {
        str_append(&file->args, argv[i], strlen(argv[i]) + 1);
    }
    if (str_failed(&file->args)) {
        return err_set(err, ERR_LIMIT, "the arguments of %s are too long", argv[0]);
    }
    return 0;
}

bool pidfile_has_args(const struct pidfile *file, const char *const *argv)
{
    const char *at = str_text(&file->args);
    const char *end = at + file->args.size;
    size_t i;

    for (i = 0; argv[i] != NULL; i++) {
        size_t size = strlen(argv[i]) + 1;

        if ((size_t)(end - at) < size || memcmp(at, argv[i], size) != 0) {
            return false;
        }
        at += size;
    }
    return at == end;
}

static bool read_proc(pid_t pid, const char *name, struct str *out)
{
    char path[64];

    (void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    return file_read(path, out, NULL) == 0;
}

int pidfile_start_ticks(pid_t pid, uint64_t *out, struct err *err)
{
    CLEANUP(str_deinit) struct str text;
    const char *at;
    int field;

    str_init(&text, PIDFILE_BYTES_MAX);
    if (!read_proc(pid, "stat", &text)) {
        return err_set(err, ERR_NOT_FOUND, "no process %d", (int)pid);
    }
    /* The command may itself contain spaces and parentheses; the last one closes it. */
    at = strrchr(str_text(&text), ')');
    if (at == NULL || at[1] != ' ' || at[2] == 'Z' || at[2] == 'X') {
        return err_set(err, ERR_NOT_FOUND, "process %d has ended", (int)pid);
    }
    at += 2;
    for (field = STAT_FIELD_STATE; field < STAT_FIELD_START && at != NULL; field++) {
        at = strchr(at, ' ');
        at = at == NULL ? NULL : at + 1;
    }
    if (at == NULL || !bytes_to_u64(at, strcspn(at, " \n"), 0, UINT64_MAX, out)) {
        return err_set(err, ERR_NOT_FOUND, "/proc/%d/stat can't be read", (int)pid);
    }
    return 0;
}

bool pidfile_is_alive(const struct pidfile *file)
{
    CLEANUP(str_deinit) struct str line;
    uint64_t ticks;
    size_t lead;

    str_init(&line, PIDFILE_BYTES_MAX);
    if (pidfile_start_ticks(file->pid, &ticks, NULL) < 0 || ticks != file->start_ticks ||
        !read_proc(file->pid, "cmdline", &line) || line.size < file->args.size) {
        return false;
    }
    lead = line.size - file->args.size;
    return memcmp(str_text(&line) + lead, str_text(&file->args), file->args.size) == 0 &&
           (lead == 0 || str_text(&line)[lead - 1] == '\0');
}

int pidfile_write(const struct pidfile *file, const char *path, struct err *err)
{
    CLEANUP(str_deinit) struct str text;

    str_init(&text, 2 * PIDFILE_BYTES_MAX);
    str_appendf(&text, "%d %llu\n", (int)file->pid, (unsigned long long)file->start_ticks);
    str_append(&text, str_text(&file->args), file->args.size);
    if (str_failed(&text)) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    return file_write(path, str_text(&text), text.size, err);
}

static int parse(const char *path, const struct str *text, struct pidfile *out, struct err *err)
{
    const char *at = str_text(text);
    const char *end = memchr(at, '\n', text->size);
    const char *space = end == NULL ? NULL : memchr(at, ' ', (size_t)(end - at));
    uint64_t pid;
    uint64_t ticks;

    if (space == NULL || !bytes_to_u64(at, (size_t)(space - at), 1, INT_MAX, &pid) ||
        !bytes_to_u64(space + 1, (size_t)(end - space - 1), 0, UINT64_MAX, &ticks)) {
        return err_set(err, ERR_INVALID, "%s is not a pid file", path);
    }
    str_clear(&out->args);
    str_append(&out->args, end + 1, text->size - (size_t)(end + 1 - at));
    if (str_failed(&out->args)) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    out->pid = (pid_t)pid;
    out->start_ticks = ticks;
    return 0;
}

int pidfile_read(const char *path, struct pidfile *out, struct err *err)
{
    CLEANUP(str_deinit) struct str text;
    int rv;

    str_init(&text, 2 * PIDFILE_BYTES_MAX);
    rv = file_read(path, &text, err);
    if (rv == ERR_LIMIT) {
        return err_set(err, ERR_INVALID, "%s is not a pid file", path);
    }
    return rv < 0 ? rv : parse(path, &text, out, err);
}

void pidfile_remove(const struct pidfile *read, const char *path)
{
    CLEANUP(pidfile_deinit) struct pidfile now;
    int rv;

    pidfile_init(&now);
    rv = pidfile_read(path, &now, NULL);
    if (rv == ERR_INVALID ||
        (rv == 0 && now.pid == read->pid && now.start_ticks == read->start_ticks)) {
        (void)unlink(path);
    }
}
