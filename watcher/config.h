/*
 * config - what the watcher was told on its command line, read and checked.
 *
 * Texts point into argv, the environment, or the struct itself: it must not move after
 * watcher_config_load().
 */
#ifndef WATCHER_CONFIG_H
#define WATCHER_CONFIG_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "admin/admin.h"
#include "base/err.h"
#include "base/log_flags.h"
#include "base/opt.h"
#include "codec/envelope.h"
#include "etcd/etcd_flags.h"
#include "model/node.h"
#include "proc/cgroup.h"
#include "watcher/discovery_host.h"

/* Where the HTTP port is when nobody says where. */
#define WATCHER_ADMIN_LISTEN "127.0.0.1:11281"

#define CONFIG_TEXT_SIZE 1024
#define CONFIG_JOIN_HOSTS_MAX 8
#define CONFIG_HOST_TEXT_SIZE 256

/* Runs what is placed on this host; or stands beside one memcached that runs anyhow. */
enum watcher_mode { WATCHER_HOST, WATCHER_SIDECAR };

/* A node to ask: a name or an address, and its data or discovery port. */
struct join_host {
    char name[CONFIG_HOST_TEXT_SIZE];
    uint16_t port;
};

/* As the option parser fills it. */
struct config_flags {
    struct etcd_flags etcd;
    const char *prefix;
    const char *host;
    const char *admin_listen; /* or ADMIN_NONE */
    const char *zone;
    const char *labels;
    uint64_t lease_ttl_ms;
    const char *state_dir;
    const char *partition_dir;
    const char *trusted_keys;
    const char *join_tokens;
    const char *mode;
    const char *memcached_address;
    const char *partition;
    const char *join;
    const char *token_file;
    const char *cluster;
    uint64_t slot;
    const char *ordinal;
    const char *identity;
    uint64_t leave_timeout_ms;
    const char *leave_file;
    bool stay;
    const char *memcached;
    const char *memcached_user;
    const char *module;
    const char *cgroup;
    const char *addresses;
    uint64_t data_port;
    const char *discovery_cert;
    const char *discovery_key;
    const char *discovery_client_ca;
    const char *discovery_tls;
    const char *discovery_ca;
    const char *discovery_name;
    uint64_t memory_bytes;
    uint64_t nodes_max;
    uint64_t timeout_ms;
    struct log_flags log;
};

struct watcher_config {
    enum watcher_mode mode;
    struct join_host join[CONFIG_JOIN_HOSTS_MAX]; /* in turn; none: it registers in etcd itself */
    size_t join_count;
    struct config_flags flags;
    struct etcd_options etcd;
    struct log log;
    struct host host; /* but for what memcached says about itself */
    struct trusted_keys keys;
    struct cgroups cgroups;
    struct discovery_host_options discovery;
    char module[PATH_MAX]; /* "": memcached runs without */
    char user[64];         /* memcached's -u; "": it runs as ourselves */
    uid_t uid;             /* of that user */
    gid_t gid;
    /* What the texts of `host` point to. */
    char host_name[HOST_NAME_TEXT_MAX + 1];
    char ip_first[IPV4_TEXT_SIZE];
    char labels_text[CONFIG_TEXT_SIZE];
    struct label labels[SPEC_LABELS_MAX];
};

/* The options, for opt_parse() into a struct config_flags and for --help. */
extern const struct opt_table watcher_config_table;

/* Sidecar mode: what the others say of the one memcached. Part of watcher_config_load(). */
MUST_USE int watcher_config_load_sidecar(struct watcher_config *config, struct err *err);

/* Check `config->flags`, fill in the rest. ERR_USAGE names the option. */
MUST_USE int watcher_config_load(struct watcher_config *config, struct err *err);

#endif
