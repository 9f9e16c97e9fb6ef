/*
 * local_process - the processes of a local installation: their programs, arguments and files.
 *
 * Pure but for looking for the programs: the same installation gives the same arguments, so that
 * a later run recognises what an earlier one has started.
 */
#ifndef CLI_LOCAL_PROCESS_H
#define CLI_LOCAL_PROCESS_H

#include <stddef.h>

#include "base/err.h"
#include "client/local.h"

#define LOCAL_PROCESS_ARGS_MAX 32
#define LOCAL_PROCESS_ARG_BYTES_MAX 8192
#define LOCAL_PROCESS_NAME_SIZE 24

/* In the order in which they are started; stopped in the reverse order. */
enum local_process_kind {
    LOCAL_PROCESS_ETCD,
    LOCAL_PROCESS_CONTROLLER,
    LOCAL_PROCESS_WATCHER,
    LOCAL_PROCESS_STANDBY
};

struct local_process {
    enum local_process_kind kind;
    char name[LOCAL_PROCESS_NAME_SIZE]; /* "controller-2" */
    char pid_path[STATE_PATH_SIZE];
    char log_path[STATE_PATH_SIZE];
    const char *argv[LOCAL_PROCESS_ARGS_MAX + 1];
    char bytes[LOCAL_PROCESS_ARG_BYTES_MAX]; /* of the arguments */
    size_t used;
    size_t count;
};

/* Where the programs are. */
struct programs {
    char muster[STATE_PATH_SIZE];
    char controller[STATE_PATH_SIZE];
    char watcher[STATE_PATH_SIZE];
    char etcd[STATE_PATH_SIZE];
};

/*
 * Find them: ours beside the own executable, etcd in PATH. ERR_FAILED names the one that is
 * missing, and so it does for memcached, which the watcher will need.
 */
MUST_USE int programs_find(struct programs *out, struct err *err);

/* Fill in one process; `number` counts the controllers from 1, and is 0 for the others. */
MUST_USE int local_process_make(const struct local *local, const struct programs *programs,
                                enum local_process_kind kind, unsigned number,
                                struct local_process *out, struct err *err);

/* The supervisor, as `muster up --detach` starts it. */
MUST_USE int local_process_make_supervisor(const struct local *local,
                                           const struct programs *programs,
                                           struct local_process *out, struct err *err);

/*
 * Take MUSTER_* out of the own environment: what was meant for this program would change the
 * daemons that it starts.
 */
void local_clear_environment(void);

/* Note the own process in a pid file (see proc/pidfile.h); `argv` ends our command line. */
MUST_USE int local_note_self(const char *pid_path, char *const *argv, struct err *err);

/* How the operator can call this very program: its name, where PATH leads to it, else its path. */
void program_called(const struct programs *programs, char out[STATE_PATH_SIZE]);

/*
 * The directory of the nodes' partitions: on tmpfs where there is one, outside of the state
 * directory because memcached may run as another user.
 */
void partition_dir(const struct local *local, char out[STATE_PATH_SIZE]);

/* Make it. ERR_CONFLICT when somebody else has: what lies there would be served. */
MUST_USE int partition_dir_make(const struct local *local, struct err *err);

#endif
