#include "admin/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 64

struct place {
    struct sockaddr_storage address;
    socklen_t size;
};

/* "10.0.0.1:80" and "[::1]:80"; names are not looked up: that would take time. */
static int parse(const char *text, struct place *out, struct err *err)
{
    const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                                    .ai_socktype = SOCK_STREAM };
    const char *colon = strrchr(text, ':');
    struct addrinfo *found = NULL;
    char host[ADMIN_ADDRESS_SIZE];
    size_t size = colon == NULL ? 0 : (size_t)(colon - text);
    bool brackets = 2 < size && text[0] == '[' && text[size - 1] == ']';

    if (size == 0 || sizeof(host) <= size || colon[1] == '\0') {
        return err_set(err, ERR_INVALID, "'%s' is not ADDRESS:PORT", text);
    }
    (void)snprintf(host, sizeof(host), "%.*s", (int)(brackets ? size - 2 : size),
                   brackets ? text + 1 : text);
    if ((!brackets && strchr(host, ':') != NULL) ||
        getaddrinfo(host, colon + 1, &hints, &found) != 0 || found == NULL) {
        return err_set(err, ERR_INVALID, "'%s' is not ADDRESS:PORT", text);
    }
    memcpy(&out->address, found->ai_addr, found->ai_addrlen);
    out->size = found->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

int admin_address_check(const char *listen, struct err *err)
{
    struct place place;

    if (strcmp(listen, ADMIN_NONE) == 0 || 0 <= parse(listen, &place, err)) {
        return 0;
    }
    err->code = ERR_USAGE;
    return err_wrap(err, "--admin-listen");
}

static int name(int fd, char where[ADMIN_ADDRESS_SIZE], struct err *err)
{
    struct place place = { .size = sizeof(place.address) };
    char host[INET6_ADDRSTRLEN];
    char port[8];

    if (getsockname(fd, (struct sockaddr *)&place.address, &place.size) < 0 ||
        getnameinfo((struct sockaddr *)&place.address, place.size, host, sizeof(host), port,
                    sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
        return err_set(err, ERR_FAILED, "a socket has no name");
    }
    (void)snprintf(where, ADMIN_ADDRESS_SIZE, strchr(host, ':') == NULL ? "%s:%s" : "[%s]:%s", host,
                   port);
    return 0;
}

int listen_open(const char *address, int *out, char where[ADMIN_ADDRESS_SIZE], struct err *err)
{
    const int on = 1;
    struct place place;
    int fd;
    int rv = parse(address, &place, err);

    if (rv < 0) {
        return rv;
    }
    fd = socket(place.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return err_set(err, ERR_IO, "a socket: %s", strerror(errno));
    }
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        bind(fd, (struct sockaddr *)&place.address, place.size) < 0 || listen(fd, BACKLOG) < 0) {
        rv = err_set(err, errno == EADDRINUSE ? ERR_CONFLICT : ERR_INVALID,
                     "can't listen at %s: %s", address, strerror(errno));
    } else {
        rv = name(fd, where, err);
    }
    if (rv < 0) {
        (void)close(fd);
        return rv;
    }
    *out = fd;
    return 0;
}
