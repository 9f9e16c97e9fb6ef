/*
 * sim_scene - a story with each harm at each place: its end must be that of the undisturbed run.
 *
 * The story is played once without harm; from its `mark` on, each effect of each process and each
 * batch that a watch is told is a place. Then it is played again for each place and each harm that
 * can strike there, from the mark on, in a process of its own. The promises must hold, what the
 * story expects must come true, and the text of sim_end.h must be the same: with it the counts of
 * memcacheds that were started and ended.
 */
#ifndef SIM_SIM_SCENE_H
#define SIM_SIM_SCENE_H

#include <stdbool.h>

#include "sim/sim_doom.h"
#include "sim/sim_story.h"

/* One harm: "ctl1:before:12", "h02:old:3:10". */
struct sim_blow {
    char party[SIM_PARTY_NAME_MAX + 1];
    enum sim_harm harm;
    uint32_t at;
    uint64_t age;
};

MUST_USE bool sim_blow_parse(const char *text, struct sim_blow *out);

struct sim_scene_options {
    struct sim_options run;
    unsigned jobs;
    uint32_t harms; /* bits of enum sim_harm */
};

struct sim_scene_tally {
    unsigned runs;
    unsigned failures; /* each is told in a line on standard output */
};

/* The harms of one ending of --harms: "effects", "batches". */
MUST_USE bool sim_harms_parse(const char *text, uint32_t *out);

/* ERR_FAILED: it fails undisturbed. */
MUST_USE int sim_scene_run(const struct sim_story *story, const struct sim_scene_options *options,
                           struct sim_scene_tally *out, struct err *err);

/* Play it once, with `blow` unless that is NULL; tells whether it is as it should be in `why` (""):
 * a broken promise. With `end`, the text of its end is appended. */
void sim_scene_play(const struct sim_story *story, const struct sim_options *options,
                    const struct sim_blow *blow, struct str *why, struct str *end);

#endif
