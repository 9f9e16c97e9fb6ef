#include <criterion/criterion.h>
#include <stdio.h>

#include "memd/keymap.h"

#define KEYS 20000U
#define NODES_MAX 12U

/* Places of KEYS keys on nodes 10.0.0.1 to `count`, without that at index `without`. */
static void find(enum keymap_kind kind, size_t count, size_t without, uint32_t *places)
{
    static char names[NODES_MAX][40];
    struct keymap_node nodes[NODES_MAX];
    struct err err;
    size_t n = 0;
    size_t i;

    for (i = 0; i < count; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "10.0.0.%zu", i + 1);
        if (i != without) {
            nodes[n++] = (struct keymap_node){ .hostname = names[i], .port = 11211 };
        }
    }
    cr_assert_eq(keymap_find(kind, nodes, n, places, KEYS, &err), 0, "%s", err.msg);
}

#define NONE SIZE_MAX

static double share(size_t count)
{
    return (double)count / KEYS;
}

static size_t count_at(const uint32_t *places, uint32_t node)
{
    size_t n = 0;
    size_t i;

    for (i = 0; i < KEYS; i++) {
        n += places[i] == node ? 1 : 0;
    }
    return n;
}

Test(keymap, every_node_gets_its_share)
{
    static const enum keymap_kind kinds[] = { KEYMAP_KETAMA, KEYMAP_MODULO };
    static uint32_t places[KEYS];
    uint32_t node;
    size_t k;

    for (k = 0; k < ARRAY_COUNT(kinds); k++) {
        size_t all = 0;

        find(kinds[k], 10, NONE, places);
        for (node = 0; node < 10; node++) {
            size_t n = count_at(places, node);

            cr_expect(0.05 < share(n) && share(n) < 0.16, "node %u of kind %zu has %zu", node, k,
                      n);
            all += n;
        }
        cr_expect_eq(all, KEYS, "a key has no place");
    }
}

/* With ketama the keys of the others stay, wherever in the list it was. */
Test(keymap, one_of_n_nodes_gone_moves_its_keys_and_no_others)
{
    static uint32_t before[KEYS];
    static uint32_t after[KEYS];
    size_t gone;

    find(KEYMAP_KETAMA, 10, NONE, before);
    for (gone = 0; gone < 10; gone += 3) {
        size_t moved = 0;
        size_t i;

        find(KEYMAP_KETAMA, 10, gone, after);
        for (i = 0; i < KEYS; i++) {
            uint32_t now = gone <= after[i] ? after[i] + 1 : after[i]; /* in the longer list */

            moved += now != before[i] ? 1 : 0;
            cr_assert(before[i] == gone || now == before[i], "key %zu moved for nothing", i);
        }
        cr_expect(0.05 < share(moved) && share(moved) < 0.16, "%zu keys moved", moved);
    }
}

Test(keymap, modulo_moves_nearly_all_when_the_length_changes)
{
    static uint32_t before[KEYS];
    static uint32_t after[KEYS];
    size_t moved = 0;
    size_t i;

    find(KEYMAP_MODULO, 10, NONE, before);
    find(KEYMAP_MODULO, 10, 9, after);
    for (i = 0; i < KEYS; i++) {
        moved += before[i] != after[i] ? 1 : 0;
    }
    cr_expect(0.85 < share(moved), "only %zu keys moved", moved);
}

/* libmemcached ends the program when its circle gets more nodes than it has room for. */
Test(keymap, ketama_takes_as_many_nodes_as_libmemcached)
{
    static struct keymap_node nodes[KEYMAP_KETAMA_NODES_MAX + 1];
    static char names[ARRAY_COUNT(nodes)][64];
    static uint32_t places[KEYS];
    struct err err;
    size_t i;

    for (i = 0; i < ARRAY_COUNT(nodes); i++) {
        (void)snprintf(names[i], sizeof(names[i]), "10.0.0.%zu", i);
        nodes[i] = (struct keymap_node){ .hostname = names[i], .port = 11211 };
    }
    cr_assert_eq(keymap_find(KEYMAP_KETAMA, nodes, KEYMAP_KETAMA_NODES_MAX, places, KEYS, &err), 0);
    cr_assert_eq(keymap_find(KEYMAP_KETAMA, nodes, KEYMAP_KETAMA_NODES_MAX + 1, places, KEYS, &err),
                 ERR_LIMIT);
    cr_assert_eq(keymap_find(KEYMAP_MODULO, nodes, ARRAY_COUNT(nodes), places, KEYS, &err), 0);
}

Test(keymap, what_has_no_answer_is_refused)
{
    struct keymap_node node = { .hostname = "10.0.0.1", .port = 11211 };
    uint32_t place = 7;
    struct err err;

    cr_expect_eq(keymap_find(KEYMAP_KETAMA, NULL, 0, &place, 1, &err), ERR_INVALID);
    cr_expect_eq(keymap_find(KEYMAP_MODULO, &node, KEYMAP_NODES_MAX + 1, &place, 1, &err),
                 ERR_LIMIT);
    cr_expect_eq(keymap_find(KEYMAP_KETAMA, &node, 1, &place, KEYMAP_KEYS_MAX + 1, &err),
                 ERR_LIMIT);
    cr_expect_eq(place, 7);
    cr_expect_eq(keymap_find(KEYMAP_KETAMA, &node, 1, &place, 1, &err), 0);
    cr_expect_eq(place, 0);
}
