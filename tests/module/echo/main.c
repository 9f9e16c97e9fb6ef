/*
 * An event-driven server that reads as memcached does, or as it does not: it sends back what it
 * reads, each time in brackets. For loading the module into something other than memcached, built
 * with another C library.
 *
 *     memcached-echo IP PORT READ-BYTES epoll|poll
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BYTES_MAX 16384
#define FDS_MAX 64

static size_t read_bytes;
static struct pollfd fds[FDS_MAX]; /* of poll(2) */
static nfds_t fds_count;
static int epoll_fd = -1; /* below 0: poll(2) */

static void watch(int fd)
{
    struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

    if (0 <= epoll_fd) {
        (void)epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
    } else if (fds_count < FDS_MAX) {
        fds[fds_count].fd = fd;
        fds[fds_count].events = POLLIN;
        fds_count++;
    }
}

static void forget(int fd)
{
    nfds_t i;

    for (i = 0; i < fds_count; i++) {
        if (fds[i].fd == fd) {
            fds_count--;
            fds[i] = fds[fds_count];
            break;
        }
    }
    (void)close(fd);
}

/* What is read goes back in brackets. */
static void serve(int fd)
{
    char bytes[READ_BYTES_MAX + 2];
    ssize_t n = read(fd, bytes + 1, read_bytes);

    if (n == 0 || (n < 0 && errno != EAGAIN)) {
        forget(fd);
    } else if (0 < n) {
        bytes[0] = '[';
        bytes[n + 1] = ']';
        (void)!write(fd, bytes, (size_t)n + 2);
    }
}

static void on_event(int listener, int fd)
{
    if (fd != listener) {
        serve(fd);
        return;
    }
    fd = accept(listener, NULL, NULL);
    if (0 <= fd) {
        (void)fcntl(fd, F_SETFL, O_NONBLOCK);
        watch(fd);
    }
}

static void run_epoll(int listener)
{
    struct epoll_event events[8];
    int count;
    int i;

    for (;;) {
        count = epoll_wait(epoll_fd, events, 8, -1);
        for (i = 0; i < count; i++) {
            on_event(listener, events[i].data.fd);
        }
    }
}

static void run_poll(int listener)
{
    nfds_t i;

    for (;;) {
        (void)poll(fds, fds_count, -1);
        for (i = 0; i < fds_count; i++) {
            if (fds[i].revents != 0) {
                on_event(listener, fds[i].fd);
                break; /* the list may have changed */
            }
        }
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    int on = 1;

    if (argc != 5 || inet_pton(AF_INET, argv[1], &address.sin_addr) != 1) {
        (void)fprintf(stderr, "usage: %s IP PORT READ-BYTES epoll|poll\n", argv[0]);
        return 2;
    }
    address.sin_port = htons((in_port_t)atoi(argv[2]));
    read_bytes = (size_t)atoi(argv[3]);
    if (READ_BYTES_MAX < read_bytes) {
        return 2;
    }
    (void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(listener, FDS_MAX) != 0) {
        perror("listen");
        return 1;
    }
    epoll_fd = strcmp(argv[4], "epoll") == 0 ? epoll_create1(0) : -1;
    watch(listener);
    if (0 <= epoll_fd) {
        run_epoll(listener);
    } else {
        run_poll(listener);
    }
    return 0;
}
