#include "support/certs.h"

#include <stdio.h>
#include <stdlib.h>

#include "support/process.h"

static struct cert make(const char *name, const char *subject, const char *extension)
{
    struct cert made = { scene_path("%s.pem", name), scene_path("%s.key", name) };
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
                                 extension == NULL ? NULL : "-addext",
                                 extension,
                                 NULL };
    const struct process_spec spec = { .name = "openssl", .argv = argv };
    char *output = NULL;

    if (process_run(&spec, &output) != 0) {
        scene_fail("openssl req: %s", output);
    }
    free(output);
    return made;
}

struct cert cert_make(const char *name, const char *cn)
{
    char subject[128];

    (void)snprintf(subject, sizeof(subject), "/CN=%s", cn);
    return make(name, subject, NULL);
}

struct cert cert_make_for(const char *name, const char *names)
{
    char extension[256];

    (void)snprintf(extension, sizeof(extension), "subjectAltName=%s", names);
    return make(name, "/CN=somebody", extension);
}
