#include "watcher/module/queue.h"

#include "base/check.h"

struct queue *queue_own(void)
{
    static _Thread_local struct queue queue;

    return &queue;
}

static void append(struct queue *queue, struct conn *conn)
{
    conn->next = NULL;
    if (queue->last == NULL) {
        queue->first = conn;
    } else {
        queue->last->next = conn;
    }
    queue->last = conn;
}

static struct conn *take_first(struct queue *queue)
{
    struct conn *conn = queue->first;

    CHECK(conn != NULL);
    queue->first = conn->next;
    if (queue->first == NULL) {
        queue->last = NULL;
    }
    return conn;
}

void queue_add(struct conn *conn)
{
    if (conn->queue == NULL) {
        conn->queue = queue_own();
        append(conn->queue, conn);
    }
}

bool queue_remove(struct conn *conn)
{
    struct queue *queue = queue_own();
    struct conn *last = queue->last;
    struct conn *each;

    if (conn->queue == NULL) {
        return true;
    }
    if (conn->queue != queue) {
        return false;
    }
    do {
        each = take_first(queue);
        if (each != conn) {
            append(queue, each);
        }
    } while (each != last);
    conn->queue = NULL;
    if (conn->blocked) {
        CHECK(0 < queue->blocked);
        queue->blocked--;
    }
    return true;
}

static void release(struct queue *queue, struct conn *conn)
{
    if (conn->blocked) {
        CHECK(0 < queue->blocked);
        queue->blocked--;
    }
    conn_free(conn);
}

/* The event that memcached is to see, if there is one: then 1. */
static int report(const struct conn *conn, int epoll_fd, struct epoll_event *event)
{
    const struct interest *interest = &conn->interest;

    if (!conn_ready(conn) || interest->epoll_fd != epoll_fd || (interest->events & EPOLLIN) == 0) {
        return 0;
    }
    *event = (struct epoll_event){ .events = EPOLLIN, .data = interest->data };
    return 1;
}

int queue_collect(struct queue *queue, int epoll_fd, struct epoll_event *events, int max)
{
    const struct conn *last = queue->last;
    bool more = last != NULL;
    struct conn *conn;
    int count = 0;

    while (more && count < max) { /* each goes to the end, so that all have their turn when there
                                     are more than `max` */
        conn = take_first(queue);
        more = conn != last;
        if (atomic_load_explicit(&conn->closed, memory_order_acquire)) {
            release(queue, conn);
        } else if (!conn->interest.registered) {
            append(queue, conn); /* another thread may have it at the moment */
        } else if (!conn->blocked && !conn_ready(conn)) {
            conn->queue = NULL;
        } else {
            append(queue, conn);
            count += report(conn, epoll_fd, &events[count]);
        }
    }
    return count;
}
