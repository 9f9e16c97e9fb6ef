/*
 * options - the options that verbs share, and reading a verb's options.
 */
#ifndef CLIENT_OPTIONS_H
#define CLIENT_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/opt.h"
#include "etcd/etcd_flags.h"
#include "store/store_flags.h"

/* Where the cluster's etcd is, and how long to wait for it. */
struct options {
    struct etcd_flags etcd; /* endpoints: NULL when they are to be found in the state directory */
    const char *prefix;     /* NULL: as the context or the state directory says, else the usual */
    const char *state_dir;  /* NULL: the default one */
    const char *context;    /* NULL: the current one of the context file */
    uint64_t timeout_ms;
};

/* clang-format off */
#define STATE_DIR_FLAG(type, member)                                                          \
    { "state-dir", 0, OPT_TEXT, offsetof(type, member), "DIR", NULL,                          \
      "what muster up keeps on this machine "                                                 \
      "($XDG_STATE_HOME/muster, else ~/.local/state/muster)" }

#define TIMEOUT_FLAG(type, member, default_text, help)                                        \
    { "timeout", 0, OPT_DURATION, offsetof(type, member), "DURATION", default_text, help }

#define REASON_FLAG(type, member)                                                             \
    { "reason", 0, OPT_TEXT, offsetof(type, member), "TEXT", NULL,                            \
      "why, for others to read in muster get hosts" }

/* What follows is told of by `muster help connection` instead of each verb's help. */
#define CONNECTION_GROUP                                                                      \
    { "Connection", 0, OPT_GROUP, 0, "context", NULL, "muster help connection tells of them." }

/*
 * Rows for struct opt_table, at its end, and behind them nothing but what is a part of the
 * connection, too; `member` is the struct options inside `type`.
 */
#define ETCD_OPTIONS(type, member)                                                            \
    CONNECTION_GROUP,                                                                         \
    { "context", 0, OPT_TEXT, offsetof(type, member.context), "CONTEXT", NULL,                \
      "the named connection to use (the current one of ~/.config/muster/config.yaml); "       \
      "options that are given besides come first, variables do not" },                                                       \
    ETCD_FLAGS_FROM(type, member.etcd, NULL,                                                  \
                    " (the context's; what muster up noted in the state directory; where the " \
                    "usual one has nothing, " ETCD_ENDPOINTS_DEFAULT ")"),                    \
    { "prefix", 0, OPT_TEXT, offsetof(type, member.prefix), "KEY", NULL,                      \
      "prefix of all keys, so that installations can share an etcd (the context's; what "     \
      "muster up noted; " KEYS_PREFIX_DEFAULT ")" },                                          \
    STATE_DIR_FLAG(type, member.state_dir)

#define SHARED_OPTIONS(type, member)                                                          \
    ETCD_OPTIONS(type, member),                                                               \
    TIMEOUT_FLAG(type, member.timeout_ms, "5s", "how long to wait for etcd")
/* clang-format on */

/*
 * Read a verb's options. Returns 0; or 1 when help or the version was asked for and printed, and
 * the verb is done; or ERR_USAGE. Between `min` and `max` positional arguments are accepted.
 */
MUST_USE int options_read(const struct opt_table *table, int argc, char *const *argv, void *target,
                          size_t min, size_t max, struct opt_result *result, struct err *err);

/*
 * The time limit of a verb that waits for more than etcd's answer, "0s" for none (UINT64_MAX then);
 * etcd's answers get OPTIONS_ETCD_MS_MAX of it.
 */
#define OPTIONS_ETCD_MS_MAX 5000
uint64_t options_patience(struct options *options);

/* ERR_USAGE when the text can't be the name of a cluster, or of a host. */
MUST_USE int cluster_name_check(const char *text, struct err *err);
MUST_USE int host_name_check(const char *text, struct err *err);

#endif
