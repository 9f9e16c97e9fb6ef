#include "controller/dns.h"

#include <stdio.h>
#include <string.h>

#include "model/name.h"

static int full(struct err *err)
{
    return err_set(err, ERR_NOMEM, "DNS records");
}

int dns_prefix_check(const char *prefix, struct err *err)
{
    size_t size = strlen(prefix);

    if (size == 0) {
        return 0;
    }
    if (prefix[0] != '/' || prefix[size - 1] == '/' || DNS_PREFIX_MAX < size) {
        return err_set(err, ERR_INVALID,
                       "a prefix of DNS records begins with '/', does not end with one, and has at "
                       "most %d bytes, got '%s'",
                       DNS_PREFIX_MAX, prefix);
    }
    return 0;
}

const char *dns_key(const struct dns_options *options, const char *name, struct arena *arena)
{
    size_t prefix_size = strlen(options->prefix);
    size_t end = strlen(name);
    char *key = arena_alloc(arena, prefix_size + 1 + end + 1);
    char *at = key;

    if (key == NULL) {
        return NULL;
    }
    memcpy(at, options->prefix, prefix_size);
    at += prefix_size;
    while (0 < end) {
        size_t begin = end;

        while (0 < begin && name[begin - 1] != '.') {
            begin--;
        }
        *at++ = '/';
        memcpy(at, name + begin, end - begin);
        at += end - begin;
        end = begin == 0 ? 0 : begin - 1;
    }
    *at = '\0';
    return key;
}

int dns_record(const struct dns_options *options, const char *name, const char *ip, uint16_t port,
               struct arena *arena, struct dns_record *out, struct err *err)
{
    struct dns_record record;

    record.key = dns_key(options, name, arena);
    record.value =
        arena_printf(arena, "{\"host\":\"%s\",\"port\":%u,\"ttl\":%u}", ip, port, options->ttl_s);
    if (record.key == NULL || record.value == NULL) {
        return full(err);
    }
    *out = record;
    return 0;
}

const char *dns_alias_name(const char *cluster, const char *domain, struct arena *arena)
{
    return arena_printf(arena, "%s.cfg.%s", cluster, domain);
}

const char *dns_node_name(uint32_t slot, const char *cluster, const char *domain,
                          struct arena *arena)
{
    char text[SLOT_TEXT_SIZE];

    slot_format(slot, text);
    return arena_printf(arena, "%s.%s.%s", text, cluster, domain);
}

/* Whether clients find the member by a name. */
static bool has_name(const struct member *member)
{
    return strcmp(member->hostname, member->ip) != 0;
}

static const struct member *find(const struct config_draft *draft, uint32_t slot)
{
    size_t i;

    for (i = 0; draft != NULL && i < draft->members_count; i++) {
        if (draft->members[i].slot == slot) {
            return &draft->members[i];
        }
    }
    return NULL;
}

/* Whether `former` had this very record. */
static bool same_record(const struct member *former, const struct member *member)
{
    return former != NULL && strcmp(former->hostname, member->hostname) == 0 &&
           strcmp(former->ip, member->ip) == 0 && former->port == member->port;
}

const char *dns_domain_of(const char *hostname, uint32_t slot, const char *cluster)
{
    char head[SLOT_TEXT_SIZE + CLUSTER_NAME_MAX + 2];
    char text[SLOT_TEXT_SIZE];
    size_t size;

    slot_format(slot, text);
    (void)snprintf(head, sizeof(head), "%s.%s.", text, cluster);
    size = strlen(head);
    return strncmp(hostname, head, size) == 0 ? hostname + size : "";
}

/* All members have the same. */
static const char *domain_of(const struct config_draft *draft)
{
    return draft == NULL || draft->members_count == 0
               ? ""
               : dns_domain_of(draft->members[0].hostname, draft->members[0].slot, draft->cluster);
}

struct leaving {
    const struct dns_options *options;
    const char *cluster;
    const char *domain;
    struct arena *arena;
    struct dns_change *change;
};

/* The name that the slot had in the domain. */
static int drop_name(const struct leaving *leaving, uint32_t slot, struct err *err)
{
    const char *name = dns_node_name(slot, leaving->cluster, leaving->domain, leaving->arena);
    const char *key = name == NULL ? NULL : dns_key(leaving->options, name, leaving->arena);

    if (key == NULL) {
        return full(err);
    }
    leaving->change->deletes[leaving->change->deletes_count++] = key;
    return 0;
}

static int leave_domain(const struct leaving *leaving, const struct dns_step *step, struct err *err)
{
    int rv = 0;
    size_t i;

    for (i = 0; 0 <= rv && i < step->former->members_count; i++) {
        rv = drop_name(leaving, step->former->members[i].slot, err);
    }
    for (i = 0; 0 <= rv && i < step->placed_count; i++) {
        if (find(step->former, step->placed[i]) == NULL) {
            rv = drop_name(leaving, step->placed[i], err);
        }
    }
    return rv;
}

static int write_names(const struct dns_options *options, const struct dns_step *step,
                       struct arena *arena, struct dns_change *change, struct err *err)
{
    int rv = 0;
    size_t i;

    for (i = 0; 0 <= rv && i < step->next->members_count; i++) {
        const struct member *member = &step->next->members[i];

        if (has_name(member) && !same_record(find(step->former, member->slot), member)) {
            rv = dns_record(options, member->hostname, member->ip, member->port, arena,
                            &change->puts[change->puts_count], err);
            change->puts_count += rv < 0 ? 0 : 1;
        }
    }
    return rv;
}

int dns_change(const struct dns_options *options, const struct dns_step *step, struct arena *arena,
               struct dns_change *out, struct err *err)
{
    struct dns_change change = { .puts_count = 0 };
    struct leaving leaving = { .options = options,
                               .cluster = step->next->cluster,
                               .domain = domain_of(step->former),
                               .arena = arena,
                               .change = &change };
    size_t deletes = step->former == NULL ? 0 : step->former->members_count + step->placed_count;
    int rv = 0;

    change.puts = arena_calloc(arena, step->next->members_count + 1, sizeof(*change.puts));
    change.deletes = arena_calloc(arena, deletes + 1, sizeof(*change.deletes));
    if (change.puts == NULL || change.deletes == NULL) {
        return full(err);
    }
    if (options->prefix[0] != '\0') {
        rv = write_names(options, step, arena, &change, err);
    }
    if (0 <= rv && options->prefix[0] != '\0' && leaving.domain[0] != '\0' &&
        strcmp(leaving.domain, domain_of(step->next)) != 0) {
        rv = leave_domain(&leaving, step, err);
    }
    if (0 <= rv) {
        *out = change;
    }
    return rv;
}
