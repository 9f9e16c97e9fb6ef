#include "proc/proc_port.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"

#define STATE_LISTEN 0x0AU
#define LINE_SIZE 512

static void file_close_p(FILE **file)
{
    if (*file != NULL) {
        (void)fclose(*file);
    }
}

static void dir_close_p(DIR **dir)
{
    if (*dir != NULL) {
        (void)closedir(*dir);
    }
}

/*
 * A line of /proc/net/tcp or tcp6: "<n>: <address>:<port> <peer> <state> <5 fields> <inode> …".
 * Whether it is a listener at `port` on `address` (kernel's hex text) or on all addresses.
 */
static bool line_listens(const char *line, const char *address, uint16_t port, uint64_t *inode)
{
    char local[33];
    unsigned local_port;
    unsigned state;
    uint64_t found;

    if (sscanf(line, " %*d: %32[0-9A-F]:%4x %*[0-9A-F]:%*x %2x %*s %*s %*s %*s %*s %" SCNu64, local,
               &local_port, &state, &found) != 4 ||
        state != STATE_LISTEN || local_port != port) {
        return false;
    }
    if (strcmp(local, address) != 0 && strspn(local, "0") != strlen(local)) {
        return false;
    }
    *inode = found;
    return true;
}

static bool find_inode(const char *table, const char *address, uint16_t port, uint64_t *inode)
{
    CLEANUP(file_close_p) FILE *file = fopen(table, "re");
    char line[LINE_SIZE];

    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (line_listens(line, address, port, inode)) {
            return true;
        }
    }
    return false;
}

/* Whether one of the descriptors of `pid` is `target` ("socket:[<inode>]"). */
static bool pid_holds(const char *pid, const char *target)
{
    CLEANUP(dir_close_p) DIR *dir = NULL;
    char path[PATH_MAX];
    const struct dirent *entry;

    (void)snprintf(path, sizeof(path), "/proc/%s/fd", pid);
    dir = opendir(path);
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        char link[64];
        ssize_t size = readlinkat(dirfd(dir), entry->d_name, link, sizeof(link) - 1);

        if (0 < size) {
            link[size] = '\0';
            if (strcmp(link, target) == 0) {
                return true;
            }
        }
    }
    return false;
}

static void read_name(const char *pid, char *name, size_t name_size)
{
    CLEANUP(file_close_p) FILE *file = NULL;
    char path[PATH_MAX];

    (void)snprintf(name, name_size, "?");
    (void)snprintf(path, sizeof(path), "/proc/%s/comm", pid);
    file = fopen(path, "re");
    if (file != NULL && fgets(name, (int)name_size, file) != NULL) {
        name[strcspn(name, "\n")] = '\0';
    }
}

int proc_port_holder(const char *ip, uint16_t port, pid_t *pid, char *name, size_t name_size,
                     struct err *err)
{
    CLEANUP(dir_close_p) DIR *dir = NULL;
    const struct dirent *entry;
    struct in_addr address;
    char hex[9];
    char target[64];
    uint64_t inode;

    if (inet_pton(AF_INET, ip, &address) != 1) {
        return err_set(err, ERR_INVALID, "%s is not an IPv4 address", ip);
    }
    (void)snprintf(hex, sizeof(hex), "%08X", address.s_addr);
    if (!find_inode("/proc/net/tcp", hex, port, &inode) &&
        !find_inode("/proc/net/tcp6", hex, port, &inode)) {
        return err_set(err, ERR_NOT_FOUND, "nobody listens at %s:%u", ip, port);
    }
    (void)snprintf(target, sizeof(target), "socket:[%" PRIu64 "]", inode);
    dir = opendir("/proc");
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        uint64_t number;

        if (text_to_u64(entry->d_name, 1, INT_MAX, &number) && pid_holds(entry->d_name, target)) {
            *pid = (pid_t)number;
            read_name(entry->d_name, name, name_size);
            return 0;
        }
    }
    return err_set(err, ERR_NOT_FOUND, "whoever listens at %s:%u can't be seen", ip, port);
}
