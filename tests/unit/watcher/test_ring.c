#include <criterion/criterion.h>
#include <stdio.h>

#include "watcher/ring.h"

#define MEMBERS_MAX 8

struct ring {
    struct member members[MEMBERS_MAX];
    char ips[MEMBERS_MAX][IPV4_TEXT_SIZE];
    size_t count;
};

/* Members of these slots, each at 10.0.0.<slot>; 0 ends the list. */
static void make(struct ring *ring, const uint32_t *slots)
{
    ring->count = 0;
    while (slots[ring->count] != 0) {
        size_t i = ring->count++;

        (void)snprintf(ring->ips[i], IPV4_TEXT_SIZE, "10.0.0.%u", slots[i] % 256U);
        ring->members[i] = (struct member){ slots[i], ring->ips[i], ring->ips[i], 11211 };
    }
}

static void expect(const struct ring *ring, uint32_t slot, const char *ip, const char *expected)
{
    struct ring_self self = { slot, ip, 11211 };
    size_t places[RING_SUCCESSORS];
    size_t count = ring_successors(ring->members, ring->count, &self, places);
    char text[64] = "";
    size_t used = 0;
    size_t i;

    for (i = 0; i < count; i++) {
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%u ",
                                 ring->members[places[i]].slot);
    }
    cr_expect_str_eq(text, expected, "slot %u at %s: %s, not %s", slot, ip, text, expected);
}

Test(ring, each_member_watches_the_three_behind_it)
{
    struct ring ring;

    make(&ring, (const uint32_t[]){ 1, 2, 3, 4, 5, 0 });
    expect(&ring, 1, "10.0.0.1", "2 3 4 ");
    expect(&ring, 3, "10.0.0.3", "4 5 1 ");
    expect(&ring, 5, "10.0.0.5", "1 2 3 ");
}

Test(ring, few_members_watch_all_others_and_never_themselves)
{
    struct ring ring;

    make(&ring, (const uint32_t[]){ 1, 2, 3, 0 });
    expect(&ring, 2, "10.0.0.2", "3 1 ");
    make(&ring, (const uint32_t[]){ 4, 0 });
    expect(&ring, 4, "10.0.0.4", "");
    make(&ring, (const uint32_t[]){ 0 });
    expect(&ring, 1, "10.0.0.1", "");
}

Test(ring, who_is_no_member_watches_as_if_it_stood_there)
{
    struct ring ring;

    make(&ring, (const uint32_t[]){ 1, 3, 5, 7, 0 });
    expect(&ring, 4, "10.0.0.4", "5 7 1 ");
    expect(&ring, 9, "10.0.0.9", "1 3 5 ");
}

/* The successor of a node has its slot and another address: it watches its predecessor first. */
Test(ring, a_successor_watches_the_node_whose_slot_it_takes)
{
    struct ring ring;

    make(&ring, (const uint32_t[]){ 1, 2, 3, 4, 5, 0 });
    expect(&ring, 3, "10.0.0.33", "3 4 5 ");
}

/* Each member but those nobody else could watch has three watchers. */
Test(ring, every_member_is_watched_by_three)
{
    struct ring ring;
    unsigned watched[MEMBERS_MAX] = { 0 };
    size_t places[RING_SUCCESSORS];
    size_t count;
    size_t i;
    size_t j;

    make(&ring, (const uint32_t[]){ 2, 3, 5, 8, 13, 21, 34, 0 });
    for (i = 0; i < ring.count; i++) {
        struct ring_self self = { ring.members[i].slot, ring.members[i].ip, 11211 };

        count = ring_successors(ring.members, ring.count, &self, places);
        for (j = 0; j < count; j++) {
            cr_expect_neq(places[j], i);
            watched[places[j]]++;
        }
    }
    for (i = 0; i < ring.count; i++) {
        cr_expect_eq(watched[i], RING_SUCCESSORS);
    }
}
