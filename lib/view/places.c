#include "view/places.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

#define HOSTS_FIRST 16
#define CLAIMS_FIRST 8
#define INDEX_NONE UINT32_MAX

/* ---- Hosts ---- */

/* Where the host is or belongs. */
static size_t place_of(const struct places *places, const char *name)
{
    size_t low = 0;
    size_t high = places->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(places->hosts[middle]->name, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void renumber(struct places *places, size_t from)
{
    size_t i;

    for (i = from; i < places->count; i++) {
        places->hosts[i]->at = i;
    }
}

static int make_room(struct places *places, struct err *err)
{
    size_t capacity = places->capacity == 0 ? HOSTS_FIRST : 2 * places->capacity;
    struct host_places **grown;

    if (places->count < places->capacity) {
        return 0;
    }
    if (PLACES_HOSTS_MAX <= places->count) {
        return err_set(err, ERR_LIMIT, "more than %d hosts", PLACES_HOSTS_MAX);
    }
    grown = mem_realloc(places->hosts, capacity * sizeof(struct host_places *));
    if (grown == NULL) {
        return err_set(err, ERR_NOMEM, "list of hosts");
    }
    places->hosts = grown;
    places->capacity = capacity;
    return 0;
}

/* Of a host without a key that can be read only the name is known. */
static void host_clear(struct host_places *host)
{
    host->host = NULL;
    host->taken.present = false;
    host->taken.host = (struct host){ .name = host->name,
                                      .zone = "",
                                      .ip_first = "",
                                      .watcher_version = "",
                                      .memcached_version = "",
                                      .problem = "" };
}

static int host_get(struct places *places, const char *name, struct host_places **out,
                    struct err *err)
{
    size_t at = place_of(places, name);
    struct host_places *host;
    int rv;

    if (at < places->count && strcmp(places->hosts[at]->name, name) == 0) {
        *out = places->hosts[at];
        return 0;
    }
    rv = make_room(places, err);
    if (rv < 0) {
        return rv;
    }
    host = mem_alloc(sizeof(*host));
    if (host == NULL) {
        return err_set(err, ERR_NOMEM, "host %s", name);
    }
    (void)snprintf(host->name, sizeof(host->name), "%s", name);
    host_clear(host);
    memmove(places->hosts + at + 1, places->hosts + at,
            (places->count - at) * sizeof(struct host_places *));
    places->hosts[at] = host;
    places->count++;
    renumber(places, at);
    *out = host;
    return 0;
}

static void host_free(struct host_places *host)
{
    free(host->claims);
    free(host->indexes);
    free(host);
}

/* Forget a host of which nothing is known any more. */
static void host_trim(struct places *places, struct host_places *host)
{
    size_t at = host->at;

    if (0 < host->keys || 0 < host->claims_count) {
        return;
    }
    places->count--;
    memmove(places->hosts + at, places->hosts + at + 1,
            (places->count - at) * sizeof(struct host_places *));
    renumber(places, at);
    host_free(host);
}

void places_deinit(struct places *places)
{
    size_t i;

    for (i = 0; i < places->count; i++) {
        host_free(places->hosts[i]);
    }
    free(places->hosts);
    *places = (struct places){ .hosts = NULL };
}

/* ---- What is taken ---- */

/* The index of a place in the host's pool; INDEX_NONE when it lies outside. */
static uint32_t index_of(const struct host_places *host, const struct claim *claim)
{
    const struct host *pool = host->host;
    uint32_t first;
    uint32_t found_ip;
    uint16_t found_port;
    uint32_t i;

    if (pool == NULL || !ipv4_parse(pool->ip_first, &first)) {
        return INDEX_NONE;
    }
    i = 1 < pool->ip_count ? claim->ip - first : ((uint32_t)claim->data_port - pool->data_port) / 2;
    if (pool->nodes_max <= i || !host_endpoint(pool, i, &found_ip, &found_port) ||
        found_ip != claim->ip || found_port != claim->data_port) {
        return INDEX_NONE;
    }
    return i;
}

static int compare_places(const struct claim *a, const struct claim *b)
{
    if (a->ip != b->ip) {
        return a->ip < b->ip ? -1 : 1;
    }
    return a->data_port < b->data_port ? -1 : a->data_port > b->data_port;
}

/* Enter into `out` what clusters other than `cluster` take; `indexes` has room for each claim. */
static void sum_up(const struct host_places *host, uint64_t cluster, uint32_t *indexes,
                   struct host_view *out)
{
    const struct claim *last = NULL; /* of the place that was counted last */
    uint64_t last_bytes = 0;
    size_t i;

    out->nodes_used = 0;
    out->memory_used = 0;
    out->indexes_used = indexes;
    out->indexes_used_count = 0;
    for (i = 0; i < host->claims_count; i++) {
        const struct claim *claim = &host->claims[i];

        if (claim->cluster == cluster) {
            continue;
        }
        if (last == NULL || compare_places(last, claim) != 0) {
            last = claim;
            last_bytes = 0;
            out->nodes_used++;
            /* The order of places is that of their indexes: one of the two parts is the same. */
            if (claim->index != INDEX_NONE) {
                indexes[out->indexes_used_count++] = claim->index;
            }
        }
        if (last_bytes < claim->memory_bytes) {
            out->memory_used += claim->memory_bytes - last_bytes;
            last_bytes = claim->memory_bytes;
        }
    }
}

static bool any_told(const struct host_places *host)
{
    size_t i;

    for (i = 0; i < host->claims_count; i++) {
        if (host->claims[i].told) {
            return true;
        }
    }
    return false;
}

static void count_host(struct places *places, const struct host_places *host, bool in)
{
    size_t told = host->told ? 1 : 0;
    size_t gone = host->told && host->keys == 0 ? 1 : 0;

    places->told = in ? places->told + told : places->told - told;
    places->gone = in ? places->gone + gone : places->gone - gone;
}

/* After a change of the host's claims. */
static void claims_changed(struct places *places, struct host_places *host)
{
    count_host(places, host, false);
    host->told = any_told(host);
    count_host(places, host, true);
    sum_up(host, PLACES_NO_CLUSTER, host->indexes, &host->taken);
}

/* The host is what `says` says; NULL: it can't be known. */
static void host_become(struct host_places *host, const struct host *says)
{
    size_t i;

    if (says == NULL) {
        host_clear(host);
    } else {
        host->host = says;
        host->taken.host = *says;
        host->taken.present = true;
    }
    for (i = 0; i < host->claims_count; i++) {
        host->claims[i].index = index_of(host, &host->claims[i]);
    }
    sum_up(host, PLACES_NO_CLUSTER, host->indexes, &host->taken);
}

int places_host_put(struct places *places, const char *name, const struct host *host,
                    struct err *err)
{
    struct host_places *found;
    int rv = host_get(places, name, &found, err);

    if (rv < 0) {
        return rv;
    }
    count_host(places, found, false);
    found->keys++;
    count_host(places, found, true);
    host_become(found, host);
    return 0;
}

void places_host_gone(struct places *places, const char *name, const struct host *host)
{
    size_t at = place_of(places, name);
    struct host_places *found;

    CHECK(at < places->count);
    found = places->hosts[at];
    CHECK(0 < found->keys);
    count_host(places, found, false);
    found->keys--;
    count_host(places, found, true);
    if (found->host == host) { /* else another key has taken its place */
        host_become(found, NULL);
    }
    host_trim(places, found);
}

/* ---- Claims ---- */

/* Where the first claim of this place is, or belongs. */
static size_t claim_place(const struct host_places *host, const struct claim *claim)
{
    size_t low = 0;
    size_t high = host->claims_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare_places(&host->claims[middle], claim) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static int claims_grow(struct host_places *host, struct err *err)
{
    size_t capacity = host->claims_capacity == 0 ? CLAIMS_FIRST : 2 * host->claims_capacity;
    struct claim *claims;
    uint32_t *indexes;

    if (host->claims_count < host->claims_capacity) {
        return 0;
    }
    if (PLACES_CLAIMS_MAX <= host->claims_count) {
        return err_set(err, ERR_LIMIT, "more than %d places on host %s", PLACES_CLAIMS_MAX,
                       host->name);
    }
    claims = mem_realloc(host->claims, capacity * sizeof(*claims));
    if (claims == NULL) {
        return err_set(err, ERR_NOMEM, "places on host %s", host->name);
    }
    host->claims = claims;
    indexes = mem_realloc(host->indexes, capacity * sizeof(*indexes));
    if (indexes == NULL) {
        return err_set(err, ERR_NOMEM, "places on host %s", host->name);
    }
    host->indexes = indexes;
    host->taken.indexes_used = indexes;
    host->claims_capacity = capacity;
    return 0;
}

int places_claim(struct places *places, const char *name, const struct claim *claim,
                 struct host_places **out, struct err *err)
{
    struct host_places *host;
    size_t at;
    int rv = host_get(places, name, &host, err);

    if (rv < 0) {
        return rv;
    }
    rv = claims_grow(host, err);
    if (rv < 0) {
        host_trim(places, host);
        return rv;
    }
    at = claim_place(host, claim);
    memmove(host->claims + at + 1, host->claims + at,
            (host->claims_count - at) * sizeof(*host->claims));
    host->claims[at] = *claim;
    host->claims[at].index = index_of(host, claim);
    host->claims_count++;
    claims_changed(places, host);
    *out = host;
    return 0;
}

void places_release(struct places *places, struct host_places *host, const struct claim *claim)
{
    size_t at = claim_place(host, claim);

    while (at < host->claims_count &&
           (host->claims[at].cluster != claim->cluster || host->claims[at].told != claim->told ||
            host->claims[at].memory_bytes != claim->memory_bytes)) {
        at++;
    }
    CHECK(at < host->claims_count);
    CHECK(compare_places(&host->claims[at], claim) == 0);
    host->claims_count--;
    memmove(host->claims + at, host->claims + at + 1,
            (host->claims_count - at) * sizeof(*host->claims));
    claims_changed(places, host);
    host_trim(places, host);
}

int places_of_others(const struct host_places *host, uint64_t cluster, struct arena *arena,
                     struct host_view *out, struct err *err)
{
    uint32_t *indexes = arena_calloc(arena, host->claims_count, sizeof(*indexes));

    if (indexes == NULL) {
        return err_set(err, ERR_NOMEM, "places on host %s", host->name);
    }
    *out = host->taken;
    sum_up(host, cluster, indexes, out);
    return 0;
}
