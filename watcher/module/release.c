#include "watcher/module/release.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "watcher/module/real.h"

#define NAME "memcached " /* and the release behind it: what -V prints */
#define PARTS 3

static const unsigned oldest[PARTS] = { 1, 6, 18 };

/* "1.6.18": digits and dots; 0 when there are no three numbers. */
static size_t parse(const char *at, const char *end, unsigned parts[PARTS])
{
    const char *from = at;
    size_t i;

    for (i = 0; i < PARTS; i++) {
        const char *first = at;

        parts[i] = 0;
        while (at < end && '0' <= *at && *at <= '9' && at - first < 4) {
            parts[i] = parts[i] * 10 + (unsigned)(*at - '0');
            at++;
        }
        if (at == first || (i + 1 < PARTS && (at == end || *at != '.'))) {
            return 0;
        }
        at += i + 1 < PARTS ? 1 : 0;
    }
    return (size_t)(at - from);
}

static bool older(const unsigned parts[PARTS])
{
    size_t i;

    for (i = 0; i < PARTS; i++) {
        if (parts[i] != oldest[i]) {
            return parts[i] < oldest[i];
        }
    }
    return false;
}

bool release_bytes_too_old(const char *bytes, size_t size, char text[RELEASE_TEXT_SIZE])
{
    const size_t name_bytes = sizeof(NAME) - 1;
    const char *end = bytes + size;
    unsigned parts[PARTS];
    size_t length;

    while (name_bytes < (size_t)(end - bytes)) {
        bytes = memchr(bytes, NAME[0], (size_t)(end - bytes) - name_bytes);
        if (bytes == NULL) {
            return false;
        }
        length = memcmp(bytes, NAME, name_bytes) == 0 ? parse(bytes + name_bytes, end, parts) : 0;
        if (0 < length && length < RELEASE_TEXT_SIZE) {
            memcpy(text, bytes + name_bytes, length);
            text[length] = '\0';
            return older(parts);
        }
        bytes++;
    }
    return false;
}

bool release_too_old(char text[RELEASE_TEXT_SIZE])
{
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    void *bytes = MAP_FAILED;
    bool too_old = false;
    struct stat st;

    if (fd < 0) {
        return false;
    }
    if (fstat(fd, &st) == 0 && 0 < st.st_size) {
        bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    }
    if (bytes != MAP_FAILED) {
        too_old = release_bytes_too_old(bytes, (size_t)st.st_size, text);
        (void)munmap(bytes, (size_t)st.st_size);
    }
    (void)real_functions()->close(fd);
    return too_old;
}
