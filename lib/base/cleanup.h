/*
 * cleanup - release at the end of a scope, and hand-over out of it.
 *
 * CLEANUP(fn_p) before a declaration calls fn_p(&variable) when the variable
 * leaves its scope; DEFINE_CLEANUP makes fn_p from an ordinary free function.
 * TAKE(p) yields the pointer and clears the variable: the scope no longer owns it.
 * Uses the cleanup attribute of gcc and clang.
 */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <stddef.h>

#define CLEANUP(fn) __attribute__((cleanup(fn)))

/* The result must be looked at. */
#define MUST_USE __attribute__((warn_unused_result))

/* The argument at `fmt` is a printf format, its arguments begin at `args`. */
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

/* Define fn_p(type **) that calls fn(*p). */
#define DEFINE_CLEANUP(type, fn)                                \
    __attribute__((unused)) static inline void fn##_p(type **p) \
    {                                                           \
        fn(*p);                                                 \
    }                                                           \
    struct cleanup_takes_a_semicolon

/* The pointer's value; the variable is NULL afterwards. */
#define TAKE(p)                     \
    __extension__({                 \
        __typeof__(p) taken_ = (p); \
        (p) = NULL;                 \
        taken_;                     \
    })

/* Close the descriptor when it is open (0 <= fd); for CLEANUP. */
void fd_close_p(int *fd);

/* free() what the pointer holds; for CLEANUP on memory of base/mem. */
void mem_free_p(void *p);

#define ARRAY_COUNT(a) (sizeof(a) / sizeof((a)[0]))

#endif
