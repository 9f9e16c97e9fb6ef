/*
 * guest - a memcached that the test starts, as any operator would, and the sidecar beside it.
 *
 * The guest has address GUEST_NODE of the scene. The test is the controller: it admits by an
 * intent.
 */
#ifndef TEST_WATCHER_GUEST_H
#define TEST_WATCHER_GUEST_H

#include <stdbool.h>

#include "codec/join_token.h"
#include "model/join.h"
#include "world.h"

#define GUEST_HOST "s1"
#define GUEST_NODE 2U
#define GUEST_SLOT 2U
#define GUEST_TOKEN "0123456789abcdef0123456789abcdef0123"

/* The directory for --join-tokens, with the token of WORLD_CLUSTER in it. */
struct scene_path guest_tokens(void);

/* world_begin_serving(): a node with the module serves `version`, and takes requests to join. */
void guest_world(struct world *w, uint32_t version);

struct process *guest_start_memcached(bool module);

/* A memcached without the module at the address of `node`: nobody's. */
struct process *guest_start_plain(unsigned node);

/* The sidecar, asking slot 1 of the world with the token; `more` is NULL-terminated, or NULL. */
struct process *guest_start_sidecar(struct world *w, const char *const *more);

/* Wait for a request to join that this host saw; that report. `uid` (JOIN_UID_SIZE) gets whose. */
struct join_report guest_await_join(struct world *w, const char *seen_by, char *uid);
bool guest_has_join(struct world *w, const char *seen_by);

/* What an admission is. */
struct intent guest_intent(uint32_t slot, enum intent_phase phase, const char *uid);
void guest_put_intent(struct world *w, const struct intent *intent);
void guest_delete_intent(struct world *w, uint32_t slot);

struct node_report guest_await(struct world *w, uint32_t slot, world_report_fn *fn,
                               const void *ctx);
bool guest_report(struct world *w, uint32_t slot, struct node_report *out);

#endif
