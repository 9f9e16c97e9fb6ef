#include "watcher/leave_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

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
    char path[LEAVE_FILE_PATH_MAX + sizeof(LEAVE_FILE_ANSWER)];

    (void)snprintf(path, sizeof(path), "%s" LEAVE_FILE_ANSWER, file->path);
    return file_write(path, text, strlen(text), err);
}
