#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/verb.h"
#include "client/context.h"
#include "client/options.h"
#include "codec/envelope.h"
#include "codec/json_text.h"
#include "codec/model_json.h"
#include "etcd/etcd_wait.h"
#include "memd/memtext.h"
#include "show/output.h"
#include "store/keys.h"

#define ASK_RECORD "get muster:config\r\n"

struct config_flags {
    struct options shared;
    struct discovery_tls_flags discovery;
    const char *node;
    const char *trusted_keys;
    bool payload;
};

static const struct opt opts[] = {
    { "node", 0, OPT_TEXT, offsetof(struct config_flags, node), "SLOT[/HOST]", NULL,
      "read it from this node's partition instead of etcd" },
    { "payload", 0, OPT_FLAG, offsetof(struct config_flags, payload), NULL, NULL,
      "print only what discovery clients get" },
    { "trusted-keys", 0, OPT_TEXT, offsetof(struct config_flags, trusted_keys), "FILE", NULL,
      "public keys to check the signature with (those of muster up, if there are)" },
    SHARED_OPTIONS(struct config_flags, shared),
    DISCOVERY_TLS_FLAGS(struct config_flags, discovery),
};

const struct opt_table cmd_config_options = {
    .program = "muster config",
    .synopsis = "CLUSTER [--node SLOT]",
    .summary = "Print a cluster's configuration record as it is stored: in etcd, or with --node in "
               "the reserved partition of a node. Whether its signature verifies is said on "
               "standard error; one that does not is a failure.",
    .opts = opts,
    .count = ARRAY_COUNT(opts),
    .examples = "  muster config sessions\n"
                "  muster config sessions --node 0002 --payload\n",
};

/* One value, wherever it was read: in the context's arena. */
struct record {
    const char *bytes;
    size_t size;
};

struct reading {
    struct context *context;
    struct record record;
    bool done;
    struct err err;
};

static void keep(struct reading *reading, const char *bytes, size_t size)
{
    reading->record.bytes = arena_strndup(&reading->context->arena, bytes, size);
    reading->record.size = size;
    if (reading->record.bytes == NULL) {
        (void)err_set(&reading->err, ERR_NOMEM, "no memory for the record");
    }
}

static void take_partition(void *ctx, const char *reply, size_t reply_bytes, const struct err *err)
{
    struct reading *reading = ctx;
    const char *record;
    size_t record_bytes;

    reading->done = true;
    if (reply == NULL) {
        reading->err = *err;
    } else if (memtext_block(reply, reply_bytes, &record, &record_bytes, &reading->err) == 0) {
        keep(reading, record, record_bytes);
    }
}

static int read_key(struct context *context, const char *key, struct record *out, struct err *err)
{
    struct etcd_kv kv;
    int rv;

    if (key == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    rv = etcd_wait_get(context->loop, context->etcd, key, &context->arena, &kv, err);
    if (rv < 0) {
        return context_name_etcd(context, err);
    }
    *out = (struct record){ .bytes = kv.value, .size = kv.value_bytes };
    return 0;
}

static int ask_partition(struct reading *reading, struct memtext *memtext, struct err *err)
{
    int rv = memtext_ask(memtext, ASK_RECORD, strlen(ASK_RECORD), MEMTEXT_END, take_partition,
                         reading, err);

    if (0 <= rv) {
        rv = loop_run_until(reading->context->loop, &reading->done, UINT64_MAX, err);
    }
    if (0 <= rv && reading->err.code < 0) {
        *err = reading->err;
        rv = err->code;
    }
    return rv;
}

/* `beside`: the port is a discovery port, which may want TLS. */
static int read_partition(struct context *context, const char *ip, uint16_t port, bool beside,
                          struct record *out, struct err *err)
{
    CLEANUP(memtext_free_p) struct memtext *memtext = NULL;
    struct reading reading = { .context = context };
    int rv = memtext_new(context->loop, ip, port, context->timeout_ms, &memtext, err);

    if (0 <= rv) {
        memtext_use_tls(memtext, beside ? context->asker.tls : NULL);
        rv = ask_partition(&reading, memtext, err);
    }
    if (rv < 0) {
        return err_wrap(err, "partition at %s:%u", ip, port);
    }
    *out = reading.record;
    return 0;
}

/* SLOT, or SLOT/HOST; `*host` is "" for the node that stands for the slot. */
static int parse_node(const char *text, uint32_t *slot, const char **host, struct err *err)
{
    char number[SLOT_TEXT_SIZE + 1] = "";
    const char *slash = strchr(text, '/');
    size_t size = slash == NULL ? strlen(text) : (size_t)(slash - text);
    uint64_t value;

    if (size < sizeof(number)) {
        (void)snprintf(number, sizeof(number), "%.*s", (int)size, text);
    }
    if (!text_to_u64(number, 1, SLOT_MAX, &value) ||
        (slash != NULL && !name_is_label(slash + 1, HOST_NAME_TEXT_MAX))) {
        return err_set(err, ERR_USAGE, "--node: must be a slot, 1 to %d, or SLOT/HOST, got '%s'",
                       SLOT_MAX, text);
    }
    *slot = (uint32_t)value;
    *host = slash == NULL ? "" : slash + 1;
    return 0;
}

static int read_report(struct context *context, const char *name, const char *node_text,
                       const struct node_report **out, struct err *err)
{
    const struct cluster_facts *cluster;
    const struct node_facts *node = NULL;
    struct etcd_range ranges[2];
    struct facts facts;
    const char *host;
    uint32_t slot;
    int rv = parse_node(node_text, &slot, &host, err);

    if (rv < 0) {
        return rv;
    }
    ranges[0] = (struct etcd_range){ .key = context_key(context, "clusters/%s/config", name) };
    ranges[1] =
        (struct etcd_range){ .key = context_key(context, "clusters/%s/nodes/%04u/", name, slot),
                             .prefix = true };
    if (ranges[0].key == NULL || ranges[1].key == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    facts_init(&facts, &context->arena, context->prefix);
    rv = context_read(context, ranges, ARRAY_COUNT(ranges), &facts, err);
    if (rv < 0) {
        return rv;
    }
    cluster = facts_cluster(&facts, name);
    if (cluster != NULL) {
        node = host[0] == '\0' ? facts_slot(cluster, slot) : facts_node(cluster, slot, host);
    }
    if (node == NULL && 0 < facts.bad_count) {
        return err_set(err, ERR_INVALID, "%s", facts.bad);
    }
    if (node == NULL) {
        return err_set(err, ERR_NOT_FOUND, "cluster '%s' has no node %04u%s%s", name, slot,
                       host[0] == '\0' ? "" : " on ", host);
    }
    *out = node->report;
    return 0;
}

/* The report of the node says where its partition answers. */
static int read_node(struct context *context, const char *name, const char *node_text,
                     struct record *out, struct err *err)
{
    const struct node_report *report;
    bool beside;
    int rv = read_report(context, name, node_text, &report, err);

    if (rv < 0) {
        return rv;
    }
    if (report->partition == PARTITION_NONE) {
        return err_set(err, ERR_NOT_FOUND, "node %04u on %s answers no discovery (it is %s)%s%s",
                       report->slot, report->host, node_state_text(report->state),
                       report->problem[0] == '\0' ? "" : ": ", report->problem);
    }
    beside = report->partition != PARTITION_IN_PROCESS;
    return read_partition(context, report->ip, beside ? report->discovery_port : report->data_port,
                          beside, out, err);
}

/* Returns 1 when there are no keys to check with. */
static int load_keys(const struct context *context, const struct config_flags *flags,
                     struct trusted_keys *keys, struct err *err)
{
    char path[STATE_PATH_SIZE];

    if (flags->trusted_keys != NULL) {
        return trusted_keys_load(flags->trusted_keys, keys, err);
    }
    if (context->state_dir[0] == '\0') {
        return 1;
    }
    state_path(context->state_dir, STATE_PUBLIC_KEY, path);
    return access(path, R_OK) < 0 ? 1 : trusted_keys_load(path, keys, err);
}

static int verify(const struct context *context, const struct config_flags *flags,
                  const struct config *config, struct err *err)
{
    struct trusted_keys keys;
    int rv = load_keys(context, flags, &keys, err);

    if (rv == 1) {
        (void)fprintf(stderr, "signature: not checked, no trusted keys are known "
                              "(--trusted-keys)\n");
        return 0;
    }
    if (0 <= rv) {
        rv = envelope_verify(config, &keys, err);
    }
    if (0 <= rv) {
        (void)fprintf(stderr, "signature: verified with key %s\n", config->key_id);
    }
    return rv;
}

static int print_record(const struct config_flags *flags, const struct record *record,
                        const struct config *config, struct err *err)
{
    CLEANUP(str_deinit) struct str text;
    int rv = 0;

    str_init(&text, OUTPUT_BYTES_MAX);
    if (flags->payload) {
        str_append(&text, config->payload, config->payload_bytes);
    } else {
        rv = json_pretty(record->bytes, record->size, &text, err);
    }
    return rv < 0 ? rv : output_text(&text, err);
}

static int show_config(struct context *context, const struct config_flags *flags, const char *name,
                       struct err *err)
{
    struct record record = { .bytes = NULL };
    struct config config;
    int rv;

    if (flags->node != NULL) {
        rv = read_node(context, name, flags->node, &record, err);
    } else {
        rv = read_key(context, context_key(context, "clusters/%s/config", name), &record, err);
        if (rv == ERR_NOT_FOUND) {
            return err_set(err, rv, "cluster '%s' has no configuration", name);
        }
    }
    if (rv < 0) {
        return rv;
    }
    rv = json_decode_config(record.bytes, record.size, &context->arena, &config, err);
    if (rv < 0) {
        return err_wrap(err, "configuration of cluster '%s'", name);
    }
    rv = print_record(flags, &record, &config, err);
    return rv < 0 ? rv : verify(context, flags, &config, err);
}

int cmd_config(int argc, char *const *argv, struct err *err)
{
    CLEANUP(context_close) struct context context = { .loop = NULL };
    struct config_flags flags = { .node = NULL };
    struct opt_result args;
    int rv = options_read(&cmd_config_options, argc, argv, &flags, 1, 1, &args, err);

    if (rv != 0) {
        return rv < 0 ? rv : 0;
    }
    rv = cluster_name_check(args.positional[0], err);
    if (0 <= rv) {
        rv = context_open(&context, &flags.shared, err);
    }
    if (0 <= rv) {
        rv = context_use_tls(&context, &flags.discovery, err);
    }
    return rv < 0 ? rv : show_config(&context, &flags, args.positional[0], err);
}
