#include "reconciler/placement.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "model/name.h"

#define WORD_BITS 64U
#define INDEX_WORDS (HOST_NODES_MAX / WORD_BITS)
#define REASON_TEXT_MAX 160
#define REASONS_TEXT_MAX 480

/* What is taken of one host, this cluster's nodes included. */
struct host_load {
    const struct host_view *view;
    size_t zone;        /* index of the first host of the same zone, which counts for all */
    uint32_t zone_ours; /* of the first host of a zone: nodes of this cluster that stay in it */
    uint32_t ours;      /* nodes of this cluster that stay there */
    uint32_t nodes;     /* nodes of all clusters */
    uint64_t memory_bytes;
    uint64_t indexes[INDEX_WORDS]; /* pool indexes taken */
};

static uint64_t with_margin(uint64_t memory_bytes, uint32_t nodes)
{
    return memory_bytes + memory_bytes / PLACEMENT_MARGIN_DIVISOR + nodes * PLACEMENT_MARGIN_BYTES;
}

static void index_take(struct host_load *load, uint32_t i)
{
    if (i < HOST_NODES_MAX) {
        load->indexes[i / WORD_BITS] |= UINT64_C(1) << (i % WORD_BITS);
    }
}

static bool index_is_taken(const struct host_load *load, uint32_t i)
{
    return (load->indexes[i / WORD_BITS] & (UINT64_C(1) << (i % WORD_BITS))) != 0;
}

/* Which index of the pool the endpoint is; false when it is none of it. */
static bool index_of(const struct host *host, const char *ip_text, uint16_t data_port,
                     uint32_t *out)
{
    uint32_t first;
    uint32_t ip;
    uint32_t found_ip;
    uint16_t found_port;
    uint32_t i;

    if (!ipv4_parse(ip_text, &ip) || !ipv4_parse(host->ip_first, &first)) {
        return false;
    }
    i = 1 < host->ip_count ? ip - first : ((uint32_t)data_port - host->data_port) / 2;
    if (!host_endpoint(host, i, &found_ip, &found_port) || found_ip != ip ||
        found_port != data_port) {
        return false;
    }
    *out = i;
    return true;
}

static struct host_load *load_of(struct placement *placement, const struct host_view *host)
{
    return host == NULL ? NULL : &placement->loads[host - placement->facts->view->hosts];
}

/* The few zones there are make this search short. */
static size_t zone_find(const struct host_load *loads, size_t count, const char *zone)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (loads[i].zone == i && loads[i].view->present &&
            strcmp(loads[i].view->host.zone, zone) == 0) {
            return i;
        }
    }
    return count;
}

static void load_add(struct host_load *load, uint64_t memory_bytes)
{
    load->nodes++;
    load->memory_bytes += with_margin(memory_bytes, 1);
}

static void load_add_ours(struct placement *placement, struct host_load *load)
{
    load->ours++;
    placement->loads[load->zone].zone_ours++;
}

/* Of each wanted slot the node that is to hold it: what is on its way out does not count. */
static bool stays(const struct node *node)
{
    return (node->facts & FACT(SUCCESSOR)) != 0 ||
           (node->facts & (FACT(WANTED) | FACT(SUCCEEDED))) == FACT(WANTED);
}

static void endpoint_take(struct host_load *load, const char *ip, uint16_t data_port)
{
    uint32_t i;

    if (load->view->present && index_of(&load->view->host, ip, data_port, &i)) {
        index_take(load, i);
    }
}

static void node_take(struct placement *placement, const struct node *node)
{
    struct host_load *load = load_of(placement, node->host);

    if (load == NULL) {
        return;
    }
    if (stays(node)) {
        load_add_ours(placement, load);
    }
    if (node->intent != NULL) {
        load_add(load, node->intent->settings.memory_bytes);
        endpoint_take(load, node->intent->ip, node->intent->data_port);
    } else if (node->report != NULL) {
        load_add(load, node->report->settings.memory_bytes);
    }
    if (node->report != NULL) {
        endpoint_take(load, node->report->ip, node->report->data_port);
    }
}

static void load_init(struct placement *placement, size_t i)
{
    struct host_load *load = &placement->loads[i];
    const struct host_view *view = &placement->facts->view->hosts[i];
    size_t k;

    load->view = view;
    load->nodes = view->nodes_used;
    load->memory_bytes = with_margin(view->memory_used, view->nodes_used);
    for (k = 0; k < view->indexes_used_count; k++) {
        index_take(load, view->indexes_used[k]);
    }
    /* Of a host that is gone only the name is known. */
    load->zone = view->present ? zone_find(placement->loads, i, view->host.zone) : i;
}

static bool prepare(struct placement *placement)
{
    const struct facts *facts = placement->facts;
    size_t i;

    if (placement->loads != NULL) {
        return true;
    }
    placement->loads =
        plan_alloc(placement->plan, facts->view->hosts_count, sizeof(*placement->loads));
    if (placement->loads == NULL) {
        return false;
    }
    for (i = 0; i < facts->view->hosts_count; i++) {
        load_init(placement, i);
    }
    for (i = 0; i < facts->nodes_count; i++) {
        node_take(placement, &facts->nodes[i]);
    }
    return true;
}

static bool keeps_slot(const struct node *node, const char *host)
{
    size_t i;

    for (i = 0; i < node->slot_intents_count; i++) {
        if (strcmp(node->slot_intents[i].host, host) == 0) {
            return true;
        }
    }
    return false;
}

static bool index_free(const struct host_load *load, struct placement_choice *out)
{
    const struct host *host = &load->view->host;
    uint32_t i;

    for (i = 0; i < host->nodes_max && i < HOST_NODES_MAX; i++) {
        if (!index_is_taken(load, i) && host_endpoint(host, i, &out->ip, &out->data_port)) {
            out->host = load->view;
            out->index = i;
            return true;
        }
    }
    return false;
}

static bool memory_fits(const struct host_load *load, const struct node_settings *settings)
{
    uint64_t need = with_margin(settings->memory_bytes, 1);
    uint64_t have = load->view->host.memory_bytes;

    return need <= have && load->memory_bytes <= have - need;
}

static bool may_run(const struct placement *placement, const struct host_load *load,
                    const struct node *node, const struct node_settings *settings)
{
    const struct host *host = &load->view->host;

    return load->view->present && host->problem[0] == '\0' && !host->sidecar &&
           !load->view->cordoned && host_is_allowed(placement->facts, load->view) &&
           !keeps_slot(node, host->name) && memory_fits(load, settings);
}

/* Nodes of the cluster in the zone of a host, but for the one that is to be succeeded. */
static uint32_t zone_ours(struct placement *placement, const struct host_load *load,
                          const struct node *node)
{
    const struct host_load *own = load_of(placement, node->host);
    bool counts = own != NULL && own->zone == load->zone && stays(node);

    return placement->loads[load->zone].zone_ours - (counts ? 1 : 0);
}

/* Whether `a` is a better place than `b`; the order of hosts is the order of their names. */
static bool is_better(struct placement *placement, const struct node *node,
                      const struct host_load *a, const struct host_load *b)
{
    uint32_t a_zone = zone_ours(placement, a, node);
    uint32_t b_zone = zone_ours(placement, b, node);

    if (placement->facts->spec->spread_by == SPEC_SPREAD_ZONE && a_zone != b_zone) {
        return a_zone < b_zone;
    }
    if (a->ours != b->ours) {
        return a->ours < b->ours;
    }
    return a->nodes < b->nodes;
}

/* The new node stays instead of the one that has the slot. */
static void move_ours(struct placement *placement, const struct node *node, struct host_load *to)
{
    struct host_load *own = load_of(placement, node->host);

    if (own != NULL && stays(node)) {
        own->ours--;
        placement->loads[own->zone].zone_ours--;
    }
    load_add_ours(placement, to);
}

bool placement_pick(struct placement *placement, const struct node *node,
                    const struct node_settings *settings, struct placement_choice *out)
{
    struct host_load *best = NULL;
    struct placement_choice choice = { 0 };
    struct placement_choice offer;
    size_t i;

    if (!prepare(placement)) {
        return false;
    }
    for (i = 0; i < placement->facts->view->hosts_count; i++) {
        struct host_load *load = &placement->loads[i];

        if ((best == NULL || is_better(placement, node, load, best)) &&
            may_run(placement, load, node, settings) && index_free(load, &offer)) {
            best = load;
            choice = offer;
        }
    }
    if (best == NULL) {
        return false;
    }
    load_add(best, settings->memory_bytes);
    move_ours(placement, node, best);
    index_take(best, choice.index);
    *out = choice;
    out->settings = settings;
    return true;
}

bool placement_move(struct placement *placement, const struct node *node,
                    struct placement_choice *out)
{
    struct host_load *load;

    if (node->host == NULL || !node->host->present || !prepare(placement)) {
        return false;
    }
    load = load_of(placement, node->host);
    if (!index_free(load, out)) {
        return false;
    }
    index_take(load, out->index);
    out->settings = &node->intent->settings;
    return true;
}

void placement_init(struct placement *placement, const struct facts *facts,
                    struct plan_builder *plan)
{
    *placement = (struct placement){ .facts = facts, .plan = plan };
}

/* What placement.hosts and placement.labels say against the host. */
static void disallowed_write(const struct spec *spec, const struct host *host,
                             char out[REASON_TEXT_MAX])
{
    const struct label *label = host_label_missing(spec, host);

    if (label == NULL) {
        (void)snprintf(out, REASON_TEXT_MAX, "%s: not in placement.hosts", host->name);
    } else {
        (void)snprintf(out, REASON_TEXT_MAX, "%s: labels: wants %s=%s", host->name, label->name,
                       label->value);
    }
}

static bool has_phase(const struct node *node, enum intent_phase phase)
{
    return node->intent != NULL && node->intent->phase == phase;
}

static void reason_write(const struct placement *placement, const struct host_load *load,
                         const struct node *node, const struct node_settings *settings,
                         char out[REASON_TEXT_MAX])
{
    const struct host *host = &load->view->host;
    uint64_t have = host->memory_bytes;
    uint64_t need = with_margin(settings->memory_bytes, 1);
    struct placement_choice choice;

    if (!load->view->present) {
        (void)snprintf(out, REASON_TEXT_MAX, "%s: gone", host->name);
    } else if (host->problem[0] != '\0') {
        (void)snprintf(out, REASON_TEXT_MAX, "%s: %s", host->name, host->problem);
    } else if (host->sidecar) {
        (void)snprintf(out, REASON_TEXT_MAX, "%s: has a sidecar, which places nothing", host->name);
    } else if (load->view->cordoned) {
        (void)snprintf(out, REASON_TEXT_MAX, "%s: cordoned", host->name);
    } else if (!host_is_allowed(placement->facts, load->view)) {
        disallowed_write(placement->facts->spec, host, out);
    } else if (keeps_slot(node, host->name)) {
        (void)snprintf(out, REASON_TEXT_MAX, "%s: %s", host->name,
                       has_phase(node, INTENT_RUN) && node->host == load->view
                           ? "runs the slot's node already"
                           : "still keeps a former node of the slot");
    } else if (!memory_fits(load, settings)) {
        have = load->memory_bytes < have ? have - load->memory_bytes : 0;
        (void)snprintf(out, REASON_TEXT_MAX,
                       "%s: %" PRIu64 " MiB of memory free, %" PRIu64 " MiB needed with overhead",
                       host->name, have >> 20, (need + (UINT64_C(1) << 20) - 1) >> 20);
    } else if (!index_free(load, &choice)) {
        (void)snprintf(out, REASON_TEXT_MAX, "%s: no free address (%u nodes at most)", host->name,
                       host->nodes_max);
    } else {
        (void)snprintf(out, REASON_TEXT_MAX, "%s: fits", host->name);
    }
}

const char *placement_reasons(struct placement *placement, const struct node *node,
                              const struct node_settings *settings)
{
    size_t hosts = placement->facts->view->hosts_count;
    char text[REASONS_TEXT_MAX] = "";
    size_t used = 0;
    size_t i;

    if (hosts == 0) {
        return "no host is there";
    }
    if (!prepare(placement)) {
        return "";
    }
    for (i = 0; i < hosts && i < PLACEMENT_REASONS_MAX; i++) {
        char reason[REASON_TEXT_MAX];

        reason_write(placement, &placement->loads[i], node, settings, reason);
        (void)snprintf(text + used, sizeof(text) - used, "%s%s", i == 0 ? "" : "; ", reason);
        used = strlen(text);
    }
    if (i < hosts) {
        return plan_text(placement->plan, "%s; and %zu more hosts", text, hosts - i);
    }
    return plan_text(placement->plan, "%s", text);
}
