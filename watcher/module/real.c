#include "watcher/module/real.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KERNEL_SIGNALS_BYTES 8 /* of a signal set, as the kernel has it */

/* A C library may keep them in a library of its own, which memcached need not have loaded. */
#pragma weak dlsym
#pragma weak dlopen

static int kernel_accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
    return (int)syscall(SYS_accept4, fd, address, size, flags);
}

static int kernel_accept(int fd, struct sockaddr *address, socklen_t *size)
{
    return kernel_accept4(fd, address, size, 0);
}

static ssize_t kernel_read(int fd, void *out, size_t size)
{
    return syscall(SYS_read, fd, out, size);
}

static ssize_t kernel_sendmsg(int fd, const struct msghdr *message, int flags)
{
    return syscall(SYS_sendmsg, fd, message, flags);
}

static int kernel_close(int fd)
{
    return (int)syscall(SYS_close, fd);
}

static int kernel_epoll_ctl(int epoll_fd, int operation, int fd, struct epoll_event *event)
{
    return (int)syscall(SYS_epoll_ctl, epoll_fd, operation, fd, event);
}

static int kernel_epoll_wait(int epoll_fd, struct epoll_event *events, int max, int timeout_ms)
{
    return (int)syscall(SYS_epoll_pwait, epoll_fd, events, max, timeout_ms, NULL,
                        KERNEL_SIGNALS_BYTES);
}

/* Found before the first thread starts, constant afterwards. */
static struct real real;
static const char *missing;

void *real_next(const char *name)
{
    return dlsym == NULL ? NULL : dlsym(RTLD_NEXT, name);
}

void *real_first(const char *name)
{
    return dlsym == NULL ? NULL : dlsym(RTLD_DEFAULT, name);
}

void *real_loaded(const char *library)
{
    return dlopen == NULL ? NULL : dlopen(library, RTLD_LAZY | RTLD_LOCAL | RTLD_NOLOAD);
}

void *real_within(void *library, const char *name)
{
    return dlsym == NULL ? NULL : dlsym(library, name);
}

/* Put the function `name` into `*function`, if there is one. */
static void find(const char *name, void *function, size_t size)
{
    void *symbol = real_next(name);

    if (symbol == NULL) {
        missing = name;
    } else {
        memcpy(function, &symbol, size);
    }
}

const struct real *real_functions(void)
{
    if (__builtin_expect(real.epoll_wait == NULL, 0)) {
        real = (struct real){
#define X(name, result, parameters) .name = kernel_##name,
            REAL_FUNCTIONS(X)
#undef X
        };
#define X(name, result, parameters) find(#name, &real.name, sizeof(real.name));
        REAL_FUNCTIONS(X)
#undef X
    }
    return &real;
}

const char *real_missing(void)
{
    (void)real_functions();
    return missing;
}

int real_ours_come_first(void)
{
    int first = 1;

#define X(name, result, parameters)                      \
    {                                                    \
        void *symbol = real_first(#name);                \
        result(*ours) parameters = name;                 \
                                                         \
        if (memcmp(&symbol, &ours, sizeof(ours)) != 0) { \
            first = 0;                                   \
        }                                                \
    }
    REAL_FUNCTIONS(X)
#undef X
    return first;
}
