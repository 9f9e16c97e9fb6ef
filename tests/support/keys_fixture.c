#include "support/keys_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "codec/model_json.h"

#define UID "0123456789abcdef"

static const struct node_settings settings = { .memory_bytes = SPEC_MEMORY_BYTES_DEFAULT,
                                               .threads = SPEC_THREADS_DEFAULT,
                                               .connections_max = SPEC_CONNECTIONS_DEFAULT,
                                               .item_bytes_max = SPEC_ITEM_BYTES_DEFAULT };

void fixture_start(struct fixture *f, const struct signing_key *key)
{
    *f = (struct fixture){ .revision = 100 };
    objects_init(&f->objects, FIXTURE_PREFIX, key);
}

static void item_free(struct mirror_item *item)
{
    free((char *)(uintptr_t)item->key);
    free((char *)(uintptr_t)item->value);
    free(item);
}

void fixture_end(struct fixture *f)
{
    size_t i;

    objects_deinit(&f->objects);
    for (i = 0; i < f->count; i++) {
        item_free(f->items[i]);
    }
}

static struct mirror_item **item_of(struct fixture *f, const char *path)
{
    char key[KEY_TEXT_SIZE];
    size_t i;

    (void)snprintf(key, sizeof(key), "%s/%s", FIXTURE_PREFIX, path);
    for (i = 0; i < f->count; i++) {
        if (strcmp(f->items[i]->key, key) == 0) {
            return &f->items[i];
        }
    }
    CHECK(f->count < FIXTURE_ITEMS_MAX);
    f->items[f->count] = calloc(1, sizeof(struct mirror_item));
    f->items[f->count]->key = strdup(key);
    return &f->items[f->count++];
}

void fixture_put_text(struct fixture *f, const char *path, const char *value)
{
    struct mirror_item *item = *item_of(f, path);
    char *former = (char *)(uintptr_t)item->value;
    struct key key;
    struct err err;

    f->revision++;
    item->value = strdup(value);
    item->value_bytes = strlen(value);
    item->mod_revision = f->revision;
    CHECK(objects_put(&f->objects, item, &key, &err) == 0);
    free(former);
}

void fixture_gone(struct fixture *f, const char *path)
{
    struct mirror_item **item = item_of(f, path);
    struct key key;

    objects_gone(&f->objects, *item, &key);
    item_free(*item);
    f->count--;
    *item = f->items[f->count];
}

#define PUT(kind, value, ...)                                   \
    do {                                                        \
        CLEANUP(str_deinit) struct str json_;                   \
        char path_[KEY_TEXT_SIZE];                              \
        struct err err_;                                        \
                                                                \
        str_init(&json_, JSON_VALUE_BYTES_MAX);                 \
        CHECK(json_encode_##kind((value), &json_, &err_) == 0); \
        (void)snprintf(path_, sizeof(path_), __VA_ARGS__);      \
        fixture_put_text(f, path_, str_text(&json_));           \
    } while (0)

void fixture_put_spec(struct fixture *f, const struct spec_record *spec)
{
    PUT(spec_record, spec, "clusters/%s/spec", spec->spec.name);
}

void fixture_put_intent(struct fixture *f, const struct intent *intent)
{
    PUT(intent, intent, "intent/%s/%s/%04u", intent->host, intent->cluster, intent->slot);
}

void fixture_put_report(struct fixture *f, const struct node_report *report)
{
    PUT(node_report, report, "clusters/%s/nodes/%04u/%s", report->cluster, report->slot,
        report->host);
}

void fixture_put_join(struct fixture *f, const struct join_report *seen)
{
    PUT(join_report, seen, "clusters/%s/joins/%s/%s", seen->join.cluster, seen->join.uid,
        seen->seen_by);
}

void fixture_put_host(struct fixture *f, const struct host *host)
{
    PUT(host, host, "hosts/%s", host->name);
}

void fixture_put_alias(struct fixture *f, const char *cluster, const struct alias *alias)
{
    PUT(alias, alias, "clusters/%s/alias", cluster);
}

void fixture_put_event(struct fixture *f, const struct event *event, const char *path)
{
    PUT(event, event, "%s", path);
}

void fixture_put_lineage(struct fixture *f, const char *cluster, uint64_t epoch, uint32_t version)
{
    struct lineage lineage = { .epoch = epoch, .version = version };

    PUT(lineage, &lineage, "lineage/%s", cluster);
}

void fixture_put_config(struct fixture *f, const char *cluster, const struct member *members,
                        size_t count, uint32_t version)
{
    struct signing_key key = { .id = "0123456789abcdef" };
    struct config_draft draft = { .cluster = cluster,
                                  .uid = UID,
                                  .epoch = 1,
                                  .version = version,
                                  .members = members,
                                  .members_count = count };
    struct config config;
    struct arena arena;
    struct err err;

    arena_init(&arena, 1U << 20);
    CHECK(envelope_seal(&draft, &key, &arena, &config, &err) == 0);
    PUT(config, &config, "clusters/%s/config", cluster);
    arena_deinit(&arena);
}

struct spec_record fixture_spec(const char *cluster)
{
    return (struct spec_record){
        .spec = { .name = cluster,
                  .nodes = 3,
                  .settings = settings,
                  .unavailable_max = 1,
                  .surge_max = 1,
                  .drain_ms = SPEC_DRAIN_MS_DEFAULT,
                  .converge_timeout_ms = SPEC_CONVERGE_TIMEOUT_MS_DEFAULT,
                  .progress_deadline_ms = SPEC_PROGRESS_DEADLINE_MS_DEFAULT,
                  .fail_after_ms = SPEC_FAIL_AFTER_MS_DEFAULT,
                  .domain = "" },
        .uid = UID,
        .generation = 1,
        .created_ms = 1000,
    };
}

struct intent fixture_intent(const char *cluster, uint32_t slot, const char *host, const char *ip)
{
    return (struct intent){ .host = host,
                            .cluster = cluster,
                            .slot = slot,
                            .uid = UID,
                            .phase = INTENT_RUN,
                            .phase_since_ms = 1000,
                            .ip = ip,
                            .data_port = 11211,
                            .discovery_port = 11210,
                            .settings = settings };
}

struct node_report fixture_report(const char *cluster, uint32_t slot, const char *host,
                                  const char *ip)
{
    return (struct node_report){ .cluster = cluster,
                                 .slot = slot,
                                 .host = host,
                                 .uid = UID,
                                 .state = NODE_UP,
                                 .partition = PARTITION_IN_PROCESS,
                                 .ip = ip,
                                 .data_port = 11211,
                                 .discovery_port = 11210,
                                 .settings = settings,
                                 .served = { .digest = "" },
                                 .pid = 1000 + slot,
                                 .started_ms = 5000,
                                 .clients = REPORT_CLIENTS_UNKNOWN,
                                 .problem = "" };
}

struct join_report fixture_join(const char *cluster, char digit, const char *seen_by)
{
    static const char uids[][JOIN_UID_SIZE] = { "0123456789abcde0", "0123456789abcde1",
                                                "0123456789abcde2", "0123456789abcde3" };

    CHECK('0' <= digit && digit <= '3');
    return (struct join_report){ .join = { .cluster = cluster,
                                           .cluster_uid = UID,
                                           .uid = uids[digit - '0'],
                                           .host = "joiner",
                                           .ip = "10.9.0.1",
                                           .data_port = 11211,
                                           .discovery_port = 11210,
                                           .settings = settings,
                                           .issued_ms = 5000,
                                           .nonce = "00112233445566778899aabbccddeeff",
                                           .mac = "" },
                                 .seen_by = seen_by,
                                 .seen_in_slot = 1,
                                 .seen_ms = 6000 };
}

struct host fixture_host(const char *name, const char *ip_first, uint32_t ip_count)
{
    return (struct host){ .name = name,
                          .zone = "",
                          .memory_bytes = UINT64_C(4) << 30,
                          .nodes_max = 16,
                          .ip_first = ip_first,
                          .ip_count = ip_count,
                          .data_port = 11211,
                          .watcher_version = "0.1.0",
                          .memcached_version = "1.6.18",
                          .problem = "" };
}
