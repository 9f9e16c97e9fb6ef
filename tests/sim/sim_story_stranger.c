/* What somebody does to partitions in a story who can reach them, and has no signing key. */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "discovery/names.h"
#include "sim/sim_nodes_state.h"
#include "sim/sim_story.h"

struct target {
    struct sim_memcached *memcached;
    struct sim_partition *partition;
};

static bool find_target(struct sim_play *play, const struct sim_line *line, struct target *out)
{
    char dir[sizeof(SIM_PARTITION_DIR) + CLUSTER_NAME_MAX + SLOT_TEXT_SIZE + 2];
    char slot[SLOT_TEXT_SIZE];

    out->memcached = sim_line_memcached(play, line);
    if (out->memcached == NULL) {
        return false;
    }
    slot_format(out->memcached->slot, slot);
    (void)snprintf(dir, sizeof(dir), SIM_PARTITION_DIR "/%s/%s", out->memcached->cluster, slot);
    out->partition = sim_partition_find(out->memcached->machine, dir);
    if (out->partition == NULL) {
        sim_line_fails(play, line, "there is no %s", dir);
    }
    return out->partition != NULL;
}

/* Of the cluster "of=CLUSTER", else of the node's. */
static const struct sim_record *record_of(struct sim_play *play, const struct sim_line *line,
                                          const struct target *target)
{
    const char *of = sim_line_value(line, "of");
    const struct sim_record *record =
        sim_record_find(play->world.nodes, of == NULL ? target->memcached->cluster : of,
                        sim_line_number(line, "version"));

    if (record == NULL) {
        sim_line_fails(play, line, "there never was such a version");
    }
    return record;
}

/* Its segment can't be read any more, or its inbox is gone. */
static void break_partition(struct sim_play *play, const struct sim_line *line)
{
    struct target target;

    if (!find_target(play, line, &target)) {
        return;
    }
    if (sim_line_has(line, "inbox")) {
        sim_partition_remove_inbox(target.memcached->machine, target.partition);
    } else {
        sim_partition_break_segment(target.memcached->machine, target.partition);
    }
}

/* Its segment is as a backup has it. */
static void overwrite(struct sim_play *play, const struct sim_line *line)
{
    const struct sim_record *record = NULL;
    struct segment_cell cell;
    struct target target;

    if (find_target(play, line, &target)) {
        record = record_of(play, line, &target);
    }
    if (record != NULL) {
        cell = sim_record_cell(record);
        sim_partition_overwrite(target.memcached->machine, target.partition, &cell);
        play->world.nodes->put_back = true;
    }
}

/* A record that was committed once, as it was or spoilt, through the node's port. */
static void write_record(struct sim_play *play, const struct sim_line *line)
{
    const struct sim_record *record = NULL;
    struct target target;
    size_t size;
    char *value;
    char *at;

    if (find_target(play, line, &target)) {
        record = record_of(play, line, &target);
    }
    if (record == NULL) {
        return;
    }
    value = arena_strdup(&play->arena, record->json);
    CHECK(value != NULL);
    size = record->json_bytes;
    at = strstr(value, "\"signature\"");
    if (sim_line_has(line, "cut")) {
        size /= 2;
    } else if (sim_line_has(line, "unsigned") && at != NULL) {
        memcpy(at, "\"signatura\"", strlen("\"signatura\""));
    }
    sim_stranger_write(play->world.nodes, target.memcached, KEY_RECORD, value, size);
}

static const struct sim_verb verbs[] = {
    { "break", "break SLOT [inbox] [at=HOST]", 1, 3, break_partition },
    { "overwrite", "overwrite SLOT version=N [at=HOST] [of=CLUSTER]", 2, 4, overwrite },
    { "write", "write SLOT version=N [cut|unsigned] [at=HOST] [of=CLUSTER]", 2, 5, write_record },
};

const struct sim_verbs sim_story_strangers = { verbs, ARRAY_COUNT(verbs) };
