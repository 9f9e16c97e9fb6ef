#include "client/options.h"

#include <stdio.h>

#include "model/name.h"

int options_read(const struct opt_table *table, int argc, char *const *argv, void *target,
                 size_t min, size_t max, struct opt_result *result, struct err *err)
{
    int rv = opt_parse(table, argc, argv, target, result, err);

    if (rv < 0) {
        return rv;
    }
    if (result->help) {
        opt_print_help(stdout, table);
        return 1;
    }
    if (result->version) {
        (void)printf("muster %s\n", MUSTER_VERSION);
        return 1;
    }
    if (result->positional_count < min || max < result->positional_count) {
        return err_set(err, ERR_USAGE, "usage: %s %s", table->program, table->synopsis);
    }
    return 0;
}

uint64_t options_patience(struct options *options)
{
    uint64_t patience_ms = options->timeout_ms == 0 ? UINT64_MAX : options->timeout_ms;

    if (OPTIONS_ETCD_MS_MAX < patience_ms) {
        options->timeout_ms = OPTIONS_ETCD_MS_MAX;
    }
    return patience_ms;
}

int cluster_name_check(const char *text, struct err *err)
{
    if (!name_is_label(text, CLUSTER_NAME_MAX)) {
        return err_set(err, ERR_USAGE, "'%s' can't be the name of a cluster", text);
    }
    return 0;
}

int host_name_check(const char *text, struct err *err)
{
    if (!name_is_label(text, HOST_NAME_TEXT_MAX)) {
        return err_set(err, ERR_USAGE, "'%s' can't be the name of a host", text);
    }
    return 0;
}
