/*
 * node - a real memcached, with the module or bare, and the partition that it serves.
 */
#ifndef TESTS_MODULE_NODE_H
#define TESTS_MODULE_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include "support/process.h"
#include "support/scene.h"

#define NODE_PORT 11211
#define NODE_PROGRAMS_MAX 8
#define NODE_PAYLOAD "1\na.cfg.local|127.0.0.1|11211 b.cfg.local|127.0.0.2|11211\n"
#define NODE_RECORD "{\"version\":1,\"cluster\":\"test\"}"
#define NODE_CONFIG_ANSWER "CONFIG cluster 0 58\r\n" NODE_PAYLOAD "\r\nEND\r\n"

/* A memcached to test, as its path or its name in PATH. */
struct node_program {
    char path[SCENE_PATH_SIZE];
};

/* "memcached", and those that MUSTER_TEST_MEMCACHED names, separated by colons. Returns how many.
 */
size_t node_programs(struct node_program out[NODE_PROGRAMS_MAX]);

/* What the nodes of this test run from now on; "memcached" without a call. */
void node_use(const struct node_program *program);

struct node {
    struct process *process;
    struct scene_ip ip;
    struct scene_path partition; /* "" for a bare one */
    int segment;                 /* descriptor of the writer; -1 for a bare one */
};

/* Start a memcached on scene_ip(host), with up to a few more arguments ending with NULL. */
void node_start_bare(struct node *node, unsigned host, const char *const *arguments);

/* The same with the module, an inbox and version 1 of the payload and record above. */
void node_start(struct node *node, unsigned host, const char *const *arguments);

/* With the module and a partition that does not exist yet: make it with node_publish(). */
void node_start_empty(struct node *node, unsigned host, const char *const *arguments);

/* Put a configuration into the node's segment, making it (again) where it is missing. */
void node_publish(struct node *node, uint32_t version, const char *payload, const char *record);

/* Path of the segment, of the inbox and of the kill switch. */
struct scene_path node_segment(const struct node *node);
struct scene_path node_inbox(const struct node *node);
struct scene_path node_switch(const struct node *node);

/* Make the kill switch, if it is not there. */
void node_switch_on(const struct node *node);

/* A connection to the node. */
int node_connect(const struct node *node);

/* Everything that the node answers to `said` (text) until the connection ends; on the heap. */
char *node_ask(const struct node *node, const char *said);

/* Ask, and stop the test unless the answer is `expected`. */
void node_expect(const struct node *node, const char *said, const char *expected);

/* The same, but wait for it: what happens to files, the module notices some milliseconds later. */
void node_await(const struct node *node, const char *said, const char *expected);

#endif
