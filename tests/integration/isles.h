/*
 * isles - a muster whose hosts can be cut off: in network namespaces of the test's own.
 *
 * isles_start() moves the test into a fresh namespace, in which etcd (three members), two
 * controllers and the first hosts run; the last host runs in another one behind a link that can be
 * taken down. Host `h` has the addresses isles_ip(h, 1) and so on. Everything goes with the test.
 */
#ifndef INTEGRATION_ISLES_H
#define INTEGRATION_ISLES_H

#include <stdbool.h>
#include <stdint.h>

#include "integration/lab.h"

#define ISLES_HOSTS 3
#define ISLES_FAR 3 /* the host behind the link */
#define ISLES_NODES_PER_HOST 8
#define ISLES_CONTROLLERS 2
#define ISLES_ETCDS 3

/* Start all of it and wait until every host has reported. */
void isles_start(void);

struct scene_ip isles_ip(unsigned host, unsigned node);

/* Take the link to the far host down, or up again. */
void isles_cut(bool cut);

/* SIGKILL for every controller and every member of etcd; and all of them again. */
void isles_kill_heads(void);
void isles_start_heads(void);

/* What the controllers that were started last have logged; on the heap. */
char *isles_controller_log(unsigned controller);

void isles_kill_watcher(unsigned host);
void isles_start_watcher(unsigned host);

/* The directory of a partition on a host. */
struct scene_path isles_partition(unsigned host, const char *cluster, uint32_t slot);

#endif
