/* What holds for every pass: purity, its memory, its cost, and the law of versions. */
#include <criterion/criterion.h>
#include <string.h>
#include <time.h>

#include "codec/model_json.h"
#include "reconciler/version.h"
#include "world.h"

#define NODES 10
#define IDLE_PASSES 2000
#define IDLE_PASS_US_MAX 200 /* far above what it takes, also with sanitizers and under load */
#define ARENA_STEPS_MAX 4000

/* ---- the law of versions ---- */

struct known {
    uint32_t config;
    uint64_t config_epoch;
    uint32_t lineage;
    uint64_t lineage_epoch;
    uint32_t served;
    uint64_t served_epoch;
    uint32_t seen;
    const char *digest; /* of the node */
    struct version_law law;
};

static struct version_law law_of(const struct known *k)
{
    struct config config = { .head = { .uid = "u", .epoch = k->config_epoch, .version = k->config },
                             .digest = "d" };
    struct lineage lineage = { .epoch = k->lineage_epoch, .version = k->lineage };
    struct node_report report = { .uid = "u",
                                  .served = { k->served_epoch, k->served, k->digest },
                                  .version_seen = k->seen };
    struct view view = {
        .config = k->config == 0 ? NULL : &config,
        .lineage = k->lineage == 0 ? NULL : &lineage,
        .reports = &report,
        .reports_count = 1,
    };

    return version_law_find(&view, view.config);
}

Test(version, the_next_one_is_above_all_that_anyone_has_seen)
{
    static const struct known rows[] = {
        /* config, lineage, served (version, epoch each), seen, digest -> next, epoch, renew */
        { 0, 0, 0, 0, 0, 0, 0, "", { 1, 1, false } },
        { 4, 1, 4, 1, 4, 1, 4, "d", { 5, 1, false } },
        { 4, 1, 9, 2, 4, 1, 4, "d", { 10, 2, false } },
        { 0, 0, 7, 3, 0, 0, 0, "", { 8, 3, false } },
        { 4, 1, 4, 1, 6, 1, 6, "x", { 7, 2, true } },
        { 4, 1, 4, 1, 4, 1, 6, "d", { 7, 2, true } },
        { 4, 1, 4, 1, 4, 1, 4, "x", { 5, 2, true } },
        { 4, 1, 4, 1, 6, 5, 6, "x", { 7, 6, true } },
        { 0, 0, 0, 0, 6, 1, 6, "x", { 7, 2, false } },
        { CONFIG_VERSION_MAX, 1, 1, 1, 0, 0, 0, "", { 0, 1, false } },
        { CONFIG_VERSION_MAX - 1, 1, 1, 1, 0, 0, 0, "", { CONFIG_VERSION_MAX, 1, false } },
    };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(rows); i++) {
        struct version_law law = law_of(&rows[i]);

        cr_expect_eq(law.next, rows[i].law.next, "row %zu: next %u", i, law.next);
        cr_expect_eq(law.epoch, rows[i].law.epoch, "row %zu: epoch %d", i, (int)law.epoch);
        cr_expect_eq(law.renew, rows[i].law.renew, "row %zu: renew %d", i, law.renew);
    }
}

/* ---- a pass ---- */

static void ten_nodes(struct world *w)
{
    world_init(w, 5);
    world_apply(w, NODES);
    world_settle(w, 20000);
    cr_assert(world_condition(w, CONDITION_CONVERGED));
}

static const char *plan_as_text(const struct plan *plan, struct arena *arena)
{
    const char *text = "";
    size_t i;

    for (i = 0; i < plan->count; i++) {
        text = arena_printf(arena, "%s%d %u %s;", text, (int)plan->effects[i].kind,
                            plan->effects[i].slot, plan->effects[i].why);
    }
    return text;
}

Test(pass, the_same_view_gives_the_same_plan)
{
    struct world w;
    struct arena arena;
    struct plan first;
    struct plan second;
    struct view view;
    struct err err;

    ten_nodes(&w);
    world_apply(&w, 4);
    world_set_memory(&w, SPEC_MEMORY_BYTES_DEFAULT * 2);
    arena_init(&arena, 1U << 24);
    view = world_view(&w, &arena);
    cr_assert_eq(reconcile(&view, &arena, &first, &err), 0);
    cr_assert_eq(reconcile(&view, &arena, &second, &err), 0);
    cr_expect_gt(first.count, 3);
    cr_expect_str_eq(plan_as_text(&first, &arena), plan_as_text(&second, &arena));
    arena_deinit(&arena);
    world_deinit(&w);
}

/* The pass fails as a whole for want of memory, wherever that is, and says so. */
Test(pass, any_lack_of_memory_is_told_and_leaves_no_plan)
{
    struct world w;
    struct arena views;
    struct view view;
    size_t bytes = 0;
    int rv;

    ten_nodes(&w);
    world_apply(&w, 12);
    w.hosts[1].host.nodes_max = 1;
    world_kill_process(&w, 0, 1);
    arena_init(&views, 1U << 24);
    view = world_view(&w, &views);
    do {
        struct plan plan = { .count = 77 };
        struct arena arena;
        struct err err;

        arena_init(&arena, bytes);
        rv = reconcile(&view, &arena, &plan, &err);
        if (rv != 0) {
            cr_assert_eq(rv, ERR_NOMEM);
            cr_assert_eq(plan.count, 77, "the plan was touched");
        }
        arena_deinit(&arena);
        bytes += 16;
        cr_assert_lt(bytes, ARENA_STEPS_MAX * 16);
    } while (rv != 0);
    cr_expect_gt(bytes, 1000);
    arena_deinit(&views);
    world_deinit(&w);
}

static uint64_t now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

Test(pass, an_idle_pass_plans_nothing_and_costs_little)
{
    struct world w;
    struct arena views;
    struct arena arena;
    struct view view;
    uint64_t us;
    size_t i;

    ten_nodes(&w);
    arena_init(&views, 1U << 24);
    arena_init(&arena, 1U << 24);
    view = world_view(&w, &views);
    us = now_us();
    for (i = 0; i < IDLE_PASSES; i++) {
        struct plan plan;
        struct err err;

        cr_assert_eq(reconcile(&view, &arena, &plan, &err), 0);
        cr_assert_eq(plan.count, 0);
        arena_clear(&arena);
    }
    us = now_us() - us;
    cr_log_info("%d nodes: %.1f us a pass", NODES, (double)us / IDLE_PASSES);
    cr_expect_lt(us / IDLE_PASSES, IDLE_PASS_US_MAX);
    arena_deinit(&arena);
    arena_deinit(&views);
    world_deinit(&w);
}

Test(pass, nothing_at_all_is_nothing_to_do)
{
    struct view view = { .cluster = "c", .now_ms = 1 };
    struct arena arena;
    struct plan plan;
    struct err err;

    arena_init(&arena, 1U << 16);
    cr_assert_eq(reconcile(&view, &arena, &plan, &err), 0);
    cr_expect_eq(plan.count, 0);
    arena_deinit(&arena);
}

/* Events come with the effect that they tell of, so that an idle pass repeats none. */
Test(pass, every_event_follows_what_it_tells_of)
{
    struct world w;
    struct arena arena;
    struct plan plan;
    struct view view;
    struct err err;
    size_t i;

    ten_nodes(&w);
    world_apply(&w, 12);
    arena_init(&arena, 1U << 24);
    view = world_view(&w, &arena);
    cr_assert_eq(reconcile(&view, &arena, &plan, &err), 0);
    cr_expect_gt(plan.count, 3);
    cr_expect_neq(plan.effects[0].kind, EFFECT_EVENT_ADD);
    for (i = 0; i < plan.count; i++) {
        const struct effect *effect = &plan.effects[i];

        if (effect->kind == EFFECT_EVENT_ADD) {
            cr_expect_str_eq(effect->why, plan.effects[i - 1].why);
            cr_expect_gt(strlen(effect->of.event->message), 0);
        }
    }
    arena_deinit(&arena);
    world_deinit(&w);
}

/* Else every pass would find that the stored one says something else, and write it again. */
Test(pass, a_status_reads_back_as_it_was_written)
{
    CLEANUP(str_deinit) struct str json;
    struct status status;
    struct world w;
    struct err err;

    ten_nodes(&w);
    w.keys.bad_keys[0] =
        (struct bad_key){ .kind = BAD_KEY_OTHER, .key = "/k\xc3\"", .problem = "\x01" };
    w.keys.bad_keys_count = 1;
    world_apply(&w, 12);
    w.hosts[0].host.nodes_max = 1;
    world_kill_process(&w, 0, 1);
    world_kill_machine(&w, 1);
    world_run(&w, 2000);
    str_init(&json, JSON_VALUE_BYTES_MAX);
    cr_assert_eq(json_encode_status(w.keys.status, &json, &err), 0, "%s", err.msg);
    cr_assert_eq(json_decode_status(str_text(&json), json.size, &w.arena, &status, &err), 0, "%s",
                 err.msg);
    cr_expect(status_equal(&status, w.keys.status));
    world_deinit(&w);
}
