#include "support/scene.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ENVIRON_BYTES_MAX 65536
#define GUARD_ROUNDS_MAX 2000
#define GUARD_QUIET_ROUNDS 5
#define ORDERS_BYTES_MAX 16384

struct block {
    struct block *next;
    max_align_t bytes[];
};

/* One test is one process: these belong to the test, and end with it. */
static struct block *blocks;
static struct scene_path directory;
static char mark[SCENE_PATH_SIZE + 32];
static int guard_orders;

void scene_fail(const char *fmt, ...)
{
    va_list args;

    (void)fputs("scene: ", stderr);
    va_start(args, fmt);
    (void)vfprintf(stderr, fmt, args);
    va_end(args);
    (void)fputc('\n', stderr);
    abort();
}

void *scene_alloc(size_t size)
{
    struct block *block = calloc(1, sizeof(*block) + size);

    if (block == NULL) {
        scene_fail("out of memory");
    }
    block->next = blocks;
    blocks = block;
    return block->bytes;
}

/* ---- The guard ---- */

/* Whether the process was started with the scene's mark in its environment. */
static bool is_marked(const char *pid)
{
    static char text[ENVIRON_BYTES_MAX];
    char path[64];
    size_t mark_size = strlen(mark) + 1;
    ssize_t size;
    ssize_t i;
    int fd;

    (void)snprintf(path, sizeof(path), "/proc/%.20s/environ", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    size = read(fd, text, sizeof(text));
    (void)close(fd);
    for (i = 0; i + (ssize_t)mark_size <= size; i++) {
        if (memcmp(text + i, mark, mark_size) == 0) {
            return true;
        }
    }
    return false;
}

/* Kill what is marked; how many there were. */
static unsigned kill_marked(void)
{
    DIR *processes = opendir("/proc");
    const struct dirent *entry;
    unsigned count = 0;

    if (processes == NULL) {
        return 0;
    }
    while ((entry = readdir(processes)) != NULL) {
        long pid = strtol(entry->d_name, NULL, 10);

        if (1 < pid && pid != (long)getpid() && is_marked(entry->d_name)) {
            (void)kill((pid_t)pid, SIGKILL);
            count++;
        }
    }
    (void)closedir(processes);
    return count;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info;
    (void)type;
    (void)where;
    (void)remove(path);
    return 0;
}

static void remove_tree(const char *path)
{
    (void)nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* Take in NUL-terminated paths until the test has closed its end. */
static size_t read_orders(int orders, char *out, size_t out_size)
{
    size_t used = 0;
    ssize_t n;

    while (used < out_size - 1) {
        n = read(orders, out + used, out_size - 1 - used);
        if (n == 0 || (n < 0 && errno != EINTR)) {
            break;
        }
        used += n < 0 ? 0 : (size_t)n;
    }
    out[used] = '\0';
    return used;
}

__attribute__((noreturn)) static void guard(int test_lives)
{
    const struct timespec pause = { .tv_nsec = 2000000 };
    static char orders[ORDERS_BYTES_MAX];
    size_t orders_bytes = read_orders(test_lives, orders, sizeof(orders));
    unsigned quiet = 0;
    unsigned round;
    size_t at;

    /* Whoever is killed may have started others meanwhile, and while a process becomes another
     * program it shows no environment: until nobody was left several times in a row. */
    for (round = 0; round < GUARD_ROUNDS_MAX && quiet < GUARD_QUIET_ROUNDS; round++) {
        quiet = 0 < kill_marked() ? 0 : quiet + 1;
        (void)nanosleep(&pause, NULL);
    }
    remove_tree(directory.text);
    for (at = 0; at < orders_bytes; at += strlen(orders + at) + 1) {
        remove_tree(orders + at);
    }
    _exit(0);
}

/* The guard must hold nothing of the test's: whoever reads the test's output waits for its end. */
static void guard_let_go(int keep)
{
    int null = open("/dev/null", O_RDWR);
    int fd;

    (void)setsid();
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGTERM, SIG_IGN);
    for (fd = 0; fd < 3; fd++) {
        (void)dup2(null, fd);
    }
    for (fd = 3; fd < 1024; fd++) {
        if (fd != keep) {
            (void)close(fd);
        }
    }
}

static void guard_start(void)
{
    int ends[2];
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) < 0) {
        scene_fail("pipe: %s", strerror(errno));
    }
    pid = fork();
    if (pid < 0) {
        scene_fail("fork: %s", strerror(errno));
    }
    if (pid == 0) {
        guard_let_go(ends[0]);
        guard(ends[0]);
    }
    (void)close(ends[0]);
    guard_orders = ends[1]; /* stays open as long as the test lives */
}

void scene_remove_too(const char *path)
{
    size_t size = strlen(path) + 1;

    (void)scene_dir();
    if (SCENE_PATH_SIZE < size || write(guard_orders, path, size) != (ssize_t)size) {
        scene_fail("can't tell the guard about %s", path);
    }
}

static void scene_make(void)
{
    if (directory.text[0] != '\0') {
        return;
    }
    (void)snprintf(directory.text, sizeof(directory.text), "/tmp/muster-test-XXXXXX");
    if (mkdtemp(directory.text) == NULL) {
        scene_fail("%s: %s", directory.text, strerror(errno));
    }
    /* Not MUSTER_…: the daemons of `muster up` don't get those, and must be found too. */
    (void)snprintf(mark, sizeof(mark), "TEST_SCENE=%s", directory.text);
    guard_start();
}

/* ---- Names ---- */

const char *scene_dir(void)
{
    scene_make();
    return directory.text;
}

const char *scene_mark(void)
{
    scene_make();
    return mark;
}

PRINTF_LIKE(2, 0)
static struct scene_path path_below(const char *base, const char *fmt, va_list args)
{
    struct scene_path path;
    int used = snprintf(path.text, sizeof(path.text), "%s/", base);

    if (used < 0 || (int)sizeof(path.text) <= used) {
        scene_fail("path is too long: %s", base);
    }
    if ((int)sizeof(path.text) - used <=
        vsnprintf(path.text + used, sizeof(path.text) - (size_t)used, fmt, args)) {
        scene_fail("path is too long: %s", path.text);
    }
    return path;
}

struct scene_path scene_path(const char *fmt, ...)
{
    struct scene_path path;
    va_list args;

    va_start(args, fmt);
    path = path_below(scene_dir(), fmt, args);
    va_end(args);
    return path;
}

PRINTF_LIKE(2, 3) static struct scene_path path_of(const char *variable, const char *fmt, ...)
{
    const char *base = getenv(variable);
    struct scene_path path;
    va_list args;

    if (base == NULL) {
        scene_fail("%s is not set: run the tests with ctest", variable);
    }
    va_start(args, fmt);
    path = path_below(base, fmt, args);
    va_end(args);
    return path;
}

struct scene_path scene_program(const char *name)
{
    return path_of("MUSTER_BIN_DIR", "%s", name);
}

struct scene_path scene_library(const char *name)
{
    return path_of("MUSTER_LIB_DIR", "%s", name);
}

struct scene_path scene_source(const char *name)
{
    return path_of("MUSTER_SOURCE_DIR", "%s", name);
}

struct scene_ip scene_ip(unsigned host)
{
    unsigned pid = (unsigned)getpid();
    struct scene_ip ip;

    if (host < 1 || 254 < host) {
        scene_fail("no host %u in a /24", host);
    }
    (void)snprintf(ip.text, sizeof(ip.text), "127.%u.%u.%u", 64U + ((pid >> 8U) & 127U), pid & 255U,
                   host & 255U);
    return ip;
}

/* ---- Files ---- */

struct scene_path scene_write(const char *name, const char *text)
{
    struct scene_path path = scene_path("%s", name);
    FILE *file = fopen(path.text, "we");

    if (file == NULL || fputs(text, file) == EOF || fclose(file) != 0) {
        scene_fail("write %s: %s", path.text, strerror(errno));
    }
    return path;
}

char *scene_read(const char *path)
{
    FILE *file = fopen(path, "re");
    char *text = NULL;
    size_t size = 0;

    if (file != NULL) {
        if (getdelim(&text, &size, '\0', file) < 0) {
            free(text);
            text = NULL;
        }
        (void)fclose(file);
    }
    if (text == NULL) {
        text = strdup("");
    }
    if (text == NULL) {
        scene_fail("out of memory");
    }
    return text;
}
