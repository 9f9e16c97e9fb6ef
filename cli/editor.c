#include "cli/editor.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"

#define SUFFIX ".yaml"
#define COMMAND_SIZE 1024

int editor_begin(struct editor *editor, const char *name, struct err *err)
{
    CLEANUP(fd_close_p) int fd = -1;
    const char *dir = getenv("TMPDIR");
    int size = snprintf(editor->path, sizeof(editor->path), "%s/muster-%s-XXXXXX" SUFFIX,
                        dir == NULL || dir[0] == '\0' ? "/tmp" : dir, name);

    if (sizeof(editor->path) <= (size_t)size) {
        editor->path[0] = '\0';
        return err_set(err, ERR_IO, "TMPDIR is too long a path");
    }
    fd = mkstemps(editor->path, sizeof(SUFFIX) - 1);
    if (fd < 0) {
        int rv = err_set(err, ERR_IO, "%s: %s", editor->path, strerror(errno));

        editor->path[0] = '\0';
        return rv;
    }
    return 0;
}

static const char *editor_command(void)
{
    static const char *const variables[] = { "VISUAL", "EDITOR" };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(variables); i++) {
        const char *command = getenv(variables[i]);

        if (command != NULL && command[0] != '\0') {
            return command;
        }
    }
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) ? "vi" : NULL;
}

/* The keys that interrupt are the editor's; pipes that close are its own matter, too. */
static int spawn(char *const *argv, pid_t *pid)
{
    posix_spawnattr_t attributes;
    sigset_t defaults;
    int rv = posix_spawnattr_init(&attributes);

    if (rv != 0) {
        return rv;
    }
    (void)sigemptyset(&defaults);
    (void)sigaddset(&defaults, SIGINT);
    (void)sigaddset(&defaults, SIGQUIT);
    (void)sigaddset(&defaults, SIGPIPE);
    (void)posix_spawnattr_setsigdefault(&attributes, &defaults);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    rv = posix_spawn(pid, argv[0], NULL, &attributes, argv, environ);
    (void)posix_spawnattr_destroy(&attributes);
    return rv;
}

/* The command is the shell's to read: it may have options. */
static int spawn_and_wait(const char *command, const char *path, int *status, struct err *err)
{
    char line[COMMAND_SIZE];
    char shell[] = "/bin/sh";
    char flag[] = "-c";
    char kept[EDITOR_PATH_SIZE];
    char *argv[] = { shell, flag, line, shell, kept, NULL };
    pid_t pid;
    int rv;

    if (sizeof(line) <= (size_t)snprintf(line, sizeof(line), "%s \"$1\"", command)) {
        return err_set(err, ERR_USAGE, "the editor's command is too long");
    }
    (void)snprintf(kept, sizeof(kept), "%s", path);
    rv = spawn(argv, &pid);
    if (rv != 0) {
        return err_set(err, ERR_IO, "%s: %s", shell, strerror(rv));
    }
    while (waitpid(pid, status, 0) < 0) {
        if (errno != EINTR) {
            return err_set(err, ERR_IO, "the editor: %s", strerror(errno));
        }
    }
    return 0;
}

/* Keeps the file's mode, other than file_write(). */
static int put(const char *path, const struct str *text, struct err *err)
{
    FILE *file = fopen(path, "w");
    bool written;

    if (file == NULL) {
        return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    }
    written = fwrite(str_text(text), 1, text->size, file) == text->size;
    written = fclose(file) == 0 && written;
    return written ? 0 : err_set(err, ERR_IO, "%s: can't be written", path);
}

/* The terminal sends ^C to all that runs in it: who waits for the editor must not die of that. */
static int run_command(const char *command, const char *path, int *status, struct err *err)
{
    const struct sigaction ignored = { .sa_handler = SIG_IGN };
    struct sigaction interrupt;
    struct sigaction quit;
    int rv;

    (void)sigaction(SIGINT, &ignored, &interrupt);
    (void)sigaction(SIGQUIT, &ignored, &quit);
    rv = spawn_and_wait(command, path, status, err);
    (void)sigaction(SIGQUIT, &quit, NULL);
    (void)sigaction(SIGINT, &interrupt, NULL);
    return rv;
}

int editor_run(struct editor *editor, struct str *text, struct err *err)
{
    const char *command = editor_command();
    int status = 0;
    int rv;

    if (command == NULL) {
        return err_set(err, ERR_USAGE, "no editor: set VISUAL or EDITOR");
    }
    (void)fflush(stdout);
    rv = put(editor->path, text, err);
    if (0 <= rv) {
        rv = run_command(command, editor->path, &status, err);
    }
    if (0 <= rv && (!WIFEXITED(status) || WEXITSTATUS(status) != 0)) {
        rv = err_set(err, ERR_FAILED, "the editor '%.200s' failed", command);
    }
    if (rv < 0) {
        return rv;
    }
    str_clear(text);
    return file_read(editor->path, text, err);
}

void editor_end(struct editor *editor)
{
    if (editor->path[0] != '\0') {
        (void)unlink(editor->path);
        editor->path[0] = '\0';
    }
}
