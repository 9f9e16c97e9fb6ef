/* The options of sidecar mode. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "codec/join_token.h"
#include "watcher/config.h"
#include "watcher/files.h"
#include "watcher/leave_file.h"

#define IDENTITY_TEXT_MAX 512

static const struct {
    const char *name;
    size_t offset;
} of_hosts[] = {
    { "addresses", offsetof(struct config_flags, addresses) },
    { "memcached", offsetof(struct config_flags, memcached) },
    { "module", offsetof(struct config_flags, module) },
}, of_sidecars[] = {
    { "memcached-address", offsetof(struct config_flags, memcached_address) },
    { "partition", offsetof(struct config_flags, partition) },
    { "join", offsetof(struct config_flags, join) },
    { "token-file", offsetof(struct config_flags, token_file) },
    { "cluster", offsetof(struct config_flags, cluster) },
    { "leave-file", offsetof(struct config_flags, leave_file) },
    { "ordinal", offsetof(struct config_flags, ordinal) },
    { "identity", offsetof(struct config_flags, identity) },
};

static bool is_given(const struct config_flags *flags, size_t offset)
{
    const char *text;

    memcpy(&text, (const unsigned char *)flags + offset, sizeof(text));
    return text != NULL;
}

static int check_host_mode(const struct config_flags *flags, struct err *err)
{
    size_t i;

    for (i = 0; i < ARRAY_COUNT(of_sidecars); i++) {
        if (is_given(flags, of_sidecars[i].offset)) {
            return err_set(err, ERR_USAGE, "--%s: has a meaning with --mode sidecar only",
                           of_sidecars[i].name);
        }
    }
    return 0;
}

static int check_sidecar_mode(const struct config_flags *flags, struct err *err)
{
    size_t i;

    for (i = 0; i < ARRAY_COUNT(of_hosts); i++) {
        if (is_given(flags, of_hosts[i].offset)) {
            return err_set(err, ERR_USAGE, "--%s: has no meaning with --mode sidecar",
                           of_hosts[i].name);
        }
    }
    if (flags->memcached_address == NULL) {
        return err_set(err, ERR_USAGE, "--memcached-address is needed with --mode sidecar");
    }
    if (flags->partition == NULL || flags->partition[0] != '/' ||
        FILES_STATE_DIR_MAX < strlen(flags->partition)) {
        return err_set(err, ERR_USAGE,
                       "--partition: an absolute path of at most %d bytes is needed with "
                       "--mode sidecar",
                       FILES_STATE_DIR_MAX);
    }
    if (SLOT_MAX < flags->slot) {
        return err_set(err, ERR_USAGE, "--slot: must be 0..%d", SLOT_MAX);
    }
    if (flags->leave_file != NULL &&
        (flags->leave_file[0] != '/' || LEAVE_FILE_PATH_MAX < strlen(flags->leave_file))) {
        return err_set(err, ERR_USAGE, "--leave-file: must be an absolute path of at most %d bytes",
                       LEAVE_FILE_PATH_MAX);
    }
    if (flags->identity != NULL && IDENTITY_TEXT_MAX < strlen(flags->identity)) {
        return err_set(err, ERR_USAGE, "--identity: at most %d bytes", IDENTITY_TEXT_MAX);
    }
    if (flags->cluster != NULL && !name_is_label(flags->cluster, CLUSTER_NAME_MAX)) {
        return err_set(err, ERR_USAGE, "--cluster: '%s' is no cluster's name", flags->cluster);
    }
    return 0;
}

/* "HOST[:PORT]" of `size` bytes. */
static int read_place(const char *text, size_t size, const char *option, struct join_host *out,
                      struct err *err)
{
    const char *colon = memchr(text, ':', size);
    size_t name_bytes = colon == NULL ? size : (size_t)(colon - text);
    uint64_t port = NODE_DATA_PORT;

    if (name_bytes == 0 || sizeof(out->name) <= name_bytes ||
        (colon != NULL && !bytes_to_u64(colon + 1, size - name_bytes - 1, 2, UINT16_MAX, &port))) {
        return err_set(err, ERR_USAGE, "--%s: '%.*s' is not HOST[:PORT]", option, (int)size, text);
    }
    (void)snprintf(out->name, sizeof(out->name), "%.*s", (int)name_bytes, text);
    out->port = (uint16_t)port;
    return 0;
}

static int load_address(struct watcher_config *config, struct err *err)
{
    const char *text = config->flags.memcached_address;
    struct join_host place;
    uint32_t ip;
    int rv = read_place(text, strlen(text), "memcached-address", &place, err);

    if (rv < 0) {
        return rv;
    }
    if (!ipv4_parse(place.name, &ip) || ip == 0) {
        return err_set(err, ERR_USAGE,
                       "--memcached-address: '%s' is no IPv4 address that clients can reach",
                       place.name);
    }
    ipv4_format(ip, config->ip_first);
    config->host.ip_first = config->ip_first;
    config->host.ip_count = 1;
    config->host.nodes_max = 1;
    config->host.data_port = place.port;
    return 0;
}

/* "3" is slot 4. */
static int load_ordinal(struct watcher_config *config, struct err *err)
{
    const char *text = config->flags.ordinal;
    uint64_t ordinal;

    if (text == NULL || text[0] == '\0') {
        return 0;
    }
    if (config->flags.slot != 0) {
        return err_set(err, ERR_USAGE, "--ordinal: --slot says which slot it wishes for");
    }
    if (!text_to_u64(text, 0, SLOT_MAX - 1, &ordinal)) {
        return err_set(err, ERR_USAGE, "--ordinal: must be 0..%d, got '%s'", SLOT_MAX - 1, text);
    }
    config->flags.slot = ordinal + 1;
    return 0;
}

static int load_hosts(struct watcher_config *config, struct err *err)
{
    const char *text = config->flags.join;

    while (text != NULL && text[0] != '\0') {
        size_t size = strcspn(text, ",");
        int rv;

        if (config->join_count == CONFIG_JOIN_HOSTS_MAX) {
            return err_set(err, ERR_USAGE, "--join: more than %d hosts", CONFIG_JOIN_HOSTS_MAX);
        }
        rv = read_place(text, size, "join", &config->join[config->join_count++], err);
        if (rv < 0) {
            return rv;
        }
        text += size + (text[size] == ',' ? 1 : 0);
    }
    return 0;
}

/* It is read again whenever it is needed; what is wrong with it should show now. */
static int check_token(const struct watcher_config *config, struct err *err)
{
    CLEANUP(join_tokens_clear) struct join_tokens tokens = { .count = 0 };
    int rv;

    if (config->join_count == 0) {
        return config->flags.cluster == NULL
                   ? err_set(err, ERR_USAGE, "--join or --cluster is needed with --mode sidecar")
                   : 0;
    }
    if (config->flags.token_file == NULL) {
        return err_set(err, ERR_USAGE, "--token-file is needed with --join");
    }
    rv = join_tokens_load(config->flags.token_file, &tokens, err);
    return rv < 0 ? err_wrap(err, "--token-file") : 0;
}

int watcher_config_load_sidecar(struct watcher_config *config, struct err *err)
{
    const struct config_flags *flags = &config->flags;
    int rv;

    if (strcmp(flags->mode, "host") == 0) {
        config->mode = WATCHER_HOST;
        return check_host_mode(flags, err);
    }
    if (strcmp(flags->mode, "sidecar") != 0) {
        return err_set(err, ERR_USAGE, "--mode: must be host or sidecar, got '%s'", flags->mode);
    }
    config->mode = WATCHER_SIDECAR;
    config->host.sidecar = true;
    config->module[0] = '\0';
    config->flags.partition_dir = flags->partition;
    rv = check_sidecar_mode(flags, err);
    if (rv == 0) {
        rv = load_address(config, err);
    }
    if (rv == 0) {
        rv = load_ordinal(config, err);
    }
    if (rv == 0) {
        rv = load_hosts(config, err);
    }
    return rv < 0 ? rv : check_token(config, err);
}
