#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "discovery/tally.h"
#include "memd/clients.h"
#include "watcher/slot_parts.h"

#define MS_PER_S 1000U
#define VERSIONS_SHOWN 8

/* What both ports of the node know of their clients. */
struct asked {
    uint64_t gathered_ms; /* when it was put together */
    uint64_t now_s;
    bool counted; /* the module has told its counters */
    struct tally_counters counters;
    struct pollers pollers;
    uint64_t since_s; /* from when on these are all */
};

void slot_polled(void *ctx, const struct poller_peer *peer, uint32_t version)
{
    struct slot *slot = ctx;
    struct poller seen = {
        .peer = *peer, .version = version, .count = 1, .seen_s = clock_mono_ms() / MS_PER_S
    };

    if (slot->partition != NULL && partition_served(slot->partition).version != 0) {
        (void)pollers_note(&slot->pollers, &seen, NULL);
    }
}

static void add_own(const struct slot *slot, struct asked *out)
{
    size_t i;

    out->since_s = pollers_since_s(&slot->pollers, slot->pollers_since_s);
    for (i = 0; i < slot->pollers.count; i++) {
        (void)pollers_note(&out->pollers, &slot->pollers.rows[i], NULL);
    }
}

static void gather(const struct slot *slot, struct asked *out)
{
    uint64_t since_s = 0;

    *out = (struct asked){ .gathered_ms = clock_mono_ms() };
    out->now_s = out->gathered_ms / MS_PER_S;
    out->pollers.max = 2U * POLLERS_MAX;
    add_own(slot, out);
    if (slot->partition != NULL) {
        out->counted =
            partition_tally(slot->partition, out->now_s, &out->counters, &out->pollers, &since_s);
        out->since_s = out->since_s < since_s ? since_s : out->since_s;
        if (!out->counted && slot->mode != PARTITION_BESIDE) {
            out->since_s = out->now_s; /* whom the data port answers, nobody counts */
        }
    }
}

/* Reading and merging the tables takes a thousand times as long as asking for it. NULL: there is no
 * memory. */
static const struct asked *lately(struct slot *slot)
{
    if (slot->told != NULL && clock_mono_ms() < slot->told->gathered_ms + SLOT_STATS_AGE_MS) {
        return slot->told;
    }
    slot_stats_forget(slot);
    slot->told = mem_alloc(sizeof(*slot->told));
    if (slot->told != NULL) {
        gather(slot, slot->told);
    }
    return slot->told;
}

void slot_stats_forget(struct slot *slot)
{
    if (slot->told != NULL) {
        pollers_deinit(&slot->told->pollers);
        free(slot->told);
        slot->told = NULL;
    }
}

static void add_counters(const struct asked *asked, struct rows *rows)
{
    char name[ROWS_NAME_BYTES_MAX];
    size_t i;

    for (i = 0; asked->counted && i < TALLY_COUNT; i++) {
        (void)snprintf(name, sizeof(name), "muster_partition_%s",
                       tally_counter_text((enum tally_counter)i));
        rows_add_number(rows, name, asked->counters.counts[i]);
    }
}

static void add_clients(const struct asked *asked, struct rows *rows)
{
    char name[POLLER_TEXT_SIZE];
    size_t i;

    if (0 < asked->since_s) {
        rows_add_number(rows, CLIENTS_SINCE, asked->now_s - asked->since_s);
    }
    for (i = 0; i < asked->pollers.count; i++) {
        const struct poller *row = &asked->pollers.rows[i];

        poller_peer_format(&row->peer, name);
        rows_addf(rows, name, "%u %llu %llu", row->version,
                  (unsigned long long)(row->seen_s < asked->now_s ? asked->now_s - row->seen_s : 0),
                  (unsigned long long)row->count);
    }
}

static bool is_recent(const struct asked *asked, const struct poller *row)
{
    return asked->now_s <= row->seen_s + CLIENTS_RECENT_S;
}

/* The highest version below `below` that a recent poller has; 0: there is none. */
static uint32_t next_version(const struct asked *asked, uint64_t below, uint64_t *count)
{
    uint32_t found = 0;
    size_t i;

    *count = 0;
    for (i = 0; i < asked->pollers.count; i++) {
        const struct poller *row = &asked->pollers.rows[i];

        if (!is_recent(asked, row) || below <= row->version || row->version < found) {
            continue;
        }
        *count = found < row->version ? 1 : *count + 1;
        found = row->version;
    }
    return found;
}

/* How many of those that asked lately have which version: the newest few, and the rest together. */
static void add_versions(const struct asked *asked, struct rows *rows)
{
    char name[ROWS_NAME_BYTES_MAX];
    uint64_t below = UINT64_MAX;
    uint64_t recent = 0;
    uint64_t shown = 0;
    uint64_t count;
    size_t i;

    for (i = 0; i < asked->pollers.count; i++) {
        recent += is_recent(asked, &asked->pollers.rows[i]) ? 1 : 0;
    }
    rows_add_number(rows, "muster_pollers", recent);
    for (i = 0; i < VERSIONS_SHOWN && shown < recent; i++) {
        uint32_t version = next_version(asked, below, &count);

        (void)snprintf(name, sizeof(name), "muster_pollers_version_%u", version);
        rows_add_number(rows, name, count);
        shown += count;
        below = version;
    }
    if (shown < recent) {
        rows_add_number(rows, "muster_pollers_version_older", recent - shown);
    }
}

bool slot_stats_counters(struct slot *slot, struct tally_counters *out)
{
    const struct asked *asked = lately(slot);

    if (asked == NULL || !asked->counted) {
        return false;
    }
    *out = asked->counters;
    return true;
}

bool slot_stats(struct slot *slot, const char *group, struct rows *rows)
{
    const bool general = group[0] == '\0';
    const bool clients = strcmp(group, "clients") == 0;
    const struct asked *asked;

    if (!general && !clients && strcmp(group, "partition") != 0) {
        return false;
    }
    asked = lately(slot);
    if (asked == NULL) {
        return false;
    }
    if (clients) {
        add_clients(asked, rows);
    } else {
        add_counters(asked, rows);
    }
    if (general) {
        add_versions(asked, rows);
    }
    return true;
}
