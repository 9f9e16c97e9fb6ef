/* Reading what etcd holds. */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "codec/model_json.h"
#include "sim/sim_check_state.h"

static const struct sim_store *store_of(const struct sim_check *check)
{
    return sim_etcd_store(sim_etcd(check->world->sim));
}

static const struct sim_entry *get(const struct sim_check *check, const struct key *key)
{
    char text[KEY_TEXT_SIZE];

    key_format(SIM_PREFIX, key, text);
    return sim_store_get(store_of(check), text);
}

static struct key cluster_key(enum key_kind kind, const char *cluster)
{
    struct key key = { .kind = kind };

    (void)snprintf(key.cluster, sizeof(key.cluster), "%s", cluster);
    return key;
}

bool sim_read_spec(struct sim_check *check, const char *cluster, struct spec_record *out)
{
    struct key key = cluster_key(KEY_SPEC, cluster);
    const struct sim_entry *entry = get(check, &key);
    struct err err;

    return entry != NULL &&
           json_decode_spec_record(entry->value, entry->value_bytes, &check->arena, out, &err) == 0;
}

bool sim_read_config(struct sim_check *check, const char *cluster, struct config *out)
{
    struct key key = cluster_key(KEY_CONFIG, cluster);
    const struct sim_entry *entry = get(check, &key);
    struct err err;

    return entry != NULL &&
           json_decode_config(entry->value, entry->value_bytes, &check->arena, out, &err) == 0;
}

bool sim_read_report(struct sim_check *check, const char *cluster, uint32_t slot, const char *host,
                     struct node_report *out)
{
    struct key key = cluster_key(KEY_NODE, cluster);
    const struct sim_entry *entry;
    struct err err;

    key.slot = slot;
    (void)snprintf(key.host, sizeof(key.host), "%s", host);
    entry = get(check, &key);
    return entry != NULL &&
           json_decode_node_report(entry->value, entry->value_bytes, &check->arena, out, &err) == 0;
}

bool sim_read_intent(struct sim_check *check, const char *cluster, uint32_t slot, const char *host,
                     struct intent *out)
{
    struct key key = cluster_key(KEY_INTENT, cluster);
    const struct sim_entry *entry;
    struct err err;

    key.slot = slot;
    (void)snprintf(key.host, sizeof(key.host), "%s", host);
    entry = get(check, &key);
    return entry != NULL &&
           json_decode_intent(entry->value, entry->value_bytes, &check->arena, out, &err) == 0;
}

bool sim_read_alias(struct sim_check *check, const char *cluster, struct alias *out)
{
    struct key key = cluster_key(KEY_ALIAS, cluster);
    const struct sim_entry *entry = get(check, &key);
    struct err err;

    return entry != NULL &&
           json_decode_alias(entry->value, entry->value_bytes, &check->arena, out, &err) == 0;
}

bool sim_read_cordon(struct sim_check *check, const char *host, struct cordon *out)
{
    struct key key = { .kind = KEY_CORDON };
    const struct sim_entry *entry;
    struct err err;

    (void)snprintf(key.host, sizeof(key.host), "%s", host);
    entry = get(check, &key);
    return entry != NULL &&
           json_decode_cordon(entry->value, entry->value_bytes, &check->arena, out, &err) == 0;
}

void sim_each_report(struct sim_check *check, const char *cluster, sim_report_fn *fn, void *ctx)
{
    const struct sim_store *store = store_of(check);
    char prefix[KEY_TEXT_SIZE];
    size_t i;

    (void)snprintf(prefix, sizeof(prefix), SIM_PREFIX "/clusters/%s/nodes/", cluster);
    for (i = sim_store_seek(store, prefix); i < store->keys.count; i++) {
        const struct sim_entry *entry = store->keys.list[i];
        struct node_report report;
        struct err err;

        if (strncmp(entry->key, prefix, strlen(prefix)) != 0) {
            return;
        }
        if (json_decode_node_report(entry->value, entry->value_bytes, &check->arena, &report,
                                    &err) == 0) {
            fn(ctx, &report);
        }
    }
}

void sim_each_intent(struct sim_check *check, sim_intent_fn *fn, void *ctx)
{
    static const char prefix[] = SIM_PREFIX "/intent/";
    const struct sim_store *store = store_of(check);
    size_t i;

    for (i = sim_store_seek(store, prefix); i < store->keys.count; i++) {
        const struct sim_entry *entry = store->keys.list[i];
        struct intent intent;
        struct err err;

        if (strncmp(entry->key, prefix, strlen(prefix)) != 0) {
            return;
        }
        if (json_decode_intent(entry->value, entry->value_bytes, &check->arena, &intent, &err) ==
            0) {
            fn(ctx, &intent);
        }
    }
}

struct running_look {
    const char *cluster;
    bool found;
};

static void look_whether_it_is_to_run(void *ctx, const struct intent *intent)
{
    struct running_look *look = ctx;

    look->found =
        look->found || (intent->phase == INTENT_RUN && strcmp(intent->cluster, look->cluster) == 0);
}

bool sim_is_last(struct sim_check *check, const struct spec *spec, const struct intent *intent)
{
    struct running_look look = { .cluster = intent->cluster };

    if (!intent->attached || spec_placed(spec) != 0) {
        return false;
    }
    sim_each_intent(check, look_whether_it_is_to_run, &look);
    return !look.found;
}

bool sim_lists(const struct config *config, uint32_t slot, const char *ip, uint16_t port)
{
    size_t i;

    for (i = 0; config != NULL && i < config->head.members_count; i++) {
        const struct member *member = &config->head.members[i];

        if ((slot == 0 || member->slot == slot) && member->port == port &&
            strcmp(member->ip, ip) == 0) {
            return true;
        }
    }
    return false;
}
