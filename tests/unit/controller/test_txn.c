/* Plans made into transactions, without etcd. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "codec/model_json.h"
#include "controller/txn.h"
#include "support/keys_fixture.h"
#include "support/scene.h"
#include "view/view_build.h"

#define REVISION 900
#define FENCE 42
#define LEASE 77

static const struct cluster_observations nothing_observed = { .slots = NULL };
static struct signing_key key;
static struct arena arena;
static struct fixture f;
static struct view view;

static void setup(void)
{
    struct err err;

    cr_assert_eq(signing_key_create(scene_path("key").text, scene_path("pub").text, &err), 0);
    cr_assert_eq(signing_key_load(scene_path("key").text, &key, &err), 0, "%s", err.msg);
    arena_init(&arena, 64U << 20);
    fixture_start(&f, &key);
}

static void teardown(void)
{
    fixture_end(&f);
    arena_deinit(&arena);
}

TestSuite(txn, .init = setup, .fini = teardown);

static int try_build(const struct effect *effects, size_t count, const char *dns_prefix,
                     struct txn_plan *out, struct err *err)
{
    struct plan plan = { .effects = effects, .count = count };
    struct txn_env env = { .objects = &f.objects,
                           .view = &view,
                           .revision = REVISION,
                           .fence = FENCE,
                           .event_lease = LEASE,
                           .key = &key,
                           .dns = { .prefix = dns_prefix, .ttl_s = 5 },
                           .arena = &arena };

    cr_assert_eq(view_build(&f.objects, "a", &nothing_observed, 7000, &arena, &view, err), 0);
    return txn_build(&env, &plan, out, err);
}

static struct txn_plan build(const struct effect *effects, size_t count)
{
    struct txn_plan out;
    struct err err;

    cr_assert_eq(try_build(effects, count, "/skydns", &out, &err), 0, "%s", err.msg);
    return out;
}

static const struct etcd_op *find_op(const struct etcd_txn *txn, const char *path)
{
    size_t i;

    for (i = 0; i < txn->ops_count; i++) {
        const char *text = txn->ops[i].key;

        if (strcmp(text, path) == 0 ||
            (strncmp(text, FIXTURE_PREFIX "/", strlen(FIXTURE_PREFIX "/")) == 0 &&
             strcmp(text + strlen(FIXTURE_PREFIX "/"), path) == 0)) {
            return &txn->ops[i];
        }
    }
    return NULL;
}

/* The revision that a key is compared with; UINT64_MAX: it is not. */
static uint64_t compared(const struct etcd_txn *txn, const char *path)
{
    char text[KEY_TEXT_SIZE];
    size_t i;

    (void)snprintf(text, sizeof(text), FIXTURE_PREFIX "/%s", path);
    for (i = 0; i < txn->compares_count; i++) {
        if (strcmp(txn->compares[i].key, text) == 0) {
            return txn->compares[i].revision;
        }
    }
    return UINT64_MAX;
}

static struct effect commit_of(const struct config_draft *draft)
{
    return (struct effect){ .kind = EFFECT_CONFIG_COMMIT, .why = "commit", .of.config = draft };
}

static struct config_draft draft_of(const struct member *members, size_t count, uint32_t version)
{
    return (struct config_draft){ .cluster = "a",
                                  .uid = "0123456789abcdef",
                                  .epoch = 1,
                                  .version = version,
                                  .members = members,
                                  .members_count = count };
}

/* Enter what a transaction puts, as etcd and the mirror would. */
static void enter(const struct etcd_txn *txn)
{
    size_t i;

    for (i = 0; i < txn->ops_count; i++) {
        const struct etcd_op *op = &txn->ops[i];

        if (strncmp(op->key, FIXTURE_PREFIX "/", strlen(FIXTURE_PREFIX "/")) != 0) {
            continue;
        }
        if (op->kind == ETCD_PUT) {
            fixture_put_text(&f, op->key + strlen(FIXTURE_PREFIX "/"), op->value);
        } else {
            fixture_gone(&f, op->key + strlen(FIXTURE_PREFIX "/"));
        }
    }
}

Test(txn, effects_side_by_side_become_one_transaction_in_their_order)
{
    struct spec_record spec = fixture_spec("a");
    struct intent first = fixture_intent("a", 1, "h1", "10.0.0.1");
    struct intent second = fixture_intent("a", 2, "h2", "10.0.0.2");
    struct status status = { .uid = "0123456789abcdef" };
    struct event event = { .cluster = "a",
                           .at_ms = 7000,
                           .program = "muster-controller",
                           .type = "Normal",
                           .reason = "Placed",
                           .subject = "slot 0001",
                           .message = "m" };
    const struct effect effects[] = {
        { .kind = EFFECT_INTENT_PUT, .slot = 1, .why = "place", .of.intent = &first },
        { .kind = EFFECT_CONFIG_PUSH,
          .slot = 1,
          .why = "push",
          .of.push = { "h1", "10.0.0.1", 11211, 4, false } },
        { .kind = EFFECT_EVENT_ADD, .why = "place", .of.event = &event },
        { .kind = EFFECT_INTENT_PUT, .slot = 2, .why = "place", .of.intent = &second },
        { .kind = EFFECT_WAKE_AT, .why = "wait", .of.at_ms = 9000 },
        { .kind = EFFECT_STATUS_PUT, .why = "status", .of.status = &status },
        { .kind = EFFECT_WAKE_AT, .why = "wait", .of.at_ms = 8000 },
    };
    struct txn_plan plan;
    const struct etcd_txn *txn;
    uint64_t spec_revision;

    fixture_put_spec(&f, &spec);
    spec_revision = f.revision;
    fixture_put_text(&f, "clusters/a/status", "garbage that is overwritten");
    plan = build(effects, ARRAY_COUNT(effects));
    cr_assert_eq(plan.txns_count, 1);
    txn = &plan.txns[0];
    cr_assert_eq(txn->ops_count, 4);
    cr_assert_str_eq(txn->ops[0].key, FIXTURE_PREFIX "/intent/h1/a/0001");
    cr_assert_eq(strncmp(txn->ops[1].key, FIXTURE_PREFIX "/events/a/0000000007000-",
                         strlen(FIXTURE_PREFIX "/events/a/0000000007000-")),
                 0);
    cr_assert_eq(txn->ops[1].lease, LEASE);
    cr_assert_str_eq(txn->ops[2].key, FIXTURE_PREFIX "/intent/h2/a/0002");
    cr_assert_str_eq(txn->ops[3].key, FIXTURE_PREFIX "/clusters/a/status");
    cr_assert_str_eq(txn->compares[0].key, FIXTURE_PREFIX "/leader");
    cr_assert_eq(txn->compares[0].target, ETCD_CREATE_REVISION);
    cr_assert_eq(txn->compares[0].revision, FENCE);
    cr_assert_eq(compared(txn, "clusters/a/spec"), spec_revision);
    cr_assert_eq(compared(txn, "clusters/a/config"), 0, "it must not exist");
    cr_assert_eq(compared(txn, "lineage/a"), 0);
    cr_assert_eq(compared(txn, "intent/h1/a/0001"), 0);
    cr_assert_eq(compared(txn, "clusters/a/status"), f.revision);
    cr_assert_eq(plan.pushes_count, 1);
    cr_assert_eq(plan.pushes[0].version, 4);
    cr_assert_eq(plan.intents_count, 2);
    cr_assert_eq(plan.wake_at_ms, 8000);
    cr_assert_not(plan.cut);
}

Test(txn, a_plan_without_writes_has_no_transaction)
{
    const struct effect effects[] = {
        { .kind = EFFECT_CONFIG_PUSH,
          .slot = 1,
          .why = "push",
          .of.push = { "h1", "10.0.0.1", 11211, 4, false } },
    };
    struct txn_plan plan = build(effects, 1);

    cr_assert_eq(plan.txns_count, 0);
    cr_assert_eq(plan.pushes_count, 1);
}

Test(txn, a_commit_writes_the_record_twice_and_the_lineage)
{
    const struct member members[] = { { 1, "10.0.0.1", "10.0.0.1", 11211 },
                                      { 2, "10.0.0.2", "10.0.0.2", 11211 } };
    struct config_draft draft = draft_of(members, 2, 5);
    struct effect effect = commit_of(&draft);
    struct node_report first = fixture_report("a", 1, "h1", "10.0.0.1");
    struct node_report second = fixture_report("a", 2, "h1", "10.0.0.2");
    struct trusted_keys trusted = { .count = 1 };
    struct txn_plan plan;
    const struct etcd_op *record;
    const struct etcd_op *history;
    struct config config;
    struct err err;

    fixture_put_report(&f, &first);
    fixture_put_report(&f, &second);
    plan = build(&effect, 1);
    record = find_op(&plan.txns[0], "clusters/a/config");
    history = find_op(&plan.txns[0], "clusters/a/history/0000000005");
    cr_assert_not_null(record);
    cr_assert_not_null(history);
    cr_assert_str_eq(record->value, history->value);
    cr_assert_not_null(find_op(&plan.txns[0], "lineage/a"));
    cr_assert_eq(plan.txns[0].ops_count, 3);
    cr_assert_eq(compared(&plan.txns[0], "clusters/a/history/0000000005"), 0,
                 "one version has one content");
    cr_assert_neq(compared(&plan.txns[0], "clusters/a/nodes/0001/h1"), UINT64_MAX,
                  "a node that gets listed has proved itself");
    cr_assert_eq(compared(&plan.txns[0], "clusters/a/nodes/0002/h1"), f.revision);
    cr_assert_eq(json_decode_config(record->value, record->value_bytes, &arena, &config, &err), 0);
    memcpy(trusted.keys[0].public_key, key.public_key, sizeof(key.public_key));
    memcpy(trusted.keys[0].id, key.id, sizeof(key.id));
    cr_assert_eq(envelope_verify(&config, &trusted, &err), 0, "%s", err.msg);
}

Test(txn, a_commit_rests_on_all_reports_that_there_are)
{
    const struct member members[] = { { 1, "10.0.0.1", "10.0.0.1", 11211 } };
    struct config_draft draft = draft_of(members, 1, 5);
    struct effect effect = commit_of(&draft);
    struct txn_plan plan = build(&effect, 1);
    const struct etcd_txn *txn = &plan.txns[0];
    size_t found = 0;
    size_t i;

    for (i = 0; i < txn->compares_count; i++) {
        found += txn->compares[i].target == ETCD_NOTHING_NEWER ? 1 : 0;
    }
    cr_assert_eq(found, 1);
    cr_assert_eq(compared(txn, "clusters/a/nodes/"), REVISION, "one that came since may know more");
}

Test(txn, members_that_stay_are_no_evidence_of_the_next_commit)
{
    const struct member members[] = { { 1, "10.0.0.1", "10.0.0.1", 11211 },
                                      { 2, "10.0.0.2", "10.0.0.2", 11211 } };
    struct config_draft before = draft_of(members, 1, 5);
    struct config_draft after = draft_of(members, 2, 6);
    struct effect effect = commit_of(&before);
    struct node_report first = fixture_report("a", 1, "h1", "10.0.0.1");
    struct node_report second = fixture_report("a", 2, "h1", "10.0.0.2");
    struct txn_plan plan = build(&effect, 1);

    enter(&plan.txns[0]);
    fixture_put_report(&f, &first);
    fixture_put_report(&f, &second);
    effect = commit_of(&after);
    plan = build(&effect, 1);
    cr_assert_eq(compared(&plan.txns[0], "clusters/a/nodes/0001/h1"), UINT64_MAX);
    cr_assert_eq(compared(&plan.txns[0], "clusters/a/nodes/0002/h1"), f.revision);
    cr_assert_neq(compared(&plan.txns[0], "clusters/a/config"), 0);
}

/* Who restarts goes down beside the other members, which must be as they were reported. */
Test(txn, new_settings_rest_on_the_reports_of_all_members)
{
    const struct member members[] = { { 1, "10.0.0.1", "10.0.0.1", 11211 },
                                      { 2, "10.0.0.2", "10.0.0.2", 11211 } };
    struct config_draft draft = draft_of(members, 2, 5);
    struct effect effect = commit_of(&draft);
    struct intent intents[] = { fixture_intent("a", 1, "h1", "10.0.0.1"),
                                fixture_intent("a", 2, "h1", "10.0.0.2") };
    struct node_report reports[] = { fixture_report("a", 1, "h1", "10.0.0.1"),
                                     fixture_report("a", 2, "h1", "10.0.0.2") };
    struct txn_plan plan = build(&effect, 1);
    uint64_t first_revision;

    enter(&plan.txns[0]);
    fixture_put_intent(&f, &intents[0]);
    fixture_put_intent(&f, &intents[1]);
    fixture_put_report(&f, &reports[0]);
    first_revision = f.revision;
    fixture_put_report(&f, &reports[1]);
    effect = (struct effect){
        .kind = EFFECT_INTENT_PUT, .slot = 2, .why = "configure", .of.intent = &intents[1]
    };
    intents[1].phase_since_ms++;
    plan = build(&effect, 1);
    cr_assert_eq(compared(&plan.txns[0], "clusters/a/nodes/0001/h1"), UINT64_MAX);
    intents[1].settings.threads++;
    plan = build(&effect, 1);
    cr_assert_eq(compared(&plan.txns[0], "clusters/a/nodes/0001/h1"), first_revision);
    cr_assert_eq(compared(&plan.txns[0], "clusters/a/nodes/0002/h1"), f.revision);
}

/* A successor is listed in the place of the node that it replaces: its own report is the evidence.
 */
Test(txn, the_evidence_is_the_report_of_the_host_that_has_the_address)
{
    const struct member members[] = { { 1, "10.0.0.2", "10.0.0.2", 11211 } };
    struct config_draft draft = draft_of(members, 1, 5);
    struct effect effect = commit_of(&draft);
    struct node_report leaver = fixture_report("a", 1, "h1", "10.0.0.1");
    struct node_report successor = fixture_report("a", 1, "h2", "10.0.0.2");
    struct intent silent = fixture_intent("a", 1, "h2", "10.0.0.2");
    struct txn_plan plan;

    fixture_put_report(&f, &leaver);
    fixture_put_report(&f, &successor);
    plan = build(&effect, 1);
    cr_assert_eq(compared(&plan.txns[0], "clusters/a/nodes/0001/h2"), f.revision);
    cr_assert_eq(compared(&plan.txns[0], "clusters/a/nodes/0001/h1"), UINT64_MAX);
    fixture_gone(&f, "clusters/a/nodes/0001/h2");
    fixture_put_intent(&f, &silent);
    plan = build(&effect, 1);
    cr_assert_eq(compared(&plan.txns[0], "clusters/a/nodes/0001/h2"), 0, "it has none yet");
}

Test(txn, the_history_keeps_twenty_records)
{
    const struct member members[] = { { 1, "10.0.0.1", "10.0.0.1", 11211 } };
    const struct cluster_objects *keys;
    const struct object *object;
    uint32_t version;
    size_t n = 0;

    for (version = 1; version <= 25; version++) {
        struct config_draft draft = draft_of(members, 1, version);
        struct effect effect = commit_of(&draft);
        struct txn_plan plan = build(&effect, 1);

        enter(&plan.txns[0]);
    }
    keys = objects_cluster(&f.objects, "a");
    for (object = keys->lists[KEY_HISTORY]; object != NULL; object = object->next) {
        cr_assert_null(object->problem, "%s", object->problem);
        cr_assert_gt(object->key.version, 25 - CONFIG_HISTORY_MAX);
        n++;
    }
    cr_assert_eq(n, CONFIG_HISTORY_MAX);
}

Test(txn, names_are_written_with_the_commit)
{
    const struct member members[] = { { 1, "0001.a.cache.local", "10.0.0.1", 11211 } };
    struct spec_record spec = fixture_spec("a");
    struct config_draft draft = draft_of(members, 1, 5);
    struct effect effect = commit_of(&draft);
    struct txn_plan plan;

    spec.spec.domain = "cache.local";
    fixture_put_spec(&f, &spec);
    plan = build(&effect, 1);
    cr_assert_eq(plan.txns_count, 1);
    cr_assert_not_null(find_op(&plan.txns[0], "/skydns/local/cache/a/0001"));
}

Test(txn, many_names_go_ahead_of_the_commit)
{
    struct member members[300];
    char names[300][32];
    char ips[300][16];
    struct spec_record spec = fixture_spec("a");
    struct config_draft draft = draft_of(members, 300, 5);
    struct effect effect = commit_of(&draft);
    struct txn_plan plan;
    size_t i;
    size_t records = 0;

    for (i = 0; i < 300; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "%04zu.a.cache.local", i + 1);
        (void)snprintf(ips[i], sizeof(ips[i]), "10.0.%zu.%zu", i / 250, i % 250 + 1);
        members[i] = (struct member){ (uint32_t)i + 1, names[i], ips[i], 11211 };
    }
    spec.spec.domain = "cache.local";
    fixture_put_spec(&f, &spec);
    plan = build(&effect, 1);
    cr_assert_gt(plan.txns_count, 2);
    for (i = 0; i < plan.txns_count; i++) {
        const struct etcd_txn *txn = &plan.txns[i];

        cr_assert_leq(txn->ops_count, ETCD_TXN_OPS_MAX);
        cr_assert_leq(txn->compares_count, ETCD_TXN_OPS_MAX);
        cr_assert_eq(txn->compares[0].revision, FENCE);
        if (find_op(txn, "clusters/a/config") == NULL) {
            records += txn->ops_count;
        } else {
            cr_assert_eq(i, plan.txns_count - 1, "clients see names before they resolve");
        }
    }
    cr_assert_eq(records, 300);
}

Test(txn, what_does_not_fit_is_left_for_the_next_pass)
{
    struct intent intents[300];
    struct effect effects[301];
    struct txn_plan plan;
    size_t i;

    for (i = 0; i < 300; i++) {
        intents[i] = fixture_intent("a", (uint32_t)i + 1, "h1", "10.0.0.1");
        effects[i] = (struct effect){ .kind = EFFECT_INTENT_PUT,
                                      .slot = (uint32_t)i + 1,
                                      .why = "place",
                                      .of.intent = &intents[i] };
    }
    effects[300] = (struct effect){ .kind = EFFECT_CONFIG_PUSH,
                                    .why = "push",
                                    .of.push = { "h1", "10.0.0.1", 11211, 4, false } };
    plan = build(effects, 301);
    cr_assert(plan.cut);
    cr_assert_eq(plan.txns_count, 1);
    cr_assert_gt(plan.txns[0].ops_count, 100);
    cr_assert_leq(plan.txns[0].ops_count, ETCD_TXN_OPS_MAX);
    cr_assert_leq(plan.txns[0].compares_count, ETCD_TXN_OPS_MAX);
    cr_assert_eq(plan.intents_count, plan.txns[0].ops_count);
    cr_assert_eq(plan.notes_count, plan.txns[0].ops_count);
    cr_assert_eq(plan.pushes_count, 0, "what comes after the cut may rest on what was cut");
}

Test(txn, an_alias_rests_on_the_report_of_its_node)
{
    struct spec_record spec = fixture_spec("a");
    struct alias alias = {
        .host = "a.cfg.cache.local", .ip = "10.0.0.1", .port = 11211, .slot = 1, .version = 5
    };
    struct node_report report = fixture_report("a", 1, "h1", "10.0.0.1");
    const struct effect set = { .kind = EFFECT_ALIAS_SET, .why = "alias", .of.alias = &alias };
    const struct effect clear = { .kind = EFFECT_ALIAS_CLEAR, .why = "alias-clear" };
    struct txn_plan plan;

    spec.spec.domain = "cache.local";
    fixture_put_spec(&f, &spec);
    fixture_put_report(&f, &report);
    plan = build(&set, 1);
    cr_assert_eq(compared(&plan.txns[0], "clusters/a/nodes/0001/h1"), f.revision);
    cr_assert_not_null(find_op(&plan.txns[0], "clusters/a/alias"));
    cr_assert_str_eq(find_op(&plan.txns[0], "/skydns/local/cache/cfg/a")->value,
                     "{\"host\":\"10.0.0.1\",\"port\":11211,\"ttl\":5}");
    plan = build(&clear, 1);
    cr_assert_eq(find_op(&plan.txns[0], "clusters/a/alias")->kind, ETCD_DELETE);
    cr_assert_eq(find_op(&plan.txns[0], "/skydns/local/cache/cfg/a")->kind, ETCD_DELETE);
}

/* A request that was dropped meanwhile lets nobody in. */
Test(txn, an_admission_rests_on_the_requests_that_are_reported)
{
    struct join_report first = fixture_join("a", '1', "h1");
    struct join_report second = fixture_join("a", '1', "h2");
    struct join_report older = fixture_join("a", '1', "h3");
    struct join_report other = fixture_join("a", '2', "h1");
    struct spec_record spec = fixture_spec("a");
    struct intent intent = fixture_intent("a", 4, "joiner", "10.9.0.1");
    struct effect effects[] = { { EFFECT_INTENT_PUT, .slot = 4, .why = "join" } };
    const struct etcd_txn *txn;
    struct txn_plan out;

    older.join.issued_ms--;
    fixture_put_spec(&f, &spec);
    fixture_put_join(&f, &first);
    fixture_put_join(&f, &second);
    fixture_put_join(&f, &older);
    fixture_put_join(&f, &other);
    intent.attached = true;
    intent.join = first.join.uid;
    intent.join_issued_ms = first.join.issued_ms;
    effects[0].of.intent = &intent;
    out = build(effects, 1);
    cr_assert_eq(out.txns_count, 1);
    txn = &out.txns[0];
    cr_expect_eq(compared(txn, "clusters/a/joins/0123456789abcde1/h1"), f.revision - 3);
    cr_expect_eq(compared(txn, "clusters/a/joins/0123456789abcde1/h2"), f.revision - 2);
    cr_expect_eq(compared(txn, "hosts/joiner"), 0);
    cr_expect_eq(compared(txn, "clusters/a/joins/0123456789abcde1/h3"), UINT64_MAX);
    cr_expect_eq(compared(txn, "clusters/a/joins/0123456789abcde2/h1"), UINT64_MAX);
    /* Once it is a node, its orders don't depend on the request any more. */
    fixture_put_intent(&f, &intent);
    out = build(effects, 1);
    cr_expect_eq(compared(&out.txns[0], "clusters/a/joins/0123456789abcde1/h1"), UINT64_MAX);
}

Test(txn, an_intent_goes_only_while_its_report_is_what_was_read)
{
    struct spec_record spec = fixture_spec("a");
    struct intent stopped = fixture_intent("a", 1, "h1", "10.0.0.1");
    struct intent lost = fixture_intent("a", 2, "h2", "10.0.1.1");
    struct node_report report = fixture_report("a", 1, "h1", "10.0.0.1");
    const struct effect effects[] = {
        { .kind = EFFECT_INTENT_DELETE, .slot = 1, .why = "stopped", .of.intent = &stopped },
        { .kind = EFFECT_INTENT_DELETE, .slot = 2, .why = "lost", .of.intent = &lost },
    };
    struct txn_plan plan;

    fixture_put_spec(&f, &spec);
    fixture_put_intent(&f, &stopped);
    fixture_put_intent(&f, &lost);
    report.state = NODE_STOPPED;
    fixture_put_report(&f, &report);
    plan = build(effects, 2);
    cr_assert_eq(compared(&plan.txns[0], "clusters/a/nodes/0001/h1"), f.revision);
    cr_assert_eq(compared(&plan.txns[0], "clusters/a/nodes/0002/h2"), 0);
}

Test(txn, the_name_of_a_slot_goes_with_its_last_intent)
{
    const struct member members[] = { { 1, "0001.a.cache.local", "10.0.0.1", 11211 } };
    struct spec_record spec = fixture_spec("a");
    struct config_draft draft = draft_of(members, 1, 5);
    struct effect commit = commit_of(&draft);
    struct intent listed = fixture_intent("a", 1, "h1", "10.0.0.1");
    struct intent leaver = fixture_intent("a", 2, "h1", "10.0.0.2");
    struct intent moved = fixture_intent("a", 3, "h1", "10.0.0.3");
    struct intent there = fixture_intent("a", 3, "h2", "10.0.1.3");
    const struct effect effects[] = {
        { .kind = EFFECT_INTENT_DELETE, .slot = 1, .why = "gone", .of.intent = &listed },
        { .kind = EFFECT_INTENT_DELETE, .slot = 2, .why = "gone", .of.intent = &leaver },
        { .kind = EFFECT_INTENT_DELETE, .slot = 3, .why = "gone", .of.intent = &moved },
    };
    struct txn_plan plan;

    spec.spec.domain = "cache.local";
    fixture_put_spec(&f, &spec);
    plan = build(&commit, 1);
    enter(&plan.txns[0]);
    fixture_put_intent(&f, &listed);
    fixture_put_intent(&f, &leaver);
    fixture_put_intent(&f, &moved);
    fixture_put_intent(&f, &there);
    plan = build(effects, 3);
    cr_assert_null(find_op(&plan.txns[0], "/skydns/local/cache/a/0001"));
    cr_assert_not_null(find_op(&plan.txns[0], "/skydns/local/cache/a/0002"));
    cr_assert_null(find_op(&plan.txns[0], "/skydns/local/cache/a/0003"));
    spec.deleting = true;
    fixture_put_spec(&f, &spec);
    plan = build(effects, 3);
    cr_assert_not_null(find_op(&plan.txns[0], "/skydns/local/cache/a/0001"));
}

/* The spec is ahead: what is listed, and where the endpoint points, is still of the old domain. */
Test(txn, names_of_a_former_domain_go_with_what_had_them)
{
    const struct member members[] = { { 1, "0001.a.old.local", "10.0.0.1", 11211 } };
    struct spec_record spec = fixture_spec("a");
    struct config_draft draft = draft_of(members, 1, 5);
    struct effect commit = commit_of(&draft);
    struct intent leaver = fixture_intent("a", 2, "h1", "10.0.0.2");
    const struct alias alias = { "0001.a.old.local", "10.0.0.1", 11211, 1, 5 };
    const struct effect effects[] = {
        { .kind = EFFECT_INTENT_DELETE, .slot = 2, .why = "gone", .of.intent = &leaver },
        { .kind = EFFECT_ALIAS_CLEAR, .why = "clear" },
    };
    struct txn_plan plan;

    spec.spec.domain = "old.local";
    fixture_put_spec(&f, &spec);
    plan = build(&commit, 1);
    enter(&plan.txns[0]);
    fixture_put_alias(&f, "a", &alias);
    fixture_put_intent(&f, &leaver);
    spec.spec.domain = "new.local";
    fixture_put_spec(&f, &spec);
    plan = build(effects, 2);
    cr_assert_not_null(find_op(&plan.txns[0], "/skydns/local/old/a/0002"));
    cr_assert_not_null(find_op(&plan.txns[0], "/skydns/local/old/cfg/a"));
    cr_assert_null(find_op(&plan.txns[0], "/skydns/local/old/a/0001"));
}

Test(txn, forgetting_leaves_the_lineage_and_no_name)
{
    const struct member members[] = { { 1, "0001.a.cache.local", "10.0.0.1", 11211 } };
    struct spec_record spec = fixture_spec("a");
    struct config_draft draft = draft_of(members, 1, 5);
    struct effect commit = commit_of(&draft);
    const struct effect forget = { .kind = EFFECT_CLUSTER_FORGET, .why = "forget" };
    struct txn_plan plan;

    spec.spec.domain = "cache.local";
    spec.deleting = true;
    fixture_put_spec(&f, &spec);
    plan = build(&commit, 1);
    enter(&plan.txns[0]);
    plan = build(&forget, 1);
    cr_assert_eq(find_op(&plan.txns[0], "clusters/a/")->kind, ETCD_DELETE_PREFIX);
    cr_assert_not_null(find_op(&plan.txns[0], "/skydns/local/cache/cfg/a"));
    cr_assert_not_null(find_op(&plan.txns[0], "/skydns/local/cache/a/0001"));
    cr_assert_null(find_op(&plan.txns[0], "lineage/a"));
}

Test(txn, a_key_is_not_put_and_touched_again_in_one_transaction)
{
    struct status status = { .uid = "0123456789abcdef" };
    const struct effect effects[] = {
        { .kind = EFFECT_STATUS_PUT, .why = "status", .of.status = &status },
        { .kind = EFFECT_CLUSTER_FORGET, .why = "forget" },
    };
    struct txn_plan plan = build(effects, 2);

    cr_assert_eq(plan.txns[0].ops_count, 1);
    cr_assert(plan.cut);
}

Test(txn, an_effect_that_can_not_be_written_is_a_failure)
{
    const struct member members[] = { { 1, "10.0.0.1", "not an address", 11211 } };
    struct config_draft draft = draft_of(members, 1, 5);
    struct effect effect = commit_of(&draft);
    struct txn_plan plan;
    struct err err;

    cr_assert_lt(try_build(&effect, 1, "/skydns", &plan, &err), 0);
    cr_assert_not_null(strstr(err.msg, "config-commit"), "%s", err.msg);
}

Test(txn, status_and_events_alone_are_not_urgent)
{
    struct status status = { .uid = "0123456789abcdef" };
    struct intent intent = fixture_intent("a", 1, "h1", "10.0.0.1");
    const struct effect effects[] = {
        { .kind = EFFECT_CONFIG_PUSH,
          .slot = 1,
          .why = "push",
          .of.push = { "h1", "10.0.0.1", 11211, 4, false } },
        { .kind = EFFECT_STATUS_PUT, .why = "status", .of.status = &status },
        { .kind = EFFECT_INTENT_PUT, .slot = 1, .why = "place", .of.intent = &intent },
    };

    cr_assert_not(build(effects, 2).urgent);
    cr_assert(build(effects, 3).urgent);
}
