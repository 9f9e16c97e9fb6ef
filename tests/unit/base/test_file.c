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
