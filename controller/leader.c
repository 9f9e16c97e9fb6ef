#include "controller/leader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "codec/envelope.h"
#include "controller/backoff.h"
#include "store/keys.h"
#include "store/lease.h"

#define RETRY_MS_MIN 100
#define RETRY_MS_MAX 2000
#define VALUE_SIZE (LEADER_IDENTITY_MAX + UID_TEXT_SIZE + 40)

struct leader {
    struct etcd *etcd;
    struct lease *lease;
    struct loop_timer *retry;
    leader_fn *changed;
    void *ctx;
    char identity[LEADER_IDENTITY_MAX + 1];
    char key[KEY_TEXT_SIZE];
    char value[VALUE_SIZE]; /* what this process writes under the lease it holds */
    uint64_t fence;         /* 0: does not lead */
    bool vacant;            /* the mirror is synced and shows no leader */
    bool asking;            /* a transaction or read is under way */
    bool resigned;
    unsigned failures;
    uint64_t foreign_revision; /* mod_revision of another's key that is to be looked at; 0: none */
};

int leader_identity_check(const char *identity, struct err *err)
{
    size_t size = strlen(identity);

    if (size == 0 || LEADER_IDENTITY_MAX < size ||
        strspn(identity, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:") !=
            size) {
        return err_set(err, ERR_INVALID,
                       "an identity has 1 to %d letters, digits and \"-_.:\", got '%s'",
                       LEADER_IDENTITY_MAX, identity);
    }
    return 0;
}

static void lead(struct leader *leader, uint64_t fence)
{
    bool led = leader->fence != 0;

    leader->fence = fence;
    if (led != (fence != 0)) {
        leader->changed(leader->ctx, fence != 0);
    }
}

static void retry_later(struct leader *leader)
{
    leader->failures++;
    loop_timer_start(leader->retry, backoff_ms(leader->failures, RETRY_MS_MIN, RETRY_MS_MAX));
}

/* ---- Campaign ---- */

static void campaign_done(void *ctx, const struct etcd_txn_result *result, const struct err *err)
{
    struct leader *leader = ctx;

    leader->asking = false;
    if (err != NULL || !result->succeeded) {
        /* Perhaps it was written all the same, or another one was faster: the mirror will tell. */
        retry_later(leader);
        return;
    }
    /* Won; the mirror tells that, too, after all that was written before. */
    leader->failures = 0;
    leader->vacant = false;
}

static void campaign(struct leader *leader)
{
    struct etcd_compare compare = { .key = leader->key, .target = ETCD_CREATE_REVISION };
    struct etcd_op op = { .kind = ETCD_PUT,
                          .key = leader->key,
                          .value = leader->value,
                          .value_bytes = strlen(leader->value),
                          .lease = lease_id(leader->lease) };
    struct etcd_txn txn = { .compares = &compare, .compares_count = 1, .ops = &op, .ops_count = 1 };
    struct err err;

    if (etcd_txn(leader->etcd, &txn, campaign_done, leader, &err) < 0) {
        retry_later(leader);
        return;
    }
    leader->asking = true;
}

/* ---- A leader key that may be nobody's ---- */

static void removed(void *ctx, const struct etcd_txn_result *result, const struct err *err)
{
    struct leader *leader = ctx;

    (void)result;
    leader->asking = false;
    if (err != NULL) {
        retry_later(leader);
    } else {
        loop_timer_start(leader->retry, 0); /* the mirror may have told of it already */
    }
}

static void remove_unleased(struct leader *leader, uint64_t mod_revision)
{
    struct etcd_compare compare = { .key = leader->key,
                                    .target = ETCD_MOD_REVISION,
                                    .revision = mod_revision };
    struct etcd_op op = { .kind = ETCD_DELETE, .key = leader->key };
    struct etcd_txn txn = { .compares = &compare, .compares_count = 1, .ops = &op, .ops_count = 1 };
    struct err err;

    if (etcd_txn(leader->etcd, &txn, removed, leader, &err) < 0) {
        retry_later(leader);
        return;
    }
    leader->asking = true;
}

static void looked_at(void *ctx, const struct etcd_range_result *result, const struct err *err)
{
    struct leader *leader = ctx;

    leader->asking = false;
    if (err != NULL) {
        retry_later(leader);
        return;
    }
    leader->foreign_revision = 0;
    if (0 < result->count && result->kvs[0].lease == 0) {
        remove_unleased(leader, result->kvs[0].mod_revision);
    } else {
        loop_timer_start(leader->retry, 0);
    }
}

static void look_at_foreign(struct leader *leader)
{
    struct etcd_range range = { .key = leader->key, .limit = 1 };
    struct err err;

    if (etcd_range(leader->etcd, &range, looked_at, leader, &err) < 0) {
        retry_later(leader);
        return;
    }
    leader->asking = true;
}

/* ---- What is to be done now ---- */

static void step(void *ctx)
{
    struct leader *leader = ctx;

    if (leader->asking || leader->resigned) {
        return;
    }
    if (leader->foreign_revision != 0) {
        look_at_foreign(leader);
    } else if (leader->vacant && lease_id(leader->lease) != 0) {
        campaign(leader);
    }
}

void leader_seen(struct leader *leader, const struct mirror_item *item)
{
    leader->vacant = item == NULL;
    if (item != NULL && leader->value[0] != '\0' && !leader->resigned &&
        strcmp(item->value, leader->value) == 0) {
        leader->foreign_revision = 0;
        lead(leader, item->create_revision);
        return;
    }
    leader->foreign_revision = item == NULL ? 0 : item->mod_revision;
    lead(leader, 0);
    /* By the loop: this is inside the mirror's callback, and not urgent but when vacant. */
    loop_timer_start(leader->retry, 0);
}

/* A new lease is a new candidate: what was written under the former one is not ours. */
static void lease_changed(void *ctx, uint64_t id)
{
    struct leader *leader = ctx;
    char token[UID_TEXT_SIZE];

    leader->value[0] = '\0';
    lead(leader, 0);
    if (id == 0) {
        return;
    }
    random_hex16(token);
    (void)snprintf(leader->value, sizeof(leader->value), "{\"identity\":\"%s\",\"token\":\"%s\"}",
                   leader->identity, token);
    loop_timer_start(leader->retry, 0);
}

uint64_t leader_fence(const struct leader *leader)
{
    return lease_id(leader->lease) == 0 ? 0 : leader->fence;
}

void leader_resign(struct leader *leader, loop_fn *done, void *ctx)
{
    leader->resigned = true;
    leader->value[0] = '\0';
    lead(leader, 0);
    lease_revoke(leader->lease, done, ctx);
}

int leader_new(struct loop *loop, struct etcd *etcd, const struct leader_options *options,
               leader_fn *changed, void *ctx, struct leader **out, struct err *err)
{
    CLEANUP(leader_free_p) struct leader *leader = mem_alloc(sizeof(*leader));
    struct key key = { .kind = KEY_LEADER };
    int rv = leader_identity_check(options->identity, err);

    if (rv < 0) {
        return rv;
    }
    if (leader == NULL) {
        return err_set(err, ERR_NOMEM, "election");
    }
    leader->etcd = etcd;
    leader->changed = changed;
    leader->ctx = ctx;
    (void)snprintf(leader->identity, sizeof(leader->identity), "%s", options->identity);
    key_format(options->prefix, &key, leader->key);
    rv = loop_timer_new(loop, step, leader, &leader->retry, err);
    if (0 <= rv) {
        rv =
            lease_new(loop, etcd, options->lease_ttl_s, lease_changed, leader, &leader->lease, err);
    }
    if (rv < 0) {
        return rv;
    }
    *out = TAKE(leader);
    return 0;
}

void leader_free(struct leader *leader)
{
    if (leader == NULL) {
        return;
    }
    lease_free(leader->lease);
    loop_timer_free(leader->retry);
    free(leader);
}
