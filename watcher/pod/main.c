/*
 * muster-pod - what the memcached container of a pod needs of muster, as one small program:
 *
 * - `install DIR` copies the program itself to DIR/bin, and the module to DIR/lib.
 * - `leave FILE [SECONDS]`, before memcached ends, asks the watcher beside it to leave the
 *   cluster, and waits until it has.
 * - `stay FILE`, when memcached has begun, takes that back.
 * - `alive [SECONDS]` tells whether memcached answers.
 *
 * It is linked statically and uses nothing but libc, because it runs in images of others: without a
 * shell, with another C library. `install` runs in an image of ours, in front of them. The file of
 * `leave` is that of muster-watcher --leave-file; where memcached is says the environment, by the
 * name that the watcher has for it: hooks and probes are given no values of pods.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "watcher/pod/alive.h"

#define PATH_SIZE 1024
#define COPY_BYTES 65536
#define ANSWER_SIZE 16
#define POLL_MS 100
#define LEAVE_SECONDS_DEFAULT 300
#define LEAVE_SECONDS_MAX 259200
#define MODULE_NAME "libmuster_partition.so"
#define PROGRAM_NAME "muster-pod"
#define LEFT "left\n"
#define ADDRESS_VARIABLE "MUSTER_MEMCACHED_ADDRESS"

enum { EXIT_DONE = 0, EXIT_FAILED_BADLY = 1, EXIT_WRONG_USE = 2, EXIT_TIME_UP = 7 };

static int failed(const char *path)
{
    (void)fprintf(stderr, PROGRAM_NAME ": %s: %s\n", path, strerror(errno));
    return -1;
}

static int join_path(char out[PATH_SIZE], const char *dir, const char *name)
{
    if (PATH_SIZE <= snprintf(out, PATH_SIZE, "%s/%s", dir, name)) {
        errno = ENAMETOOLONG;
        return failed(dir);
    }
    return 0;
}

/* ---- install ---- */

static int copy_bytes(int from, int to)
{
    static char chunk[COPY_BYTES];
    ssize_t size;

    while ((size = read(from, chunk, sizeof(chunk))) != 0) {
        ssize_t done = 0;

        while (0 < size && done < size) {
            ssize_t n = write(to, chunk + done, (size_t)(size - done));

            if (n < 0) {
                return -1;
            }
            done += n;
        }
        if (size < 0) {
            return -1;
        }
    }
    return 0;
}

/* Whole or not at all: a container that is restarted may be using the former one. */
static int copy_file(const char *from, const char *dir, const char *name)
{
    char beside[PATH_SIZE];
    char path[PATH_SIZE];
    int in;
    int out;
    int rv = -1;

    if (join_path(path, dir, name) < 0 ||
        PATH_SIZE <= snprintf(beside, sizeof(beside), "%s/.%s", dir, name)) {
        return -1;
    }
    in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0) {
        return failed(from);
    }
    (void)unlink(beside);
    out = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
    if (0 <= out) {
        rv = copy_bytes(in, out);
        rv = fchmod(out, 0755) < 0 || close(out) < 0 ? -1 : rv;
    }
    (void)close(in);
    if (rv < 0 || rename(beside, path) < 0) {
        return failed(path);
    }
    return 0;
}

static int make_dir(char out[PATH_SIZE], const char *dir, const char *name)
{
    if (join_path(out, dir, name) < 0) {
        return -1;
    }
    return mkdir(out, 0755) < 0 && errno != EEXIST ? failed(out) : 0;
}

/* The module as it was installed: in ../lib/muster of this program, or in ../lib in a build tree.
 */
static int find_module(const char *self, char out[PATH_SIZE])
{
    static const char *const places[] = { "../lib/muster/" MODULE_NAME, "../lib/" MODULE_NAME };
    char dir[PATH_SIZE];
    char *slash;
    size_t i;

    (void)snprintf(dir, sizeof(dir), "%s", self);
    slash = strrchr(dir, '/');
    if (slash != NULL) {
        *slash = '\0';
    }
    for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if (join_path(out, dir, places[i]) == 0 && access(out, R_OK) == 0) {
            return 0;
        }
    }
    errno = ENOENT;
    return failed(out);
}

static int install(const char *dir)
{
    char self[PATH_SIZE];
    char module[PATH_SIZE];
    char sub[PATH_SIZE];
    ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);

    if (size < 0) {
        return failed("/proc/self/exe");
    }
    self[size] = '\0';
    if (find_module(self, module) < 0 || make_dir(sub, dir, "lib") < 0 ||
        copy_file(module, sub, MODULE_NAME) < 0 || make_dir(sub, dir, "bin") < 0 ||
        copy_file(self, sub, PROGRAM_NAME) < 0) {
        return EXIT_FAILED_BADLY;
    }
    return EXIT_DONE;
}

/* ---- leave, stay ---- */

static int answer_path(char out[PATH_SIZE], const char *file)
{
    if (PATH_SIZE <= snprintf(out, PATH_SIZE, "%s.left", file)) {
        errno = ENAMETOOLONG;
        return failed(file);
    }
    return 0;
}

static int stay(const char *file)
{
    char answer[PATH_SIZE];

    if (answer_path(answer, file) < 0) {
        return EXIT_FAILED_BADLY;
    }
    /* The question first: without it, nobody answers any more. */
    if ((unlink(file) < 0 && errno != ENOENT) || (unlink(answer) < 0 && errno != ENOENT)) {
        (void)failed(file);
        return EXIT_FAILED_BADLY;
    }
    return EXIT_DONE;
}

static int read_answer(const char *path, char out[ANSWER_SIZE])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, out, ANSWER_SIZE - 1);

    if (0 <= fd) {
        (void)close(fd);
    }
    out[size < 0 ? 0 : size] = '\0';
    return size <= 0 ? -1 : 0;
}

static int leave(const char *file, unsigned long seconds)
{
    const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
    unsigned long polls = seconds * (1000 / POLL_MS);
    char path[PATH_SIZE];
    char answer[ANSWER_SIZE] = "";
    int fd;

    if (answer_path(path, file) < 0) {
        return EXIT_FAILED_BADLY;
    }
    if (read_answer(path, answer) == 0) {
        if (strcmp(answer, LEFT) == 0) {
            return EXIT_DONE; /* before it was asked: it was told to end, too */
        }
        if (unlink(path) < 0) {
            (void)failed(path);
            return EXIT_FAILED_BADLY;
        }
    }
    fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0 || close(fd) < 0) {
        (void)failed(file);
        return EXIT_FAILED_BADLY;
    }
    while (read_answer(path, answer) < 0 && 0 < polls--) {
        (void)nanosleep(&pause, NULL);
    }
    if (strcmp(answer, LEFT) == 0) {
        return EXIT_DONE;
    }
    (void)fprintf(stderr, PROGRAM_NAME ": the node was not let go of its cluster %s\n",
                  answer[0] == '\0' ? "in time" : "before the watcher gave up");
    return EXIT_TIME_UP;
}

/* ---- alive ---- */

static int look(unsigned long seconds)
{
    const char *address = getenv(ADDRESS_VARIABLE);
    const char *problem;

    if (address == NULL) {
        (void)fprintf(stderr, PROGRAM_NAME ": " ADDRESS_VARIABLE " is not set\n");
        return EXIT_WRONG_USE;
    }
    if (!alive(address, (unsigned)seconds, &problem)) {
        (void)fprintf(stderr, PROGRAM_NAME ": %s: %s\n", address, problem);
        return EXIT_FAILED_BADLY;
    }
    return EXIT_DONE;
}

/* ---- Arguments ---- */

static int usage(void)
{
    (void)fprintf(stderr, "Usage: " PROGRAM_NAME " install DIR\n"
                          "           copy the module and this program into DIR\n"
                          "       " PROGRAM_NAME " leave FILE [SECONDS]\n"
                          "           ask the watcher to leave by making FILE, its --leave-file,\n"
                          "           and wait until the node may end\n"
                          "       " PROGRAM_NAME " stay FILE\n"
                          "           take that back\n"
                          "       " PROGRAM_NAME " alive [SECONDS]\n"
                          "           whether memcached answers at $" ADDRESS_VARIABLE "\n");
    return EXIT_WRONG_USE;
}

/* `text`, or the default where there is none. */
static bool parse_seconds(const char *text, unsigned long max, unsigned long *out)
{
    char *end;

    if (text == NULL) {
        return true;
    }
    errno = 0;
    *out = strtoul(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && *out <= max;
}

int main(int argc, char **argv)
{
    unsigned long patience = LEAVE_SECONDS_DEFAULT;
    unsigned long seconds = ALIVE_SECONDS_DEFAULT;
    const char *verb = argc < 2 ? "" : argv[1];

    if (argc == 3 && strcmp(verb, "install") == 0) {
        return install(argv[2]);
    }
    if (argc == 3 && strcmp(verb, "stay") == 0) {
        return stay(argv[2]);
    }
    if ((argc == 3 || argc == 4) && strcmp(verb, "leave") == 0 &&
        parse_seconds(argv[3], LEAVE_SECONDS_MAX, &patience)) {
        return leave(argv[2], patience);
    }
    if ((argc == 2 || argc == 3) && strcmp(verb, "alive") == 0 &&
        parse_seconds(argv[2], ALIVE_SECONDS_MAX, &seconds)) {
        return look(seconds);
    }
    return usage();
}
