#include "tests/unit/watcher/certs.h"

#include <stdio.h>
#include <stdlib.h>

#include "support/process.h"

struct cert cert_make(const char *name, const char *cn)
{
    struct cert made = { scene_path("%s.pem", name), scene_path("%s.key", name) };
    char subject[128];
    const char *const argv[] = { "openssl",
                                 "req",
                                 "-x509",
                                 "-newkey",
                                 "ec",
                                 "-pkeyopt",
                                 "ec_paramgen_curve:P-256",
                                 "-nodes",
                                 "-days",
                                 "2",
                                 "-subj",
                                 subject,
                                 "-keyout",
                                 made.key.text,
                                 "-out",
                                 made.cert.text,
                                 NULL };
    const struct process_spec spec = { .name = "openssl", .argv = argv };
    char *output = NULL;

    (void)snprintf(subject, sizeof(subject), "/CN=%s", cn);
    if (process_run(&spec, &output) != 0) {
        scene_fail("openssl req: %s", output);
    }
    free(output);
    return made;
}
