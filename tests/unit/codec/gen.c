#include "gen.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/str.h"
#include "model/name.h"
#include "model/spec_field.h"

#define EXACT_MAX UINT64_C(9007199254740991)

#define LOWER "abcdefghijklmnopqrstuvwxyz0123456789"
#define HEX "0123456789abcdef"
#define WORD "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

/* splitmix64 */
static uint64_t next(struct gen *gen)
{
    uint64_t z = (gen->state += UINT64_C(0x9E3779B97F4A7C15));

    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

uint64_t gen_number(struct gen *gen, uint64_t min, uint64_t max)
{
    return max - min == UINT64_MAX ? next(gen) : min + next(gen) % (max - min + 1);
}

static bool gen_bool(struct gen *gen)
{
    return gen_number(gen, 0, 1) == 1;
}

/* Small numbers as often as all others, and the bounds themselves now and then. */
static uint64_t gen_biased(struct gen *gen, uint64_t min, uint64_t max)
{
    switch (gen_number(gen, 0, 5)) {
    case 0:
        return min;
    case 1:
        return max;
    case 2:
    case 3:
        return gen_number(gen, min, max - min < 10 ? max : min + 10);
    default:
        return gen_number(gen, min, max);
    }
}

static void *gen_alloc(struct gen *gen, size_t count, size_t size)
{
    void *block = arena_calloc(gen->arena, count, size);

    CHECK(block != NULL);
    return block;
}

const char *gen_text(struct gen *gen, const char *alphabet, size_t size)
{
    char *text = gen_alloc(gen, size + 1, 1);
    size_t i;

    for (i = 0; i < size; i++) {
        text[i] = alphabet[gen_number(gen, 0, strlen(alphabet) - 1)];
    }
    return text;
}

static const char *gen_label_text(struct gen *gen, size_t max)
{
    size_t size = gen_biased(gen, 1, max);
    char *text = arena_strdup(gen->arena, gen_text(gen, LOWER, size));

    CHECK(text != NULL);
    if (3 <= size && gen_bool(gen)) {
        text[size / 2] = '-';
    }
    return text;
}

/* For humans: anything, also what must be escaped and what is longer than a byte. */
static const char *gen_prose(struct gen *gen, size_t pieces_max)
{
    static const char *const pieces[] = {
        "a", " ", "\"", "\\", "\n", "\t", "\x01", "\x7f", "/", "ä", "…", "😀", "word", "{", "]", ":",
    };
    struct str text;
    size_t count = gen_number(gen, 0, pieces_max);
    const char *copy;

    str_init(&text, 4096);
    while (0 < count--) {
        str_append_text(&text, pieces[gen_number(gen, 0, ARRAY_COUNT(pieces) - 1)]);
    }
    copy = arena_strdup(gen->arena, str_text(&text));
    CHECK(copy != NULL);
    str_deinit(&text);
    return copy;
}

static const char *gen_word(struct gen *gen)
{
    return arena_printf(gen->arena, "W%s", gen_text(gen, WORD, gen_number(gen, 0, 63)));
}

static const char *gen_ip(struct gen *gen)
{
    char text[IPV4_TEXT_SIZE];

    ipv4_format((uint32_t)gen_biased(gen, 0, UINT32_MAX), text);
    return arena_strdup(gen->arena, text);
}

static const struct label *gen_labels(struct gen *gen, size_t *count)
{
    size_t n = gen_biased(gen, 0, SPEC_LABELS_MAX);
    struct label *labels = n == 0 ? NULL : gen_alloc(gen, n, sizeof(*labels));
    size_t i;

    for (i = 0; i < n; i++) {
        labels[i].name = arena_printf(gen->arena, "l%02zu%s", i, gen_label_text(gen, 20));
        labels[i].value = gen_text(gen, WORD "-_.", gen_biased(gen, 0, LABEL_TEXT_MAX));
    }
    *count = n;
    return labels;
}

/* Arguments that memcached takes, chosen so that a rule over several fields is touched, too. */
static void gen_settings(struct gen *gen, struct node_settings *out)
{
    static const char *const singles[] = { "-C", "-F", "-M", "-X", "-W", "-L" };
    static const char *const pairs[][2] = {
        { "-f", "1.1" },    { "-n", "72" },
        { "-R", "20" },     { "-b", "2048" },
        { "-B", "auto" },   { "-D", ":" },
        { "-o", "modern" }, { "-o", "hashpower=20,no_lru_crawler,hash_algorithm=xxh3" },
    };
    size_t count = gen_number(gen, 0, 6);
    const char **args = gen_alloc(gen, 2 * count + 2, sizeof(*args));
    size_t used = 0;

    for (; 0 < count; count--) {
        size_t pair = gen_number(gen, 0, ARRAY_COUNT(pairs) - 1);

        if (gen_bool(gen)) {
            args[used++] = singles[gen_number(gen, 0, ARRAY_COUNT(singles) - 1)];
        } else {
            args[used++] = pairs[pair][0];
            args[used++] = pairs[pair][1];
        }
    }
    out->extra_args = used == 0 ? NULL : args;
    out->extra_args_count = used;
    out->memory_bytes = gen_biased(gen, SPEC_MEMORY_BYTES_MIN >> 20, SPEC_MEMORY_BYTES_MAX >> 20)
                        << 20;
    out->threads = (uint32_t)gen_biased(gen, 1, SPEC_THREADS_MAX);
    out->connections_max = (uint32_t)gen_biased(
        gen, 16 + SPEC_CONNECTIONS_PER_THREAD_MIN * (uint64_t)out->threads, SPEC_CONNECTIONS_MAX);
    out->item_bytes_max = SPEC_ITEM_BYTES_STEP * gen_biased(gen, 1, 8);
}

static const char *const *gen_hosts(struct gen *gen, size_t *count)
{
    size_t n = gen_number(gen, 0, 8);
    const char **hosts = n == 0 ? NULL : gen_alloc(gen, n, sizeof(*hosts));
    size_t i;

    for (i = 0; i < n; i++) {
        hosts[i] = arena_printf(gen->arena, "h%zu-%s", n - i, gen_label_text(gen, 10));
    }
    *count = n;
    return hosts;
}

static const char *gen_domain(struct gen *gen)
{
    return gen_bool(gen) ? ""
                         : arena_printf(gen->arena, "%s.%s.local", gen_label_text(gen, 8),
                                        gen_label_text(gen, 8));
}

void gen_spec(struct gen *gen, struct spec *out)
{
    struct err err;

    spec_init(out);
    out->name = gen_label_text(gen, CLUSTER_NAME_MAX);
    out->labels = gen_labels(gen, &out->labels_count);
    out->nodes = (uint32_t)gen_biased(gen, 1, 600);
    if (gen_bool(gen)) {
        out->membership = SPEC_MEMBERSHIP_JOINABLE;
        out->nodes_max = out->nodes + (uint32_t)gen_biased(gen, 0, 600 - out->nodes);
    }
    gen_settings(gen, &out->settings);
    out->spread_by = gen_bool(gen) ? SPEC_SPREAD_ZONE : SPEC_SPREAD_HOST;
    out->hosts = gen_hosts(gen, &out->hosts_count);
    out->host_labels = gen_labels(gen, &out->host_labels_count);
    out->unavailable_max = (uint32_t)gen_biased(gen, 0, SPEC_NODES_MAX);
    out->surge_max = (uint32_t)gen_biased(gen, out->unavailable_max == 0 ? 1 : 0, SPEC_NODES_MAX);
    out->drain_ends = (enum spec_drain_ends)gen_number(gen, 0, SPEC_DRAIN_TIME);
    out->drain_ms = gen_biased(gen, 0, SPEC_DURATION_MS_MAX);
    out->converge_timeout_ms = gen_biased(gen, SPEC_TIMEOUT_MS_MIN, SPEC_DURATION_MS_MAX);
    out->progress_deadline_ms = gen_biased(gen, SPEC_TIMEOUT_MS_MIN, SPEC_DURATION_MS_MAX);
    out->fail_after_ms = gen_biased(gen, SPEC_TIMEOUT_MS_MIN, SPEC_DURATION_MS_MAX);
    out->domain = gen_domain(gen);
    out->hashing = (enum spec_hashing)gen_number(gen, 0, SPEC_HASHING_RENDEZVOUS);
    CHECK(spec_check(out, &err) == 0);
}

static const struct managed_field *gen_managed(struct gen *gen, size_t *count)
{
    size_t n = gen_biased(gen, 0, SPEC_MANAGED_MAX);
    struct managed_field *fields = n == 0 ? NULL : gen_alloc(gen, n, sizeof(*fields));
    size_t i;

    for (i = 0; i < n; i++) {
        fields[i].path = arena_printf(gen->arena, "spec.f%zu.%s", i, gen_label_text(gen, 20));
        fields[i].value = gen_text(gen, WORD "-_.[]\"{}, ", gen_number(gen, 0, 40));
    }
    *count = n;
    return fields;
}

static const struct spec_manager *gen_managers(struct gen *gen, size_t *count)
{
    size_t n = gen_biased(gen, 0, SPEC_MANAGERS_MAX);
    struct spec_manager *managers = n == 0 ? NULL : gen_alloc(gen, n, sizeof(*managers));
    size_t i;

    for (i = 0; i < n; i++) {
        managers[i].name = gen_label_text(gen, SPEC_MANAGER_NAME_MAX);
        managers[i].applies = gen_bool(gen);
        managers[i].fields = gen_managed(gen, &managers[i].fields_count);
    }
    *count = n;
    return managers;
}

void gen_spec_record(struct gen *gen, struct spec_record *out)
{
    out->managers = gen_managers(gen, &out->managers_count);
    gen_spec(gen, &out->spec);
    out->spec.settings.restart_ms = gen_biased(gen, 0, EXACT_MAX);
    out->uid = gen_text(gen, HEX, 16);
    out->generation = gen_biased(gen, 1, EXACT_MAX);
    out->created_ms = gen_biased(gen, 0, EXACT_MAX);
    out->changed_ms = gen_biased(gen, 0, EXACT_MAX);
    out->deleting = gen_bool(gen);
    out->paused = gen_bool(gen);
    out->resumed_ms = gen_biased(gen, 0, EXACT_MAX);
    out->confirmed_ms = gen_biased(gen, 0, EXACT_MAX);
}

void gen_intent(struct gen *gen, struct intent *out)
{
    out->host = gen_label_text(gen, HOST_NAME_TEXT_MAX);
    out->cluster = gen_label_text(gen, CLUSTER_NAME_MAX);
    out->slot = (uint32_t)gen_biased(gen, 1, SLOT_MAX);
    out->uid = gen_text(gen, HEX, 16);
    out->phase = (enum intent_phase)gen_number(gen, 0, INTENT_STOP);
    out->left_version = (uint32_t)gen_biased(gen, 0, CONFIG_VERSION_MAX);
    out->phase_since_ms = gen_biased(gen, 0, EXACT_MAX);
    out->ip = gen_ip(gen);
    out->data_port = (uint16_t)gen_biased(gen, 1, UINT16_MAX);
    out->discovery_port = (uint16_t)gen_biased(gen, 1, UINT16_MAX);
    gen_settings(gen, &out->settings);
    out->settings.restart_ms = gen_biased(gen, 0, EXACT_MAX);
    out->flaps = (uint32_t)gen_biased(gen, 0, INTENT_FLAPS_MAX);
    out->flapped_ms = gen_biased(gen, 0, EXACT_MAX);
    out->attached = gen_bool(gen);
    out->join = out->attached ? gen_text(gen, HEX, 16) : "";
    out->join_issued_ms = gen_biased(gen, 0, EXACT_MAX);
}

static const char *const *gen_slots(struct gen *gen, size_t *count)
{
    size_t n = gen_number(gen, 0, REPORT_PEERS_MAX);
    const char **slots = n == 0 ? NULL : gen_alloc(gen, n, sizeof(*slots));
    size_t i;

    for (i = 0; i < n; i++) {
        char *text = gen_alloc(gen, SLOT_TEXT_SIZE, 1);

        slot_format((uint32_t)gen_biased(gen, 1, SLOT_MAX), text);
        slots[i] = text;
    }
    *count = n;
    return slots;
}

void gen_node_report(struct gen *gen, struct node_report *out)
{
    out->cluster = gen_label_text(gen, CLUSTER_NAME_MAX);
    out->slot = (uint32_t)gen_biased(gen, 1, SLOT_MAX);
    out->host = gen_label_text(gen, HOST_NAME_TEXT_MAX);
    out->uid = gen_text(gen, HEX, 16);
    out->state = (enum node_state)gen_number(gen, 0, NODE_STOPPED);
    out->partition = (enum partition_mode)gen_number(gen, 0, PARTITION_BESIDE);
    out->ip = gen_ip(gen);
    out->data_port = (uint16_t)gen_biased(gen, 1, UINT16_MAX);
    out->discovery_port = (uint16_t)gen_biased(gen, 1, UINT16_MAX);
    gen_settings(gen, &out->settings);
    out->settings.restart_ms = gen_biased(gen, 0, EXACT_MAX);
    out->served.epoch = gen_biased(gen, 0, EXACT_MAX);
    out->served.version = (uint32_t)gen_biased(gen, 0, CONFIG_VERSION_MAX);
    out->served.digest = gen_bool(gen) ? "" : gen_text(gen, HEX, CONFIG_DIGEST_SIZE - 1);
    out->version_seen = (uint32_t)gen_biased(gen, 0, CONFIG_VERSION_MAX);
    out->version_begun = (uint32_t)gen_biased(gen, 0, CONFIG_VERSION_MAX);
    out->pid = (int64_t)gen_biased(gen, 0, INT32_MAX);
    out->started_ms = gen_biased(gen, 0, EXACT_MAX);
    out->restarts = (uint32_t)gen_biased(gen, 0, UINT32_MAX);
    out->clients = (int64_t)gen_biased(gen, 0, 1000) - 1;
    out->problem = gen_prose(gen, 40);
    out->attached = gen_bool(gen);
    out->join = out->attached ? gen_text(gen, HEX, 16) : "";
    out->join_issued_ms = gen_biased(gen, 0, EXACT_MAX);
    out->leaving = gen_bool(gen);
    out->unreachable = gen_slots(gen, &out->unreachable_count);
}

void gen_host(struct gen *gen, struct host *out)
{
    out->name = gen_label_text(gen, HOST_NAME_TEXT_MAX);
    out->zone = gen_text(gen, WORD "-_.", gen_biased(gen, 0, LABEL_TEXT_MAX));
    out->labels = gen_labels(gen, &out->labels_count);
    out->memory_bytes = gen_biased(gen, 0, EXACT_MAX);
    out->nodes_max = (uint32_t)gen_biased(gen, 0, HOST_NODES_MAX);
    out->ip_first = gen_bool(gen) ? "" : gen_ip(gen);
    out->ip_count = (uint32_t)gen_biased(gen, 0, UINT32_MAX);
    out->data_port = (uint16_t)gen_biased(gen, 1, UINT16_MAX);
    out->watcher_version = gen_prose(gen, 8);
    out->memcached_version = gen_prose(gen, 8);
    out->problem = gen_prose(gen, 40);
    out->sidecar = gen_bool(gen);
}

void gen_cordon(struct gen *gen, struct cordon *out)
{
    out->host = gen_label_text(gen, HOST_NAME_TEXT_MAX);
    out->drain = gen_bool(gen);
    out->since_ms = gen_biased(gen, 0, EXACT_MAX);
    out->reason = gen_prose(gen, 40);
}

static void gen_drift(struct gen *gen, struct source *out)
{
    size_t count = gen_biased(gen, 0, SOURCE_DRIFT_MAX);
    struct source_drift *drift = arena_calloc(gen->arena, count, sizeof(*drift));
    size_t i;

    CHECK(drift != NULL);
    for (i = 0; i < count; i++) {
        drift[i] = (struct source_drift){ .cluster = gen_label_text(gen, CLUSTER_NAME_MAX),
                                          .field = gen_prose(gen, 2),
                                          .wanted = gen_prose(gen, 8),
                                          .found = gen_prose(gen, 8),
                                          .manager = gen_prose(gen, 2),
                                          .since_ms = gen_biased(gen, 0, EXACT_MAX) };
    }
    out->drift = drift;
    out->drift_count = count;
    out->drift_total = (uint32_t)gen_biased(gen, count, UINT32_MAX);
}

void gen_source(struct gen *gen, struct source *out)
{
    out->name = gen_label_text(gen, SOURCE_NAME_MAX);
    out->repository = gen_prose(gen, 40);
    out->branch = gen_prose(gen, 8);
    out->path = gen_prose(gen, 8);
    out->state = (enum source_state)gen_number(gen, 0, SOURCE_STATE_COUNT - 1);
    out->since_ms = gen_biased(gen, 0, EXACT_MAX);
    out->revision = gen_bool(gen) ? "" : gen_text(gen, HEX, 40);
    out->title = gen_prose(gen, 8);
    out->signer = gen_prose(gen, 8);
    out->applied_ms = gen_biased(gen, 0, EXACT_MAX);
    out->head = gen_bool(gen) ? "" : gen_text(gen, HEX, 64);
    out->error = gen_prose(gen, 40);
    out->checked_ms = gen_biased(gen, 0, EXACT_MAX);
    out->interval_ms = gen_biased(gen, 0, 86400000);
    out->running = gen_bool(gen);
    out->clusters = (uint32_t)gen_biased(gen, 0, UINT32_MAX);
    gen_drift(gen, out);
}

void gen_join(struct gen *gen, struct join *out)
{
    out->cluster = gen_label_text(gen, CLUSTER_NAME_MAX);
    out->cluster_uid = gen_text(gen, HEX, UID_TEXT_SIZE - 1);
    out->uid = gen_text(gen, HEX, JOIN_UID_SIZE - 1);
    out->host = gen_label_text(gen, HOST_NAME_TEXT_MAX);
    out->ip = gen_ip(gen);
    out->data_port = (uint16_t)gen_biased(gen, 2, UINT16_MAX);
    out->discovery_port = (uint16_t)(out->data_port - 1);
    out->slot_wanted = (uint32_t)gen_biased(gen, 0, SLOT_MAX);
    gen_settings(gen, &out->settings);
    out->issued_ms = gen_biased(gen, 0, EXACT_MAX);
    out->nonce = gen_text(gen, HEX, JOIN_NONCE_SIZE - 1);
    out->mac = gen_bool(gen) ? "" : gen_text(gen, HEX, JOIN_MAC_SIZE - 1);
}

void gen_join_report(struct gen *gen, struct join_report *out)
{
    gen_join(gen, &out->join);
    out->seen_by = gen_label_text(gen, HOST_NAME_TEXT_MAX);
    out->seen_in_slot = (uint32_t)gen_biased(gen, 0, SLOT_MAX);
    out->seen_ms = gen_biased(gen, 0, EXACT_MAX);
}

void gen_draft(struct gen *gen, struct config_draft *out)
{
    size_t count = gen_biased(gen, 1, 60);
    struct member *members = gen_alloc(gen, count, sizeof(*members));
    const char *domain = gen_domain(gen);
    uint32_t slot = 0;
    size_t i;

    out->cluster = gen_label_text(gen, CLUSTER_NAME_MAX);
    out->uid = gen_text(gen, HEX, 16);
    out->epoch = gen_biased(gen, 0, EXACT_MAX);
    out->version = (uint32_t)gen_biased(gen, 1, CONFIG_VERSION_MAX);
    for (i = 0; i < count; i++) {
        slot += (uint32_t)gen_number(gen, 1, 3);
        members[i].slot = slot;
        members[i].ip = gen_ip(gen);
        members[i].hostname =
            domain[0] == '\0' ? members[i].ip
                              : arena_printf(gen->arena, "%04u.%s.%s", slot, out->cluster, domain);
        members[i].port = (uint16_t)gen_biased(gen, 1, UINT16_MAX);
    }
    out->members = members;
    out->members_count = count;
}

void gen_config(struct gen *gen, struct config *out)
{
    gen_draft(gen, &out->head);
    out->payload = arena_printf(gen->arena, "%u\n%s\n", out->head.version, gen_prose(gen, 100));
    out->payload_bytes = strlen(out->payload);
    out->digest = gen_text(gen, HEX, CONFIG_DIGEST_SIZE - 1);
    out->key_id = gen_text(gen, HEX, CONFIG_KEY_ID_SIZE - 1);
    out->signature = gen_text(gen, HEX, CONFIG_SIGNATURE_SIZE - 1);
}

void gen_lineage(struct gen *gen, struct lineage *out)
{
    out->epoch = gen_biased(gen, 0, EXACT_MAX);
    out->version = (uint32_t)gen_biased(gen, 0, CONFIG_VERSION_MAX);
}

void gen_alias(struct gen *gen, struct alias *out)
{
    out->ip = gen_ip(gen);
    out->host = gen_bool(gen) ? out->ip : gen_label_text(gen, LABEL_TEXT_MAX);
    out->port = (uint16_t)gen_biased(gen, 1, UINT16_MAX);
    out->slot = (uint32_t)gen_biased(gen, 1, SLOT_MAX);
    out->version = (uint32_t)gen_biased(gen, 1, CONFIG_VERSION_MAX);
}

static void gen_slot_status(struct gen *gen, uint32_t slot, struct slot_status *out)
{
    out->slot = slot;
    out->host = gen_bool(gen) ? "" : gen_label_text(gen, HOST_NAME_TEXT_MAX);
    out->ip = gen_bool(gen) ? "" : gen_ip(gen);
    out->data_port = (uint16_t)gen_biased(gen, 0, UINT16_MAX);
    out->phase = "run";
    out->state = gen_bool(gen) ? "silent" : "up";
    out->partition = "in-process";
    out->version = (uint32_t)gen_biased(gen, 0, CONFIG_VERSION_MAX);
    out->listed = gen_bool(gen);
    out->rule = gen_prose(gen, 10);
    out->since_ms = gen_biased(gen, 0, EXACT_MAX);
    out->silent_since_ms = gen_biased(gen, 0, EXACT_MAX);
    out->unreachable_since_ms = gen_biased(gen, 0, EXACT_MAX);
}

void gen_status(struct gen *gen, struct status *out)
{
    size_t count = gen_number(gen, 0, 10);
    struct slot_status *slots = count == 0 ? NULL : gen_alloc(gen, count, sizeof(*slots));
    size_t i;

    out->observed_generation = gen_biased(gen, 0, EXACT_MAX);
    out->uid = gen_bool(gen) ? "" : gen_text(gen, HEX, 16);
    out->version = (uint32_t)gen_biased(gen, 0, CONFIG_VERSION_MAX);
    out->nodes_wanted = (uint32_t)gen_biased(gen, 0, SLOT_MAX);
    out->nodes_ready = (uint32_t)gen_biased(gen, 0, SLOT_MAX);
    out->nodes_converged = (uint32_t)gen_biased(gen, 0, SLOT_MAX);
    out->nodes_updated = (uint32_t)gen_biased(gen, 0, SLOT_MAX);
    out->progress_ms = gen_biased(gen, 0, EXACT_MAX);
    out->resumed_ms = gen_biased(gen, 0, EXACT_MAX);
    for (i = 0; i < CONDITION_COUNT; i++) {
        out->conditions[i] = (struct condition){ .reason = "", .message = "" };
        if (gen_bool(gen)) {
            out->conditions[i] =
                (struct condition){ gen_bool(gen), gen_word(gen), gen_prose(gen, 30),
                                    gen_biased(gen, 0, EXACT_MAX) };
        }
    }
    for (i = 0; i < count; i++) {
        gen_slot_status(gen, (uint32_t)i + 1, &slots[i]);
    }
    out->slots = slots;
    out->slots_count = count;
}

void gen_event(struct gen *gen, struct event *out)
{
    out->cluster = gen_bool(gen) ? "-" : gen_label_text(gen, CLUSTER_NAME_MAX);
    out->at_ms = gen_biased(gen, 0, EXACT_MAX);
    out->program = "muster-controller";
    out->type = gen_bool(gen) ? "Normal" : "Warning";
    out->reason = gen_word(gen);
    out->subject = gen_prose(gen, 20);
    out->message = gen_prose(gen, 100);
}
