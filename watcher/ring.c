#include "watcher/ring.h"

#include <stdbool.h>
#include <string.h>

static bool is_self(const struct member *member, const struct ring_self *self)
{
    return member->port == self->port && strcmp(member->ip, self->ip) == 0;
}

/* The member that stands first at or behind the place of `slot`; `count`: none does. */
static size_t place_of(const struct member *members, size_t count, uint32_t slot)
{
    size_t i = 0;

    while (i < count && members[i].slot < slot) {
        i++;
    }
    return i;
}

size_t ring_successors(const struct member *members, size_t count, const struct ring_self *self,
                       size_t out[RING_SUCCESSORS])
{
    size_t first = place_of(members, count, self->slot);
    size_t found = 0;
    size_t step;

    for (step = 0; step < count && found < RING_SUCCESSORS; step++) {
        size_t i = (first + step) % count;

        if (!is_self(&members[i], self)) {
            out[found++] = i;
        }
    }
    return found;
}
