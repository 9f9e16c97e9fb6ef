#include "cli/up.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "apply/batch.h"
#include "base/clock.h"
#include "cli/applied.h"
#include "client/clusters.h"
#include "proc/pidfile.h"

#define ETCD_POLL_MS 10
#define LOOK_AGAIN_MS 100
#define LAST_WORDS_BYTES 2048
#define CLUSTERS_TOLD_MAX 5

uint64_t up_left_ms(const struct up *up)
{
    uint64_t passed_ms = clock_mono_ms() - up->start_ms;

    return passed_ms < up->timeout_ms ? up->timeout_ms - passed_ms : 1;
}

/* ---- etcd ---- */

struct port_wait {
    uint32_t address;
    struct loop_timer *timer;
    bool open;
};

static void try_port(void *ctx)
{
    struct port_wait *wait = ctx;
    CLEANUP(fd_close_p) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in peer = { .sin_family = AF_INET,
                                .sin_port = htons(LOCAL_ETCD_CLIENT_PORT),
                                .sin_addr = { .s_addr = htonl(wait->address) } };

    /* On the loopback a connection is taken or refused at once. */
    wait->open = 0 <= fd && connect(fd, (const struct sockaddr *)&peer, sizeof(peer)) == 0;
    if (!wait->open) {
        loop_timer_start(wait->timer, ETCD_POLL_MS);
    }
}

int up_await_etcd(struct up *up, struct err *err)
{
    CLEANUP(loop_timer_free_p) struct loop_timer *timer = NULL;
    struct port_wait wait = { .address = up->local.network + LOCAL_ETCD_HOST };
    char log_path[STATE_PATH_SIZE];
    char words[ERR_MSG_MAX / 2];
    int rv = loop_timer_new(up->context.loop, try_port, &wait, &timer, err);

    if (rv < 0) {
        return rv;
    }
    wait.timer = timer;
    loop_timer_start(timer, 0);
    rv = loop_run_until(up->context.loop, &wait.open, up_left_ms(up), err);
    if (rv == ERR_TIMEOUT) {
        state_path(up->local.dir, "log/etcd.log", log_path);
        up_last_words(log_path, words, sizeof(words));
        return err_set(err, rv, "etcd does not answer at %s; %s ends with: %s",
                       up->context.endpoints, log_path, words);
    }
    return rv;
}

void up_last_words(const char *log_path, char *out, size_t out_size)
{
    CLEANUP(fd_close_p) int fd = open(log_path, O_RDONLY | O_CLOEXEC);
    char tail[LAST_WORDS_BYTES + 1];
    ssize_t size = 0;
    char *line;

    if (0 <= fd) {
        (void)lseek(fd, -(off_t)LAST_WORDS_BYTES, SEEK_END); /* a shorter file is read whole */
        size = read(fd, tail, LAST_WORDS_BYTES);
    }
    tail[size < 0 ? 0 : size] = '\0';
    while (0 < size && tail[size - 1] == '\n') {
        tail[--size] = '\0';
    }
    line = strrchr(tail, '\n');
    (void)snprintf(out, out_size, "%s", line == NULL ? tail : line + 1);
}

/* ---- Clusters ---- */

static void say_why(struct up *up, const struct facts *facts)
{
    const struct host_facts *host;
    struct stages stages;
    size_t i;

    for (i = 0; i < up->names_count; i++) {
        const struct cluster_facts *cluster = facts_cluster(facts, up->names[i]);
        char why[STAGES_WHY_SIZE];

        stages_of(cluster, &stages);
        if (stages.converged) {
            continue;
        }
        stages_why(cluster, why);
        (void)snprintf(up->why, sizeof(up->why), "cluster '%s': %.600s", up->names[i], why);
        break;
    }
    for (host = facts->hosts; host != NULL && host->host.problem[0] == '\0'; host = host->next) {
    }
    if (facts->hosts == NULL) {
        (void)strncat(up->why, "; no host has reported (see log/watcher.log)",
                      sizeof(up->why) - strlen(up->why) - 1);
    } else if (host != NULL) {
        size_t used = strlen(up->why);

        (void)snprintf(up->why + used, sizeof(up->why) - used, "; host %s: %s", host->host.name,
                       host->host.problem);
    }
}

/* Whether the process that the report names is the one that its watcher has started, and runs. */
static bool is_current(const struct up *up, const struct node_report *report)
{
    CLEANUP(pidfile_deinit) struct pidfile file;
    char path[STATE_PATH_SIZE];
    struct err ignored;

    pidfile_init(&file);
    local_node_pid_path(&up->local, report->cluster, report->slot, path);
    return pidfile_read(path, &file, &ignored) == 0 && file.pid == report->pid &&
           pidfile_is_alive(&file);
}

/*
 * Take out reports that a former run has left in etcd and the new watcher has not put right yet.
 * What the controller says of such a cluster is as old.
 */
static bool drop_stale(const struct up *up, struct cluster_facts *cluster)
{
    bool dropped = false;
    size_t i;

    for (i = 0; i < cluster->nodes_count; i++) {
        const struct node_report *report = cluster->nodes[i].report;

        if (report != NULL && report->state == NODE_UP && !is_current(up, report)) {
            cluster->nodes[i].report = NULL;
            cluster->status = NULL;
            dropped = true;
        }
    }
    return dropped;
}

static void look(void *ctx, struct facts *facts)
{
    struct up *up = ctx;
    struct cluster_facts *cluster;
    bool dropped = false;

    for (cluster = facts->clusters; cluster != NULL && !up->converged; cluster = cluster->next) {
        dropped = drop_stale(up, cluster) || dropped;
    }
    if (dropped || up->progress.live) {
        loop_timer_start(up->again, LOOK_AGAIN_MS);
    }
    up->converged = progress_show(&up->progress, facts, clock_mono_ms()) == up->names_count;
    up->why[0] = '\0';
    if (!up->converged) {
        say_why(up, facts);
    }
}

static void look_again(void *ctx)
{
    struct up *up = ctx;

    follow_touch(up->follow);
}

/* The clusters of the file, or all there are. */
static int choose_names(struct up *up, struct err *err)
{
    size_t i;

    if (up->documents.count == 0) {
        return clusters_list(&up->context, &up->names, &up->names_count, err);
    }
    up->names = arena_calloc(&up->context.arena, up->documents.count, sizeof(*up->names));
    if (up->names == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    for (i = 0; i < up->documents.count; i++) {
        up->names[i] = up->documents.list[i].read.spec.name;
    }
    up->names_count = up->documents.count;
    return 0;
}

static int start_following(struct up *up, struct err *err)
{
    const char *key = context_key(&up->context, "%s", "");
    int rv;

    if (key == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    rv = progress_expect(&up->progress, up->names, up->names_count, err);
    if (0 <= rv) {
        rv = follow_new(&up->context, key, look, up, &up->follow, err);
    }
    if (0 <= rv) {
        rv = loop_timer_new(up->context.loop, look_again, up, &up->again, err);
    }
    return rv;
}

/* As muster apply does. */
static int apply_documents(struct up *up, struct err *err)
{
    const struct batch_options options = { .source = MERGE_SOURCE_DEFAULT,
                                           .expect_revision = BATCH_ANY_REVISION };
    struct batch_results results = { .count = 0 };
    int rv = batch_apply(&up->context, &up->documents, &options, &results, err);

    return rv < 0 ? rv : applied_print(&results, false, OUTPUT_TABLE, err);
}

int up_bring_up(struct up *up, struct err *err)
{
    int rv = 0;

    if (0 < up->documents.count) {
        rv = apply_documents(up, err);
        (void)fflush(stdout);
    }
    if (0 <= rv) {
        rv = choose_names(up, err);
    }
    if (rv < 0 || up->names_count == 0) {
        return rv;
    }
    rv = start_following(up, err);
    if (0 <= rv) {
        rv = loop_run_until(up->context.loop, &up->converged, up_left_ms(up), err);
    }
    progress_settle(&up->progress);
    up->progress.live = false; /* what comes later is told in lines */
    if (rv == ERR_TIMEOUT) {
        const char *why = up->why[0] != '\0' ? up->why : follow_trouble(up->follow);

        return err_set(err, rv, "not converged after %llus: %s",
                       (unsigned long long)(up->timeout_ms / 1000), why);
    }
    return rv;
}

/* ---- The end ---- */

static void tell_commands(const struct up *up, const struct cluster_facts *cluster)
{
    char option[STATE_OPTION_SIZE];
    char called[STATE_PATH_SIZE];

    program_called(&up->programs, called);
    state_dir_option(up->local.dir, option);
    (void)printf("\nTry:\n  printf 'config get cluster\\r\\n' | nc -q1 %s %u\n", cluster->alias->ip,
                 cluster->alias->port);
    (void)printf("  %s get nodes%s\n", called, option);
    (void)printf("  %s describe cluster %s%s\n", called, cluster->name, option);
}

int up_tell(struct up *up, struct err *err)
{
    size_t count = up->names_count < CLUSTERS_TOLD_MAX ? up->names_count : CLUSTERS_TOLD_MAX;
    struct etcd_range ranges[CLUSTERS_TOLD_MAX * 2] = { { .key = NULL } };
    char endpoint[FACTS_ENDPOINT_SIZE];
    const struct cluster_facts *cluster;
    struct facts facts;
    size_t i;
    int rv;

    for (i = 0; i < count * 2; i++) {
        ranges[i].key = context_key(&up->context, "clusters/%s/%s", up->names[i / 2],
                                    i % 2 == 0 ? "alias" : "spec");
        if (ranges[i].key == NULL) {
            return err_set(err, ERR_NOMEM, "out of memory");
        }
    }
    facts_init(&facts, &up->context.arena, up->context.prefix);
    rv = context_read(&up->context, ranges, count * 2, &facts, err);
    if (rv < 0) {
        return rv;
    }
    (void)printf(count == 0 ? "\nNo cluster is declared yet: muster apply -f FILE\n" : "\n");
    for (cluster = facts.clusters; cluster != NULL; cluster = cluster->next) {
        if (cluster->alias != NULL) {
            facts_endpoint(cluster, endpoint);
            (void)printf("Endpoint of %s: %s\n", cluster->name, endpoint);
        }
    }
    if (facts.clusters != NULL && facts.clusters->alias != NULL) {
        tell_commands(up, facts.clusters);
    }
    (void)fflush(stdout);
    return 0;
}

void up_deinit(struct up *up)
{
    loop_timer_free(up->again);
    follow_free(up->follow);
    progress_deinit(&up->progress);
    up->again = NULL;
    up->follow = NULL;
}
