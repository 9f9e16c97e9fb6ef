#include <criterion/criterion.h>
#include <stdalign.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"

Test(arena, blocks_are_zeroed_aligned_and_apart)
{
    CLEANUP(arena_deinit) struct arena arena = { 0 };
    unsigned char *blocks[200];
    size_t i;
    size_t j;

    arena_init(&arena, 1U << 20);
    for (i = 0; i < 200; i++) {
        blocks[i] = arena_alloc(&arena, i);
        cr_assert_not_null(blocks[i]);
        cr_assert_eq((uintptr_t)blocks[i] % alignof(max_align_t), 0);
        for (j = 0; j < i; j++) {
            cr_assert_eq(blocks[i][j], 0);
        }
        memset(blocks[i], (int)i, i);
    }
    for (i = 0; i < 200; i++) {
        for (j = 0; j < i; j++) {
            cr_assert_eq(blocks[i][j], i);
        }
    }
}

Test(arena, blocks_are_zeroed_again_after_a_clear)
{
    CLEANUP(arena_deinit) struct arena arena = { 0 };
    int round;

    arena_init(&arena, 100000);
    arena_clear(&arena);
    for (round = 0; round < 5; round++) {
        size_t i;

        for (i = 0; i < 90; i++) {
            char *block = arena_alloc(&arena, 1000);
            size_t j;

            cr_assert_not_null(block);
            for (j = 0; j < 1000; j++) {
                cr_assert_eq(block[j], 0);
            }
            memset(block, 0xAA, 1000);
        }
        arena_clear(&arena);
        cr_assert_eq(arena.used_bytes, 0);
    }
}

Test(arena, a_small_one_grows_as_any)
{
    CLEANUP(arena_deinit) struct arena arena = { 0 };
    unsigned char *blocks[100];
    size_t i;
    size_t j;

    arena_init_small(&arena, 1U << 20, 17);
    for (i = 0; i < 100; i++) {
        blocks[i] = arena_alloc(&arena, i);
        cr_assert_not_null(blocks[i]);
        cr_assert_eq((uintptr_t)blocks[i] % alignof(max_align_t), 0);
        memset(blocks[i], (int)i, i);
    }
    for (i = 0; i < 100; i++) {
        for (j = 0; j < i; j++) {
            cr_assert_eq(blocks[i][j], i);
        }
    }
    arena_deinit(&arena);
    arena_init_small(&arena, 1U << 20, 0);
    cr_assert_not_null(arena_alloc(&arena, 5000));
    cr_assert_null(arena_alloc(&arena, 1U << 20));
}

Test(arena, yields_nothing_beyond_its_limit)
{
    CLEANUP(arena_deinit) struct arena arena = { 0 };

    arena_init(&arena, 1000);
    cr_expect_null(arena_alloc(&arena, 1001));
    cr_expect_not_null(arena_alloc(&arena, 900));
    cr_expect_null(arena_alloc(&arena, 200));
    cr_expect_not_null(arena_alloc(&arena, 50), "a failure does not stick");
}

Test(arena, sizes_that_overflow_yield_nothing)
{
    CLEANUP(arena_deinit) struct arena arena = { 0 };

    arena_init(&arena, SIZE_MAX);
    cr_expect_null(arena_alloc(&arena, SIZE_MAX));
    cr_expect_null(arena_alloc(&arena, SIZE_MAX - 3));
    cr_expect_null(arena_calloc(&arena, SIZE_MAX / 2, 3));
    cr_expect_null(arena_strndup(&arena, "", SIZE_MAX));
    cr_expect_not_null(arena_calloc(&arena, 0, 0));
}

Test(arena, texts_are_copied)
{
    CLEANUP(arena_deinit) struct arena arena = { 0 };
    char text[] = "text";

    arena_init(&arena, 10000);
    cr_expect_str_eq(arena_strdup(&arena, text), "text");
    cr_expect_str_eq(arena_strndup(&arena, text, 2), "te");
    cr_expect_str_eq(arena_strndup(&arena, text, 0), "");
    cr_expect_str_eq(arena_printf(&arena, "%s-%d", text, 7), "text-7");
    cr_expect_null(arena_printf(&arena, "%20000d", 1));
}

Test(arena, survives_every_allocation_failure)
{
    int n = 0;

    do {
        CLEANUP(arena_deinit) struct arena arena = { 0 };
        bool complete;

        arena_init(&arena, 1U << 20);
        mem_fail_after(n++);
        complete = arena_alloc(&arena, 100) != NULL;
        complete = arena_alloc(&arena, 5000) != NULL && complete;
        complete = arena_printf(&arena, "%20000d", 1) != NULL && complete;
        cr_expect_neq(complete, mem_has_failed());
    } while (mem_has_failed());
    cr_expect_eq(n, 4);
}
