#include "guest.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "codec/model_json.h"
#include "etcd/etcd_wait.h"
#include "store/keys.h"
#include "support/net.h"
#include "support/wait.h"

#define ARGS_MAX 48

struct scene_path guest_tokens(void)
{
    struct scene_path dir = scene_path("tokens");
    struct scene_path file;

    (void)mkdir(dir.text, 0755);
    file = scene_write("tokens/" WORLD_CLUSTER, GUEST_TOKEN "\n");
    cr_assert_eq(chmod(file.text, 0600), 0);
    return dir;
}

void guest_world(struct world *w, uint32_t version)
{
    struct intent intent = world_intent(1, INTENT_RUN);
    struct scene_path tokens = guest_tokens();
    const char *more[] = { "--join-tokens", tokens.text, NULL };

    world_init(w);
    world_start_watcher(w, more);
    world_put_intent(w, &intent);
    (void)world_await_up(w, 1);
    world_push_version(w, 1, version);
    (void)world_await_served(w, 1, version);
}

static struct scene_path partition(void)
{
    struct scene_path dir = scene_path("partition-of-the-guest");

    (void)mkdir(dir.text, 0755);
    return dir;
}

static bool memcached_answers(void *ctx)
{
    return net_answers(ctx, WORLD_DATA_PORT);
}

static struct process *start_memcached(unsigned node, const char *const *env)
{
    static unsigned count;
    char name[32];
    struct scene_ip ip = scene_ip(node);
    const char *argv[] = { "memcached", "-l",     ip.text, "-p", "11211", "-U", "0",
                           "-u",        "nobody", "-m",    "32", "-t",    "2",  NULL };
    struct process_spec spec = { .name = name, .argv = argv, .env = env };
    struct process *process;

    (void)snprintf(name, sizeof(name), "memcached-%u", ++count);
    process = process_start(&spec);
    cr_assert(wait_until(memcached_answers, ip.text, WAIT_MS), "%s does not answer", ip.text);
    return process;
}

struct process *guest_start_memcached(bool module)
{
    char preload[SCENE_PATH_SIZE + 32];
    char variable[SCENE_PATH_SIZE + 32];
    const char *env[] = { preload, variable, NULL };

    (void)snprintf(preload, sizeof(preload), "LD_PRELOAD=%s",
                   scene_library("libmuster_partition.so").text);
    (void)snprintf(variable, sizeof(variable), "MUSTER_PARTITION=%s", partition().text);
    return start_memcached(GUEST_NODE, module ? env : NULL);
}

struct process *guest_start_plain(unsigned node)
{
    return start_memcached(node, NULL);
}

struct process *guest_start_sidecar(struct world *w, const char *const *more)
{
    static unsigned count;
    struct scene_path program = scene_program("muster-watcher");
    struct scene_path keys = scene_path("trusted.pub");
    struct scene_path state = scene_path("state-of-the-guest");
    struct scene_path dir = partition();
    struct scene_path token = scene_path("tokens/" WORLD_CLUSTER);
    struct scene_ip ip = scene_ip(GUEST_NODE);
    struct scene_ip peer = scene_ip(1);
    char name[32];
    const char *argv[ARGS_MAX] = { program.text,
                                   "--mode",
                                   "sidecar",
                                   "--etcd-endpoints",
                                   etcd_server_url(w->server),
                                   "--host",
                                   GUEST_HOST,
                                   "--trusted-keys",
                                   keys.text,
                                   "--state-dir",
                                   state.text,
                                   "--partition",
                                   dir.text,
                                   "--memcached-address",
                                   ip.text,
                                   "--lease-ttl",
                                   "10s",
                                   "--join",
                                   peer.text,
                                   "--token-file",
                                   token.text };
    struct process_spec spec = { .name = name, .argv = argv };
    size_t at = 21;

    (void)snprintf(name, sizeof(name), "sidecar-%u", ++count);
    for (; more != NULL && *more != NULL; more++) {
        argv[at++] = *more;
    }
    return process_start(&spec);
}

/* ---- Keys ---- */

static bool get(struct world *w, const struct key *key, struct etcd_kv *out)
{
    char text[KEY_TEXT_SIZE];
    struct err err;
    int rv;

    key_format(KEYS_PREFIX_DEFAULT, key, text);
    rv = etcd_wait_get(w->loop, w->etcd, text, &w->arena, out, &err);
    cr_assert(rv == 0 || rv == ERR_NOT_FOUND, "%s: %s", text, err.msg);
    return rv == 0;
}

struct search {
    struct world *world;
    const char *seen_by;
    struct join_report report;
};

static bool find_join(void *ctx)
{
    struct search *s = ctx;
    struct etcd_range range = { .key = KEYS_PREFIX_DEFAULT "/clusters/" WORLD_CLUSTER "/joins/",
                                .prefix = true };
    struct etcd_range_result result;
    struct world *w = s->world;
    struct err err;
    size_t i;

    cr_assert_eq(etcd_wait_range(w->loop, w->etcd, &range, &w->arena, &result, &err), 0, "%s",
                 err.msg);
    for (i = 0; i < result.count; i++) {
        struct key key;

        cr_assert(key_parse(KEYS_PREFIX_DEFAULT, result.kvs[i].key, &key));
        cr_assert_eq(json_decode_join_report(result.kvs[i].value, result.kvs[i].value_bytes,
                                             &w->arena, &s->report, &err),
                     0, "%s", err.msg);
        cr_assert_str_eq(key.id, s->report.join.uid);
        cr_assert_str_eq(key.host, s->report.seen_by);
        if (strcmp(s->report.seen_by, s->seen_by) == 0) {
            return true;
        }
    }
    return false;
}

struct join_report guest_await_join(struct world *w, const char *seen_by, char *uid)
{
    struct search search = { .world = w, .seen_by = seen_by };

    cr_assert(wait_until(find_join, &search, WAIT_MS), "%s reports no request to join:\n%s",
              seen_by, process_output(w->watcher));
    (void)snprintf(uid, JOIN_UID_SIZE, "%s", search.report.join.uid);
    return search.report;
}

bool guest_has_join(struct world *w, const char *seen_by)
{
    struct search search = { .world = w, .seen_by = seen_by };

    return find_join(&search);
}

struct intent guest_intent(uint32_t slot, enum intent_phase phase, const char *uid)
{
    struct intent intent = world_intent(GUEST_NODE, phase);

    intent.host = GUEST_HOST;
    intent.slot = slot;
    intent.attached = true;
    intent.join = uid;
    return intent;
}

static struct key intent_key(uint32_t slot)
{
    return (struct key){
        .kind = KEY_INTENT, .host = GUEST_HOST, .cluster = WORLD_CLUSTER, .slot = slot
    };
}

void guest_put_intent(struct world *w, const struct intent *intent)
{
    CLEANUP(str_deinit) struct str json;
    struct key key = intent_key(intent->slot);
    char text[KEY_TEXT_SIZE];
    struct err err;

    str_init(&json, JSON_VALUE_BYTES_MAX);
    cr_assert_eq(json_encode_intent(intent, &json, &err), 0, "%s", err.msg);
    key_format(KEYS_PREFIX_DEFAULT, &key, text);
    (void)etcd_server_put(w->server, text, str_text(&json));
}

void guest_delete_intent(struct world *w, uint32_t slot)
{
    struct key key = intent_key(slot);
    char text[KEY_TEXT_SIZE];

    key_format(KEYS_PREFIX_DEFAULT, &key, text);
    (void)etcd_server_delete(w->server, text);
}

bool guest_report(struct world *w, uint32_t slot, struct node_report *out)
{
    struct key key = {
        .kind = KEY_NODE, .cluster = WORLD_CLUSTER, .host = GUEST_HOST, .slot = slot
    };
    struct etcd_kv kv;
    struct err err;

    if (!get(w, &key, &kv)) {
        return false;
    }
    cr_assert_eq(json_decode_node_report(kv.value, kv.value_bytes, &w->arena, out, &err), 0, "%s",
                 err.msg);
    return true;
}

struct await {
    struct world *world;
    uint32_t slot;
    world_report_fn *fn;
    const void *ctx;
    struct node_report report;
    bool found;
};

static bool report_pleases(void *ctx)
{
    struct await *a = ctx;

    a->found = guest_report(a->world, a->slot, &a->report);
    return a->found && a->fn(&a->report, a->ctx);
}

struct node_report guest_await(struct world *w, uint32_t slot, world_report_fn *fn, const void *ctx)
{
    struct await a = { .world = w, .slot = slot, .fn = fn, .ctx = ctx };

    cr_assert(wait_until(report_pleases, &a, WAIT_MS),
              "slot %u %s: state %s, partition %s, version %u, problem '%s'", slot,
              a.found ? "is not as it should be" : "is not reported",
              a.found ? node_state_text(a.report.state) : "",
              a.found ? partition_mode_text(a.report.partition) : "",
              a.found ? a.report.served.version : 0, a.found ? a.report.problem : "");
    return a.report;
}
