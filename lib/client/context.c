#include "client/context.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "client/context_file.h"
#include "client/local.h"
#include "etcd/etcd_wait.h"
#include "store/keys.h"

#define READS_AT_ONCE 32
#define READS_IN_ONE                                                            \
    32 /* single keys: their largest values together stay below a reply's limit \
        */
/* A single try may last long: an etcd that is just starting takes the connection and answers late.
 */
#define TRY_TIMEOUT_MS 2000

static int find_endpoints(struct context *context, const struct options *options, struct err *err)
{
    struct local local;
    const char *endpoints = options->etcd.endpoints;
    char url[LOCAL_URL_SIZE];
    int rv = state_dir_find(options->state_dir, context->state_dir, err);

    if (rv < 0 && options->state_dir != NULL) {
        return rv;
    }
    if (rv < 0) {
        context->state_dir[0] = '\0'; /* no home, no state directory */
    }
    (void)snprintf(context->prefix, sizeof(context->prefix), "%s",
                   options->prefix == NULL ? KEYS_PREFIX_DEFAULT : options->prefix);
    if (endpoints == NULL && 0 <= rv) {
        rv = local_load(context->state_dir, &local, err);
        if (rv == ERR_NOT_FOUND && options->state_dir != NULL) {
            return err_set(err, rv, "no muster up state in %s", context->state_dir);
        }
        if (rv < 0 && rv != ERR_NOT_FOUND) {
            return rv;
        }
        if (0 <= rv) {
            local_etcd_url(&local, url);
            endpoints = url;
            if (options->prefix == NULL) {
                (void)snprintf(context->prefix, sizeof(context->prefix), "%s", local.prefix);
            }
        }
    }
    if (endpoints == NULL) {
        endpoints = ETCD_ENDPOINTS_DEFAULT;
    }
    if (sizeof(context->endpoints) <= strlen(endpoints)) {
        return err_set(err, ERR_USAGE, "--etcd-endpoints: longer than %zu bytes",
                       sizeof(context->endpoints) - 1);
    }
    (void)snprintf(context->endpoints, sizeof(context->endpoints), "%s", endpoints);
    return 0;
}

int context_open(struct context *context, struct options *options, struct err *err)
{
    struct etcd_options etcd_options;
    int rv;

    memset(context, 0, sizeof(*context));
    arena_init(&context->arena, CONTEXT_ARENA_BYTES_MAX);
    context->timeout_ms = options->timeout_ms;
    rv = context_file_apply(&context->arena, options, &context->discovery, err);
    if (rv < 0) {
        return rv;
    }
    rv = options->prefix == NULL ? 0 : keys_prefix_check(options->prefix, err);
    if (rv < 0) {
        err->code = ERR_USAGE;
        return err_wrap(err, "--prefix");
    }
    rv = find_endpoints(context, options, err);
    if (0 <= rv) {
        rv = etcd_flags_load(&options->etcd, &etcd_options, err);
    }
    if (0 <= rv) {
        rv = loop_new(&context->loop, err);
    }
    if (rv < 0) {
        return rv;
    }
    context->asker = (struct node_asker){ context->loop, &context->discovery_tls };
    etcd_options.endpoints = context->endpoints;
    etcd_options.request_timeout_ms = options->timeout_ms;
    etcd_options.try_timeout_ms =
        options->timeout_ms < TRY_TIMEOUT_MS ? options->timeout_ms : TRY_TIMEOUT_MS;
    rv = etcd_new(context->loop, &etcd_options, &context->etcd, err);
    if (rv == ERR_INVALID) {
        err->code = ERR_USAGE;
        return err_wrap(err, "--etcd-endpoints");
    }
    return rv;
}

int context_use_tls(struct context *context, const struct discovery_tls_flags *flags,
                    struct err *err)
{
    bool told =
        flags->ca != NULL || flags->name != NULL || flags->cert != NULL || flags->key != NULL;

    return discovery_tls_load(told ? flags : &context->discovery, &context->discovery_tls, err);
}

void context_close(struct context *context)
{
    etcd_free(context->etcd);
    tls_context_free(context->discovery_tls);
    loop_free(context->loop);
    arena_deinit(&context->arena);
    memset(context, 0, sizeof(*context));
}

const char *context_key(struct context *context, const char *fmt, ...)
{
    char key[KEY_TEXT_SIZE];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(key, sizeof(key), fmt, args);
    va_end(args);
    return arena_printf(&context->arena, "%s/%s", context->prefix, key);
}

int context_name_etcd(const struct context *context, struct err *err)
{
    if (err->code != ERR_UNAVAILABLE) {
        return err->code;
    }
    /* The last try's address is in the message; it is all there is to name where it is the only. */
    return strstr(err->msg, context->endpoints) != NULL
               ? err_wrap(err, "etcd")
               : err_wrap(err, "etcd at %s", context->endpoints);
}

/* Ranges on their way: the first alone if it is to tell the revision, then some at a time. */
struct reading {
    struct context *context;
    const struct etcd_range *ranges;
    size_t count;
    size_t asked;    /* ranges */
    size_t sent;     /* requests */
    size_t answered; /* likewise */
    uint64_t revision;
    context_kv_fn *take;
    void *ctx; /* of `take` */
    bool done;
    struct err err; /* code 0: none */
};

static void ask_more(struct reading *reading);

static void take_range(void *ctx, const struct etcd_range_result *result, const struct err *err)
{
    struct reading *reading = ctx;
    size_t i;
    int rv = 0;

    reading->answered++;
    if (result == NULL) {
        reading->err = reading->err.code == 0 ? *err : reading->err;
        ask_more(reading);
        return;
    }
    for (i = 0; reading->err.code == 0 && i < result->count && 0 <= rv; i++) {
        rv = reading->take(reading->ctx, &result->kvs[i], &reading->err);
    }
    if (reading->revision == 0) {
        reading->revision = result->revision;
    }
    ask_more(reading);
}

/* How many ranges the next request is for: keys are read together, lists one by one. */
static size_t next_count(const struct reading *reading)
{
    const struct etcd_range *at = &reading->ranges[reading->asked];
    size_t left = reading->count - reading->asked;
    size_t values = 0;
    size_t count = 0;

    while (count < left && count < ETCD_TXN_OPS_MAX && values < READS_IN_ONE &&
           ((!at[count].prefix && at[count].end == NULL) || at[count].limit == 1)) {
        values += at[count].keys_only ? 0 : 1;
        count++;
    }
    return count == 0 ? 1 : count;
}

static int ask_next(struct reading *reading)
{
    struct etcd_range ranges[ETCD_TXN_OPS_MAX];
    struct etcd *etcd = reading->context->etcd;
    size_t count = next_count(reading);
    size_t i;
    int rv;

    for (i = 0; i < count; i++) {
        ranges[i] = reading->ranges[reading->asked + i];
        ranges[i].revision = reading->revision;
    }
    rv = count == 1 ? etcd_range(etcd, ranges, take_range, reading, &reading->err)
                    : etcd_ranges(etcd, ranges, count, take_range, reading, &reading->err);
    if (0 <= rv) {
        reading->asked += count;
        reading->sent++;
    }
    return rv;
}

static void ask_more(struct reading *reading)
{
    while (reading->err.code == 0 && reading->asked < reading->count &&
           (reading->asked == 0 || reading->revision != 0) &&
           reading->sent - reading->answered < READS_AT_ONCE && 0 <= ask_next(reading)) {
    }
    reading->done = reading->answered == reading->sent &&
                    (reading->err.code != 0 || reading->asked == reading->count);
}

/* `draft` is copied: a wait that is broken off leaves requests on their way, which look at it. */
static int read_all(const struct reading *draft, struct err *err)
{
    struct context *context = draft->context;
    struct reading *reading;
    int rv;

    if (draft->count == 0) {
        return 0;
    }
    reading = arena_alloc(&context->arena, sizeof(*reading));
    if (reading == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    *reading = *draft;
    ask_more(reading);
    /* etcd's own time limit ends every request. */
    rv = loop_run_until(context->loop, &reading->done, UINT64_MAX, err);
    if (rv < 0) {
        reading->err = *err; /* answers that still come are passed over */
        return rv;
    }
    if (reading->err.code < 0) {
        *err = reading->err;
        return context_name_etcd(context, err);
    }
    return 0;
}

int context_each(struct context *context, const struct etcd_range *ranges, size_t count,
                 context_kv_fn *take, void *ctx, struct err *err)
{
    struct reading reading = { .context = context,
                               .ranges = ranges,
                               .count = count,
                               .revision = count == 0 ? 0 : ranges[0].revision,
                               .take = take,
                               .ctx = ctx };

    return read_all(&reading, err);
}

static int take_fact(void *ctx, const struct etcd_kv *kv, struct err *err)
{
    return facts_add(ctx, kv->key, kv->value, kv->value_bytes, kv->mod_revision, err);
}

int context_read(struct context *context, const struct etcd_range *ranges, size_t count,
                 struct facts *facts, struct err *err)
{
    return context_each(context, ranges, count, take_fact, facts, err);
}

int context_write(struct context *context, const struct etcd_txn *txn, struct err *err)
{
    struct etcd_txn_result result;
    int rv = etcd_wait_txn(context->loop, context->etcd, txn, &result, err);

    if (rv < 0) {
        return context_name_etcd(context, err);
    }
    if (!result.succeeded) {
        return err_set(err, ERR_CONFLICT, "somebody else has changed it at the same time");
    }
    return 0;
}
