/* What a story waits for, and what it expects. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "sim/sim_nodes.h"
#include "sim/sim_story.h"

#define WITHIN_MS 120000
#define WHY_BYTES_MAX 1024U

/* Until nothing is written for a while, and nothing is left to do, if that is asked for. */
static void come_to_rest(struct sim_play *play, const struct sim_line *line, bool converged)
{
    const char *unrest = sim_world_rest(&play->world, converged);

    if (unrest[0] != '\0') {
        sim_line_fails(play, line, "no rest: %s", unrest);
    }
}

static void rest(struct sim_play *play, const struct sim_line *line)
{
    come_to_rest(play, line, true);
}

static void quiet(struct sim_play *play, const struct sim_line *line)
{
    come_to_rest(play, line, false);
}

/* Looks after each event: what is waited for may be over with the next one. */
static void until(struct sim_play *play, const struct sim_line *line)
{
    CLEANUP(str_deinit) struct str why;
    uint64_t end_ms = sim_now_ms(play->sim) + sim_line_duration(play, line, "within", WITHIN_MS);
    bool more = true;

    str_init(&why, WHY_BYTES_MAX);
    while (!sim_world_is_broken(&play->world)) {
        str_clear(&why);
        if (sim_fact_holds(play, line, &why)) {
            return;
        }
        if (!more) {
            sim_line_fails(play, line, "waited in vain: %s", str_text(&why));
        }
        more = sim_next(play->sim, end_ms);
    }
}

static void expect(struct sim_play *play, const struct sim_line *line)
{
    CLEANUP(str_deinit) struct str why;

    str_init(&why, WHY_BYTES_MAX);
    if (!sim_fact_holds(play, line, &why)) {
        sim_line_fails(play, line, "%s", str_text(&why));
    }
}

static void mark(struct sim_play *play, const struct sim_line *line)
{
    (void)line;
    play->marked = true;
    sim_nodes_count_anew(play->world.nodes);
}

static const struct sim_verb verbs[] = {
    { "rest", "rest", 0, 0, rest },
    { "quiet", "quiet", 0, 0, quiet },
    { "until", "until FACT [within=TIME]", 1, SIM_LINE_WORDS_MAX, until },
    { "expect", "expect FACT", 1, SIM_LINE_WORDS_MAX, expect },
    { "mark", "mark", 0, 0, mark },
};

const struct sim_verbs sim_story_timing = { verbs, ARRAY_COUNT(verbs) };
