#include "cli/supervisor.h"

#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "proc/pidfile.h"
#include "proc/proc.h"

#define CHILDREN_MAX (LOCAL_CONTROLLERS_MAX + 3)
#define KILL_GRACE_MS 5000
#define PATTERN_SIZE 1024U /* every byte of the directory may need an escape */

enum child_state {
    CHILD_ABSENT,
    CHILD_RUNNING,
    CHILD_WAITING,  /* for its next start */
    CHILD_REPLACED, /* was told to end; starts again then, with other arguments */
    CHILD_ENDING,   /* was told to end */
};

struct child {
    struct supervisor *supervisor;
    struct local_process process;
    bool wanted;
    bool launched; /* by this supervisor, not adopted */
    enum child_state state;
    struct proc *proc; /* RUNNING, REPLACED, ENDING */
    struct loop_timer *restart;
    uint64_t started_ms;
    uint64_t backoff_ms;
};

/* A memcached that is being stopped. */
struct node {
    struct supervisor *supervisor;
    struct proc *proc;
};

struct supervisor {
    struct loop *loop;
    struct supervisor_options options;
    struct child children[CHILDREN_MAX];
    size_t count;
    struct node nodes[SUPERVISOR_NODES_MAX];
    size_t nodes_count;
    unsigned ending; /* processes that were told to end and have not yet */
    bool quiet;      /* ending == 0 */
    unsigned stopped;
    bool found;       /* something ran before supervisor_start() */
    bool node_missed; /* one that may run could not be told to end */
};

static void child_exited(void *ctx, int status);
static void child_due(void *ctx);

static void note(const struct child *child, const char *event, const char *text)
{
    const struct supervisor_options *options = &child->supervisor->options;

    options->note(options->ctx, event, child->process.name, text);
}

static void set_state(struct child *child, enum child_state state)
{
    CHECK((child->proc != NULL) ==
          (state == CHILD_RUNNING || state == CHILD_REPLACED || state == CHILD_ENDING));
    child->state = state;
    if (state != CHILD_WAITING) {
        loop_timer_stop(child->restart);
    }
}

static int add_child(struct supervisor *supervisor, enum local_process_kind kind, unsigned number,
                     bool wanted, struct err *err)
{
    static const struct programs none;
    const struct programs *programs = supervisor->options.programs;
    struct child *child = &supervisor->children[supervisor->count];
    int rv;

    CHECK(supervisor->count < CHILDREN_MAX);
    child->supervisor = supervisor;
    child->wanted = wanted;
    child->backoff_ms = SUPERVISOR_BACKOFF_MS_MIN;
    rv = local_process_make(supervisor->options.local, programs == NULL ? &none : programs, kind,
                            number, &child->process, err);
    if (0 <= rv) {
        rv = loop_timer_new(supervisor->loop, child_due, child, &child->restart, err);
    }
    if (0 <= rv) {
        supervisor->count++;
    }
    return rv;
}

int supervisor_new(struct loop *loop, const struct supervisor_options *options,
                   struct supervisor **out, struct err *err)
{
    CLEANUP(supervisor_free_p) struct supervisor *supervisor = mem_alloc(sizeof(*supervisor));
    unsigned number;
    int rv;

    if (supervisor == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    supervisor->loop = loop;
    supervisor->options = *options;
    rv = add_child(supervisor, LOCAL_PROCESS_ETCD, 0, true, err);
    for (number = 1; 0 <= rv && number <= LOCAL_CONTROLLERS_MAX; number++) {
        rv = add_child(supervisor, LOCAL_PROCESS_CONTROLLER, number,
                       number <= options->local->controllers, err);
    }
    if (0 <= rv) {
        rv = add_child(supervisor, LOCAL_PROCESS_WATCHER, 0, true, err);
    }
    if (0 <= rv) {
        rv = add_child(supervisor, LOCAL_PROCESS_STANDBY, 0, options->standby, err);
    }
    if (rv < 0) {
        return rv;
    }
    *out = TAKE(supervisor);
    return 0;
}

void supervisor_free(struct supervisor *supervisor)
{
    size_t i;

    if (supervisor == NULL) {
        return;
    }
    for (i = 0; i < supervisor->count; i++) {
        proc_free(supervisor->children[i].proc);
        loop_timer_free(supervisor->children[i].restart);
    }
    for (i = 0; i < supervisor->nodes_count; i++) {
        proc_free(supervisor->nodes[i].proc);
    }
    free(supervisor);
}

static int launch(struct child *child, struct err *err)
{
    struct proc_spec spec = { .argv = child->process.argv,
                              .log_path = child->process.log_path,
                              .pid_path = child->process.pid_path };
    char text[32];
    int rv = proc_start(child->supervisor->loop, &spec, child_exited, child, &child->proc, err);

    if (rv < 0) {
        return err_wrap(err, "%s", child->process.name);
    }
    child->launched = true;
    child->started_ms = clock_mono_ms();
    set_state(child, CHILD_RUNNING);
    (void)snprintf(text, sizeof(text), "pid %d", (int)proc_pid(child->proc));
    note(child, "started", text);
    return 0;
}

static void wait_for_start(struct child *child)
{
    set_state(child, CHILD_WAITING);
    loop_timer_start(child->restart, child->backoff_ms);
    child->backoff_ms = child->backoff_ms * 2 < SUPERVISOR_BACKOFF_MS_MAX
                            ? child->backoff_ms * 2
                            : SUPERVISOR_BACKOFF_MS_MAX;
}

static void child_due(void *ctx)
{
    struct child *child = ctx;
    struct err err = { 0 };

    if (launch(child, &err) < 0) {
        note(child, "failed", err.msg);
        wait_for_start(child);
    }
}

static void has_ended(struct supervisor *supervisor)
{
    CHECK(0 < supervisor->ending);
    supervisor->ending--;
    supervisor->stopped++;
    supervisor->quiet = supervisor->ending == 0;
}

static void child_exited(void *ctx, int status)
{
    struct child *child = ctx;
    enum child_state former = child->state;
    char how[64];

    proc_free(TAKE(child->proc));
    set_state(child, CHILD_ABSENT);
    if (former == CHILD_ENDING) {
        (void)unlink(child->process.pid_path);
        has_ended(child->supervisor);
        return;
    }
    if (former == CHILD_REPLACED) {
        child_due(child);
        return;
    }
    proc_status_text(status, how, sizeof(how));
    note(child, "ended", how);
    if (SUPERVISOR_STEADY_MS <= clock_mono_ms() - child->started_ms) {
        child->backoff_ms = SUPERVISOR_BACKOFF_MS_MIN;
    }
    wait_for_start(child);
}

/* Take over what the pid file names. `argv` as in proc_adopt(). */
static int adopt(struct child *child, const char *const *argv, struct err *err)
{
    return proc_adopt(child->supervisor->loop, child->process.pid_path, argv, child_exited, child,
                      &child->proc, err);
}

/* A process that has ended just now can't be told anything; its exit is on its way. */
static void send_signal(const struct proc *proc, int signum)
{
    struct err ignored = { 0 };
    int rv = proc_signal(proc, signum, &ignored);

    (void)rv;
}

/* End what runs under the child's name, because it is not, or not so, wanted any more. */
static int replace(struct child *child, struct err *err)
{
    int rv = adopt(child, NULL, err);

    if (0 <= rv) {
        send_signal(child->proc, SIGTERM);
        set_state(child, child->wanted ? CHILD_REPLACED : CHILD_ENDING);
        child->supervisor->ending += child->wanted ? 0 : 1;
        note(child, "replaced", child->wanted ? "it ran with other arguments" : "not wanted");
    }
    return rv;
}

static int start_child(struct child *child, struct err *err)
{
    char text[32];
    int rv = adopt(child, child->process.argv, err);

    child->supervisor->found = child->supervisor->found || 0 <= rv || rv == ERR_CONFLICT;
    if (0 <= rv && child->wanted) {
        set_state(child, CHILD_RUNNING);
        child->started_ms = clock_mono_ms();
        (void)snprintf(text, sizeof(text), "pid %d", (int)proc_pid(child->proc));
        note(child, "adopted", text);
        return 0;
    }
    if (0 <= rv) {
        proc_free(TAKE(child->proc));
        rv = ERR_CONFLICT;
    }
    if (rv == ERR_CONFLICT) {
        return replace(child, err);
    }
    if (rv == ERR_NOT_FOUND) {
        return child->wanted ? launch(child, err) : 0;
    }
    return err_wrap(err, "%s", child->process.name);
}

/* The directory's name is taken literally in a glob pattern. */
static void nodes_pattern(const char *dir, char out[PATTERN_SIZE])
{
    size_t used = 0;

    for (; *dir != '\0'; dir++) {
        if (strchr("*?[]\\", *dir) != NULL) {
            out[used++] = '\\';
        }
        out[used++] = *dir;
    }
    (void)snprintf(out + used, PATTERN_SIZE - used, "/%s", LOCAL_NODE_PIDS);
}

static bool node_is_alive(const char *pid_path)
{
    CLEANUP(pidfile_deinit) struct pidfile file;
    struct err ignored;

    pidfile_init(&file);
    return pidfile_read(pid_path, &file, &ignored) == 0 && pidfile_is_alive(&file);
}

static bool has_nodes(const struct supervisor *supervisor)
{
    char pattern[PATTERN_SIZE];
    bool found_alive = false;
    glob_t found;
    size_t i;

    nodes_pattern(supervisor->options.local->dir, pattern);
    if (glob(pattern, GLOB_NOSORT, NULL, &found) != 0) {
        return false;
    }
    for (i = 0; i < found.gl_pathc && !found_alive; i++) {
        found_alive = node_is_alive(found.gl_pathv[i]);
    }
    globfree(&found);
    return found_alive;
}

int supervisor_start(struct supervisor *supervisor, struct err *err)
{
    struct err reason = { 0 };
    int first = 0;
    size_t i;
    int rv;

    supervisor->found = has_nodes(supervisor);
    for (i = 0; i < supervisor->count; i++) {
        rv = start_child(&supervisor->children[i], &reason);
        if (0 <= rv) {
            continue;
        }
        note(&supervisor->children[i], "failed", reason.msg);
        wait_for_start(&supervisor->children[i]);
        if (first == 0) {
            first = rv;
            *err = reason;
        }
    }
    return first;
}

/* ---- The end ---- */

static void end_child(struct child *child)
{
    struct err ignored = { 0 };

    if (child->proc == NULL && adopt(child, NULL, &ignored) < 0) {
        set_state(child, CHILD_ABSENT);
        return;
    }
    if (child->state != CHILD_ENDING) {
        child->supervisor->ending++;
        set_state(child, CHILD_ENDING);
    }
    send_signal(child->proc, SIGTERM);
}

static void node_exited(void *ctx, int status)
{
    struct node *node = ctx;

    (void)status;
    proc_free(TAKE(node->proc));
    has_ended(node->supervisor);
}

static void end_node(struct supervisor *supervisor, const char *pid_path)
{
    struct node *node = &supervisor->nodes[supervisor->nodes_count];
    struct err ignored = { 0 };

    int rv;

    if (supervisor->nodes_count == SUPERVISOR_NODES_MAX) {
        supervisor->node_missed = true;
        return;
    }
    node->supervisor = supervisor;
    rv = proc_adopt(supervisor->loop, pid_path, NULL, node_exited, node, &node->proc, &ignored);
    if (rv < 0) {
        supervisor->node_missed = supervisor->node_missed || rv != ERR_NOT_FOUND;
        return;
    }
    supervisor->nodes_count++;
    supervisor->ending++;
    send_signal(node->proc, SIGTERM);
}

static void end_nodes(struct supervisor *supervisor)
{
    char pattern[PATTERN_SIZE];
    glob_t found;
    size_t i;

    nodes_pattern(supervisor->options.local->dir, pattern);
    if (glob(pattern, GLOB_NOSORT, NULL, &found) != 0) {
        return;
    }
    for (i = 0; i < found.gl_pathc; i++) {
        end_node(supervisor, found.gl_pathv[i]);
    }
    globfree(&found);
}

static void kill_rest(struct supervisor *supervisor)
{
    size_t i;

    for (i = 0; i < supervisor->count; i++) {
        struct child *child = &supervisor->children[i];

        if (child->state == CHILD_ENDING) {
            note(child, "killed", "it did not end in time");
            send_signal(child->proc, SIGKILL);
        }
    }
    for (i = 0; i < supervisor->nodes_count; i++) {
        if (supervisor->nodes[i].proc != NULL) {
            send_signal(supervisor->nodes[i].proc, SIGKILL);
        }
    }
}

static int await_quiet(struct supervisor *supervisor, struct err *err)
{
    int rv;

    supervisor->quiet = supervisor->ending == 0;
    rv = loop_run_until(supervisor->loop, &supervisor->quiet, SUPERVISOR_GRACE_MS, err);
    if (rv == 0) {
        return 0;
    }
    kill_rest(supervisor);
    rv = loop_run_until(supervisor->loop, &supervisor->quiet, KILL_GRACE_MS, err);
    return rv < 0 ? err_set(err, ERR_FAILED, "%u processes do not end", supervisor->ending) : 0;
}

/* Partitions live in memory, which nobody gives back for a node that has ended. */
static int remove_partitions(const struct supervisor *supervisor, struct err *err)
{
    char partitions[STATE_PATH_SIZE];

    if (supervisor->node_missed) {
        return 0;
    }
    partition_dir(supervisor->options.local, partitions);
    return dir_remove(partitions, err);
}

int supervisor_stop(struct supervisor *supervisor, struct err *err)
{
    struct child *etcd = &supervisor->children[0];
    size_t i;
    int rv;

    CHECK(etcd->process.kind == LOCAL_PROCESS_ETCD);
    supervisor->stopped = 0;
    supervisor->node_missed = false;
    /* The standby goes first: it must not take over what is being stopped. */
    for (i = supervisor->count; 1 < i; i--) {
        end_child(&supervisor->children[i - 1]);
    }
    rv = await_quiet(supervisor, err);
    if (rv < 0) {
        return rv;
    }
    end_nodes(supervisor);
    end_child(etcd);
    rv = await_quiet(supervisor, err);
    return rv < 0 ? rv : remove_partitions(supervisor, err);
}

int supervisor_undo(struct supervisor *supervisor, struct err *err)
{
    size_t i;

    if (!supervisor->found) {
        return supervisor_stop(supervisor, err);
    }
    supervisor->stopped = 0;
    for (i = supervisor->count; 0 < i; i--) {
        struct child *child = &supervisor->children[i - 1];

        if (child->launched) {
            end_child(child);
        } else {
            loop_timer_stop(child->restart);
        }
    }
    return await_quiet(supervisor, err);
}

bool supervisor_has_found(const struct supervisor *supervisor)
{
    return supervisor->found;
}

unsigned supervisor_stopped(const struct supervisor *supervisor)
{
    return supervisor->stopped;
}
