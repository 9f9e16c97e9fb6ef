/*
 * sim_check_state - what is inside the checks; for sim_check*.c only.
 */
#ifndef SIM_SIM_CHECK_STATE_H
#define SIM_SIM_CHECK_STATE_H

#include "base/arena.h"
#include "base/str.h"
#include "model/config.h"
#include "model/node.h"
#include "model/spec.h"
#include "sim/sim_check.h"
#include "store/keys.h"

#define SIM_VERSIONS_MAX 100000

struct cluster_check {
    char name[CLUSTER_NAME_MAX + 1];
    uint64_t *versions; /* a hash of the content of each; 0: none yet */
    size_t versions_capacity;
    bool restored;        /* etcd went back: some of them it does not know */
    uint32_t forked_from; /* from there on versions were given away twice, as nobody could know */
};

/* Who wrote a leader key: the hash of its value. */
struct leader_check {
    uint64_t value;
    const struct sim_party *party;
    uint32_t incarnation;
};

struct sim_check {
    struct sim_world *world;
    struct arena arena; /* of one look */
    struct sim_entries before;
    struct cluster_check clusters[SIM_CLUSTERS_MAX];
    size_t clusters_count;
    struct leader_check *leaders;
    size_t leaders_count;
    size_t leaders_capacity;
    struct use_check *uses; /* sim_check_orders.c */
    size_t uses_count;
    size_t uses_capacity;
    uint64_t cordons_ms; /* when the last one was taken away; 0: never */
    struct str unrest;
};

struct cluster_check *sim_check_cluster(struct sim_check *check, const char *name);
/* The hash of a version's content; 0: nobody was told of it. */
uint64_t *sim_check_known(struct cluster_check *cluster, uint32_t version);
/* A key as it was before the commit that is looked at. */
const struct sim_entry *sim_check_before(const struct sim_check *check, const char *key);

/* ---- sim_check_commit.c: what a commit may do ---- */

/* P7: who wrote is who leads. */
void sim_check_fence(struct sim_check *check, const struct sim_commit *commit);
void sim_check_entry(struct sim_check *check, const struct sim_entry *entry);
bool sim_check_is_controller(const struct sim_check *check, const struct sim_party *party);

/* ---- sim_check_orders.c: what may be asked of hosts ---- */

void sim_check_orders(struct sim_check *check, const struct sim_commit *commit);
/* etcd went back: what was known is not known any more. */
void sim_check_orders_restored(struct sim_check *check);

/* ---- sim_check_read.c: what etcd holds ---- */

/* Each decodes into the arena; false: there is none. */
bool sim_read_spec(struct sim_check *check, const char *cluster, struct spec_record *out);
bool sim_read_config(struct sim_check *check, const char *cluster, struct config *out);
bool sim_read_report(struct sim_check *check, const char *cluster, uint32_t slot, const char *host,
                     struct node_report *out);
bool sim_read_intent(struct sim_check *check, const char *cluster, uint32_t slot, const char *host,
                     struct intent *out);

bool sim_read_alias(struct sim_check *check, const char *cluster, struct alias *out);
bool sim_read_cordon(struct sim_check *check, const char *host, struct cordon *out);

/* Call for each readable report of the cluster, and for each intent of all of them. */
typedef void sim_report_fn(void *ctx, const struct node_report *report);
void sim_each_report(struct sim_check *check, const char *cluster, sim_report_fn *fn, void *ctx);
typedef void sim_intent_fn(void *ctx, const struct intent *intent);
void sim_each_intent(struct sim_check *check, sim_intent_fn *fn, void *ctx);

/* Whether it joined a cluster of which nobody is to run any more: no list can leave it out. */
bool sim_is_last(struct sim_check *check, const struct spec *spec, const struct intent *intent);

/* Whether `config` (NULL: no) lists that address for the slot; slot 0: for any. */
bool sim_lists(const struct config *config, uint32_t slot, const char *ip, uint16_t port);

#endif
