/* What memcacheds do in a story that muster did not start. */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "sim/sim_joiner.h"
#include "sim/sim_story.h"

#define FORGET_DOWN_MS 1000

/* "j02"; false, and the story fails: there is none. */
static bool find_joiner(struct sim_play *play, const struct sim_line *line, size_t *out)
{
    char name[SIM_HOST_NAME_SIZE];
    size_t i;

    for (i = 0; i < play->world.joiners_count; i++) {
        sim_joiner_name(i, name);
        if (strcmp(name, line->words[0]) == 0) {
            *out = i;
            return true;
        }
    }
    sim_line_fails(play, line, "there is no joiner %s", line->words[0]);
    return false;
}

static struct sim_host *joiner_of(struct sim_play *play, const struct sim_line *line)
{
    size_t i;

    return find_joiner(play, line, &i) ? &play->world.nodes->hosts[play->world.hosts_count + i]
                                       : NULL;
}

static void join(struct sim_play *play, const struct sim_line *line)
{
    size_t i;

    if (find_joiner(play, line, &i)) {
        sim_joiner_joins(play->world.nodes, i, line->words[1], sim_line_number(line, "slot"),
                         sim_line_has(line, "by-etcd"), sim_line_has(line, "forged"));
    }
}

static void leave(struct sim_play *play, const struct sim_line *line)
{
    struct sim_host *host = joiner_of(play, line);

    if (host != NULL) {
        sim_host_leave(host);
    }
}

static void abandon(struct sim_play *play, const struct sim_line *line)
{
    struct sim_host *host = joiner_of(play, line);

    if (host != NULL) {
        sim_host_abandon(host);
    }
}

/* It is at another address when it joins next. */
static void move(struct sim_play *play, const struct sim_line *line)
{
    struct sim_host *host = joiner_of(play, line);

    if (host != NULL) {
        sim_host_move(host);
    }
}

/* It is told who it is for life, as pods are: from the next start of its watcher on. */
static void call(struct sim_play *play, const struct sim_line *line)
{
    struct sim_host *host = joiner_of(play, line);

    if (host != NULL) {
        host->config.flags.identity = line->words[1];
    }
}

/* Its watcher dies, and all that it kept is lost: a container is made anew, say. */
static void forget(struct sim_play *play, const struct sim_line *line)
{
    struct sim_host *host = joiner_of(play, line);

    if (host == NULL) {
        return;
    }
    sim_host_crash_watcher(host, 0, false, FORGET_DOWN_MS);
    while (host->machine.files != NULL) {
        sim_disk_remove(&host->machine, host->machine.files->path);
    }
}

/* "replay c1/1", "replay c1/1 nth=2 change=ip": the newest request is the first. */
static void replay(struct sim_play *play, const struct sim_line *line)
{
    const struct sim_memcached *at = sim_line_memcached(play, line);
    const char *change = sim_line_value(line, "change");
    uint32_t nth = sim_line_number(line, "nth");
    char field[64] = "";

    if (change != NULL) {
        (void)snprintf(field, sizeof(field), "\"%s\":%s", change,
                       strcmp(change, "issuedMs") == 0 ? "1" : "\"1");
    }
    if (at != NULL && !sim_joiner_replayed(play->world.nodes, nth == 0 ? 0 : nth - 1, field, at)) {
        sim_line_fails(play, line, "nobody has asked so often");
    }
}

static const struct sim_verb verbs[] = {
    { "join", "join JOINER CLUSTER [slot=N] [by-etcd] [forged]", 2, 5, join },
    { "leave", "leave JOINER", 1, 1, leave },
    { "abandon", "abandon JOINER", 1, 1, abandon },
    { "move", "move JOINER", 1, 1, move },
    { "forget", "forget JOINER", 1, 1, forget },
    { "call", "call JOINER IDENTITY", 2, 2, call },
    { "replay", "replay SLOT [nth=N] [change=FIELD]", 1, 3, replay },
};

const struct sim_verbs sim_story_joiners = { verbs, ARRAY_COUNT(verbs) };
