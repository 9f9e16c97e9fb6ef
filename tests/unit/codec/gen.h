/*
 * gen - random valid values of the model from a seed, for property tests.
 *
 * Texts and lists come from the arena; the same seed gives the same values.
 */
#ifndef TESTS_CODEC_GEN_H
#define TESTS_CODEC_GEN_H

#include <stdint.h>

#include "base/arena.h"
#include "model/config.h"
#include "model/join.h"
#include "model/node.h"
#include "model/source.h"
#include "model/spec.h"
#include "model/status.h"

struct gen {
    uint64_t state;
    struct arena *arena;
};

/* Uniform in min..max. */
uint64_t gen_number(struct gen *gen, uint64_t min, uint64_t max);

/* `size` characters of `alphabet`. */
const char *gen_text(struct gen *gen, const char *alphabet, size_t size);

void gen_spec(struct gen *gen, struct spec *out);
void gen_spec_record(struct gen *gen, struct spec_record *out);
void gen_intent(struct gen *gen, struct intent *out);
void gen_node_report(struct gen *gen, struct node_report *out);
void gen_host(struct gen *gen, struct host *out);
void gen_cordon(struct gen *gen, struct cordon *out);
void gen_source(struct gen *gen, struct source *out);
void gen_join(struct gen *gen, struct join *out);
void gen_join_report(struct gen *gen, struct join_report *out);
void gen_draft(struct gen *gen, struct config_draft *out);
void gen_config(struct gen *gen, struct config *out); /* of valid form, not sealed */
void gen_lineage(struct gen *gen, struct lineage *out);
void gen_alias(struct gen *gen, struct alias *out);
void gen_status(struct gen *gen, struct status *out);
void gen_event(struct gen *gen, struct event *out);

#endif
