#include "cli/spec_files.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_SIZE 16

int spec_files_read(const struct opt_texts *files, struct documents *out, struct err *err)
{
    size_t i;
    int rv = 0;

    for (i = 0; 0 <= rv && i < files->count; i++) {
        rv = documents_add_path(out, files->items[i], err);
    }
    if (0 <= rv) {
        rv = documents_finish(out, err);
    }
    if (rv == ERR_SPEC && 0 < out->mistakes.size) {
        (void)fputs(str_text(&out->mistakes), stderr);
        if (strcmp(err->msg, out->first) == 0) {
            err->msg[0] = '\0';
        }
    }
    if (0 <= rv && out->count == 0 && 0 < files->count) {
        return err_set(err, ERR_SPEC, "%s: holds no document", files->items[0]);
    }
    return rv;
}

int ask_possible(const char *flag, struct err *err)
{
    if (isatty(STDIN_FILENO) && isatty(STDERR_FILENO)) {
        return 0;
    }
    return err_set(err, ERR_USAGE, "nobody can be asked here whether clusters may go: %s says so",
                   flag);
}

int ask_first(const char *what, const char *flag, struct err *err)
{
    char answer[ANSWER_SIZE] = "";
    int rv = ask_possible(flag, err);

    if (rv < 0) {
        return rv;
    }
    (void)fflush(stdout);
    (void)fprintf(stderr, "%s [y/N] ", what);
    if (fgets(answer, sizeof(answer), stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y')) {
        return 0;
    }
    return err_set(err, ERR_CANCELED, "nothing was changed");
}

void names_list(const char *const *names, size_t count, size_t shown, struct str *out)
{
    size_t i;

    for (i = 0; i < count && i < shown; i++) {
        str_appendf(out, "%s%s", i == 0 ? "" : ", ", names[i]);
    }
    if (shown < count) {
        str_appendf(out, " and %zu more", count - shown);
    }
}
