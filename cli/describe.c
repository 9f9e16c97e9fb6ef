#include "cli/describe.h"

#include <stdbool.h>
#include <string.h>

#include "base/clock.h"
#include "base/units.h"
#include "cli/conditions_table.h"
#include "cli/describe_fields.h"
#include "show/output.h"
#include "show/peers_told.h"
#include "show/table.h"

#define AGE_TEXT_SIZE 24

static void put_size(struct str *out, const char *name, uint64_t bytes)
{
    char text[UNITS_TEXT_SIZE];

    size_format(bytes, text);
    str_appendf(out, "  %-16s %s\n", name, text);
}

static void put_duration(struct str *out, const char *name, uint64_t ms)
{
    char text[UNITS_TEXT_SIZE];

    duration_format(ms, text);
    str_appendf(out, "  %-16s %s\n", name, text);
}

static void put_list(struct str *out, const char *name, const char *const *texts, size_t count)
{
    size_t i;

    if (count == 0) {
        return;
    }
    str_appendf(out, "  %-16s", name);
    for (i = 0; i < count; i++) {
        str_appendf(out, " %s", texts[i]);
    }
    str_append_char(out, '\n');
}

static void put_host_labels(struct str *out, const struct spec *spec)
{
    size_t i;

    for (i = 0; i < spec->host_labels_count; i++) {
        str_appendf(out, "  %-16s %s=%s\n", i == 0 ? "hostLabels" : "", spec->host_labels[i].name,
                    spec->host_labels[i].value);
    }
}

static const char *const hashings[] = { [SPEC_HASHING_KETAMA] = "ketama",
                                        [SPEC_HASHING_MODULO] = "modulo",
                                        [SPEC_HASHING_RENDEZVOUS] = "rendezvous" };

static const char *const drain_ends[] = {
    [SPEC_DRAIN_CLIENTS] = "clients", [SPEC_DRAIN_EVIDENCE] = "evidence", [SPEC_DRAIN_TIME] = "time"
};

static void describe_spec(const struct spec_record *record, struct str *out)
{
    const struct spec *spec = &record->spec;
    char created[CLOCK_TEXT_SIZE];
    size_t i;

    clock_format(record->created_ms, created);
    str_appendf(out, "UID:          %s\nGeneration:   %llu\nCreated:      %s\n", record->uid,
                (unsigned long long)record->generation, created);
    for (i = 0; i < spec->labels_count; i++) {
        str_appendf(out, "%-13s %s=%s\n", i == 0 ? "Labels:" : "", spec->labels[i].name,
                    spec->labels[i].value);
    }
    if (record->deleting) {
        str_append_text(out, "Deletion:     was asked for\n");
    }
    if (record->paused) {
        str_appendf(out, "Rollout:      paused (muster rollout resume %s)\n", spec->name);
    }
    str_appendf(out, "Spec:\n  %-16s %u\n", "nodes", spec->nodes);
    if (spec_is_open(spec)) {
        str_appendf(out, "  %-16s %s\n  %-16s %u\n", "membership",
                    spec->membership == SPEC_MEMBERSHIP_JOINED ? "joined" : "joinable", "maxNodes",
                    spec->nodes_max);
    }
    put_size(out, "memory", spec->settings.memory_bytes);
    str_appendf(out, "  %-16s %u\n", "threads", spec->settings.threads);
    str_appendf(out, "  %-16s %u\n", "maxConnections", spec->settings.connections_max);
    put_size(out, "maxItemSize", spec->settings.item_bytes_max);
    put_list(out, "extraArgs", spec->settings.extra_args, spec->settings.extra_args_count);
    str_appendf(out, "  %-16s %s\n", "spreadBy",
                spec->spread_by == SPEC_SPREAD_ZONE ? "zone" : "host");
    put_list(out, "hosts", spec->hosts, spec->hosts_count);
    put_host_labels(out, spec);
    str_appendf(out, "  %-16s %u\n", "maxUnavailable", spec->unavailable_max);
    str_appendf(out, "  %-16s %u\n", "maxSurge", spec->surge_max);
    put_duration(out, "drain", spec->drain_ms);
    str_appendf(out, "  %-16s %s\n", "drainEnds", drain_ends[spec->drain_ends]);
    put_duration(out, "convergeTimeout", spec->converge_timeout_ms);
    put_duration(out, "progressDeadline", spec->progress_deadline_ms);
    put_duration(out, "failAfter", spec->fail_after_ms);
    if (spec->domain[0] != '\0') {
        str_appendf(out, "  %-16s %s\n", "domain", spec->domain);
    }
    str_appendf(out, "  %-16s %s\n", "hashing", hashings[spec->hashing]);
}

static const char *status_doubt(const struct cluster_facts *cluster, bool led)
{
    if (!led) {
        return " (no controller leads: that is as the last one left it)";
    }
    return cluster->spec != NULL && cluster->status->observed_generation < cluster->spec->generation
               ? " (the controller has not seen the latest)"
               : "";
}

static int describe_status(const struct cluster_facts *cluster, bool led,
                           const struct show_request *request, struct str *out, struct err *err)
{
    const struct status *status = cluster->status;

    if (status == NULL) {
        str_append_text(out, "Status:       none yet; is a controller running?\n");
        return 0;
    }
    str_appendf(out,
                "Status:       %u of %u nodes ready, %u converged, generation %llu observed%s\n",
                status->nodes_ready, status->nodes_wanted, status->nodes_converged,
                (unsigned long long)status->observed_generation, status_doubt(cluster, led));
    str_append_text(out, "Conditions:\n");
    return conditions_table(status, "TYPE", request->now_ms, request->arena, out, err);
}

static void describe_endpoint(const struct cluster_facts *cluster, struct str *out)
{
    char endpoint[FACTS_ENDPOINT_SIZE];

    if (cluster->config == NULL) {
        str_append_text(out, "Configuration: none yet\n");
    } else {
        str_appendf(out, "Configuration: version %u, epoch %llu, %zu members, key %s\n",
                    cluster->config->head.version, (unsigned long long)cluster->config->head.epoch,
                    cluster->config->head.members_count, cluster->config->key_id);
    }
    if (cluster->alias == NULL) {
        str_append_text(out, "Endpoint:      none yet\n");
    } else {
        facts_endpoint(cluster, endpoint);
        str_appendf(out, "Endpoint:      %s -> slot %04u (%s), version %u\n", endpoint,
                    cluster->alias->slot, cluster->alias->ip, cluster->alias->version);
    }
}

static const char *node_rule(const struct status *status, const struct node_facts *node)
{
    size_t i;

    for (i = 0; status != NULL && i < status->slots_count; i++) {
        if (status->slots[i].slot == node->slot && strcmp(status->slots[i].host, node->host) == 0) {
            return status->slots[i].rule;
        }
    }
    return "";
}

static void add_node(struct table *table, const struct cluster_facts *cluster,
                     const struct node_facts *node, struct arena *arena)
{
    const struct node_report *report = node->report;
    const struct intent *intent = node->intent;
    const char *address = report != NULL ? show_address(arena, report->ip, report->data_port)
                                         : show_address(arena, intent->ip, intent->data_port);

    table_addf(table, "%04u", node->slot);
    table_add(table, node->host);
    table_add(table, address == NULL ? "" : address);
    table_add(table, intent == NULL ? "" : intent_phase_text(intent->phase));
    table_add(table, report == NULL ? "silent" : node_state_text(report->state));
    table_add(table, report == NULL ? "" : partition_mode_text(report->partition));
    table_addf(table, "%u", report == NULL ? 0 : report->served.version);
    table_add(table, facts_is_listed(cluster, node) ? "yes" : "no");
    table_add(table, facts_has_joined(node) ? "yes" : "no");
    table_add(table, node_rule(cluster->status, node));
    table_add(table, report == NULL ? "" : report->problem);
}

static int describe_slots(const struct cluster_facts *cluster, const struct show_request *request,
                          struct str *out, struct err *err)
{
    static const char *const headings[] = { "SLOT",   "HOST",      "ADDRESS", "PHASE",
                                            "STATE",  "PARTITION", "SERVES",  "LISTED",
                                            "JOINED", "RULE",      "PROBLEM", NULL };
    struct table table;
    size_t i;

    if (cluster->nodes_count == 0) {
        str_append_text(out, "Slots:         none yet\n");
        return 0;
    }
    table_init(&table, request->arena, headings);
    for (i = 0; i < cluster->nodes_count; i++) {
        add_node(&table, cluster, facts_shown(cluster, i), request->arena);
    }
    str_append_text(out, "Slots:\n");
    return table_render(&table, 2, out, err);
}

static bool has_node_on(const struct facts *facts, const char *cluster, const char *host)
{
    const struct intent_facts *at = facts->intents;

    while (at != NULL &&
           (strcmp(at->intent.cluster, cluster) != 0 || strcmp(at->intent.host, host) != 0)) {
        at = at->next;
    }
    return at != NULL;
}

/* Hosts out of use that have a node of the cluster. */
static void describe_cordons(const struct facts *facts, const struct show_request *request,
                             struct str *out)
{
    const struct cordon_facts *at;
    const char *heading = "Hosts:\n";

    for (at = facts->cordons; at != NULL; at = at->next) {
        if (has_node_on(facts, request->name, at->cordon.host)) {
            str_appendf(out, "%s  %s is ", heading, at->cordon.host);
            show_cordon(&at->cordon, request->now_ms, out);
            str_append_char(out, '\n');
            heading = "";
        }
    }
}

static int describe_events(const struct facts *facts, const struct show_request *request,
                           struct str *out, struct err *err)
{
    static const char *const headings[] = { "AGE", "TYPE", "REASON", "SUBJECT", "MESSAGE", NULL };
    const struct event_facts *event = facts->events;
    size_t skip =
        DESCRIBE_EVENTS_MAX < facts->events_count ? facts->events_count - DESCRIBE_EVENTS_MAX : 0;
    struct table table;

    if (facts->events_count == 0) {
        str_append_text(out, "Events:        none\n");
        return 0;
    }
    table_init(&table, request->arena, headings);
    for (; event != NULL; event = event->next) {
        char age[AGE_TEXT_SIZE];

        if (0 < skip) {
            skip--;
            continue;
        }
        output_age(request->now_ms, event->event.at_ms, age, sizeof(age));
        table_add(&table, age);
        table_add(&table, event->event.type);
        table_add(&table, event->event.reason);
        table_add(&table, event->event.subject);
        table_add(&table, event->event.message);
    }
    str_append_text(out, "Events:\n");
    return table_render(&table, 2, out, err);
}

int describe_cluster(const struct facts *facts, const struct show_request *request, struct str *out,
                     struct err *err)
{
    const struct cluster_facts *cluster = facts_cluster(facts, request->name);
    int rv;

    if (cluster == NULL || cluster->spec_revision == 0) {
        return err_set(err, ERR_NOT_FOUND, "there is no cluster '%s'", request->name);
    }
    str_appendf(out, "Name:         %s\nRevision:     %llu\n", cluster->name,
                (unsigned long long)cluster->spec_revision);
    if (cluster->spec != NULL) {
        describe_spec(cluster->spec, out);
    }
    if (facts->bad_count != 0) {
        str_appendf(out, "Unreadable:   %s%s\n", facts->bad,
                    facts->bad_count == 1 ? "" : " (and others)");
    }
    rv = describe_status(cluster, facts->led, request, out, err);
    if (0 <= rv) {
        describe_endpoint(cluster, out);
        rv = describe_slots(cluster, request, out, err);
        describe_cordons(facts, request, out);
    }
    if (0 <= rv && cluster->spec != NULL) {
        rv = describe_fields(cluster->spec, request->arena, out, err);
    }
    if (0 <= rv && request->peers != NULL) {
        rv = peers_describe(request->peers, request->arena, out, err);
    }
    return rv < 0 ? rv : describe_events(facts, request, out, err);
}
