/*
 * preview_words - the steps of a forecast in words.
 */
#ifndef CLI_PREVIEW_WORDS_H
#define CLI_PREVIEW_WORDS_H

#include <stdint.h>

#include "base/str.h"
#include "reconciler/forecast.h"

/* "restart 0001 on h1 at 10.0.0.1:11211, memory 64Mi to 128Mi"; `drain_ms` is the spec's. */
void preview_words_step(struct str *out, const struct forecast_step *step, uint64_t drain_ms);

/* "memory 64Mi to 128Mi, threads 4 to 8": what a node is started with otherwise than before. */
void preview_words_settings(struct str *out, const struct node_settings *a,
                            const struct node_settings *b);

#endif
