#include "view/fleet_hosts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

#define CAPACITY_FIRST 16

void fleet_hosts_deinit(struct fleet_hosts *hosts)
{
    size_t i;

    for (i = 0; i < hosts->count; i++) {
        free(hosts->list[i]);
    }
    free(hosts->list);
    *hosts = (struct fleet_hosts){ .list = NULL };
}

/* Where the host is or belongs. */
static size_t host_place(const struct fleet_hosts *hosts, const char *name)
{
    size_t low = 0;
    size_t high = hosts->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(hosts->list[middle]->name, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct fleet_host *host_find(const struct fleet_hosts *hosts, const char *name)
{
    size_t place = host_place(hosts, name);

    if (place < hosts->count && strcmp(hosts->list[place]->name, name) == 0) {
        return hosts->list[place];
    }
    return NULL;
}

static int list_grow(struct fleet_hosts *hosts, struct err *err)
{
    size_t capacity = hosts->capacity == 0 ? CAPACITY_FIRST : hosts->capacity * 2;
    struct fleet_host **grown;

    if (hosts->count == FLEET_HOSTS_MAX) {
        return err_set(err, ERR_LIMIT, "more than %d hosts", FLEET_HOSTS_MAX);
    }
    if (hosts->count < hosts->capacity) {
        return 0;
    }
    grown = mem_realloc(hosts->list, capacity * sizeof(struct fleet_host *));
    if (grown == NULL) {
        return err_set(err, ERR_NOMEM, "list of hosts");
    }
    hosts->list = grown;
    hosts->capacity = capacity;
    return 0;
}

static int host_of(struct fleet_hosts *hosts, const char *name, struct fleet_host **out,
                   struct err *err)
{
    struct fleet_host *host = host_find(hosts, name);
    size_t place;
    int rv;

    if (host != NULL) {
        *out = host;
        return 0;
    }
    rv = list_grow(hosts, err);
    if (rv < 0) {
        return rv;
    }
    host = mem_alloc(sizeof(*host));
    if (host == NULL) {
        return err_set(err, ERR_NOMEM, "host %s", name);
    }
    (void)snprintf(host->name, sizeof(host->name), "%s", name);
    place = host_place(hosts, name);
    memmove(hosts->list + place + 1, hosts->list + place,
            (hosts->count - place) * sizeof(struct fleet_host *));
    hosts->list[place] = host;
    hosts->count++;
    *out = host;
    return 0;
}

static void host_count(struct fleet_hosts *hosts, const struct fleet_host *host)
{
    hosts->told += 0 < host->intents;
    hosts->gone += 0 < host->intents && host->keys == 0;
}

/* Take the host out of the sums, before it changes. */
static void host_uncount(struct fleet_hosts *hosts, const struct fleet_host *host)
{
    hosts->told -= 0 < host->intents;
    hosts->gone -= 0 < host->intents && host->keys == 0;
}

static void host_drop_unused(struct fleet_hosts *hosts, struct fleet_host *host)
{
    size_t place = host_place(hosts, host->name);

    if (0 < host->keys || 0 < host->intents) {
        return;
    }
    hosts->count--;
    memmove(hosts->list + place, hosts->list + place + 1,
            (hosts->count - place) * sizeof(struct fleet_host *));
    free(host);
}

int fleet_hosts_arrive(struct fleet_hosts *hosts, const char *name, struct err *err)
{
    struct fleet_host *host;
    int rv = host_of(hosts, name, &host, err);

    if (rv < 0) {
        return rv;
    }
    host_uncount(hosts, host);
    host->keys++;
    host_count(hosts, host);
    return 0;
}

void fleet_hosts_leave(struct fleet_hosts *hosts, const char *name)
{
    struct fleet_host *host = host_find(hosts, name);

    CHECK(host != NULL);
    CHECK(0 < host->keys);
    host_uncount(hosts, host);
    host->keys--;
    host_count(hosts, host);
    host_drop_unused(hosts, host);
}

int fleet_hosts_tell(struct fleet_hosts *hosts, const char *name, struct err *err)
{
    struct fleet_host *host;
    int rv = host_of(hosts, name, &host, err);

    if (rv < 0) {
        return rv;
    }
    host_uncount(hosts, host);
    host->intents++;
    host_count(hosts, host);
    return 0;
}

void fleet_hosts_untell(struct fleet_hosts *hosts, const char *name)
{
    struct fleet_host *host = host_find(hosts, name);

    CHECK(host != NULL);
    CHECK(0 < host->intents);
    host_uncount(hosts, host);
    host->intents--;
    host_count(hosts, host);
    host_drop_unused(hosts, host);
}
