#include "watcher/join_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

void join_table_init(struct join_table *table)
{
    *table = (struct join_table){ 0 };
}

void join_table_deinit(struct join_table *table)
{
    free(table->entries);
    join_table_init(table);
}

/* From then on nobody takes it for a fresh one. */
static uint64_t over_ms(uint64_t issued_ms)
{
    return issued_ms + JOIN_LIFETIME_MS + JOIN_CLOCK_SKEW_MS;
}

static struct join_entry *find_used(const struct join_table *table, const char *cluster,
                                    const char *uid)
{
    size_t i;

    for (i = 0; table->entries != NULL && i < JOIN_TABLE_MAX; i++) {
        struct join_entry *entry = &table->entries[i];

        if (entry->used && strcmp(entry->uid, uid) == 0 && strcmp(entry->cluster, cluster) == 0) {
            return entry;
        }
    }
    return NULL;
}

static bool nonce_seen(const struct join_table *table, const char *nonce)
{
    size_t i;

    for (i = 0; table->entries != NULL && i < JOIN_TABLE_MAX; i++) {
        if (table->entries[i].used && strcmp(table->entries[i].nonce, nonce) == 0) {
            return true;
        }
    }
    return false;
}

/* When there was one of its uid before. */
static enum join_verdict judge_again(const struct join_entry *last, const struct join *join,
                                     const struct join_place *place)
{
    bool same = last->issued_ms == join->issued_ms && strcmp(last->nonce, join->nonce) == 0;

    if (!place->own && join->issued_ms <= last->issued_ms) {
        return JOIN_KNOWN; /* it took longer by that way; a replay is refused where it is written */
    }
    if (same && last->held) {
        return JOIN_DUPLICATE;
    }
    return join->issued_ms <= last->issued_ms ? JOIN_REPLAYED : JOIN_TAKEN;
}

static bool lists(const struct config_draft *config, const struct join *join)
{
    size_t i;

    for (i = 0; config != NULL && i < config->members_count; i++) {
        if (config->members[i].port == join->data_port &&
            strcmp(config->members[i].ip, join->ip) == 0) {
            return true;
        }
    }
    return false;
}

/* An unused entry, or one that is remembered for nothing by now. */
static struct join_entry *find_free(const struct join_table *table, uint64_t now_ms)
{
    size_t i;

    for (i = 0; i < JOIN_TABLE_MAX; i++) {
        struct join_entry *entry = &table->entries[i];

        if (!entry->used || (!entry->held && join_entry_is_over(entry, now_ms))) {
            return entry;
        }
    }
    return NULL;
}

static bool is_full(const struct join_table *table, uint64_t now_ms)
{
    return table->entries != NULL && find_free(table, now_ms) == NULL;
}

enum join_verdict join_table_screen(const struct join *join, const struct join_place *place,
                                    uint64_t now_ms)
{
    if (strcmp(join->cluster, place->cluster) != 0 ||
        strcmp(join->cluster_uid, place->cluster_uid) != 0) {
        return JOIN_FOREIGN;
    }
    if (over_ms(join->issued_ms) <= now_ms) {
        return JOIN_EXPIRED;
    }
    return now_ms + JOIN_CLOCK_SKEW_MS < join->issued_ms ? JOIN_EARLY : JOIN_TAKEN;
}

enum join_verdict join_table_judge(const struct join_table *table, const struct join *join,
                                   const struct join_place *place, uint64_t now_ms)
{
    const struct join_entry *last = find_used(table, join->cluster, join->uid);
    enum join_verdict verdict = join_table_screen(join, place, now_ms);

    if (verdict != JOIN_TAKEN) {
        return verdict;
    }
    verdict = last == NULL ? JOIN_TAKEN : judge_again(last, join, place);
    if (verdict == JOIN_TAKEN && !place->own && lists(place->config, join)) {
        return JOIN_KNOWN;
    }
    if (verdict == JOIN_TAKEN && nonce_seen(table, join->nonce)) {
        return JOIN_REPLAYED;
    }
    return verdict == JOIN_TAKEN && last == NULL && is_full(table, now_ms) ? JOIN_FULL : verdict;
}

static struct join_entry *free_entry(struct join_table *table, uint64_t now_ms)
{
    struct join_entry *entry = find_free(table, now_ms);

    if (entry != NULL) {
        *entry = (struct join_entry){ 0 };
    }
    return entry;
}

static void fill(struct join_entry *entry, const struct join *join, const struct join_place *place)
{
    entry->used = true;
    entry->held = true;
    entry->issued_ms = join->issued_ms;
    entry->data_port = join->data_port;
    entry->slot = place->slot;
    entry->own = place->own;
    entry->version = place->version;
    (void)snprintf(entry->cluster, sizeof(entry->cluster), "%s", join->cluster);
    (void)snprintf(entry->uid, sizeof(entry->uid), "%s", join->uid);
    (void)snprintf(entry->nonce, sizeof(entry->nonce), "%s", join->nonce);
    (void)snprintf(entry->ip, sizeof(entry->ip), "%s", join->ip);
}

static int make_entries(struct join_table *table, struct err *err)
{
    if (table->entries == NULL) {
        table->entries = mem_alloc(JOIN_TABLE_MAX * sizeof(*table->entries));
    }
    return table->entries == NULL ? err_set(err, ERR_NOMEM, "out of memory") : 0;
}

int join_table_take(struct join_table *table, const struct join *join,
                    const struct join_place *place, uint64_t now_ms, struct join_entry **out,
                    struct err *err)
{
    enum join_verdict verdict = join_table_judge(table, join, place, now_ms);
    struct join_entry *entry;

    if (verdict != JOIN_TAKEN) {
        return (int)verdict;
    }
    if (make_entries(table, err) < 0) {
        return ERR_NOMEM;
    }
    entry = find_used(table, join->cluster, join->uid);
    if (entry == NULL) {
        entry = free_entry(table, now_ms);
        CHECK(entry != NULL); /* else it would be FULL */
    }
    table->held += entry->held ? 0 : 1;
    fill(entry, join, place);
    *out = entry;
    return JOIN_TAKEN;
}

struct join_entry *join_table_find(struct join_table *table, const char *cluster, const char *uid)
{
    struct join_entry *entry = find_used(table, cluster, uid);

    return entry != NULL && entry->held ? entry : NULL;
}

struct join_entry *join_table_next(struct join_table *table, const struct join_entry *entry)
{
    size_t i = entry == NULL ? 0 : (size_t)(entry - table->entries) + 1;

    for (; 0 < table->held && i < JOIN_TABLE_MAX; i++) {
        if (table->entries[i].held) {
            return &table->entries[i];
        }
    }
    return NULL;
}

bool join_entry_admitted(const struct join_entry *entry, uint32_t version, const char *ip,
                         uint16_t data_port)
{
    return entry->version < version && entry->data_port == data_port && strcmp(entry->ip, ip) == 0;
}

bool join_entry_is_over(const struct join_entry *entry, uint64_t now_ms)
{
    return over_ms(entry->issued_ms) <= now_ms;
}

int join_table_remember(struct join_table *table, const struct join *join, uint64_t now_ms,
                        struct err *err)
{
    const struct join_place nowhere = { .version = 0 };
    struct join_entry *entry;

    if (over_ms(join->issued_ms) <= now_ms) {
        return 0;
    }
    if (make_entries(table, err) < 0) {
        return ERR_NOMEM;
    }
    entry = free_entry(table, now_ms);
    if (entry != NULL) {
        fill(entry, join, &nowhere);
        entry->held = false;
    }
    return 0;
}

void join_table_release(struct join_table *table, struct join_entry *entry)
{
    entry->held = false;
    entry->user = NULL;
    table->held--;
}

struct join_entry *join_table_expired(struct join_table *table, uint64_t now_ms)
{
    struct join_entry *entry = NULL;

    while ((entry = join_table_next(table, entry)) != NULL) {
        if (over_ms(entry->issued_ms) <= now_ms) {
            return entry;
        }
    }
    return NULL;
}

uint64_t join_table_wake_ms(const struct join_table *table)
{
    uint64_t wake_ms = UINT64_MAX;
    size_t i;

    for (i = 0; 0 < table->held && i < JOIN_TABLE_MAX; i++) {
        uint64_t at_ms = over_ms(table->entries[i].issued_ms);

        wake_ms = table->entries[i].held && at_ms < wake_ms ? at_ms : wake_ms;
    }
    return wake_ms;
}

const char *join_verdict_word(enum join_verdict verdict)
{
    static const char *const words[] = {
#define X(name, word, text) word,
        JOIN_VERDICTS(X)
#undef X
    };

    return words[verdict];
}

const char *join_verdict_text(enum join_verdict verdict)
{
    static const char *const texts[] = {
#define X(name, word, text) text,
        JOIN_VERDICTS(X)
#undef X
    };

    return texts[verdict];
}
