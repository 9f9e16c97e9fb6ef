#include <string.h>

#include <criterion/criterion.h>

#include "gitops/judge.h"

#define CLUSTERS_MAX 8

/* A batch that did nothing, to be changed where a test cares. */
struct bench {
    struct arena arena;
    struct spec_record records[CLUSTERS_MAX];
    struct document documents[CLUSTERS_MAX];
    struct batch_result list[CLUSTERS_MAX];
    struct batch_results results;
    struct judge_rules rules;
    struct judgement judged;
    struct err err;
};

static const struct spec_manager mine[] = { { .name = "mine", .applies = true } };
static const struct spec_manager both[] = { { .name = "mine", .applies = true },
                                            { .name = "other", .applies = true } };
static struct source_facts others = { .source = { .name = "other" } };

static void bench_init(struct bench *bench, size_t count)
{
    static const char *const names[] = { "a", "b", "c", "d", "e", "f", "g", "h" };
    size_t i;

    memset(bench, 0, sizeof(*bench));
    arena_init(&bench->arena, 1U << 20);
    for (i = 0; i < count; i++) {
        bench->records[i].managers = mine;
        bench->records[i].managers_count = 1;
        bench->documents[i] =
            (struct document){ .file = "x.yaml", .read = { .line = 7, .column = 1 } };
        bench->list[i] = (struct batch_result){ .name = names[i],
                                                .before = &bench->records[i],
                                                .document = &bench->documents[i],
                                                .problem = "no" };
    }
    bench->results = (struct batch_results){ .list = bench->list, .count = count };
    bench->rules = (struct judge_rules){ .source = "mine", .sources = &others };
}

static void prune(struct bench *bench, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++) {
        bench->list[i].document = NULL;
        bench->list[i].outcome = BATCH_PRUNED;
    }
}

static void judge(struct bench *bench)
{
    cr_assert_eq(
        judge_results(&bench->rules, &bench->results, &bench->arena, &bench->judged, &bench->err),
        0);
}

/* Half may go; one more is refused, and allowed on request. */
Test(judge, more_than_half_does_not_go_unasked)
{
    struct bench bench;
    size_t owned;
    size_t gone;

    for (owned = 1; owned <= CLUSTERS_MAX; owned++) {
        for (gone = 0; gone <= owned; gone++) {
            bench_init(&bench, owned);
            prune(&bench, gone);
            judge(&bench);
            cr_expect_eq(bench.judged.code, owned < 2 * gone ? ERR_LIMIT : 0, "%zu of %zu", gone,
                         owned);
            cr_expect_eq(bench.judged.pruned, gone);
            bench.rules.allow_empty = true;
            judge(&bench);
            cr_expect_eq(bench.judged.code, 0);
            arena_deinit(&bench.arena);
        }
    }
}

/* Clusters that others have applied as well are not this source's to lose. */
Test(judge, only_own_clusters_count_as_half)
{
    struct bench bench;
    size_t i;

    bench_init(&bench, 4);
    bench.rules.sources = NULL;
    prune(&bench, 1);
    for (i = 1; i < 4; i++) {
        bench.records[i].managers = both;
        bench.records[i].managers_count = 2;
    }
    judge(&bench);
    cr_expect_eq(bench.judged.code, ERR_LIMIT);
    cr_expect_not_null(strstr(bench.judged.text, "delete 1 of 1 clusters"));
    arena_deinit(&bench.arena);
}

Test(judge, a_cluster_of_another_repository_is_a_conflict)
{
    struct bench bench;

    bench_init(&bench, 2);
    bench.records[1].managers = both;
    bench.records[1].managers_count = 2;
    judge(&bench);
    cr_expect_eq(bench.judged.code, ERR_CONFLICT);
    cr_expect_str_eq(bench.judged.text,
                     "x.yaml:7:1: cluster 'b' comes from the source 'other'; it can't be in both");
    bench.rules.force = true;
    judge(&bench);
    cr_expect_eq(bench.judged.code, 0);
    bench.rules.force = false;
    bench.rules.sources = NULL; /* a pipeline's source, not a repository that is followed */
    judge(&bench);
    cr_expect_eq(bench.judged.code, 0);
    arena_deinit(&bench.arena);
}

Test(judge, conflicts_name_place_field_and_manager)
{
    const struct merge_other conflict = { "spec.nodes", "4", "6", "scale" };
    struct bench bench;

    bench_init(&bench, 1);
    bench.list[0].outcome = BATCH_CONFLICT;
    bench.list[0].conflicts = &conflict;
    bench.list[0].conflicts_count = 1;
    judge(&bench);
    cr_expect_eq(bench.judged.code, ERR_CONFLICT);
    cr_expect_str_eq(bench.judged.text,
                     "x.yaml:7:1: cluster 'a': spec.nodes is to be 4, but is 6, set by scale");
    arena_deinit(&bench.arena);
}

/* What is being deleted holds nothing else up. */
/* What nobody judged before is not deleted; no document tells of it. */
Test(judge, a_deletion_that_was_not_asked_for_is_a_conflict)
{
    struct bench bench;

    bench_init(&bench, 3);
    bench.list[2].document = NULL;
    bench.list[2].outcome = BATCH_CONFLICT;
    bench.list[2].problem = "cluster 'c' would be deleted, too";
    judge(&bench);
    cr_expect_eq(bench.judged.code, ERR_CONFLICT);
    cr_expect_str_eq(bench.judged.text, "cluster 'c' would be deleted, too");
    arena_deinit(&bench.arena);
}

Test(judge, a_deletion_under_way_is_waited_for)
{
    struct bench bench;

    bench_init(&bench, 2);
    bench.list[0].outcome = BATCH_CONFLICT;
    bench.records[0].deleting = true;
    bench.list[1].outcome = BATCH_CONFIGURED;
    judge(&bench);
    cr_expect_eq(bench.judged.code, 0);
    cr_expect_str_eq(judgement_text(&bench.judged, &bench.arena),
                     "1 configured, 1 waiting for its deletion to end");
    arena_deinit(&bench.arena);
}

/* Drift keeps its time for as long as it is the same, and the list ends while the count goes on. */
Test(judge, drift_is_listed_with_its_age)
{
    struct merge_other other[SOURCE_DRIFT_MAX + 1];
    const struct source_drift known = { "a", "nodes", "3", "6", "scale", 1000 };
    const struct source former = { .drift = &known, .drift_count = 1 };
    struct source next;
    struct bench bench;
    size_t i;

    for (i = 0; i <= SOURCE_DRIFT_MAX; i++) {
        other[i] = (struct merge_other){ i == 0 ? "spec.nodes" : "spec.memory", "3", "6", "scale" };
    }
    bench_init(&bench, 1);
    bench.list[0].drift = other;
    bench.list[0].drift_count = SOURCE_DRIFT_MAX + 1;
    bench.results.drift = SOURCE_DRIFT_MAX + 1;
    cr_assert_eq(judge_drift(&bench.results, &former, 5000, &bench.arena, &next, &bench.err), 0);
    cr_expect_eq(next.drift_count, SOURCE_DRIFT_MAX);
    cr_expect_eq(next.drift_total, SOURCE_DRIFT_MAX + 1);
    cr_expect_str_eq(next.drift[0].field, "nodes");
    cr_expect_eq(next.drift[0].since_ms, 1000);
    cr_expect_eq(next.drift[1].since_ms, 5000);
    arena_deinit(&bench.arena);
}
