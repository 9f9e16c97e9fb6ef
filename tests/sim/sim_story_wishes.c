/* What there is in a story, and what operators want in it. */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/str.h"
#include "base/units.h"
#include "model/spec_field.h"
#include "sim/sim_edges.h"
#include "sim/sim_hand.h"
#include "sim/sim_joiner.h"
#include "sim/sim_nodes.h"
#include "sim/sim_story.h"

#define LIST_MAX 16

/* ---- The world ---- */

static size_t count_of(struct sim_play *play, const struct sim_line *line, const char *name,
                       uint64_t preset, uint64_t max)
{
    const char *text = sim_line_value(line, name);
    uint64_t value = preset;

    if (text != NULL && !text_to_u64(text, 1, max, &value)) {
        sim_line_fails(play, line, "%s must be 1..%llu", name, (unsigned long long)max);
    }
    return (size_t)value;
}

static size_t count_or_none(struct sim_play *play, const struct sim_line *line, const char *name,
                            uint64_t max)
{
    return sim_line_value(line, name) == NULL ? 0 : count_of(play, line, name, 1, max);
}

static void make_world(struct sim_play *play, const struct sim_line *line)
{
    struct sim_world *world = &play->world;

    world->controllers_count = count_of(play, line, "controllers", 1, SIM_CONTROLLERS_MAX);
    world->hosts_count = count_of(play, line, "hosts", 3, SIM_HOSTS_MAX);
    world->clusters_count = count_of(play, line, "clusters", 1, SIM_CLUSTERS_MAX);
    world->joiners_count = count_or_none(play, line, "joiners", SIM_JOINERS_MAX);
    world->plan.zones = (unsigned)count_of(play, line, "zones", 1, 3);
    world->plan.one_address = sim_line_has(line, "one-address");
    world->plan.beside = sim_line_has(line, "beside");
    sim_world_begin(world);
    play->begun = true;
}

/* ---- Specs ---- */

/* "maxSurge" is "spec.rollout.maxSurge". */
/* A field below `spec` by the last part of its path. */
static const struct spec_field *find_field(const char *name, size_t size)
{
    size_t i;

    for (i = 0; i < SPEC_FIELDS_COUNT; i++) {
        const char *last = strrchr(spec_fields[i].path, '.') + 1;

        if (strlen(last) == size && strncmp(last, name, size) == 0 &&
            spec_fields[i].path[0] == 's') {
            return &spec_fields[i];
        }
    }
    return NULL;
}

/* "h01,h02", or "" */
static void set_list(struct sim_play *play, const char *text, const char *const **list,
                     size_t *count)
{
    const char **words = arena_calloc(&play->arena, LIST_MAX, sizeof(char *));
    char *copy = arena_strdup(&play->arena, text);
    char *state = NULL;
    char *word;

    CHECK(words != NULL);
    CHECK(copy != NULL);
    *count = 0;
    for (word = strtok_r(copy, ",", &state); word != NULL && *count < LIST_MAX;
         word = strtok_r(NULL, ",", &state)) {
        words[(*count)++] = word;
    }
    *list = words;
}

static bool set_number(const struct spec_field *field, const char *text, struct spec *spec)
{
    uint64_t value;

    if (field->type == SPEC_FIELD_COUNT  ? !text_to_u64(text, field->min, field->max, &value)
        : field->type == SPEC_FIELD_SIZE ? !size_parse(text, &value)
                                         : !duration_parse(text, &value)) {
        return false;
    }
    spec_field_set_number(field, value, spec);
    return true;
}

/* "zone:z1,disk:ssd" in order of their names, or "" */
static bool set_labels(struct sim_play *play, const struct spec_field *field, const char *text,
                       struct spec *spec)
{
    struct label *labels = arena_calloc(&play->arena, LIST_MAX, sizeof(*labels));
    const char *const *words;
    size_t count;
    size_t i;

    CHECK(labels != NULL);
    set_list(play, text, &words, &count);
    for (i = 0; i < count; i++) {
        size_t size = strcspn(words[i], ":");

        if (words[i][size] == '\0') {
            return false;
        }
        labels[i].name = arena_printf(&play->arena, "%.*s", (int)size, words[i]);
        labels[i].value = words[i] + size + 1;
    }
    spec_field_set_labels(field, labels, count, spec);
    return true;
}

static bool set_field(struct sim_play *play, const struct spec_field *field, const char *text,
                      struct spec *spec)
{
    switch (field->type) {
    case SPEC_FIELD_COUNT:
    case SPEC_FIELD_SIZE:
    case SPEC_FIELD_DURATION:
        return set_number(field, text, spec);
    case SPEC_FIELD_WORD:
        return spec_field_set_word(field, text, spec);
    case SPEC_FIELD_ARGS:
        set_list(play, text, &spec->settings.extra_args, &spec->settings.extra_args_count);
        return true;
    case SPEC_FIELD_HOSTS:
        set_list(play, text, &spec->hosts, &spec->hosts_count);
        return true;
    case SPEC_FIELD_DOMAIN:
        spec->domain = text;
        return true;
    case SPEC_FIELD_LABELS:
        return set_labels(play, field, text, spec);
    case SPEC_FIELD_NAME:
        break;
    }
    return false;
}

static void set_fields(struct sim_play *play, const struct sim_line *line, struct spec *spec)
{
    struct err err;
    size_t i;

    for (i = 1; i < line->count; i++) {
        const char *word = line->words[i];
        size_t size = strcspn(word, "=");
        const struct spec_field *field = find_field(word, size);

        if (field == NULL || word[size] != '=' || !set_field(play, field, word + size + 1, spec)) {
            sim_line_fails(play, line, "'%s' is nothing for a spec", word);
            return;
        }
    }
    if (spec_check(spec, &err) < 0) {
        sim_line_fails(play, line, "%s", err.msg);
    }
}

static void apply(struct sim_play *play, const struct sim_line *line)
{
    struct spec_record record;

    if (!sim_hand_read(play->sim, line->words[0], &play->arena, &record)) {
        sim_hand_new(play->sim, line->words[0], &play->arena, &record);
    }
    set_fields(play, line, &record.spec);
    if (record.deleting) {
        sim_line_fails(play, line, "%s is being deleted", line->words[0]);
    }
    if (!sim_world_is_broken(&play->world)) {
        sim_hand_apply(play->sim, &record);
    }
}

/* ---- What is said about a cluster besides its spec ---- */

static bool read_record(struct sim_play *play, const struct sim_line *line,
                        struct spec_record *record)
{
    if (sim_hand_read(play->sim, line->words[0], &play->arena, record)) {
        return true;
    }
    sim_line_fails(play, line, "there is no cluster %s", line->words[0]);
    return false;
}

static void delete_cluster(struct sim_play *play, const struct sim_line *line)
{
    struct spec_record record;

    if (read_record(play, line, &record)) {
        sim_hand_delete(play->sim, &record);
    }
}

static void restart(struct sim_play *play, const struct sim_line *line)
{
    struct spec_record record;

    if (read_record(play, line, &record)) {
        record.spec.settings.restart_ms = SIM_EPOCH_MS + sim_now_ms(play->sim);
        record.generation++;
        sim_hand_write(play->sim, &record);
    }
}

static void pause_rollout(struct sim_play *play, const struct sim_line *line)
{
    struct spec_record record;

    if (read_record(play, line, &record)) {
        record.paused = true;
        sim_hand_write(play->sim, &record);
    }
}

static void resume_rollout(struct sim_play *play, const struct sim_line *line)
{
    struct spec_record record;

    if (read_record(play, line, &record)) {
        record.paused = false;
        record.resumed_ms = SIM_EPOCH_MS + sim_now_ms(play->sim);
        sim_hand_write(play->sim, &record);
    }
}

static void confirm(struct sim_play *play, const struct sim_line *line)
{
    struct spec_record record;

    if (read_record(play, line, &record)) {
        record.confirmed_ms = SIM_EPOCH_MS + sim_now_ms(play->sim);
        sim_hand_write(play->sim, &record);
    }
}

/* ---- Hosts and keys ---- */

static void cordon(struct sim_play *play, const struct sim_line *line)
{
    sim_hand_cordon(play->sim, line->words[0], sim_line_has(line, "drain"));
}

static void uncordon(struct sim_play *play, const struct sim_line *line)
{
    sim_hand_uncordon(play->sim, line->words[0]);
}

static void put(struct sim_play *play, const struct sim_line *line)
{
    sim_hand_put(play->sim, line->words[0], line->words[1]);
}

static void remove_key(struct sim_play *play, const struct sim_line *line)
{
    sim_hand_remove(play->sim, line->words[0]);
}

static const struct sim_verb verbs[] = {
    { "world",
      "world [hosts=N] [joiners=N] [controllers=N] [clusters=N] [zones=N] [one-address] [beside]",
      0, 7, make_world },
    { "apply", "apply CLUSTER [FIELD=VALUE…]", 1, SIM_LINE_WORDS_MAX, apply },
    { "delete", "delete CLUSTER", 1, 1, delete_cluster },
    { "restart", "restart CLUSTER", 1, 1, restart },
    { "pause", "pause CLUSTER", 1, 1, pause_rollout },
    { "resume", "resume CLUSTER", 1, 1, resume_rollout },
    { "confirm", "confirm CLUSTER", 1, 1, confirm },
    { "cordon", "cordon HOST [drain]", 1, 2, cordon },
    { "uncordon", "uncordon HOST", 1, 1, uncordon },
    { "put", "put KEY VALUE", 2, 2, put },
    { "remove", "remove KEY", 1, 1, remove_key },
};

const struct sim_verbs sim_story_wishes = { verbs, ARRAY_COUNT(verbs) };
