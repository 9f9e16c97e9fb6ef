#include "watcher/memcached.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"

static bool is_program(const char *path)
{
    return access(path, X_OK) == 0;
}

static bool search_path(char out[PATH_MAX])
{
    const char *at = getenv("PATH");

    while (at != NULL && *at != '\0') {
        size_t size = strcspn(at, ":");

        (void)snprintf(out, PATH_MAX, "%.*s/memcached", (int)size, at);
        if (is_program(out)) {
            return true;
        }
        at += size;
        at += *at == ':' ? 1 : 0;
    }
    (void)snprintf(out, PATH_MAX, "/usr/bin/memcached");
    return is_program(out);
}

/* What the descriptor gives until its end, its size limit, or the end of patience. */
static size_t read_some(int fd, char *out, size_t size)
{
    uint64_t end_ms = clock_mono_ms() + MEMCACHED_PATIENCE_MS;
    size_t used = 0;

    while (used < size) {
        struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
        uint64_t now_ms = clock_mono_ms();
        ssize_t got;

        if (end_ms <= now_ms || poll(&poll_fd, 1, (int)(end_ms - now_ms)) <= 0) {
            break;
        }
        got = read(fd, out + used, size - used);
        if (got <= 0) {
            break;
        }
        used += (size_t)got;
    }
    return used;
}

static pid_t spawn_version(const char *path, int output)
{
    char *const argv[] = { (char *)(uintptr_t)path, (char *)(uintptr_t) "-V", NULL };
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int rv;

    if (posix_spawn_file_actions_init(&actions) != 0) {
        return -1;
    }
    rv = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    if (rv == 0) {
        rv = posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    }
    if (rv == 0) {
        rv = posix_spawn(&pid, path, &actions, NULL, argv, environ);
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    return rv == 0 ? pid : -1;
}

/* "memcached 1.6.18" */
static bool ask_version(const char *path, char version[MEMCACHED_VERSION_SIZE])
{
    static const char lead[] = "memcached ";
    char text[256];
    size_t size;
    pid_t pid;
    int output[2];

    if (pipe2(output, O_CLOEXEC) < 0) {
        return false;
    }
    pid = spawn_version(path, output[1]);
    (void)close(output[1]);
    size = pid < 0 ? 0 : read_some(output[0], text, sizeof(text) - 1);
    (void)close(output[0]);
    if (0 < pid) {
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
    }
    text[size] = '\0';
    if (strncmp(text, lead, sizeof(lead) - 1) != 0) {
        return false;
    }
    (void)snprintf(version, MEMCACHED_VERSION_SIZE, "%.*s",
                   (int)strcspn(text + sizeof(lead) - 1, " \r\n"), text + sizeof(lead) - 1);
    return version[0] != '\0';
}

bool memcached_version_fits(const char *version)
{
    unsigned found[3];
    unsigned least[3];
    size_t i;

    CHECK(sscanf(MEMCACHED_VERSION_MIN, "%u.%u.%u", &least[0], &least[1], &least[2]) == 3);
    if (sscanf(version, "%u.%u.%u", &found[0], &found[1], &found[2]) != 3) {
        return false;
    }
    for (i = 0; i < 3; i++) {
        if (found[i] != least[i]) {
            return least[i] < found[i];
        }
    }
    return true;
}

void memcached_find(const char *wanted, struct memcached_program *out)
{
    *out = (struct memcached_program){ 0 };
    if (wanted != NULL) {
        (void)snprintf(out->path, sizeof(out->path), "%s", wanted);
    }
    if (wanted != NULL ? !is_program(wanted) : !search_path(out->path)) {
        (void)snprintf(out->problem, sizeof(out->problem), "no memcached: %.150s: %s",
                       wanted == NULL ? "neither in PATH nor /usr/bin/memcached" : wanted,
                       strerror(wanted == NULL ? ENOENT : errno));
        return;
    }
    if (!ask_version(out->path, out->version)) {
        (void)snprintf(out->problem, sizeof(out->problem), "%.150s does not tell a version",
                       out->path);
        return;
    }
    if (!memcached_version_fits(out->version)) {
        (void)snprintf(out->problem, sizeof(out->problem),
                       "%.150s is memcached %s, but %s or newer is needed", out->path, out->version,
                       MEMCACHED_VERSION_MIN);
    }
}
