/*
 * ask_nodes - ask ports of nodes for one group of `stats`, several at a time: discovery ports for
 * what the watcher tells, data ports for what memcached does.
 *
 * For what only the nodes themselves know. Who does not answer in time has no answer; nothing here
 * fails because of a node.
 */
#ifndef CLIENT_ASK_NODES_H
#define CLIENT_ASK_NODES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "loop/loop.h"
#include "loop/tls.h"

#define ASK_NODES_AT_ONCE_MAX 64
#define ASK_NODES_TIMEOUT_MS 1000U /* of one node */
#define ASK_NODES_GROUP_MAX 32     /* bytes of a group's name */

struct node_answer {
    const char *ip; /* whom to ask; the caller's */
    uint16_t port;
    const char *rows;    /* "STAT <name> <value>\r\n…END", in the arena; NULL: no answer */
    const char *problem; /* why not, in the arena; "" */
};

struct node_asker {
    struct loop *loop;
    struct tls_context *const *tls; /* as for memtext_use_tls() */
};

/* Ask `group` ("peers"; "" for those of memcached) of all; at most ASK_NODES_TIMEOUT_MS for each
 * ASK_NODES_AT_ONCE_MAX. */
MUST_USE int ask_nodes(const struct node_asker *asker, const char *group,
                       struct node_answer *answers, size_t count, struct arena *arena,
                       struct err *err);

/*
 * The rows of an answer, one after the other: the next one at `*at`, whose name and value are
 * copied (cut to their sizes). false: there is none.
 */
#define ASK_NODES_NAME_SIZE 128
#define ASK_NODES_VALUE_SIZE 1024
bool answer_row(const char **at, char name[ASK_NODES_NAME_SIZE], char value[ASK_NODES_VALUE_SIZE]);

#endif
