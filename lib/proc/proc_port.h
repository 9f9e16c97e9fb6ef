/*
 * proc_port - who holds a TCP port, for messages about a port in use.
 *
 * Reads /proc of the whole machine: milliseconds, so it is asked after a failure only. Processes of
 * other users are visible to root alone.
 */
#ifndef PROC_PROC_PORT_H
#define PROC_PROC_PORT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define PROC_NAME_SIZE 16 /* as the kernel keeps it: 15 bytes and NUL */

/*
 * Who listens at ip:port, also by listening at all addresses: pid and command name. ERR_NOT_FOUND:
 * nobody, or not ours to see.
 */
MUST_USE int proc_port_holder(const char *ip, uint16_t port, pid_t *pid, char *name,
                              size_t name_size, struct err *err);

#endif
