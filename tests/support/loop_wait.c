#include "support/loop_wait.h"

#include "base/clock.h"
#include "support/scene.h"

#define SLICE_MS 3

bool loop_wait_until(struct loop *loop, wait_fn *fn, void *ctx, uint64_t timeout_ms)
{
    uint64_t start_ms = clock_mono_ms();

    while (!fn(ctx)) {
        if (timeout_ms <= clock_mono_ms() - start_ms) {
            return false;
        }
        loop_wait_ms(loop, SLICE_MS);
    }
    return true;
}

static void on_timer(void *ctx)
{
    bool *over = ctx;

    *over = true;
}

void loop_wait_ms(struct loop *loop, uint64_t ms)
{
    CLEANUP(loop_timer_free_p) struct loop_timer *timer = NULL;
    bool over = false;
    struct err err;

    if (loop_timer_new(loop, on_timer, &over, &timer, &err) < 0) {
        scene_fail("%s", err.msg);
    }
    loop_timer_start(timer, ms);
    if (loop_run_until(loop, &over, UINT64_MAX, &err) < 0) {
        scene_fail("%s", err.msg);
    }
}
