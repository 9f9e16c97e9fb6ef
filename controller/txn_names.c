#include "controller/txn_names.h"

#include <string.h>

#define INLINE_MAX 64 /* more records than that get transactions of their own */
#define DOMAINS_MAX 3

/* ---- Domains ---- */

/* Under which the cluster may have names. */
struct domains {
    const char *list[DOMAINS_MAX];
    size_t count;
};

static bool has_domain(const struct domains *domains, const char *domain)
{
    size_t i;

    for (i = 0; i < domains->count; i++) {
        if (strcmp(domains->list[i], domain) == 0) {
            return true;
        }
    }
    return false;
}

static void add_domain(struct domains *domains, const char *domain)
{
    if (domain[0] != '\0' && !has_domain(domains, domain)) {
        domains->list[domains->count++] = domain;
    }
}

/* The one that new names get; "": they get none. */
static const char *wanted(const struct builder *b)
{
    const struct spec_record *spec = b->env->view->spec;

    return spec == NULL || b->env->dns.prefix[0] == '\0' ? "" : spec->spec.domain;
}

/* That, and those of the configuration and of the endpoint, which lag behind. */
static struct domains domains_of(const struct builder *b)
{
    const struct view *view = b->env->view;
    struct domains domains = { .count = 0 };

    if (b->env->dns.prefix[0] == '\0') {
        return domains;
    }
    add_domain(&domains, wanted(b));
    if (view->config != NULL && view->config->head.members_count != 0) {
        const struct member *first = &view->config->head.members[0];

        add_domain(&domains, dns_domain_of(first->hostname, first->slot, view->cluster));
    }
    if (view->alias != NULL) {
        add_domain(&domains, dns_domain_of(view->alias->host, view->alias->slot, view->cluster));
    }
    return domains;
}

/* ---- Records ---- */

static int put_record(const struct builder *b, struct batch *batch, const struct dns_record *record,
                      struct err *err)
{
    return builder_put_text(b, batch, record->key, record->value, strlen(record->value), 0, err);
}

static int delete_name(struct builder *b, const char *name, struct err *err)
{
    return name == NULL ? builder_full(err)
                        : builder_delete(b->main, dns_key(&b->env->dns, name, b->env->arena), err);
}

static int change_names(struct builder *b, const struct dns_change *change, struct err *err)
{
    size_t total = change->puts_count + change->deletes_count;
    struct batch *batch = b->main;
    size_t i;
    int rv = 0;

    for (i = 0; 0 <= rv && i < total; i++) {
        if (INLINE_MAX < total && i % INLINE_MAX == 0) {
            rv = 0 < i ? builder_finish(b, batch, err) : 0;
            if (0 <= rv) {
                rv = builder_batch(b, &batch, err);
            }
        }
        if (0 <= rv && i < change->puts_count) {
            rv = put_record(b, batch, &change->puts[i], err);
        } else if (0 <= rv) {
            rv = builder_delete(batch, change->deletes[i - change->puts_count], err);
        }
    }
    if (0 <= rv && batch != b->main) {
        rv = builder_finish(b, batch, err);
    }
    return rv;
}

int names_commit(struct builder *b, const struct config_draft *draft, struct err *err)
{
    const struct view *view = b->env->view;
    uint32_t *placed = arena_calloc(b->env->arena, view->intents_count + 1, sizeof(*placed));
    struct dns_step step = { .former = view->config == NULL ? NULL : &view->config->head,
                             .next = draft,
                             .placed = placed };
    struct dns_change change;
    size_t i;
    int rv;

    if (placed == NULL) {
        return builder_full(err);
    }
    for (i = 0; i < view->intents_count; i++) {
        if (i == 0 || view->intents[i - 1].slot != view->intents[i].slot) {
            placed[step.placed_count++] = view->intents[i].slot;
        }
    }
    rv = dns_change(&b->env->dns, &step, b->env->arena, &change, err);
    return rv < 0 ? rv : change_names(b, &change, err);
}

/* ---- The endpoint ---- */

/* Its names, but for that in the domain `kept`. */
static int delete_aliases(struct builder *b, const char *kept, struct err *err)
{
    struct domains domains = domains_of(b);
    int rv = 0;
    size_t i;

    for (i = 0; 0 <= rv && i < domains.count; i++) {
        if (strcmp(domains.list[i], kept) != 0) {
            rv = delete_name(
                b, dns_alias_name(b->env->view->cluster, domains.list[i], b->env->arena), err);
        }
    }
    return rv;
}

int names_delete_alias(struct builder *b, struct err *err)
{
    return delete_aliases(b, "", err);
}

static int put_alias(struct builder *b, const struct alias *alias, struct err *err)
{
    struct dns_record record;
    const char *name;
    int rv;

    if (wanted(b)[0] == '\0') {
        return 0;
    }
    name = dns_alias_name(b->env->view->cluster, wanted(b), b->env->arena);
    if (name == NULL) {
        return builder_full(err);
    }
    rv = dns_record(&b->env->dns, name, alias->ip, alias->port, b->env->arena, &record, err);
    return rv < 0 ? rv : put_record(b, b->main, &record, err);
}

int names_put_alias(struct builder *b, const struct alias *alias, struct err *err)
{
    int rv = put_alias(b, alias, err);

    return rv < 0 ? rv : delete_aliases(b, wanted(b), err);
}

int names_put_all(struct builder *b, struct err *err)
{
    const struct view *view = b->env->view;
    struct dns_step step = { .former = NULL };
    struct dns_change change;
    int rv = 0;

    if (view->config != NULL) {
        step.next = &view->config->head;
        rv = dns_change(&b->env->dns, &step, b->env->arena, &change, err);
        if (0 <= rv) {
            rv = change_names(b, &change, err);
        }
    }
    return rv < 0 || view->alias == NULL ? rv : put_alias(b, view->alias, err);
}

/* ---- Nodes ---- */

static bool in_use(const struct view *view, const struct intent *gone)
{
    size_t i;

    if (view->spec == NULL || view->spec->deleting) {
        return false;
    }
    if (view->config != NULL && config_member(view->config, gone->slot) != NULL) {
        return true;
    }
    for (i = 0; i < view->intents_count; i++) {
        if (view->intents[i].slot == gone->slot && strcmp(view->intents[i].host, gone->host) != 0) {
            return true;
        }
    }
    return false;
}

/* Add what the slot is called in each domain; `change` has room. */
static int drop_slot(struct builder *b, uint32_t slot, struct dns_change *change, struct err *err)
{
    struct domains domains = domains_of(b);
    struct arena *arena = b->env->arena;
    size_t i;

    for (i = 0; i < domains.count; i++) {
        const char *name = dns_node_name(slot, b->env->view->cluster, domains.list[i], arena);
        const char *key = name == NULL ? NULL : dns_key(&b->env->dns, name, arena);

        if (key == NULL) {
            return builder_full(err);
        }
        change->deletes[change->deletes_count++] = key;
    }
    return 0;
}

static int make_room(const struct builder *b, size_t slots, struct dns_change *change,
                     struct err *err)
{
    *change = (struct dns_change){ .puts_count = 0 };
    change->deletes =
        arena_calloc(b->env->arena, slots * DOMAINS_MAX + 1, sizeof(*change->deletes));
    return change->deletes == NULL ? builder_full(err) : 0;
}

int names_delete_node(struct builder *b, const struct intent *gone, struct err *err)
{
    struct dns_change change;
    int rv;

    if (in_use(b->env->view, gone)) {
        return 0;
    }
    rv = make_room(b, 1, &change, err);
    if (0 <= rv) {
        rv = drop_slot(b, gone->slot, &change, err);
    }
    return rv < 0 ? rv : change_names(b, &change, err);
}

int names_delete_nodes(struct builder *b, struct err *err)
{
    const struct view *view = b->env->view;
    const struct config *config = view->config;
    size_t members = config == NULL ? 0 : config->head.members_count;
    struct dns_change change;
    size_t i;
    int rv = make_room(b, members + view->intents_count, &change, err);

    for (i = 0; 0 <= rv && i < members; i++) {
        rv = drop_slot(b, config->head.members[i].slot, &change, err);
    }
    for (i = 0; 0 <= rv && i < view->intents_count; i++) {
        if (members == 0 || config_member(config, view->intents[i].slot) == NULL) {
            rv = drop_slot(b, view->intents[i].slot, &change, err);
        }
    }
    return rv < 0 ? rv : change_names(b, &change, err);
}
