/*
 * etcd_request - the JSON texts of requests to etcd's gateway.
 *
 * Pure: a request goes in, text is appended to `out`; str_failed() tells whether it fitted. The
 * gateway ignores unknown fields silently (a misspelt compare would make a write unconditional),
 * so that every field name stands here once and its effect is tested against a real etcd. Numbers
 * of 64 bits are written as texts, keys and values in base64.
 */
#ifndef ETCD_ETCD_REQUEST_H
#define ETCD_ETCD_REQUEST_H

#include <stdint.h>

#include "base/str.h"
#include "etcd/etcd.h"

#define ETCD_PATH_RANGE "/v3/kv/range"
#define ETCD_PATH_TXN "/v3/kv/txn"
#define ETCD_PATH_LEASE_GRANT "/v3/lease/grant"
#define ETCD_PATH_LEASE_KEEPALIVE "/v3/lease/keepalive"
#define ETCD_PATH_LEASE_REVOKE "/v3/lease/revoke"
#define ETCD_PATH_WATCH "/v3/watch"
#define ETCD_PATH_LOGIN "/v3/auth/authenticate"

void etcd_request_range(struct str *out, const struct etcd_range *range);

/* Several of them in one transaction, for ETCD_PATH_TXN. */
void etcd_request_ranges(struct str *out, const struct etcd_range *ranges, size_t count,
                         uint64_t revision);

/* The same from behind a key on, which may hold NULs. */
void etcd_request_range_after(struct str *out, const struct etcd_range *range, const char *last_key,
                              size_t last_key_bytes);

void etcd_request_txn(struct str *out, const struct etcd_txn *txn);
void etcd_request_lease_grant(struct str *out, uint64_t ttl_s);

/* The body of a keepalive and of a revocation. */
void etcd_request_lease(struct str *out, uint64_t lease);

void etcd_request_watch(struct str *out, const char *prefix, uint64_t revision);
void etcd_request_login(struct str *out, const char *user, const char *password);

/* The cheapest question that a member answers by itself, also without a leader. */
void etcd_request_probe(struct str *out);

#endif
