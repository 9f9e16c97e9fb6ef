/*
 * git_error - what libgit2 says has failed, as an err.
 */
#ifndef GITOPS_GIT_ERROR_H
#define GITOPS_GIT_ERROR_H

#include "base/err.h"

/* Record "<what>: <libgit2's last message>"; yields ERR_FAILED. */
int git_failed(struct err *err, const char *what);

#endif
