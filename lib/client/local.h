/*
 * local - what `muster up` runs on this machine, as written down in the state directory.
 *
 * `up` decides it once; whoever comes later (the supervisor, its successor, `down`, any other
 * verb that looks for etcd) reads it. Addresses are taken from one /24 of the loopback network:
 * .1 to .249 are the nodes' pool, .250 is etcd's and the watcher's own, those behind it are the
 * controllers'.
 */
#ifndef CLIENT_LOCAL_H
#define CLIENT_LOCAL_H

#include <stdint.h>

#include "base/err.h"
#include "client/state_dir.h"
#include "model/name.h"
#include "store/keys.h"

#define LOCAL_NETWORK_DEFAULT "127.77.1.0/24"
#define LOCAL_CONTROLLERS_MAX 5
#define LOCAL_POOL_COUNT 249
#define LOCAL_ETCD_HOST 250
#define LOCAL_ETCD_CLIENT_PORT 2379
#define LOCAL_ETCD_PEER_PORT 2380
#define LOCAL_URL_SIZE 64
/* Where the daemons answer over HTTP: the watcher at etcd's address, controller n (from 1) n behind
 * it. */
#define LOCAL_CONTROLLER_PORT 11280
#define LOCAL_WATCHER_PORT 11281

struct local {
    char dir[STATE_PATH_SIZE];
    uint32_t network; /* its first address */
    uint32_t controllers;
    char prefix[KEYS_PREFIX_MAX + 1];
    char
        join_tokens[STATE_PATH_SIZE]; /* directory of the clusters' join tokens; "": nobody joins */
};

/* "127.77.1.0/24". ERR_USAGE unless it is a /24 within 127.0.0.0/8. */
MUST_USE int local_network_parse(const char *text, uint32_t *out, struct err *err);
void local_network_format(uint32_t network, char out[IPV4_TEXT_SIZE + 3]);

/* The address `host` of the network: 1..255. */
void local_address(const struct local *local, uint32_t host, char out[IPV4_TEXT_SIZE]);

/* etcd's addresses: for clients, and for peers, of which there are none. */
void local_etcd_url(const struct local *local, char out[LOCAL_URL_SIZE]);
void local_etcd_peer_url(const struct local *local, char out[LOCAL_URL_SIZE]);

/* The pid file that the watcher keeps of a node's memcached. */
void local_node_pid_path(const struct local *local, const char *cluster, uint32_t slot,
                         char out[STATE_PATH_SIZE]);

/* The pattern, in the sense of glob(3), of all of them. */
#define LOCAL_NODE_PIDS "watcher/nodes/*/*/memcached.pid"

/* Read what is written down below `dir`. ERR_NOT_FOUND when nothing is. */
MUST_USE int local_load(const char *dir, struct local *out, struct err *err);

/* Write it down; the file is replaced as a whole. */
MUST_USE int local_save(const struct local *local, struct err *err);

#endif
