#include "client/local.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/file.h"
#include "base/str.h"

#define CONF_BYTES_MAX 4096
#define NETWORK_BITS_TEXT "/24"
#define HOST_MASK 0xffU

int local_network_parse(const char *text, uint32_t *out, struct err *err)
{
    char address[IPV4_TEXT_SIZE];
    size_t size = strcspn(text, "/");
    uint32_t network;

    if (sizeof(address) <= size) {
        size = 0;
    }
    (void)snprintf(address, sizeof(address), "%.*s", (int)size, text);
    if (!ipv4_parse(address, &network) || strcmp(text + size, NETWORK_BITS_TEXT) != 0 ||
        network >> 24 != 127 || (network & HOST_MASK) != 0) {
        return err_set(err, ERR_USAGE,
                       "--network: must be a /24 of the loopback network such as %s, got '%s'",
                       LOCAL_NETWORK_DEFAULT, text);
    }
    *out = network;
    return 0;
}

void local_network_format(uint32_t network, char out[IPV4_TEXT_SIZE + 3])
{
    char address[IPV4_TEXT_SIZE];

    ipv4_format(network, address);
    (void)snprintf(out, IPV4_TEXT_SIZE + 3, "%s%s", address, NETWORK_BITS_TEXT);
}

void local_address(const struct local *local, uint32_t host, char out[IPV4_TEXT_SIZE])
{
    ipv4_format(local->network + host, out);
}

static void etcd_url(const struct local *local, int port, char out[LOCAL_URL_SIZE])
{
    char address[IPV4_TEXT_SIZE];

    local_address(local, LOCAL_ETCD_HOST, address);
    (void)snprintf(out, LOCAL_URL_SIZE, "http://%s:%d", address, port);
}

void local_etcd_url(const struct local *local, char out[LOCAL_URL_SIZE])
{
    etcd_url(local, LOCAL_ETCD_CLIENT_PORT, out);
}

void local_etcd_peer_url(const struct local *local, char out[LOCAL_URL_SIZE])
{
    etcd_url(local, LOCAL_ETCD_PEER_PORT, out);
}

void local_node_pid_path(const struct local *local, const char *cluster, uint32_t slot,
                         char out[STATE_PATH_SIZE])
{
    char name[CLUSTER_NAME_MAX + 64];

    (void)snprintf(name, sizeof(name), "watcher/nodes/%s/%04u/memcached.pid", cluster, slot);
    state_path(local->dir, name, out);
}

/* Take in one "name=value"; names that are not known belong to another release. */
static bool take_line(char *line, struct local *local)
{
    char *value = strchr(line, '=');
    struct err ignored;
    uint64_t number;

    if (line[0] == '#' || line[0] == '\0') {
        return true;
    }
    if (value == NULL) {
        return false;
    }
    *value++ = '\0';
    if (strcmp(line, "network") == 0) {
        return local_network_parse(value, &local->network, &ignored) == 0;
    }
    if (strcmp(line, "controllers") == 0) {
        if (!text_to_u64(value, 1, LOCAL_CONTROLLERS_MAX, &number)) {
            return false;
        }
        local->controllers = (uint32_t)number;
        return true;
    }
    if (strcmp(line, "join-tokens") == 0) {
        (void)snprintf(local->join_tokens, sizeof(local->join_tokens), "%s", value);
        return value[0] == '/' && strlen(value) < sizeof(local->join_tokens);
    }
    if (strcmp(line, "prefix") == 0) {
        (void)snprintf(local->prefix, sizeof(local->prefix), "%s", value);
        return keys_prefix_check(value, &ignored) == 0;
    }
    return true;
}

int local_load(const char *dir, struct local *out, struct err *err)
{
    struct local local = { .network = 0 };
    CLEANUP(str_deinit) struct str text;
    char path[STATE_PATH_SIZE];
    char *rest;
    char *line;
    int number = 0;
    int rv;

    state_path(dir, STATE_CONF, path);
    str_init(&text, CONF_BYTES_MAX);
    rv = file_read(path, &text, err);
    if (rv < 0) {
        return rv;
    }
    rest = text.bytes;
    while ((line = strsep(&rest, "\n")) != NULL) {
        number++;
        if (!take_line(line, &local)) {
            return err_set(err, ERR_INVALID, "%s:%d: not understood: %s", path, number, line);
        }
    }
    if (local.network == 0 || local.controllers == 0 || local.prefix[0] == '\0') {
        return err_set(err, ERR_INVALID, "%s: network, controllers or prefix is missing", path);
    }
    (void)snprintf(local.dir, sizeof(local.dir), "%s", dir);
    *out = local;
    return 0;
}

int local_save(const struct local *local, struct err *err)
{
    char path[STATE_PATH_SIZE];
    char network[IPV4_TEXT_SIZE + 3];
    char text[CONF_BYTES_MAX];
    int size;

    local_network_format(local->network, network);
    size = snprintf(text, sizeof(text),
                    "# Written by muster up.\nnetwork=%s\ncontrollers=%u\nprefix=%s\n%s%s%s",
                    network, local->controllers, local->prefix,
                    local->join_tokens[0] == '\0' ? "" : "join-tokens=", local->join_tokens,
                    local->join_tokens[0] == '\0' ? "" : "\n");
    CHECK(0 < size);
    state_path(local->dir, STATE_CONF, path);
    return file_write(path, text, (size_t)size, err);
}
