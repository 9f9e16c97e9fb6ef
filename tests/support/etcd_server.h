/*
 * etcd_server - a real etcd for one test, on an address of the test's own.
 *
 * Members are quick to elect (500 ms at most) and keep their data in the scene's directory, so that
 * they can be stopped, killed, frozen and started again. Nothing needs to be released.
 */
#ifndef SUPPORT_ETCD_SERVER_H
#define SUPPORT_ETCD_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include "etcd/etcd.h"

#define ETCD_SERVER_PORT 2379

struct etcd_server;

/* A single member at scene_ip(250), ready to serve. */
struct etcd_server *etcd_server_start(void);

/* The same over TLS; etcd_server_certificate() is what a client has to trust. */
struct etcd_server *etcd_server_start_tls(void);
const char *etcd_server_certificate(const struct etcd_server *server);

/* A cluster of `count` (1..5) members at scene_ip(250 - i), all ready to serve. */
void etcd_server_start_cluster(struct etcd_server **out, size_t count);

const char *etcd_server_ip(const struct etcd_server *server);
const char *etcd_server_url(const struct etcd_server *server);

/* For a client that does not take a busy machine for an etcd that is away: where it gives a try up
 * after half a second, a write that was done has an unknown outcome. `endpoints` is borrowed. */
struct etcd_options etcd_server_patient(const char *endpoints);

/* SIGKILL, and wait for the end. */
void etcd_server_kill(struct etcd_server *server);

/* Start a killed member again on its data, and wait until it serves. */
void etcd_server_restart(struct etcd_server *server);

/* The same for all members of a cluster, none of which serves without the others. */
void etcd_server_restart_cluster(struct etcd_server **servers, size_t count);

/* Throw a killed member's data away: the next start finds an empty store. */
void etcd_server_wipe(struct etcd_server *server);

/* SIGSTOP: connections stay, nobody answers. SIGCONT. */
void etcd_server_freeze(struct etcd_server *server);
void etcd_server_thaw(struct etcd_server *server);

/* Wait until it serves reads that need a quorum. Not for TLS. */
void etcd_server_wait_ready(struct etcd_server *server);

/* Of the functions below none is for TLS. POST to the gateway; the reply's body on the heap. Stops
 * the test when HTTP does not say 200. */
char *etcd_server_post(struct etcd_server *server, const char *path, const char *json);

/* Behind the back of the client under test. `value` is text. The new revision. */
uint64_t etcd_server_put(struct etcd_server *server, const char *key, const char *value);
uint64_t etcd_server_delete(struct etcd_server *server, const char *key);

/* The store's revision now. */
uint64_t etcd_server_revision(struct etcd_server *server);

/* Forget all that happened before `revision`. */
void etcd_server_compact(struct etcd_server *server, uint64_t revision);

#endif
