#include <criterion/criterion.h>

#include "tables/cubes.h"

#define BITS 7
#define INPUTS (UINT64_C(1) << BITS)
#define LISTS 4000
#define CUBES_MAX 12

static bool is_in(uint64_t input, struct cube cube)
{
    return (input & cube.need) == cube.need && (input & cube.deny) == 0;
}

static bool is_answer(uint64_t input, struct cube inside, const struct cube_list *outside)
{
    size_t i;

    for (i = 0; i < outside->count; i++) {
        if (is_in(input, outside->cubes[i])) {
            return false;
        }
    }
    return is_in(input, inside);
}

/* A small generator of our own, so that a failure can be repeated. */
static uint64_t next(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

/* Few bits each, so that lists with and without an answer are about equally frequent. */
static struct cube random_cube(uint64_t *state)
{
    uint64_t mask = next(state) & (INPUTS - 1);
    uint64_t value = next(state);

    mask &= next(state);
    return (struct cube){ .need = mask & value, .deny = mask & ~value };
}

static bool has_answer(struct cube inside, const struct cube_list *outside)
{
    uint64_t input;

    for (input = 0; input < INPUTS; input++) {
        if (is_answer(input, inside, outside)) {
            return true;
        }
    }
    return false;
}

Test(cubes, the_search_agrees_with_trying_all_inputs)
{
    uint64_t state = 1;
    size_t answered = 0;
    size_t list;

    for (list = 0; list < LISTS; list++) {
        struct cube_list outside = { .count = 0 };
        struct cube inside = random_cube(&state);
        uint64_t example = 0;
        size_t count = next(&state) % CUBES_MAX;

        while (outside.count < count) {
            struct cube cube = random_cube(&state);

            cube_list_add(&outside, cube.need, cube.deny);
        }
        if (cubes_find(inside, &outside, &example)) {
            answered++;
            cr_assert(is_answer(example, inside, &outside), "list %zu", list);
        } else {
            cr_assert_not(has_answer(inside, &outside), "list %zu", list);
        }
    }
    cr_expect_gt(answered, LISTS / 10);
    cr_expect_lt(answered, LISTS - LISTS / 10);
}

Test(cubes, one_that_holds_everything_leaves_nothing)
{
    struct cube_list outside = { .count = 0 };
    uint64_t example;

    cr_expect(cubes_find((struct cube){ 0, 0 }, &outside, &example));
    cube_list_add(&outside, 0, 0);
    cr_expect_not(cubes_find((struct cube){ 0, 0 }, &outside, &example));
}

Test(cubes, one_that_contradicts_itself_holds_nothing)
{
    struct cube_list outside = { .count = 0 };
    uint64_t example;

    cr_expect_not(cubes_find((struct cube){ 3, 1 }, &outside, &example));
    cube_list_add(&outside, 3, 1);
    cr_expect(cubes_find((struct cube){ 1, 0 }, &outside, &example));
}
