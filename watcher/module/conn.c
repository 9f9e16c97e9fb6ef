#include "watcher/module/conn.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>

struct conn_table {
    _Atomic(struct conn *) conns[CONN_FD_MAX];
};

/* Pages of the table exist as far as descriptors reach. */
struct conn_table *conn_table_new(void)
{
    void *memory = mmap(NULL, sizeof(struct conn_table), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return memory == MAP_FAILED ? NULL : memory;
}

void conn_table_free(struct conn_table *table)
{
    if (table != NULL) {
        (void)munmap(table, sizeof(*table));
    }
}

struct conn *conn_find(struct conn_table *table, int fd)
{
    if (table == NULL || fd < 0 || CONN_FD_MAX <= fd) {
        return NULL;
    }
    return atomic_load_explicit(&table->conns[fd], memory_order_acquire);
}

void conn_open(struct conn_table *table, int fd, enum tracker_listener listener)
{
    struct conn *conn;

    if (table == NULL || fd < 0 || CONN_FD_MAX <= fd) {
        return;
    }
    conn = calloc(1, sizeof(*conn));
    if (conn != NULL) {
        conn->fd = fd;
        tracker_init(&conn->tracker, listener);
    }
    atomic_store_explicit(&table->conns[fd], conn, memory_order_release);
}

struct conn *conn_remove(struct conn_table *table, int fd)
{
    if (conn_find(table, fd) == NULL) {
        return NULL;
    }
    return atomic_exchange(&table->conns[fd], NULL);
}

void conn_free(struct conn *conn)
{
    hold_clear(&conn->hold);
    copy_put(conn->copy);
    free(conn->value);
    free(conn->record);
    free(conn);
}

const struct poller_peer *conn_peer(struct conn *conn)
{
    union {
        struct sockaddr any;
        struct sockaddr_storage room;
    } address;
    socklen_t size = sizeof(address);

    if (conn->peer.family == POLLER_NONE && getpeername(conn->fd, &address.any, &size) == 0) {
        poller_peer_of(&address.any, size, &conn->peer);
    }
    return &conn->peer;
}

bool conn_ready(const struct conn *conn)
{
    return ((conn->hold.size != 0 && !conn->stalled) || conn->pending) && !conn->blocked;
}
