/*
 * busy - whether a server that answers nobody new has only too many clients.
 *
 * A memcached whose open files are used up takes no further connection, and says nothing to those
 * that the kernel takes for it; who is connected is served as ever. It lets itself have as many
 * files as `--conn-limit`, its own among them, so that this comes before it counts its clients as
 * too many. Sources: /proc/net/tcp, /proc/PID/fd and /proc/PID/limits (proc(5)), which the same
 * user may read. Uses libc only.
 */
#ifndef WATCHER_POD_BUSY_H
#define WATCHER_POD_BUSY_H

#include <netinet/in.h>
#include <stdbool.h>

/* Whether the process that listens at `address` has fewer than BUSY_SPARE_FILES files left: while
 * clients come and go, one is free at times. False, too, when nobody listens there, or another
 * user, or who can't be seen from here, or only at an IPv6 address. */
#define BUSY_SPARE_FILES 8U
bool busy(const struct sockaddr_in *address);

#endif
