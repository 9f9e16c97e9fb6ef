/*
 * ps - the processes of a lab, as the kernel shows them: not as muster tells.
 *
 * A process belongs to a lab when the lab's directory stands in its command line or environment.
 * Zombies have ended and are not listed.
 */
#ifndef INTEGRATION_PS_H
#define INTEGRATION_PS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "integration/lab.h"

#define PS_MAX 128

enum ps_kind {
    PS_ANY,
    PS_ETCD,
    PS_CONTROLLER,
    PS_WATCHER,
    PS_SUPERVISOR,
    PS_MEMCACHED,
};

struct ps_item {
    pid_t pid;
    enum ps_kind kind;  /* ANY: none of the known kinds */
    char command[2048]; /* arguments, separated by spaces */
};

struct ps_list {
    struct ps_item items[PS_MAX];
    size_t count;
};

/* All running processes of `kind`, by ascending pid. */
void ps_list(enum ps_kind kind, struct ps_list *out);

/* The only process of a kind; 0 when there is not exactly one. */
pid_t ps_one(enum ps_kind kind);

/* The memcached that listens at `ip`; 0: none. */
pid_t ps_memcached(const char *ip);

/* Whether it runs: exists and is no zombie. */
bool ps_alive(pid_t pid);

const char *ps_kind_text(enum ps_kind kind);

#endif
