#include "support/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "support/scene.h"

#define ANSWER_BYTES_MAX ((size_t)64 * 1024 * 1024)
#define READ_TIMEOUT_S 5

static struct sockaddr_in address_of(const char *ip, uint16_t port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };

    if (inet_pton(AF_INET, ip, &address.sin_addr) != 1) {
        scene_fail("no IPv4 address: %s", ip);
    }
    return address;
}

int net_connect(const char *ip, uint16_t port)
{
    return net_connect_from("0.0.0.0", ip, port);
}

int net_connect_from(const char *from, const char *ip, uint16_t port)
{
    struct sockaddr_in address = address_of(ip, port);
    struct sockaddr_in own = address_of(from, 0);
    struct timeval timeout = { .tv_sec = READ_TIMEOUT_S };
    const int late = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        scene_fail("socket: %s", strerror(errno));
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    /* A port of its own for each server that is connected to, not one of the whole machine: tests
     * that connect some hundred times a second would use those up. */
    (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &late, sizeof(late));
    if (bind(fd, (const struct sockaddr *)&own, sizeof(own)) < 0) {
        scene_fail("bind to %s: %s", from, strerror(errno));
    }
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

int net_listen(const char *ip, uint16_t port)
{
    struct sockaddr_in address = address_of(ip, port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 128) < 0) {
        scene_fail("listen at %s:%u: %s", ip, port, strerror(errno));
    }
    return fd;
}

bool net_answers(const char *ip, uint16_t port)
{
    CLEANUP(fd_close_p) int fd = net_connect(ip, port);

    return 0 <= fd;
}

/* A process that was stopped finds what waits with a time limit interrupted. */
static ssize_t receive(int fd, char *out, size_t size)
{
    ssize_t got;

    do {
        got = recv(fd, out, size, 0);
    } while (got < 0 && errno == EINTR);
    return got;
}

static bool send_all(int fd, const char *text)
{
    size_t left = strlen(text);

    while (0 < left) {
        ssize_t sent = send(fd, text, left, MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent <= 0) {
            return false;
        }
        text += sent;
        left -= (size_t)sent;
    }
    return true;
}

char *net_ask(const char *ip, uint16_t port, const char *request, const char *end)
{
    return net_ask_from("0.0.0.0", ip, port, request, end);
}

char *net_ask_from(const char *from, const char *ip, uint16_t port, const char *request,
                   const char *end)
{
    CLEANUP(fd_close_p) int fd = net_connect_from(from, ip, port);
    CLEANUP(str_deinit) struct str answer;
    char chunk[16384];
    ssize_t size = 1;
    char *text;

    str_init(&answer, ANSWER_BYTES_MAX);
    if (0 <= fd && send_all(fd, request)) {
        while (0 < size && (end == NULL || strstr(str_text(&answer), end) == NULL)) {
            size = receive(fd, chunk, sizeof(chunk));
            str_append(&answer, chunk, size < 0 ? 0 : (size_t)size);
        }
    }
    text = strdup(str_text(&answer));
    if (text == NULL) {
        scene_fail("out of memory");
    }
    return text;
}

char *net_post(const char *ip, uint16_t port, const char *path, const char *json, int *status)
{
    CLEANUP(str_deinit) struct str request;
    char *answer;
    char *body;

    str_init(&request, ANSWER_BYTES_MAX);
    /* HTTP/1.0: the reply is not chunked and ends with the connection. */
    str_appendf(&request,
                "POST %s HTTP/1.0\r\nHost: %s:%u\r\nContent-Type: application/json\r\n"
                "Content-Length: %zu\r\n\r\n%s",
                path, ip, port, strlen(json), json);
    answer = net_ask(ip, port, str_text(&request), NULL);
    body = strstr(answer, "\r\n\r\n");
    if (body == NULL || strncmp(answer, "HTTP/1.", 7) != 0) {
        free(answer);
        return NULL;
    }
    if (status != NULL) {
        *status = (int)strtol(answer + 9, NULL, 10);
    }
    memmove(answer, body + 4, strlen(body + 4) + 1);
    return answer;
}
