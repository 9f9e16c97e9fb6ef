#include "controller/fleet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

void fleet_deinit(struct fleet *fleet)
{
    CHECK(fleet->count == 0);
    free(fleet->clusters);
    *fleet = (struct fleet){ .clusters = NULL };
}

/* Where the cluster is or belongs. */
static size_t place_of(const struct fleet *fleet, const char *name)
{
    size_t low = 0;
    size_t high = fleet->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(fleet->clusters[middle]->name, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct cluster *fleet_find(const struct fleet *fleet, const char *name)
{
    size_t place = place_of(fleet, name);

    if (place < fleet->count && strcmp(fleet->clusters[place]->name, name) == 0) {
        return fleet->clusters[place];
    }
    return NULL;
}

int fleet_get(struct fleet *fleet, const char *name, struct cluster **out, struct err *err)
{
    struct cluster *cluster = fleet_find(fleet, name);
    size_t place = place_of(fleet, name);

    if (cluster != NULL) {
        *out = cluster;
        return 0;
    }
    if (fleet->count == fleet->capacity) {
        size_t capacity = fleet->capacity == 0 ? 8 : fleet->capacity * 2;
        struct cluster **grown = mem_realloc(fleet->clusters, capacity * sizeof(struct cluster *));

        if (grown == NULL) {
            return err_set(err, ERR_NOMEM, "list of clusters");
        }
        fleet->clusters = grown;
        fleet->capacity = capacity;
    }
    cluster = mem_alloc(sizeof(*cluster));
    if (cluster == NULL) {
        return err_set(err, ERR_NOMEM, "cluster %s", name);
    }
    (void)snprintf(cluster->name, sizeof(cluster->name), "%s", name);
    memmove(fleet->clusters + place + 1, fleet->clusters + place,
            (fleet->count - place) * sizeof(struct cluster *));
    fleet->clusters[place] = cluster;
    fleet->count++;
    *out = cluster;
    return 0;
}

void fleet_queue(struct fleet *fleet, struct cluster *cluster)
{
    if (cluster->queued) {
        return;
    }
    cluster->queued = true;
    cluster->due_next = NULL;
    cluster->due_before = fleet->due_last;
    if (fleet->due_last == NULL) {
        fleet->due = cluster;
    } else {
        fleet->due_last->due_next = cluster;
    }
    fleet->due_last = cluster;
    fleet->due_count++;
}

static void unqueue(struct fleet *fleet, struct cluster *cluster)
{
    struct cluster *before = cluster->due_before;
    struct cluster *next = cluster->due_next;

    if (!cluster->queued) {
        return;
    }
    cluster->queued = false;
    fleet->due_count--;
    if (before == NULL) {
        fleet->due = next;
    } else {
        before->due_next = next;
    }
    if (next == NULL) {
        fleet->due_last = before;
    } else {
        next->due_before = before;
    }
}

struct cluster *fleet_next(struct fleet *fleet)
{
    struct cluster *cluster = fleet->due;

    if (cluster != NULL) {
        unqueue(fleet, cluster);
    }
    return cluster;
}

void fleet_remove(struct fleet *fleet, struct cluster *cluster)
{
    size_t place = place_of(fleet, cluster->name);

    unqueue(fleet, cluster);
    fleet->count--;
    memmove(fleet->clusters + place, fleet->clusters + place + 1,
            (fleet->count - place) * sizeof(struct cluster *));
    cluster_deinit(cluster);
    free(cluster);
}
