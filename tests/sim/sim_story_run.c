#include "sim/sim_story_run.h"

#include <stdio.h>
#include <unistd.h>

#include "sim/sim_end.h"
#include "sim/sim_scene.h"

#define WHY_BYTES_MAX 2048U

static int play_once(const struct sim_story *story, const struct sim_story_flags *flags,
                     const struct sim_options *options, struct err *err)
{
    CLEANUP(str_deinit) struct str why;
    CLEANUP(str_deinit) struct str end;
    struct sim_blow blow;

    str_init(&why, WHY_BYTES_MAX);
    str_init(&end, SIM_END_BYTES_MAX);
    if (flags->harm != NULL && !sim_blow_parse(flags->harm, &blow)) {
        return err_set(err, ERR_USAGE, "--harm: must be PROCESS:HARM:N, got '%s'", flags->harm);
    }
    sim_scene_play(story, options, flags->harm == NULL ? NULL : &blow, &why, &end);
    if (flags->end) {
        (void)printf("%s", str_text(&end));
    }
    if (why.size != 0) {
        (void)printf("%s: %s\n", story->name, str_text(&why));
        return 1;
    }
    (void)printf("%s: %s\n", story->name, story->title);
    return 0;
}

static int play_all(const struct sim_story *story, const struct sim_story_flags *flags,
                    const struct sim_options *options, struct err *err)
{
    struct sim_scene_options all = { .run = *options, .jobs = flags->jobs };
    struct sim_scene_tally tally = { .runs = 0 };
    int rv;

    if (!sim_harms_parse(flags->harms, &all.harms)) {
        return err_set(err, ERR_USAGE, "--harms: must be effects or batches, got '%s'",
                       flags->harms);
    }
    rv = sim_scene_run(story, &all, &tally, err);
    if (rv < 0) {
        return rv;
    }
    (void)printf("%s: %u of %u runs came to another end\n", story->name, tally.failures,
                 tally.runs);
    return tally.failures != 0 ? 1 : 0;
}

int sim_story_run(const struct sim_story_flags *flags, const struct sim_options *options,
                  struct err *err)
{
    CLEANUP(sim_story_free_p) struct sim_story *story = NULL;
    struct sim_options quiet = *options;
    int rv = sim_story_read(flags->path, &story, err);

    if (rv < 0) {
        return rv;
    }
    quiet.faults = 0;
    if (flags->harms != NULL) {
        return play_all(story, flags, &quiet, err);
    }
    return play_once(story, flags, &quiet, err);
}
