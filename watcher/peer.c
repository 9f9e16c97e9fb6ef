#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "codec/model_json.h"
#include "memd/subscription.h"
#include "watcher/partition.h"
#include "watcher/peer_parts.h"

#define DECODE_BYTES_MAX (8U << 20)
/* Peers are looked at one after another, not together. */
#define FIRST_LOOK_MS 500U

struct peer {
    struct peers *set;
    uint32_t slot;
    char ip[IPV4_TEXT_SIZE];
    uint16_t port;
    struct peer_mind mind;
    struct peer_talk *talk;
    struct peer_joins *joins;
    struct subscription *subscription;
    struct loop_timer *timer;
    bool subscribed;
    bool calling; /* a callback of the set runs */
    bool freed;   /* by it: the memory goes when it returns */
};

/* ---- What a look has shown ---- */

/* The end of a callback: whether `peer` still lives. */
static bool called(struct peer *peer)
{
    peer->calling = false;
    if (peer->freed) {
        peer_free(peer);
        return false;
    }
    return true;
}

/* What the record says about itself; verified or not. */
static uint32_t version_in(const char *record, size_t record_bytes)
{
    CLEANUP(arena_deinit) struct arena arena;
    struct config config;

    arena_init(&arena, DECODE_BYTES_MAX);
    return json_decode_config(record, record_bytes, &arena, &config, NULL) < 0
               ? 0
               : config.head.version;
}

/* The own partition judges what is not the own record. Called with `calling` set. */
static struct peer_look judge(struct peer *peer, const struct peer_found *found)
{
    struct peer_look look = { .answered = found->answered, .sight = PEER_BEHIND };
    void *ctx;
    const struct peers_events *events = peers_events_of(peer->set, &ctx);
    struct err err;
    int rv = events->offered(ctx, peer->slot, found->record, found->record_bytes, &err);

    if (rv == 0 || rv == PARTITION_SAME) {
        look.sight = PEER_SAME;
        look.version = version_in(found->record, found->record_bytes);
    } else if (rv == PARTITION_TWIN) {
        look.sight = PEER_TWIN;
        look.version = version_in(found->record, found->record_bytes);
    } else if (rv == ERR_CONFLICT) {
        look.sight = PEER_FOREIGN;
    } else if (rv == ERR_INVALID) {
        look.version = version_in(found->record, found->record_bytes);
    }
    return look;
}

static bool is_own(const struct peer *peer, const struct peer_found *found)
{
    size_t own_bytes;
    const char *own = peers_record(peer->set, &own_bytes);

    return own_bytes == found->record_bytes && memcmp(own, found->record, own_bytes) == 0;
}

static struct peer_look sort_out(struct peer *peer, const struct peer_found *found)
{
    struct peer_look look = { .answered = found->answered, .sight = PEER_UNSEEN };

    if (!found->known) {
        return look;
    }
    if (found->record == NULL) {
        look.sight = PEER_BEHIND;
        return look;
    }
    if (is_own(peer, found)) {
        look.sight = PEER_SAME;
        look.version = peers_own(peer->set)->version;
        return look;
    }
    return judge(peer, found);
}

static void tell(struct peer *peer, const struct peer_look *look, bool repaired, bool changed)
{
    void *ctx;
    const struct peers_events *events = peers_events_of(peer->set, &ctx);

    if (look->sight == PEER_TWIN) {
        events->conflict(ctx, peer->slot, look->version);
    }
    if (repaired) {
        events->repaired(ctx, peer->slot, peer->mind.written_from, look->version);
    }
    if (changed) {
        events->opinion(ctx);
    }
}

static void on_looked(void *ctx, const struct peer_found *found)
{
    struct peer *peer = ctx;
    bool unreachable = peer->mind.unreachable;
    struct peer_look look;
    bool repaired;

    peer->calling = true;
    look = sort_out(peer, found);
    if (!called(peer)) {
        return;
    }
    repaired = peer_mind_looked(&peer->mind, &look, peers_own(peer->set), clock_mono_ms());
    loop_timer_start(peer->timer, 0);
    peer->calling = true;
    tell(peer, &look, repaired, unreachable != peer->mind.unreachable);
    (void)called(peer);
}

static void on_wrote(void *ctx, bool taken)
{
    struct peer *peer = ctx;

    peer_mind_wrote(&peer->mind, taken, clock_mono_ms());
    loop_timer_start(peer->timer, 0);
}

/* ---- Steps ---- */

static void wait_on(struct peer *peer, uint64_t now_ms)
{
    uint64_t wake_ms = peer_wake_ms(&peer->mind, now_ms);

    if (wake_ms == UINT64_MAX) {
        loop_timer_stop(peer->timer);
    } else {
        loop_timer_start(peer->timer, wake_ms <= now_ms ? 1 : wake_ms - now_ms);
    }
}

static void on_step(void *ctx)
{
    struct peer *peer = ctx;
    uint64_t now_ms = clock_mono_ms();
    const char *record;
    size_t record_bytes;

    switch (peer_rule(peer_facts(&peer->mind, now_ms))->action) {
    case PEER_DO_WAIT:
        peer_mind_stale(&peer->mind);
        wait_on(peer, now_ms);
        break;
    case PEER_DO_LOOK:
        peer_mind_began(&peer->mind);
        peer_talk_look(peer->talk, peer->subscribed);
        break;
    case PEER_DO_WRITE:
        record = peers_record(peer->set, &record_bytes);
        peer_mind_began(&peer->mind);
        peer_talk_write(peer->talk, record, record_bytes);
        break;
    }
}

/* ---- The subscription ---- */

static void on_changed(void *ctx, uint32_t version)
{
    struct peer *peer = ctx;
    uint64_t now_ms = clock_mono_ms();

    peer->subscribed = true;
    peer_mind_hint(&peer->mind, version, peers_own(peer->set), now_ms);
    wait_on(peer, now_ms);
}

static void on_lost(void *ctx, const struct err *err)
{
    struct peer *peer = ctx;
    uint64_t now_ms = clock_mono_ms();

    (void)err;
    peer->subscribed = false;
    peer_mind_lost(&peer->mind, now_ms);
    wait_on(peer, now_ms);
}

static void on_joining(void *ctx, const char *uid)
{
    struct peer *peer = ctx;

    peer_joins_read(peer->joins, uid);
}

static void on_join(void *ctx, const char *uid, const char *request, size_t request_bytes)
{
    const struct peer *peer = ctx;
    void *set_ctx;
    const struct peers_events *events = peers_events_of(peer->set, &set_ctx);

    events->joining(set_ctx, peer->slot, uid, request, request_bytes);
}

/* ---- Lifecycle ---- */

static void use_tls(struct peer *peer, struct tls_context *const *tls)
{
    peer_talk_use_tls(peer->talk, tls);
    subscription_use_tls(peer->subscription, tls);
    if (peer->joins != NULL) {
        peer_joins_use_tls(peer->joins, tls);
    }
}

static int open_parts(struct peer *peer, struct err *err)
{
    static const struct peer_talk_events talk_events = { on_looked, on_wrote };
    static const struct subscription_events quiet = { on_changed, NULL, on_lost };
    static const struct subscription_events all = { on_changed, on_joining, on_lost };
    struct loop *loop = peers_loop(peer->set);
    uint16_t discovery_port = (uint16_t)(peer->port - 1);
    void *ctx;
    const struct peers_events *events = peers_events_of(peer->set, &ctx);
    int rv = loop_timer_new(loop, on_step, peer, &peer->timer, err);

    if (rv == 0) {
        rv = peer_talk_new(loop, peer->ip, peer->port, &talk_events, peer, &peer->talk, err);
    }
    if (rv == 0 && events->joining != NULL) {
        rv = peer_joins_new(loop, peer->ip, discovery_port, on_join, peer, &peer->joins, err);
    }
    if (rv == 0) {
        rv = subscription_new(loop, peer->ip, discovery_port,
                              events->joining == NULL ? &quiet : &all, peer, &peer->subscription,
                              err);
    }
    if (rv == 0) {
        use_tls(peer, peers_tls(peer->set));
    }
    return rv;
}

int peer_new(struct peers *peers, const struct member *member, size_t place, struct peer **out,
             struct err *err)
{
    CLEANUP(peer_free_p) struct peer *peer = NULL;
    uint64_t now_ms = clock_mono_ms();
    int rv;

    if (!name_is_ipv4(member->ip)) {
        return err_set(err, ERR_INVALID, "%.40s is not an IPv4 address", member->ip);
    }
    peer = mem_alloc(sizeof(*peer));
    if (peer == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    peer->set = peers;
    peer->slot = member->slot;
    memcpy(peer->ip, member->ip, strlen(member->ip) + 1);
    peer->port = member->port;
    peer_mind_init(&peer->mind, place, now_ms + (place + 1) * FIRST_LOOK_MS);
    rv = open_parts(peer, err);
    if (rv < 0) {
        return rv;
    }
    wait_on(peer, now_ms);
    *out = TAKE(peer);
    return 0;
}

void peer_free(struct peer *peer)
{
    if (peer == NULL) {
        return;
    }
    if (peer->calling) {
        peer->freed = true;
        return;
    }
    subscription_free(peer->subscription);
    peer_joins_free(peer->joins);
    peer_talk_free(peer->talk);
    loop_timer_free(peer->timer);
    free(peer);
}

bool peer_is(const struct peer *peer, const struct member *member)
{
    return peer->slot == member->slot && peer->port == member->port &&
           strcmp(peer->ip, member->ip) == 0;
}

void peer_follow(struct peer *peer, size_t place)
{
    uint64_t now_ms = clock_mono_ms();

    peer_mind_place(&peer->mind, place);
    peer_mind_follow(&peer->mind, peers_own(peer->set), now_ms);
    wait_on(peer, now_ms);
}

void peer_view(const struct peer *peer, struct peer_view *out)
{
    const struct peer_mind *mind = &peer->mind;

    *out = (struct peer_view){ .slot = peer->slot,
                               .port = peer->port,
                               .subscribed = peer->subscribed,
                               .looked = mind->looked_ms != 0,
                               .reachable = mind->silences == 0 && mind->looked_ms != 0,
                               .unreachable = mind->unreachable,
                               .beside = peer_talk_beside(peer->talk),
                               .version = mind->version,
                               .changed_ms = mind->changed_ms,
                               .lag_ms = mind->lag_ms,
                               .repairs = mind->repairs };
    memcpy(out->ip, peer->ip, sizeof(out->ip));
}
