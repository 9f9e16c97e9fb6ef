/*
 * state_dir - where `muster up` keeps what it runs on this machine, and the names in there.
 *
 *     up.conf   what runs: network, endpoints, prefix, controllers (see local.h)
 *     lock      held by the supervisor
 *     run/      a pid file per process
 *     log/      an output file per process
 *     keys/     the controllers' signing key and the public key that watchers trust
 *     etcd/     etcd's data
 *     watcher/  the watcher's own state: its memcacheds
 */
#ifndef CLIENT_STATE_DIR_H
#define CLIENT_STATE_DIR_H

#include <stdbool.h>

#include "base/err.h"

#define STATE_PATH_SIZE 512
/* The directory itself; leaves room for the names in it. */
#define STATE_DIR_MAX 400
#define STATE_OPTION_SIZE (STATE_DIR_MAX + 16)

#define STATE_CONF "up.conf"
#define STATE_LOCK "lock"
#define STATE_UP_PID "run/up.pid"
#define STATE_SECRET_KEY "keys/signing.key"
#define STATE_PUBLIC_KEY "keys/trusted.pub"

/*
 * The absolute path of the state directory: `flag` (of --state-dir; may be NULL), else
 * $XDG_STATE_HOME/muster, else ~/.local/state/muster. It need not exist.
 */
MUST_USE int state_dir_find(const char *flag, char out[STATE_PATH_SIZE], struct err *err);

/* Whether `dir` is what is used without --state-dir. */
bool state_dir_is_default(const char *dir);

/* " --state-dir DIR" for commands that are told to the operator; "" where they need not name it. */
void state_dir_option(const char *dir, char out[STATE_OPTION_SIZE]);

/* Make the directory and those in it, mode 0700. */
MUST_USE int state_dir_make(const char *dir, struct err *err);

/* "<dir>/<name>". */
void state_path(const char *dir, const char *name, char out[STATE_PATH_SIZE]);

/* Remove a directory and all that is in it; one that does not exist is fine. */
MUST_USE int dir_remove(const char *path, struct err *err);

/*
 * Remove what the list above names, and the directory when nothing else is in it. Symbolic links
 * are removed, not followed.
 */
MUST_USE int state_dir_purge(const char *dir, struct err *err);

#endif
