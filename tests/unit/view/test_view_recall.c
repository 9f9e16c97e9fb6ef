#include <criterion/criterion.h>

#include "view/view_recall.h"

#define NOW_MS 9000

static struct arena arena;

static void setup(void)
{
    arena_init(&arena, 1U << 20);
}

static void teardown(void)
{
    arena_deinit(&arena);
}

TestSuite(view_recall, .init = setup, .fini = teardown);

static const struct intent intents[] = {
    { .slot = 1, .host = "h1", .ip = "10.0.0.1", .data_port = 11211 },
    { .slot = 2, .host = "h2", .ip = "10.0.0.2", .data_port = 11211 },
    { .slot = 2, .host = "h3", .ip = "10.0.0.3", .data_port = 11211 },
    { .slot = 4, .host = "h4", .ip = "10.0.0.4", .data_port = 11211 },
};

static const struct node_report reports[] = {
    { .slot = 1, .host = "h1", .ip = "10.0.0.1", .data_port = 11211, .state = NODE_UP },
    { .slot = 2, .host = "h3", .ip = "10.0.0.3", .data_port = 11211, .state = NODE_DOWN },
    { .slot = 3, .host = "h9", .ip = "10.0.0.9", .data_port = 11211, .state = NODE_DOWN },
};

static const struct slot_status told[] = {
    { .slot = 1, .host = "h1", .silent_since_ms = 7000, .unreachable_since_ms = 7100 },
    { .slot = 2, .host = "h2", .silent_since_ms = 5000, .unreachable_since_ms = 5500 },
    { .slot = 2, .host = "h3", .unreachable_since_ms = 6000 },
    { .slot = 5, .host = "", .silent_since_ms = 3000, .unreachable_since_ms = 3500 },
};

static const struct member members[] = {
    { .slot = 1, .ip = "10.0.0.1", .port = 11211 },
    { .slot = 5, .ip = "10.0.0.5", .port = 11211 },
    { .slot = 6, .ip = "10.0.0.6", .port = 11211 },
};

static const struct status status = { .slots = told, .slots_count = ARRAY_COUNT(told) };
static const struct config config = { .head = { .members = members,
                                                .members_count = ARRAY_COUNT(members) } };

static void expect(const struct slot_observation *seen, uint32_t slot, const char *host,
                   uint64_t gone_ms, uint64_t unreachable_ms)
{
    cr_expect_eq(seen->slot, slot);
    cr_expect_str_eq(seen->host, host);
    cr_expect_eq(seen->report_gone_since_ms, gone_ms, "slot %u on %s", slot, host);
    cr_expect_eq(seen->unreachable_since_ms, unreachable_ms, "slot %u on %s", slot, host);
}

/* What is reported is not silent any more, and only what is in trouble is probed. */
Test(view_recall, the_status_gives_times_back_as_far_as_they_still_hold)
{
    struct view view = { .cluster = "c",
                         .now_ms = NOW_MS,
                         .status = &status,
                         .config = &config,
                         .intents = intents,
                         .intents_count = ARRAY_COUNT(intents),
                         .reports = reports,
                         .reports_count = ARRAY_COUNT(reports) };
    struct err err;

    cr_assert_eq(view_recall(&view, &arena, &err), 0);
    cr_assert_eq(view.observations_count, 7);
    expect(&view.observations[0], 1, "h1", 0, 0);
    expect(&view.observations[1], 2, "h2", 5000, 5500);
    expect(&view.observations[2], 2, "h3", 0, 6000);
    expect(&view.observations[3], 3, "h9", 0, 0);
    expect(&view.observations[4], 4, "h4", NOW_MS, 0);
    expect(&view.observations[5], 5, "", 3000, 3500);
    expect(&view.observations[6], 6, "", NOW_MS, 0);
}

Test(view_recall, without_a_status_everything_begins_now)
{
    struct view view = {
        .cluster = "c", .now_ms = NOW_MS, .intents = intents, .intents_count = ARRAY_COUNT(intents)
    };
    struct arena small;
    struct err err;
    size_t i;

    cr_assert_eq(view_recall(&view, &arena, &err), 0);
    cr_assert_eq(view.observations_count, ARRAY_COUNT(intents));
    for (i = 0; i < view.observations_count; i++) {
        expect(&view.observations[i], intents[i].slot, intents[i].host, NOW_MS, 0);
    }
    arena_init(&small, 0);
    cr_expect_eq(view_recall(&view, &small, &err), ERR_NOMEM);
    arena_deinit(&small);
}
