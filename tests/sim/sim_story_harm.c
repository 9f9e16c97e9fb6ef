/* What befalls processes, machines, the network and etcd in a story. */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/str.h"
#include "base/units.h"
#include "sim/sim_check.h"
#include "sim/sim_check_state.h"
#include "sim/sim_doom.h"
#include "sim/sim_nodes_state.h"
#include "sim/sim_story.h"

#define DOWN_MS 1000 /* of a process, until it is started again */
#define POWER_MS 60000
#define AGE_PRESET 10 /* of an old list */

/* ---- Who ---- */

bool sim_slot_parse(const char *word, char cluster[SIM_CLUSTER_TEXT_SIZE], uint32_t *slot)
{
    const char *slash = strchr(word, '/');
    uint64_t number;

    if (slash == NULL || SIM_CLUSTER_TEXT_SIZE <= slash - word ||
        !text_to_u64(slash + 1, 1, SLOT_MAX, &number)) {
        return false;
    }
    (void)snprintf(cluster, SIM_CLUSTER_TEXT_SIZE, "%.*s", (int)(slash - word), word);
    *slot = (uint32_t)number;
    return true;
}

/* The host that has an address. */
static bool find_address(const struct sim_play *play, const char *ip, size_t *out)
{
    const struct sim_nodes *nodes = play->world.nodes;
    uint32_t address;
    uint32_t first;
    size_t i;

    for (i = 0; ipv4_parse(ip, &address) && i < nodes->hosts_count; i++) {
        const struct host *host = &nodes->hosts[i].config.host;

        if (ipv4_parse(host->ip_first, &first) && first <= address &&
            address - first < host->ip_count) {
            *out = i;
            return true;
        }
    }
    return false;
}

bool sim_host_parse(struct sim_play *play, const char *word, size_t *out)
{
    const struct sim_nodes *nodes = play->world.nodes;
    char cluster[SIM_CLUSTER_TEXT_SIZE];
    const struct member *member;
    struct config config;
    uint32_t slot;
    size_t i;

    for (i = 0; i < nodes->hosts_count; i++) {
        if (strcmp(nodes->hosts[i].config.host_name, word) == 0) {
            *out = i;
            return true;
        }
    }
    if (word[0] != '@' || !sim_slot_parse(word + 1, cluster, &slot) ||
        !sim_read_config(play->world.check, cluster, &config)) {
        return false;
    }
    member = config_member(&config, slot);
    return member != NULL && find_address(play, member->ip, out);
}

static struct sim_controller *controller_of(struct sim_play *play, const char *word)
{
    size_t i;

    for (i = 0; i < play->world.controllers_count; i++) {
        if (strcmp(play->world.controllers[i].party.name, word) == 0) {
            return &play->world.controllers[i];
        }
    }
    return NULL;
}

/* The line's first word; NULL, when there is none, and the story fails. */
static struct sim_host *host_of(struct sim_play *play, const struct sim_line *line)
{
    size_t i;

    if (sim_host_parse(play, line->words[0], &i)) {
        return &play->world.nodes->hosts[i];
    }
    sim_line_fails(play, line, "there is no host %s", line->words[0]);
    return NULL;
}

static struct sim_party *party_of(struct sim_play *play, const struct sim_line *line)
{
    struct sim_controller *c = controller_of(play, line->words[0]);
    struct sim_host *host;

    if (c != NULL) {
        return &c->party;
    }
    host = host_of(play, line);
    return host == NULL ? NULL : &host->party;
}

/* ---- Processes ---- */

static void kill_process(struct sim_play *play, const struct sim_line *line)
{
    struct sim_controller *c = controller_of(play, line->words[0]);
    uint64_t down_ms = sim_line_duration(play, line, "for", DOWN_MS);
    struct sim_host *host = c != NULL ? NULL : host_of(play, line);

    if (c != NULL) {
        sim_controller_kill(c, down_ms);
    } else if (host != NULL) {
        sim_host_crash_watcher(host, 0, false, down_ms);
    }
}

static void freeze(struct sim_play *play, const struct sim_line *line)
{
    struct sim_party *party = party_of(play, line);

    if (party != NULL) {
        sim_party_pause(party, sim_line_duration(play, line, "for", DOWN_MS));
    }
}

static void set_clock(struct sim_play *play, const struct sim_line *line)
{
    struct sim_party *party = party_of(play, line);

    if (party != NULL) {
        party->wall_offset_ms = (int64_t)sim_line_duration(play, line, "ahead", 0) -
                                (int64_t)sim_line_duration(play, line, "behind", 0);
    }
}

static bool find_harm(const char *text, enum sim_harm *out)
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

/* A word, with "_" for blanks. */
static void set_text(struct sim_doom *doom, const char *word)
{
    size_t i;

    (void)snprintf(doom->text, sizeof(doom->text), "%s", word);
    for (i = 0; doom->text[i] != '\0'; i++) {
        doom->text[i] = doom->text[i] == '_' ? ' ' : doom->text[i];
    }
}

/* "doom ctl1 before clusters/c1/config for=5s", "doom ctl1 old age=20" */
static void doom(struct sim_play *play, const struct sim_line *line)
{
    struct sim_controller *c = controller_of(play, line->words[0]);
    struct sim_doom doom = { .party = party_of(play, line) };
    const char *age = sim_line_value(line, "age");
    const char *text = 2 < line->count && strchr(line->words[2], '=') == NULL ? line->words[2] : "";

    doom.age = AGE_PRESET;
    if (doom.party == NULL || !find_harm(line->words[1], &doom.harm) ||
        (age != NULL && !text_to_u64(age, 1, UINT32_MAX, &doom.age))) {
        sim_line_fails(play, line, "no such harm");
        return;
    }
    doom.at = text[0] == '\0' ? 1 : 0;
    set_text(&doom, text);
    if (c != NULL) {
        c->restart_ms = sim_line_duration(play, line, "for", DOWN_MS);
    }
    sim_doom_set(play->sim, &doom);
}

/* ---- memcacheds ---- */

struct sim_memcached *sim_line_memcached(struct sim_play *play, const struct sim_line *line)
{
    const char *at = sim_line_value(line, "at");
    const struct sim_nodes *nodes = play->world.nodes;
    char cluster[SIM_CLUSTER_TEXT_SIZE];
    uint32_t slot;
    size_t i;

    if (!sim_slot_parse(line->words[0], cluster, &slot)) {
        sim_line_fails(play, line, "'%s' is no slot", line->words[0]);
        return NULL;
    }
    for (i = 0; i < nodes->hosts_count; i++) {
        struct sim_memcached *it = nodes->hosts[i].machine.memcacheds;

        while (it != NULL && (it->slot != slot || strcmp(it->cluster, cluster) != 0)) {
            it = it->next;
        }
        if (it != NULL && (at == NULL || strcmp(at, nodes->hosts[i].config.host_name) == 0)) {
            return it;
        }
    }
    sim_line_fails(play, line, "%s does not run", line->words[0]);
    return NULL;
}

static void crash(struct sim_play *play, const struct sim_line *line)
{
    struct sim_memcached *memcached = sim_line_memcached(play, line);

    if (memcached != NULL) {
        sim_memcached_crash(memcached);
    }
}

static void hang(struct sim_play *play, const struct sim_line *line)
{
    struct sim_memcached *memcached = sim_line_memcached(play, line);

    if (memcached != NULL) {
        sim_memcached_hang(memcached);
    }
}

static void wake(struct sim_play *play, const struct sim_line *line)
{
    struct sim_memcached *memcached = sim_line_memcached(play, line);

    if (memcached != NULL) {
        sim_memcached_recover(memcached);
    }
}

static void flip(struct sim_play *play, const struct sim_line *line)
{
    const struct sim_memcached *memcached = sim_line_memcached(play, line);
    struct sim_partition *partition =
        memcached == NULL || memcached->partition_dir == NULL
            ? NULL
            : sim_partition_find(memcached->machine, memcached->partition_dir);

    if (partition != NULL) {
        sim_gate_flip(partition);
    } else if (memcached != NULL) {
        sim_line_fails(play, line, "it has no partition");
    }
}

/* ---- Machines and the network ---- */

static void power_off(struct sim_play *play, const struct sim_line *line)
{
    struct sim_host *host = host_of(play, line);

    if (host != NULL) {
        sim_host_crash(host, sim_line_duration(play, line, "for", POWER_MS));
    }
}

static void power_on(struct sim_play *play, const struct sim_line *line)
{
    struct sim_host *host = host_of(play, line);

    if (host != NULL) {
        sim_host_heal(host);
    }
}

/* What was not on the disk when power was lost: the names are there, without content. */
static void garble(struct sim_play *play, const struct sim_line *line)
{
    struct sim_host *host = host_of(play, line);
    char cluster[SIM_CLUSTER_TEXT_SIZE];
    char dir[128];
    struct sim_file *file;
    uint32_t slot;

    if (host == NULL || !sim_slot_parse(line->words[1], cluster, &slot)) {
        sim_line_fails(play, line, "no such slot");
        return;
    }
    (void)snprintf(dir, sizeof(dir), SIM_STATE_DIR "/nodes/%s/%04u/", cluster, slot);
    for (file = host->machine.files; file != NULL; file = file->next) {
        if (strncmp(file->path, dir, strlen(dir)) == 0) {
            sim_disk_put(&host->machine, file->path, "", 0);
        }
    }
}

static bool place_of(struct sim_play *play, const char *word, unsigned *out)
{
    const struct sim_controller *c = controller_of(play, word);
    size_t i;

    if (strcmp(word, "etcd") == 0) {
        *out = 0;
    } else if (strcmp(word, "clients") == 0) {
        *out = play->world.nodes->clients_place;
    } else if (c != NULL) {
        *out = c->party.place;
    } else if (sim_host_parse(play, word, &i)) {
        *out = play->world.nodes->hosts[i].machine.place;
    } else {
        return false;
    }
    return true;
}

/* "cut h02 etcd for=20s", "cut h02 etcd one-way for=20s" */
static void cut(struct sim_play *play, const struct sim_line *line)
{
    uint64_t for_ms = sim_line_duration(play, line, "for", POWER_MS);
    unsigned from;
    unsigned to;

    if (!place_of(play, line->words[0], &from) || !place_of(play, line->words[1], &to)) {
        sim_line_fails(play, line, "no such machine");
        return;
    }
    sim_cut_for(play->sim, from, to, for_ms);
    if (!sim_line_has(line, "one-way")) {
        sim_cut_for(play->sim, to, from, for_ms);
    }
}

/* ---- etcd ---- */

static void went_back(struct sim_play *play)
{
    play->world.restored = true;
    sim_check_restored(play->world.check);
}

static void etcd(struct sim_play *play, const struct sim_line *line)
{
    struct sim_etcd *server = sim_etcd(play->sim);
    const char *what = line->words[0];

    if (strcmp(what, "backup") == 0) {
        sim_etcd_backup(server);
    } else if (strcmp(what, "restored") == 0) {
        sim_etcd_restore_last(server);
        went_back(play);
    } else if (strcmp(what, "emptied") == 0) {
        sim_etcd_empty(server);
        went_back(play);
    } else if (strcmp(what, "compacted") == 0) {
        sim_etcd_compact(server);
    } else if (strcmp(what, "down") == 0) {
        sim_etcd_lose_quorum(server, sim_line_duration(play, line, "for", DOWN_MS));
    } else {
        sim_line_fails(play, line, "nothing like '%s' happens to etcd", what);
    }
}

static const struct sim_verb verbs[] = {
    { "kill", "kill PROCESS [for=TIME]", 1, 2, kill_process },
    { "freeze", "freeze PROCESS for=TIME", 2, 2, freeze },
    { "clock", "clock PROCESS [ahead=TIME] [behind=TIME]", 1, 2, set_clock },
    { "doom", "doom PROCESS HARM [EFFECT] [age=REVISIONS] [for=TIME]", 2, 4, doom },
    { "crash", "crash SLOT [at=HOST]", 1, 2, crash },
    { "hang", "hang SLOT [at=HOST]", 1, 2, hang },
    { "wake", "wake SLOT [at=HOST]", 1, 2, wake },
    { "flip", "flip SLOT [at=HOST]", 1, 2, flip },
    { "power-off", "power-off HOST [for=TIME]", 1, 2, power_off },
    { "power-on", "power-on HOST", 1, 1, power_on },
    { "garble", "garble HOST SLOT", 2, 2, garble },
    { "cut", "cut MACHINE MACHINE [one-way] [for=TIME]", 2, 4, cut },
    { "etcd", "etcd backup|restored|emptied|compacted|down [for=TIME]", 1, 2, etcd },
};

const struct sim_verbs sim_story_harms = { verbs, ARRAY_COUNT(verbs) };
