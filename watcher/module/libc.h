/*
 * libc - what the module takes from the C library, whichever it is.
 *
 * It is linked with none: its references carry no version and bind to what memcached has loaded,
 * glibc or musl. So it may use nothing but names that both have had for long; a test compares the
 * list with what the library refers to. Among the missing: fortified functions, `strtol` (its name
 * differs between releases) and `stat` and its like (no functions in glibc before 2.33), which it
 * brings itself.
 */
#ifndef MODULE_LIBC_H
#define MODULE_LIBC_H

/* Besides, dlsym is used where there is one. */
#define LIBC_NAMES(X)        \
    X(__errno_location)      \
    X(__stack_chk_fail)      \
    X(abort)                 \
    X(access)                \
    X(calloc)                \
    X(clock_gettime)         \
    X(epoll_create1)         \
    X(fprintf)               \
    X(free)                  \
    X(getenv)                \
    X(getpeername)           \
    X(getpid)                \
    X(malloc)                \
    X(memchr)                \
    X(memcmp)                \
    X(memcpy)                \
    X(memmove)               \
    X(mmap)                  \
    X(munmap)                \
    X(open)                  \
    X(openat)                \
    X(pread)                 \
    X(pthread_mutex_init)    \
    X(pthread_mutex_lock)    \
    X(pthread_mutex_trylock) \
    X(pthread_mutex_unlock)  \
    X(pthread_self)          \
    X(pwrite)                \
    X(readlink)              \
    X(realloc)               \
    X(recv)                  \
    X(renameat)              \
    X(send)                  \
    X(shutdown)              \
    X(snprintf)              \
    X(socketpair)            \
    X(stderr)                \
    X(strchr)                \
    X(strcmp)                \
    X(strcspn)               \
    X(strerror)              \
    X(strlen)                \
    X(strncmp)               \
    X(strrchr)               \
    X(strstr)                \
    X(syscall)               \
    X(unlinkat)              \
    X(vsnprintf)             \
    X(writev)

/* The first name that this process lacks; NULL: it has them all. */
const char *libc_missing(void);

#endif
