/*
 * certs - certificates that the openssl program makes in the scene's directory.
 */
#ifndef TESTS_SUPPORT_CERTS_H
#define TESTS_SUPPORT_CERTS_H

#include "support/scene.h"

struct cert {
    struct scene_path cert;
    struct scene_path key;
};

/* A self-signed certificate and its key, "<name>.pem" and "<name>.key"; CN is `cn`. Made anew under
 * the same name, it replaces the former one. Stops the test when it can't be made. */
struct cert cert_make(const char *name, const char *cn);

/* The same, made out to these: a subjectAltName as OpenSSL writes it, "DNS:a,IP:10.0.0.1". */
struct cert cert_make_for(const char *name, const char *names);

#endif
