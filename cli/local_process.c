#include "cli/local_process.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codec/envelope.h"
#include "proc/pidfile.h"

#define TMPFS "/dev/shm"
#define TMP "/tmp"
#define DIR_DIGEST_CHARS 12
#define ETCD_NAME "muster"
#define HOST_NAME "local"
/* Where Debian's packages put programs, whatever PATH says. */
#define PATH_FALLBACK "/usr/local/bin:/usr/bin:/usr/local/sbin:/usr/sbin"

static int find_in(const char *path, const char *name, char out[STATE_PATH_SIZE])
{
    while (*path != '\0') {
        size_t size = strcspn(path, ":");
        int n = snprintf(out, STATE_PATH_SIZE, "%.*s/%s", (int)size, path, name);

        if (0 < size && path[0] == '/' && n < STATE_PATH_SIZE && access(out, X_OK) == 0) {
            return 0;
        }
        path += size + (path[size] == ':' ? 1 : 0);
    }
    return -1;
}

static int find_program(const char *name, const char *package, char out[STATE_PATH_SIZE],
                        struct err *err)
{
    const char *path = getenv("PATH");

    if ((path != NULL && find_in(path, name, out) == 0) || find_in(PATH_FALLBACK, name, out) == 0) {
        return 0;
    }
    return err_set(err, ERR_FAILED,
                   "%s is not installed: it is neither in PATH nor in %s "
                   "(on Debian: apt-get install %s)",
                   name, PATH_FALLBACK, package);
}

static int find_beside(const char *own, const char *name, char out[STATE_PATH_SIZE],
                       struct err *err)
{
    const char *slash = strrchr(own, '/');
    int n = snprintf(out, STATE_PATH_SIZE, "%.*s/%s", (int)(slash - own), own, name);

    if (STATE_PATH_SIZE <= n || access(out, X_OK) < 0) {
        return err_set(err, ERR_FAILED, "%s is missing: it must lie beside %s", name, own);
    }
    return 0;
}

int programs_find(struct programs *out, struct err *err)
{
    char memcached[STATE_PATH_SIZE];
    ssize_t size = readlink("/proc/self/exe", out->muster, sizeof(out->muster) - 1);
    int rv;

    if (size <= 0 || out->muster[0] != '/') {
        return err_set(err, ERR_IO, "/proc/self/exe: %s", strerror(errno));
    }
    out->muster[size] = '\0';
    rv = find_beside(out->muster, "muster-controller", out->controller, err);
    if (0 <= rv) {
        rv = find_beside(out->muster, "muster-watcher", out->watcher, err);
    }
    if (0 <= rv) {
        rv = find_program("etcd", "etcd-server", out->etcd, err);
    }
    if (0 <= rv) {
        rv = find_program("memcached", "memcached", memcached, err);
    }
    return rv;
}

void local_clear_environment(void)
{
    static const char prefix[] = "MUSTER_";
    char name[128];
    size_t i = 0;

    while (environ[i] != NULL) {
        size_t size = strcspn(environ[i], "=");

        if (strncmp(environ[i], prefix, sizeof(prefix) - 1) != 0 || sizeof(name) <= size) {
            i++;
            continue;
        }
        (void)snprintf(name, sizeof(name), "%.*s", (int)size, environ[i]);
        (void)unsetenv(name); /* moves the rest up */
    }
}

int local_note_self(const char *pid_path, char *const *argv, struct err *err)
{
    CLEANUP(pidfile_deinit) struct pidfile file;
    const char *args[LOCAL_PROCESS_ARGS_MAX + 1] = { NULL };
    size_t i;
    int rv;

    pidfile_init(&file);
    for (i = 0; i < LOCAL_PROCESS_ARGS_MAX && argv[i] != NULL; i++) {
        args[i] = argv[i];
    }
    if (argv[i] != NULL) {
        return err_set(err, ERR_USAGE, "more than %d arguments", LOCAL_PROCESS_ARGS_MAX);
    }
    file.pid = getpid();
    rv = pidfile_start_ticks(file.pid, &file.start_ticks, err);
    if (0 <= rv) {
        rv = pidfile_set_args(&file, args, err);
    }
    return rv < 0 ? rv : pidfile_write(&file, pid_path, err);
}

void program_called(const struct programs *programs, char out[STATE_PATH_SIZE])
{
    const char *path = getenv("PATH");
    const char *slash = strrchr(programs->muster, '/');
    char found[STATE_PATH_SIZE];
    char real[PATH_MAX];
    char here[PATH_MAX];
    size_t size;

    if (path != NULL && find_in(path, slash + 1, found) == 0 && realpath(found, real) != NULL &&
        strcmp(real, programs->muster) == 0) {
        (void)snprintf(out, STATE_PATH_SIZE, "%s", slash + 1);
        return;
    }
    (void)snprintf(out, STATE_PATH_SIZE, "%s", programs->muster);
    if (getcwd(here, sizeof(here)) == NULL) {
        return;
    }
    size = strlen(here);
    if (1 < size && strncmp(here, programs->muster, size) == 0 && programs->muster[size] == '/') {
        (void)snprintf(out, STATE_PATH_SIZE, "%s", programs->muster + size + 1);
    }
}

void partition_dir(const struct local *local, char out[STATE_PATH_SIZE])
{
    char digest[CONFIG_DIGEST_SIZE];

    digest_hex(local->dir, strlen(local->dir), digest);
    (void)snprintf(out, STATE_PATH_SIZE, "%s/muster-%u-%.*s",
                   access(TMPFS, W_OK) == 0 ? TMPFS : TMP, (unsigned)geteuid(), DIR_DIGEST_CHARS,
                   digest);
}

int partition_dir_make(const struct local *local, struct err *err)
{
    char path[STATE_PATH_SIZE];
    struct stat info;

    partition_dir(local, path);
    if (mkdir(path, 0755) < 0 && errno != EEXIST) {
        return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    }
    if (lstat(path, &info) < 0) {
        return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    }
    if (!S_ISDIR(info.st_mode) || info.st_uid != geteuid() || (info.st_mode & 022) != 0) {
        return err_set(err, ERR_CONFLICT, "%s is not a directory of our own: remove it", path);
    }
    return 0;
}

static void add_arg(struct local_process *process, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* What does not fit leaves a count that finish() refuses. */
static void add_arg(struct local_process *process, const char *fmt, ...)
{
    size_t room = sizeof(process->bytes) - process->used;
    char *arg = process->bytes + process->used;
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(arg, room, fmt, args);
    va_end(args);
    if (n < 0 || room <= (size_t)n || process->count == LOCAL_PROCESS_ARGS_MAX) {
        process->count = LOCAL_PROCESS_ARGS_MAX + 1;
        return;
    }
    if (process->count < LOCAL_PROCESS_ARGS_MAX) {
        process->argv[process->count++] = arg;
        process->argv[process->count] = NULL;
        process->used += (size_t)n + 1;
    }
}

static void etcd_args(const struct local *local, const struct programs *programs,
                      struct local_process *out)
{
    char client[LOCAL_URL_SIZE];
    char peer[LOCAL_URL_SIZE];

    local_etcd_url(local, client);
    local_etcd_peer_url(local, peer);
    add_arg(out, "%s", programs->etcd);
    add_arg(out, "--name=%s", ETCD_NAME);
    add_arg(out, "--data-dir=%s/etcd", local->dir);
    add_arg(out, "--listen-client-urls=%s", client);
    add_arg(out, "--advertise-client-urls=%s", client);
    add_arg(out, "--listen-peer-urls=%s", peer);
    add_arg(out, "--initial-advertise-peer-urls=%s", peer);
    add_arg(out, "--initial-cluster=%s=%s", ETCD_NAME, peer);
    /* A single member has nobody to hear from: short intervals let it lead at once. */
    add_arg(out, "--heartbeat-interval=25");
    add_arg(out, "--election-timeout=250");
    add_arg(out, "--auto-compaction-mode=periodic");
    add_arg(out, "--auto-compaction-retention=10m");
    add_arg(out, "--log-level=warn");
    add_arg(out, "--logger=zap");
    add_arg(out, "--log-outputs=stderr");
}

static void daemon_args(const struct local *local, struct local_process *out)
{
    char url[LOCAL_URL_SIZE];

    local_etcd_url(local, url);
    add_arg(out, "--etcd-endpoints=%s", url);
    add_arg(out, "--prefix=%s", local->prefix);
}

static void admin_arg(const struct local *local, uint32_t host, unsigned port,
                      struct local_process *out)
{
    char address[IPV4_TEXT_SIZE];

    local_address(local, host, address);
    add_arg(out, "--admin-listen=%s:%u", address, port);
}

static void controller_args(const struct local *local, const struct programs *programs,
                            unsigned number, struct local_process *out)
{
    add_arg(out, "%s", programs->controller);
    daemon_args(local, out);
    add_arg(out, "--identity=%s", out->name);
    add_arg(out, "--signing-key=%s/%s", local->dir, STATE_SECRET_KEY);
    add_arg(out, "--lease-ttl=3s");
    admin_arg(local, LOCAL_ETCD_HOST + number, LOCAL_CONTROLLER_PORT, out);
}

static void watcher_args(const struct local *local, const struct programs *programs,
                         struct local_process *out)
{
    char partitions[STATE_PATH_SIZE];
    char first[IPV4_TEXT_SIZE];
    char last[IPV4_TEXT_SIZE];

    partition_dir(local, partitions);
    local_address(local, 1, first);
    local_address(local, LOCAL_POOL_COUNT, last);
    add_arg(out, "%s", programs->watcher);
    daemon_args(local, out);
    add_arg(out, "--host=%s", HOST_NAME);
    add_arg(out, "--state-dir=%s/watcher", local->dir);
    add_arg(out, "--partition-dir=%s", partitions);
    add_arg(out, "--trusted-keys=%s/%s", local->dir, STATE_PUBLIC_KEY);
    add_arg(out, "--addresses=%s-%s", first, last);
    admin_arg(local, LOCAL_ETCD_HOST, LOCAL_WATCHER_PORT, out);
    if (local->join_tokens[0] != '\0') {
        add_arg(out, "--join-tokens=%s", local->join_tokens);
    }
}

static void supervise_args(const struct local *local, const struct programs *programs,
                           struct local_process *out)
{
    add_arg(out, "%s", programs->muster);
    add_arg(out, "supervise");
    add_arg(out, "--state-dir=%s", local->dir);
}

static int finish(const struct local *local, const char *pid_name, const char *log_name,
                  struct local_process *out, struct err *err)
{
    char file[LOCAL_PROCESS_NAME_SIZE + 16];

    (void)snprintf(file, sizeof(file), "run/%s.pid", pid_name);
    state_path(local->dir, file, out->pid_path);
    (void)snprintf(file, sizeof(file), "log/%s.log", log_name);
    state_path(local->dir, file, out->log_path);
    if (LOCAL_PROCESS_ARGS_MAX < out->count) {
        return err_set(err, ERR_LIMIT, "the arguments of %s are too long", out->name);
    }
    return 0;
}

int local_process_make(const struct local *local, const struct programs *programs,
                       enum local_process_kind kind, unsigned number, struct local_process *out,
                       struct err *err)
{
    static const char *const names[] = { "etcd", "controller", "watcher", "standby" };

    memset(out, 0, sizeof(*out));
    out->kind = kind;
    if (number == 0) {
        (void)snprintf(out->name, sizeof(out->name), "%s", names[kind]);
    } else {
        (void)snprintf(out->name, sizeof(out->name), "%s-%u", names[kind], number);
    }
    switch (kind) {
    case LOCAL_PROCESS_ETCD:
        etcd_args(local, programs, out);
        break;
    case LOCAL_PROCESS_CONTROLLER:
        controller_args(local, programs, number, out);
        break;
    case LOCAL_PROCESS_WATCHER:
        watcher_args(local, programs, out);
        break;
    case LOCAL_PROCESS_STANDBY:
        supervise_args(local, programs, out);
        add_arg(out, "--standby");
        return finish(local, out->name, "up", out, err);
    }
    return finish(local, out->name, out->name, out, err);
}

int local_process_make_supervisor(const struct local *local, const struct programs *programs,
                                  struct local_process *out, struct err *err)
{
    memset(out, 0, sizeof(*out));
    out->kind = LOCAL_PROCESS_STANDBY;
    (void)snprintf(out->name, sizeof(out->name), "supervisor");
    supervise_args(local, programs, out);
    return finish(local, "supervisor", "up", out, err);
}
