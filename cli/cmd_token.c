#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "cli/verb.h"
#include "client/options.h"
#include "codec/envelope.h"
#include "codec/join_token.h"

#define TOKEN_PARTS 4 /* of 16 digits each: 256 bits */
#define TOKEN_TEXT_SIZE (TOKEN_PARTS * (UID_TEXT_SIZE - 1) + 1)
#define TOKEN_MODE 0600
#define PATH_SIZE 4096

struct token_flags {
    bool rotate;
};

static const struct opt opts[] = {
    { "rotate", 0, OPT_FLAG, offsetof(struct token_flags, rotate), NULL, NULL,
      "put a new token in front of those that the file has: it signs from now on, the others are "
      "still accepted" },
};

const struct opt_table cmd_token_new_options = {
    .program = "muster token new",
    .synopsis = "FILE [--rotate]",
    .summary = "Make a join token: who has the file may ask to make a memcached a node of the "
               "cluster. The watchers of the cluster's nodes (--join-tokens) and the joiner's own "
               "(--token-file) read it. To change a token, rotate it, bring the file to all of "
               "them, and remove the old line.",
    .opts = opts,
    .count = ARRAY_COUNT(opts),
    .examples = "  muster token new /etc/muster/join/sessions\n"
                "  muster token new /etc/muster/join/sessions --rotate\n",
};

static int failed(const char *path, const char *what, struct err *err)
{
    return err_set(err, errno == EEXIST ? ERR_CONFLICT : ERR_IO, "%s: %s: %s", path, what,
                   strerror(errno));
}

static int write_all(int fd, const char *path, const struct str *text, struct err *err)
{
    size_t done = 0;

    while (done < text->size) {
        ssize_t n = write(fd, text->bytes + done, text->size - done);

        if (n < 0 && errno != EINTR) {
            return failed(path, "can't be written", err);
        }
        done += n < 0 ? 0 : (size_t)n;
    }
    return fsync(fd) < 0 ? failed(path, "can't be written", err) : 0;
}

/* A file that was not there, and that nobody else may read. */
static int write_new(const char *path, const struct str *text, struct err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, TOKEN_MODE);
    int rv;

    if (fd < 0) {
        return failed(path, "can't be made", err);
    }
    rv = write_all(fd, path, text, err);
    if (close(fd) < 0 && rv == 0) {
        rv = failed(path, "can't be written", err);
    }
    if (rv < 0) {
        (void)unlink(path);
    }
    return rv;
}

/* Beside it first: whoever reads sees the former tokens or all. */
static int replace(const char *path, const struct str *text, struct err *err)
{
    char beside[PATH_SIZE];
    char suffix[UID_TEXT_SIZE];
    int rv;

    random_hex16(suffix);
    if (PATH_SIZE <= snprintf(beside, sizeof(beside), "%s.%s", path, suffix)) {
        return err_set(err, ERR_LIMIT, "%.64s...: path is too long", path);
    }
    rv = write_new(beside, text, err);
    if (0 <= rv && rename(beside, path) < 0) {
        rv = failed(path, "can't be replaced", err);
        (void)unlink(beside);
    }
    return rv;
}

static void append_token(struct str *out)
{
    size_t i;

    for (i = 0; i < TOKEN_PARTS; i++) {
        char part[UID_TEXT_SIZE];

        random_hex16(part);
        str_append_text(out, part);
    }
    str_append_char(out, '\n');
}

static int rotate(const char *path, struct str *text, struct err *err)
{
    struct join_tokens tokens;
    int rv = join_tokens_load(path, &tokens, err); /* is it one at all? */

    if (rv < 0) {
        return rv;
    }
    if (tokens.count == JOIN_TOKENS_MAX) {
        rv = err_set(err, ERR_LIMIT, "%s: has %d tokens already; remove the oldest lines", path,
                     JOIN_TOKENS_MAX);
    }
    join_tokens_clear(&tokens);
    if (0 <= rv) {
        rv = file_read(path, text, err);
    }
    return rv < 0 ? rv : replace(path, text, err);
}

static int make(const char *path, bool rotates, struct err *err)
{
    CLEANUP(str_deinit) struct str text;

    str_init(&text, JOIN_TOKEN_FILE_BYTES_MAX);
    append_token(&text);
    return rotates ? rotate(path, &text, err) : write_new(path, &text, err);
}

int cmd_token_new(int argc, char *const *argv, struct err *err)
{
    struct token_flags flags = { .rotate = false };
    struct opt_result args;
    const char *path;
    int rv = options_read(&cmd_token_new_options, argc, argv, &flags, 1, 1, &args, err);

    if (rv != 0) {
        return rv < 0 ? rv : 0;
    }
    path = args.positional[0];
    rv = make(path, flags.rotate, err);
    if (0 <= rv) {
        (void)printf("%s %s\n", path, flags.rotate ? "rotated" : "created");
    }
    return rv;
}
