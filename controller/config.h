/*
 * config - the options of muster-controller, checked.
 *
 * Texts belong to argv and the environment.
 */
#ifndef CONTROLLER_CONFIG_H
#define CONTROLLER_CONFIG_H

#include <stdint.h>

#include "admin/admin.h"
#include "base/err.h"
#include "base/log.h"
#include "base/log_flags.h"
#include "base/opt.h"
#include "controller/dns.h"
#include "controller/leader.h"
#include "etcd/etcd_flags.h"
#include "memd/discovery_tls.h"

/* Where the HTTP port is when nobody says where. */
#define CONTROLLER_ADMIN_LISTEN "127.0.0.1:11280"

struct controller_config {
    struct etcd_flags etcd_flags;
    struct log_flags log_flags;
    struct discovery_tls_flags discovery_flags;
    const char *prefix;
    const char *signing_key; /* path */
    const char *identity;
    const char *dns_prefix;
    const char *admin_listen; /* or ADMIN_NONE */
    uint64_t dns_ttl_ms;
    uint64_t lease_ttl_ms;
    uint64_t event_ttl_ms;
    uint64_t start_timeout_ms; /* 0: wait for etcd for ever */
    char identity_default[LEADER_IDENTITY_MAX + 1];
    /* Made from the above. */
    struct etcd_options etcd;
    struct log log;
    struct dns_options dns;
    uint64_t lease_ttl_s;
    /* How to speak to discovery ports (memtext_use_tls()); NULL: plain. Whoever has loaded it sets
     * it: config_load() reads no certificates. */
    struct tls_context *const *discovery_tls;
};

extern const struct opt_table controller_options;

/*
 * Read argv and the environment. ERR_USAGE names the option and what is wrong; when `result` says
 * help or version, nothing else was read. Must stay where it is: it points into itself.
 */
MUST_USE int config_load(int argc, char *const *argv, struct controller_config *config,
                         struct opt_result *result, struct err *err);

#endif
