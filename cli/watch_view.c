#include "cli/watch_view.h"

#include "cli/conditions_table.h"
#include "cli/progress.h"
#include "show/cluster_state.h"
#include "show/output.h"
#include "show/show.h"
#include "show/table.h"

#define AGE_TEXT_SIZE 24
#define PRINT_BYTES_MAX (16U << 20)

#define RED "\x1b[31m"
#define GREEN "\x1b[32m"
#define YELLOW "\x1b[33m"
#define PLAIN "\x1b[0m"

static const char *colour_of(const struct cluster_state *state, bool colour)
{
    static const struct {
        const char *word;
        const char *colour;
    } colours[] = {
        { "Ready", GREEN }, { "Stalled", RED }, { "Unreadable", RED }, { "Degraded", RED }
    };
    size_t i;

    for (i = 0; colour && i < ARRAY_COUNT(colours); i++) {
        if (text_equal(state->word, colours[i].word)) {
            return colours[i].colour;
        }
    }
    return colour ? YELLOW : "";
}

static void put_state(const struct cluster_facts *cluster, bool led,
                      const struct watch_request *request, struct str *out)
{
    struct cluster_state state = cluster_state(cluster, led);

    str_appendf(out, "%s  %s%s%s%s%s%s\n", cluster->name, colour_of(&state, request->colour),
                state.word, request->colour ? PLAIN : "", state.reason[0] == '\0' ? "" : " ",
                state.reason, cluster->spec != NULL && cluster->spec->paused ? ", paused" : "");
    if (state.message[0] != '\0') {
        str_appendf(out, "  %s\n", state.message);
    }
}

static void put_counts(const struct cluster_facts *cluster, struct str *out)
{
    const struct status *status = cluster->status;
    char endpoint[FACTS_ENDPOINT_SIZE];

    facts_endpoint(cluster, endpoint);
    str_appendf(out, "  Endpoint   %s", endpoint[0] == '\0' ? "none yet" : endpoint);
    if (cluster->alias != NULL) {
        str_appendf(out, " -> slot %04u, version %u", cluster->alias->slot,
                    cluster->alias->version);
    }
    str_append_char(out, '\n');
    if (status != NULL) {
        str_append_text(out, "  Nodes      ");
        progress_bar(status->nodes_converged, status->nodes_wanted, false, out);
        str_appendf(out, " %u of %u serve version %u, %u are ready, %u as the spec asks\n",
                    status->nodes_converged, status->nodes_wanted, status->version,
                    status->nodes_ready, status->nodes_updated);
    }
}

/* ---- Nodes ---- */

static bool is_in_order(const struct cluster_facts *cluster, const struct node_facts *node)
{
    return node->report != NULL && node->report->state == NODE_UP && node->intent != NULL &&
           node->intent->phase == INTENT_RUN && cluster->config != NULL &&
           facts_is_listed(cluster, node) &&
           node->report->served.version == cluster->config->head.version;
}

static const struct slot_status *status_of(const struct cluster_facts *cluster,
                                           const struct node_facts *node)
{
    size_t i;

    for (i = 0; cluster->status != NULL && i < cluster->status->slots_count; i++) {
        const struct slot_status *slot = &cluster->status->slots[i];

        if (slot->slot == node->slot && text_equal(slot->host, node->host)) {
            return slot;
        }
    }
    return NULL;
}

static void add_node(struct table *table, const struct cluster_facts *cluster,
                     const struct node_facts *node, const struct watch_request *request)
{
    const struct node_report *report = node->report;
    const struct slot_status *slot = status_of(cluster, node);
    const char *address =
        report == NULL ? NULL : show_address(request->arena, report->ip, report->data_port);
    char age[AGE_TEXT_SIZE] = "";

    if (slot != NULL && slot->since_ms != 0) {
        output_age(request->now_ms, slot->since_ms, age, sizeof(age));
    }
    table_addf(table, "%04u", node->slot);
    table_add(table, node->host);
    table_add(table, address == NULL ? "" : address);
    table_add(table, node->intent == NULL ? "" : intent_phase_text(node->intent->phase));
    table_add(table, report == NULL ? "silent" : node_state_text(report->state));
    if (report == NULL || report->served.version == 0) {
        table_add(table, "");
    } else {
        table_addf(table, "%u", report->served.version);
    }
    table_add(table, facts_is_listed(cluster, node) ? "yes" : "no");
    table_add(table, age);
    table_add(table, slot == NULL ? "" : slot->rule);
    table_add(table, report == NULL ? "" : report->problem);
}

static int put_nodes(const struct cluster_facts *cluster, const struct watch_request *request,
                     struct str *out, struct err *err)
{
    static const char *const headings[] = { "SLOT",  "HOST",    "ADDRESS", "PHASE",
                                            "STATE", "SERVES",  "LISTED",  "SINCE",
                                            "RULE",  "PROBLEM", NULL };
    struct table table;
    size_t told = 0;
    size_t i;
    int in_order;
    int rv;

    table_init(&table, request->arena, headings);
    for (in_order = 0; in_order <= 1; in_order++) {
        for (i = 0; i < cluster->nodes_count && told < WATCH_NODES_MAX; i++) {
            const struct node_facts *node = facts_shown(cluster, i);

            if (is_in_order(cluster, node) == (in_order == 1)) {
                add_node(&table, cluster, node, request);
                told++;
            }
        }
    }
    str_append_char(out, '\n');
    rv = table_render(&table, 2, out, err);
    if (told < cluster->nodes_count) {
        str_appendf(out, "  and %zu more\n", cluster->nodes_count - told);
    }
    return rv;
}

int watch_view_head(const struct facts *facts, const struct watch_request *request, struct str *out,
                    struct err *err)
{
    const struct cluster_facts *cluster = facts_cluster(facts, request->name);
    int rv;

    if (cluster == NULL || cluster->spec_revision == 0) {
        str_appendf(out, "%s  is gone\n", request->name);
        return 0;
    }
    put_state(cluster, facts->led, request, out);
    put_counts(cluster, out);
    rv = put_nodes(cluster, request, out, err);
    return rv < 0 ? rv : str_check(out, err);
}

/* ---- Conditions and events ---- */

/* The last ones, the newest on top: it is the last to be cut off. */
static int put_events(const struct facts *facts, const struct watch_request *request,
                      struct str *out, struct err *err)
{
    static const char *const headings[] = { "AGE", "EVENT", "SUBJECT", "MESSAGE", NULL };
    const struct event *last[WATCH_EVENTS_MAX];
    const struct event_facts *at;
    struct table table;
    size_t count = 0;
    size_t i;

    for (at = facts->events; at != NULL; at = at->next) {
        if (text_equal(at->event.cluster, request->name)) {
            last[count++ % WATCH_EVENTS_MAX] = &at->event;
        }
    }
    table_init(&table, request->arena, headings);
    for (i = 0; i < count && i < WATCH_EVENTS_MAX; i++) {
        const struct event *event = last[(count - 1 - i) % WATCH_EVENTS_MAX];
        char age[AGE_TEXT_SIZE];

        output_age(request->now_ms, event->at_ms, age, sizeof(age));
        table_add(&table, age);
        table_add(&table, event->reason);
        table_add(&table, event->subject);
        table_add(&table, event->message);
    }
    str_append_char(out, '\n');
    return table_render(&table, 2, out, err);
}

int watch_view_tail(const struct facts *facts, const struct watch_request *request, struct str *out,
                    struct err *err)
{
    const struct cluster_facts *cluster = facts_cluster(facts, request->name);
    int rv = 0;

    if (cluster != NULL && cluster->status != NULL) {
        str_append_char(out, '\n');
        rv = conditions_table(cluster->status, "CONDITION", request->now_ms, request->arena, out,
                              err);
    }
    if (0 <= rv) {
        rv = put_events(facts, request, out, err);
    }
    return rv < 0 ? rv : str_check(out, err);
}

const char *watch_view_print(const struct facts *facts, const struct watch_request *request)
{
    const struct show_kind *const kinds[] = { &show_clusters, &show_nodes };
    const struct show_request asked = {
        .name = request->name, .wide = true, .now_ms = request->now_ms, .arena = request->arena
    };
    CLEANUP(str_deinit) struct str out;
    struct err ignored;
    size_t k;
    size_t i;

    str_init(&out, PRINT_BYTES_MAX);
    for (k = 0; k < ARRAY_COUNT(kinds); k++) {
        struct table table;

        if (show_rows(kinds[k], facts, &asked, &table, &ignored) < 0) {
            return NULL;
        }
        for (i = 1; i < table.count; i++) {
            str_append_text(&out, table_row_state(&table, i));
        }
    }
    return str_failed(&out) ? NULL : arena_strdup(request->arena, str_text(&out));
}
