#include "cli/spec_store.h"

#include <string.h>

#include "base/check.h"
#include "base/str.h"
#include "codec/model_json.h"

/* Values per transaction: below the 1.5 MiB that etcd takes by default. */
#define BATCH_BYTES_MAX (1U << 20)

const char *spec_change_text(enum spec_change change)
{
    static const char *const texts[] = { "unchanged", "configured", "created" };

    CHECK((size_t)change < ARRAY_COUNT(texts));
    return texts[change];
}

static int is_deleting(const struct spec_edit *edit, struct err *err)
{
    return err_set(err, ERR_CONFLICT,
                   "cluster '%s' is being deleted; wait for its end (muster wait %s --for deleted)",
                   edit->name, edit->name);
}

int spec_edit_apply(struct spec_edit *edit, const struct spec *wanted, const char *uid,
                    uint64_t now_ms, struct err *err)
{
    if (edit->current == NULL) {
        edit->change = SPEC_CREATED;
        edit->next = (struct spec_record){
            .spec = *wanted, .uid = uid, .generation = 1, .created_ms = now_ms
        };
        return 0;
    }
    if (edit->current->deleting) {
        return is_deleting(edit, err);
    }
    if (spec_equal(&edit->current->spec, wanted)) {
        edit->change = SPEC_UNCHANGED;
        return 0;
    }
    edit->change = SPEC_CONFIGURED;
    edit->next = *edit->current;
    edit->next.spec = *wanted;
    edit->next.generation++;
    return 0;
}

static int not_found(const struct spec_edit *edit, struct err *err)
{
    return err_set(err, ERR_NOT_FOUND, "there is no cluster '%s'", edit->name);
}

int spec_edit_scale(struct spec_edit *edit, uint32_t nodes, struct err *err)
{
    struct spec wanted;

    if (edit->current == NULL) {
        return not_found(edit, err);
    }
    wanted = edit->current->spec;
    wanted.nodes = nodes;
    return spec_edit_apply(edit, &wanted, edit->current->uid, edit->current->created_ms, err);
}

int spec_edit_delete(struct spec_edit *edit, struct err *err)
{
    if (edit->current == NULL) {
        return not_found(edit, err);
    }
    if (edit->current->deleting) {
        edit->change = SPEC_UNCHANGED;
        return 0;
    }
    edit->change = SPEC_CONFIGURED;
    edit->next = *edit->current;
    edit->next.deleting = true;
    edit->next.generation++;
    return 0;
}

/* Read `current` and `revision` of each edit. */
static int read_current(struct context *context, struct spec_edit *edits, size_t count,
                        struct err *err)
{
    struct etcd_range *ranges = arena_calloc(&context->arena, count, sizeof(*ranges));
    struct facts facts;
    size_t i;
    int rv;

    for (i = 0; ranges != NULL && i < count; i++) {
        ranges[i].key = context_key(context, "clusters/%s/spec", edits[i].name);
        if (ranges[i].key == NULL) {
            break;
        }
    }
    if (ranges == NULL || i < count) {
        return err_set(err, ERR_NOMEM, "no memory for %zu specs", count);
    }
    facts_init(&facts, &context->arena, context->prefix);
    rv = context_read(context, ranges, count, &facts, err);
    if (rv < 0) {
        return rv;
    }
    if (facts.bad_count != 0) {
        return err_set(err, ERR_CONFLICT, "%s; repair or remove the key first", facts.bad);
    }
    for (i = 0; i < count; i++) {
        const struct cluster_facts *cluster = facts_cluster(&facts, edits[i].name);

        edits[i].current = cluster == NULL ? NULL : cluster->spec;
        edits[i].revision = cluster == NULL ? 0 : cluster->spec_revision;
    }
    return 0;
}

/* A transaction in the making. */
struct batch {
    struct etcd_compare compares[SPEC_STORE_BATCH_MAX];
    struct etcd_op ops[SPEC_STORE_BATCH_MAX];
    struct spec_edit *edits[SPEC_STORE_BATCH_MAX];
    size_t count;
    size_t bytes;
};

static int batch_write(struct context *context, struct batch *batch, struct err *err)
{
    struct etcd_txn txn = { .compares = batch->compares,
                            .compares_count = batch->count,
                            .ops = batch->ops,
                            .ops_count = batch->count };
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
    batch->bytes = 0;
    return rv;
}

static int batch_add(struct context *context, struct batch *batch, struct spec_edit *edit,
                     struct err *err)
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
    if (batch->count == SPEC_STORE_BATCH_MAX || BATCH_BYTES_MAX < batch->bytes + json.size) {
        rv = batch_write(context, batch, err);
        if (rv < 0) {
            return rv;
        }
    }
    batch->compares[batch->count] = (struct etcd_compare){ .key = key,
                                                           .target = ETCD_MOD_REVISION,
                                                           .revision = edit->revision };
    batch->ops[batch->count] =
        (struct etcd_op){ .kind = ETCD_PUT, .key = key, .value = value, .value_bytes = json.size };
    batch->edits[batch->count++] = edit;
    batch->bytes += json.size;
    return 0;
}

static int write_changes(struct context *context, struct spec_edit *edits, size_t count,
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
        rv = read_current(context, edits, count, err);
        for (i = 0; 0 <= rv && i < count; i++) {
            rv = decide(ctx, i, &edits[i], err);
        }
        if (rv < 0) {
            return rv;
        }
        rv = write_changes(context, edits, count, err);
        if (rv != ERR_CONFLICT && rv != ERR_TIMEOUT) {
            return rv;
        }
    }
    return rv;
}
