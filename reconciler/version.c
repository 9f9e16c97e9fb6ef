#include "reconciler/version.h"

#include <string.h>

static uint32_t version_max(uint32_t a, uint32_t b)
{
    return a < b ? b : a;
}

static uint64_t epoch_max(uint64_t a, uint64_t b)
{
    return a < b ? b : a;
}

/* One version, two contents: another history than this etcd's gave that number away. */
static bool contradicts(const struct node_report *report, const struct config *config)
{
    return report->served.version == config->head.version &&
           strcmp(report->uid, config->head.uid) == 0 &&
           strcmp(report->served.digest, config->digest) != 0;
}

struct version_law version_law_find(const struct view *view, const struct config *config)
{
    uint32_t stored = 0; /* by etcd */
    uint32_t seen = 0;   /* by nodes */
    uint64_t epoch = 0;
    bool contradicted = false;
    struct version_law law;
    size_t i;

    if (view->config != NULL) {
        stored = view->config->head.version;
        epoch = view->config->head.epoch;
    }
    if (view->lineage != NULL) {
        stored = version_max(stored, view->lineage->version);
        epoch = epoch_max(epoch, view->lineage->epoch);
    }
    for (i = 0; i < view->reports_count; i++) {
        const struct node_report *report = &view->reports[i];

        seen = version_max(seen,
                           version_max(report->served.version,
                                       version_max(report->version_seen, report->version_begun)));
        epoch = epoch_max(epoch, report->served.epoch);
        contradicted = contradicted || (config != NULL && contradicts(report, config));
    }
    law.renew = config != NULL && (config->head.version < seen || contradicted);
    law.epoch = epoch + (stored < seen || contradicted ? 1 : 0);
    law.epoch = law.epoch == 0 ? 1 : law.epoch;
    law.next = version_max(stored, seen);
    law.next = law.next < CONFIG_VERSION_MAX ? law.next + 1 : 0;
    return law;
}
