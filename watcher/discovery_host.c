#include "watcher/discovery_host.h"

#include <stdlib.h>
#include <sys/resource.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "watcher/discovery_parts.h"

/* Limits of time are kept with a lateness of a sixth of the shortest. */
#define SWEEPS_PER_LIMIT 6U
/* So many of each standing are looked at when somebody has to give way. */
#define CANDIDATES_MAX 64

/* ---- Lists ---- */

static void list_remove(struct connections *list, struct connection *c)
{
    if (c->previous == NULL) {
        list->first = c->next;
    } else {
        c->previous->next = c->next;
    }
    if (c->next == NULL) {
        list->last = c->previous;
    } else {
        c->next->previous = c->previous;
    }
    c->next = NULL;
    c->previous = NULL;
}

static void list_append(struct connections *list, struct connection *c)
{
    c->previous = list->last;
    if (list->last == NULL) {
        list->first = c;
    } else {
        list->last->next = c;
    }
    list->last = c;
}

static uint16_t *bucket_of(struct discovery_host *host, const struct poller_peer *peer)
{
    uint32_t hash = 2166136261U;
    size_t i;

    for (i = 0; i < sizeof(peer->address); i++) {
        hash = (hash ^ peer->address[i]) * 16777619U;
    }
    return &host->by_address[hash % DISCOVERY_ADDRESS_BUCKETS];
}

static void stand(struct discovery_host *host, struct connection *c, enum standing standing)
{
    c->standing = standing;
    c->since_ms = clock_mono_ms();
    list_append(&host->standing[standing], c);
}

static uint64_t sweep_ms(const struct discovery_host *host)
{
    const uint64_t idle_ms = host->options.idle_ms;
    const uint64_t busy_ms = host->options.busy_ms;

    return (idle_ms < busy_ms ? idle_ms : busy_ms) / SWEEPS_PER_LIMIT + 1;
}

void discovery_host_add(struct discovery_host *host, struct connection *c)
{
    stand(host, c, STANDING_IDLE);
    host->count++;
    (*bucket_of(host, &c->peer))++;
    if (!loop_timer_running(host->sweep)) {
        loop_timer_start(host->sweep, sweep_ms(host));
    }
}

void discovery_host_remove(struct discovery_host *host, struct connection *c)
{
    list_remove(&host->standing[c->standing], c);
    CHECK(0 < host->count);
    host->count--;
    (*bucket_of(host, &c->peer))--;
    CHECK(c->unsent.size <= host->unread_bytes);
    host->unread_bytes -= c->unsent.size;
}

static enum standing standing_of(const struct connection *c)
{
    if (0 < c->unsent.size || 0 < c->waiting.size || session_incomplete(&c->session) ||
        (c->tls != NULL && !tls_established(c->tls))) {
        return STANDING_BUSY;
    }
    return c->session.watching ? STANDING_SUBSCRIBED : STANDING_IDLE;
}

void discovery_host_place(struct discovery_host *host, struct connection *c, bool progress)
{
    enum standing standing = standing_of(c);

    /* The busy ones wait since their last progress, subscribers since they subscribed. */
    if (standing == c->standing && standing != STANDING_IDLE && !progress) {
        return;
    }
    list_remove(&host->standing[c->standing], c);
    stand(host, c, standing);
}

/* ---- Who has to go ---- */

static struct connection *most_crowded(struct discovery_host *host, enum standing standing,
                                       struct connection *best)
{
    struct connection *c = host->standing[standing].first;
    int i;

    for (i = 0; c != NULL && i < CANDIDATES_MAX; i++) {
        if (best == NULL || *bucket_of(host, &best->peer) < *bucket_of(host, &c->peer)) {
            best = c;
        }
        c = c->next;
    }
    return best;
}

void discovery_host_make_room(struct discovery_host *host)
{
    struct connection *victim = NULL;
    enum standing standing;

    if (host->count < host->options.connections_max) {
        return;
    }
    for (standing = 0; standing < STANDING_COUNT; standing++) {
        victim = most_crowded(host, standing, victim);
    }
    if (victim != NULL) {
        connection_cut(victim, CUT_CROWDED);
    }
}

void discovery_host_relieve(struct discovery_host *host)
{
    while (host->options.unread_max < host->unread_bytes) {
        struct connection *greediest = host->standing[STANDING_BUSY].first;
        struct connection *c;

        for (c = greediest; c != NULL; c = c->next) {
            greediest = greediest->unsent.size < c->unsent.size ? c : greediest;
        }
        CHECK(greediest != NULL); /* who has something unsent is busy */
        connection_cut(greediest, CUT_UNREAD);
    }
}

void discovery_host_give_up_value(struct discovery_host *host)
{
    struct connection *c = host->standing[STANDING_BUSY].first;

    while (c != NULL && c->session.body == NULL) {
        c = c->next;
    }
    if (c != NULL) {
        connection_cut(c, CUT_CROWDED);
    }
}

static void cut_older(struct discovery_host *host, enum standing standing, uint64_t limit_ms,
                      enum discovery_cut why)
{
    const struct connections *list = &host->standing[standing];
    uint64_t now_ms = clock_mono_ms();

    while (list->first != NULL && list->first->since_ms + limit_ms <= now_ms) {
        connection_cut(list->first, why);
    }
}

static void on_sweep(void *ctx)
{
    struct discovery_host *host = ctx;

    cut_older(host, STANDING_BUSY, host->options.busy_ms, CUT_SLOW);
    cut_older(host, STANDING_IDLE, host->options.idle_ms, CUT_IDLE);
    if (0 < host->count) {
        loop_timer_start(host->sweep, sweep_ms(host));
    }
}

/* ---- The host ---- */

static size_t connections_that_fit(void)
{
    struct rlimit limit;
    rlim_t left;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) {
        limit.rlim_cur = 1024;
    }
    left = limit.rlim_cur / 4;
    left = left < DISCOVERY_DESCRIPTORS_LEFT_MIN ? DISCOVERY_DESCRIPTORS_LEFT_MIN : left;
    left = DISCOVERY_DESCRIPTORS_LEFT_MAX < left ? DISCOVERY_DESCRIPTORS_LEFT_MAX : left;
    if (limit.rlim_cur < left + 1) {
        return 1;
    }
    return limit.rlim_cur - left < DISCOVERY_CONNECTIONS_MAX ? (size_t)(limit.rlim_cur - left)
                                                             : DISCOVERY_CONNECTIONS_MAX;
}

static void set_options(struct discovery_host *host, const struct discovery_host_options *options)
{
    host->options = *options;
    if (options->connections_max == 0) {
        host->options.connections_max = connections_that_fit();
    }
    if (options->unread_max == 0) {
        host->options.unread_max = DISCOVERY_UNREAD_TOTAL_MAX;
    }
    if (options->idle_ms == 0) {
        host->options.idle_ms = DISCOVERY_IDLE_MS;
    }
    if (options->busy_ms == 0) {
        host->options.busy_ms = DISCOVERY_BUSY_MS;
    }
}

/* Both contexts anew; what can't be made stays as it was. */
static int load_tls(struct discovery_host *host, struct err *err)
{
    const struct discovery_host_options *options = &host->options;
    const struct tls_files peers = { options->tls.cert, options->tls.key, options->peers_ca,
                                     options->peers_name };
    CLEANUP(tls_context_free_p) struct tls_context *own = NULL;
    CLEANUP(tls_context_free_p) struct tls_context *other = NULL;
    int rv = options->tls.cert == NULL ? 0 : tls_server_new(&options->tls, &own, err);

    if (rv == 0 && options->peers_ca != NULL) {
        rv = tls_client_new(&peers, &other, err);
    }
    if (rv < 0) {
        return rv;
    }
    tls_context_free(host->tls);
    tls_context_free(host->peers_tls);
    host->tls = TAKE(own);
    host->peers_tls = TAKE(other);
    return 0;
}

static int open_tls(struct discovery_host *host, struct err *err)
{
    if (host->options.tls.cert != NULL) {
        host->scratch = mem_alloc(DISCOVERY_SCRATCH_BYTES);
        if (host->scratch == NULL) {
            return err_set(err, ERR_NOMEM, "out of memory");
        }
    }
    return load_tls(host, err);
}

int discovery_host_new(struct loop *loop, const struct discovery_host_options *options,
                       struct discovery_host **out, struct err *err)
{
    CLEANUP(discovery_host_free_p) struct discovery_host *host = mem_alloc(sizeof(*host));
    int rv;

    if (host == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    host->loop = loop;
    host->values.held_max = DISCOVERY_VALUES_MAX;
    set_options(host, options);
    rv = loop_timer_new(loop, on_sweep, host, &host->sweep, err);
    if (rv == 0) {
        rv = open_tls(host, err);
    }
    if (rv == 0) {
        *out = TAKE(host);
    }
    return rv;
}

void discovery_host_free(struct discovery_host *host)
{
    if (host != NULL) {
        CHECK(host->count == 0);
        loop_timer_free(host->sweep);
        tls_context_free(host->tls);
        tls_context_free(host->peers_tls);
        free(host->scratch);
        free(host);
    }
}

struct tls_context *const *discovery_host_peers_tls(const struct discovery_host *host)
{
    return &host->peers_tls;
}

int discovery_host_reload(struct discovery_host *host, struct err *err)
{
    return load_tls(host, err);
}
