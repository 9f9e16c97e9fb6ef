/*
 * muster-pages - write what is made of the programs' tables, or tell whether it is up to date.
 *
 * muster-pages man DIR      the manual pages
 * muster-pages docs ROOT    what kept_files names, below the root of the sources
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
    const char *part; /* what is written between the markers of this name; NULL: the whole file */
};

static const struct kept kept_files[] = {
    { "docs/cli.md", cli_page, NULL },
    { "docs/spec.md", spec_fields_page, "fields" },
    { "deploy/muster-cluster.schema.json", schema_page, NULL },
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

/* What lies between "<!-- begin PART … -->" and "<!-- end PART -->" gives way to `page`. */
static int replace_part(const char *path, const char *there, const char *part, const char *page,
                        struct str *out, struct err *err)
{
    char mark[64];
    const char *begin;
    const char *end;

    (void)snprintf(mark, sizeof(mark), "<!-- begin %s", part);
    begin = strstr(there, mark);
    begin = begin == NULL ? NULL : strchr(begin, '\n');
    (void)snprintf(mark, sizeof(mark), "<!-- end %s -->", part);
    end = begin == NULL ? NULL : strstr(begin, mark);
    if (end == NULL) {
        return err_set(err, ERR_INVALID, "%s: the marks of \"%s\" are missing", path, part);
    }
    str_append(out, there, (size_t)(begin - there) + 1);
    str_append_text(out, page);
    str_append_text(out, end);
    return str_check(out, err);
}

/* What the file has to be, which is `page` or has `page` in it. */
static int compose(const struct kept *kept, const char *path, const char *page, struct str *there,
                   struct str *out, struct err *err)
{
    int rv = file_read(path, there, err);

    if (kept->part != NULL) {
        return rv < 0 ? rv : replace_part(path, str_text(there), kept->part, page, out, err);
    }
    str_append_text(out, page);
    return str_check(out, err); /* a file that is not there yet is made */
}

static int keep(const struct kept *kept, const char *root, bool checking)
{
    CLEANUP(str_deinit) struct str there;
    CLEANUP(str_deinit) struct str wanted;
    CLEANUP(mem_free_p) char *page = NULL;
    char path[PAGES_PATH_SIZE];
    size_t size = 0;
    FILE *out = open_memstream(&page, &size);
    struct err err;

    str_init(&there, PAGES_BYTES_MAX);
    str_init(&wanted, PAGES_BYTES_MAX);
    if (out == NULL || (kept->write(out), fclose(out)) != 0) {
        (void)err_set(&err, ERR_NOMEM, "out of memory");
        return failed(&err);
    }
    (void)snprintf(path, sizeof(path), "%s/%s", root, kept->path);
    if (compose(kept, path, page, &there, &wanted, &err) < 0) {
        return failed(&err);
    }
    if (!checking) {
        return file_write(path, wanted.bytes, wanted.size, &err) < 0 ? failed(&err) : EXIT_DONE;
    }
    if (strcmp(str_text(&there), str_text(&wanted)) == 0) {
        return EXIT_DONE;
    }
    (void)fprintf(stderr, "%s:%u: it is not what the tables say. Run: make docs\n", path,
                  line_of_difference(str_text(&there), str_text(&wanted)));
    return EXIT_STALE;
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
