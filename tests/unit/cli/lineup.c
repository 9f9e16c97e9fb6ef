#include "lineup.h"

#include <string.h>

#include "make.h"

/* Names with three digits, so that the order of names is that of numbers. */
static const char *host_name(const struct lineup *lineup, uint32_t i)
{
    return arena_printf(lineup->arena, "h%03u", i);
}

static const char *host_ip(const struct lineup *lineup, uint32_t i)
{
    return arena_printf(lineup->arena, "10.0.%u.%u", i / 100, 1 + i % 100);
}

void lineup_hosts(struct lineup *lineup, struct arena *arena, uint32_t hosts)
{
    uint32_t i;

    memset(lineup, 0, sizeof(*lineup));
    lineup->arena = arena;
    for (i = 0; i < hosts; i++) {
        lineup->hosts[i] = (struct host_view){ .present = true,
                                               .host = { .name = host_name(lineup, i + 1),
                                                         .zone = "",
                                                         .memory_bytes = UINT64_C(1) << 30,
                                                         .nodes_max = 1,
                                                         .ip_first = host_ip(lineup, i + 1),
                                                         .ip_count = 1,
                                                         .data_port = 11211,
                                                         .watcher_version = "",
                                                         .memcached_version = "1.6.18",
                                                         .problem = "" } };
    }
    lineup->view = (struct view){
        .cluster = "c", .now_ms = LINEUP_NOW_MS, .hosts = lineup->hosts, .hosts_count = hosts
    };
}

static void node_add(struct lineup *lineup, uint32_t i)
{
    struct intent *intent = &lineup->intents[i];

    *intent = (struct intent){ .host = lineup->hosts[i].host.name,
                               .cluster = "c",
                               .slot = i + 1,
                               .uid = MAKE_UID,
                               .phase = INTENT_RUN,
                               .phase_since_ms = 1000,
                               .ip = lineup->hosts[i].host.ip_first,
                               .data_port = 11211,
                               .discovery_port = 11210,
                               .settings = lineup->record.spec.settings };
    lineup->reports[i] = (struct node_report){
        .cluster = "c",
        .slot = i + 1,
        .host = intent->host,
        .uid = MAKE_UID,
        .state = NODE_UP,
        .partition = PARTITION_IN_PROCESS,
        .ip = intent->ip,
        .data_port = 11211,
        .discovery_port = 11210,
        .settings = intent->settings,
        .served = { .epoch = 1, .version = 7, .digest = LINEUP_DIGEST },
        .version_seen = 7,
        .clients = REPORT_CLIENTS_UNKNOWN,
        .problem = "",
    };
    lineup->members[i] =
        (struct member){ .slot = i + 1, .hostname = intent->ip, .ip = intent->ip, .port = 11211 };
}

void lineup_cluster(struct lineup *lineup, struct arena *arena, uint32_t hosts, uint32_t nodes)
{
    uint32_t i;

    lineup_hosts(lineup, arena, hosts);
    lineup->record = (struct spec_record){
        .spec = make_spec("c", nodes), .uid = MAKE_UID, .generation = 3, .created_ms = 1000
    };
    for (i = 0; i < nodes; i++) {
        node_add(lineup, i);
    }
    lineup->config = (struct config){ .head = { .cluster = "c",
                                                .uid = MAKE_UID,
                                                .epoch = 1,
                                                .version = 7,
                                                .members = lineup->members,
                                                .members_count = nodes },
                                      .payload = "",
                                      .digest = LINEUP_DIGEST,
                                      .key_id = "",
                                      .signature = "" };
    lineup->alias = (struct alias){ .host = lineup->intents[0].ip,
                                    .ip = lineup->intents[0].ip,
                                    .port = 11211,
                                    .slot = 1,
                                    .version = 7 };
    lineup->view.spec = &lineup->record;
    lineup->view.config = &lineup->config;
    lineup->view.config_since_ms = 1000;
    lineup->view.alias = &lineup->alias;
    lineup->view.intents = lineup->intents;
    lineup->view.intents_count = nodes;
    lineup->view.reports = lineup->reports;
    lineup->view.reports_count = nodes;
}
