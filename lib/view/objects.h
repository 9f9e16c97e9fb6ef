/*
 * objects - what the keys below the prefix say, each decoded once per change.
 *
 * An object belongs to its mirror item (`item->user`). A value that can't be read is kept with its
 * problem and hurts nothing else: it is listed as a bad key of its cluster, or as a stray when it
 * lies below none. Values that nobody decides by (history, events) are checked and dropped.
 *
 * Also keeps the reservations: the intents of transactions under way, which the mirror doesn't
 * show yet, so that passes for two clusters don't take the same place on a host.
 *
 * Texts in an object live until the next change of its key.
 */
#ifndef VIEW_OBJECTS_H
#define VIEW_OBJECTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "codec/envelope.h"
#include "model/config.h"
#include "model/join.h"
#include "model/node.h"
#include "model/spec.h"
#include "model/status.h"
#include "store/keys.h"
#include "store/mirror.h"
#include "view/places.h"

#define OBJECT_BYTES_MAX (8U << 20) /* decoded */
#define OBJECT_CLUSTERS_MAX 100000
#define OBJECT_RESERVATIONS_MAX 100000

struct object {
    struct object *next; /* in the list of its cluster and kind, of the hosts, or of the strays */
    struct object **link;
    struct key key;
    const char *text;  /* of the key; the mirror's */
    const char *bytes; /* of the value; the mirror's */
    size_t bytes_count;
    uint64_t mod_revision;
    char *problem;             /* why it can't be read; NULL: `of` holds */
    bool announced;            /* the controller's: an event tells of the problem */
    struct host_places *place; /* an intent's or a report's, while it claims one; NULL: none */
    struct arena arena;
    union {
        struct spec_record spec;
        struct node_report report;
        struct join_report join;
        struct config config;
        struct alias alias;
        struct status status;
        struct lineage lineage;
        struct intent intent;
        struct host host;
        struct cordon cordon;
    } of;
};

/*
 * The objects of one cluster; of a kind with one key the list has at most one. Intents and reports
 * stand in the order of their slots, those of one slot in that of their hosts.
 */
struct cluster_objects {
    char name[CLUSTER_NAME_MAX + 1];
    uint64_t number; /* no other cluster, former ones included, has the same */
    struct object *lists[KEY_UNKNOWN + 1];
    struct object *near; /* what was listed last: the next one is likely to follow it */
    size_t count;
};

/* A place on a host that a transaction under way takes. */
struct reservation {
    char cluster[CLUSTER_NAME_MAX + 1];
    struct claim claim;
    struct host_places *place;
};

struct objects {
    char prefix[KEYS_PREFIX_MAX + 1];
    struct trusted_keys own_key;       /* configurations under its id must verify */
    struct cluster_objects **clusters; /* ascending by name */
    size_t clusters_count;
    size_t clusters_capacity;
    uint64_t numbers; /* given to clusters so far */
    struct places places;
    struct object *hosts;
    struct object *cordons;
    struct object *strays; /* bad keys below no cluster, those of hosts too */
    struct reservation *reservations;
    size_t reservations_count;
    size_t reservations_capacity;
};

/* `key` may be NULL: then no signature is checked. */
void objects_init(struct objects *objects, const char *prefix, const struct signing_key *key);
/* The mirror's items must not be used as objects afterwards. */
void objects_deinit(struct objects *objects);

/*
 * A key was put: decode it into `item->user`. Returns 0 with the parsed key in `*key`, also when
 * the value can't be read; ERR_NOMEM or ERR_LIMIT: the key then counts as bad or as absent.
 */
MUST_USE int objects_put(struct objects *objects, struct mirror_item *item, struct key *key,
                         struct err *err);

/* A key is gone. */
void objects_gone(struct objects *objects, struct mirror_item *item, struct key *key);

/* NULL: there is no key of that cluster. */
const struct cluster_objects *objects_cluster(const struct objects *objects, const char *name);

/* The readable object of a kind with one key per cluster, or NULL. */
const struct object *object_single(const struct cluster_objects *cluster, enum key_kind kind);

/* The `mod_revision` of a key below a cluster, readable or not, or of a readable host; 0: it does
 * not exist. */
uint64_t object_revision(const struct objects *objects, const struct key *key);

/* Reserve the place of `intent`; release all that the cluster has reserved. */
MUST_USE int objects_reserve(struct objects *objects, const struct intent *intent, struct err *err);
void objects_release(struct objects *objects, const char *cluster);

#endif
