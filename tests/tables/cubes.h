/*
 * cubes - exact answers about all inputs of a table, without trying them one by one.
 *
 * An input is a set of bits. A cube is all inputs that have every bit of `need` and none of
 * `deny`, just what a rule of a table matches. "Some input that is in here and in none of those"
 * answers every question that tests have: which rule can be reached (in its cube, in none of an
 * earlier rule), whether a table has a hole, whether a rule can ever apply where it must not. The
 * search splits on a bit that decides something and follows what that forces, so it takes
 * microseconds where 2^31 inputs would take minutes. It is exact: no answer is a sample.
 */
#ifndef TESTS_TABLES_CUBES_H
#define TESTS_TABLES_CUBES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CUBE_LIST_MAX 256

struct cube {
    uint64_t need;
    uint64_t deny;
};

struct cube_list {
    struct cube cubes[CUBE_LIST_MAX];
    size_t count;
};

/* More than CUBE_LIST_MAX stop the program. */
void cube_list_add(struct cube_list *list, uint64_t need, uint64_t deny);

/* Whether some input is in `inside` and in none of `outside`; the one found is in `*example`. */
bool cubes_find(struct cube inside, const struct cube_list *outside, uint64_t *example);

#endif
