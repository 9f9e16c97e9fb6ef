#include "integration/lab.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "integration/ps.h"

#define PAUSE_MS 10
#define LOG_TAIL_BYTES 6000
#define WALK_DESCRIPTORS_MAX 16
#define UP_ARGS_MAX 32

/* One test is one process: whether its logs are to be told when it ends now, */
static bool tells_logs;
/* and the directory in /dev/shm that its watcher was told to use. */
static struct scene_path partitions;

void lab_pause(void)
{
    struct timespec pause = { 0, PAUSE_MS * 1000000L };

    (void)nanosleep(&pause, NULL);
}

struct scene_path lab_state(void)
{
    return scene_path("state");
}

struct scene_path lab_spec(void)
{
    return scene_path("spec.yaml");
}

struct scene_ip lab_network(void)
{
    struct scene_ip network = scene_ip(1);
    char *last = strrchr(network.text, '.');

    (void)snprintf(last, sizeof(network.text) - (size_t)(last - network.text), ".0");
    return network;
}

/* ---- What the logs said ---- */

static int print_log(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    char bytes[LOG_TAIL_BYTES + 1];
    off_t from = info->st_size < LOG_TAIL_BYTES ? 0 : info->st_size - LOG_TAIL_BYTES;
    CLEANUP(fd_close_p) int fd = -1;
    ssize_t size;

    (void)where;
    if (kind != FTW_F || strstr(path, "/log") == NULL || info->st_size == 0 ||
        strstr(path, "/etcd") != NULL) {
        return 0;
    }
    fd = open(path, O_RDONLY | O_CLOEXEC);
    size = fd < 0 ? 0 : pread(fd, bytes, LOG_TAIL_BYTES, from);
    if (0 < size) {
        bytes[size] = '\0';
        (void)fprintf(stderr, "---- end of %s\n%s\n", path, bytes);
    }
    return 0;
}

static void tell_logs(void)
{
    struct ps_list list;
    size_t i;

    if (!tells_logs) {
        return;
    }
    ps_list(PS_ANY, &list);
    for (i = 0; i < list.count; i++) {
        (void)fprintf(stderr, "---- running: %d %s\n", (int)list.items[i].pid,
                      list.items[i].command);
    }
    (void)nftw(scene_dir(), print_log, WALK_DESCRIPTORS_MAX, FTW_PHYS);
}

void lab_tell_logs_on_failure(void)
{
    if (!tells_logs) {
        tells_logs = true;
        cr_assert_eq(atexit(tell_logs), 0);
    }
}

void lab_tell_no_logs(void)
{
    tells_logs = false;
}

/* ---- Life ---- */

struct scene_path lab_write_cluster(const char *file, const char *name, const char *spec)
{
    char text[8192];

    cr_assert_lt(snprintf(text, sizeof(text),
                          "apiVersion: muster/v1\nkind: MemcachedCluster\n"
                          "metadata:\n  name: %s\nspec:\n%s",
                          name, spec),
                 (int)sizeof(text));
    return scene_write(file, text);
}

void lab_write_spec(unsigned nodes, const char *extra)
{
    char spec[4096];

    (void)snprintf(spec, sizeof(spec), "  nodes: %u\n  memory: 16Mi\n%s", nodes, extra);
    (void)lab_write_cluster("spec.yaml", LAB_CLUSTER, spec);
}

void lab_note_partitions(void)
{
    static const char option[] = "--partition-dir=";
    struct ps_list list;
    const char *found;

    if (partitions.text[0] != '\0') {
        return;
    }
    ps_list(PS_WATCHER, &list);
    found = list.count == 0 ? NULL : strstr(list.items[0].command, option);
    if (found == NULL) {
        return;
    }
    found += strlen(option);
    (void)snprintf(partitions.text, sizeof(partitions.text), "%.*s", (int)strcspn(found, " "),
                   found);
    scene_remove_too(partitions.text);
}

void lab_up(const char *const *args)
{
    struct run_result result;
    struct scene_path spec = lab_spec();
    char network[SCENE_IP_SIZE + 4];
    const char *all[UP_ARGS_MAX] = { "up",        "--detach", "-f",        spec.text,
                                     "--timeout", "60s",      "--network", network };
    size_t count = 8;
    size_t i;

    lab_tell_logs_on_failure();
    (void)snprintf(network, sizeof(network), "%s/24", lab_network().text);
    for (i = 0; args != NULL && args[i] != NULL && count < UP_ARGS_MAX - 1; i++) {
        all[count++] = args[i];
    }
    must_muster(&result, 0, all);
}

void lab_start(unsigned nodes, const char *const *up_args)
{
    lab_write_spec(nodes, "  rollout:\n    drain: 2s\n");
    lab_up(up_args);
}

static void must_be_empty(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        cr_assert(strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0,
                  "%s/%s is left", path, entry->d_name);
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
}

/* What a sanitizer or CHECK() had to say, in any log. */
static int find_complaint(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    static const char *const complaints[] = { "AddressSanitizer", "LeakSanitizer",
                                              "runtime error:", ": check failed:" };
    CLEANUP(mem_free_p) char *text = NULL;
    size_t i;

    (void)info;
    (void)where;
    if (kind != FTW_F) {
        return 0;
    }
    text = scene_read(path);
    for (i = 0; i < ARRAY_COUNT(complaints); i++) {
        const char *found = strstr(text, complaints[i]);

        cr_assert_null(found, "%s: %.4000s", path, found);
    }
    return 0;
}

void lab_must_have_clean_logs(const char *path)
{
    (void)nftw(path, find_complaint, WALK_DESCRIPTORS_MAX, FTW_PHYS);
}

void lab_close(void)
{
    struct ps_list left;

    cr_assert_str_not_empty(partitions.text, "no watcher runs");
    MUST_OK("down");
    ps_list(PS_ANY, &left);
    cr_assert_eq(left.count, 0, "%zu processes are left, the first: %d %s", left.count,
                 (int)left.items[0].pid, left.items[0].command);
    lab_must_have_clean_logs(scene_path("state/log").text);
    MUST_OK("down", "--purge");
    must_be_empty(lab_state().text);
    cr_assert_neq(access(partitions.text, F_OK), 0, "%s is left", partitions.text);
    lab_tell_no_logs();
}
