/*
 * keys_fixture - keys as the mirror would show them, without etcd: for the pure parts.
 */
#ifndef TESTS_SUPPORT_KEYS_FIXTURE_H
#define TESTS_SUPPORT_KEYS_FIXTURE_H

#include "view/objects.h"

#define FIXTURE_PREFIX "/muster/v1"
#define FIXTURE_ITEMS_MAX 512

struct fixture {
    struct objects objects;
    struct mirror_item *items[FIXTURE_ITEMS_MAX];
    size_t count;
    uint64_t revision; /* of the last put */
};

void fixture_start(struct fixture *f, const struct signing_key *key);
void fixture_end(struct fixture *f);

/* Put and delete keys; paths are relative to the prefix. */
void fixture_put_text(struct fixture *f, const char *path, const char *value);
void fixture_gone(struct fixture *f, const char *path);

void fixture_put_spec(struct fixture *f, const struct spec_record *spec);
void fixture_put_intent(struct fixture *f, const struct intent *intent);
void fixture_put_report(struct fixture *f, const struct node_report *report);
void fixture_put_join(struct fixture *f, const struct join_report *seen);
void fixture_put_host(struct fixture *f, const struct host *host);
void fixture_put_alias(struct fixture *f, const char *cluster, const struct alias *alias);
void fixture_put_event(struct fixture *f, const struct event *event, const char *path);
void fixture_put_lineage(struct fixture *f, const char *cluster, uint64_t epoch, uint32_t version);

/* A record that nobody signed, for fixtures without a key. */
void fixture_put_config(struct fixture *f, const char *cluster, const struct member *members,
                        size_t count, uint32_t version);

/* Complete values, to be changed where a test cares. */
struct spec_record fixture_spec(const char *cluster);
struct intent fixture_intent(const char *cluster, uint32_t slot, const char *host, const char *ip);
struct node_report fixture_report(const char *cluster, uint32_t slot, const char *host,
                                  const char *ip);
/* A request of the joiner with the uid "0123456789abcde" and `digit`, as the watcher of `seen_by`
 * saw it. */
struct join_report fixture_join(const char *cluster, char digit, const char *seen_by);
struct host fixture_host(const char *name, const char *ip_first, uint32_t ip_count);

#endif
