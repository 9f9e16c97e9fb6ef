#include "sim/sim_scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/str.h"
#include "sim/sim_end.h"
#include "sim/sim_nodes_state.h"
#include "sim/sim_try.h"

#define RUN_SECONDS_MAX 60 /* then it hangs */
#define SPOTS_MAX 8192
#define SPOT_TEXT_SIZE 160
#define WHY_BYTES_MAX 2048U
#define WHY_TEXT_SIZE 600
#define FAILURES_TOLD_MAX 40

/* How old a list is that a watch goes on from, in revisions. */
static const uint64_t ages[] = { 2, 12 };

/* ---- Places ---- */

struct place {
    char party[SIM_PARTY_NAME_MAX + 1];
    enum sim_spot spot;
    uint32_t at;
    char text[SPOT_TEXT_SIZE];
};

struct places {
    struct place *list;
    size_t count;
};

static void on_spot(void *ctx, const struct sim_party *party, enum sim_spot spot, const char *text)
{
    struct places *places = ctx;
    struct place *place = &places->list[places->count];
    bool is_batch = spot == SIM_SPOT_BATCH;
    size_t i;

    CHECK(places->count < SPOTS_MAX);
    *place = (struct place){ .spot = spot, .at = 1 };
    memcpy(place->party, party->name, sizeof(place->party));
    (void)snprintf(place->text, sizeof(place->text), "%s", text);
    for (i = 0; i < places->count; i++) {
        if ((places->list[i].spot == SIM_SPOT_BATCH) == is_batch &&
            strcmp(places->list[i].party, party->name) == 0) {
            place->at++;
        }
    }
    places->count++;
}

static bool may_strike(enum sim_harm harm, const struct place *place)
{
    enum sim_spot spot = sim_harm_spot(harm);

    return spot == place->spot || (spot == SIM_SPOT_EFFECT && place->spot == SIM_SPOT_MESSAGE);
}

/* ---- One run ---- */

static const struct sim_party *find_party(const struct sim_world *world, const char *name)
{
    size_t i;

    for (i = 0; i < world->controllers_count; i++) {
        if (strcmp(world->controllers[i].party.name, name) == 0) {
            return &world->controllers[i].party;
        }
    }
    for (i = 0; i < world->nodes->hosts_count; i++) {
        if (strcmp(world->nodes->hosts[i].party.name, name) == 0) {
            return &world->nodes->hosts[i].party;
        }
    }
    return NULL;
}

static void strike(struct sim_play *play, const struct sim_blow *blow)
{
    struct sim_doom doom = { .party = find_party(&play->world, blow->party),
                             .harm = blow->harm,
                             .at = blow->at,
                             .age = blow->age };

    if (doom.party == NULL) {
        sim_broken(play->sim, "story", "there is no process %s", blow->party);
        return;
    }
    sim_doom_set(play->sim, &doom);
}

/* From the mark to the end. */
static void finish(struct sim_play *play, const struct sim_blow *blow, struct str *why,
                   struct str *end)
{
    if (blow != NULL) {
        strike(play, blow);
    }
    if (sim_play_to_end(play) && blow != NULL && !sim_doom_struck(play->sim)) {
        sim_broken(play->sim, "story", "the harm never struck");
    }
    str_append_text(why, sim_broken_text(play->sim));
    if (why->size == 0 && end != NULL) {
        sim_end_describe(&play->world, end);
    }
}

void sim_scene_play(const struct sim_story *story, const struct sim_options *options,
                    const struct sim_blow *blow, struct str *why, struct str *end)
{
    struct sim_play play;

    sim_play_init(&play, story, options);
    (void)sim_play_to_mark(&play);
    finish(&play, blow, why, end);
    sim_play_deinit(&play);
}

/* ---- All of them ---- */

struct verdict {
    bool failed;
    char text[WHY_TEXT_SIZE];
};

struct job {
    pid_t pid; /* 0: free */
    struct sim_blow blow;
    const struct place *place;
};

struct scene {
    const struct sim_story *story;
    const struct sim_scene_options *options;
    struct places places;
    struct str end;           /* of the undisturbed run */
    struct sim_play play;     /* at the mark */
    struct verdict *verdicts; /* one for each job, shared with the children */
    struct job jobs[SIM_JOBS_MAX];
    struct sim_scene_tally tally;
};

/* The child: it owns a copy of the world at the mark. */
static void judge(struct scene *scene, const struct sim_blow *blow, struct verdict *verdict)
{
    CLEANUP(str_deinit) struct str why;
    CLEANUP(str_deinit) struct str end;

    (void)alarm(RUN_SECONDS_MAX);
    str_init(&why, WHY_BYTES_MAX);
    str_init(&end, SIM_END_BYTES_MAX);
    finish(&scene->play, blow, &why, &end);
    if (why.size == 0) {
        sim_end_compare(str_text(&scene->end), str_text(&end), &why);
    }
    verdict->failed = why.size != 0;
    (void)snprintf(verdict->text, sizeof(verdict->text), "%s", str_text(&why));
}

static void tell(struct scene *scene, const struct job *job, const char *text)
{
    scene->tally.failures++;
    if (FAILURES_TOLD_MAX < scene->tally.failures) {
        return;
    }
    (void)printf("%s --harm %s:%s:%u", scene->story->name, job->blow.party,
                 sim_harm_text(job->blow.harm), job->blow.at);
    if (job->blow.age != 0) {
        (void)printf(":%llu", (unsigned long long)job->blow.age);
    }
    (void)printf(" (%s)\n    %s\n", job->place->text, text);
}

static void reap(struct scene *scene)
{
    int status = 0;
    pid_t pid = waitpid(-1, &status, 0);
    size_t i = 0;

    CHECK(0 < pid);
    while (scene->jobs[i].pid != pid) {
        i++;
        CHECK(i < scene->options->jobs);
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        tell(scene, &scene->jobs[i], "it crashes or hangs");
    } else if (scene->verdicts[i].failed) {
        tell(scene, &scene->jobs[i], scene->verdicts[i].text);
    }
    scene->jobs[i].pid = 0;
}

static struct job *free_job(struct scene *scene)
{
    for (;;) {
        size_t i;

        for (i = 0; i < scene->options->jobs; i++) {
            if (scene->jobs[i].pid == 0) {
                return &scene->jobs[i];
            }
        }
        reap(scene);
    }
}

static void start(struct scene *scene, const struct place *place, enum sim_harm harm, uint64_t age)
{
    struct job *job = free_job(scene);
    struct verdict *verdict = &scene->verdicts[job - scene->jobs];

    job->place = place;
    job->blow = (struct sim_blow){ .harm = harm, .at = place->at, .age = age };
    memcpy(job->blow.party, place->party, sizeof(job->blow.party));
    *verdict = (struct verdict){ .failed = true };
    scene->tally.runs++;
    (void)fflush(NULL);
    job->pid = fork();
    CHECK(0 <= job->pid);
    if (job->pid == 0) {
        judge(scene, &job->blow, verdict);
        _exit(0);
    }
}

static void start_all(struct scene *scene, const struct place *place)
{
    unsigned harm;
    size_t i;

    for (harm = 0; harm < SIM_HARM_COUNT; harm++) {
        if ((scene->options->harms >> harm & 1) == 0 || !may_strike((enum sim_harm)harm, place)) {
            continue;
        }
        for (i = 0; i < (harm == SIM_HARM_OLD ? ARRAY_COUNT(ages) : 1); i++) {
            start(scene, place, (enum sim_harm)harm, harm == SIM_HARM_OLD ? ages[i] : 0);
        }
    }
}

/* ---- The undisturbed run ---- */

static int play_undisturbed(struct scene *scene, struct err *err)
{
    CLEANUP(str_deinit) struct str why;
    struct sim_play play;

    str_init(&why, WHY_BYTES_MAX);
    sim_play_init(&play, scene->story, &scene->options->run);
    (void)sim_play_to_mark(&play);
    sim_spots_tell(play.sim, on_spot, &scene->places);
    finish(&play, NULL, &why, &scene->end);
    sim_play_deinit(&play);
    if (why.size != 0) {
        return err_set(err, ERR_FAILED, "%s, undisturbed: %s", scene->story->name, str_text(&why));
    }
    return 0;
}

static void run_places(struct scene *scene)
{
    size_t i;

    sim_play_init(&scene->play, scene->story, &scene->options->run);
    (void)sim_play_to_mark(&scene->play);
    for (i = 0; i < scene->places.count; i++) {
        start_all(scene, &scene->places.list[i]);
    }
    for (i = 0; i < scene->options->jobs; i++) {
        while (scene->jobs[i].pid != 0) {
            reap(scene);
        }
    }
    sim_play_deinit(&scene->play);
}

int sim_scene_run(const struct sim_story *story, const struct sim_scene_options *options,
                  struct sim_scene_tally *out, struct err *err)
{
    size_t size = options->jobs * sizeof(struct verdict);
    struct scene scene = { .story = story, .options = options };
    int rv;

    CHECK(0 < options->jobs);
    CHECK(options->jobs <= SIM_JOBS_MAX);
    scene.places.list = mem_calloc(SPOTS_MAX + 1, sizeof(struct place));
    CHECK(scene.places.list != NULL);
    scene.verdicts = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(scene.verdicts != MAP_FAILED);
    str_init(&scene.end, SIM_END_BYTES_MAX);
    rv = play_undisturbed(&scene, err);
    if (0 <= rv) {
        run_places(&scene);
        *out = scene.tally;
    }
    str_deinit(&scene.end);
    (void)munmap(scene.verdicts, size);
    free(scene.places.list);
    return rv;
}

/* ---- Words ---- */

bool sim_harms_parse(const char *text, uint32_t *out)
{
    bool batches = strcmp(text, "batches") == 0;
    unsigned i;

    if (!batches && strcmp(text, "effects") != 0) {
        return false;
    }
    *out = 0;
    for (i = 0; i < SIM_HARM_COUNT; i++) {
        if ((sim_harm_spot((enum sim_harm)i) == SIM_SPOT_BATCH) == batches) {
            *out |= UINT32_C(1) << i;
        }
    }
    return true;
}

static bool parse_harm(const char *text, enum sim_harm *out)
{
    unsigned i;

    for (i = 0; i < SIM_HARM_COUNT; i++) {
        if (strcmp(sim_harm_text((enum sim_harm)i), text) == 0) {
            *out = (enum sim_harm)i;
            return true;
        }
    }
    return false;
}

bool sim_blow_parse(const char *text, struct sim_blow *out)
{
    struct sim_blow blow = { .at = 0 };
    char harm[16];
    unsigned age = 0;
    int fields = sscanf(text, "%23[^:]:%15[^:]:%u:%u", blow.party, harm, &blow.at, &age);

    if (fields < 3 || !parse_harm(harm, &blow.harm) || blow.at == 0) {
        return false;
    }
    blow.age = age;
    *out = blow;
    return true;
}
