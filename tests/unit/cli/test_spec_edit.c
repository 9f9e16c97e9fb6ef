#include <criterion/criterion.h>
#include <string.h>

#include "cli/spec_store.h"
#include "make.h"

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

    cr_assert_eq(spec_edit_apply(&edit, &wanted, "fedcba9876543210", 99, &err), 0);
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

    cr_assert_eq(spec_edit_apply(&edit, &wanted, "fedcba9876543210", 99, &err), 0);
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

    cr_assert_eq(spec_edit_apply(&edit, &wanted, MAKE_UID, 99, &err), 0);
    cr_expect_eq(edit.change, SPEC_UNCHANGED);
    cr_assert_eq(spec_edit_scale(&edit, 3, &err), 0);
    cr_expect_eq(edit.change, SPEC_UNCHANGED);
}

Test(spec_edit, what_is_being_deleted_takes_no_change)
{
    struct spec_record record = record_of(3, true);
    struct spec_edit edit = { .name = "c", .current = &record };
    struct spec wanted = make_spec("c", 3);
    struct err err = { 0 };

    cr_expect_eq(spec_edit_apply(&edit, &wanted, MAKE_UID, 99, &err), ERR_CONFLICT);
    cr_expect_eq(spec_edit_scale(&edit, 5, &err), ERR_CONFLICT);
    cr_assert_eq(spec_edit_delete(&edit, &err), 0);
    cr_expect_eq(edit.change, SPEC_UNCHANGED, "deletion was asked for already");
}

Test(spec_edit, deletion_is_a_change_of_the_spec)
{
    struct spec_record record = record_of(3, false);
    struct spec_edit edit = { .name = "c", .current = &record };
    struct err err = { 0 };

    cr_assert_eq(spec_edit_delete(&edit, &err), 0);
    cr_expect_eq(edit.change, SPEC_CONFIGURED);
    cr_expect(edit.next.deleting);
    cr_expect_eq(edit.next.generation, 5);
}

Test(spec_edit, what_is_not_there_can_be_neither_scaled_nor_deleted)
{
    struct spec_edit edit = { .name = "c" };
    struct err err = { 0 };

    cr_expect_eq(spec_edit_scale(&edit, 5, &err), ERR_NOT_FOUND);
    cr_expect_eq(spec_edit_delete(&edit, &err), ERR_NOT_FOUND);
}
