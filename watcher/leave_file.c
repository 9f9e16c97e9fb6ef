#include "watcher/leave_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

#define ANSWER_PATH_SIZE (LEAVE_FILE_PATH_MAX + sizeof(LEAVE_FILE_ANSWER))

struct leave_file {
    const char *path;
    struct loop_timer *poll;
    loop_fn *changed;
    void *ctx;
    bool there;
};

static void on_poll(void *ctx)
{
    struct leave_file *file = ctx;
    bool there = access(file->path, F_OK) == 0;

    loop_timer_start(file->poll, LEAVE_FILE_POLL_MS);
    if (there != file->there) {
        file->there = there;
        file->changed(file->ctx);
    }
}

static void answer_path(const struct leave_file *file, char out[ANSWER_PATH_SIZE])
{
    (void)snprintf(out, ANSWER_PATH_SIZE, "%s" LEAVE_FILE_ANSWER, file->path);
}

/* The former sidecar's: it was no node then, and this one may become one. */
static int take_back_answer(const struct leave_file *file, struct err *err)
{
    char path[ANSWER_PATH_SIZE];

    answer_path(file, path);
    if (!file->there && unlink(path) < 0 && errno != ENOENT) {
        return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    }
    return 0;
}

int leave_file_new(struct loop *loop, const char *path, loop_fn *changed, void *ctx,
                   struct leave_file **out, struct err *err)
{
    CLEANUP(leave_file_free_p) struct leave_file *file = mem_calloc(1, sizeof(*file));
    int rv;

    if (file == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    file->path = path;
    file->changed = changed;
    file->ctx = ctx;
    rv = loop_timer_new(loop, on_poll, file, &file->poll, err);
    if (rv < 0) {
        return rv;
    }
    file->there = access(path, F_OK) == 0;
    rv = take_back_answer(file, err);
    if (rv < 0) {
        return rv;
    }
    loop_timer_start(file->poll, LEAVE_FILE_POLL_MS);
    *out = TAKE(file);
    return 0;
}

void leave_file_free(struct leave_file *file)
{
    if (file != NULL) {
        loop_timer_free(file->poll);
        free(file);
    }
}

bool leave_file_is_there(const struct leave_file *file)
{
    return file->there;
}

int leave_file_answer(const struct leave_file *file, const char *text, struct err *err)
{
    char path[ANSWER_PATH_SIZE];

    answer_path(file, path);
    return file_write(path, text, strlen(text), err);
}
