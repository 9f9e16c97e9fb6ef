/*
 * sim_story - a run that is told in words: a file of prose, with acts in between.
 *
 * A story is a Markdown file. Lines that begin with four blanks are acts, the others are for
 * people; what follows a " # " in an act is, too. The first act is `world`. Acts come one after the
 * other, and take no time but for those that wait. A slot is written "c1/2", a host "h02" or
 * "@c1/2" (where the configuration lists that slot), a process "ctl1" or by its host (the watcher
 * there).
 *
 * All promises are looked at as in any other run; besides, a story says what it expects. What does
 * not come true, or can't be understood, breaks the promise "story".
 */
#ifndef SIM_SIM_STORY_H
#define SIM_SIM_STORY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "sim/sim_world.h"

#define SIM_LINE_WORDS_MAX 32

struct sim_verb;

/* An act: "kill ctl1 for=5s". */
struct sim_line {
    unsigned number; /* in the file */
    uint64_t at_ms;  /* not before, since the run began */
    uint64_t after_ms;
    const struct sim_verb *verb;
    const char *words[SIM_LINE_WORDS_MAX]; /* behind the verb */
    size_t count;
};

struct sim_story {
    char *text;
    char name[64]; /* of the file, without its ending */
    const char *title;
    struct sim_line *lines;
    size_t count;
};

/* ERR_INVALID names the line. */
MUST_USE int sim_story_read(const char *path, struct sim_story **out, struct err *err);
void sim_story_free(struct sim_story *story);
DEFINE_CLEANUP(struct sim_story, sim_story_free);

/* ---- Playing ---- */

struct sim_play {
    const struct sim_story *story;
    struct sim *sim;
    struct sim_world world;
    bool begun; /* there is a world */
    bool marked;
    size_t next;        /* the line that comes next */
    struct arena arena; /* of one act */
};

/* `options` are copied; a story has no chance faults unless they say so. */
void sim_play_init(struct sim_play *play, const struct sim_story *story,
                   const struct sim_options *options);
void sim_play_deinit(struct sim_play *play);

/* Go on to the line after `mark`, or to the end. Returns whether all promises hold. */
bool sim_play_to_mark(struct sim_play *play);
bool sim_play_to_end(struct sim_play *play);

/* ---- For the files sim_story*.c ---- */

/* What an act does; it tells of its own failure. */
typedef void sim_verb_fn(struct sim_play *play, const struct sim_line *line);

struct sim_verb {
    const char *name;
    const char *form; /* "kill PARTY [for=TIME]" */
    size_t words_min;
    size_t words_max;
    sim_verb_fn *run;
};

struct sim_verbs {
    const struct sim_verb *verbs;
    size_t count;
};

/* Of sim_story_wishes.c, sim_story_harm.c and so on. */
extern const struct sim_verbs sim_story_wishes;
extern const struct sim_verbs sim_story_harms;
extern const struct sim_verbs sim_story_strangers;
extern const struct sim_verbs sim_story_joiners;
extern const struct sim_verbs sim_story_timing;

/* The value of "name=value" among the words; NULL: it is not there. */
const char *sim_line_value(const struct sim_line *line, const char *name);
/* The same as a duration; `preset` when it is not there. */
uint64_t sim_line_duration(struct sim_play *play, const struct sim_line *line, const char *name,
                           uint64_t preset_ms);
bool sim_line_has(const struct sim_line *line, const char *word);
/* The story is wrong, or does not come true. */
void sim_line_fails(struct sim_play *play, const struct sim_line *line, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/* The memcached that the line's first word names, on the host "at=HOST" if that is given; NULL,
 * when it does not run, and the story fails. */
struct sim_memcached *sim_line_memcached(struct sim_play *play, const struct sim_line *line);
/* The value of "name=N"; 0: it is not there. */
uint32_t sim_line_number(const struct sim_line *line, const char *name);

/* "c1/2" into a cluster and a slot. */
#define SIM_CLUSTER_TEXT_SIZE 16
MUST_USE bool sim_slot_parse(const char *word, char cluster[SIM_CLUSTER_TEXT_SIZE], uint32_t *slot);
/* "h02" or "@c1/2" into an index among the hosts. */
MUST_USE bool sim_host_parse(struct sim_play *play, const char *word, size_t *out);

/* Whether what the words from index `from` on say holds now; when not, `why` tells what is. */
MUST_USE bool sim_fact_holds(struct sim_play *play, const struct sim_line *line, struct str *why);

#endif
