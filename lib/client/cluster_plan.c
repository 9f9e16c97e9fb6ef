#include "client/cluster_plan.h"

#include <stdlib.h>
#include <string.h>

/* What asking for a name costs, in keys of a list: some ranges of a transaction. */
#define KEYS_PER_NAME 12

bool cluster_plan_pays(uint64_t names, uint64_t keys)
{
    return names <= CLUSTER_PLAN_NAMES_MAX && names <= keys / KEYS_PER_NAME;
}

/* As keys are ordered: a name ends with a slash. */
static int compare(const void *a, const void *b)
{
    const char *left = *(const char *const *)a;
    const char *right = *(const char *const *)b;

    while (*left != '\0' && *left == *right) {
        left++;
        right++;
    }
    return (int)(unsigned char)(*left == '\0' ? '/' : *left) -
           (int)(unsigned char)(*right == '\0' ? '/' : *right);
}

int cluster_plan_make(struct arena *arena, const char *prefix, const char *const *names,
                      size_t count, struct cluster_plan *out, struct err *err)
{
    struct cluster_plan plan = { .count = count };
    bool failed = false;
    size_t i;

    plan.names = arena_calloc(arena, count + 1, sizeof(*plan.names));
    plan.gaps = arena_calloc(arena, count + 1, sizeof(*plan.gaps));
    if (plan.names == NULL || plan.gaps == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for %zu clusters", count);
    }
    if (0 < count) {
        memcpy(plan.names, names, count * sizeof(*plan.names));
        qsort(plan.names, count, sizeof(*plan.names), compare);
    }
    /* '0' is what follows on '/'. */
    plan.gaps[0].from = arena_printf(arena, "%s/clusters/", prefix);
    plan.gaps[count].end = arena_printf(arena, "%s/clusters0", prefix);
    for (i = 0; i < count; i++) {
        plan.gaps[i].end = arena_printf(arena, "%s/clusters/%s/", prefix, plan.names[i]);
        plan.gaps[i + 1].from = arena_printf(arena, "%s/clusters/%s0", prefix, plan.names[i]);
        failed = failed || plan.gaps[i].end == NULL || plan.gaps[i + 1].from == NULL;
    }
    if (failed || plan.gaps[0].from == NULL || plan.gaps[count].end == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for %zu clusters", count);
    }
    *out = plan;
    return 0;
}

size_t cluster_plan_gap(const struct cluster_plan *plan, const char *key)
{
    size_t low = 0;
    size_t high = plan->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(key, plan->gaps[middle].end) < 0) {
            high = middle;
        } else if (strcmp(key, plan->gaps[middle + 1].from) < 0) {
            return SIZE_MAX;
        } else {
            low = middle + 1;
        }
    }
    return low;
}
