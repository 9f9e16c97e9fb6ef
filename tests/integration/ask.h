/*
 * ask - speak to a port as a client would: raw requests, and the three ways to discover.
 *
 * Nothing of muster's own parsers is used: the answers are compared with the bytes that clients
 * accept. Connections wait ASK_PATIENCE_MS for an answer.
 */
#ifndef INTEGRATION_ASK_H
#define INTEGRATION_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "integration/lab.h"

#define ASK_PATIENCE_MS 10000
#define ASK_REPLY_SIZE 65536

/* Connect; -1 when nobody listens. */
int ask_connect(const char *ip, uint16_t port);

/* Send all; false when the peer does not take it. */
bool ask_send(int fd, const void *bytes, size_t size);

/*
 * Read until the reply is whole: it ends with `end`, or is an error line, or the peer closed, or
 * the patience is over. The number of bytes; NUL-terminated.
 */
size_t ask_read(int fd, const char *end, char *reply, size_t size);

/* All of it on a connection of its own; "" when nobody answers. */
size_t ask(const char *ip, uint16_t port, const char *request, const char *end, char *reply,
           size_t size);

enum ask_how {
    ASK_CONFIG, /* config get cluster */
    ASK_LEGACY, /* get AmazonElastiCache:cluster */
    ASK_BINARY, /* opcode 0x60 */
};

struct ask_node {
    char host[256];
    char ip[SCENE_IP_SIZE];
    uint16_t port;
};

struct listing {
    uint32_t version;
    size_t count;
    struct ask_node nodes[LAB_NODES_MAX];
    char payload[8192];
};

enum ask_outcome {
    ASK_LISTED,
    ASK_NONE,   /* a bare END: no configuration yet */
    ASK_SILENT, /* nobody listens, or the connection ended without an answer */
    ASK_WRONG,  /* an answer with bytes that clients don't accept */
};

/* Discover at a port. `out` is filled for ASK_LISTED. */
enum ask_outcome ask_cluster(const char *ip, uint16_t port, enum ask_how how, struct listing *out);

/* The same on a connection that is open already. */
enum ask_outcome ask_cluster_on(int fd, enum ask_how how, struct listing *out);

bool listing_names(const struct listing *listing, const char *ip);

/* Every node of 1..`nodes` lists exactly `nodes` nodes with one version >= `version`, all ways. */
bool ask_all_agree(unsigned nodes, uint32_t version, char *why, size_t why_size);

/* Set and get a key. */
bool ask_set_get(int fd, const char *key, const char *value);

#endif
