#include "watcher/module/libc.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "watcher/module/real.h"

#if defined(__x86_64__)
_Static_assert(sizeof(struct stat) == 144, "struct stat is the kernel's");
#elif defined(__aarch64__)
_Static_assert(sizeof(struct stat) == 128, "struct stat is the kernel's");
#endif

/* These are for this library alone: no other code gets to see them. */
#define HIDDEN __attribute__((visibility("hidden")))

HIDDEN int fstat(int fd, struct stat *out)
{
    return (int)syscall(SYS_fstat, fd, out);
}

HIDDEN int stat(const char *path, struct stat *out)
{
    return (int)syscall(SYS_newfstatat, AT_FDCWD, path, out, 0);
}

HIDDEN int lstat(const char *path, struct stat *out)
{
    return (int)syscall(SYS_newfstatat, AT_FDCWD, path, out, AT_SYMLINK_NOFOLLOW);
}

const char *libc_missing(void)
{
    static const char *const names[] = {
#define X(name) #name,
        LIBC_NAMES(X)
#undef X
    };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(names); i++) {
        if (real_first(names[i]) == NULL) {
            return names[i];
        }
    }
    return NULL;
}
