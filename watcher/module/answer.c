#include "watcher/module/answer.h"

#include <errno.h>
#include <sys/epoll.h>

#include "base/check.h"
#include "watcher/module/queue.h"
#include "watcher/module/real.h"
#include "watcher/module/wire.h"

/* Send what is left. 0, ANSWER_BLOCKED or -1. */
static int push(struct conn *conn)
{
    int rv = wire_send(conn);

    if (rv == 0) {
        wire_send_end(conn);
    }
    return rv == WIRE_BLOCKED ? ANSWER_BLOCKED : rv;
}

/* What epoll waits for: that an answer which waits can go on, else what memcached asked. */
static int set_interest(const struct conn *conn)
{
    const struct interest *interest = &conn->interest;
    struct epoll_event event = { .events = conn->blocked ? conn->send_event : interest->events,
                                 .data = interest->data };

    if (!interest->registered) {
        return 0;
    }
    return real_functions()->epoll_ctl(interest->epoll_fd, EPOLL_CTL_MOD, conn->fd, &event);
}

static int block(struct conn *conn)
{
    if (!conn->interest.registered) {
        errno = ECONNRESET; /* nobody would tell when there is room */
        return -1;
    }
    queue_add(conn);
    if (conn->queue != queue_own()) {
        errno = ECONNRESET;
        return -1;
    }
    conn->blocked = true;
    conn->queue->blocked++;
    return set_interest(conn) == 0 ? ANSWER_BLOCKED : -1;
}

static void unblock(struct conn *conn)
{
    CHECK(conn->queue == queue_own());
    CHECK(0 < conn->queue->blocked);
    conn->blocked = false;
    conn->queue->blocked--;
    (void)set_interest(conn);
}

int answer_send(struct conn *conn)
{
    int rv = push(conn);

    return rv == ANSWER_BLOCKED ? block(conn) : rv;
}

int answer_continue(struct conn *conn)
{
    int rv = push(conn);

    if (rv == 0) {
        unblock(conn);
    }
    return rv;
}

void answer_abandon(struct conn *conn)
{
    wire_send_end(conn);
    hold_clear(&conn->hold);
    conn->tracker.state = TRACKER_OPAQUE;
    if (conn->blocked) {
        unblock(conn);
    }
}
