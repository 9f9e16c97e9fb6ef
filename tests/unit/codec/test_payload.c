#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "codec/payload.h"
#include "gen.h"

#define ARENA_MAX (8U << 20)

/* Parse from memory of exactly that size, so that a read beyond it is seen. */
static int parse(const char *bytes, size_t size, struct arena *arena, uint32_t *version,
                 struct member **members, size_t *count, struct err *err)
{
    char *exact = malloc(size == 0 ? 1 : size);
    int rv;

    memcpy(exact, bytes, size);
    rv = payload_parse(exact, size, arena, version, members, count, err);
    free(exact);
    return rv;
}

Test(payload, is_byte_for_byte_what_clients_read)
{
    static const struct member members[] = { { 1, "0001.web.cache.local", "10.0.0.1", 11211 },
                                             { 2, "0002.web.cache.local", "10.0.0.2", 11213 },
                                             { 7, "10.0.0.7", "10.0.0.7", 1 } };
    const struct config_draft draft = { "web", "0123456789abcdef", 1, 2147483647, members, 3 };
    CLEANUP(arena_deinit) struct arena arena = { 0 };
    const char *payload;
    size_t size;
    struct err err;

    arena_init(&arena, ARENA_MAX);
    cr_assert_eq(payload_render(&draft, &arena, &payload, &size, &err), 0, "%s", err.msg);
    cr_expect_str_eq(payload, "2147483647\n"
                              "0001.web.cache.local|10.0.0.1|11211 "
                              "0002.web.cache.local|10.0.0.2|11213 10.0.0.7|10.0.0.7|1\n");
    cr_expect_eq(size, strlen(payload));
}

Test(payload, what_was_rendered_is_read_back)
{
    uint64_t seed;

    for (seed = 0; seed < 300; seed++) {
        CLEANUP(arena_deinit) struct arena arena = { 0 };
        struct gen gen = { seed, &arena };
        struct config_draft draft;
        struct member *members;
        const char *payload;
        uint32_t version;
        size_t size;
        size_t count;
        struct err err;
        size_t i;

        arena_init(&arena, ARENA_MAX);
        gen_draft(&gen, &draft);
        cr_assert_eq(payload_render(&draft, &arena, &payload, &size, &err), 0, "%s", err.msg);
        cr_assert_eq(parse(payload, size, &arena, &version, &members, &count, &err), 0, "%s: %s",
                     err.msg, payload);
        cr_assert_eq(version, draft.version);
        for (i = 0; i < count; i++) {
            cr_assert(members[i].slot == draft.members[i].slot ||
                      (members[i].slot == 0 && strcmp(members[i].hostname, members[i].ip) == 0));
            members[i].slot = draft.members[i].slot;
        }
        cr_assert(members_equal(members, count, draft.members, draft.members_count));
    }
}

Test(payload, a_draft_that_breaks_the_form_is_refused)
{
    static const struct {
        uint32_t version;
        struct member members[2];
        size_t count;
        const char *says;
    } rows[] = {
        { 1, { { 0 } }, 0, "node list: no members: clients would have nowhere to go" },
        { 0, { { 1, "a", "1.2.3.4", 1 } }, 1, "node list: version 0 is not within 1..2147483647" },
        { 2147483648U,
          { { 1, "a", "1.2.3.4", 1 } },
          1,
          "node list: version 2147483648 is not within 1..2147483647" },
        { 1, { { 0, "a", "1.2.3.4", 1 } }, 1, "node list: member 0: slot 0 is out of order" },
        { 1,
          { { 2, "a", "1.2.3.4", 1 }, { 2, "b", "1.2.3.5", 1 } },
          2,
          "node list: member 1: slot 2 is out of order" },
        { 1, { { 1, "a", "", 1 } }, 1, "node list: slot 1: \"\" is no IPv4 address" },
        { 1, { { 1, "a", "::1", 1 } }, 1, "node list: slot 1: \"::1\" is no IPv4 address" },
        { 1, { { 1, "a|b", "1.2.3.4", 1 } }, 1, "node list: slot 1: \"a|b\" is no host name" },
        { 1, { { 1, "a b", "1.2.3.4", 1 } }, 1, "node list: slot 1: \"a b\" is no host name" },
        { 1, { { 1, "", "1.2.3.4", 1 } }, 1, "node list: slot 1: \"\" is no host name" },
        { 1, { { 1, "a", "1.2.3.4", 0 } }, 1, "node list: slot 1: has no port" },
    };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(rows); i++) {
        CLEANUP(arena_deinit) struct arena arena = { 0 };
        const struct config_draft draft = { "web",           "u",          1, rows[i].version,
                                            rows[i].members, rows[i].count };
        const char *payload = "untouched";
        size_t size = 7;
        struct err err = { 0 };

        arena_init(&arena, ARENA_MAX);
        cr_expect_eq(payload_render(&draft, &arena, &payload, &size, &err), ERR_INVALID);
        cr_expect_str_eq(err.msg, rows[i].says);
        cr_expect_str_eq(payload, "untouched");
    }
}

Test(payload, its_size_has_a_limit)
{
    CLEANUP(arena_deinit) struct arena arena = { 0 };
    struct config_draft draft = { .cluster = "web", .version = 1, .members_count = 4000 };
    struct member *members;
    const char *payload;
    size_t size;
    struct err err;
    size_t i;

    arena_init(&arena, ARENA_MAX);
    members = arena_calloc(&arena, draft.members_count, sizeof(*members));
    for (i = 0; i < draft.members_count; i++) {
        members[i] = (struct member){ (uint32_t)i + 1, "10.0.0.1", "10.0.0.1", 11211 };
    }
    draft.members = members;
    cr_expect_eq(payload_render(&draft, &arena, &payload, &size, &err), ERR_LIMIT);
    draft.members_count = 2700;
    cr_expect_eq(payload_render(&draft, &arena, &payload, &size, &err), 0);
    cr_expect_leq(size, CONFIG_PAYLOAD_BYTES_MAX);
}

Test(payload, anything_else_is_told_apart_at_its_byte)
{
    static const struct {
        const char *text;
        const char *says;
    } rows[] = {
        { "", "byte 0: expected a version" },
        { "\n", "byte 0: expected a version" },
        { "0\na|1.2.3.4|1\n", "byte 0: expected a version" },
        { "01\na|1.2.3.4|1\n", "byte 0: expected a version" },
        { "2147483648\na|1.2.3.4|1\n", "byte 0: expected a version" },
        { "-1\na|1.2.3.4|1\n", "byte 0: expected a version" },
        { "1", "byte 1: expected a line end" },
        { "1\r\na|1.2.3.4|1\n", "byte 0: expected a version" },
        { "1\n", "byte 2: expected a host name" },
        { "1\n\n", "byte 2: expected a host name" },
        { "1\na", "byte 3: expected '|'" },
        { "1\na|", "byte 4: expected an IPv4 address" },
        { "1\na||1\n", "byte 4: expected an IPv4 address" },
        { "1\na|1.2.3.4", "byte 11: expected '|'" },
        { "1\na|1.2.3.4|", "byte 12: expected a port" },
        { "1\na|1.2.3.4|0\n", "byte 12: expected a port" },
        { "1\na|1.2.3.4|65536\n", "byte 12: expected a port" },
        { "1\na|1.2.3.4|1", "byte 13: expected a line end" },
        { "1\na|1.2.3.4|1 ", "byte 14: expected a host name" },
        { "1\na|1.2.3.4|1 \n", "byte 14: expected a host name" },
        { "1\na|1.2.3.4|1  b|1.2.3.4|1\n", "byte 14: expected a host name" },
        { "1\na|1.2.3.4|1\n\n", "byte 14: expected the end" },
        { "1\na|1.2.3.4|1\nx", "byte 14: expected the end" },
        { "1\na|1.2.3.4|1|2\n", "byte 13: expected a line end" },
        { "1\nA|1.2.3.4|1\n", "byte 2: expected a host name" },
    };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(rows); i++) {
        CLEANUP(arena_deinit) struct arena arena = { 0 };
        struct member *members = NULL;
        uint32_t version = 7;
        size_t count = 7;
        struct err err = { 0 };

        arena_init(&arena, ARENA_MAX);
        cr_expect_eq(
            parse(rows[i].text, strlen(rows[i].text), &arena, &version, &members, &count, &err),
            ERR_INVALID, "%s", rows[i].text);
        cr_expect_str_eq(err.msg, rows[i].says, "%s: %s", rows[i].text, err.msg);
        cr_expect_eq(version, 7);
        cr_expect_null(members);
    }
}

Test(payload, slots_come_from_host_names_that_begin_with_one)
{
    static const char text[] = "5\n0007.web.local|1.2.3.4|1 0000.web|1.2.3.4|1 0008|1.2.3.4|1 "
                               "00099.web|1.2.3.4|1\n";
    CLEANUP(arena_deinit) struct arena arena = { 0 };
    struct member *members;
    uint32_t version;
    size_t count;
    struct err err;

    arena_init(&arena, ARENA_MAX);
    cr_assert_eq(parse(text, strlen(text), &arena, &version, &members, &count, &err), 0, "%s",
                 err.msg);
    cr_assert_eq(count, 4);
    cr_expect_eq(members[0].slot, 7);
    cr_expect_eq(members[1].slot, 0);
    cr_expect_eq(members[2].slot, 0);
    cr_expect_eq(members[3].slot, 0);
}

Test(payload, survives_every_allocation_failure)
{
    static const struct member members[] = { { 1, "a", "10.0.0.1", 11211 } };
    const struct config_draft draft = { "web", "u", 1, 1, members, 1 };
    struct err err;
    int n = 0;
    bool again = true;

    while (again) {
        CLEANUP(arena_deinit) struct arena arena = { 0 };
        const char *payload;
        size_t size;
        int rv;

        arena_init(&arena, ARENA_MAX);
        mem_fail_after(n++);
        rv = payload_render(&draft, &arena, &payload, &size, &err);
        again = mem_has_failed();
        cr_assert_eq(rv, again ? ERR_NOMEM : 0);
    }
    cr_expect_geq(n, 3);
}
