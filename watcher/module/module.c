#include "watcher/module/module.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "watcher/module/libc.h"
#include "watcher/module/real.h"
#include "watcher/module/release.h"
#include "watcher/module/selftest.h"

static struct module own;

struct module *module_own(void)
{
    return &own;
}

void module_follow(struct module *module, int fd)
{
    struct conn *conn;

    if (module->table == NULL || !gate_open(&module->gate)) {
        return;
    }
    conn_open(module->table, fd, module->setting.listener);
    conn = conn_find(module->table, fd);
    if (conn != NULL) {
        tracker_guard(&conn->tracker, module->setting.login);
        conn->round = gate_round(&module->gate);
    }
}

static void stay_inactive(const char *reason, const char *detail)
{
    conn_table_free(own.table);
    own.table = NULL;
    (void)fprintf(stderr, "muster_partition: inactive: %s%s\n", reason, detail);
}

/* Why not to begin at all; NULL: nothing is in the way. `*detail` belongs behind the reason. */
static const char *find_obstacle(const char *partition, const char **detail)
{
    static char release[RELEASE_TEXT_SIZE];

    *detail = real_missing() != NULL ? real_missing() : libc_missing();
    if (*detail != NULL) {
        return "the C library lacks ";
    }
    *detail = "";
    if (partition[0] != '/' || PARTITION_PATH_MAX <= strlen(partition)) {
        return PARTITION_VARIABLE " is not an absolute path of moderate length";
    }
    if (release_too_old(release)) {
        *detail = release;
        return "memcached is older than 1.6.18: ";
    }
    return setting_judge(&own.setting);
}

/* The self-test runs on the real thing, before a segment is there to be served. */
static void activate(const char *partition)
{
    char segment[PARTITION_PATH_MAX + 16];
    char tally[PARTITION_PATH_MAX + 16];
    const char *detail;
    const char *reason = find_obstacle(partition, &detail);
    struct err why;

    if (reason != NULL) {
        stay_inactive(reason, detail);
        return;
    }
    copies_init(&own.copies);
    counting_begin(&own.counting);
    own.table = conn_table_new();
    reason = own.table == NULL ? "no memory" : selftest_run(&own);
    if (reason != NULL) {
        stay_inactive(reason, "");
        return;
    }
    gate_init(&own.gate, partition);
    rates_init(&own.writes, own.setting.writes_per_second);
    (void)snprintf(own.inbox, sizeof(own.inbox), "%s/" PARTITION_INBOX, partition);
    (void)snprintf(segment, sizeof(segment), "%s/" PARTITION_SEGMENT, partition);
    copies_follow(&own.copies, segment);
    (void)snprintf(tally, sizeof(tally), "%s/" PARTITION_TALLY, partition);
    counting_follow(&own.counting, tally);
    copies_look(&own.copies); /* from now on there is a last good copy */
    if (!copies_usable(&own.copies, &why)) {
        gate_complain(&own.gate, why.msg);
    }
}

__attribute__((constructor)) static void start(void)
{
    const char *partition = getenv(PARTITION_VARIABLE);

    (void)real_functions();
    if (partition != NULL && setting_is_memcached()) {
        activate(partition);
    }
}
