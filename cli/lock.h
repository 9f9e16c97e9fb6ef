/*
 * lock - one supervisor per state directory.
 *
 * An flock(2) on a file in the directory: the kernel releases it when its holder dies, however
 * that comes about, so that a successor which waits for it takes over at once.
 */
#ifndef CLI_LOCK_H
#define CLI_LOCK_H

#include <stdbool.h>

#include "base/err.h"

/*
 * Take the lock of the state directory: `*fd` holds it until it is closed. With `wait`, wait for
 * as long as it takes, else ERR_CONFLICT when somebody holds it. ERR_NOT_FOUND when the directory
 * was purged meanwhile.
 */
MUST_USE int lock_take(const char *dir, bool wait, int *fd, struct err *err);

#endif
