#include "gitops/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"

#define CHUNK_BYTES 4096

/* The parent's ends, and the process. Descriptors are -1 when they are closed. */
struct run {
    const struct child *child;
    struct child_output *output;
    pid_t pid;
    int pid_fd;
    int in;
    int out;
    int err;
    size_t written;
    uint64_t deadline_ms;
};

struct pipe_pair {
    int ours;
    int theirs;
};

void child_output_init(struct child_output *output)
{
    str_init(&output->out, CHILD_OUTPUT_BYTES_MAX);
    str_init(&output->err, CHILD_OUTPUT_BYTES_MAX);
}

void child_output_deinit(struct child_output *output)
{
    str_deinit(&output->out);
    str_deinit(&output->err);
}

static void close_fd(int *fd)
{
    fd_close_p(fd);
    *fd = -1;
}

/* Ours doesn't block, theirs does. */
static int open_pipe(bool we_write, struct pipe_pair *pair, struct err *err)
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC) != 0) {
        return err_set(err, ERR_FAILED, "pipe: %s", strerror(errno));
    }
    pair->ours = fds[we_write ? 1 : 0];
    pair->theirs = fds[we_write ? 0 : 1];
    (void)fcntl(pair->ours, F_SETFL, O_NONBLOCK);
    return 0;
}

/* A session of its own, and signals as a program expects them. */
static int set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none;
    sigset_t defaults;

    (void)sigemptyset(&none);
    (void)sigemptyset(&defaults);
    (void)sigaddset(&defaults, SIGPIPE);
    (void)sigaddset(&defaults, SIGHUP);
    (void)posix_spawnattr_setsigmask(attributes, &none);
    (void)posix_spawnattr_setsigdefault(attributes, &defaults);
    return posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
                                                    POSIX_SPAWN_SETSIGDEF);
}

static int spawn(const struct child *child, const int theirs[3], pid_t *pid, struct err *err)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    size_t count = 0;
    char *argv[64];
    int failed;
    int i;

    for (; child->argv[count] != NULL; count++) {
        if (ARRAY_COUNT(argv) - 1 <= count) {
            return err_set(err, ERR_FAILED, "%s: too many arguments", child->argv[0]);
        }
        memcpy(&argv[count], &child->argv[count], sizeof(argv[count])); /* drops a const */
    }
    argv[count] = NULL;
    failed = posix_spawn_file_actions_init(&actions);
    if (failed == 0) {
        failed = posix_spawnattr_init(&attributes);
        if (failed != 0) {
            (void)posix_spawn_file_actions_destroy(&actions);
        }
    }
    if (failed != 0) {
        return err_set(err, ERR_FAILED, "%s: %s", child->argv[0], strerror(failed));
    }
    for (i = 0; failed == 0 && i < 3; i++) {
        failed = posix_spawn_file_actions_adddup2(&actions, theirs[i], i);
    }
    failed = failed != 0 ? failed : set_attributes(&attributes);
    if (failed == 0) {
        CHECK(child->argv[0] != NULL);
        failed = posix_spawnp(pid, child->argv[0], &actions, &attributes, argv, environ);
    }
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    return failed == 0 ? 0 : err_set(err, ERR_FAILED, "%s: %s", child->argv[0], strerror(failed));
}

static int start(struct run *run, struct err *err)
{
    struct pipe_pair in = { -1, -1 };
    struct pipe_pair out = { -1, -1 };
    struct pipe_pair errors = { -1, -1 };
    int rv = open_pipe(true, &in, err);

    rv = rv < 0 ? rv : open_pipe(false, &out, err);
    rv = rv < 0 ? rv : open_pipe(false, &errors, err);
    if (0 <= rv) {
        rv = spawn(run->child, (const int[]){ in.theirs, out.theirs, errors.theirs }, &run->pid,
                   err);
    }
    close_fd(&in.theirs);
    close_fd(&out.theirs);
    close_fd(&errors.theirs);
    run->in = in.ours;
    run->out = out.ours;
    run->err = errors.ours;
    if (rv < 0) {
        return rv;
    }
    run->pid_fd = (int)syscall(SYS_pidfd_open, run->pid, 0);
    if (run->pid_fd < 0) {
        rv = err_set(err, ERR_FAILED, "pidfd_open: %s", strerror(errno));
    }
    return rv;
}

static void write_input(struct run *run)
{
    const struct child *child = run->child;
    ssize_t size;

    while (run->written < child->input_bytes) {
        size = write(run->in, child->input + run->written, child->input_bytes - run->written);
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size < 0 && errno == EAGAIN) {
            return;
        }
        if (size < 0) {
            break; /* it doesn't want to know more */
        }
        run->written += (size_t)size;
    }
    close_fd(&run->in);
}

/* Take what is there; the end closes. */
static void read_output(int *fd, struct str *out)
{
    char chunk[CHUNK_BYTES];
    ssize_t size;

    if (*fd < 0) {
        return;
    }
    while ((size = read(*fd, chunk, sizeof(chunk))) != 0) {
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size < 0 && errno == EAGAIN) {
            return;
        }
        if (size < 0) {
            break;
        }
        str_append(out, chunk, (size_t)size);
    }
    close_fd(fd);
}

static int wait_ms(const struct run *run)
{
    uint64_t now_ms = clock_mono_ms();
    uint64_t left_ms = now_ms < run->deadline_ms ? run->deadline_ms - now_ms : 0;

    return left_ms < INT32_MAX ? (int)left_ms : INT32_MAX;
}

/* Serve its pipes until it has ended. */
static int follow(struct run *run, struct err *err)
{
    enum { END, CANCEL, IN, OUT, ERRORS, COUNT };

    for (;;) {
        struct pollfd fds[COUNT] = {
            [END] = { .fd = run->pid_fd, .events = POLLIN },
            [CANCEL] = { .fd = run->child->cancel_fd, .events = POLLIN },
            [IN] = { .fd = run->in, .events = POLLOUT },
            [OUT] = { .fd = run->out, .events = POLLIN },
            [ERRORS] = { .fd = run->err, .events = POLLIN },
        };
        int ready = poll(fds, COUNT, wait_ms(run));

        if (ready < 0 && errno != EINTR) {
            return err_set(err, ERR_FAILED, "poll: %s", strerror(errno));
        }
        if (ready == 0) {
            return err_set(err, ERR_TIMEOUT, "%s: not done after %llu s", run->child->argv[0],
                           (unsigned long long)run->child->timeout_ms / 1000);
        }
        if (0 < ready && fds[IN].revents != 0) {
            write_input(run);
        }
        read_output(&run->out, &run->output->out);
        read_output(&run->err, &run->output->err);
        if (0 < ready && fds[END].revents != 0) {
            return 0;
        }
        if (0 < ready && fds[CANCEL].revents != 0) {
            return err_set(err, ERR_CANCELED, "%s: broken off", run->child->argv[0]);
        }
    }
}

/* Kill what is left of it, and take its status. */
static int end(const struct run *run)
{
    int status = 0;

    (void)kill(-run->pid, SIGKILL);
    while (waitpid(run->pid, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

int child_run(const struct child *child, struct child_output *output, struct err *err)
{
    struct run run = { .child = child,
                       .output = output,
                       .pid = -1,
                       .pid_fd = -1,
                       .in = -1,
                       .out = -1,
                       .err = -1,
                       .deadline_ms = clock_mono_ms() + child->timeout_ms };
    int status = 0;
    int rv = start(&run, err);

    if (0 <= rv) {
        rv = follow(&run, err);
    }
    if (0 < run.pid) {
        status = end(&run);
    }
    close_fd(&run.pid_fd);
    close_fd(&run.in);
    close_fd(&run.out);
    close_fd(&run.err);
    if (rv < 0) {
        return rv;
    }
    if (!WIFEXITED(status)) {
        return err_set(err, ERR_FAILED, "%s: killed by signal %d", child->argv[0],
                       WTERMSIG(status));
    }
    return WEXITSTATUS(status);
}
