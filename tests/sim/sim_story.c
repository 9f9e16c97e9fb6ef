#include "sim/sim_story.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"

#define STORY_BYTES_MAX (64U << 10)
#define LINES_MAX 512
#define INDENT "    "
#define ARENA_BYTES (8U << 20)

/* ---- Reading ---- */

/* Not with base/file.h: that is the disk of a modelled machine here. */
static int read_text(const char *path, char **out, struct err *err)
{
    FILE *file = fopen(path, "re");
    char *text;
    size_t size;

    if (file == NULL) {
        return err_set(err, ERR_IO, "%s: can't be opened", path);
    }
    text = mem_alloc(STORY_BYTES_MAX + 1);
    CHECK(text != NULL);
    size = fread(text, 1, STORY_BYTES_MAX, file);
    (void)fclose(file);
    if (size == STORY_BYTES_MAX) {
        free(text);
        return err_set(err, ERR_LIMIT, "%s: too long a story", path);
    }
    *out = text;
    return 0;
}

/* "stories/two-leaders.md" -> "two-leaders" */
static void set_name(struct sim_story *story, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;

    (void)snprintf(story->name, sizeof(story->name), "%.*s", (int)strcspn(name, "."), name);
}

static int wrong(const struct sim_story *story, unsigned number, const char *what, const char *text,
                 struct err *err)
{
    return err_set(err, ERR_INVALID, "%s: line %u: %s%s", story->name, number, what, text);
}

/* Cut `text` at blanks; a comma at a word's end is for people, as is all behind "#". */
static bool cut_words(char *text, struct sim_line *line)
{
    char *state = NULL;
    char *word;

    for (word = strtok_r(text, " ", &state); word != NULL && word[0] != '#';
         word = strtok_r(NULL, " ", &state)) {
        size_t size = strlen(word);

        if (line->count == SIM_LINE_WORDS_MAX) {
            return false;
        }
        if (1 < size && word[size - 1] == ',') {
            word[size - 1] = '\0';
        }
        line->words[line->count++] = word;
    }
    return true;
}

static void drop_words(struct sim_line *line, size_t count)
{
    line->count -= count;
    memmove(line->words, line->words + count, line->count * sizeof(line->words[0]));
}

/* "at 20m kill ctl1", "after 5s kill ctl1", "after 5s" */
static bool take_time(struct sim_line *line)
{
    bool at = strcmp(line->words[0], "at") == 0;

    if (!at && strcmp(line->words[0], "after") != 0) {
        return true;
    }
    if (line->count < 2 || !duration_parse(line->words[1], at ? &line->at_ms : &line->after_ms)) {
        return false;
    }
    drop_words(line, 2);
    return true;
}

static const struct sim_verb *find_verb(const char *name)
{
    static const struct sim_verbs *const all[] = { &sim_story_wishes, &sim_story_harms,
                                                   &sim_story_strangers, &sim_story_joiners,
                                                   &sim_story_timing };
    size_t kind;
    size_t i;

    for (kind = 0; kind < ARRAY_COUNT(all); kind++) {
        for (i = 0; i < all[kind]->count; i++) {
            if (strcmp(all[kind]->verbs[i].name, name) == 0) {
                return &all[kind]->verbs[i];
            }
        }
    }
    return NULL;
}

static int read_act(struct sim_story *story, char *text, unsigned number, struct err *err)
{
    struct sim_line line = { .number = number };

    if (!cut_words(text, &line) || story->count == LINES_MAX) {
        return wrong(story, number, "too much", "", err);
    }
    if (line.count == 0) {
        return 0;
    }
    if (!take_time(&line)) {
        return wrong(story, number, "needs a time, such as 20s", "", err);
    }
    if (0 < line.count) {
        line.verb = find_verb(line.words[0]);
        if (line.verb == NULL) {
            return wrong(story, number, "no such act: ", line.words[0], err);
        }
        drop_words(&line, 1);
        if (line.count < line.verb->words_min || line.verb->words_max < line.count) {
            return wrong(story, number, "must be: ", line.verb->form, err);
        }
    }
    if ((story->count == 0) != (line.verb != NULL && strcmp(line.verb->name, "world") == 0)) {
        return wrong(story, number, "a world comes first, and once", "", err);
    }
    story->lines[story->count++] = line;
    return 0;
}

static int read_lines(struct sim_story *story, struct err *err)
{
    char *text = story->text;
    unsigned number = 0;
    int rv = 0;

    story->title = "";
    while (0 <= rv && *text != '\0') {
        size_t size = strcspn(text, "\n");
        char *next = text + size + (text[size] == '\0' ? 0 : 1);

        text[size] = '\0';
        number++;
        if (strncmp(text, INDENT, strlen(INDENT)) == 0) {
            rv = read_act(story, text, number, err);
        } else if (strncmp(text, "# ", 2) == 0 && story->title[0] == '\0') {
            story->title = text + 2;
        }
        text = next;
    }
    if (0 <= rv && story->count == 0) {
        rv = wrong(story, number, "nothing happens", "", err);
    }
    return rv;
}

int sim_story_read(const char *path, struct sim_story **out, struct err *err)
{
    CLEANUP(sim_story_free_p) struct sim_story *story = mem_alloc(sizeof(*story));
    int rv;

    CHECK(story != NULL);
    set_name(story, path);
    rv = read_text(path, &story->text, err);
    if (rv < 0) {
        return rv;
    }
    story->lines = mem_calloc(LINES_MAX, sizeof(*story->lines));
    CHECK(story->lines != NULL);
    rv = read_lines(story, err);
    if (0 <= rv) {
        *out = TAKE(story);
    }
    return rv;
}

void sim_story_free(struct sim_story *story)
{
    if (story != NULL) {
        free(story->text);
        free(story->lines);
        free(story);
    }
}

/* ---- Words ---- */

const char *sim_line_value(const struct sim_line *line, const char *name)
{
    size_t size = strlen(name);
    size_t i;

    for (i = 0; i < line->count; i++) {
        if (strncmp(line->words[i], name, size) == 0 && line->words[i][size] == '=') {
            return line->words[i] + size + 1;
        }
    }
    return NULL;
}

uint32_t sim_line_number(const struct sim_line *line, const char *name)
{
    const char *text = sim_line_value(line, name);

    return text == NULL ? 0 : (uint32_t)strtoul(text, NULL, 10);
}

uint64_t sim_line_duration(struct sim_play *play, const struct sim_line *line, const char *name,
                           uint64_t preset_ms)
{
    const char *text = sim_line_value(line, name);
    uint64_t ms = preset_ms;

    if (text != NULL && !duration_parse(text, &ms)) {
        sim_line_fails(play, line, "'%s' is no time", text);
    }
    return ms;
}

bool sim_line_has(const struct sim_line *line, const char *word)
{
    size_t i;

    for (i = 0; i < line->count; i++) {
        if (strcmp(line->words[i], word) == 0) {
            return true;
        }
    }
    return false;
}

void sim_line_fails(struct sim_play *play, const struct sim_line *line, const char *fmt, ...)
{
    char text[400];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    sim_broken(play->sim, "story", "%s, line %u: %s", play->story->name, line->number, text);
}

/* ---- Playing ---- */

void sim_play_init(struct sim_play *play, const struct sim_story *story,
                   const struct sim_options *options)
{
    *play = (struct sim_play){ .story = story };
    play->sim = sim_new(options);
    play->world.sim = play->sim;
    arena_init(&play->arena, ARENA_BYTES);
}

void sim_play_deinit(struct sim_play *play)
{
    if (play->begun) {
        sim_world_end(&play->world);
    }
    arena_deinit(&play->arena);
    sim_free(play->sim);
}

static void pass_until(struct sim_play *play, const struct sim_line *line)
{
    uint64_t now_ms = sim_now_ms(play->sim);
    uint64_t until_ms = now_ms + line->after_ms;

    until_ms = until_ms < line->at_ms ? line->at_ms : until_ms;
    if (now_ms < until_ms) {
        sim_world_pass(&play->world, until_ms - now_ms);
    }
}

static void play_line(struct sim_play *play)
{
    const struct sim_line *line = &play->story->lines[play->next++];

    arena_clear(&play->arena);
    pass_until(play, line);
    if (line->verb != NULL && sim_broken_text(play->sim)[0] == '\0') {
        sim_trace(play->sim, "---- line %u: %s ----", line->number, line->verb->name);
        line->verb->run(play, line);
    }
}

static bool play_on(struct sim_play *play, bool to_mark)
{
    while (play->next < play->story->count && sim_broken_text(play->sim)[0] == '\0' &&
           (!to_mark || !play->marked)) {
        play_line(play);
    }
    return sim_broken_text(play->sim)[0] == '\0';
}

bool sim_play_to_mark(struct sim_play *play)
{
    return play_on(play, true);
}

bool sim_play_to_end(struct sim_play *play)
{
    return play_on(play, false);
}
