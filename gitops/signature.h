/*
 * signature - whether somebody who may has signed a commit.
 *
 * SSH signatures as `git commit -S` makes them with gpg.format=ssh, verified by ssh-keygen(1) in a
 * process of its own, against a file of allowed signers (ALLOWED SIGNERS in its manual):
 * principals, namespaces, and the times in which a key is valid. These are held against the
 * present, not against the commit's time, which whoever has a stolen key can choose. Other kinds of
 * signatures are refused.
 */
#ifndef GITOPS_SIGNATURE_H
#define GITOPS_SIGNATURE_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/str.h"

#define SIGNATURE_TIMEOUT_MS 10000U

struct signature_check {
    const char *allowed_signers; /* the file */
    const char *scratch;         /* a file's path that may be written over: for the signature */
    int cancel_fd;               /* child.h */
};

/*
 * Verify; who has signed, as the file names them, in `signer` (in `arena`). ERR_UNVERIFIED says
 * what is wrong with the signature; ERR_FAILED that it can't be told (the file can't be read, there
 * is no ssh-keygen); ERR_CANCELED, ERR_TIMEOUT.
 */
MUST_USE int signature_verify(const struct signature_check *check, const struct str *signature,
                              const struct str *signed_bytes, struct arena *arena,
                              const char **signer, struct err *err);

#endif
