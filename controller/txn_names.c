#include "controller/txn_names.h"

#include <string.h>

#define INLINE_MAX 64 /* more records than that get transactions of their own */

static bool wanted(const struct builder *b)
{
    const struct spec_record *spec = b->env->view->spec;

    return spec != NULL && spec->spec.domain[0] != '\0' && b->env->dns.prefix[0] != '\0';
}

static int put_record(const struct builder *b, struct batch *batch, const struct dns_record *record,
                      struct err *err)
{
    return builder_put_text(b, batch, record->key, record->value, strlen(record->value), 0, err);
}

int names_change(struct builder *b, const struct dns_change *change, struct err *err)
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

int names_delete_alias(struct builder *b, struct err *err)
{
    const char *name;

    if (!wanted(b)) {
        return 0;
    }
    name = dns_alias_name(b->env->view->cluster, b->env->view->spec->spec.domain, b->env->arena);
    if (name == NULL) {
        return builder_full(err);
    }
    return builder_delete(b->main, dns_key(&b->env->dns, name, b->env->arena), err);
}

static bool in_use(const struct view *view, const struct intent *gone)
{
    size_t i;

    if (view->spec->deleting) {
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

int names_put_alias(struct builder *b, const struct alias *alias, struct err *err)
{
    struct dns_record record;
    const char *name;
    int rv;

    if (!wanted(b)) {
        return 0;
    }
    name = dns_alias_name(b->env->view->cluster, b->env->view->spec->spec.domain, b->env->arena);
    if (name == NULL) {
        return builder_full(err);
    }
    rv = dns_record(&b->env->dns, name, alias->ip, alias->port, b->env->arena, &record, err);
    return rv < 0 ? rv : put_record(b, b->main, &record, err);
}

int names_put_all(struct builder *b, struct err *err)
{
    const struct view *view = b->env->view;
    struct dns_change change;
    int rv = 0;

    if (view->config != NULL) {
        rv = dns_change(&b->env->dns, NULL, &view->config->head, b->env->arena, &change, err);
        if (0 <= rv) {
            rv = names_change(b, &change, err);
        }
    }
    return rv < 0 || view->alias == NULL ? rv : names_put_alias(b, view->alias, err);
}

int names_delete_node(struct builder *b, const struct intent *gone, struct err *err)
{
    const char *name;

    if (!wanted(b) || in_use(b->env->view, gone)) {
        return 0;
    }
    name = dns_node_name(gone->slot, gone->cluster, b->env->view->spec->spec.domain, b->env->arena);
    if (name == NULL) {
        return builder_full(err);
    }
    return builder_delete(b->main, dns_key(&b->env->dns, name, b->env->arena), err);
}

int names_delete_members(struct builder *b, struct err *err)
{
    const struct config *config = b->env->view->config;
    struct dns_change change = { .puts_count = 0 };
    size_t n = config == NULL ? 0 : config->head.members_count;
    size_t i;

    change.deletes = arena_calloc(b->env->arena, n + 1, sizeof(*change.deletes));
    if (change.deletes == NULL) {
        return builder_full(err);
    }
    for (i = 0; b->env->dns.prefix[0] != '\0' && i < n; i++) {
        const struct member *member = &config->head.members[i];

        if (strcmp(member->hostname, member->ip) != 0) {
            change.deletes[change.deletes_count++] =
                dns_key(&b->env->dns, member->hostname, b->env->arena);
        }
    }
    return names_change(b, &change, err);
}
