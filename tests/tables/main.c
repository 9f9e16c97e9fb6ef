/*
 * muster-rules - write docs/rules.md, or tell whether it is up to date.
 *
 * muster-rules FILE          write it
 * muster-rules --check FILE  exit with 1 when it differs from what would be written
 */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "tables/doc.h"

#define PAGE_BYTES_MAX (1U << 20)

enum { EXIT_DONE = 0, EXIT_STALE = 1, EXIT_FAILED = 2 };

static int failed(const struct err *err)
{
    (void)fprintf(stderr, "muster-rules: %s\n", err->msg);
    return EXIT_FAILED;
}

/* The number of the first line that differs. */
static unsigned int differs_at(const char *a, const char *b)
{
    unsigned int line = 1;

    while (*a == *b && *a != '\0') {
        line += *a == '\n' ? 1 : 0;
        a++;
        b++;
    }
    return line;
}

static int check(const char *path, const char *page)
{
    CLEANUP(str_deinit) struct str kept;
    struct err err;
    int rv;

    str_init(&kept, PAGE_BYTES_MAX);
    rv = file_read(path, &kept, &err);
    if (rv < 0) {
        return failed(&err);
    }
    if (strcmp(str_text(&kept), page) == 0) {
        return EXIT_DONE;
    }
    (void)fprintf(stderr, "%s:%u: it is not what the tables say. Run: make docs\n", path,
                  differs_at(str_text(&kept), page));
    return EXIT_STALE;
}

int main(int argc, char **argv)
{
    CLEANUP(str_deinit) struct str page;
    bool checking = argc == 3 && strcmp(argv[1], "--check") == 0;
    struct err err;

    str_init(&page, PAGE_BYTES_MAX);
    if (!checking && (argc != 2 || argv[1][0] == '-')) {
        (void)fprintf(stderr, "usage: muster-rules [--check] FILE\n");
        return EXIT_FAILED;
    }
    doc_write(&page);
    if (str_check(&page, &err) < 0) {
        return failed(&err);
    }
    if (checking) {
        return check(argv[2], str_text(&page));
    }
    return file_write(argv[1], page.bytes, page.size, &err) < 0 ? failed(&err) : EXIT_DONE;
}
