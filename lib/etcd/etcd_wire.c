#include "etcd/etcd_wire.h"

#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/base64.h"
#include "base/mem.h"
#include "base/str.h"

/* The codes of gRPC that matter here. */
enum grpc_code {
    GRPC_UNKNOWN = 2,
    GRPC_INVALID_ARGUMENT = 3,
    GRPC_NOT_FOUND = 5,
    GRPC_PERMISSION_DENIED = 7,
    GRPC_RESOURCE_EXHAUSTED = 8,
    GRPC_FAILED_PRECONDITION = 9,
    GRPC_OUT_OF_RANGE = 11,
    GRPC_UNAVAILABLE = 14,
    GRPC_UNAUTHENTICATED = 16,
};

struct failure {
    enum grpc_code grpc_code;
    const char *words; /* that the message must hold; "": any */
    int code;
    enum etcd_advice advice;
};

/* First match wins. */
static const struct failure failures[] = {
    { GRPC_UNKNOWN, "proposal dropped", ERR_UNAVAILABLE, ETCD_TRY_CLEAN },
    { GRPC_INVALID_ARGUMENT, "revision of auth store is old", ERR_DENIED, ETCD_LOG_IN },
    { GRPC_INVALID_ARGUMENT, "user name is empty", ERR_DENIED, ETCD_LOG_IN },
    { GRPC_INVALID_ARGUMENT, "authentication failed", ERR_DENIED, ETCD_GIVE_UP },
    { GRPC_INVALID_ARGUMENT, "", ERR_INVALID, ETCD_GIVE_UP },
    { GRPC_NOT_FOUND, "", ERR_NOT_FOUND, ETCD_GIVE_UP },
    { GRPC_PERMISSION_DENIED, "", ERR_DENIED, ETCD_GIVE_UP },
    { GRPC_RESOURCE_EXHAUSTED, "too many requests", ERR_UNAVAILABLE, ETCD_TRY_CLEAN },
    { GRPC_RESOURCE_EXHAUSTED, "", ERR_LIMIT, ETCD_GIVE_UP },
    { GRPC_FAILED_PRECONDITION, "", ERR_CONFLICT, ETCD_GIVE_UP },
    { GRPC_OUT_OF_RANGE, "", ERR_COMPACTED, ETCD_GIVE_UP },
    { GRPC_UNAVAILABLE, "etcdserver: no leader", ERR_UNAVAILABLE, ETCD_TRY_CLEAN },
    { GRPC_UNAUTHENTICATED, "", ERR_DENIED, ETCD_LOG_IN },
};

static void tree_free(cJSON *tree)
{
    cJSON_Delete(tree);
}
DEFINE_CLEANUP(cJSON, tree_free);

static const cJSON *field(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

/* ---- Values; each returns whether it was as it should be ---- */

/* A number of 64 bits is a text; one that is left out is 0. */
static bool read_number(const cJSON *object, const char *name, uint64_t *out)
{
    const cJSON *item = field(object, name);

    if (item == NULL) {
        *out = 0;
        return true;
    }
    return cJSON_IsString(item) && text_to_u64(item->valuestring, 0, UINT64_MAX, out);
}

/* Decoded in place: the tree owns the bytes. */
static bool read_bytes(const cJSON *object, const char *name, const char **out, size_t *size)
{
    const cJSON *item = field(object, name);

    if (item == NULL) {
        *out = "";
        *size = 0;
        return true;
    }
    if (!cJSON_IsString(item) || !base64_decode(item->valuestring, size)) {
        return false;
    }
    *out = item->valuestring;
    return true;
}

static bool read_header(const cJSON *reply, struct etcd_header *out)
{
    const cJSON *header = field(reply, "header");

    return cJSON_IsObject(header) && read_number(header, "cluster_id", &out->cluster_id) &&
           read_number(header, "revision", &out->revision) &&
           read_number(header, "raft_term", &out->raft_term);
}

static bool read_kv(const cJSON *item, struct etcd_kv *out, size_t *key_bytes)
{
    struct etcd_kv kv = { 0 };

    if (!cJSON_IsObject(item) || !read_bytes(item, "key", &kv.key, key_bytes) ||
        !read_bytes(item, "value", &kv.value, &kv.value_bytes) ||
        !read_number(item, "create_revision", &kv.create_revision) ||
        !read_number(item, "mod_revision", &kv.mod_revision) ||
        !read_number(item, "lease", &kv.lease)) {
        return false;
    }
    *out = kv;
    return true;
}

/* Whether the key can be named at all. */
static bool is_named(const struct etcd_kv *kv, size_t key_bytes)
{
    return strlen(kv->key) == key_bytes;
}

static size_t array_size(const cJSON *array)
{
    const cJSON *item;
    size_t size = 0;

    cJSON_ArrayForEach(item, array)
    {
        size++;
    }
    return size;
}

static int parse(const char *body, size_t size, cJSON **out, struct err *err)
{
    cJSON *tree = cJSON_ParseWithLength(body, size);

    if (!cJSON_IsObject(tree)) {
        cJSON_Delete(tree);
        return err_set(err, ERR_PROTOCOL, "no JSON object in etcd's reply: %.*s",
                       (int)(size < 80 ? size : 80), body);
    }
    *out = tree;
    return 0;
}

static int misread(struct err *err, const char *what)
{
    return err_set(err, ERR_PROTOCOL, "etcd's reply to a %s is not as expected", what);
}

/* ---- Failures ---- */

static enum etcd_advice classify(double grpc_code, const char *message, struct err *err)
{
    size_t i;

    for (i = 0; i < ARRAY_COUNT(failures); i++) {
        const struct failure *failure = &failures[i];

        if ((double)failure->grpc_code == grpc_code && strstr(message, failure->words) != NULL) {
            err_record(err, failure->code, "etcd: %s", message);
            return failure->advice;
        }
    }
    err_record(err, ERR_UNAVAILABLE, "etcd: %s", message);
    return ETCD_TRY_AGAIN;
}

bool etcd_wire_is_failure(unsigned status, const char *body)
{
    static const char stream_error[] = "{\"error\"";

    return status != 200 || strncmp(body, stream_error, sizeof(stream_error) - 1) == 0;
}

enum etcd_advice etcd_wire_failure(unsigned status, const char *body, size_t size, struct err *err)
{
    CLEANUP(tree_free_p) cJSON *tree = cJSON_ParseWithLength(body, size);
    const cJSON *failure = cJSON_IsObject(field(tree, "error")) ? field(tree, "error") : tree;
    const cJSON *message = field(failure, "message");
    const cJSON *code = field(failure, failure == tree ? "code" : "grpc_code");

    if (!cJSON_IsString(message)) {
        message = field(failure, "error");
    }
    if (!cJSON_IsString(message) || !cJSON_IsNumber(code)) {
        err_record(err, ERR_PROTOCOL, "HTTP status %u, which etcd does not explain", status);
        return ETCD_TRY_AGAIN;
    }
    return classify(code->valuedouble, message->valuestring, err);
}

/* ---- Replies ---- */

void etcd_wire_range_deinit(struct etcd_wire_range *range)
{
    free(range->kvs);
    cJSON_Delete(range->tree);
    *range = (struct etcd_wire_range){ 0 };
}

static bool read_kvs(const cJSON *array, struct etcd_wire_range *range)
{
    const cJSON *item;

    if (array != NULL && !cJSON_IsArray(array)) {
        return false;
    }
    cJSON_ArrayForEach(item, array)
    {
        struct etcd_kv *kv = &range->kvs[range->result.count];

        if (!read_kv(item, kv, &range->last_key_bytes)) {
            return false;
        }
        range->last_key = kv->key;
        range->result.count += is_named(kv, range->last_key_bytes) ? 1 : 0;
    }
    return true;
}

int etcd_wire_range(const char *body, size_t size, struct etcd_wire_range *out, struct err *err)
{
    CLEANUP(etcd_wire_range_deinit) struct etcd_wire_range range = { 0 };
    cJSON *tree;
    int rv = parse(body, size, &tree, err);

    if (rv < 0) {
        return rv;
    }
    range.tree = tree;
    range.kvs = mem_calloc(array_size(field(tree, "kvs")), sizeof(*range.kvs));
    if (range.kvs == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    if (!read_header(tree, &range.header) || !read_number(tree, "count", &range.result.total) ||
        !read_kvs(field(tree, "kvs"), &range)) {
        return misread(err, "range");
    }
    range.result.kvs = range.kvs;
    range.result.revision = range.header.revision;
    range.result.more = cJSON_IsTrue(field(tree, "more"));
    *out = range;
    range = (struct etcd_wire_range){ 0 };
    return 0;
}

/* The lists of all replies together; false: one is not as it should be. */
static bool read_lists(const cJSON *replies, struct etcd_wire_range *range)
{
    const cJSON *reply;

    cJSON_ArrayForEach(reply, replies)
    {
        const cJSON *list = field(reply, "response_range");
        uint64_t total;

        if (!cJSON_IsObject(list) || !read_number(list, "count", &total) ||
            !read_kvs(field(list, "kvs"), range)) {
            return false;
        }
        range->result.more = range->result.more || cJSON_IsTrue(field(list, "more"));
        range->result.total += total;
    }
    return true;
}

static size_t lists_size(const cJSON *replies)
{
    const cJSON *reply;
    size_t size = 0;

    cJSON_ArrayForEach(reply, replies)
    {
        size += array_size(field(field(reply, "response_range"), "kvs"));
    }
    return size;
}

int etcd_wire_ranges(const char *body, size_t size, struct etcd_wire_range *out, struct err *err)
{
    CLEANUP(etcd_wire_range_deinit) struct etcd_wire_range range = { 0 };
    const cJSON *replies;
    cJSON *tree;
    int rv = parse(body, size, &tree, err);

    if (rv < 0) {
        return rv;
    }
    range.tree = tree;
    replies = field(tree, "responses");
    range.kvs = mem_calloc(lists_size(replies) + 1, sizeof(*range.kvs));
    if (range.kvs == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    if (!read_header(tree, &range.header) || !cJSON_IsTrue(field(tree, "succeeded")) ||
        !read_lists(replies, &range)) {
        return misread(err, "range");
    }
    range.result.kvs = range.kvs;
    range.result.revision = range.header.revision;
    *out = range;
    range = (struct etcd_wire_range){ 0 };
    return 0;
}

int etcd_wire_txn(const char *body, size_t size, struct etcd_txn_result *out, struct err *err)
{
    CLEANUP(tree_free_p) cJSON *tree = NULL;
    struct etcd_header header;
    int rv = parse(body, size, &tree, err);

    if (rv < 0) {
        return rv;
    }
    if (!read_header(tree, &header) || header.revision == 0) {
        return misread(err, "transaction");
    }
    out->succeeded = cJSON_IsTrue(field(tree, "succeeded"));
    out->revision = header.revision;
    return 0;
}

int etcd_wire_lease(const char *body, size_t size, uint64_t *lease, uint64_t *ttl_s,
                    struct err *err)
{
    CLEANUP(tree_free_p) cJSON *tree = NULL;
    const cJSON *reply;
    uint64_t id;
    uint64_t ttl;
    int rv = parse(body, size, &tree, err);

    if (rv < 0) {
        return rv;
    }
    reply = field(tree, "result"); /* a keepalive is a stream of one */
    reply = reply == NULL ? tree : reply;
    if (!read_number(reply, "ID", &id) || id == 0 || !read_number(reply, "TTL", &ttl)) {
        return misread(err, "lease request");
    }
    *lease = id;
    *ttl_s = ttl;
    return 0;
}

int etcd_wire_token(const char *body, size_t size, char **out, struct err *err)
{
    CLEANUP(tree_free_p) cJSON *tree = NULL;
    const cJSON *token;
    char *copy;
    int rv = parse(body, size, &tree, err);

    if (rv < 0) {
        return rv;
    }
    token = field(tree, "token");
    if (!cJSON_IsString(token) || token->valuestring[0] == '\0') {
        return misread(err, "login");
    }
    copy = mem_strdup(token->valuestring);
    if (copy == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    *out = copy;
    return 0;
}

/* ---- Watch ---- */

void etcd_wire_watch_deinit(struct etcd_wire_watch *watch)
{
    free(watch->events);
    cJSON_Delete(watch->tree);
    *watch = (struct etcd_wire_watch){ 0 };
}

static bool read_events(const cJSON *array, struct etcd_wire_watch *watch)
{
    const cJSON *item;

    if (array != NULL && !cJSON_IsArray(array)) {
        return false;
    }
    cJSON_ArrayForEach(item, array)
    {
        struct etcd_event *event = &watch->events[watch->count];
        const cJSON *type = field(item, "type");
        size_t key_bytes;

        if (!read_kv(field(item, "kv"), &event->kv, &key_bytes)) {
            return false;
        }
        event->deleted = cJSON_IsString(type) && strcmp(type->valuestring, "DELETE") == 0;
        watch->count += is_named(&event->kv, key_bytes) ? 1 : 0;
    }
    return true;
}

static bool read_cancel(const cJSON *result, struct etcd_wire_watch *watch)
{
    const cJSON *reason = field(result, "cancel_reason");
    const char *words = cJSON_IsString(reason) ? reason->valuestring : "no reason given";
    uint64_t compact_revision;

    if (!cJSON_IsTrue(field(result, "canceled"))) {
        return true;
    }
    if (!read_number(result, "compact_revision", &compact_revision)) {
        return false;
    }
    watch->ended = true;
    watch->advice = ETCD_GIVE_UP;
    if (compact_revision != 0) {
        err_record(&watch->end, ERR_COMPACTED, "etcd: compacted up to revision %llu",
                   (unsigned long long)compact_revision);
    } else if (strstr(words, "permission denied") != NULL) {
        err_record(&watch->end, ERR_DENIED, "etcd: %s", words);
    } else {
        watch->advice = ETCD_TRY_AGAIN;
        err_record(&watch->end, ERR_UNAVAILABLE, "etcd ended the watch: %s", words);
    }
    return true;
}

int etcd_wire_watch(const char *line, size_t size, struct etcd_wire_watch *out, struct err *err)
{
    CLEANUP(etcd_wire_watch_deinit) struct etcd_wire_watch watch = { 0 };
    const cJSON *result;
    cJSON *tree;
    int rv = parse(line, size, &tree, err);

    if (rv < 0) {
        return rv;
    }
    watch.tree = tree;
    result = field(tree, "result");
    watch.events = mem_calloc(array_size(field(result, "events")), sizeof(*watch.events));
    if (watch.events == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    if (result == NULL && field(tree, "error") != NULL) {
        watch.ended = true;
        watch.advice = etcd_wire_failure(200, line, size, &watch.end);
    } else if (!read_header(result, &watch.header) || !read_cancel(result, &watch) ||
               !read_events(field(result, "events"), &watch)) {
        return misread(err, "watch");
    } else {
        watch.created = cJSON_IsTrue(field(result, "created"));
    }
    *out = watch;
    watch = (struct etcd_wire_watch){ 0 };
    return 0;
}
