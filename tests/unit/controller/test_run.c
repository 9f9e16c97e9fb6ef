/* The real program with a real etcd and real memcacheds; hosts are doubles. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "codec/model_json.h"
#include "etcd/etcd_wait.h"
#include "host_double.h"
#include "support/etcd_server.h"
#include "support/keys_fixture.h"
#include "support/loop_wait.h"
#include "support/scene.h"

#define LEASE_TTL "5s"
#define QUIET_MS 1500

struct stage {
    struct etcd_server *server;
    struct loop *loop;
    struct trusted_keys keys;
    char key_path[SCENE_PATH_SIZE];
    struct host_double host;
    struct arena arena;
    const char *lease_ttl; /* of the controllers that are started from now on */
};

static void stage_start(struct stage *s)
{
    struct scene_path secret = scene_path("signing.key");
    struct scene_path trusted = scene_path("trusted.keys");
    struct err err;

    *s = (struct stage){ .server = etcd_server_start(), .lease_ttl = LEASE_TTL };
    arena_init(&s->arena, 16U << 20);
    cr_assert_eq(loop_new(&s->loop, &err), 0);
    cr_assert_eq(signing_key_create(secret.text, trusted.text, &err), 0, "%s", err.msg);
    cr_assert_eq(trusted_keys_load(trusted.text, &s->keys, &err), 0, "%s", err.msg);
    (void)snprintf(s->key_path, sizeof(s->key_path), "%s", secret.text);
    host_double_start(&s->host, s->loop, etcd_server_url(s->server), "h1", scene_ip(1).text,
                      &s->keys);
}

static void stage_end(struct stage *s)
{
    host_double_end(&s->host);
    loop_free(s->loop);
    arena_deinit(&s->arena);
}

static struct process *controller_start(struct stage *s, const char *identity)
{
    return process_startl(identity, scene_program("muster-controller").text, "--etcd-endpoints",
                          etcd_server_url(s->server), "--signing-key", s->key_path, "--identity",
                          identity, "--lease-ttl", s->lease_ttl, "--log-level", "debug", NULL);
}

static void apply(struct stage *s, const struct spec_record *spec)
{
    CLEANUP(str_deinit) struct str json;
    char path[128];
    struct err err;

    str_init(&json, JSON_VALUE_BYTES_MAX);
    cr_assert_eq(json_encode_spec_record(spec, &json, &err), 0, "%s", err.msg);
    (void)snprintf(path, sizeof(path), "clusters/%s/spec", spec->spec.name);
    host_double_put(&s->host, path, str_text(&json));
}

/* ---- What the keys say ---- */

static bool read_status(struct stage *s, const char *cluster, struct status *out)
{
    char path[128];
    const struct mirror_item *item;
    struct err err;

    (void)snprintf(path, sizeof(path), "clusters/%s/status", cluster);
    item = host_double_key(&s->host, path);
    arena_clear(&s->arena);
    return item != NULL &&
           json_decode_status(item->value, item->value_bytes, &s->arena, out, &err) == 0;
}

static bool read_config(struct stage *s, const char *cluster, struct config *out)
{
    char path[128];
    const struct mirror_item *item;
    struct err err;

    (void)snprintf(path, sizeof(path), "clusters/%s/config", cluster);
    item = host_double_key(&s->host, path);
    arena_clear(&s->arena);
    return item != NULL &&
           json_decode_config(item->value, item->value_bytes, &s->arena, out, &err) == 0;
}

struct converged {
    struct stage *stage;
    const char *cluster;
    uint32_t members;
    uint64_t generation;
};

static bool is_converged(void *ctx)
{
    struct converged *want = ctx;
    struct status status;
    struct config config;
    char path[128];

    (void)snprintf(path, sizeof(path), "clusters/%s/alias", want->cluster);
    return host_double_key(&want->stage->host, path) != NULL &&
           read_config(want->stage, want->cluster, &config) &&
           config.head.members_count == want->members &&
           read_status(want->stage, want->cluster, &status) &&
           status.conditions[CONDITION_CONVERGED].status &&
           status.observed_generation == want->generation;
}

/* Let the host do its part until `fn` holds. */
static bool play_until(struct stage *s, wait_fn *fn, void *ctx)
{
    uint64_t end_ms = clock_mono_ms() + WAIT_MS;

    while (clock_mono_ms() < end_ms) {
        host_double_step(&s->host);
        if (loop_wait_until(s->loop, fn, ctx, 5)) {
            return true;
        }
    }
    return false;
}

static void converge(struct stage *s, const char *cluster, uint32_t members, uint64_t generation)
{
    struct converged want = { s, cluster, members, generation };

    cr_assert(play_until(s, is_converged, &want), "%s does not converge to %u members", cluster,
              members);
}

struct output {
    struct process *process;
    const char *text;
};

static bool has_output(void *ctx)
{
    struct output *want = ctx;
    char *output = process_output(want->process);
    bool found = strstr(output, want->text) != NULL;

    free(output);
    return found;
}

static void expect_output(struct stage *s, struct process *process, const char *text)
{
    struct output want = { process, text };

    cr_assert(play_until(s, has_output, &want), "no '%s' in the output", text);
}

/* ---- Stories ---- */

Test(run, a_spec_becomes_nodes_a_configuration_and_an_alias)
{
    struct spec_record spec = fixture_spec("sessions");
    struct stage s;
    struct config config;
    struct err err;

    stage_start(&s);
    controller_start(&s, "c1");
    apply(&s, &spec);
    converge(&s, "sessions", 3, 1);
    cr_assert_eq(host_double_running(&s.host), 3);
    cr_assert(read_config(&s, "sessions", &config));
    cr_assert_eq(envelope_verify(&config, &s.keys, &err), 0, "%s", err.msg);
    cr_assert_eq(host_double_node(&s.host, "sessions", 1)->served, config.head.version);
    stage_end(&s);
}

Test(run, scaling_out_and_in_and_deleting)
{
    struct spec_record spec = fixture_spec("sessions");
    struct stage s;
    struct config config;

    stage_start(&s);
    controller_start(&s, "c1");
    spec.spec.drain_ms = 100;
    apply(&s, &spec);
    converge(&s, "sessions", 3, 1);
    spec.spec.nodes = 5;
    spec.generation = 2;
    apply(&s, &spec);
    converge(&s, "sessions", 5, 2);
    spec.spec.nodes = 2;
    spec.generation = 3;
    apply(&s, &spec);
    converge(&s, "sessions", 2, 3);
    cr_assert(read_config(&s, "sessions", &config));
    cr_assert_eq(config.head.members[1].slot, 2);
    stage_end(&s);
}

static bool is_forgotten(void *ctx)
{
    struct host_double *host = ctx;
    struct mirror_item *item = mirror_seek(host->mirror, DOUBLE_PREFIX "/clusters/");

    return host_double_running(host) == 0 &&
           (item == NULL || strncmp(item->key, DOUBLE_PREFIX "/clusters/",
                                    strlen(DOUBLE_PREFIX "/clusters/")) != 0);
}

static char *dns_value(struct stage *s, const char *key)
{
    struct etcd_kv kv;
    struct err err;
    int rv = etcd_wait_get(s->loop, s->host.etcd, key, &s->arena, &kv, &err);

    cr_assert(rv == 0 || rv == ERR_NOT_FOUND, "%s", err.msg);
    return rv == 0 ? arena_strdup(&s->arena, kv.value) : NULL;
}

/* The endpoint's and both nodes'. */
static bool has_names(void *ctx)
{
    return dns_value(ctx, "/skydns/local/cache/cfg/sessions") != NULL &&
           dns_value(ctx, "/skydns/local/cache/sessions/0001") != NULL &&
           dns_value(ctx, "/skydns/local/cache/sessions/0002") != NULL;
}

Test(run, names_follow_the_nodes_and_go_with_the_cluster)
{
    struct spec_record spec = fixture_spec("sessions");
    struct stage s;
    struct config config;
    struct process *first;
    char expected[128];
    const char *endpoint;

    stage_start(&s);
    first = controller_start(&s, "c1");
    spec.spec.domain = "cache.local";
    spec.spec.nodes = 2;
    spec.spec.drain_ms = 100;
    apply(&s, &spec);
    converge(&s, "sessions", 2, 1);
    etcd_server_delete(s.server, "/skydns/local/cache/sessions/0001");
    etcd_server_delete(s.server, "/skydns/local/cache/cfg/sessions");
    process_signal(first, SIGTERM);
    cr_assert_eq(process_wait(first), 0);
    controller_start(&s, "c2");
    cr_assert(play_until(&s, has_names, &s), "the next leader does not write the names again");
    cr_assert(read_config(&s, "sessions", &config));
    cr_assert_str_eq(config.head.members[0].hostname, "0001.sessions.cache.local");
    (void)snprintf(expected, sizeof(expected), "{\"host\":\"%s\",\"port\":11211,\"ttl\":5}",
                   config.head.members[0].ip);
    cr_assert_str_eq(dns_value(&s, "/skydns/local/cache/sessions/0001"), expected);
    endpoint = dns_value(&s, "/skydns/local/cache/cfg/sessions");
    cr_assert_not_null(endpoint);
    cr_assert_not_null(strstr(endpoint, "\"port\":11211"));
    spec.spec.nodes = 1;
    spec.generation = 2;
    apply(&s, &spec);
    converge(&s, "sessions", 1, 2);
    spec.deleting = true;
    spec.generation = 3;
    apply(&s, &spec);
    cr_assert(play_until(&s, is_forgotten, &s.host));
    cr_assert_null(dns_value(&s, "/skydns/local/cache/cfg/sessions"));
    cr_assert_null(dns_value(&s, "/skydns/local/cache/sessions/0001"));
    cr_assert_null(dns_value(&s, "/skydns/local/cache/sessions/0002"));
    cr_assert_not_null(host_double_key(&s.host, "lineage/sessions"), "it outlives the cluster");
    stage_end(&s);
}

Test(run, a_cluster_made_again_counts_on)
{
    struct spec_record spec = fixture_spec("sessions");
    struct stage s;
    struct config config;
    uint32_t version;

    stage_start(&s);
    controller_start(&s, "c1");
    spec.spec.nodes = 1;
    apply(&s, &spec);
    converge(&s, "sessions", 1, 1);
    cr_assert(read_config(&s, "sessions", &config));
    version = config.head.version;
    spec.deleting = true;
    spec.generation = 2;
    apply(&s, &spec);
    cr_assert(play_until(&s, is_forgotten, &s.host));
    spec = fixture_spec("sessions");
    spec.uid = "fedcba9876543210";
    spec.spec.nodes = 1;
    apply(&s, &spec);
    converge(&s, "sessions", 1, 1);
    cr_assert(read_config(&s, "sessions", &config));
    cr_assert_gt(config.head.version, version);
    stage_end(&s);
}

static bool leader_is(void *ctx)
{
    struct output *want = ctx; /* its text is part of the leader key */
    const struct mirror_item *item = host_double_key((struct host_double *)want->process, "leader");

    return item != NULL && strstr(item->value, want->text) != NULL;
}

static void expect_leader(struct stage *s, const char *identity)
{
    struct output want = { (struct process *)&s->host, identity };

    cr_assert(play_until(s, leader_is, &want), "%s does not lead", identity);
}

Test(run, a_leader_that_ends_hands_over_at_once)
{
    struct stage s;
    struct process *first;

    stage_start(&s);
    s.lease_ttl = "60s"; /* much longer than expect_leader() waits */
    first = controller_start(&s, "c1");
    expect_leader(&s, "\"c1\"");
    controller_start(&s, "c2");
    process_signal(first, SIGTERM);
    expect_leader(&s, "\"c2\"");
    cr_assert_eq(process_wait(first), 0);
    stage_end(&s);
}

Test(run, a_killed_leader_is_followed_by_the_next_one)
{
    struct spec_record spec = fixture_spec("sessions");
    struct stage s;
    struct process *first;

    stage_start(&s);
    first = controller_start(&s, "c1");
    expect_leader(&s, "\"c1\"");
    controller_start(&s, "c2");
    apply(&s, &spec);
    converge(&s, "sessions", 3, 1);
    process_kill(first);
    spec.spec.nodes = 4;
    spec.generation = 2;
    apply(&s, &spec);
    converge(&s, "sessions", 4, 2);
    expect_leader(&s, "\"c2\"");
    stage_end(&s);
}

/* Each version in the history, and what the current one is, signed by anybody, never changes. */
Test(run, a_leader_that_was_stopped_past_its_lease_changes_nothing)
{
    struct spec_record spec = fixture_spec("sessions");
    struct stage s;
    struct process *first;
    struct config config;
    char digest[CONFIG_DIGEST_SIZE];
    uint64_t fence;

    stage_start(&s);
    first = controller_start(&s, "c1");
    expect_leader(&s, "\"c1\"");
    controller_start(&s, "c2");
    apply(&s, &spec);
    converge(&s, "sessions", 3, 1);
    process_signal(first, SIGSTOP);
    spec.spec.nodes = 5;
    spec.generation = 2;
    apply(&s, &spec); /* c1 has it in its socket when it goes on */
    expect_leader(&s, "\"c2\"");
    converge(&s, "sessions", 5, 2);
    fence = host_double_key(&s.host, "leader")->create_revision;
    cr_assert(read_config(&s, "sessions", &config));
    memcpy(digest, config.digest, sizeof(digest));
    process_signal(first, SIGCONT);
    expect_output(&s, first, "event=following");
    loop_wait_ms(s.loop, 500);
    cr_assert(read_config(&s, "sessions", &config));
    cr_assert_str_eq(config.digest, digest);
    cr_assert_eq(host_double_key(&s.host, "leader")->create_revision, fence);
    expect_leader(&s, "\"c2\"");
    stage_end(&s);
}

Test(run, a_leader_key_of_nobody_is_removed)
{
    struct stage s;

    stage_start(&s);
    host_double_put(&s.host, "leader", "by hand");
    controller_start(&s, "c1");
    expect_leader(&s, "\"c1\"");
    host_double_put(&s.host, "leader", "by hand again");
    expect_leader(&s, "\"c1\"");
    stage_end(&s);
}

static bool has_event(void *ctx)
{
    struct output *want = ctx;
    struct host_double *host = (struct host_double *)want->process;
    struct mirror_item *item;

    for (item = mirror_seek(host->mirror, DOUBLE_PREFIX "/events/");
         item != NULL &&
         strncmp(item->key, DOUBLE_PREFIX "/events/", strlen(DOUBLE_PREFIX "/events/")) == 0;
         item = mirror_next(host->mirror, item)) {
        if (strstr(item->value, want->text) != NULL) {
            return true;
        }
    }
    return false;
}

static void expect_event(struct stage *s, const char *text)
{
    struct output want = { (struct process *)&s->host, text };

    cr_assert(play_until(s, has_event, &want), "no event with %s", text);
}

struct condition_wanted {
    struct stage *stage;
    enum condition_type type;
    bool status;
};

static bool has_condition(void *ctx)
{
    struct condition_wanted *want = ctx;
    struct status status;

    return read_status(want->stage, "sessions", &status) &&
           status.conditions[want->type].status == want->status;
}

Test(run, garbage_is_told_and_hurts_nobody_else)
{
    struct spec_record spec = fixture_spec("sessions");
    struct spec_record other = fixture_spec("other");
    struct condition_wanted want = { .type = CONDITION_KEY_INVALID, .status = true };
    struct stage s;

    stage_start(&s);
    want.stage = &s;
    controller_start(&s, "c1");
    apply(&s, &spec);
    converge(&s, "sessions", 3, 1);
    host_double_put(&s.host, "clusters/sessions/whatever", "x");
    host_double_put(&s.host, "clusters/broken/spec", "{");
    host_double_put(&s.host, "hosts/h9", "nonsense");
    host_double_put(&s.host, "stray", "nonsense");
    expect_event(&s, DOUBLE_PREFIX "/stray");
    expect_event(&s, DOUBLE_PREFIX "/hosts/h9");
    expect_event(&s, DOUBLE_PREFIX "/clusters/sessions/whatever");
    cr_assert(play_until(&s, has_condition, &want));
    apply(&s, &other);
    converge(&s, "other", 3, 1);
    host_double_put(&s.host, "clusters/sessions/whatever", NULL);
    want.status = false;
    cr_assert(play_until(&s, has_condition, &want));
    stage_end(&s);
}

Test(run, two_clusters_at_once_get_places_of_their_own)
{
    struct spec_record specs[4];
    static const char *const names[] = { "a", "b", "c", "d" };
    struct stage s;
    size_t i;

    stage_start(&s);
    for (i = 0; i < 4; i++) {
        specs[i] = fixture_spec(names[i]);
        apply(&s, &specs[i]);
    }
    controller_start(&s, "c1");
    for (i = 0; i < 4; i++) {
        converge(&s, names[i], 3, 1);
    }
    cr_assert_eq(host_double_running(&s.host), 12, "each memcached could bind its address");
    stage_end(&s);
}

/* Whether nothing is written for a while. */
static bool is_quiet(void *ctx)
{
    struct stage *s = ctx;
    uint64_t revision = etcd_server_revision(s->server);

    loop_wait_ms(s->loop, QUIET_MS);
    return etcd_server_revision(s->server) == revision;
}

Test(run, a_converged_installation_is_silent)
{
    struct spec_record spec = fixture_spec("sessions");
    struct stage s;

    stage_start(&s);
    controller_start(&s, "c1");
    apply(&s, &spec);
    converge(&s, "sessions", 3, 1);
    cr_assert(play_until(&s, is_quiet, &s), "something is written all the time");
    stage_end(&s);
}

Test(run, without_etcd_it_gives_up_after_its_timeout)
{
    struct scene_path secret = scene_path("signing.key");
    struct scene_path trusted = scene_path("trusted.keys");
    struct err err;
    struct process *process;
    char *output;

    cr_assert_eq(signing_key_create(secret.text, trusted.text, &err), 0, "%s", err.msg);
    process =
        process_startl("c1", scene_program("muster-controller").text, "--etcd-endpoints",
                       "http://127.0.0.1:9", "--signing-key", secret.text, "--timeout", "1s", NULL);
    cr_assert_eq(process_wait(process), 6);
    output = process_output(process);
    cr_assert_not_null(strstr(output, "127.0.0.1:9"), "%s", output);
    free(output);
}

Test(run, etcd_may_go_and_come_back)
{
    struct spec_record spec = fixture_spec("sessions");
    struct stage s;
    struct process *controller;

    stage_start(&s);
    s.lease_ttl = "2s";
    controller = controller_start(&s, "c1");
    apply(&s, &spec);
    converge(&s, "sessions", 3, 1);
    etcd_server_kill(s.server);
    loop_wait_ms(s.loop, 3000); /* longer than the lease */
    etcd_server_restart(s.server);
    spec.spec.nodes = 4;
    spec.generation = 2;
    apply(&s, &spec);
    converge(&s, "sessions", 4, 2);
    cr_assert(process_running(controller));
    stage_end(&s);
}
