#include <criterion/criterion.h>
#include <string.h>

#include "apply/spec_edit.h"
#include "make.h"

static struct arena arena;

static void setup(void)
{
    arena_init(&arena, 64U << 20);
}

static void teardown(void)
{
    arena_deinit(&arena);
}

TestSuite(spec_edit, .init = setup, .fini = teardown);

/* A document that sets all fields, applied by "cli". */
static struct spec_wish wish_of(const struct spec *spec, const char *uid)
{
    return (struct spec_wish){ .merge = { .source = "cli", .spec = spec, .set = UINT32_MAX },
                               .uid = uid,
                               .now_ms = 99 };
}

static int apply(struct spec_edit *edit, const struct spec *spec, const char *uid, struct err *err)
{
    const struct spec_wish wish = wish_of(spec, uid);

    return spec_edit_apply(edit, &wish, &arena, err);
}

static struct spec_record record_of(uint32_t nodes, bool deleting)
{
    return (struct spec_record){ .spec = make_spec("c", nodes),
                                 .uid = MAKE_UID,
                                 .generation = 4,
                                 .created_ms = 1,
                                 .deleting = deleting };
}

Test(spec_edit, a_new_cluster_gets_its_uid_and_the_first_generation)
{
    struct spec_edit edit = { .name = "c" };
    struct spec wanted = make_spec("c", 3);
    struct err err = { 0 };

    cr_assert_eq(apply(&edit, &wanted, "fedcba9876543210", &err), 0);
    cr_expect_eq(edit.change, SPEC_CREATED);
    cr_expect_str_eq(edit.next.uid, "fedcba9876543210");
    cr_expect_eq(edit.next.generation, 1);
    cr_expect_eq(edit.next.created_ms, 99);
    cr_expect_not(edit.next.deleting);
}

Test(spec_edit, a_change_keeps_the_uid_and_counts_the_generation)
{
    struct spec_record record = record_of(3, false);
    struct spec_edit edit = { .name = "c", .current = &record, .revision = 7 };
    struct spec wanted = make_spec("c", 5);
    struct err err = { 0 };

    cr_assert_eq(apply(&edit, &wanted, "fedcba9876543210", &err), 0);
    cr_expect_eq(edit.change, SPEC_CONFIGURED);
    cr_expect_str_eq(edit.next.uid, MAKE_UID);
    cr_expect_eq(edit.next.generation, 5);
    cr_expect_eq(edit.next.created_ms, 1);
    cr_expect_eq(edit.next.spec.nodes, 5);
}

Test(spec_edit, the_same_spec_changes_nothing)
{
    struct spec_record record = record_of(3, false);
    struct spec_edit edit = { .name = "c", .current = &record };
    struct spec wanted = make_spec("c", 3);
    struct err err = { 0 };

    cr_assert_eq(apply(&edit, &wanted, MAKE_UID, &err), 0);
    cr_expect_eq(edit.change, SPEC_RECORDED, "who applies it is new");
    cr_expect_eq(edit.next.generation, record.generation);
    record = edit.next;
    cr_assert_eq(apply(&edit, &wanted, MAKE_UID, &err), 0);
    cr_expect_eq(edit.change, SPEC_UNCHANGED);
    cr_assert_eq(spec_edit_scale(&edit, 3, 99, &arena, &err), 0);
    cr_expect_eq(edit.change, SPEC_UNCHANGED);
}

Test(spec_edit, what_is_being_deleted_takes_no_change)
{
    struct spec_record record = record_of(3, true);
    struct spec_edit edit = { .name = "c", .current = &record };
    struct spec wanted = make_spec("c", 3);
    struct err err = { 0 };

    cr_expect_eq(apply(&edit, &wanted, MAKE_UID, &err), ERR_CONFLICT);
    cr_expect_eq(spec_edit_scale(&edit, 5, 99, &arena, &err), ERR_CONFLICT);
    cr_assert_eq(spec_edit_delete(&edit, 99, &err), 0);
    cr_expect_eq(edit.change, SPEC_UNCHANGED, "deletion was asked for already");
}

Test(spec_edit, deletion_is_a_change_of_the_spec)
{
    struct spec_record record = record_of(3, false);
    struct spec_edit edit = { .name = "c", .current = &record };
    struct err err = { 0 };

    cr_assert_eq(spec_edit_delete(&edit, 99, &err), 0);
    cr_expect_eq(edit.change, SPEC_CONFIGURED);
    cr_expect(edit.next.deleting);
    cr_expect_eq(edit.next.generation, 5);
}

Test(spec_edit, what_is_not_there_can_be_neither_scaled_nor_deleted)
{
    struct spec_edit edit = { .name = "c" };
    struct err err = { 0 };

    cr_expect_eq(spec_edit_scale(&edit, 5, 99, &arena, &err), ERR_NOT_FOUND);
    cr_expect_eq(spec_edit_delete(&edit, 99, &err), ERR_NOT_FOUND);
}

Test(spec_edit, a_new_generation_tells_when_it_was_made)
{
    struct spec_record record = record_of(3, false);
    struct spec_edit edit = { .name = "c", .current = &record };
    struct err err = { 0 };

    record.changed_ms = 5;
    cr_assert_eq(spec_edit_scale(&edit, 5, 99, &arena, &err), 0);
    cr_expect_eq(edit.next.changed_ms, 99);
    cr_assert_eq(spec_edit_pause(&edit, &err), 0);
    cr_expect_eq(edit.next.changed_ms, 5, "pausing makes no generation");
}

Test(spec_edit, pausing_is_no_new_generation_and_counts_once)
{
    struct spec_record record = record_of(3, false);
    struct spec_edit edit = { .name = "c", .current = &record };
    struct err err = { 0 };

    cr_assert_eq(spec_edit_pause(&edit, &err), 0);
    cr_expect_eq(edit.change, SPEC_CONFIGURED);
    cr_expect(edit.next.paused);
    cr_expect_eq(edit.next.generation, 4);
    record.paused = true;
    cr_assert_eq(spec_edit_pause(&edit, &err), 0);
    cr_expect_eq(edit.change, SPEC_UNCHANGED);
}

/* Also when it is not paused: a rollout that made no progress goes on. */
Test(spec_edit, resuming_counts_each_time)
{
    struct spec_record record = record_of(3, false);
    struct spec_edit edit = { .name = "c", .current = &record };
    struct err err = { 0 };

    record.paused = true;
    cr_assert_eq(spec_edit_resume(&edit, 99, &err), 0);
    cr_expect_eq(edit.change, SPEC_CONFIGURED);
    cr_expect_not(edit.next.paused);
    cr_expect_eq(edit.next.resumed_ms, 99);
    cr_expect_eq(edit.next.generation, 4);
    record.paused = false;
    record.resumed_ms = 99;
    cr_assert_eq(spec_edit_resume(&edit, 50, &err), 0);
    cr_expect_eq(edit.change, SPEC_CONFIGURED);
    cr_expect_eq(edit.next.resumed_ms, 100, "also with a clock that was set back");
}

Test(spec_edit, a_new_spec_keeps_what_was_said_besides_it)
{
    struct spec_record record = record_of(3, false);
    struct spec_edit edit = { .name = "c", .current = &record };
    struct err err = { 0 };

    record.paused = true;
    record.resumed_ms = 7;
    record.confirmed_ms = 8;
    cr_assert_eq(spec_edit_scale(&edit, 5, 99, &arena, &err), 0);
    cr_expect(edit.next.paused);
    cr_expect_eq(edit.next.resumed_ms, 7);
    cr_expect_eq(edit.next.confirmed_ms, 8);
}

Test(spec_edit, a_wish_to_restart_counts_each_time_and_outlives_other_changes)
{
    struct spec_record record = record_of(3, false);
    struct spec_edit edit = { .name = "c", .current = &record };
    struct spec wanted = make_spec("c", 3);
    struct err err = { 0 };

    cr_assert_eq(spec_edit_restart(&edit, 99, &err), 0);
    cr_expect_eq(edit.change, SPEC_CONFIGURED);
    cr_expect_eq(edit.next.generation, 5);
    cr_expect_eq(edit.next.spec.settings.restart_ms, 99);
    record = edit.next;
    cr_assert_eq(apply(&edit, &wanted, MAKE_UID, &err), 0);
    cr_expect_eq(edit.change, SPEC_RECORDED);
    wanted.nodes = 5;
    cr_assert_eq(apply(&edit, &wanted, MAKE_UID, &err), 0);
    cr_expect_eq(edit.next.spec.settings.restart_ms, 99);
    cr_assert_eq(spec_edit_restart(&edit, 7, &err), 0, "by a clock that is behind");
    cr_expect_eq(edit.next.spec.settings.restart_ms, 100);
}

Test(spec_edit, only_a_later_confirmation_counts)
{
    struct spec_record record = record_of(3, false);
    struct spec_edit edit = { .name = "c", .current = &record };
    struct err err = { 0 };

    record.confirmed_ms = 50;
    cr_assert_eq(spec_edit_confirm(&edit, 50, &err), 0);
    cr_expect_eq(edit.change, SPEC_UNCHANGED);
    cr_assert_eq(spec_edit_confirm(&edit, 51, &err), 0);
    cr_expect_eq(edit.change, SPEC_CONFIGURED);
    cr_expect_eq(edit.next.confirmed_ms, 51);
    cr_expect_eq(edit.next.generation, 4);
}

/* Generations 2, 3 (of 12 and 13 nodes) and 4, the current one; the first is another cluster's. */
static void make_history(struct generation_facts history[4])
{
    uint32_t i;

    for (i = 0; i < 4; i++) {
        history[i] = (struct generation_facts){ .next = i == 3 ? NULL : &history[i + 1],
                                                .record = record_of(11 + i, false) };
        history[i].record.generation = i + 1;
    }
    history[0].record.uid = "fedcba9876543210";
}

Test(spec_edit, undo_brings_a_former_spec_back_as_a_new_generation)
{
    struct generation_facts history[4];
    struct spec_record record = record_of(14, false);
    struct spec_edit edit = { .name = "c", .current = &record, .history = history };
    struct err err = { 0 };

    make_history(history);
    cr_assert_eq(spec_edit_undo(&edit, 0, 99, &arena, &err), 0, "%s", err.msg);
    cr_expect_eq(edit.change, SPEC_CONFIGURED);
    cr_expect_eq(edit.next.spec.nodes, 13);
    cr_expect_eq(edit.next.generation, 5);
    cr_expect_eq(edit.next.changed_ms, 99);
    cr_assert_eq(spec_edit_undo(&edit, 2, 99, &arena, &err), 0, "%s", err.msg);
    cr_expect_eq(edit.next.spec.nodes, 12);
    cr_assert_eq(spec_edit_undo(&edit, 4, 99, &arena, &err), 0, "%s", err.msg);
    cr_expect_eq(edit.change, SPEC_UNCHANGED);
}

Test(spec_edit, undo_needs_a_generation_of_this_very_cluster)
{
    struct generation_facts history[4];
    struct spec_record record = record_of(14, false);
    struct spec_edit edit = { .name = "c", .current = &record, .history = history };
    struct err err = { 0 };

    make_history(history);
    cr_expect_eq(spec_edit_undo(&edit, 1, 99, &arena, &err), ERR_NOT_FOUND);
    cr_expect_eq(spec_edit_undo(&edit, 9, 99, &arena, &err), ERR_NOT_FOUND);
    cr_expect_not_null(strstr(err.msg, "generation 9 of cluster 'c' is not kept"), "%s", err.msg);
    edit.history = NULL;
    cr_expect_eq(spec_edit_undo(&edit, 0, 99, &arena, &err), ERR_NOT_FOUND);
    cr_expect_not_null(strstr(err.msg, "no former generation"), "%s", err.msg);
}

Test(spec_edit, what_goes_or_is_not_there_takes_no_word_either)
{
    struct spec_record record = record_of(3, true);
    struct spec_edit edit = { .name = "c", .current = &record };
    struct err err = { 0 };

    cr_expect_eq(spec_edit_pause(&edit, &err), ERR_CONFLICT);
    cr_expect_eq(spec_edit_resume(&edit, 99, &err), ERR_CONFLICT);
    cr_expect_eq(spec_edit_confirm(&edit, 99, &err), ERR_CONFLICT);
    cr_expect_eq(spec_edit_undo(&edit, 0, 99, &arena, &err), ERR_CONFLICT);
    edit.current = NULL;
    cr_expect_eq(spec_edit_pause(&edit, &err), ERR_NOT_FOUND);
    cr_expect_eq(spec_edit_resume(&edit, 99, &err), ERR_NOT_FOUND);
    cr_expect_eq(spec_edit_confirm(&edit, 99, &err), ERR_NOT_FOUND);
    cr_expect_eq(spec_edit_undo(&edit, 0, 99, &arena, &err), ERR_NOT_FOUND);
}
