/*
 * contexts_yaml - the operator's file of named connections.
 *
 *     current: prod
 *     contexts:
 *       - name: prod
 *         etcd:
 *           endpoints: [https://10.0.0.1:2379, https://10.0.0.2:2379]
 *           cacert: ca.pem          # paths are taken from the file's own directory
 *           cert: client.pem
 *           key: client.key
 *           user: operator
 *           passwordFile: password
 *         prefix: /muster/v1
 *         discovery: { cacert: ca.pem, name: address, cert: client.pem, key: client.key }
 *
 * All mistakes of a file are found at once, each with its place, as in spec_yaml.
 */
#ifndef CODEC_CONTEXTS_YAML_H
#define CODEC_CONTEXTS_YAML_H

#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#define CONTEXTS_MAX 64
#define CONTEXTS_BYTES_MAX (256U << 10)

/* NULL: the file says nothing of it. */
struct context_entry {
    const char *name;
    const char *endpoints; /* with commas between them */
    const char *ca_file;
    const char *cert_file;
    const char *key_file;
    const char *user;
    const char *password_file;
    const char *prefix;
    const char *discovery_ca;
    const char *discovery_name;
    const char *discovery_cert;
    const char *discovery_key;
};

struct contexts {
    const char *current;   /* NULL: none */
    unsigned current_line; /* where it stands; 0: nowhere */
    struct context_entry list[CONTEXTS_MAX];
    size_t count;
};

/*
 * Read the file's bytes; `file` is its name for messages. Texts lie in `arena`. ERR_SPEC: a line
 * per mistake was appended to `mistakes`, and the first is in `err`. An empty file has no context.
 */
MUST_USE int contexts_yaml_parse(const char *file, const char *bytes, size_t size,
                                 struct arena *arena, struct contexts *out, struct str *mistakes,
                                 struct err *err);

/* The entry of that name, or NULL. */
const struct context_entry *contexts_find(const struct contexts *contexts, const char *name);

/* The name nearest to `name`, or NULL. */
const char *contexts_nearest(const struct contexts *contexts, const char *name);

#endif
