/*
 * odd_lines - malformed write lines, of which versions of memcached think differently.
 */
#ifndef TESTS_MODULE_ODD_LINES_H
#define TESTS_MODULE_ODD_LINES_H

#include <stddef.h>

struct odd_line {
    const char *text; /* with its end */
    size_t size;
    size_t bytes_max; /* of data that some version may take behind it */
};

extern const struct odd_line odd_lines[];
extern const size_t odd_lines_count;

#endif
