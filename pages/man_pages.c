/* The manual pages: those of muster from its table of verbs, the daemons' from their options. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/opt_man.h"
#include "cli/man.h"
#include "controller/config.h"
#include "pages/pages.h"
#include "watcher/config.h"

#define FOLDER_MODE 0755

static int failed(const char *path, struct err *err)
{
    return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
}

typedef void page_fn(FILE *out, const void *subject);

static int write_page(const char *dir, const char *name, const char *section, page_fn *page,
                      const void *subject, struct err *err)
{
    char path[PAGES_PATH_SIZE];
    FILE *out;
    int rv = 0;

    if ((int)sizeof(path) <= snprintf(path, sizeof(path), "%s/%s.%s", dir, name, section)) {
        return err_set(err, ERR_LIMIT, "%.64s...: path is too long", dir);
    }
    out = fopen(path, "we");
    if (out == NULL) {
        return failed(path, err);
    }
    page(out, subject);
    if (ferror(out) != 0) {
        rv = failed(path, err);
    }
    if (fclose(out) != 0 && rv == 0) {
        rv = failed(path, err);
    }
    return rv;
}

static void verb_page(FILE *out, const void *subject)
{
    man_page(out, subject);
}

static int muster_pages(const char *dir, struct err *err)
{
    size_t count;
    const struct verb *verbs = verbs_all(&count);
    char name[MAN_NAME_SIZE];
    size_t i;
    int rv = write_page(dir, "muster", "1", verb_page, NULL, err);

    for (i = 0; i < count && 0 <= rv; i++) {
        if (verbs[i].group != VERB_INTERNAL) {
            man_name(&verbs[i], name);
            rv = write_page(dir, name, "1", verb_page, &verbs[i], err);
        }
    }
    return rv;
}

static void daemon_page(FILE *out, const void *subject)
{
    const struct opt_table *table = subject;
    const struct opt_man man = {
        .name = table->program,
        .section = "8",
        .about = table == &controller_options ? "bring memcached clusters to what is declared"
                                              : "run and watch the memcached nodes of a host",
    };

    opt_man_begin(out, &man);
    opt_man_table(out, table);
    opt_man_section(out, "SEE ALSO");
    opt_man_lines(out, "muster(1)");
}

int man_pages(const char *dir, struct err *err)
{
    int rv;

    if (mkdir(dir, FOLDER_MODE) < 0 && errno != EEXIST) {
        return failed(dir, err);
    }
    rv = muster_pages(dir, err);
    if (0 <= rv) {
        rv =
            write_page(dir, controller_options.program, "8", daemon_page, &controller_options, err);
    }
    if (0 <= rv) {
        rv = write_page(dir, watcher_config_table.program, "8", daemon_page, &watcher_config_table,
                        err);
    }
    return rv;
}
