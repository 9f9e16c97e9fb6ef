#include "watcher/module/loop.h"

#include "watcher/module/answer.h"
#include "watcher/module/queue.h"
#include "watcher/module/real.h"

int loop_control(struct conn *conn, int epoll_fd, int operation, struct epoll_event *event)
{
    struct epoll_event waiting;

    if (operation == EPOLL_CTL_DEL || event == NULL) {
        conn->interest.registered = false;
        return real_functions()->epoll_ctl(epoll_fd, operation, conn->fd, event);
    }
    conn->interest = (struct interest){ true, epoll_fd, event->events, event->data };
    if (event->data.fd != conn->fd) {
        conn->tracker.state = TRACKER_OPAQUE; /* its events could not be told from others' */
    }
    if (conn->blocked) {
        waiting = (struct epoll_event){ .events = conn->send_event, .data = event->data };
        return real_functions()->epoll_ctl(epoll_fd, operation, conn->fd, &waiting);
    }
    return real_functions()->epoll_ctl(epoll_fd, operation, conn->fd, event);
}

/* Whether memcached is to hear of an event; answers that wait are sent on. */
static bool concerns_memcached(struct module *module, const struct epoll_event *event)
{
    struct conn *conn = conn_find(module->table, event->data.fd);

    if (conn == NULL || !conn->blocked || conn->interest.data.u64 != event->data.u64) {
        return true;
    }
    if ((event->events & (EPOLLERR | EPOLLHUP)) != 0 || answer_continue(conn) < 0) {
        answer_abandon(conn);
        return true;
    }
    return false;
}

static int filter(struct module *module, struct epoll_event *events, int count)
{
    int kept = 0;
    int i;

    for (i = 0; i < count; i++) {
        if (concerns_memcached(module, &events[i])) {
            events[kept] = events[i];
            kept++;
        }
    }
    return kept;
}

int loop_wait(struct module *module, int epoll_fd, struct epoll_event *events, int max,
              int timeout_ms)
{
    struct queue *queue = queue_own();
    int injected = 0;
    int count;

    counting_tick(&module->counting);
    queue->waited = true;
    queue->looked_ms = 0;
    if (queue->first == NULL || max <= 0) {
        return real_functions()->epoll_wait(epoll_fd, events, max, timeout_ms);
    }
    injected = queue_collect(queue, epoll_fd, events, (max + 1) / 2);
    if (injected == max) {
        return injected;
    }
    count = real_functions()->epoll_wait(epoll_fd, events + injected, max - injected,
                                         injected != 0 ? 0 : timeout_ms);
    if (count < 0) {
        return injected != 0 ? injected : count;
    }
    if (queue->blocked != 0) {
        count = filter(module, events + injected, count);
    }
    return injected + count;
}
