/*
 * fleet - a muster of several hosts on one machine: etcd, a controller, and a watcher per "host",
 * each with addresses of its own. On the test's scene, as a lab (lab.h) is, whose functions to run
 * and to ask work here, too.
 *
 * Host `i` (from 1) is called "h<i>", its nodes are at scene_ip(FLEET_FIRST(i)) and the addresses
 * behind it.
 */
#ifndef INTEGRATION_FLEET_H
#define INTEGRATION_FLEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "integration/lab.h"

#define FLEET_HOSTS_MAX 4
#define FLEET_NODES_PER_HOST 8
#define FLEET_FIRST(host) (((host)-1) * FLEET_NODES_PER_HOST + 1)
#define FLEET_NODES (FLEET_HOSTS_MAX * FLEET_NODES_PER_HOST)

/*
 * Start all of it and wait until every host has reported. `memcached` is the program that the nodes
 * are run with; NULL: the system's.
 */
void fleet_start(unsigned hosts, const char *memcached);

/* The host dies: its watcher and its nodes, without a word. */
void fleet_kill_host(unsigned host);

/* The controller ends in the ordinary way; and another one begins. */
void fleet_stop_controller(void);
void fleet_start_controller(void);

/* SIGKILL for the controller and for etcd: nothing is decided or told any more. */
void fleet_kill_controller(void);
void fleet_kill_etcd(void);

/* The directory of a partition on a host. */
struct scene_path fleet_partition(unsigned host, const char *cluster, uint32_t slot);

/* How many memcacheds run at the host's addresses. */
size_t fleet_nodes_on(unsigned host);

/* The number of the host that has the address; 0: none. */
unsigned fleet_host_of(const char *ip);

/* End controller and watchers in the ordinary way, and look for what no log may say. */
void fleet_close(void);

#endif
