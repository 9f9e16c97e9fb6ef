#include "sim/sim_hand.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/str.h"
#include "codec/model_json.h"
#include "model/spec_field.h"
#include "sim/sim_controller.h"
#include "sim/sim_edges.h"
#include "sim/sim_etcd.h"
#include "store/keys.h"

#define GENERATIONS_KEPT 20 /* as the command line does */
#define OPS_MAX 3

static uint64_t now_ms(const struct sim *sim)
{
    return SIM_EPOCH_MS + sim_now_ms(sim);
}

static struct key key_of(enum key_kind kind, const char *cluster)
{
    struct key key = { .kind = kind };

    (void)snprintf(key.cluster, sizeof(key.cluster), "%s", cluster);
    return key;
}

static void write_txn(struct sim *sim, const struct etcd_op *ops, size_t count)
{
    const struct etcd_txn txn = { .ops = ops, .ops_count = count };
    size_t i;

    for (i = 0; i < count; i++) {
        sim_trace(sim, "an operator %s %s %.*s", ops[i].kind == ETCD_PUT ? "puts" : "removes",
                  ops[i].key, (int)ops[i].value_bytes, ops[i].kind == ETCD_PUT ? ops[i].value : "");
    }
    (void)sim_etcd_write(sim_etcd(sim), &txn);
}

/* ---- Specs ---- */

bool sim_hand_read(struct sim *sim, const char *cluster, struct arena *arena,
                   struct spec_record *out)
{
    struct key key = key_of(KEY_SPEC, cluster);
    const struct sim_entry *entry;
    char text[KEY_TEXT_SIZE];
    struct err err;

    key_format(SIM_PREFIX, &key, text);
    entry = sim_store_get(sim_etcd_store(sim_etcd(sim)), text);
    return entry != NULL &&
           json_decode_spec_record(entry->value, entry->value_bytes, arena, out, &err) == 0;
}

void sim_hand_new(struct sim *sim, const char *cluster, struct arena *arena,
                  struct spec_record *out)
{
    *out = (struct spec_record){ .created_ms = now_ms(sim) };
    spec_init(&out->spec);
    out->spec.name = arena_strdup(arena, cluster);
    out->uid =
        arena_printf(arena, "%016llx", (unsigned long long)sim_random(sim, SIM_CHANCE_STEPS));
    CHECK(out->spec.name != NULL);
    CHECK(out->uid != NULL);
}

/* With `is_next`, it is kept as a generation, too. */
static void put_record(struct sim *sim, const struct spec_record *record, bool is_next)
{
    CLEANUP(str_deinit) struct str json;
    struct key keys[OPS_MAX] = { key_of(KEY_SPEC, record->spec.name),
                                 key_of(KEY_GENERATION, record->spec.name),
                                 key_of(KEY_GENERATION, record->spec.name) };
    char texts[OPS_MAX][KEY_TEXT_SIZE];
    struct etcd_op ops[OPS_MAX] = { { .kind = ETCD_PUT },
                                    { .kind = ETCD_PUT },
                                    { .kind = ETCD_DELETE } };
    size_t count = !is_next ? 1 : record->generation <= GENERATIONS_KEPT ? 2 : 3;
    struct err err;
    size_t i;

    str_init(&json, JSON_VALUE_BYTES_MAX);
    CHECK(json_encode_spec_record(record, &json, &err) == 0);
    keys[1].version = (uint32_t)record->generation;
    keys[2].version = (uint32_t)record->generation - GENERATIONS_KEPT;
    for (i = 0; i < count; i++) {
        key_format(SIM_PREFIX, &keys[i], texts[i]);
        ops[i].key = texts[i];
        ops[i].value = str_text(&json);
        ops[i].value_bytes = json.size;
    }
    write_txn(sim, ops, count);
}

void sim_hand_write(struct sim *sim, const struct spec_record *record)
{
    put_record(sim, record, false);
}

void sim_hand_apply(struct sim *sim, struct spec_record *record)
{
    record->generation++;
    record->changed_ms = now_ms(sim);
    put_record(sim, record, true);
}

void sim_hand_delete(struct sim *sim, struct spec_record *record)
{
    record->generation++;
    record->changed_ms = now_ms(sim);
    record->deleting = true;
    put_record(sim, record, false);
}

/* ---- Cordons ---- */

static void cordon_key(const char *host, char out[KEY_TEXT_SIZE])
{
    struct key key = { .kind = KEY_CORDON };

    (void)snprintf(key.host, sizeof(key.host), "%s", host);
    key_format(SIM_PREFIX, &key, out);
}

void sim_hand_cordon(struct sim *sim, const char *host, bool drain)
{
    CLEANUP(str_deinit) struct str json;
    const struct cordon cordon = {
        .host = host, .drain = drain, .since_ms = now_ms(sim), .reason = ""
    };
    struct etcd_op op = { .kind = ETCD_PUT };
    char key[KEY_TEXT_SIZE];
    struct err err;

    str_init(&json, JSON_VALUE_BYTES_MAX);
    CHECK(json_encode_cordon(&cordon, &json, &err) == 0);
    cordon_key(host, key);
    op.key = key;
    op.value = str_text(&json);
    op.value_bytes = json.size;
    write_txn(sim, &op, 1);
}

void sim_hand_uncordon(struct sim *sim, const char *host)
{
    struct etcd_op op = { .kind = ETCD_DELETE };
    char key[KEY_TEXT_SIZE];

    cordon_key(host, key);
    op.key = key;
    write_txn(sim, &op, 1);
}

/* ---- Any key ---- */

static void raw_key(const char *name, char out[KEY_TEXT_SIZE])
{
    (void)snprintf(out, KEY_TEXT_SIZE, SIM_PREFIX "/%s", name);
}

void sim_hand_put(struct sim *sim, const char *key, const char *value)
{
    struct etcd_op op = { .kind = ETCD_PUT, .value = value, .value_bytes = strlen(value) };
    char text[KEY_TEXT_SIZE];

    raw_key(key, text);
    op.key = text;
    write_txn(sim, &op, 1);
}

void sim_hand_remove(struct sim *sim, const char *key)
{
    struct etcd_op op = { .kind = ETCD_DELETE };
    char text[KEY_TEXT_SIZE];

    raw_key(key, text);
    op.key = text;
    write_txn(sim, &op, 1);
}
