#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "support/scene.h"

Test(file, what_was_written_is_read)
{
    CLEANUP(str_deinit) struct str text;
    struct scene_path path = scene_path("file");
    struct err err;

    str_init(&text, 100);
    cr_assert_eq(file_write(path.text, "first", 5, &err), 0, "%s", err.msg);
    cr_assert_eq(file_write(path.text, "sec\0nd", 6, &err), 0);
    cr_expect_eq(file_bytes(path.text), 6);
    cr_assert_eq(file_read(path.text, &text, &err), 0);
    cr_expect_eq(text.size, 6);
    cr_expect_eq(memcmp(text.bytes, "sec\0nd", 6), 0);
    cr_expect_neq(access(scene_path("file.next").text, F_OK), 0, "the second name is left");
}

Test(file, a_missing_file_and_a_large_one_are_told_apart)
{
    CLEANUP(str_deinit) struct str text;
    struct scene_path path = scene_path("file");
    struct err err;

    str_init(&text, 3);
    cr_expect_eq(file_read(path.text, &text, &err), ERR_NOT_FOUND);
    cr_expect_eq(file_bytes(path.text), 0);
    cr_assert_eq(file_write(path.text, "four", 4, &err), 0);
    cr_expect_eq(file_read(path.text, &text, &err), ERR_LIMIT);
}

Test(file, a_write_that_fails_leaves_the_former_content)
{
    CLEANUP(str_deinit) struct str text;
    struct scene_path path = scene_path("file");
    struct err err;

    str_init(&text, 100);
    cr_assert_eq(file_write(path.text, "kept", 4, &err), 0);
    cr_assert_eq(mkdir(scene_path("file.next").text, 0755), 0);
    cr_expect_eq(file_write(path.text, "lost", 4, &err), ERR_IO);
    cr_assert_eq(file_read(path.text, &text, &err), 0);
    cr_expect_str_eq(str_text(&text), "kept");
}

Test(file, directories_are_made_with_those_above)
{
    struct scene_path path = scene_path("a/b/c");
    struct err err;

    cr_assert_eq(dir_make(path.text, &err), 0, "%s", err.msg);
    cr_assert_eq(dir_make(path.text, &err), 0, "again");
    cr_expect_eq(access(path.text, F_OK), 0);
    cr_assert_eq(file_write(scene_path("plain").text, "", 0, &err), 0);
    cr_expect_eq(dir_make(scene_path("plain/below").text, &err), ERR_IO);
}

Test(file, the_end_of_a_file_is_read_behind_a_place)
{
    struct scene_path path = scene_path("file");
    char tail[4] = "";
    struct err err;

    cr_expect_eq(file_tail(path.text, 0, tail, sizeof(tail)), 0, "there is none yet");
    cr_assert_eq(file_write(path.text, "123456", 6, &err), 0);
    cr_assert_eq(file_tail(path.text, 0, tail, sizeof(tail)), 4);
    cr_expect_eq(memcmp(tail, "3456", 4), 0);
    cr_assert_eq(file_tail(path.text, 5, tail, sizeof(tail)), 1);
    cr_expect_eq(tail[0], '6');
    cr_expect_eq(file_tail(path.text, 6, tail, sizeof(tail)), 0);
}

static void count_name(void *ctx, const char *name)
{
    size_t *counts = ctx;

    counts[strcmp(name, "one") == 0 ? 0 : 1]++;
}

Test(file, a_directory_tells_its_names_and_goes_when_it_is_empty)
{
    struct scene_path dir = scene_path("dir");
    struct scene_path one = scene_path("dir/one");
    struct scene_path other = scene_path("dir/other");
    size_t counts[2] = { 0 };
    struct err err;

    dir_list(dir.text, count_name, counts);
    cr_assert_eq(dir_make(dir.text, &err), 0);
    cr_assert_eq(file_write(one.text, "1", 1, &err), 0);
    file_rename(one.text, other.text);
    cr_assert_eq(file_write(one.text, "22", 2, &err), 0);
    dir_list(dir.text, count_name, counts);
    cr_expect_eq(counts[0], 1);
    cr_expect_eq(counts[1], 1);
    cr_expect_eq(file_bytes(other.text), 1, "the renamed one");
    dir_drop_empty(dir.text);
    cr_expect_eq(access(dir.text, F_OK), 0, "it is not empty");
    file_remove(one.text);
    file_remove(one.text);
    file_remove(other.text);
    dir_drop_empty(dir.text);
    cr_expect_neq(access(dir.text, F_OK), 0);
}

Test(file, a_lock_has_one_holder)
{
    CLEANUP(file_lock_free_p) struct file_lock *first = NULL;
    CLEANUP(file_lock_free_p) struct file_lock *second = NULL;
    struct scene_path path = scene_path("lock");
    struct err err;

    cr_assert_eq(file_lock_new(path.text, &first, &err), 0, "%s", err.msg);
    cr_expect_eq(file_lock_new(path.text, &second, &err), ERR_CONFLICT);
    cr_expect_eq(file_lock_new(scene_path("none/lock").text, &second, &err), ERR_IO);
    file_lock_free(TAKE(first));
    cr_expect_eq(file_lock_new(path.text, &second, &err), 0);
}
