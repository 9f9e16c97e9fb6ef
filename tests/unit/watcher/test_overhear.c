#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "support/scene.h"
#include "watcher/files.h"
#include "watcher/overhear.h"

struct heard {
    char text[16384];
    uint32_t lines;
    uint32_t left_out;
};

static void on_line(void *ctx, const char *line, uint32_t left_out)
{
    struct heard *heard = ctx;
    size_t used = strlen(heard->text);

    (void)snprintf(heard->text + used, sizeof(heard->text) - used, "%s|", line);
    heard->lines++;
    heard->left_out += left_out;
}

static void say(const char *path, const char *words)
{
    FILE *file = fopen(path, "ae");

    cr_assert_not_null(file);
    (void)fputs(words, file);
    (void)fclose(file);
}

Test(overhear, tells_whole_lines_once)
{
    struct scene_path log = scene_path("log");
    struct overhear overhear = { 0 };
    struct heard heard = { .text = "" };

    overhear_look(&overhear, log.text, 1, false, on_line, &heard);
    say(log.text, "one\ntw");
    overhear_look(&overhear, log.text, 1, false, on_line, &heard);
    overhear_look(&overhear, log.text, 1, false, on_line, &heard);
    cr_expect_str_eq(heard.text, "one|");
    say(log.text, "o\n\nlast");
    overhear_look(&overhear, log.text, 1, false, on_line, &heard);
    cr_expect_str_eq(heard.text, "one|two|");
    overhear_look(&overhear, log.text, 1, true, on_line, &heard);
    cr_expect_str_eq(heard.text, "one|two|last|");
}

Test(overhear, begins_behind_what_is_old_and_with_a_new_file)
{
    struct scene_path log = scene_path("log");
    struct overhear overhear = { 0 };
    struct heard heard = { .text = "" };

    say(log.text, "old words of another life\n");
    overhear_skip(&overhear, log.text);
    overhear_look(&overhear, log.text, 1, false, on_line, &heard);
    cr_expect_str_eq(heard.text, "");
    file_remove(log.text);
    say(log.text, "anew\n");
    overhear_look(&overhear, log.text, 1, false, on_line, &heard);
    cr_expect_str_eq(heard.text, "anew|");
}

Test(overhear, leaves_out_what_is_too_much_and_says_so)
{
    struct scene_path log = scene_path("log");
    struct overhear overhear = { 0 };
    struct heard heard = { .text = "" };
    uint64_t now_ms = 1000000;
    unsigned i;

    for (i = 0; i < OVERHEAR_BURST + 5; i++) {
        say(log.text, "x\n");
    }
    overhear_look(&overhear, log.text, now_ms, false, on_line, &heard);
    cr_expect_eq(heard.lines, OVERHEAR_BURST);
    say(log.text, "y\n");
    now_ms += OVERHEAR_REFILL_MS;
    overhear_look(&overhear, log.text, now_ms, false, on_line, &heard);
    cr_expect_eq(heard.lines, OVERHEAR_BURST + 1);
    cr_expect_eq(heard.left_out, 5);
}

Test(overhear, cuts_lines_and_empties_a_file_that_has_grown)
{
    static char flood[OVERHEAR_BYTES_MAX * 2];
    struct scene_path log = scene_path("log");
    struct overhear overhear = { 0 };
    struct heard heard = { .text = "" };
    unsigned i;

    memset(flood, 'z', sizeof(flood) - 1);
    for (i = 0; i <= FILES_LOG_BYTES_MAX / sizeof(flood); i++) {
        say(log.text, flood);
    }
    say(log.text, "\n");
    overhear_look(&overhear, log.text, 1, false, on_line, &heard);
    cr_expect_eq(heard.lines, 1);
    cr_expect_eq(strlen(heard.text), OVERHEAR_LINE_MAX + 1);
    cr_expect_eq(file_bytes(log.text), 0);
    say(log.text, "small\n");
    heard.text[0] = '\0';
    overhear_look(&overhear, log.text, 1, false, on_line, &heard);
    cr_expect_str_eq(heard.text, "small|");
}
