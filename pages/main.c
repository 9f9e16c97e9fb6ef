/*
 * muster-pages - write what is made of the programs' tables, or tell whether it is up to date.
 *
 * muster-pages man DIR      the manual pages
 * muster-pages docs ROOT    docs/cli.md below the root of the sources
 * muster-pages check ROOT   exit with 1 when one of these differs from what would be written
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "pages/pages.h"

enum { EXIT_DONE = 0, EXIT_STALE = 1, EXIT_FAILED = 2 };

/* A kept file and what writes it. */
struct kept {
    const char *path; /* below the root */
    void (*write)(FILE *out);
};

static const struct kept kept_files[] = {
    { "docs/cli.md", cli_page },
};

static int failed(const struct err *err)
{
    (void)fprintf(stderr, "muster-pages: %s\n", err->msg);
    return EXIT_FAILED;
}

static unsigned line_of_difference(const char *a, const char *b)
{
    unsigned line = 1;

    while (*a == *b && *a != '\0') {
        line += *a == '\n' ? 1 : 0;
        a++;
        b++;
    }
    return line;
}

static int compare(const char *path, const char *page)
{
    CLEANUP(str_deinit) struct str there;
    struct err err;

    str_init(&there, PAGES_BYTES_MAX);
    if (file_read(path, &there, &err) < 0) {
        return failed(&err);
    }
    if (strcmp(str_text(&there), page) == 0) {
        return EXIT_DONE;
    }
    (void)fprintf(stderr, "%s:%u: it is not what the tables say. Run: make docs\n", path,
                  line_of_difference(str_text(&there), page));
    return EXIT_STALE;
}

static int keep(const struct kept *kept, const char *root, bool checking)
{
    char path[PAGES_PATH_SIZE];
    char *page = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&page, &size);
    struct err err;
    int code;

    if (out == NULL || (kept->write(out), fclose(out)) != 0) {
        free(page);
        (void)err_set(&err, ERR_NOMEM, "out of memory");
        return failed(&err);
    }
    (void)snprintf(path, sizeof(path), "%s/%s", root, kept->path);
    if (checking) {
        code = compare(path, page);
    } else {
        code = file_write(path, page, size, &err) < 0 ? failed(&err) : EXIT_DONE;
    }
    free(page);
    return code;
}

int main(int argc, char **argv)
{
    const char *task = argc == 3 ? argv[1] : "";
    bool checking = strcmp(task, "check") == 0;
    int worst = EXIT_DONE;
    struct err err;
    size_t i;

    if (strcmp(task, "man") == 0) {
        return man_pages(argv[2], &err) < 0 ? failed(&err) : EXIT_DONE;
    }
    if (!checking && strcmp(task, "docs") != 0) {
        (void)fprintf(stderr, "usage: muster-pages man DIR | docs ROOT | check ROOT\n");
        return EXIT_FAILED;
    }
    for (i = 0; i < sizeof(kept_files) / sizeof(kept_files[0]); i++) {
        int code = keep(&kept_files[i], argv[2], checking);

        worst = worst < code ? code : worst;
    }
    return worst;
}
