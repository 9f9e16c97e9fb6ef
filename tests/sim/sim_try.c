#include "sim/sim_try.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "sim/sim_walk.h"
#include "sim/sim_world.h"

#define RUN_SECONDS_MAX 60 /* then it hangs */

/* What a child process tells; lives in memory that it shares with its parent. */
struct told {
    uint64_t seed; /* under way */
    uint64_t runs;
    uint64_t failures;
    bool failed; /* the last one */
    char text[SIM_OUTCOME_TEXT_MAX];
};

static struct told *told_new(size_t count)
{
    void *shared = mmap(NULL, count * sizeof(struct told), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    CHECK(shared != MAP_FAILED);
    return shared;
}

static void told_free(struct told *told, size_t count)
{
    (void)munmap(told, count * sizeof(struct told));
}

/* Returns whether all promises hold. */
static bool run_seed(const struct sim_options *options, struct str *why)
{
    struct sim *sim = sim_new(options);
    bool holds = sim_run(sim);

    str_append_text(why, sim_broken_text(sim));
    sim_free(sim);
    return holds;
}

static void run_one(const struct sim_options *options, struct told *told)
{
    CLEANUP(str_deinit) struct str why;

    str_init(&why, SIM_OUTCOME_TEXT_MAX);
    told->seed = options->seed;
    (void)alarm(RUN_SECONDS_MAX);
    told->failed = !(options->walks ? sim_walk(options, &why) : run_seed(options, &why));
    if (told->failed) {
        told->failures++;
        (void)snprintf(told->text, sizeof(told->text), "%s", str_text(&why));
    }
    told->runs++;
}

/* One of the processes that share the seeds. */
struct share {
    const struct sim_options *options;
    uint64_t next;
    uint64_t last;
    unsigned jobs;
    bool go_on;
    const volatile bool *stop;
    struct told *told;
};

/* Every jobs-th seed, until one fails in any of the processes; or all of them. */
static void run_share(const struct share *share)
{
    struct sim_options one = *share->options;

    for (one.seed = share->next; one.seed <= share->last && !*share->stop;
         one.seed += share->jobs) {
        run_one(&one, share->told);
        if (share->told->failed && share->go_on) {
            (void)printf("seed %llu fails: %s\n", (unsigned long long)one.seed, share->told->text);
        } else if (share->told->failed) {
            return;
        }
    }
}

static void outcome_of(const struct told *told, int status, struct sim_verdict *out)
{
    out->runs += told->runs;
    out->failures += told->failures;
    if (!told->failed && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return;
    }
    if (out->failed && out->seed <= told->seed) {
        return;
    }
    out->failed = true;
    out->seed = told->seed;
    if (told->failed) {
        (void)snprintf(out->text, sizeof(out->text), "%s", told->text);
    } else if (WIFSIGNALED(status)) {
        (void)snprintf(out->text, sizeof(out->text), "crash: %s",
                       WTERMSIG(status) == SIGALRM ? "it takes too long"
                                                   : strsignal(WTERMSIG(status)));
    } else {
        (void)snprintf(out->text, sizeof(out->text), "crash: exit %d", WEXITSTATUS(status));
    }
}

static pid_t start(void)
{
    pid_t pid;

    (void)fflush(NULL);
    pid = fork();
    CHECK(0 <= pid);
    return pid;
}

void sim_try(const struct sim_options *options, struct sim_verdict *out)
{
    struct told *told = told_new(1);
    int status = 0;
    pid_t pid = start();

    if (pid == 0) {
        run_one(options, told);
        _exit(0);
    }
    (void)waitpid(pid, &status, 0);
    *out = (struct sim_verdict){ .failed = false };
    outcome_of(told, status, out);
    told_free(told, 1);
}

static pid_t start_share(const struct share *share)
{
    pid_t pid = start();

    if (pid == 0) {
        run_share(share);
        exit(0); /* with all that a sanitizer has to say */
    }
    return pid;
}

/* Returns whether the process was started again: it crashed, and there is more to do. */
static bool end_share(struct share *share, int status, struct sim_verdict *out, pid_t *pid)
{
    struct told *told = share->told;
    bool crashed = !WIFEXITED(status) || WEXITSTATUS(status) != 0;

    outcome_of(told, status, out);
    if (!share->go_on || !crashed) {
        return false;
    }
    (void)printf("seed %llu crashes\n", (unsigned long long)told->seed);
    share->next = told->seed + share->jobs;
    *told = (struct told){ .seed = share->next };
    *pid = start_share(share);
    return true;
}

void sim_try_many(const struct sim_options *options, const struct sim_seeds *seeds,
                  struct sim_verdict *out)
{
    struct told *told = told_new(seeds->jobs + 1);
    bool *stop = &told[seeds->jobs].failed;
    struct share shares[SIM_JOBS_MAX];
    pid_t pids[SIM_JOBS_MAX];
    unsigned running = seeds->jobs;
    unsigned i;

    CHECK(seeds->jobs <= SIM_JOBS_MAX);
    *out = (struct sim_verdict){ .failed = false };
    for (i = 0; i < seeds->jobs; i++) {
        told[i].seed = seeds->first + i;
        shares[i] = (struct share){ .options = options,
                                    .next = seeds->first + i,
                                    .last = seeds->last,
                                    .jobs = seeds->jobs,
                                    .go_on = seeds->go_on,
                                    .stop = stop,
                                    .told = &told[i] };
        pids[i] = start_share(&shares[i]);
    }
    while (0 < running) {
        int status = 0;
        pid_t pid = waitpid(-1, &status, 0);

        for (i = 0; i < seeds->jobs && pids[i] != pid; i++) {
        }
        if (!end_share(&shares[i], status, out, &pids[i])) {
            running--;
        }
        *stop = *stop || (out->failed && !seeds->go_on);
    }
    told_free(told, seeds->jobs + 1);
}

/* ---- Shrinking ---- */

/* Whether both are of the same promise, "P3". */
static bool is_alike(const struct sim_verdict *a, const struct sim_verdict *b)
{
    size_t size = strcspn(a->text, ":");

    return b->failed && strncmp(a->text, b->text, size + 1) == 0;
}

static void shrink_steps(struct sim_options *options, struct sim_verdict *outcome)
{
    struct sim_options shorter = *options;
    struct sim_verdict other;

    for (shorter.steps = 0; shorter.steps < options->steps; shorter.steps++) {
        sim_try(&shorter, &other);
        if (is_alike(outcome, &other)) {
            *options = shorter;
            *outcome = other;
            return;
        }
    }
}

void sim_shrink(struct sim_options *options, struct sim_verdict *outcome)
{
    struct sim_verdict other;
    unsigned fault;

    shrink_steps(options, outcome);
    for (fault = 0; fault < SIM_FAULT_COUNT; fault++) {
        struct sim_options fewer = *options;

        fewer.faults &= ~(UINT64_C(1) << fault);
        if (fewer.faults == options->faults) {
            continue;
        }
        sim_try(&fewer, &other);
        if (is_alike(outcome, &other)) {
            *options = fewer;
            *outcome = other;
        }
    }
    shrink_steps(options, outcome);
}

/* ---- The story ---- */

/* Where the last `lines` lines begin. */
static const char *tail(const char *text, size_t size, size_t lines)
{
    const char *at = text + size;

    while (text < at && 0 < lines) {
        at--;
        lines -= text < at && at[-1] == '\n' ? 1 : 0;
    }
    return at;
}

void sim_tell(const struct sim_options *options, size_t lines)
{
    struct sim_options telling = *options;
    struct sim_verdict outcome;
    int fd = memfd_create("story", MFD_CLOEXEC);
    off_t size;
    char *text;

    CHECK(0 <= fd);
    telling.tracing = true;
    telling.trace_fd = fd;
    sim_try(&telling, &outcome);
    size = lseek(fd, 0, SEEK_END);
    text = 0 < size ? mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
    if (text != MAP_FAILED) {
        const char *from = lines == 0 ? text : tail(text, (size_t)size, lines);

        (void)fwrite(from, 1, (size_t)(text + size - from), stdout);
        (void)munmap(text, (size_t)size);
    }
    (void)close(fd);
}
