#include "watcher/module/module.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "watcher/module/real.h"
#include "watcher/module/selftest.h"
#include "watcher/module/setting.h"

static struct module module;

struct module *module_own(void)
{
    return &module;
}

static void stay_inactive(const char *reason)
{
    conn_table_free(module.table);
    module.table = NULL;
    (void)fprintf(stderr, "muster_partition: inactive: %s\n", reason);
}

/* The self-test runs on the real thing, before a segment is there to be served. */
static void activate(const char *partition)
{
    char segment[PARTITION_PATH_MAX + 16];
    char tally[PARTITION_PATH_MAX + 16];
    const char *reason;

    reason = setting_judge(&module.listener);
    if (reason == NULL && (partition[0] != '/' || PARTITION_PATH_MAX <= strlen(partition))) {
        reason = PARTITION_VARIABLE " is not an absolute path of moderate length";
    }
    if (reason != NULL) {
        stay_inactive(reason);
        return;
    }
    copies_init(&module.copies);
    counting_begin(&module.counting);
    module.table = conn_table_new();
    reason = module.table == NULL ? "no memory" : selftest_run(&module);
    if (reason != NULL) {
        stay_inactive(reason);
        return;
    }
    (void)snprintf(module.inbox, sizeof(module.inbox), "%s/" PARTITION_INBOX, partition);
    (void)snprintf(segment, sizeof(segment), "%s/" PARTITION_SEGMENT, partition);
    copies_follow(&module.copies, segment);
    (void)snprintf(tally, sizeof(tally), "%s/" PARTITION_TALLY, partition);
    counting_follow(&module.counting, tally);
    copy_put(copies_get(&module.copies)); /* from now on there is a last good copy */
}

__attribute__((constructor)) static void start(void)
{
    const char *partition = getenv(PARTITION_VARIABLE);

    (void)real_functions();
    if (partition != NULL && setting_is_memcached()) {
        activate(partition);
    }
}
