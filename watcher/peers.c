#include "watcher/peers.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "memd/subscription.h"
#include "watcher/peer_parts.h"

struct peers {
    struct loop *loop;
    struct tls_context *const *tls; /* to discovery ports; NULL: plain */
    char ip[IPV4_TEXT_SIZE];
    struct ring_self self;
    struct peers_events events;
    void *ctx;
    struct peer_own own;
    char *record; /* what lagging peers get */
    size_t record_bytes;
    struct peer *list[RING_SUCCESSORS]; /* nearest first */
    size_t count;
};

/* ---- What peers ask of the set ---- */

const struct peer_own *peers_own(const struct peers *peers)
{
    return &peers->own;
}

const char *peers_record(const struct peers *peers, size_t *record_bytes)
{
    *record_bytes = peers->record_bytes;
    return peers->record;
}

const struct peers_events *peers_events_of(const struct peers *peers, void **ctx)
{
    *ctx = peers->ctx;
    return &peers->events;
}

struct loop *peers_loop(const struct peers *peers)
{
    return peers->loop;
}

struct tls_context *const *peers_tls(const struct peers *peers)
{
    return peers->tls;
}

void peers_use_tls(struct peers *peers, struct tls_context *const *tls)
{
    peers->tls = tls;
}

/* ---- The ring ---- */

static struct peer *find(const struct peers *peers, const struct member *member)
{
    size_t i;

    for (i = 0; i < peers->count; i++) {
        if (peer_is(peers->list[i], member)) {
            return peers->list[i];
        }
    }
    return NULL;
}

static bool contains(struct peer *const *list, size_t count, const struct peer *peer)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (list[i] == peer) {
            return true;
        }
    }
    return false;
}

static void free_others(const struct peers *peers, struct peer *const *fresh, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (!contains(peers->list, peers->count, fresh[i])) {
            peer_free(fresh[i]);
        }
    }
}

/* Those who are watched already are kept; nothing changes on failure. */
static int choose(struct peers *peers, const struct config_draft *config,
                  struct peer *out[RING_SUCCESSORS], size_t *count, struct err *err)
{
    size_t places[RING_SUCCESSORS];
    size_t found = config->version == 0 ? 0
                                        : ring_successors(config->members, config->members_count,
                                                          &peers->self, places);
    size_t i;
    int rv;

    for (i = 0; i < found; i++) {
        const struct member *member = &config->members[places[i]];

        out[i] = find(peers, member);
        if (out[i] == NULL) {
            rv = peer_new(peers, member, i, &out[i], err);
            if (rv < 0) {
                free_others(peers, out, i);
                return rv;
            }
        }
    }
    *count = found;
    return 0;
}

static char *copy_of(const char *record, size_t record_bytes)
{
    char *copy = mem_alloc(record_bytes + 1);

    if (copy != NULL && 0 < record_bytes) {
        memcpy(copy, record, record_bytes);
    }
    return copy;
}

int peers_follow(struct peers *peers, const struct config_draft *config, const char *record,
                 size_t record_bytes, struct err *err)
{
    CLEANUP(mem_free_p) char *copy = copy_of(record, record_bytes);
    struct peer *former[RING_SUCCESSORS];
    struct peer *chosen[RING_SUCCESSORS] = { NULL };
    size_t former_count = peers->count;
    size_t count;
    size_t i;
    int rv;

    if (copy == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    rv = choose(peers, config, chosen, &count, err);
    if (rv < 0) {
        return rv;
    }
    free(peers->record);
    peers->record = TAKE(copy);
    peers->record_bytes = record_bytes;
    peers->own = (struct peer_own){ .version = config->version, .since_ms = clock_mono_ms() };
    memcpy(former, peers->list, sizeof(former));
    memcpy(peers->list, chosen, sizeof(chosen));
    peers->count = count;
    for (i = 0; i < former_count; i++) {
        if (!contains(peers->list, peers->count, former[i])) {
            peer_free(former[i]);
        }
    }
    for (i = 0; i < peers->count; i++) {
        peer_follow(peers->list[i], i);
    }
    return 0;
}

/* ---- Lifecycle ---- */

int peers_new(struct loop *loop, const struct ring_self *self, const struct peers_events *events,
              void *ctx, struct peers **out, struct err *err)
{
    struct peers *peers;

    if (!name_is_ipv4(self->ip)) {
        return err_set(err, ERR_INVALID, "%s is not an IPv4 address", self->ip);
    }
    peers = mem_alloc(sizeof(*peers));
    if (peers == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    memcpy(peers->ip, self->ip, strlen(self->ip) + 1);
    peers->self = (struct ring_self){ .slot = self->slot, .ip = peers->ip, .port = self->port };
    peers->loop = loop;
    peers->events = *events;
    peers->ctx = ctx;
    *out = peers;
    return 0;
}

void peers_free(struct peers *peers)
{
    size_t i;

    if (peers == NULL) {
        return;
    }
    for (i = 0; i < peers->count; i++) {
        peer_free(peers->list[i]);
    }
    free(peers->record);
    free(peers);
}

size_t peers_list(const struct peers *peers, struct peer_view out[RING_SUCCESSORS])
{
    size_t i;

    for (i = 0; i < peers->count; i++) {
        peer_view(peers->list[i], &out[i]);
    }
    return peers->count;
}

size_t peers_unreachable(const struct peers *peers, uint32_t out[RING_SUCCESSORS])
{
    struct peer_view views[RING_SUCCESSORS];
    size_t count = peers_list(peers, views);
    size_t found = 0;
    size_t i;
    size_t at;

    for (i = 0; i < count; i++) {
        if (views[i].unreachable) {
            for (at = found; 0 < at && views[i].slot < out[at - 1]; at--) {
                out[at] = out[at - 1];
            }
            out[at] = views[i].slot;
            found++;
        }
    }
    return found;
}
