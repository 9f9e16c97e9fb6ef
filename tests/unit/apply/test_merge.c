#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "apply/merge.h"
#include "model/spec_field.h"
#include "specs.h"

static struct arena arena;

static void setup(void)
{
    arena_init(&arena, 256U << 20);
}

static void teardown(void)
{
    arena_deinit(&arena);
}

TestSuite(merge, .init = setup, .fini = teardown);

static struct merge merged(const struct spec_record *live, const struct merge_wish *wish)
{
    struct merge merge;
    struct err err;

    cr_assert_eq(merge_document(live, wish, &arena, &merge, &err), 0, "%s", err.msg);
    return merge;
}

/* Who manages the field: "cli, git", or what merge_tell() has else. */
static const char *managers_of(const struct spec_record *record, const char *path)
{
    const struct merge_held *held;
    size_t count;
    struct err err;
    size_t i;

    cr_assert_eq(merge_tell(record, &arena, &held, &count, &err), 0, "%s", err.msg);
    for (i = 0; i < count; i++) {
        if (strcmp(held[i].path, path) == 0) {
            return held[i].managers;
        }
    }
    return "(not told)";
}

/* ---- One field in every combination ---- */

/* Who has set a field besides the source that applies, and to what: 0 is nobody. */
struct others {
    uint32_t source; /* another source's last document */
    uint32_t verb;   /* scale, thereafter */
};

/*
 * The law, spelled out for one field: `base` is what this source has said before (0: nothing),
 * `live` what is, `mine` what it says now (0: nothing any more).
 */
static void expected(uint32_t base, uint32_t live, uint32_t mine, const struct others *others,
                     bool force, uint32_t preset, uint32_t *becomes, bool *conflict)
{
    bool held = (others->source != 0 && others->source == live) ||
                (others->verb != 0 && others->verb == live);

    *conflict = false;
    *becomes = live;
    if (mine == 0) {
        *becomes = base != 0 && !held ? preset : live;
    } else if (mine == live || (mine == base && !force)) {
        return;
    } else if (held && !force) {
        *conflict = true;
    } else {
        *becomes = mine;
    }
}

/* A record whose `threads` came about in the order: base, another source, a verb. */
static struct spec_record history(uint32_t base, const struct others *others, uint32_t live)
{
    struct managed_field *fields = arena_calloc(&arena, 3, sizeof(*fields));
    struct spec_manager *managers = arena_calloc(&arena, 3, sizeof(*managers));
    const uint32_t said[] = { base, others->source, others->verb };
    static const char *const names[] = { "cli", "git", "scale" };
    struct merge_wish wish = specs_wish(&arena, "cli", "{ nodes: 3 }", "");
    struct spec_record record = { .spec = *wish.spec, .uid = "0123456789abcdef", .generation = 1 };
    size_t i;

    record.spec.settings.threads = live;
    for (i = 0; i < 3; i++) {
        fields[i].path = "spec.threads";
        fields[i].value = arena_printf(&arena, "%u", said[i]);
        managers[i] = (struct spec_manager){ .name = names[i],
                                             .applies = i < 2,
                                             .fields = &fields[i],
                                             .fields_count = said[i] == 0 ? 0 : 1 };
    }
    record.managers = managers;
    record.managers_count = 3;
    return record;
}

static void try_one(uint32_t base, uint32_t live, uint32_t mine, const struct others *others,
                    bool force)
{
    struct spec_record record = history(base, others, live);
    struct merge_wish wish = { .source = "cli", .force = force };
    struct spec document = record.spec;
    uint32_t becomes;
    bool conflict;
    struct merge merge;

    document.settings.threads = mine;
    wish.spec = &document;
    wish.set = mine == 0 ? 0 : UINT32_C(1) << 6;
    cr_assert_str_eq(spec_fields[6].path, "spec.threads");
    expected(base, live, mine, others, force, 4, &becomes, &conflict);
    merge = merged(&record, &wish);
    cr_expect_eq(merge.spec.settings.threads, becomes,
                 "base %u live %u mine %u git %u scale %u force %d: %u, not %u", base, live, mine,
                 others->source, others->verb, force, merge.spec.settings.threads, becomes);
    cr_expect_eq(merge.conflicts_count, conflict ? 1 : 0,
                 "base %u live %u mine %u git %u scale %u force %d", base, live, mine,
                 others->source, others->verb, force);
    cr_expect_eq(merge.drift_count, mine != 0 && !conflict && becomes != mine ? 1 : 0,
                 "what stays is told");
}

/* Values: 0 nobody or nothing, 4 the default, and two others. */
Test(merge, one_field_in_every_combination_follows_the_law)
{
    static const uint32_t values[] = { 0, 4, 8, 16 };
    size_t tried = 0;
    size_t i;

    for (i = 0; i < 4 * 4 * 4 * 4 * 4 * 2; i++) {
        uint32_t live = values[i / 4 % 4];
        const struct others others = { values[i / 64 % 4], values[i / 256 % 4] };

        if (live != 0) {
            try_one(values[i % 4], live, values[i / 16 % 4], &others, 1024 <= i);
            tried++;
        }
    }
    cr_expect_eq(tried, 1536);
}

/* ---- Told as stories ---- */

Test(merge, what_was_scaled_by_hand_stays_until_the_document_changes)
{
    struct merge_wish three = specs_wish(&arena, "cli", "{ nodes: 3 }", "");
    struct merge_wish four = specs_wish(&arena, "cli", "{ nodes: 4 }", "");
    struct merge_wish five = specs_wish(&arena, "cli", "{ nodes: 5 }", "");
    struct spec_record record = specs_apply(&arena, NULL, &three);
    struct merge merge;

    cr_expect_str_eq(managers_of(&record, "spec.nodes"), "cli");
    record = specs_scale(&arena, &record, "scale", 5);
    cr_expect_str_eq(managers_of(&record, "spec.nodes"), "scale");

    merge = merged(&record, &three);
    cr_expect_eq(merge.spec.nodes, 5);
    cr_assert_eq(merge.drift_count, 1);
    cr_expect_str_eq(merge.drift[0].path, "spec.nodes");
    cr_expect_str_eq(merge.drift[0].wanted, "3");
    cr_expect_str_eq(merge.drift[0].live, "5");
    cr_expect_str_eq(merge.drift[0].manager, "scale");

    merge = merged(&record, &four);
    cr_assert_eq(merge.conflicts_count, 1);
    cr_expect_str_eq(merge.conflicts[0].manager, "scale");
    cr_expect_eq(merge.spec.nodes, 5);

    four.force = true;
    merge = merged(&record, &four);
    cr_expect_eq(merge.spec.nodes, 4);
    cr_expect_eq(merge.managers_count, 1, "scale manages nothing any more");

    record = specs_apply(&arena, &record, &five);
    cr_expect_str_eq(managers_of(&record, "spec.nodes"), "cli", "the document has caught up");
    record = specs_apply(&arena, &record, &four);
    cr_expect_eq(record.spec.nodes, 4, "and nothing is in its way");
}

Test(merge, scaling_back_gives_the_field_back)
{
    struct merge_wish three = specs_wish(&arena, "cli", "{ nodes: 3 }", "");
    struct spec_record record = specs_apply(&arena, NULL, &three);

    record = specs_scale(&arena, &record, "scale", 5);
    record = specs_scale(&arena, &record, "scale", 3);
    cr_expect_str_eq(managers_of(&record, "spec.nodes"), "cli");
    cr_expect_eq(record.managers_count, 1);
}

Test(merge, a_field_that_left_the_document_goes_back_to_its_default)
{
    struct merge_wish with = specs_wish(&arena, "cli", "{ nodes: 3, memory: 1Gi }", "{ a: b }");
    struct merge_wish without = specs_wish(&arena, "cli", "{ nodes: 3 }", "");
    struct spec_record record = specs_apply(&arena, NULL, &with);

    record = specs_apply(&arena, &record, &without);
    cr_expect_eq(record.spec.settings.memory_bytes, SPEC_MEMORY_BYTES_DEFAULT);
    cr_expect_eq(record.spec.labels_count, 0);
    cr_expect_str_eq(managers_of(&record, "spec.memory"), "(not told)");
}

Test(merge, two_sources_share_a_cluster_by_fields)
{
    struct merge_wish base = specs_wish(&arena, "base", "{ nodes: 3, memory: 1Gi }", "{ a: x }");
    struct merge_wish team = specs_wish(&arena, "team", "{ nodes: 3, threads: 8 }", "{ b: y }");
    struct merge_wish less = specs_wish(&arena, "base", "{ nodes: 3 }", "");
    struct merge_wish other = specs_wish(&arena, "base", "{ nodes: 4, memory: 1Gi }", "");
    struct spec_record record = specs_apply(&arena, NULL, &base);
    struct merge merge;

    cr_expect(merge_is_source_alone(&record, "base"));
    record = specs_apply(&arena, &record, &team);
    cr_expect_not(merge_is_source_alone(&record, "base"));
    cr_expect_eq(record.spec.settings.memory_bytes, UINT64_C(1) << 30, "of base");
    cr_expect_eq(record.spec.settings.threads, 8, "of team");
    cr_assert_eq(record.spec.labels_count, 2);
    cr_expect_str_eq(managers_of(&record, "metadata.labels.a"), "base");
    cr_expect_str_eq(managers_of(&record, "spec.nodes"), "base, team");

    merge = merged(&record, &other);
    cr_assert_eq(merge.conflicts_count, 1);
    cr_expect_str_eq(merge.conflicts[0].manager, "team");
    record = specs_apply(&arena, &record, &less);
    cr_expect_eq(record.spec.settings.memory_bytes, SPEC_MEMORY_BYTES_DEFAULT);
    cr_expect_eq(record.spec.settings.threads, 8);
    cr_assert_eq(record.spec.labels_count, 1);
    cr_expect_str_eq(record.spec.labels[0].name, "b");
}

/* Labels are managed one by one, and stay in order. */
Test(merge, a_label_set_by_hand_outlives_changes_of_the_document)
{
    struct merge_wish one = specs_wish(&arena, "cli", "{ nodes: 1 }", "{ a: x, m: x }");
    struct merge_wish two = specs_wish(&arena, "cli", "{ nodes: 1 }", "{ b: y, m: z }");
    static const struct label by_hand[] = { { "a", "x" }, { "k", "v" }, { "m", "x" } };
    struct spec_record record = specs_apply(&arena, NULL, &one);
    struct spec wanted = record.spec;
    struct merge merge;
    struct err err;

    wanted.labels = by_hand;
    wanted.labels_count = 3;
    cr_assert_eq(merge_act(&record, &wanted, "label", &arena, &merge, &err), 0);
    record.spec = merge.spec;
    record.managers = merge.managers;
    record.managers_count = merge.managers_count;
    cr_expect_str_eq(managers_of(&record, "metadata.labels.k"), "label");
    cr_expect_str_eq(managers_of(&record, "metadata.labels.a"), "cli");
    record = specs_apply(&arena, &record, &two);
    cr_assert_eq(record.spec.labels_count, 3);
    cr_expect_str_eq(record.spec.labels[0].name, "b");
    cr_expect_str_eq(record.spec.labels[1].name, "k");
    cr_expect_str_eq(record.spec.labels[2].value, "z");
}

/* Older releases kept no managers, and an apply set all of it. */
Test(merge, a_record_without_managers_is_taken_over_as_a_whole)
{
    struct merge_wish old = specs_wish(&arena, "cli", "{ nodes: 3, memory: 1Gi }", "");
    struct merge_wish next = specs_wish(&arena, "cli", "{ nodes: 4 }", "");
    struct spec_record record = specs_apply(&arena, NULL, &old);

    record.managers_count = 0;
    cr_expect_str_eq(managers_of(&record, "spec.memory"), "unknown");
    cr_expect_not(merge_is_source_alone(&record, "cli"), "nobody prunes it");
    record = specs_apply(&arena, &record, &next);
    cr_expect_eq(record.spec.nodes, 4);
    cr_expect_eq(record.spec.settings.memory_bytes, SPEC_MEMORY_BYTES_DEFAULT);
    cr_expect_str_eq(managers_of(&record, "spec.nodes"), "cli");
}

Test(merge, a_verb_on_a_record_without_managers_holds_what_it_changed)
{
    struct merge_wish old = specs_wish(&arena, "cli", "{ nodes: 3 }", "");
    struct merge_wish four = specs_wish(&arena, "cli", "{ nodes: 4 }", "");
    struct spec_record record = specs_apply(&arena, NULL, &old);
    struct merge merge;

    record.managers_count = 0;
    record = specs_scale(&arena, &record, "scale", 7);
    cr_expect_str_eq(managers_of(&record, "spec.nodes"), "scale");
    merge = merged(&record, &four);
    cr_assert_eq(merge.conflicts_count, 1);
}

/* The same document again must not write: neither fields nor managers move. */
Test(merge, applying_twice_gives_the_same_managers)
{
    struct merge_wish wish = specs_wish(
        &arena, "cli",
        "{ nodes: 3, extraArgs: [\"-C\"], placement: { hosts: [h1, h2, h3], labels: { z: q } } }",
        "{ a: b }");
    struct spec_record record = specs_apply(&arena, NULL, &wish);
    struct spec_record again = specs_apply(&arena, &record, &wish);
    size_t i;

    cr_expect(spec_equal(&record.spec, &again.spec));
    cr_assert_eq(again.managers_count, 1);
    cr_assert_eq(again.managers[0].fields_count, 5);
    for (i = 0; i < 5; i++) {
        cr_expect_str_eq(again.managers[0].fields[i].path, record.managers[0].fields[i].path);
        cr_expect_str_eq(again.managers[0].fields[i].value, record.managers[0].fields[i].value);
    }
}

Test(merge, there_is_a_place_for_so_many_sources)
{
    struct merge_wish wish = specs_wish(&arena, "s0", "{ nodes: 1 }", "");
    struct spec_record record = specs_apply(&arena, NULL, &wish);
    struct merge merge;
    struct err err;
    int i;

    for (i = 1; i < SPEC_SOURCES_MAX; i++) {
        wish.source = arena_printf(&arena, "s%d", i);
        record = specs_apply(&arena, &record, &wish);
    }
    cr_expect_eq(record.managers_count, SPEC_SOURCES_MAX);
    wish.source = "late";
    cr_expect_eq(merge_document(&record, &wish, &arena, &merge, &err), ERR_LIMIT);
    wish.source = "s3";
    cr_expect_eq(merge_document(&record, &wish, &arena, &merge, &err), 0);
}

/* Two documents, each valid, may not go together. */
Test(merge, an_outcome_that_is_no_valid_spec_is_a_conflict)
{
    struct merge_wish one = specs_wish(&arena, "one", "{ nodes: 3 }", "");
    struct merge_wish two = specs_wish(&arena, "two", "{ nodes: 3, rollout: { maxSurge: 0 } }", "");
    struct spec_record record = specs_apply(&arena, NULL, &one);
    struct merge merge;
    struct err err;

    record = specs_apply(&arena, &record, &two);
    one = specs_wish(&arena, "one", "{ nodes: 3, rollout: { maxUnavailable: 0 } }", "");
    cr_expect_eq(merge_document(&record, &one, &arena, &merge, &err), ERR_CONFLICT);
    cr_expect_not_null(strstr(err.msg, "together with what others manage: spec.rollout"), "%s",
                       err.msg);
}
