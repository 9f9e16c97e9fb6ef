#include "admin/apart.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"

#define STACK_BYTES ((size_t)1 << 20)

struct job {
    pthread_t thread;
    loop_fn *work;
    loop_fn *done;
    void *ctx;
    int wake;         /* the eventfd */
    bool running;     /* the loop's: there is a thread to join */
    atomic_bool over; /* the thread's last word */
};

struct apart {
    int wake;
    struct loop_fd *watch;
    size_t count;
    struct job jobs[];
};

static void *run(void *ctx)
{
    const uint64_t one = 1;
    struct job *job = ctx;

    job->work(job->ctx);
    atomic_store(&job->over, true);
    /* The counter can't be full: each job adds one, and the loop takes them away. */
    CHECK(write(job->wake, &one, sizeof(one)) == (ssize_t)sizeof(one));
    return NULL;
}

static void finish(struct job *job)
{
    CHECK(pthread_join(job->thread, NULL) == 0);
    job->running = false;
    job->done(job->ctx);
}

static void on_wake(void *ctx, unsigned events)
{
    struct apart *apart = ctx;
    uint64_t count;
    size_t i;

    (void)events;
    if (read(apart->wake, &count, sizeof(count)) < 0) {
        return; /* an earlier turn has seen it */
    }
    for (i = 0; i < apart->count; i++) {
        if (apart->jobs[i].running && atomic_load(&apart->jobs[i].over)) {
            finish(&apart->jobs[i]);
        }
    }
}

int apart_new(struct loop *loop, size_t threads_max, struct apart **out, struct err *err)
{
    CLEANUP(apart_free_p)
    struct apart *apart = mem_alloc(sizeof(*apart) + threads_max * sizeof(apart->jobs[0]));
    int rv;

    if (apart == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    apart->count = threads_max;
    apart->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (apart->wake < 0) {
        return err_set(err, ERR_FAILED, "eventfd: %s", strerror(errno));
    }
    rv = loop_fd_new(loop, apart->wake, on_wake, apart, &apart->watch, err);
    if (rv < 0) {
        return rv;
    }
    loop_fd_want(apart->watch, LOOP_READABLE);
    *out = TAKE(apart);
    return 0;
}

void apart_free(struct apart *apart)
{
    size_t i;

    if (apart == NULL) {
        return;
    }
    for (i = 0; i < apart->count; i++) {
        if (apart->jobs[i].running) {
            finish(&apart->jobs[i]);
        }
    }
    loop_fd_free(apart->watch);
    if (0 <= apart->wake) {
        (void)close(apart->wake);
    }
    free(apart);
}

/* Signals are the loop's: the thread inherits a mask that lets none in. */
static int begin(struct job *job)
{
    pthread_attr_t attributes;
    sigset_t all;
    sigset_t former;
    int rv = pthread_attr_init(&attributes);

    if (rv != 0) {
        return rv;
    }
    (void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &former);
    rv = pthread_create(&job->thread, &attributes, run, job);
    (void)pthread_sigmask(SIG_SETMASK, &former, NULL);
    (void)pthread_attr_destroy(&attributes);
    return rv;
}

int apart_start(struct apart *apart, loop_fn *work, loop_fn *done, void *ctx, struct err *err)
{
    size_t i = 0;
    int rv;

    while (i < apart->count && apart->jobs[i].running) {
        i++;
    }
    if (i == apart->count) {
        return err_set(err, ERR_LIMIT, "%zu answers are being made already", apart->count);
    }
    apart->jobs[i].work = work;
    apart->jobs[i].done = done;
    apart->jobs[i].ctx = ctx;
    apart->jobs[i].wake = apart->wake;
    atomic_store(&apart->jobs[i].over, false);
    rv = begin(&apart->jobs[i]);
    if (rv != 0) {
        return err_set(err, ERR_LIMIT, "a thread: %s", strerror(rv));
    }
    apart->jobs[i].running = true;
    return 0;
}
