/* Places of keys, and where the real libraries look for them. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libmemcached/memcached.h>

#include "base/mem.h"
#include "hashing/key_hash.h"
#include "hashing/md5.h"
#include "hashing/spread.h"
#include "support/scene.h"

#define NODES_MAX 100 /* libmemcached's ketama ends the program beyond */
#define KEY_SIZE 64

struct list {
    char names[NODES_MAX][40];
    struct spread_node nodes[NODES_MAX];
    size_t count;
};

/* The same numbers in each run. */
static uint32_t draw(uint64_t *state, uint32_t below)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33) % below;
}

/* Addresses or names, on the usual port or on others. */
static void draw_list(uint64_t *state, size_t count, struct list *out)
{
    const bool named = draw(state, 2) == 0;
    const bool usual = draw(state, 2) == 0;
    size_t i;

    out->count = count;
    for (i = 0; i < count; i++) {
        if (named) {
            (void)snprintf(out->names[i], sizeof(out->names[i]), "%04zu.c%u.cache.local", i + 1,
                           draw(state, 100));
        } else {
            (void)snprintf(out->names[i], sizeof(out->names[i]), "10.%u.%u.%zu", draw(state, 256),
                           draw(state, 256), i + 1);
        }
        out->nodes[i] = (struct spread_node){
            .hostname = out->names[i],
            .port = (uint16_t)(usual ? 11211 : 20000 + draw(state, 1000)),
        };
    }
}

static size_t draw_key(uint64_t *state, char out[KEY_SIZE])
{
    size_t size = 1 + draw(state, KEY_SIZE - 1);
    size_t i;

    for (i = 0; i < size; i++) {
        out[i] = (char)('!' + draw(state, '~' - '!' + 1));
    }
    return size;
}

static memcached_st *library(enum spec_hashing hashing, const struct list *list)
{
    memcached_st *handle = memcached_create(NULL);
    memcached_server_st *servers = NULL;
    memcached_return_t rc;
    size_t i;

    cr_assert_not_null(handle);
    if (hashing == SPEC_HASHING_KETAMA) {
        cr_assert_eq(memcached_behavior_set(handle, MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED, 1),
                     MEMCACHED_SUCCESS);
    }
    for (i = 0; i < list->count; i++) {
        servers = memcached_server_list_append_with_weight(servers, list->nodes[i].hostname,
                                                           list->nodes[i].port, 1, &rc);
        cr_assert_not_null(servers);
    }
    cr_assert_eq(memcached_server_push(handle, servers), MEMCACHED_SUCCESS);
    memcached_server_list_free(servers);
    return handle;
}

static void compare(enum spec_hashing hashing, const struct list *list, uint64_t *state,
                    size_t keys)
{
    CLEANUP(spread_free_p) struct spread *spread = NULL;
    memcached_st *handle = library(hashing, list);
    struct err err = { 0 };
    char key[KEY_SIZE];
    size_t i;

    cr_assert_eq(spread_new(hashing, list->nodes, list->count, &spread, &err), 0, "%s", err.msg);
    for (i = 0; i < keys; i++) {
        size_t size = draw_key(state, key);

        cr_assert_eq(spread_find(spread, key, size), memcached_generate_hash(handle, key, size),
                     "%zu nodes, key '%.*s'", list->count, (int)size, key);
    }
    memcached_free(handle);
}

/* Each length of a list once, so that no rounding is missed. */
Test(spread, ketama_is_that_of_libmemcached)
{
    static struct list list;
    uint64_t state = 1;
    size_t count;

    for (count = 1; count <= NODES_MAX; count++) {
        draw_list(&state, count, &list);
        compare(SPEC_HASHING_KETAMA, &list, &state, 1000);
    }
}

Test(spread, modulo_is_that_of_libmemcached)
{
    static struct list list;
    uint64_t state = 2;
    size_t count;

    for (count = 1; count <= NODES_MAX; count++) {
        draw_list(&state, count, &list);
        compare(SPEC_HASHING_MODULO, &list, &state, 1000);
    }
}

/* ---- pymemcache ---- */

#define LISTS 40
#define KEYS_PER_LIST 250

static void write_questions(FILE *out, uint64_t *state, struct list *list)
{
    char key[KEY_SIZE];
    size_t i;

    (void)fprintf(out, "list");
    for (i = 0; i < list->count; i++) {
        (void)fprintf(out, " %s:%u", list->nodes[i].hostname, list->nodes[i].port);
    }
    (void)fprintf(out, "\n");
    for (i = 0; i < KEYS_PER_LIST; i++) {
        int size = (int)draw_key(state, key);

        (void)fprintf(out, "key %.*s\n", size, key);
    }
}

static void expect_answers(FILE *answers, uint64_t *state, const struct list *list)
{
    CLEANUP(spread_free_p) struct spread *spread = NULL;
    struct err err = { 0 };
    char key[KEY_SIZE];
    char line[32];
    size_t i;

    cr_assert_eq(spread_new(SPEC_HASHING_RENDEZVOUS, list->nodes, list->count, &spread, &err), 0);
    for (i = 0; i < KEYS_PER_LIST; i++) {
        size_t size = draw_key(state, key);

        cr_assert_not_null(fgets(line, sizeof(line), answers), "pymemcache has no answer");
        cr_assert_eq(spread_find(spread, key, size), strtoul(line, NULL, 10),
                     "%zu nodes, key '%.*s'", list->count, (int)size, key);
    }
}

Test(spread, rendezvous_is_that_of_pymemcache)
{
    static struct list list;
    struct scene_path path = scene_write("questions", "");
    uint64_t questions = 3;
    uint64_t expected = 3;
    char command[1024];
    FILE *file = fopen(path.text, "w");
    FILE *answers;
    size_t i;

    cr_assert_not_null(file);
    for (i = 0; i < LISTS; i++) {
        draw_list(&questions, 1 + i, &list);
        write_questions(file, &questions, &list);
    }
    cr_assert_eq(fclose(file), 0);
    (void)snprintf(command, sizeof(command),
                   "/usr/bin/python3 '%s/tests/unit/hashing/rendezvous.py' '%s'",
                   getenv("MUSTER_SOURCE_DIR"), path.text);
    answers = popen(command, "r");
    cr_assert_not_null(answers);
    for (i = 0; i < LISTS; i++) {
        draw_list(&expected, 1 + i, &list);
        expect_answers(answers, &expected, &list);
    }
    cr_expect_eq(pclose(answers), 0);
}

/* ---- What they are made of ---- */

/* RFC 1321, A.5. */
Test(spread, md5_as_its_standard_has_it)
{
    static const struct {
        const char *text;
        const char *digest;
    } rows[] = {
        { "", "d41d8cd98f00b204e9800998ecf8427e" },
        { "abc", "900150983cd24fb0d6963f7d28e17f72" },
        { "abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b" },
        { "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
          "d174ab98d277d9f5a5611c2c9f419d9f" },
        { "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
          "57edf4a22be3c955ac49da2e2107b67a" },
    };
    unsigned char digest[MD5_BYTES];
    char text[2 * MD5_BYTES + 1];
    size_t i;
    size_t k;

    for (i = 0; i < ARRAY_COUNT(rows); i++) {
        md5(rows[i].text, strlen(rows[i].text), digest);
        for (k = 0; k < MD5_BYTES; k++) {
            (void)snprintf(text + 2 * k, 3, "%02x", digest[k]);
        }
        cr_expect_str_eq(text, rows[i].digest, "'%s'", rows[i].text);
    }
}

/* Sizes around the end of a block. */
Test(spread, md5_of_all_sizes_is_that_of_libhashkit)
{
    char bytes[200];
    size_t size;

    memset(bytes, 'x', sizeof(bytes));
    for (size = 1; size < sizeof(bytes); size++) {
        cr_expect_eq(key_hash_md5(bytes, size),
                     memcached_generate_hash_value(bytes, size, MEMCACHED_HASH_MD5), "%zu", size);
    }
}

Test(spread, a_list_of_none_and_one_that_is_too_long_are_refused)
{
    static struct spread_node nodes[SPREAD_NODES_MAX + 1];
    struct spread *spread = NULL;
    struct err err;
    size_t i;

    for (i = 0; i <= SPREAD_NODES_MAX; i++) {
        nodes[i].hostname = "a";
    }
    cr_expect_eq(spread_new(SPEC_HASHING_KETAMA, nodes, 0, &spread, &err), ERR_INVALID);
    cr_expect_eq(spread_new(SPEC_HASHING_KETAMA, nodes, SPREAD_NODES_MAX + 1, &spread, &err),
                 ERR_LIMIT);
    cr_expect_null(spread);
    cr_assert_eq(spread_new(SPEC_HASHING_KETAMA, nodes, SPREAD_NODES_MAX, &spread, &err), 0);
    cr_expect_lt(spread_find(spread, "k", 1), SPREAD_NODES_MAX);
    spread_free(spread);
}

Test(spread, survives_every_allocation_failure)
{
    static const struct spread_node nodes[] = { { "a", 11211 }, { "b", 11211 } };
    enum spec_hashing hashing;
    struct err err;

    for (hashing = SPEC_HASHING_KETAMA; hashing <= SPEC_HASHING_RENDEZVOUS; hashing++) {
        int n = 0;
        int rv;

        do {
            CLEANUP(spread_free_p) struct spread *spread = NULL;

            mem_fail_after(n);
            rv = spread_new(hashing, nodes, ARRAY_COUNT(nodes), &spread, &err);
            if (mem_has_failed()) {
                cr_assert_eq(rv, ERR_NOMEM);
                cr_assert_null(spread);
            }
            n++;
        } while (mem_has_failed());
        cr_assert_eq(rv, 0);
    }
}
