#include "watcher/module/values.h"

#include <string.h>
#include <sys/socket.h>

#include "watcher/module/conn.h"

static void remove_at(struct values *values, size_t at)
{
    size_t bytes;

    values->count--;
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): pointers are moved up */
    bytes = (values->count - at) * sizeof(values->conns[0]);
    memmove(&values->conns[at], &values->conns[at + 1], bytes);
}

void values_begin(struct values *values, struct conn *conn)
{
    (void)pthread_mutex_lock(&values->lock);
    if (values->count == VALUES_MAX) {
        /* Its thread reads the end of the stream and closes. The descriptor is still that
         * connection's: closing takes it out of here first. */
        (void)shutdown(values->conns[0]->fd, SHUT_RDWR);
        remove_at(values, 0);
    }
    values->conns[values->count] = conn;
    values->count++;
    (void)pthread_mutex_unlock(&values->lock);
}

void values_end(struct values *values, const struct conn *conn)
{
    size_t i;

    (void)pthread_mutex_lock(&values->lock);
    for (i = 0; i < values->count; i++) {
        if (values->conns[i] == conn) {
            remove_at(values, i);
            break;
        }
    }
    (void)pthread_mutex_unlock(&values->lock);
}
