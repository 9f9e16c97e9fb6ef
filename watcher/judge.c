#include "watcher/judge.h"

#include <string.h>

int judge_config(const struct config *config, const struct trusted_keys *keys,
                 const struct partition_id *id, const struct served *served, uint32_t version_seen,
                 struct err *err)
{
    const struct config_draft *head = &config->head;
    int rv;

    if (strcmp(head->cluster, id->cluster) != 0 || strcmp(head->uid, id->uid) != 0) {
        return err_set(err, ERR_CONFLICT, "of cluster %s, uid %s; this is %s, uid %s",
                       head->cluster, head->uid, id->cluster, id->uid);
    }
    rv = envelope_verify(config, keys, err);
    if (rv < 0) {
        return rv;
    }
    if (head->version == served->version && 0 < served->version) {
        if (strcmp(config->digest, served->digest) == 0) {
            return JUDGE_SAME;
        }
        err_record(err, ERR_CONFLICT, "version %u with another content than the one served",
                   head->version);
        return JUDGE_TWIN;
    }
    if (head->version < served->version || head->version < version_seen) {
        return err_set(err, ERR_INVALID, "version %u is older than %u", head->version,
                       version_seen < served->version ? served->version : version_seen);
    }
    if (head->epoch < served->epoch) {
        return err_set(err, ERR_INVALID, "version %u is of the older epoch %llu", head->version,
                       (unsigned long long)head->epoch);
    }
    return 0;
}
