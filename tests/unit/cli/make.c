#include "make.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "codec/model_json.h"

#define ARENA_BYTES_MAX (64U << 20)
#define DIGEST "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
#define KEY_ID "0011223344556677"
#define SIGNATURE DIGEST DIGEST

void made_init(struct made *made)
{
    arena_init(&made->arena, ARENA_BYTES_MAX);
    facts_init(&made->facts, &made->arena, MAKE_PREFIX);
    made->host = MAKE_HOST;
    made->etcd = NULL;
}

void made_deinit(struct made *made)
{
    arena_deinit(&made->arena);
}

void make_raw(struct made *made, const char *key, const char *value)
{
    struct err err = { 0 };

    cr_assert_eq(facts_add(&made->facts, key, value, strlen(value), 7, &err), 0, "%s", err.msg);
    if (made->etcd != NULL) {
        (void)etcd_server_put(made->etcd, key, value);
    }
}

/* Encode `value` by json_encode_<kind> and add it under the key. */
#define ADD(made, kind, value, ...)                                                  \
    do {                                                                             \
        CLEANUP(str_deinit) struct str json_;                                        \
        struct err err_ = { 0 };                                                     \
        char key_[256];                                                              \
                                                                                     \
        str_init(&json_, JSON_VALUE_BYTES_MAX);                                      \
        (void)snprintf(key_, sizeof(key_), __VA_ARGS__);                             \
        cr_assert_eq(json_encode_##kind((value), &json_, &err_), 0, "%s", err_.msg); \
        make_raw((made), key_, str_text(&json_));                                    \
        cr_assert_eq((made)->facts.bad_count, 0, "%s", (made)->facts.bad);           \
    } while (0)

struct spec make_spec(const char *name, uint32_t nodes)
{
    return (struct spec){
        .name = name,
        .nodes = nodes,
        .settings = { .memory_bytes = SPEC_MEMORY_BYTES_DEFAULT,
                      .threads = SPEC_THREADS_DEFAULT,
                      .connections_max = SPEC_CONNECTIONS_DEFAULT,
                      .item_bytes_max = SPEC_ITEM_BYTES_DEFAULT },
        .unavailable_max = SPEC_UNAVAILABLE_DEFAULT,
        .surge_max = SPEC_SURGE_DEFAULT,
        .drain_ms = SPEC_DRAIN_MS_DEFAULT,
        .converge_timeout_ms = SPEC_CONVERGE_TIMEOUT_MS_DEFAULT,
        .progress_deadline_ms = SPEC_PROGRESS_DEADLINE_MS_DEFAULT,
        .fail_after_ms = SPEC_FAIL_AFTER_MS_DEFAULT,
        .domain = "",
    };
}

void make_spec_key(struct made *made, const char *name, uint32_t nodes, uint64_t generation,
                   bool deleting)
{
    struct spec_record record = { .spec = make_spec(name, nodes),
                                  .uid = MAKE_UID,
                                  .generation = generation,
                                  .created_ms = MAKE_NOW_MS - 90000,
                                  .deleting = deleting };

    ADD(made, spec_record, &record, MAKE_PREFIX "/clusters/%s/spec", name);
}

static const char *ip_of(struct made *made, const char *host, uint32_t slot)
{
    return arena_printf(&made->arena, "127.0.%d.%u", strcmp(host, MAKE_HOST) == 0 ? 9 : 10, slot);
}

void make_intent(struct made *made, const char *name, uint32_t slot, enum intent_phase phase)
{
    struct intent intent = { .host = made->host,
                             .cluster = name,
                             .slot = slot,
                             .uid = MAKE_UID,
                             .phase = phase,
                             .phase_since_ms = MAKE_NOW_MS,
                             .ip = ip_of(made, made->host, slot),
                             .data_port = 11211,
                             .discovery_port = 11210,
                             .settings = make_spec(name, 1).settings };

    ADD(made, intent, &intent, MAKE_PREFIX "/intent/%s/%s/%04u", made->host, name, slot);
}

void make_report(struct made *made, const char *name, uint32_t slot, enum node_state state,
                 uint32_t seen, uint32_t served)
{
    struct node_report report = { .cluster = name,
                                  .slot = slot,
                                  .host = made->host,
                                  .uid = MAKE_UID,
                                  .state = state,
                                  .partition = PARTITION_IN_PROCESS,
                                  .ip = ip_of(made, made->host, slot),
                                  .data_port = 11211,
                                  .discovery_port = 11210,
                                  .settings = make_spec(name, 1).settings,
                                  .served = { .epoch = served == 0 ? 0 : 1,
                                              .version = served,
                                              .digest = served == 0 ? "" : DIGEST },
                                  .version_seen = seen,
                                  .pid = 4711,
                                  .started_ms = MAKE_NOW_MS,
                                  .clients = REPORT_CLIENTS_UNKNOWN,
                                  .problem = state == NODE_DOWN ? "port in use" : "" };

    ADD(made, node_report, &report, MAKE_PREFIX "/clusters/%s/nodes/%04u/%s", name, slot,
        made->host);
}

void make_config(struct made *made, const char *name, uint32_t version, uint32_t nodes)
{
    struct member members[32] = { { .slot = 0 } };
    struct config config = { .head = { .cluster = name,
                                       .uid = MAKE_UID,
                                       .epoch = 1,
                                       .version = version,
                                       .members = members,
                                       .members_count = nodes },
                             .payload = "1\n",
                             .payload_bytes = 2,
                             .digest = DIGEST,
                             .key_id = KEY_ID,
                             .signature = SIGNATURE };
    uint32_t i;

    cr_assert_leq(nodes, ARRAY_COUNT(members));
    for (i = 0; i < nodes; i++) {
        const char *ip = ip_of(made, MAKE_HOST, i + 1);

        members[i] = (struct member){ .slot = i + 1, .hostname = ip, .ip = ip, .port = 11211 };
    }
    ADD(made, config, &config, MAKE_PREFIX "/clusters/%s/config", name);
}

void make_alias(struct made *made, const char *name, uint32_t slot, uint32_t version)
{
    const char *ip = ip_of(made, MAKE_HOST, slot);
    struct alias alias = { .host = ip, .ip = ip, .port = 11211, .slot = slot, .version = version };

    ADD(made, alias, &alias, MAKE_PREFIX "/clusters/%s/alias", name);
}

void make_status(struct made *made, const char *name, uint64_t generation, enum condition_type type,
                 bool status, const char *message)
{
    struct status value = {
        .observed_generation = generation, .uid = MAKE_UID, .version = 1, .nodes_wanted = 3
    };
    int i;

    for (i = 0; i < CONDITION_COUNT; i++) {
        value.conditions[i] = (struct condition){ .reason = "", .message = "" };
    }
    value.conditions[type] = (struct condition){
        .status = status, .reason = "Told", .message = message, .since_ms = MAKE_NOW_MS - 5000
    };
    ADD(made, status, &value, MAKE_PREFIX "/clusters/%s/status", name);
}

void make_status_of_slot(struct made *made, const char *name, uint64_t generation,
                         const char *state, uint32_t version)
{
    const struct slot_status slot = { .slot = 1,
                                      .host = MAKE_HOST,
                                      .ip = ip_of(made, MAKE_HOST, 1),
                                      .data_port = 11211,
                                      .phase = "run",
                                      .state = state,
                                      .partition = "in-process",
                                      .version = version,
                                      .listed = true,
                                      .rule = "serve" };
    struct status value = { .observed_generation = generation,
                            .uid = MAKE_UID,
                            .version = version,
                            .nodes_wanted = 1,
                            .slots = &slot,
                            .slots_count = 1 };
    int i;

    for (i = 0; i < CONDITION_COUNT; i++) {
        value.conditions[i] = (struct condition){ .reason = "", .message = "" };
    }
    value.conditions[CONDITION_CONVERGED] =
        (struct condition){ .status = true, .reason = "Told", .message = "" };
    ADD(made, status, &value, MAKE_PREFIX "/clusters/%s/status", name);
}

void make_status_value(struct made *made, const char *name, const struct status *status)
{
    struct status value = *status;
    int i;

    for (i = 0; i < CONDITION_COUNT; i++) {
        if (value.conditions[i].reason == NULL) {
            value.conditions[i] = (struct condition){ .reason = "", .message = "" };
        }
    }
    ADD(made, status, &value, MAKE_PREFIX "/clusters/%s/status", name);
}

void make_record(struct made *made, const struct spec_record *record)
{
    ADD(made, spec_record, record, MAKE_PREFIX "/clusters/%s/spec", record->spec.name);
}

void make_generation(struct made *made, const char *name, uint64_t generation, uint32_t nodes,
                     uint64_t age_ms)
{
    struct spec_record record = { .spec = make_spec(name, nodes),
                                  .uid = MAKE_UID,
                                  .generation = generation,
                                  .changed_ms = MAKE_NOW_MS - age_ms };

    ADD(made, spec_record, &record, MAKE_PREFIX "/clusters/%s/generations/%010llu", name,
        (unsigned long long)generation);
}

void make_cordon(struct made *made, const char *host, bool drain, const char *reason)
{
    struct cordon cordon = {
        .host = host, .drain = drain, .since_ms = MAKE_NOW_MS - 300000, .reason = reason
    };

    ADD(made, cordon, &cordon, MAKE_PREFIX "/cordons/%s", host);
}

void make_leader(struct made *made)
{
    make_raw(made, MAKE_PREFIX "/leader", "controller-1");
}

void make_event(struct made *made, const char *name, uint64_t at_ms, const char *reason)
{
    struct event event = { .cluster = name,
                           .at_ms = at_ms,
                           .program = "muster-controller",
                           .type = "Normal",
                           .reason = reason,
                           .subject = "cluster",
                           .message = "it happened" };

    ADD(made, event, &event, MAKE_PREFIX "/events/%s/%013llu-abcd", name,
        (unsigned long long)at_ms);
}

void make_host(struct made *made, const char *name, const char *problem)
{
    struct host host = { .name = name,
                         .zone = "",
                         .memory_bytes = MAKE_HOST_BYTES,
                         .nodes_max = 249,
                         .ip_first = "127.0.9.1",
                         .ip_count = 249,
                         .data_port = 11211,
                         .watcher_version = "0.1.0",
                         .memcached_version = "1.6.18",
                         .problem = problem };

    ADD(made, host, &host, MAKE_PREFIX "/hosts/%s", name);
}
