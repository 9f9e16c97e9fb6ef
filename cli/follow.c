#include "cli/follow.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/mem.h"
#include "store/mirror.h"

#define FACTS_ARENA_BYTES_MAX (1024U << 20)

struct follow {
    struct context *context;
    struct mirror *mirrors[FOLLOW_KEYS_MAX];
    size_t mirrors_count;
    struct loop_defer *look;
    follow_fn *changed;
    void *ctx;
    struct arena arena;
    follow_trouble_fn *tell_trouble; /* NULL: nobody asks */
    char keys[FOLLOW_KEYS_MAX][KEY_TEXT_SIZE];
    char trouble[ERR_MSG_MAX];
    bool looked;
};

static int add_all(struct follow *follow, size_t i, struct facts *facts, struct err *err)
{
    struct mirror *mirror = follow->mirrors[i];
    struct mirror_item *item;
    int rv = 0;

    for (item = mirror_seek(mirror, follow->keys[i]); item != NULL && 0 <= rv;
         item = mirror_next(mirror, item)) {
        rv = facts_add(facts, item->key, item->value, item->value_bytes, item->mod_revision, err);
    }
    return rv;
}

static void look(void *ctx)
{
    struct follow *follow = ctx;
    struct facts facts;
    struct err err = { 0 };
    size_t i;

    for (i = 0; i < follow->mirrors_count; i++) {
        if (!mirror_is_synced(follow->mirrors[i])) {
            return;
        }
    }
    arena_clear(&follow->arena);
    facts_init(&facts, &follow->arena, follow->context->prefix);
    for (i = 0; i < follow->mirrors_count; i++) {
        if (add_all(follow, i, &facts, &err) < 0) {
            (void)snprintf(follow->trouble, sizeof(follow->trouble), "%s", err.msg);
            return;
        }
    }
    follow->looked = true;
    follow->changed(follow->ctx, &facts);
}

static void on_change(void *ctx, struct mirror_item *item)
{
    struct follow *follow = ctx;

    (void)item;
    loop_defer_schedule(follow->look);
}

static void on_synced(void *ctx)
{
    struct follow *follow = ctx;

    loop_defer_schedule(follow->look);
}

static void on_trouble(void *ctx, const struct err *err)
{
    struct follow *follow = ctx;

    (void)snprintf(follow->trouble, sizeof(follow->trouble), "%s", err == NULL ? "" : err->msg);
    if (follow->tell_trouble != NULL) {
        follow->tell_trouble(follow->ctx, follow->trouble);
    }
}

void follow_tell_trouble(struct follow *follow, follow_trouble_fn *trouble)
{
    follow->tell_trouble = trouble;
}

int follow_also(struct follow *follow, const char *key, struct err *err)
{
    static const struct mirror_events events = {
        .put = on_change, .gone = on_change, .synced = on_synced, .trouble = on_trouble
    };
    size_t i = follow->mirrors_count;
    int rv;

    CHECK(i < FOLLOW_KEYS_MAX);
    (void)snprintf(follow->keys[i], sizeof(follow->keys[i]), "%s", key);
    rv = mirror_new(follow->context->loop, follow->context->etcd, follow->keys[i], &events, follow,
                    &follow->mirrors[i], err);
    if (0 <= rv) {
        follow->mirrors_count++;
    }
    return rv;
}

int follow_new(struct context *context, const char *key, follow_fn *changed, void *ctx,
               struct follow **out, struct err *err)
{
    CLEANUP(follow_free_p) struct follow *follow = mem_calloc(1, sizeof(*follow));
    int rv;

    if (follow == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    follow->context = context;
    follow->changed = changed;
    follow->ctx = ctx;
    arena_init(&follow->arena, FACTS_ARENA_BYTES_MAX);
    rv = loop_defer_new(context->loop, look, follow, &follow->look, err);
    if (0 <= rv) {
        rv = follow_also(follow, key, err);
    }
    if (rv < 0) {
        return rv;
    }
    *out = TAKE(follow);
    return 0;
}

void follow_free(struct follow *follow)
{
    size_t i;

    if (follow == NULL) {
        return;
    }
    for (i = 0; i < follow->mirrors_count; i++) {
        mirror_free(follow->mirrors[i]);
    }
    loop_defer_free(follow->look);
    arena_deinit(&follow->arena);
    free(follow);
}

static int unheard(const struct follow *follow, struct err *err)
{
    return err_set(err, ERR_UNAVAILABLE, "etcd at %s: %s", follow->context->endpoints,
                   follow->trouble[0] == '\0' ? "no answer" : follow->trouble);
}

int follow_until(struct follow *follow, const bool *done, uint64_t timeout_ms, struct err *err)
{
    struct loop *loop = follow->context->loop;
    uint64_t first_ms = follow->context->timeout_ms;
    int rv =
        loop_run_until(loop, &follow->looked, timeout_ms < first_ms ? timeout_ms : first_ms, err);

    if (rv == ERR_TIMEOUT) {
        return unheard(follow, err);
    }
    if (0 <= rv) {
        rv = loop_run_until(loop, done, timeout_ms, err);
    }
    return rv == ERR_TIMEOUT && follow->trouble[0] != '\0' ? unheard(follow, err) : rv;
}

const char *follow_trouble(const struct follow *follow)
{
    return follow->trouble;
}

void follow_touch(struct follow *follow)
{
    loop_defer_schedule(follow->look);
}
