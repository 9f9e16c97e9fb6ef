#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "cli/verb.h"
#include "gitops/options/gitops_options.h"

/* The path of the program where it lies beside this one; else `out` stays as it is. */
static void find_beside(char out[PATH_MAX])
{
    char own[PATH_MAX];
    char beside[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", own, sizeof(own) - 1);
    char *slash;

    if (size <= 0) {
        return;
    }
    own[size] = '\0';
    slash = strrchr(own, '/');
    if (slash == NULL) {
        return;
    }
    *slash = '\0';
    if (snprintf(beside, sizeof(beside), "%s/" GITOPS_PROGRAM, own) < PATH_MAX &&
        access(beside, X_OK) == 0) {
        memcpy(out, beside, sizeof(beside));
    }
}

/* Another program, because of the libraries that it takes: all other verbs start without them. */
int cmd_gitops(int argc, char *const *argv, struct err *err)
{
    char path[PATH_MAX] = GITOPS_PROGRAM; /* to be looked for in PATH */
    char name[] = GITOPS_PROGRAM;
    CLEANUP(mem_free_p) char **args = mem_alloc(((size_t)argc + 1) * sizeof(*args));

    if (args == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    memcpy(args, argv, (size_t)argc * sizeof(*args));
    args[0] = name;
    args[argc] = NULL;
    find_beside(path);
    (void)execvp(path, args); /* returns on failure only */
    return err_set(err, ERR_FAILED,
                   GITOPS_PROGRAM " can't be started, neither beside muster nor in PATH: %s",
                   strerror(errno));
}
