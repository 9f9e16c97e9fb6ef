#include "watcher/config.h"

#include <ctype.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "memd/discovery_tls.h"
#include "store/store_flags.h"
#include "watcher/files.h"
#include "watcher/partition.h"

#define MODULE_INSTALLED "/usr/lib/muster/libmuster_partition.so"
#define MODULE_NONE "none"
#define NODES_MAX_ONE_ADDRESS 64U
#define MEMORY_PERCENT 80U

/* clang-format off */
static const struct opt opts[] = {
#define FLAG(name, type, field, value, def, help) \
    { name, 0, type, offsetof(struct config_flags, field), value, def, help }
    ETCD_FLAGS(struct config_flags, etcd),
    PREFIX_FLAG(struct config_flags, prefix),
    FLAG("mode", OPT_TEXT, mode, "MODE", "host",
         "host: runs the memcacheds that are placed here; sidecar: stands beside one memcached that "
         "runs anyhow, and makes it a node of a cluster"),
    FLAG("host", OPT_TEXT, host, "NAME", NULL,
         "name of this host; the first label of the machine's name without it"),
    FLAG("zone", OPT_TEXT, zone, "NAME", "", "failure domain; nodes are spread over zones"),
    FLAG("label", OPT_TEXT, labels, "NAME=VALUE,…", "", "labels of this host"),
    FLAG("lease-ttl", OPT_DURATION, lease_ttl_ms, "DURATION", "10s",
         "how long this host counts as alive after it was last heard"),
    FLAG("state-dir", OPT_TEXT, state_dir, "DIR", "/var/lib/muster",
         "logs, pid files and last intents of the nodes"),
    FLAG("partition-dir", OPT_TEXT, partition_dir, "DIR", "/run/muster/partitions",
         "the nodes' partitions; memory (tmpfs)"),
    FLAG("trusted-keys", OPT_TEXT, trusted_keys, "FILE", NULL,
         "public keys of the controllers: nothing else is served (required)"),
    FLAG("join-tokens", OPT_TEXT, join_tokens, "DIR", NULL,
         "token files, each named like its cluster: who holds a token of a cluster may ask to join "
         "it; without it nobody may"),
    FLAG("memcached", OPT_TEXT, memcached, "PATH", NULL,
         "memcached, 1.6.18 or newer; searched in PATH and /usr/bin without it"),
    FLAG("memcached-user", OPT_TEXT, memcached_user, "NAME", NULL,
         "user that memcached runs as, when the watcher is root (nobody)"),
    FLAG("module", OPT_TEXT, module, "PATH", NULL,
         "libmuster_partition.so, or 'none'; beside the program or in /usr/lib/muster without it"),
    FLAG("cgroup", OPT_TEXT, cgroup, "DIR", "",
         "control group below which each memcached gets one with a limit of its memory; none "
         "without it"),
    FLAG("addresses", OPT_TEXT, addresses, "FIRST[-LAST]", NULL,
         "IPv4 addresses for nodes: several with one node each, or one with many ports; the "
         "machine's first address without it"),
    FLAG("data-port", OPT_NUMBER, data_port, "PORT", "11211",
         "the (first) data port; discovery is at the port below"),
    FLAG("discovery-cert", OPT_TEXT, discovery_cert, "FILE", NULL,
         "certificate chain (PEM) of the discovery ports, which then take TLS; read again on SIGHUP"),
    FLAG("discovery-key", OPT_TEXT, discovery_key, "FILE", NULL, "its private key (PEM)"),
    FLAG("discovery-client-ca", OPT_TEXT, discovery_client_ca, "FILE", NULL,
         "clients that use TLS must show a certificate signed by one of these (PEM)"),
    FLAG("discovery-tls", OPT_TEXT, discovery_tls, "MODE", "allow",
         "allow: plain text beside TLS, on the same port; require: TLS only"),
    FLAG("discovery-ca", OPT_TEXT, discovery_ca, "FILE", NULL, DISCOVERY_CA_HELP),
    FLAG("discovery-name", OPT_TEXT, discovery_name, "NAME", NULL, DISCOVERY_NAME_HELP),
    FLAG("memory", OPT_SIZE, memory_bytes, "SIZE", "0",
         "memory for nodes; 0: 80 % of the machine's"),
    FLAG("nodes-max", OPT_NUMBER, nodes_max, "N", "0",
         "how many nodes; 0: one per address, or 64 on a single one"),
    FLAG("memcached-address", OPT_TEXT, memcached_address, "IP[:PORT]", NULL,
         "sidecar: where that memcached listens, and clients reach it (required)"),
    FLAG("partition", OPT_TEXT, partition, "DIR", NULL,
         "sidecar: the partition, as MUSTER_PARTITION tells that memcached (required)"),
    FLAG("join", OPT_TEXT, join, "HOST[:PORT],…", NULL,
         "sidecar: nodes of the cluster, one of which is asked to join it; without any, it "
         "registers in etcd"),
    FLAG("token-file", OPT_TEXT, token_file, "FILE", NULL,
         "sidecar: the cluster's join token; required with --join"),
    FLAG("cluster", OPT_TEXT, cluster, "NAME", NULL,
         "sidecar: the cluster to join; without it that of --join. While no node of --join is "
         "there, it registers in etcd"),
    FLAG("slot", OPT_NUMBER, slot, "N", "0", "sidecar: the slot that it wishes for; 0: any"),
    FLAG("ordinal", OPT_TEXT, ordinal, "N", NULL,
         "sidecar: wish for slot N + 1: the number of a pod of a StatefulSet, from 0"),
    FLAG("identity", OPT_TEXT, identity, "TEXT", NULL,
         "sidecar: who this is for life, as others would call it (namespace/pod): the same text is "
         "the same joiner, also with another address and an empty state directory; without it, "
         "the state directory says who it is"),
    FLAG("leave-timeout", OPT_DURATION, leave_timeout_ms, "DURATION", "5m",
         "sidecar: how long SIGTERM waits to be let go of the cluster"),
    FLAG("leave-file", OPT_TEXT, leave_file, "FILE", NULL,
         "sidecar: while there is such a file, leave the cluster and stay out of it; FILE.left "
         "answers when it is let go (muster-pod leave)"),
    FLAG("stay", OPT_FLAG, stay, "", NULL,
         "sidecar: SIGTERM ends the watcher only, the node stays in the cluster"),
    FLAG("timeout", OPT_DURATION, timeout_ms, "DURATION", NULL,
         "end with exit code 6 when etcd can't be reached for so long at the start; for ever "
         "without it"),
    ADMIN_FLAG(struct config_flags, admin_listen, WATCHER_ADMIN_LISTEN),
    LOG_FLAGS(struct config_flags, log),
#undef FLAG
};
/* clang-format on */

const struct opt_table watcher_config_table = {
    .program = "muster-watcher",
    .synopsis = "--trusted-keys FILE [OPTIONS]",
    .summary =
        "Runs and watches the memcached nodes that are placed on this host, keeps their reserved "
        "partitions, and reports what they really serve. memcached outlives it: ending the watcher "
        "ends no node, and the next one takes the nodes over as they are.",
    .opts = opts,
    .count = ARRAY_COUNT(opts),
    .examples = "  muster-watcher --trusted-keys /etc/muster/trusted.pub --addresses 10.0.0.7\n"
                "  muster-watcher --trusted-keys keys.pub --host a --zone z1 \\\n"
                "      --addresses 127.0.1.1-127.0.1.9 --state-dir /tmp/a\n"
                "  muster-watcher --mode sidecar --trusted-keys keys.pub --host c7 \\\n"
                "      --memcached-address 10.0.0.7 --partition /run/muster/partition \\\n"
                "      --join 10.0.0.2 --token-file /etc/muster/web.token\n",
};

static int load_log(struct watcher_config *config, struct err *err)
{
    return log_flags_load(&config->flags.log, "muster-watcher", &config->log, err);
}

static void to_lower(char *text)
{
    for (; *text != '\0'; text++) {
        *text = (char)tolower((unsigned char)*text);
    }
}

static int load_host_name(struct watcher_config *config, struct err *err)
{
    char machine[256] = "";

    if (config->flags.host != NULL) {
        (void)snprintf(machine, sizeof(machine), "%s", config->flags.host);
    } else {
        (void)gethostname(machine, sizeof(machine) - 1);
        machine[strcspn(machine, ".")] = '\0';
        to_lower(machine);
    }
    if (!name_is_label(machine, HOST_NAME_TEXT_MAX)) {
        return err_set(err, ERR_USAGE, "--host: '%s' is no host name (a-z, 0-9, inner '-')",
                       machine);
    }
    (void)snprintf(config->host_name, sizeof(config->host_name), "%.*s", HOST_NAME_TEXT_MAX,
                   machine);
    config->host.name = config->host_name;
    return 0;
}

static int compare_labels(const void *a, const void *b)
{
    return strcmp(((const struct label *)a)->name, ((const struct label *)b)->name);
}

static int add_label(struct watcher_config *config, char *pair, struct err *err)
{
    char *value = strchr(pair, '=');

    if (config->host.labels_count == SPEC_LABELS_MAX) {
        return err_set(err, ERR_USAGE, "--label: more than %d", SPEC_LABELS_MAX);
    }
    if (value != NULL) {
        *value++ = '\0';
    }
    if (value == NULL || !name_is_label(pair, LABEL_TEXT_MAX) || !name_is_label_value(value)) {
        return err_set(err, ERR_USAGE, "--label: '%s' is not NAME=VALUE", pair);
    }
    config->labels[config->host.labels_count++] = (struct label){ pair, value };
    return 0;
}

static int load_labels(struct watcher_config *config, struct err *err)
{
    char *rest = config->labels_text;
    char *pair;
    size_t i;

    if (sizeof(config->labels_text) <= strlen(config->flags.labels)) {
        return err_set(err, ERR_USAGE, "--label: too long");
    }
    memcpy(config->labels_text, config->flags.labels, strlen(config->flags.labels) + 1);
    config->host.labels = config->labels;
    while ((pair = strsep(&rest, ",")) != NULL) {
        int rv = *pair == '\0' ? 0 : add_label(config, pair, err);

        if (rv < 0) {
            return rv;
        }
    }
    qsort(config->labels, config->host.labels_count, sizeof(config->labels[0]), compare_labels);
    for (i = 1; i < config->host.labels_count; i++) {
        if (text_equal(config->labels[i - 1].name, config->labels[i].name)) {
            return err_set(err, ERR_USAGE, "--label: '%s' stands twice", config->labels[i].name);
        }
    }
    return 0;
}

static void ifaddrs_free_p(struct ifaddrs **list)
{
    if (*list != NULL) {
        freeifaddrs(*list);
    }
}

/* The first address that others can reach, else the loopback's. */
static void machine_address(char out[IPV4_TEXT_SIZE])
{
    CLEANUP(ifaddrs_free_p) struct ifaddrs *list = NULL;
    const struct ifaddrs *at;

    ipv4_format(INADDR_LOOPBACK, out);
    if (getifaddrs(&list) < 0) {
        list = NULL;
    }
    for (at = list; at != NULL; at = at->ifa_next) {
        struct sockaddr_in address;

        if (at->ifa_addr != NULL && at->ifa_addr->sa_family == AF_INET &&
            (at->ifa_flags & IFF_LOOPBACK) == 0) {
            memcpy(&address, at->ifa_addr, sizeof(address));
            ipv4_format(ntohl(address.sin_addr.s_addr), out);
            return;
        }
    }
}

static int load_addresses(struct watcher_config *config, struct err *err)
{
    const char *text = config->flags.addresses;
    const char *dash = text == NULL ? NULL : strchr(text, '-');
    uint32_t first;
    uint32_t last;

    config->host.ip_first = config->ip_first;
    config->host.ip_count = 1;
    if (text == NULL) {
        machine_address(config->ip_first);
        return 0;
    }
    (void)snprintf(config->ip_first, sizeof(config->ip_first), "%.*s",
                   (int)(dash == NULL ? strlen(text) : (size_t)(dash - text)), text);
    if (!ipv4_parse(config->ip_first, &first)) {
        return err_set(err, ERR_USAGE, "--addresses: '%s' is not FIRST[-LAST] of IPv4", text);
    }
    if (dash == NULL) {
        return 0;
    }
    if (!ipv4_parse(dash + 1, &last) || last < first || HOST_NODES_MAX <= last - first) {
        return err_set(err, ERR_USAGE, "--addresses: '%s' is no range of at most %d", text,
                       HOST_NODES_MAX);
    }
    config->host.ip_count = last - first + 1;
    return 0;
}

static uint64_t machine_memory(void)
{
    return (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Ports and counts must leave every node of the pool a data port and the one below it. */
static int load_capacity(struct watcher_config *config, struct err *err)
{
    const struct config_flags *flags = &config->flags;
    uint64_t fits = config->host.ip_count;

    if (flags->data_port < 2 || UINT16_MAX < flags->data_port) {
        return err_set(err, ERR_USAGE, "--data-port: must be 2..65535");
    }
    config->host.data_port = (uint16_t)flags->data_port;
    if (fits == 1) {
        fits = (UINT16_MAX - flags->data_port) / 2 + 1;
    }
    fits = fits < HOST_NODES_MAX ? fits : HOST_NODES_MAX;
    if (fits < flags->nodes_max) {
        return err_set(err, ERR_USAGE, "--nodes-max: the addresses and ports are enough for %llu",
                       (unsigned long long)fits);
    }
    if (config->host.ip_count == 1 && NODES_MAX_ONE_ADDRESS < fits) {
        fits = NODES_MAX_ONE_ADDRESS;
    }
    config->host.nodes_max = (uint32_t)(flags->nodes_max == 0 ? fits : flags->nodes_max);
    config->host.memory_bytes =
        flags->memory_bytes != 0 ? flags->memory_bytes : machine_memory() / 100 * MEMORY_PERCENT;
    return 0;
}

static int load_module(struct watcher_config *config, struct err *err)
{
    const char *given = config->flags.module;
    char own[PATH_MAX];
    ssize_t size;

    config->module[0] = '\0';
    if (given != NULL && strcmp(given, MODULE_NONE) == 0) {
        return 0;
    }
    if (given != NULL) {
        if (realpath(given, config->module) == NULL) {
            config->module[0] = '\0';
            return err_set(err, ERR_USAGE, "--module: no such file: %s", given);
        }
        return 0;
    }
    size = readlink("/proc/self/exe", own, sizeof(own) - 1);
    own[size < 0 ? 0 : size] = '\0';
    if (strrchr(own, '/') != NULL) {
        char beside[PATH_MAX + 64];

        *strrchr(own, '/') = '\0';
        (void)snprintf(beside, sizeof(beside), "%s/../lib/libmuster_partition.so", own);
        if (realpath(beside, config->module) != NULL) {
            return 0;
        }
    }
    if (realpath(MODULE_INSTALLED, config->module) == NULL) {
        config->module[0] = '\0';
    }
    return 0;
}

static int load_user(struct watcher_config *config, struct err *err)
{
    const char *name = config->flags.memcached_user;
    const struct passwd *user;

    config->uid = geteuid();
    config->gid = getegid();
    config->user[0] = '\0';
    if (geteuid() != 0) {
        if (name != NULL) {
            return err_set(err, ERR_USAGE, "--memcached-user: only root can change the user");
        }
        return 0;
    }
    name = name == NULL ? "nobody" : name;
    user = getpwnam(name);
    if (user == NULL || sizeof(config->user) <= strlen(name)) {
        return err_set(err, ERR_USAGE, "--memcached-user: no user '%s'", name);
    }
    (void)snprintf(config->user, sizeof(config->user), "%s", name);
    config->uid = user->pw_uid;
    config->gid = user->pw_gid;
    return 0;
}

static int load_limits(struct watcher_config *config, struct err *err)
{
    const struct config_flags *flags = &config->flags;

    if (flags->lease_ttl_ms < ETCD_LEASE_TTL_S_MIN * 1000U) {
        return err_set(err, ERR_USAGE, "--lease-ttl: at least %ds", ETCD_LEASE_TTL_S_MIN);
    }
    if (flags->zone[0] != '\0' && !name_is_label(flags->zone, LABEL_TEXT_MAX)) {
        return err_set(err, ERR_USAGE, "--zone: '%s' is no name", flags->zone);
    }
    config->host.zone = flags->zone;
    if (keys_prefix_check(flags->prefix, err) < 0) {
        (void)err_wrap(err, "--prefix");
        err->code = ERR_USAGE;
        return ERR_USAGE;
    }
    if (flags->trusted_keys == NULL) {
        return err_set(err, ERR_USAGE, "--trusted-keys is needed: nothing else can be served");
    }
    if (flags->state_dir[0] != '/' || FILES_STATE_DIR_MAX < strlen(flags->state_dir)) {
        return err_set(err, ERR_USAGE,
                       "--state-dir: an absolute path of at most %d bytes is needed",
                       FILES_STATE_DIR_MAX);
    }
    if (flags->partition_dir[0] != '/' || PARTITIONS_DIR_MAX < strlen(flags->partition_dir)) {
        return err_set(err, ERR_USAGE,
                       "--partition-dir: an absolute path of at most %d bytes is needed",
                       PARTITIONS_DIR_MAX);
    }
    if (flags->join_tokens != NULL &&
        (flags->join_tokens[0] != '/' || FILES_STATE_DIR_MAX < strlen(flags->join_tokens))) {
        return err_set(err, ERR_USAGE,
                       "--join-tokens: an absolute path of at most %d bytes is needed",
                       FILES_STATE_DIR_MAX);
    }
    return 0;
}

static int load_cgroup(struct watcher_config *config, struct err *err)
{
    int rv = cgroups_open(config->flags.cgroup, &config->cgroups, err);

    if (rv < 0) {
        (void)err_wrap(err, "--cgroup");
        err->code = ERR_USAGE;
        return ERR_USAGE;
    }
    return 0;
}

static int load_discovery(struct watcher_config *config, struct err *err)
{
    const struct config_flags *flags = &config->flags;
    const bool require = text_equal(flags->discovery_tls, "require");

    if (!require && !text_equal(flags->discovery_tls, "allow")) {
        return err_set(err, ERR_USAGE, "--discovery-tls: '%s' is neither allow nor require",
                       flags->discovery_tls);
    }
    if ((flags->discovery_cert == NULL) != (flags->discovery_key == NULL)) {
        return err_set(err, ERR_USAGE, "--discovery-cert and --discovery-key go together");
    }
    if (flags->discovery_cert == NULL && (require || flags->discovery_client_ca != NULL)) {
        return err_set(err, ERR_USAGE, "%s: --discovery-cert is needed for it",
                       require ? "--discovery-tls" : "--discovery-client-ca");
    }
    if (require && flags->discovery_ca == NULL) {
        return err_set(err, ERR_USAGE,
                       "--discovery-tls: --discovery-ca is needed for it: nodes "
                       "speak to each other");
    }
    if (flags->discovery_name != NULL && flags->discovery_ca == NULL) {
        return err_set(err, ERR_USAGE, "--discovery-name: --discovery-ca is needed for it");
    }
    config->discovery = (struct discovery_host_options){
        .tls = { flags->discovery_cert, flags->discovery_key, flags->discovery_client_ca, NULL },
        .tls_required = require,
        .peers_ca = flags->discovery_ca,
        .peers_name = flags->discovery_name,
    };
    return 0;
}

int watcher_config_load(struct watcher_config *config, struct err *err)
{
    static int (*const steps[])(struct watcher_config *, struct err *) = {
        load_log,      load_limits, load_host_name, load_labels, load_addresses,
        load_capacity, load_module, load_user,      load_cgroup, load_discovery,
    };
    size_t i;
    int rv = 0;

    for (i = 0; i < ARRAY_COUNT(steps) && rv == 0; i++) {
        rv = steps[i](config, err);
    }
    if (rv == 0) {
        rv = watcher_config_load_sidecar(config, err);
    }
    if (rv == 0) {
        rv = admin_address_check(config->flags.admin_listen, err);
    }
    if (rv < 0) {
        return rv;
    }
    rv = etcd_flags_load(&config->flags.etcd, &config->etcd, err);
    if (rv == 0) {
        rv = trusted_keys_load(config->flags.trusted_keys, &config->keys, err);
    }
    return rv;
}
