#include "codec/join_token.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "base/secret_file.h"

struct file_text {
    char bytes[JOIN_TOKEN_FILE_BYTES_MAX + 1];
    size_t size;
};

static void file_text_wipe(struct file_text *text)
{
    sodium_memzero(text, sizeof(*text));
}

void join_tokens_clear(struct join_tokens *tokens)
{
    sodium_memzero(tokens, sizeof(*tokens));
}

static bool is_token(const char *line, size_t size)
{
    size_t i;

    for (i = 0; i < size; i++) {
        if (line[i] <= ' ' || '~' < line[i]) {
            return false;
        }
    }
    return JOIN_TOKEN_BYTES_MIN <= size && size <= JOIN_TOKEN_BYTES_MAX;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* The token itself never stands in a message. */
static int take_line(struct join_tokens *tokens, const char *line, size_t size, const char *name,
                     unsigned number, struct err *err)
{
    struct join_token *token = &tokens->tokens[tokens->count];

    while (0 < size && is_blank(line[size - 1])) {
        size--;
    }
    if (size == 0 || line[0] == '#') {
        return 0;
    }
    if (!is_token(line, size)) {
        return err_set(err, ERR_INVALID,
                       "%s:%u: a token has %d to %d printable characters without blanks", name,
                       number, JOIN_TOKEN_BYTES_MIN, JOIN_TOKEN_BYTES_MAX);
    }
    if (tokens->count == JOIN_TOKENS_MAX) {
        return err_set(err, ERR_LIMIT, "%s: holds more than %d tokens", name, JOIN_TOKENS_MAX);
    }
    memcpy(token->bytes, line, size);
    token->size = size;
    tokens->count++;
    return 0;
}

int join_tokens_read(const char *text, size_t size, const char *name, struct join_tokens *out,
                     struct err *err)
{
    CLEANUP(join_tokens_clear) struct join_tokens tokens = { .count = 0 };
    const char *end = text + size;
    unsigned number = 1;
    int rv = 0;

    for (; text < end && rv == 0; number++) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));

        stop = stop == NULL ? end : stop;
        rv = take_line(&tokens, text, (size_t)(stop - text), name, number, err);
        text = stop + 1;
    }
    if (rv == 0 && tokens.count == 0) {
        rv = err_set(err, ERR_INVALID, "%s: holds no token", name);
    }
    if (rv == 0) {
        *out = tokens;
    }
    return rv;
}

static int io_error(const char *path, const char *what, struct err *err)
{
    int code = errno == ENOENT ? ERR_NOT_FOUND : errno == EACCES ? ERR_DENIED : ERR_IO;

    return err_set(err, code, "%s: can't %s: %s", path, what, strerror(errno));
}

static int check_file(int fd, const char *path, struct err *err)
{
    struct stat st;

    if (fstat(fd, &st) < 0) {
        return io_error(path, "look at it", err);
    }
    if (!S_ISREG(st.st_mode)) {
        return err_set(err, ERR_INVALID, "%s: is no file", path);
    }
    if (!secret_file_is_kept(st.st_mode, st.st_uid, geteuid())) {
        return err_set(err, ERR_DENIED, "%s: others may read this token (mode %04o); chmod 600 it",
                       path, st.st_mode & 07777U);
    }
    return 0;
}

static int read_file(const char *path, struct file_text *out, struct err *err)
{
    CLEANUP(fd_close_p) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n = 1;
    int rv;

    if (fd < 0) {
        return io_error(path, "open it", err);
    }
    rv = check_file(fd, path, err);
    out->size = 0;
    while (rv == 0 && 0 < n) {
        n = read(fd, out->bytes + out->size, sizeof(out->bytes) - out->size);
        if (n < 0 && errno != EINTR) {
            return io_error(path, "read it", err);
        }
        out->size += n < 0 ? 0 : (size_t)n;
        n = n < 0 ? 1 : n;
    }
    if (rv == 0 && out->size == sizeof(out->bytes)) {
        return err_set(err, ERR_LIMIT, "%s: is larger than %d bytes", path,
                       JOIN_TOKEN_FILE_BYTES_MAX);
    }
    return rv;
}

int join_tokens_load(const char *path, struct join_tokens *out, struct err *err)
{
    CLEANUP(file_text_wipe) struct file_text text = { .size = 0 };
    int rv = read_file(path, &text, err);

    return rv < 0 ? rv : join_tokens_read(text.bytes, text.size, path, out, err);
}
