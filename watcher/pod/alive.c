#include "watcher/pod/alive.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "watcher/pod/busy.h"

#define QUESTION "version\r\n"
#define PORT_MAX 65535UL
#define MS_PER_S 1000
#define NS_PER_MS 1000000

static int64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * MS_PER_S + now.tv_nsec / NS_PER_MS;
}

static bool parse(const char *text, struct sockaddr_in *out)
{
    const char *colon = strchr(text, ':');
    char ip[INET_ADDRSTRLEN] = "";
    unsigned long port;
    char *end;

    if (colon == NULL || INET_ADDRSTRLEN <= colon - text) {
        return false;
    }
    memcpy(ip, text, (size_t)(colon - text));
    errno = 0;
    port = strtoul(colon + 1, &end, 10);
    if (errno != 0 || end == colon + 1 || *end != '\0' || port == 0 || PORT_MAX < port) {
        return false;
    }
    *out = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    return inet_pton(AF_INET, ip, &out->sin_addr) == 1;
}

/* Whether something of `events` came before `until_ms`. */
static bool wait_for(int fd, short events, int64_t until_ms)
{
    struct pollfd wanted = { .fd = fd, .events = events };
    int64_t left = until_ms - now_ms();
    int rv;

    do {
        rv = poll(&wanted, 1, left < 0 ? 0 : (int)left);
        left = until_ms - now_ms();
    } while (rv < 0 && errno == EINTR);
    return 0 < rv;
}

static bool connect_to(int fd, const struct sockaddr_in *address, int64_t until_ms)
{
    int problem = 0;
    socklen_t size = sizeof(problem);

    if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0) {
        return true;
    }
    if (errno == EINPROGRESS && !wait_for(fd, POLLOUT, until_ms)) {
        errno = ETIMEDOUT;
    } else if (errno == EINPROGRESS) {
        errno = getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &size) < 0 ? errno : problem;
        return errno == 0;
    }
    return false;
}

bool alive(const char *address, unsigned seconds, const char **problem)
{
    int64_t until_ms = now_ms() + (int64_t)seconds * MS_PER_S;
    struct sockaddr_in at;
    bool answered = false;
    int fd;

    if (!parse(address, &at)) {
        *problem = "is not IPv4:PORT";
        return false;
    }
    fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || !connect_to(fd, &at, until_ms)) {
        *problem = strerror(errno);
    } else {
        /* Where it was closed already there is nobody to take the question, and something to read.
         */
        (void)!send(fd, QUESTION, strlen(QUESTION), MSG_NOSIGNAL);
        answered = wait_for(fd, POLLIN, until_ms);
        *problem = "says nothing";
    }
    if (0 <= fd) {
        (void)close(fd);
    }
    return answered || busy(&at);
}
