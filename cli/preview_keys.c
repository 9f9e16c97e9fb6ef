#include "cli/preview_keys.h"

#include <string.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "memd/keymap.h"

#define THOUSAND 1000U

const char *preview_keys_way_text(enum preview_keys_way way)
{
    static const char *const texts[] = {
#define X(name, text, whom) text,
        PREVIEW_KEYS_WAYS(X)
#undef X
    };

    CHECK((size_t)way < ARRAY_COUNT(texts));
    return texts[way];
}

const char *preview_keys_way_whom(enum preview_keys_way way)
{
    static const char *const texts[] = {
#define X(name, text, whom) whom,
        PREVIEW_KEYS_WAYS(X)
#undef X
    };

    CHECK((size_t)way < ARRAY_COUNT(texts));
    return texts[way];
}

/* A list as a client of one way sees it. */
struct listing {
    const struct member *members;
    size_t count;
    bool by_name;
};

static const char *name_of(const struct listing *listing, size_t i)
{
    return listing->by_name ? listing->members[i].hostname : listing->members[i].ip;
}

static int find_places(enum keymap_kind kind, const struct listing *listing, struct arena *arena,
                       uint32_t **out, struct err *err)
{
    struct keymap_node *nodes = arena_calloc(arena, listing->count, sizeof(*nodes));
    uint32_t *places = arena_calloc(arena, PREVIEW_KEYS_TRIED, sizeof(*places));
    size_t i;

    if (nodes == NULL || places == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for the places of keys");
    }
    for (i = 0; i < listing->count; i++) {
        nodes[i] = (struct keymap_node){ .hostname = name_of(listing, i),
                                         .port = listing->members[i].port };
    }
    *out = places;
    return keymap_find(kind, nodes, listing->count, places, PREVIEW_KEYS_TRIED, err);
}

static bool is_emptied(const struct forecast *forecast, uint32_t slot)
{
    size_t low = 0;
    size_t high = forecast->slots_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (forecast->slots[middle].slot < slot) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < forecast->slots_count && forecast->slots[low].slot == slot &&
           forecast->slots[low].emptied;
}

static bool same_address(const struct member *a, const struct member *b)
{
    return a->port == b->port && strcmp(a->ip, b->ip) == 0;
}

static int try_keys(enum keymap_kind kind, const struct forecast *forecast,
                    const struct listing *before, const struct listing *after, struct arena *arena,
                    struct preview_keys_share *out, struct err *err)
{
    uint32_t *from;
    uint32_t *to;
    uint32_t moved = 0;
    uint32_t missed = 0;
    size_t i;
    int rv = find_places(kind, before, arena, &from, err);

    if (0 <= rv) {
        rv = find_places(kind, after, arena, &to, err);
    }
    for (i = 0; 0 <= rv && i < PREVIEW_KEYS_TRIED; i++) {
        const struct member *a = &before->members[from[i]];
        bool moves = !same_address(a, &after->members[to[i]]);

        moved += moves ? 1 : 0;
        missed += moves || is_emptied(forecast, a->slot) ? 1 : 0;
    }
    if (0 <= rv) {
        *out = (struct preview_keys_share){ .tried = true,
                                            .moved = moved * THOUSAND / PREVIEW_KEYS_TRIED,
                                            .missed = missed * THOUSAND / PREVIEW_KEYS_TRIED };
    }
    return rv;
}

/*
 * What is to be expected of any consistent hashing: of k nodes that keep their name, r whose name
 * goes and a whose name is new, each is the nearest of all to as many keys, and those of the k
 * stay.
 */
static struct preview_keys_share expect_share(const struct forecast *forecast,
                                              const struct listing *before,
                                              const struct listing *after)
{
    size_t kept =
        0; /* nodes that keep their name, of those: their address, of those: their items */
    size_t stay = 0;
    size_t full = 0;
    size_t all;
    size_t i;
    size_t k;

    for (i = 0; i < before->count; i++) {
        for (k = 0; k < after->count; k++) {
            if (strcmp(name_of(before, i), name_of(after, k)) == 0 &&
                before->members[i].port == after->members[k].port) {
                bool stays = same_address(&before->members[i], &after->members[k]);

                kept++;
                stay += stays ? 1 : 0;
                full += stays && !is_emptied(forecast, before->members[i].slot) ? 1 : 0;
                break;
            }
        }
    }
    all = before->count + after->count - kept;
    return (struct preview_keys_share){
        .moved = (uint32_t)((all - stay) * THOUSAND / all),
        .missed = (uint32_t)((all - full) * THOUSAND / all),
    };
}

int preview_keys_find(const struct forecast *forecast, struct arena *arena,
                      struct preview_keys *out, struct err *err)
{
    struct listing before = { forecast->members_before, forecast->members_before_count, true };
    struct listing after = { forecast->members_after, forecast->members_after_count, true };
    size_t way;
    int rv = 0;

    *out = (struct preview_keys){ .known = 0 < before.count && 0 < after.count };
    for (way = 0; out->known && 0 <= rv && way < PREVIEW_KEYS_WAY_COUNT; way++) {
        enum keymap_kind kind = way == PREVIEW_KEYS_MODULO ? KEYMAP_MODULO : KEYMAP_KETAMA;

        before.by_name = way != PREVIEW_KEYS_KETAMA_IP;
        after.by_name = before.by_name;
        if (kind == KEYMAP_KETAMA &&
            (KEYMAP_KETAMA_NODES_MAX < before.count || KEYMAP_KETAMA_NODES_MAX < after.count)) {
            out->shares[way] = expect_share(forecast, &before, &after);
        } else {
            rv = try_keys(kind, forecast, &before, &after, arena, &out->shares[way], err);
        }
    }
    return rv < 0 ? rv : 0;
}
