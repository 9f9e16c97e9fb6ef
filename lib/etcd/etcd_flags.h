/*
 * etcd_flags - the options with which every program is told where its etcd is.
 *
 *     static const struct opt opts[] = { ETCD_FLAGS(struct my_flags, etcd), … };
 *
 * After opt_parse(), etcd_flags_load() reads the password file and makes struct etcd_options of
 * it. Those borrow from the flags.
 */
#ifndef ETCD_ETCD_FLAGS_H
#define ETCD_ETCD_FLAGS_H

#include <stddef.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/opt.h"
#include "etcd/etcd.h"

#define ETCD_ENDPOINTS_DEFAULT "http://127.0.0.1:2379"
#define ETCD_PASSWORD_MAX 1024

struct etcd_flags {
    const char *endpoints;
    const char *ca_file;
    const char *cert_file;
    const char *key_file;
    const char *user;
    const char *password_file;
    char password[ETCD_PASSWORD_MAX + 1]; /* filled by etcd_flags_load() */
};

/* Rows for struct opt_table; `member` is the struct etcd_flags inside `type`. */
/* clang-format off */
#define ETCD_FLAGS(type, member)                                                              \
    ETCD_FLAGS_FROM(type, member, ETCD_ENDPOINTS_DEFAULT, "")

/*
 * The same for a program that finds the endpoints itself: another default (NULL: none), and a
 * literal for --help, which tells where they are taken from.
 */
#define ETCD_FLAGS_FROM(type, member, endpoints_default, where)                               \
    { "etcd-endpoints", 0, OPT_TEXT, offsetof(type, member.endpoints), "URLS",                \
      endpoints_default, "client URLs of etcd's members, comma separated" where },            \
    { "etcd-ca", 0, OPT_TEXT, offsetof(type, member.ca_file), "FILE", NULL,                   \
      "certificates that etcd's certificate is checked against (the system's)" },             \
    { "etcd-cert", 0, OPT_TEXT, offsetof(type, member.cert_file), "FILE", NULL,               \
      "certificate that is shown to etcd" },                                                  \
    { "etcd-key", 0, OPT_TEXT, offsetof(type, member.key_file), "FILE", NULL,                 \
      "private key of that certificate" },                                                    \
    { "etcd-user", 0, OPT_TEXT, offsetof(type, member.user), "NAME", NULL,                    \
      "user of etcd; none without" },                                                         \
    { "etcd-password-file", 0, OPT_TEXT, offsetof(type, member.password_file), "FILE", NULL,  \
      "file that holds that user's password" }
/* clang-format on */

/*
 * Options for etcd_new(), which borrow from `flags`; time limits are the defaults. ERR_USAGE when
 * the options don't fit each other, ERR_IO when the password file can't be read.
 */
MUST_USE int etcd_flags_load(struct etcd_flags *flags, struct etcd_options *out, struct err *err);

#endif
