/*
 * muster-sim - runs of the simulator, by seed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/opt.h"
#include "base/str.h"
#include "sim/sim_edges.h"
#include "sim/sim_story_run.h"
#include "sim/sim_try.h"

#define STORY_LINES 150 /* of a failed run */

struct flags {
    uint64_t seed;
    const char *seeds; /* "A..B" */
    uint64_t steps;
    uint64_t jobs;
    const char *faults;
    const char *without;
    bool walk;
    bool trace;
    bool go_on;
    bool whole; /* the failed run as it is, not shrunk */
    struct sim_story_flags story;
};

/* clang-format off */
static const struct opt opts[] = {
    { "seed", 0, OPT_NUMBER, offsetof(struct flags, seed), "N", "1", "the one run" },
    { "seeds", 0, OPT_TEXT, offsetof(struct flags, seeds), "A..B", NULL,
      "many runs; stops at the first that fails" },
    { "steps", 0, OPT_NUMBER, offsetof(struct flags, steps), "M", "20", "acts in a run" },
    { "jobs", 0, OPT_NUMBER, offsetof(struct flags, jobs), "J", "2", "processes, with --seeds" },
    { "faults", 0, OPT_TEXT, offsetof(struct flags, faults), "LIST", "all",
      "what may go wrong, comma separated; all, none" },
    { "without", 0, OPT_TEXT, offsetof(struct flags, without), "LIST", "none",
      "what of it may not" },
    { "walk", 0, OPT_FLAG, offsetof(struct flags, walk), NULL, NULL,
      "walk from spec to spec instead; acts are changes of it" },
    { "trace", 0, OPT_FLAG, offsetof(struct flags, trace), NULL, NULL, "tell the whole story; with --seeds, of each run" },
    { "go-on", 0, OPT_FLAG, offsetof(struct flags, go_on), NULL, NULL,
      "tell of every seed that fails, in a line" },
    { "whole", 0, OPT_FLAG, offsetof(struct flags, whole), NULL, NULL,
      "do not look for a shorter run that fails alike" },
    { "story", 0, OPT_TEXT, offsetof(struct flags, story.path), "FILE", NULL,
      "play that instead; see tests/sim/stories" },
    { "harms", 0, OPT_TEXT, offsetof(struct flags, story.harms), "KIND", NULL,
      "play the story with each harm at each place: effects, batches" },
    { "harm", 0, OPT_TEXT, offsetof(struct flags, story.harm), "PROCESS:HARM:N", NULL,
      "play the story with that harm at that place" },
    { "end", 0, OPT_FLAG, offsetof(struct flags, story.end), NULL, NULL,
      "tell what the story comes to" },
};
/* clang-format on */

static const struct opt_table table = {
    .program = "muster-sim",
    .synopsis = "[--seed N | --seeds A..B] [--steps M] [--faults LIST] [--trace]",
    .summary = "Runs whole controllers and watchers on virtual time, lets things go wrong, and\n"
               "looks whether the promises of docs/ARCHITECTURE.md hold. The same seed gives the\n"
               "same run.",
    .opts = opts,
    .count = ARRAY_COUNT(opts),
    .examples = "  muster-sim --seed 42 --trace\n"
                "  muster-sim --seeds 1..100000 --jobs 2\n"
                "  muster-sim --seed 42 --steps 7 --faults watch-stall,controller-crash --trace\n",
};

static bool add_fault(const char *name, size_t size, uint64_t *faults)
{
    unsigned i;

    if (size == strlen("none") && strncmp(name, "none", size) == 0) {
        return true;
    }
    if (size == strlen("all") && strncmp(name, "all", size) == 0) {
        *faults = SIM_FAULTS_ALL;
        return true;
    }
    for (i = 0; i < SIM_FAULT_COUNT; i++) {
        const char *text = sim_fault_text((enum sim_fault)i);

        if (strlen(text) == size && strncmp(text, name, size) == 0) {
            *faults |= UINT64_C(1) << i;
            return true;
        }
    }
    return false;
}

static int read_faults(const char *list, uint64_t *out, struct err *err)
{
    *out = 0;
    while (*list != '\0') {
        size_t size = strcspn(list, ",");

        if (!add_fault(list, size, out)) {
            return err_set(err, ERR_USAGE, "'%.*s' is no fault", (int)size, list);
        }
        list += size + (list[size] == ',' ? 1 : 0);
    }
    return 0;
}

static int read_range(const char *text, uint64_t *first, uint64_t *last, struct err *err)
{
    const char *dots = strstr(text, "..");

    if (dots == NULL ||
        !bytes_to_u64(text, (size_t)(dots - text), 0, UINT64_MAX - SIM_JOBS_MAX, first) ||
        !text_to_u64(dots + 2, *first, UINT64_MAX - SIM_JOBS_MAX, last)) {
        return err_set(err, ERR_USAGE, "--seeds: must be A..B, got '%s'", text);
    }
    return 0;
}

static void print_faults(uint64_t faults)
{
    const char *comma = "";
    unsigned i;

    if (faults == 0) {
        (void)printf("none");
    }
    for (i = 0; i < SIM_FAULT_COUNT; i++) {
        if ((faults >> i & 1) != 0) {
            (void)printf("%s%s", comma, sim_fault_text((enum sim_fault)i));
            comma = ",";
        }
    }
}

static void tell_failure(const struct flags *flags, struct sim_options *options,
                         struct sim_verdict *outcome)
{
    options->seed = outcome->seed;
    (void)printf("muster-sim %s: seed %llu fails: %s\n", SIM_COMMIT,
                 (unsigned long long)outcome->seed, outcome->text);
    if (!flags->whole) {
        sim_shrink(options, outcome);
    }
    sim_tell(options, flags->trace ? 0 : STORY_LINES);
    (void)printf("muster-sim %s: %s\n    muster-sim %s--seed %llu --steps %u --faults ", SIM_COMMIT,
                 outcome->text, options->walks ? "--walk " : "", (unsigned long long)options->seed,
                 options->steps);
    print_faults(options->faults);
    (void)printf(" --trace\n");
}

static int load(int argc, char **argv, struct flags *flags, struct opt_result *result,
                struct sim_options *options, struct err *err)
{
    uint64_t without = 0;
    int rv = opt_parse(&table, argc, argv, flags, result, err);

    if (rv < 0 || result->help || result->version) {
        return rv;
    }
    if (0 < result->positional_count || flags->jobs < 1 || SIM_JOBS_MAX < flags->jobs ||
        UINT32_MAX < flags->steps) {
        return err_set(err, ERR_USAGE, "see --help");
    }
    rv = read_faults(flags->faults, &options->faults, err);
    if (0 <= rv) {
        rv = read_faults(flags->without, &without, err);
    }
    options->faults &= ~without;
    options->walks = flags->walk;
    options->seed = flags->seed;
    options->steps = (uint32_t)flags->steps;
    options->trace_fd = STDOUT_FILENO;
    return rv;
}

static int run_many(const struct flags *flags, struct sim_options *options,
                    struct sim_verdict *outcome, struct err *err)
{
    struct sim_seeds seeds = { .jobs = (unsigned)flags->jobs, .go_on = flags->go_on };
    int rv = read_range(flags->seeds, &seeds.first, &seeds.last, err);

    if (rv < 0) {
        return rv;
    }
    options->tracing = flags->trace;
    sim_try_many(options, &seeds, outcome);
    options->tracing = false;
    return 0;
}

static int run_story(const struct flags *flags, struct sim_options *options, struct err *err)
{
    struct sim_story_flags story = flags->story;

    story.jobs = (unsigned)flags->jobs;
    options->tracing = flags->trace;
    options->trace_fd = STDOUT_FILENO;
    return sim_story_run(&story, options, err);
}

static int run(const struct flags *flags, struct sim_options *options, struct err *err)
{
    struct sim_verdict outcome;
    int rv = 0;

    if (flags->story.path != NULL) {
        return run_story(flags, options, err);
    }
    if (flags->seeds != NULL) {
        rv = run_many(flags, options, &outcome, err);
    } else {
        sim_try(options, &outcome);
        if (!outcome.failed && flags->trace) {
            sim_tell(options, 0);
        }
    }
    if (rv < 0) {
        return rv;
    }
    if (flags->go_on && 0 < outcome.failures) {
        (void)printf("muster-sim %s: %llu of %llu runs failed\n", SIM_COMMIT,
                     (unsigned long long)outcome.failures, (unsigned long long)outcome.runs);
        return 1;
    }
    if (outcome.failed) {
        tell_failure(flags, options, &outcome);
        return 1;
    }
    (void)printf("muster-sim %s: %llu runs of %u steps, all promises hold\n", SIM_COMMIT,
                 (unsigned long long)outcome.runs, options->steps);
    return 0;
}

int main(int argc, char **argv)
{
    struct sim_options options = { .seed = 1 };
    struct opt_result result = { .positional_count = 0 };
    struct flags flags = { .seeds = NULL };
    struct err err;
    int rv;

    sim_edges_init();
    rv = load(argc, argv, &flags, &result, &options, &err);
    if (result.help) {
        opt_print_help(stdout, &table);
        return EXIT_SUCCESS;
    }
    rv = rv < 0 ? rv : run(&flags, &options, &err);
    if (rv < 0) {
        (void)fprintf(stderr, "muster-sim: %s\n", err.msg);
        return err_exit_code(rv);
    }
    return rv;
}
