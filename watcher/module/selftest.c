#include "watcher/module/selftest.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "watcher/module/real.h"

#define TEST_WAIT_MS 1000

struct stage {
    int memcached; /* the end that is followed */
    int client;
    int epoll_fd;
};

/* Memcached's side of one event: is the connection reported, and does read(2) give `expected`? */
static bool gives(const struct stage *stage, size_t asked, const char *expected)
{
    char bytes[TRACKER_FRESH_BYTES];
    ssize_t n = read(stage->memcached, bytes, asked);

    if (expected == NULL) {
        return n < 0 && errno == EAGAIN;
    }
    return n == (ssize_t)strlen(expected) && memcmp(bytes, expected, strlen(expected)) == 0;
}

static bool is_reported(const struct stage *stage)
{
    struct epoll_event events[2];

    return epoll_wait(stage->epoll_fd, events, 2, TEST_WAIT_MS) == 1 &&
           events[0].data.fd == stage->memcached && (events[0].events & EPOLLIN) != 0;
}

static bool is_quiet(const struct stage *stage)
{
    struct epoll_event events[2];

    return epoll_wait(stage->epoll_fd, events, 2, 0) == 0;
}

static const char *play(const struct stage *stage)
{
    static const char said[] = "get a\r\nconfig get cluster\r\nset  b 0 0 2\r\nhi\r\nget c";
    static const char answer[] = "END\r\n";
    char heard[sizeof(answer)];

    if (send(stage->client, said, sizeof(said) - 1, MSG_NOSIGNAL) != (ssize_t)sizeof(said) - 1) {
        return "self-test: a socket pair takes no bytes";
    }
    if (!is_reported(stage) || !gives(stage, TRACKER_FRESH_BYTES, "get a\r\n")) {
        return "self-test: a command is not handed on alone";
    }
    if (!is_reported(stage) || !gives(stage, TRACKER_FRESH_BYTES, "set  b 0 0 2\r\n")) {
        return "self-test: a command behind another one is not found";
    }
    if (recv(stage->client, heard, sizeof(heard), MSG_DONTWAIT) != (ssize_t)sizeof(answer) - 1 ||
        memcmp(heard, answer, sizeof(answer) - 1) != 0) {
        return "self-test: a command of ours is not answered in its place";
    }
    if (!gives(stage, 4, "hi\r\n") || !is_reported(stage) ||
        !gives(stage, TRACKER_FRESH_BYTES, NULL) || !is_quiet(stage)) {
        return "self-test: a malformed write is not followed";
    }
    return NULL;
}

static const char *play_on(struct module *module, const struct stage *stage)
{
    struct epoll_event event = { .events = EPOLLIN, .data.fd = stage->memcached };

    conn_open(module->table, stage->memcached, TRACKER_ANY);
    if (conn_find(module->table, stage->memcached) == NULL ||
        epoll_ctl(stage->epoll_fd, EPOLL_CTL_ADD, stage->memcached, &event) != 0) {
        return "self-test: epoll does not work";
    }
    return play(stage);
}

const char *selftest_run(struct module *module)
{
    struct stage stage = { .epoll_fd = -1 };
    const char *reason;
    int pair[2];

    if (!real_ours_come_first()) {
        return "another library stands in front of this one";
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0) {
        return "self-test: no socket pair";
    }
    stage.memcached = pair[0];
    stage.client = pair[1];
    stage.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    reason = stage.epoll_fd < 0 ? "self-test: no epoll" : play_on(module, &stage);
    if (0 <= stage.epoll_fd) {
        (void)close(stage.epoll_fd);
    }
    (void)close(pair[0]);
    (void)close(pair[1]);
    return reason;
}
