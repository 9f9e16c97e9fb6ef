/*
 * stats_settings - what a memcached was started with, from its answer to `stats settings`. Pure.
 *
 * The numbers are those of the model: what memcached allows and a spec does not (odd sizes, more
 * threads) becomes the nearest that fits. They describe, and nothing is started with them. Further
 * arguments don't show in the answer and are not told.
 */
#ifndef WATCHER_STATS_SETTINGS_H
#define WATCHER_STATS_SETTINGS_H

#include <stdbool.h>

#include "model/spec.h"

/* false: the text is no such answer; `out` is untouched. What is set passes node_settings_check().
 */
bool stats_settings(const char *text, struct node_settings *out);

#endif
