#include "watcher/pod/busy.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_SIZE 512
#define PATH_SIZE 512
#define LINK_SIZE 64
#define LISTENING 0x0aU
#define FILES_LIMIT "Max open files"

/* The socket that listens at `address`, or at all addresses and its port; 0: there is none. */
static unsigned long listener(const struct sockaddr_in *address)
{
    FILE *file = fopen("/proc/net/tcp", "re");
    char line[LINE_SIZE];
    unsigned long found = 0;

    while (file != NULL && found == 0 && fgets(line, sizeof(line), file) != NULL) {
        unsigned long inode;
        unsigned ip; /* as it is in memory, in the network's order */
        unsigned port;
        unsigned state;

        /* NOLINTNEXTLINE(bugprone-unchecked-string-to-number-conversion): the kernel's figures */
        if (sscanf(line, " %*u: %x:%x %*x:%*x %x %*x:%*x %*x:%*x %*x %*u %*u %lu", &ip, &port,
                   &state, &inode) == 4 &&
            state == LISTENING && port == ntohs(address->sin_port) &&
            (ip == address->sin_addr.s_addr || ip == INADDR_ANY)) {
            found = inode;
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return found;
}

/* How many files `pid` has open; 0: `name` is not among them. */
static unsigned long open_files(const char *pid, const char *name)
{
    char path[PATH_SIZE];
    const struct dirent *entry;
    unsigned long count = 0;
    bool has = false;
    DIR *dir;

    (void)snprintf(path, sizeof(path), "/proc/%.32s/fd", pid);
    dir = opendir(path);
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        char target[LINK_SIZE] = "";

        (void)snprintf(path, sizeof(path), "/proc/%.32s/fd/%.32s", pid, entry->d_name);
        if (0 < readlink(path, target, sizeof(target) - 1)) {
            count++;
            has = has || strcmp(target, name) == 0;
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    return has ? count : 0;
}

/* How many it may have open; 0: that is not known, or there is no bound. */
static unsigned long files_limit(const char *pid)
{
    char path[PATH_SIZE];
    char line[LINE_SIZE];
    unsigned long limit = 0;
    FILE *file;

    (void)snprintf(path, sizeof(path), "/proc/%.32s/limits", pid);
    file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, FILES_LIMIT, strlen(FILES_LIMIT)) == 0) {
            limit = strtoul(line + strlen(FILES_LIMIT), NULL, 10);
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return limit;
}

static bool is_near(unsigned long count, unsigned long limit)
{
    return limit != 0 && limit < count + BUSY_SPARE_FILES;
}

bool busy(const struct sockaddr_in *address)
{
    unsigned long inode = listener(address);
    DIR *dir = inode == 0 ? NULL : opendir("/proc");
    const struct dirent *entry;
    char name[LINK_SIZE];
    bool full = false;

    (void)snprintf(name, sizeof(name), "socket:[%lu]", inode);
    while (dir != NULL && !full && (entry = readdir(dir)) != NULL) {
        unsigned long count =
            '0' < entry->d_name[0] && entry->d_name[0] <= '9' ? open_files(entry->d_name, name) : 0;

        full = 0 < count && is_near(count, files_limit(entry->d_name));
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    return full;
}
