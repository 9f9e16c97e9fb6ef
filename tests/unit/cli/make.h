/*
 * make - facts for the tests, put together from values as etcd would hold them.
 *
 * Every value goes through its real JSON form.
 */
#ifndef TESTS_UNIT_CLI_MAKE_H
#define TESTS_UNIT_CLI_MAKE_H

#include "client/facts.h"
#include "support/etcd_server.h"

#define MAKE_PREFIX "/muster/v1"
#define MAKE_UID "0123456789abcdef"
#define MAKE_NOW_MS UINT64_C(1800000000000)
#define MAKE_HOST_BYTES UINT64_C(20221211440) /* as real hosts have: no round number */

#define MAKE_HOST "local"
#define MAKE_OTHER_HOST "h2"

struct made {
    struct arena arena;
    struct facts facts;
    struct etcd_server *etcd; /* where keys are put, too; NULL: nowhere */
    const char *host;         /* of the intents and reports that follow; first MAKE_HOST */
};

void made_init(struct made *made);
void made_deinit(struct made *made);

/* A complete spec of `nodes` nodes. */
struct spec make_spec(const char *name, uint32_t nodes);

/* Keys of a cluster, as its writers would put them. */
void make_spec_key(struct made *made, const char *name, uint32_t nodes, uint64_t generation,
                   bool deleting);
void make_intent(struct made *made, const char *name, uint32_t slot, enum intent_phase phase);
void make_report(struct made *made, const char *name, uint32_t slot, enum node_state state,
                 uint32_t seen, uint32_t served);
/* A configuration of `nodes` members, all on MAKE_HOST; its digest is that which make_report()
 * acknowledges. */
void make_config(struct made *made, const char *name, uint32_t version, uint32_t nodes);
void make_alias(struct made *made, const char *name, uint32_t slot, uint32_t version);
void make_status(struct made *made, const char *name, uint64_t generation, enum condition_type type,
                 bool status, const char *message);
/* A converged status that tells of slot 1 as given. */
void make_status_of_slot(struct made *made, const char *name, uint64_t generation,
                         const char *state, uint32_t version);
/* Any status; conditions without a reason are left out. */
void make_status_value(struct made *made, const char *name, const struct status *status);
void make_record(struct made *made, const struct spec_record *record);
/* A generation that is kept, of `nodes` nodes, made `age_ms` ago. */
void make_generation(struct made *made, const char *name, uint64_t generation, uint32_t nodes,
                     uint64_t age_ms);
void make_cordon(struct made *made, const char *host, bool drain, const char *reason);
void make_leader(struct made *made);
void make_event(struct made *made, const char *name, uint64_t at_ms, const char *reason);
void make_host(struct made *made, const char *name, const char *problem);

/* Any key with any bytes. */
void make_raw(struct made *made, const char *key, const char *value);

#endif
