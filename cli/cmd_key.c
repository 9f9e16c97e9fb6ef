#include <stdio.h>

#include "cli/verb.h"
#include "client/options.h"
#include "codec/envelope.h"

const struct opt_table cmd_key_new_options = {
    .program = "muster key new",
    .synopsis = "SIGNING-KEY TRUSTED-KEYS",
    .summary = "Make the pair of keys that an installation begins with. The controllers read the "
               "first file (--signing-key) and sign configurations with it; keep it as a secret. "
               "Watchers read the second one (--trusted-keys) and serve nothing that is not signed "
               "by one of the keys in it. Nothing is overwritten; of a signing key that is there "
               "already, only the public key is made.",
    .opts = NULL,
    .count = 0,
    .examples = "  muster key new signing.key trusted.pub\n",
};

int cmd_key_new(int argc, char *const *argv, struct err *err)
{
    struct opt_result args;
    int rv = options_read(&cmd_key_new_options, argc, argv, NULL, 2, 2, &args, err);

    if (rv != 0) {
        return rv < 0 ? rv : 0;
    }
    rv = signing_key_create(args.positional[0], args.positional[1], err);
    if (0 <= rv) {
        (void)printf("%s made: for controllers only\n%s made: for watchers\n", args.positional[0],
                     args.positional[1]);
    }
    return rv;
}
