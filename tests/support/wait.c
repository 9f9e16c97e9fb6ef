#include "support/wait.h"

#include <time.h>

#include "base/clock.h"

bool wait_until(wait_fn *fn, void *ctx, uint64_t timeout_ms)
{
    const struct timespec pause = { .tv_nsec = 3000000 };
    uint64_t start_ms = clock_mono_ms();

    while (!fn(ctx)) {
        if (timeout_ms <= clock_mono_ms() - start_ms) {
            return false;
        }
        (void)nanosleep(&pause, NULL);
    }
    return true;
}
