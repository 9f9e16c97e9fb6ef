#include "memd/discovery_tls.h"

int discovery_tls_load(const struct discovery_tls_flags *flags, struct tls_context **out,
                       struct err *err)
{
    const struct tls_files files = { flags->cert, flags->key, flags->ca, flags->name };

    if ((flags->cert == NULL) != (flags->key == NULL)) {
        return err_set(err, ERR_USAGE, "--discovery-cert and --discovery-key go together");
    }
    if (flags->ca == NULL && flags->name != NULL) {
        return err_set(err, ERR_USAGE, "--discovery-name: --discovery-ca is needed for it");
    }
    if (flags->ca == NULL) {
        *out = NULL;
        return 0;
    }
    return tls_client_new(&files, out, err);
}
