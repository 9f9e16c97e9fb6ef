/*
 * alive - whether a memcached answers, for the liveness probe of its container.
 *
 * A connection alone tells nothing: the kernel accepts for a process that hangs. Any answer to a
 * `version` is one, and so is the end of an accepted connection: a memcached that has as many
 * clients as it may sends others away, or, with no open file left, says nothing (busy.h). It is
 * busy then, and not to be ended: its cache would be lost, and all of its clients would come again.
 * Uses libc only.
 */
#ifndef WATCHER_POD_ALIVE_H
#define WATCHER_POD_ALIVE_H

#include <stdbool.h>

#define ALIVE_SECONDS_DEFAULT 4U
#define ALIVE_SECONDS_MAX 60U

/*
 * Ask the memcached at `address`, "IPv4:PORT", and wait `seconds` for its answer. `*problem` gets a
 * text when there was none and it is not busy, or when `address` is no such thing.
 */
bool alive(const char *address, unsigned seconds, const char **problem);

#endif
