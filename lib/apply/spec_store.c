#include "apply/spec_store.h"

#include <string.h>

#include "base/str.h"
#include "codec/model_json.h"

/* Values per transaction: below the 1.5 MiB that etcd takes by default. */
#define BATCH_BYTES_MAX (1U << 20)

/* The keys that an edit looks at, appended to `ranges`. */
static int add_ranges(struct context *context, const struct spec_edit *edit,
                      struct etcd_range *ranges, size_t *count, struct err *err)
{
    struct etcd_range *range = &ranges[(*count)++];

    range->key = context_key(context, "clusters/%s/spec", edit->name);
    if (range->key != NULL && edit->wants_history) {
        range = &ranges[(*count)++];
        range->key = context_key(context, "clusters/%s/generations/", edit->name);
        range->prefix = true;
    }
    return range->key == NULL ? err_set(err, ERR_NOMEM, "no memory for a key") : 0;
}

/* What an edit is made on; a spec that is there and can't be read is not replaced unseen. */
static int take_current(const struct facts *facts, struct spec_edit *edit, struct err *err)
{
    const struct cluster_facts *cluster = facts_cluster(facts, edit->name);

    edit->current = cluster == NULL ? NULL : cluster->spec;
    edit->revision = cluster == NULL ? 0 : cluster->spec_revision;
    edit->history = cluster == NULL ? NULL : cluster->generations;
    if (edit->current == NULL && edit->revision != 0 && !edit->may_be_bad) {
        return err_set(err, ERR_CONFLICT, "%s; repair or remove the key first", facts->bad);
    }
    return 0;
}

int spec_store_read(struct context *context, struct spec_edit *edits, size_t count, struct err *err)
{
    struct etcd_range *ranges = arena_calloc(&context->arena, count * 2, sizeof(*ranges));
    struct facts facts;
    size_t ranges_count = 0;
    size_t i;
    int rv = 0;

    if (ranges == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for %zu specs", count);
    }
    for (i = 0; 0 <= rv && i < count; i++) {
        rv = add_ranges(context, &edits[i], ranges, &ranges_count, err);
    }
    facts_init(&facts, &context->arena, context->prefix);
    if (0 <= rv) {
        rv = context_read(context, ranges, ranges_count, &facts, err);
    }
    if (rv < 0) {
        return rv;
    }
    for (i = 0; 0 <= rv && i < count; i++) {
        rv = take_current(&facts, &edits[i], err);
    }
    return rv;
}

/* A transaction in the making. */
struct batch {
    struct etcd_compare compares[ETCD_TXN_OPS_MAX];
    struct etcd_op ops[ETCD_TXN_OPS_MAX];
    struct spec_edit *edits[ETCD_TXN_OPS_MAX];
    size_t count; /* of edits, and of compares */
    size_t ops_count;
    size_t bytes;
};

static int batch_write(struct context *context, struct batch *batch, struct err *err)
{
    struct etcd_txn txn = { .compares = batch->compares,
                            .compares_count = batch->count,
                            .ops = batch->ops,
                            .ops_count = batch->ops_count };
    size_t i;
    int rv;

    if (batch->count == 0) {
        return 0;
    }
    rv = context_write(context, &txn, err);
    for (i = 0; (rv == 0 || rv == ERR_TIMEOUT) && i < batch->count; i++) {
        batch->edits[i]->done = batch->edits[i]->change;
    }
    batch->count = 0;
    batch->ops_count = 0;
    batch->bytes = 0;
    return rv;
}

/* One spec's part of a transaction. */
struct spec_write {
    struct etcd_compare compare;
    struct etcd_op ops[SPEC_STORE_OPS_MAX];
    size_t ops_count;
    size_t bytes;
};

/* A spec that is asked to go has no use for history any more. */
static bool is_new_generation(const struct spec_edit *edit)
{
    return !edit->next.deleting &&
           (edit->current == NULL || edit->current->generation != edit->next.generation);
}

static const char *generation_key(struct context *context, const char *name, uint64_t generation)
{
    return context_key(context, "clusters/%s/generations/%010llu", name,
                       (unsigned long long)generation);
}

/* Have the new generation kept, and the one that is too old dropped. */
static int keep_generation(struct context *context, const struct spec_edit *edit,
                           struct spec_write *write, struct err *err)
{
    uint64_t generation = edit->next.generation;
    struct etcd_op *op = &write->ops[write->ops_count++];

    *op = write->ops[0];
    op->key = generation_key(context, edit->name, generation);
    write->bytes += op->value_bytes;
    if (op->key != NULL && SPEC_GENERATIONS_KEPT < generation) {
        op = &write->ops[write->ops_count++];
        *op = (struct etcd_op){ .kind = ETCD_DELETE,
                                .key = generation_key(context, edit->name,
                                                      generation - SPEC_GENERATIONS_KEPT) };
    }
    return op->key == NULL ? err_set(err, ERR_NOMEM, "no memory for a key") : 0;
}

static int make_write(struct context *context, const struct spec_edit *edit,
                      struct spec_write *write, struct err *err)
{
    CLEANUP(str_deinit) struct str json;
    const char *key = context_key(context, "clusters/%s/spec", edit->name);
    const char *value;
    int rv;

    str_init(&json, JSON_VALUE_BYTES_MAX);
    rv = json_encode_spec_record(&edit->next, &json, err);
    if (rv < 0) {
        return rv;
    }
    value = arena_strndup(&context->arena, str_text(&json), json.size);
    if (key == NULL || value == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for the spec of '%s'", edit->name);
    }
    *write = (struct spec_write){
        .compare = { .key = key, .target = ETCD_MOD_REVISION, .revision = edit->revision },
        .ops = { { .kind = ETCD_PUT, .key = key, .value = value, .value_bytes = json.size } },
        .ops_count = 1,
        .bytes = json.size
    };
    return is_new_generation(edit) ? keep_generation(context, edit, write, err) : 0;
}

static int batch_add(struct context *context, struct batch *batch, struct spec_edit *edit,
                     struct err *err)
{
    struct spec_write write;
    int rv = make_write(context, edit, &write, err);

    if (rv < 0) {
        return rv;
    }
    if (ETCD_TXN_OPS_MAX < batch->ops_count + write.ops_count ||
        BATCH_BYTES_MAX < batch->bytes + write.bytes) {
        rv = batch_write(context, batch, err);
        if (rv < 0) {
            return rv;
        }
    }
    memcpy(&batch->ops[batch->ops_count], write.ops, write.ops_count * sizeof(write.ops[0]));
    batch->ops_count += write.ops_count;
    batch->bytes += write.bytes;
    batch->compares[batch->count] = write.compare;
    batch->edits[batch->count++] = edit;
    return 0;
}

int spec_store_write(struct context *context, struct spec_edit *edits, size_t count,
                     struct err *err)
{
    struct batch batch = { .count = 0 };
    size_t i;
    int rv;

    for (i = 0; i < count; i++) {
        if (edits[i].change == SPEC_UNCHANGED) {
            continue;
        }
        rv = batch_add(context, &batch, &edits[i], err);
        if (rv < 0) {
            return rv;
        }
    }
    return batch_write(context, &batch, err);
}

int spec_store_change(struct context *context, struct spec_edit *edits, size_t count,
                      spec_decide_fn *decide, void *ctx, struct err *err)
{
    size_t i;
    int tries;
    int rv = 0;

    for (tries = 0; tries < SPEC_STORE_TRIES_MAX; tries++) {
        rv = spec_store_read(context, edits, count, err);
        for (i = 0; 0 <= rv && i < count; i++) {
            rv = decide(ctx, i, &edits[i], err);
        }
        if (rv < 0) {
            return rv;
        }
        rv = spec_store_write(context, edits, count, err);
        if (rv != ERR_CONFLICT && rv != ERR_TIMEOUT) {
            return rv;
        }
    }
    return rv;
}
