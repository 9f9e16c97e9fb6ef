/*
 * answer - send an answer of ours to a client, now or when its socket has room.
 *
 * Nothing else is written meanwhile: memcached writes only on behalf of what it reads, and it
 * gets nothing to read while an answer waits.
 */
#ifndef MODULE_ANSWER_H
#define MODULE_ANSWER_H

#include "watcher/module/conn.h"

/*
 * Send conn->reply. 0: all is sent. ANSWER_BLOCKED: the rest waits, conn->blocked is set and epoll
 * reports when there is room. -1 with errno: the connection is broken.
 */
#define ANSWER_BLOCKED 1
MUST_USE int answer_send(struct conn *conn);

/* Try again, after epoll's report. The same results. */
MUST_USE int answer_continue(struct conn *conn);

/* Give up: the client is gone. What is held back goes too; memcached will see the end. */
void answer_abandon(struct conn *conn);

#endif
