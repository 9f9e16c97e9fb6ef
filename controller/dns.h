/*
 * dns - the DNS records of a cluster, in the form that CoreDNS's etcd plugin (SkyDNS) serves.
 *
 * A name's key is the prefix and the labels in reverse order: `sessions.cfg.cache.local` is
 * `/skydns/local/cache/cfg/sessions`. Pure: names and records in, keys and values out.
 *
 *     <cluster>.cfg.<domain>     the endpoint: address and port of the alias
 *     <slot>.<cluster>.<domain>  a node; written before a configuration that names it is committed
 */
#ifndef CONTROLLER_DNS_H
#define CONTROLLER_DNS_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/config.h"

#define DNS_PREFIX_DEFAULT "/skydns"
#define DNS_PREFIX_MAX 128
#define DNS_TTL_S_DEFAULT 5
#define DNS_TTL_S_MAX 86400

struct dns_options {
    const char *prefix; /* "": no records are written */
    uint32_t ttl_s;
};

struct dns_record {
    const char *key;
    const char *value;
};

/* ERR_INVALID unless `prefix` is "" or absolute without a trailing slash. */
MUST_USE int dns_prefix_check(const char *prefix, struct err *err);

/* The key of a domain name; NULL for want of memory. */
const char *dns_key(const struct dns_options *options, const char *name, struct arena *arena);

/* The record of an address; ERR_NOMEM. */
MUST_USE int dns_record(const struct dns_options *options, const char *name, const char *ip,
                        uint16_t port, struct arena *arena, struct dns_record *out,
                        struct err *err);

/* The names; NULL for want of memory. */
const char *dns_alias_name(const char *cluster, const char *domain, struct arena *arena);
const char *dns_node_name(uint32_t slot, const char *cluster, const char *domain,
                          struct arena *arena);

/* The domain in the hostname of a node; "" when it has none. */
const char *dns_domain_of(const char *hostname, uint32_t slot, const char *cluster);

/*
 * What a commit changes: the records that members of `next` need and `former` had not. Names of
 * slots that only left stay, because clients with the former configuration use them until the node
 * is stopped; under another domain than that of `former`, nothing of it stays: the names of its
 * members go, and those of all slots that are placed.
 */
struct dns_change {
    struct dns_record *puts;
    size_t puts_count;
    const char **deletes;
    size_t deletes_count;
};

/* From `former` (NULL: none) to `next`; intents are placed in `placed`. */
struct dns_step {
    const struct config_draft *former;
    const struct config_draft *next;
    const uint32_t *placed;
    size_t placed_count;
};

MUST_USE int dns_change(const struct dns_options *options, const struct dns_step *step,
                        struct arena *arena, struct dns_change *out, struct err *err);

#endif
