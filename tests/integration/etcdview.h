/*
 * etcdview - look into the lab's etcd, and write into it what nobody should.
 *
 * Each call connects anew, so that it works from any thread and after etcd was restarted.
 */
#ifndef INTEGRATION_ETCDVIEW_H
#define INTEGRATION_ETCDVIEW_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "etcd/etcd.h"
#include "integration/lab.h"

#define LAB_PREFIX "/muster/v1/"

/* All keys below LAB_PREFIX<below>; fails the test when etcd does not answer. */
void etcdview_read(const char *below, struct arena *arena, struct etcd_range_result *out);

/* How many keys there are below; the store's revision. */
size_t etcdview_count(const char *below);
uint64_t etcdview_revision(void);

/* Whether nothing is written for `quiet_ms`. */
bool etcdview_is_quiet(uint64_t quiet_ms);

/* Whether a key below contains a text. */
bool etcdview_has(const char *below, const char *text);

/* Put or (value NULL) delete one key: LAB_PREFIX<below>. */
void etcdview_write(const char *below, const char *value);

/* Delete everything below LAB_PREFIX, at one revision. */
void etcdview_delete_all(void);

/* The lease holder's fencing token: create_revision of the leader key; 0: nobody leads. */
uint64_t etcdview_leader(void);

#endif
