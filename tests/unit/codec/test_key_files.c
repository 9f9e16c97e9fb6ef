#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codec/envelope.h"
#include "support/scene.h"

/* The pair of RFC 8032's first test vector. */
#define SEED "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
#define PUBLIC "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"

static struct scene_path secret_file(const char *text, mode_t mode)
{
    struct scene_path path = scene_write("file.key", text);

    cr_assert_eq(chmod(path.text, mode), 0);
    return path;
}

Test(key_files, a_seed_gives_the_known_public_key)
{
    struct scene_path path = secret_file(SEED "\n", 0600);
    struct scene_path public = scene_write("file.pub", PUBLIC);
    struct signing_key key;
    struct trusted_keys keys;
    struct err err;

    cr_assert_eq(signing_key_load(path.text, &key, &err), 0, "%s", err.msg);
    cr_assert_eq(trusted_keys_load(public.text, &keys, &err), 0, "%s", err.msg);
    cr_assert_eq(keys.count, 1);
    cr_expect_arr_eq(key.public_key, keys.keys[0].public_key, 32);
    cr_expect_str_eq(key.id, keys.keys[0].id);
    signing_key_clear(&key);
    cr_expect_eq(key.secret[0] | key.secret[63] | key.id[0], 0);
}

Test(key_files, comments_blanks_and_line_ends_are_passed_over)
{
    static const char *const texts[] = {
        SEED,
        "# a comment\n\n  \t\n" SEED " # mine\n#end",
        "\t" SEED "  \r\n\r\n",
    };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(texts); i++) {
        struct scene_path path = secret_file(texts[i], 0400);
        struct signing_key key;
        struct err err;

        cr_expect_eq(signing_key_load(path.text, &key, &err), 0, "%zu: %s", i, err.msg);
    }
}

Test(key_files, a_secret_that_others_can_read_is_refused)
{
    static const mode_t modes[] = { 0640, 0604, 0660, 0644, 0620, 0601, 0610 };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(modes); i++) {
        struct scene_path path = secret_file(SEED "\n", modes[i]);
        struct signing_key key = { .id = "untouched" };
        struct err err;

        cr_expect_eq(signing_key_load(path.text, &key, &err), ERR_DENIED, "mode %04o", modes[i]);
        cr_expect_str_eq(key.id, "untouched");
    }
}

/* As Kubernetes hands secrets over: root's, and readable by a group of the container. */
Test(key_files, root_may_hand_a_secret_over_by_a_group)
{
    struct scene_path path = secret_file(SEED "\n", 0440);
    struct signing_key key;
    struct err err;

    if (geteuid() != 0) {
        cr_skip_test("only root can hand a file over");
    }
    cr_assert_eq(chmod(scene_dir(), 0755), 0);
    cr_expect_eq(signing_key_load(path.text, &key, &err), ERR_DENIED, "root hands it to itself");
    cr_assert_eq(chown(path.text, 0, 11211), 0);
    cr_assert_eq(setgid(11211), 0);
    cr_assert_eq(setuid(11211), 0);
    cr_expect_eq(signing_key_load(path.text, &key, &err), 0, "%s", err.msg);
}

Test(key_files, garbage_is_told_with_its_line)
{
    static const struct {
        const char *text;
        const char *says;
    } rows[] = {
        { "", "holds no key" },
        { "# nothing\n", "holds no key" },
        { "\n\nabc\n", ":3: must be a key of 64 hex digits" },
        { SEED "0\n", ":1: must be a key of 64 hex digits" },
        { SEED " " SEED "\n", ":1: must be a key of 64 hex digits" },
        { "g" SEED, ":1: must be a key of 64 hex digits" },
        { "-----BEGIN PRIVATE KEY-----\n", ":1: must be a key of 64 hex digits" },
        { SEED "\n" SEED "\n", "holds more than one signing key" },
    };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(rows); i++) {
        struct scene_path path = secret_file(rows[i].text, 0600);
        struct signing_key key;
        struct err err;

        cr_expect_eq(signing_key_load(path.text, &key, &err), ERR_INVALID, "row %zu", i);
        cr_expect_not_null(strstr(err.msg, rows[i].says), "%s", err.msg);
        cr_expect_not_null(strstr(err.msg, path.text), "names the file: %s", err.msg);
        cr_expect_null(strstr(err.msg, SEED), "and tells no secret");
    }
}

Test(key_files, what_is_no_file_is_refused)
{
    struct scene_path fifo = scene_path("fifo");
    struct scene_path large = scene_path("large");
    struct signing_key key;
    struct trusted_keys keys;
    struct err err;
    FILE *file;

    cr_expect_eq(signing_key_load(scene_path("absent").text, &key, &err), ERR_NOT_FOUND);
    cr_expect_eq(signing_key_load(scene_dir(), &key, &err), ERR_INVALID);
    cr_assert_eq(mkfifo(fifo.text, 0600), 0);
    cr_expect_eq(signing_key_load(fifo.text, &key, &err), ERR_INVALID, "does not wait for it");
    file = fopen(large.text, "w");
    cr_assert_not_null(file);
    cr_assert_eq(fprintf(file, "%*s", 10000, ""), 10000);
    cr_assert_eq(fclose(file), 0);
    cr_expect_eq(trusted_keys_load(large.text, &keys, &err), ERR_LIMIT);
}

Test(key_files, several_keys_can_be_trusted_up_to_a_limit)
{
    char text[4096] = "";
    struct trusted_keys keys = { .count = 99 };
    struct err err;
    int i;

    for (i = 0; i < TRUSTED_KEYS_MAX; i++) {
        strcat(text, PUBLIC "\n");
    }
    cr_assert_eq(trusted_keys_load(scene_write("keys", text).text, &keys, &err), 0, "%s", err.msg);
    cr_expect_eq(keys.count, TRUSTED_KEYS_MAX);
    strcat(text, PUBLIC "\n");
    keys.count = 99;
    cr_expect_eq(trusted_keys_load(scene_write("keys", text).text, &keys, &err), ERR_LIMIT);
    cr_expect_eq(keys.count, 99);
    /* A point of small order, for which anybody can make signatures. */
    cr_expect_eq(
        trusted_keys_load(
            scene_write("keys", "0100000000000000000000000000000000000000000000000000000000000000")
                .text,
            &keys, &err),
        ERR_INVALID);
}

Test(key_files, a_made_pair_fits_and_has_safe_modes)
{
    struct scene_path secret = scene_path("made.key");
    struct scene_path public = scene_path("made.pub");
    struct signing_key key;
    struct trusted_keys keys;
    struct stat st;
    struct err err;

    cr_assert_eq(signing_key_create(secret.text, public.text, &err), 0, "%s", err.msg);
    cr_assert_eq(stat(secret.text, &st), 0);
    cr_expect_eq(st.st_mode & 07777U, 0600);
    cr_expect_eq(st.st_nlink, 1, "nothing is left beside it");
    cr_assert_eq(signing_key_load(secret.text, &key, &err), 0, "%s", err.msg);
    cr_assert_eq(trusted_keys_load(public.text, &keys, &err), 0, "%s", err.msg);
    cr_expect_str_eq(key.id, keys.keys[0].id);
}

Test(key_files, nothing_is_overwritten)
{
    struct scene_path secret = scene_path("made.key");
    struct scene_path public = scene_path("made.pub");
    struct err err;
    char *before;
    char *after;

    cr_assert_eq(signing_key_create(secret.text, public.text, &err), 0, "%s", err.msg);
    before = scene_read(secret.text);
    cr_expect_eq(signing_key_create(secret.text, public.text, &err), ERR_CONFLICT);
    cr_expect_eq(signing_key_create(scene_path("other.key").text, public.text, &err), ERR_CONFLICT);
    cr_expect_neq(access(scene_path("other.key").text, F_OK), 0, "and no half of a pair made");

    /* A run that was cut short left the secret alone: it is kept. */
    cr_assert_eq(unlink(public.text), 0);
    cr_expect_eq(signing_key_create(secret.text, public.text, &err), 0, "%s", err.msg);
    after = scene_read(secret.text);
    cr_expect_str_eq(after, before);
    cr_expect_eq(access(public.text, F_OK), 0);
    free(before);
    free(after);
    cr_expect_eq(signing_key_create(scene_path("no/such/dir").text, scene_path("x").text, &err),
                 ERR_NOT_FOUND);
}
