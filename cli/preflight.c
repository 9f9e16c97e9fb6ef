#include "cli/preflight.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "model/name.h"
#include "proc/proc_port.h"

static int in_use(const char *ip, uint16_t port, struct err *err)
{
    char name[PROC_NAME_SIZE];
    struct err ignored;
    pid_t pid;

    if (proc_port_holder(ip, port, &pid, name, sizeof(name), &ignored) < 0) {
        return err_set(err, ERR_CONFLICT, "%s:%u is in use", ip, port);
    }
    return err_set(err, ERR_CONFLICT, "%s:%u is in use by %s (pid %d)", ip, port, name, (int)pid);
}

int preflight_port(const char *ip, uint16_t port, struct err *err)
{
    CLEANUP(fd_close_p) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
    int on = 1;

    if (fd < 0 || inet_pton(AF_INET, ip, &address.sin_addr) != 1) {
        return err_set(err, ERR_IO, "%s:%u: %s", ip, port, strerror(errno));
    }
    /* As servers do: connections that are just closing don't count. */
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
        return errno == EADDRINUSE ? in_use(ip, port, err)
                                   : err_set(err, ERR_IO, "%s:%u: %s", ip, port, strerror(errno));
    }
    return 0;
}
