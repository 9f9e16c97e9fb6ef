/*
 * cgroup - a control group for each process that is run, with a limit of its memory.
 *
 * Below one directory of a cgroup file system that this program may write to: version 2 with the
 * memory controller, or version 1's memory hierarchy (cgroups(7)). A process that asks for more
 * than its limit is ended by the kernel, alone. Groups outlive this program like the processes in
 * them.
 *
 * Which directory is the operator's to say: under systemd it must not be one that systemd itself
 * puts processes into.
 */
#ifndef PROC_CGROUP_H
#define PROC_CGROUP_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "base/err.h"

#define CGROUP_PATH_MAX 1024

enum cgroup_version { CGROUP_OFF, CGROUP_V1, CGROUP_V2 };

/* Zeroed: OFF, and all of the functions below do nothing. */
struct cgroups {
    enum cgroup_version version;
    char dir[CGROUP_PATH_MAX];
};

/* Use the groups below `dir` ("": OFF), which is made when it is missing. ERR_INVALID: it is none
 * with a memory controller. */
MUST_USE int cgroups_open(const char *dir, struct cgroups *out, struct err *err);

/* Make the group `name`, or take the one that is there, set its limit, and put the process there.
 * What it has allocated before counts elsewhere. */
MUST_USE int cgroup_put(const struct cgroups *groups, const char *name, uint64_t memory_bytes,
                        pid_t pid, struct err *err);

/* How often the kernel has ended a process of the group for its memory; 0 too when nobody knows. */
uint64_t cgroup_oom_kills(const struct cgroups *groups, const char *name);

/* Remove the group, if it is there and nothing is in it. */
void cgroup_remove(const struct cgroups *groups, const char *name);

#endif
