#include "gitops/signature.h"

#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "gitops/child.h"

#define NAMESPACE "git"
#define SSH_SIGNATURE_BEGIN "-----BEGIN SSH SIGNATURE-----"
#define PRINCIPALS_MAX 16 /* that are tried */

static int check_kind(const struct str *signature, struct err *err)
{
    const char *text = str_text(signature);

    if (strncmp(text, SSH_SIGNATURE_BEGIN, strlen(SSH_SIGNATURE_BEGIN)) == 0) {
        return 0;
    }
    if (strncmp(text, "-----BEGIN PGP", 14) == 0) {
        return err_set(
            err, ERR_UNVERIFIED,
            "the commit is signed with GPG, which is not supported; sign with an SSH key "
            "(git config gpg.format ssh)");
    }
    return err_set(err, ERR_UNVERIFIED,
                   "the commit's signature is of an unknown kind; sign with an SSH key");
}

/* The first line that ssh-keygen wrote on stderr, for a message. */
static int failed(const struct child_output *output, int code, const char *what, struct err *err)
{
    const char *text = str_text(&output->err);

    return err_set(err, code, "%s%s%.*s", what, text[0] == '\0' ? "" : ": ",
                   (int)strcspn(text, "\r\n"), text);
}

/* Who may have signed: those whom the file gives the signature's key. 0: a line each in `output`.
 */
static int find_principals(const struct signature_check *check, struct child_output *output,
                           struct err *err)
{
    const char *const argv[] = { "ssh-keygen",   "-Y", "find-principals",      "-s",
                                 check->scratch, "-f", check->allowed_signers, NULL };
    const struct child child = { .argv = argv,
                                 .timeout_ms = SIGNATURE_TIMEOUT_MS,
                                 .cancel_fd = check->cancel_fd };
    int rv = child_run(&child, output, err);

    if (rv < 0) {
        return rv;
    }
    if (rv != 0 || output->out.size == 0) {
        return failed(output, ERR_UNVERIFIED,
                      "the commit is signed with a key that is not allowed, or not any more", err);
    }
    return 0;
}

static int verify_as(const struct signature_check *check, const char *principal,
                     const struct str *signed_bytes, struct err *err)
{
    CLEANUP(child_output_deinit) struct child_output output;
    const char *const argv[] = {
        "ssh-keygen", "-Y", "verify",  "-f", check->allowed_signers, "-I",
        principal,    "-n", NAMESPACE, "-s", check->scratch,         NULL
    };
    const struct child child = { .argv = argv,
                                 .input = str_text(signed_bytes),
                                 .input_bytes = signed_bytes->size,
                                 .timeout_ms = SIGNATURE_TIMEOUT_MS,
                                 .cancel_fd = check->cancel_fd };
    int rv;

    child_output_init(&output);
    rv = child_run(&child, &output, err);
    if (rv <= 0) {
        return rv;
    }
    return failed(&output, ERR_UNVERIFIED, "the commit's signature does not verify", err);
}

static int verify_as_any(const struct signature_check *check, char *principals,
                         const struct str *signed_bytes, struct arena *arena, const char **signer,
                         struct err *err)
{
    char *rest = principals;
    char *principal;
    unsigned tried = 0;
    int rv = err_set(err, ERR_UNVERIFIED, "the commit's signer has no name");

    while ((principal = strsep(&rest, "\r\n")) != NULL && tried < PRINCIPALS_MAX) {
        if (principal[0] == '\0') {
            continue;
        }
        tried++;
        rv = verify_as(check, principal, signed_bytes, err);
        if (rv == 0) {
            *signer = arena_strdup(arena, principal);
            return *signer == NULL ? err_set(err, ERR_NOMEM, "out of memory") : 0;
        }
        if (rv != ERR_UNVERIFIED) {
            break;
        }
    }
    return rv;
}

int signature_verify(const struct signature_check *check, const struct str *signature,
                     const struct str *signed_bytes, struct arena *arena, const char **signer,
                     struct err *err)
{
    CLEANUP(child_output_deinit) struct child_output principals;
    int rv = check_kind(signature, err);

    child_output_init(&principals);
    if (rv < 0) {
        return rv;
    }
    if (access(check->allowed_signers, R_OK) != 0) {
        return err_set(err, ERR_FAILED, "--allowed-signers: %s can't be read",
                       check->allowed_signers);
    }
    rv = file_write(check->scratch, str_text(signature), signature->size, err);
    if (0 <= rv) {
        rv = find_principals(check, &principals, err);
    }
    if (0 <= rv) {
        rv = verify_as_any(check, principals.out.bytes, signed_bytes, arena, signer, err);
    }
    file_remove(check->scratch);
    return rv;
}
