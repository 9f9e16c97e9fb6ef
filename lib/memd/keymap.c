#include "memd/keymap.h"

#include <stdio.h>

#include <libmemcached/memcached.h>

#define KEY_TEXT_SIZE 24

static void handle_free(memcached_st **handle)
{
    memcached_free(*handle);
}

static void list_free(memcached_server_st **list)
{
    memcached_server_list_free(*list);
}

static int refused(const char *what, memcached_return_t rc, struct err *err)
{
    return err_set(err, rc == MEMCACHED_MEMORY_ALLOCATION_FAILURE ? ERR_NOMEM : ERR_FAILED,
                   "%s: %s", what, memcached_strerror(NULL, rc));
}

static int handle_new(enum keymap_kind kind, memcached_st **out, struct err *err)
{
    memcached_st *handle = memcached_create(NULL);
    memcached_return_t rc = MEMCACHED_SUCCESS;

    if (handle == NULL) {
        return err_set(err, ERR_NOMEM, "map of keys");
    }
    if (kind == KEYMAP_KETAMA) {
        rc = memcached_behavior_set(handle, MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED, 1);
    }
    if (rc != MEMCACHED_SUCCESS) {
        memcached_free(handle);
        return refused("distribution of keys", rc, err);
    }
    *out = handle;
    return 0;
}

/* All at once: the handle lays its points out anew with each addition. */
static int nodes_add(memcached_st *handle, const struct keymap_node *nodes, size_t count,
                     struct err *err)
{
    CLEANUP(list_free) memcached_server_st *list = NULL;
    memcached_return_t rc = MEMCACHED_SUCCESS;
    size_t i;

    for (i = 0; i < count; i++) {
        memcached_server_st *grown = memcached_server_list_append_with_weight(
            list, nodes[i].hostname, nodes[i].port, 1, &rc);

        if (grown == NULL) {
            return refused(nodes[i].hostname, rc, err);
        }
        list = grown;
    }
    rc = memcached_server_push(handle, list);
    return rc == MEMCACHED_SUCCESS ? 0 : refused("list of nodes", rc, err);
}

int keymap_find(enum keymap_kind kind, const struct keymap_node *nodes, size_t count,
                uint32_t *places, size_t keys, struct err *err)
{
    CLEANUP(handle_free) memcached_st *handle = NULL;
    size_t i;
    int rv;

    if (count == 0) {
        return err_set(err, ERR_INVALID, "a list without nodes has no place for keys");
    }
    if ((kind == KEYMAP_KETAMA ? KEYMAP_KETAMA_NODES_MAX : KEYMAP_NODES_MAX) < count ||
        KEYMAP_KEYS_MAX < keys) {
        return err_set(err, ERR_LIMIT, "%zu keys on %zu nodes are too many to place", keys, count);
    }
    rv = handle_new(kind, &handle, err);
    if (0 <= rv) {
        rv = nodes_add(handle, nodes, count, err);
    }
    for (i = 0; 0 <= rv && i < keys; i++) {
        char key[KEY_TEXT_SIZE];
        int size = snprintf(key, sizeof(key), "key:%zu", i);

        places[i] = memcached_generate_hash(handle, key, (size_t)size);
    }
    return rv < 0 ? rv : 0;
}
