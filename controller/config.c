#include "controller/config.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/store_flags.h"

#define LEASE_TTL_MS_MAX 600000
#define EVENT_TTL_MS_MIN 10000
#define EVENT_TTL_MS_MAX (UINT64_C(30) * 24 * 3600 * 1000)

#define FIELD(name) offsetof(struct controller_config, name)

/* clang-format off */
static const struct opt rows[] = {
    ETCD_FLAGS(struct controller_config, etcd_flags),
    PREFIX_FLAG(struct controller_config, prefix),
    { "signing-key", 0, OPT_TEXT, FIELD(signing_key), "FILE", NULL,
      "key that signs configurations, the same for all controllers (required)" },
    { "identity", 0, OPT_TEXT, FIELD(identity), "NAME", NULL,
      "name of this controller in the leader key (host name and pid)" },
    { "lease-ttl", 0, OPT_DURATION, FIELD(lease_ttl_ms), "DURATION", "5s",
      "how long a leader may be silent before another one takes over" },
    { "dns-prefix", 0, OPT_TEXT, FIELD(dns_prefix), "KEY", DNS_PREFIX_DEFAULT,
      "prefix of the DNS records in etcd, as CoreDNS's etcd plugin reads them; empty: none" },
    { "dns-ttl", 0, OPT_DURATION, FIELD(dns_ttl_ms), "DURATION", "5s",
      "how long resolvers may keep a DNS record" },
    { "event-ttl", 0, OPT_DURATION, FIELD(event_ttl_ms), "DURATION", "1h",
      "how long events are kept" },
    ADMIN_FLAG(struct controller_config, admin_listen, CONTROLLER_ADMIN_LISTEN),
    DISCOVERY_TLS_FLAGS(struct controller_config, discovery_flags),
    { "timeout", 0, OPT_DURATION, FIELD(start_timeout_ms), "DURATION", NULL,
      "give up when etcd can't be reached for that long at the start (wait for ever)" },
    LOG_FLAGS(struct controller_config, log_flags),
};
/* clang-format on */

const struct opt_table controller_options = {
    .program = "muster-controller",
    .synopsis = "--signing-key FILE [OPTIONS]",
    .summary =
        "Watches etcd, brings every cluster to what its spec asks for, signs and pushes its\n"
        "configuration, and points its endpoint at a node that serves it. Several may run;\n"
        "one leads, and the next takes over when it ends.",
    .opts = rows,
    .count = ARRAY_COUNT(rows),
    .examples =
        "  muster-controller --etcd-endpoints http://10.0.0.1:2379,http://10.0.0.2:2379 \\\n"
        "      --signing-key /etc/muster/signing.key\n",
};

/* Host name and pid; characters that an identity can't have become '-'. */
static void default_identity(struct controller_config *config)
{
    char host[64] = "";
    size_t i;

    if (gethostname(host, sizeof(host) - 1) < 0 || host[0] == '\0') {
        (void)snprintf(host, sizeof(host), "controller");
    }
    (void)snprintf(config->identity_default, sizeof(config->identity_default), "%s-%ld", host,
                   (long)getpid());
    for (i = 0; config->identity_default[i] != '\0'; i++) {
        char one[2] = { config->identity_default[i], '\0' };
        struct err ignored;

        if (leader_identity_check(one, &ignored) < 0) {
            config->identity_default[i] = '-';
        }
    }
    config->identity = config->identity_default;
}

static int range_check(const char *name, uint64_t ms, uint64_t min_ms, uint64_t max_ms,
                       struct err *err)
{
    if (min_ms <= ms && ms <= max_ms) {
        return 0;
    }
    return err_set(err, ERR_USAGE, "--%s: must be between %llus and %llus, got %llums", name,
                   (unsigned long long)min_ms / 1000, (unsigned long long)max_ms / 1000,
                   (unsigned long long)ms);
}

static int check(struct controller_config *config, struct err *err)
{
    if (config->signing_key == NULL || config->signing_key[0] == '\0') {
        return err_set(err, ERR_USAGE, "--signing-key is missing");
    }
    if (keys_prefix_check(config->prefix, err) < 0) {
        err->code = ERR_USAGE;
        return err_wrap(err, "--prefix");
    }
    if (dns_prefix_check(config->dns_prefix, err) < 0) {
        err->code = ERR_USAGE;
        return err_wrap(err, "--dns-prefix");
    }
    if (leader_identity_check(config->identity, err) < 0) {
        err->code = ERR_USAGE;
        return err_wrap(err, "--identity");
    }
    if (admin_address_check(config->admin_listen, err) < 0) {
        return ERR_USAGE;
    }
    if (range_check("lease-ttl", config->lease_ttl_ms, ETCD_LEASE_TTL_S_MIN * 1000,
                    LEASE_TTL_MS_MAX, err) < 0 ||
        range_check("event-ttl", config->event_ttl_ms, EVENT_TTL_MS_MIN, EVENT_TTL_MS_MAX, err) <
            0 ||
        range_check("dns-ttl", config->dns_ttl_ms, 1000, (uint64_t)DNS_TTL_S_MAX * 1000, err) < 0) {
        return ERR_USAGE;
    }
    return 0;
}

int config_load(int argc, char *const *argv, struct controller_config *config,
                struct opt_result *result, struct err *err)
{
    int rv;

    default_identity(config);
    rv = opt_parse(&controller_options, argc, argv, config, result, err);
    if (rv < 0 || result->help || result->version) {
        return rv;
    }
    if (0 < result->positional_count) {
        return err_set(err, ERR_USAGE, "takes no arguments, got '%s'", result->positional[0]);
    }
    rv = check(config, err);
    if (0 <= rv) {
        rv = log_flags_load(&config->log_flags, "muster-controller", &config->log, err);
    }
    if (0 <= rv) {
        rv = etcd_flags_load(&config->etcd_flags, &config->etcd, err);
    }
    if (rv < 0) {
        opt_name_origin(&controller_options, argc, argv, err);
    }
    config->dns.prefix = config->dns_prefix;
    config->dns.ttl_s = (uint32_t)(config->dns_ttl_ms / 1000);
    config->lease_ttl_s = (config->lease_ttl_ms + 999) / 1000;
    return rv;
}
