#include "apply/apply.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "apply/spec_store.h"
#include "base/clock.h"
#include "base/str.h"
#include "codec/envelope.h"
#include "codec/spec_yaml.h"

#define SPEC_ARENA_BYTES_MAX (256U << 20)
#define MISTAKES_BYTES_MAX (1U << 20)
#define READ_CHUNK_BYTES 65536

static int read_fd(int fd, const char *path, struct str *out, struct err *err)
{
    char chunk[READ_CHUNK_BYTES];
    ssize_t size;

    while ((size = read(fd, chunk, sizeof(chunk))) != 0) {
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size < 0) {
            return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
        }
        str_append(out, chunk, (size_t)size);
        if (str_failed(out)) {
            return err_set(err, ERR_SPEC, "%s: larger than %u bytes", path, SPEC_YAML_BYTES_MAX);
        }
    }
    return 0;
}

static int read_bytes(const char *path, struct str *out, struct err *err)
{
    CLEANUP(fd_close_p) int fd = -1;

    if (strcmp(path, "-") == 0) {
        return read_fd(STDIN_FILENO, "standard input", out, err);
    }
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    }
    return read_fd(fd, path, out, err);
}

void spec_file_deinit(struct spec_file *file)
{
    arena_deinit(&file->arena);
    memset(file, 0, sizeof(*file));
}

int spec_file_read(struct spec_file *file, const char *path, struct err *err)
{
    CLEANUP(str_deinit) struct str bytes;
    CLEANUP(str_deinit) struct str mistakes;
    int rv;

    arena_init(&file->arena, SPEC_ARENA_BYTES_MAX);
    str_init(&bytes, SPEC_YAML_BYTES_MAX);
    str_init(&mistakes, MISTAKES_BYTES_MAX);
    rv = read_bytes(path, &bytes, err);
    if (rv < 0) {
        return rv;
    }
    rv = spec_yaml_parse(path, str_text(&bytes), bytes.size, &file->arena, &file->specs,
                         &file->count, &mistakes, err);
    if (rv == ERR_SPEC && 0 < mistakes.size) {
        (void)fputs(str_text(&mistakes), stderr);
        err->msg[0] = '\0';
    }
    return rv;
}

/* What a decision needs besides the edit. */
struct applying {
    const struct spec *specs;
    char (*uids)[UID_TEXT_SIZE];
    uint64_t now_ms;
};

static int decide(void *ctx, size_t index, struct spec_edit *edit, struct err *err)
{
    const struct applying *applying = ctx;

    return spec_edit_apply(edit, &applying->specs[index], applying->uids[index], applying->now_ms,
                           err);
}

int apply_specs(struct context *context, const struct spec *specs, size_t count, struct err *err)
{
    struct applying applying = { .specs = specs, .now_ms = clock_wall_ms() };
    struct spec_edit *edits = arena_calloc(&context->arena, count, sizeof(*edits));
    size_t i;
    int rv;

    applying.uids = arena_calloc(&context->arena, count, sizeof(*applying.uids));
    if (edits == NULL || applying.uids == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for %zu specs", count);
    }
    for (i = 0; i < count; i++) {
        edits[i].name = specs[i].name;
        random_hex16(applying.uids[i]);
    }
    rv = spec_store_change(context, edits, count, decide, &applying, err);
    for (i = 0; 0 <= rv && i < count; i++) {
        (void)printf("cluster/%s %s\n", edits[i].name, spec_change_text(edits[i].done));
    }
    return rv;
}
