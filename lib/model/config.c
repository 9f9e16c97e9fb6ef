#include "model/config.h"

#include <string.h>

static bool member_equal(const struct member *a, const struct member *b)
{
    return a->slot == b->slot && a->port == b->port && strcmp(a->hostname, b->hostname) == 0 &&
           strcmp(a->ip, b->ip) == 0;
}

bool members_equal(const struct member *a, size_t a_count, const struct member *b, size_t b_count)
{
    size_t i;

    if (a_count != b_count) {
        return false;
    }
    for (i = 0; i < a_count; i++) {
        if (!member_equal(&a[i], &b[i])) {
            return false;
        }
    }
    return true;
}

const struct member *config_member(const struct config *config, uint32_t slot)
{
    size_t i;

    for (i = 0; i < config->head.members_count; i++) {
        if (config->head.members[i].slot == slot) {
            return &config->head.members[i];
        }
    }
    return NULL;
}
