#include "gitops/git_error.h"

#include <git2.h>

int git_failed(struct err *err, const char *what)
{
    const git_error *error = git_error_last();

    return err_set(err, ERR_FAILED, "%s: %s", what,
                   error == NULL || error->message == NULL ? "failed" : error->message);
}
