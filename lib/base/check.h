/*
 * check - stop the program where a proven fact does not hold.
 *
 * CHECK is for what the code itself guarantees; it stays on in production.
 * Input, network, disk and memory are never proven: use struct err for them.
 * One condition per CHECK. The text goes to stderr, then abort().
 */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

#define CHECK(cond)                                  \
    do {                                             \
        if (__builtin_expect(!(cond), 0)) {          \
            check_failed(__FILE__, __LINE__, #cond); \
        }                                            \
    } while (0)

__attribute__((noreturn)) void check_failed(const char *file, int line, const char *cond);

#endif
