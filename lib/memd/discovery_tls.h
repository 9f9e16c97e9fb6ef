/*
 * discovery_tls - the options with which a program is told how to speak TLS to discovery ports.
 *
 *     static const struct opt opts[] = { DISCOVERY_TLS_FLAGS(struct my_flags, discovery), … };
 *
 * They have the names and meanings of muster-watcher's own. Without a CA it is plain text.
 */
#ifndef MEMD_DISCOVERY_TLS_H
#define MEMD_DISCOVERY_TLS_H

#include <stddef.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/opt.h"
#include "loop/tls.h"

struct discovery_tls_flags {
    const char *ca;
    const char *name;
    const char *cert;
    const char *key;
};

/* clang-format off */
#define DISCOVERY_CA_HELP                                                                     \
    "speak TLS to the nodes' discovery ports, whose certificates must be signed by one of "   \
    "these (PEM); plain text without it"
#define DISCOVERY_NAME_HELP                                                                   \
    "what their certificates must be made out to, as a subjectAltName: this DNS name, or "    \
    "'" TLS_NAME_ADDRESS "' for the node's IP address; anything without it"

/* Rows for struct opt_table; `member` is the struct discovery_tls_flags inside `type`. */
#define DISCOVERY_TLS_FLAGS(type, member)                                                     \
    { "discovery-ca", 0, OPT_TEXT, offsetof(type, member.ca), "FILE", NULL,                   \
      DISCOVERY_CA_HELP },                                                                    \
    { "discovery-name", 0, OPT_TEXT, offsetof(type, member.name), "NAME", NULL,               \
      DISCOVERY_NAME_HELP },                                                                  \
    { "discovery-cert", 0, OPT_TEXT, offsetof(type, member.cert), "FILE", NULL,               \
      "certificate chain (PEM) that is shown to discovery ports that want one" },             \
    { "discovery-key", 0, OPT_TEXT, offsetof(type, member.key), "FILE", NULL,                 \
      "its private key (PEM)" }
/* clang-format on */

/*
 * The context for memtext_use_tls(); NULL where the options ask for plain text. ERR_USAGE when they
 * don't fit each other, ERR_INVALID when a file can't be used; the message names the option or the
 * file. May be called again to read the files anew.
 */
MUST_USE int discovery_tls_load(const struct discovery_tls_flags *flags, struct tls_context **out,
                                struct err *err);

#endif
