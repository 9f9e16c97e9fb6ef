/*
 * watcher/discovery.h: a port that answers from the watcher's memory, and tells subscribers of each
 * change, for as long as the watcher runs. While that is paused, it is silent.
 */
#include "watcher/discovery.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "discovery/names.h"
#include "sim/sim_machine.h"
#include "sim/sim_wire.h"

#define PATH_BYTES 512

/* Nothing is shared in here: clients of the simulator are few, and speak plainly. */
struct discovery_host {
    bool unused;
};

int discovery_host_new(struct loop *loop, const struct discovery_host_options *options,
                       struct discovery_host **out, struct err *err)
{
    struct discovery_host *host = mem_alloc(sizeof(*host));

    (void)loop;
    (void)options;
    if (host == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    *out = host;
    return 0;
}

void discovery_host_free(struct discovery_host *host)
{
    free(host);
}

struct tls_context *const *discovery_host_peers_tls(const struct discovery_host *host)
{
    (void)host;
    return NULL;
}

int discovery_host_reload(struct discovery_host *host, struct err *err)
{
    (void)host;
    (void)err;
    return 0;
}

struct discovery {
    struct sim_machine *machine;
    struct sim_party *party;
    struct sim_port port;
    struct sim_audience subscribers;
    struct session_source source;
    const struct segment_cell *cell;
    void (*polled)(void *ctx, const struct poller_peer *peer, uint32_t version);
    struct rows rows;
    char *answer; /* to the last `stats` */
    char refusal[64];
    uint32_t version_told;
    char dir[PATH_BYTES];
};

/* The rows of a group of its own, without their end. */
static void answer_stats(struct discovery *discovery, const struct sim_request *request,
                         struct sim_reply *out)
{
    const struct request asked = { .kind = REQUEST_STATS, .protocol = REQUEST_TEXT };
    const struct session_source *source = &discovery->source;
    struct reply reply;

    rows_begin(&discovery->rows, &asked);
    CHECK(source->stats(source->ctx, request->key, &discovery->rows));
    rows_end(&discovery->rows, &reply);
    free(discovery->answer);
    discovery->answer = mem_alloc(reply_bytes(&reply) + 1);
    CHECK(discovery->answer != NULL);
    reply_copy(&reply, discovery->answer);
    out->value = discovery->answer;
    out->value_bytes = reply_bytes(&reply) - strlen("END\r\n");
}

/* ---- Requests to join that its watcher holds ---- */

struct join_look {
    struct discovery *discovery;
    const char *uid;
    struct session_join found;
    bool is_there;
};

static void find_join(void *ctx)
{
    struct join_look *look = ctx;
    const struct session_source *source = &look->discovery->source;
    size_t i = 0;

    while (!look->is_there && source->join_at != NULL &&
           source->join_at(source->ctx, i++, &look->found)) {
        look->is_there = strcmp(look->found.uid, look->uid) == 0;
    }
}

static bool answer_join(struct discovery *discovery, const struct sim_request *request,
                        struct sim_reply *out)
{
    struct join_look look = { .discovery = discovery };

    if (request->kind != SIM_REQUEST_GET ||
        strncmp(request->key, KEY_JOIN, strlen(KEY_JOIN)) != 0) {
        return false;
    }
    look.uid = request->key + strlen(KEY_JOIN);
    sim_run_as(discovery->party, find_join, &look);
    out->outcome = look.is_there ? SIM_OK : SIM_NOT_FOUND;
    out->value = look.is_there ? look.found.request : NULL;
    out->value_bytes = look.is_there ? look.found.request_bytes : 0;
    return true;
}

/* ---- Requests to join that come in ---- */

struct join_write {
    struct discovery *discovery;
    const struct sim_request *request;
    const char *why; /* it is refused; NULL: it is not */
};

static void judge_join(void *ctx)
{
    struct join_write *write = ctx;
    const struct session_source *source = &write->discovery->source;

    write->why = source->join_refusal(source->ctx, write->request->key + strlen(KEY_JOIN),
                                      write->request->value, write->request->value_bytes);
}

static bool refuse_join(struct discovery *discovery, const struct sim_request *request,
                        struct sim_reply *out)
{
    struct join_write write = { .discovery = discovery, .request = request };

    if (request->kind != SIM_REQUEST_SET ||
        strncmp(request->key, KEY_JOIN, strlen(KEY_JOIN)) != 0) {
        return false;
    }
    sim_run_as(discovery->party, judge_join, &write);
    if (write.why == NULL) {
        return false;
    }
    (void)snprintf(discovery->refusal, sizeof(discovery->refusal), REPLY_JOIN_REFUSED "%s",
                   write.why);
    out->outcome = SIM_REFUSED;
    out->value = discovery->refusal;
    out->value_bytes = strlen(discovery->refusal);
    return true;
}

static void tell_world(const struct discovery *discovery, uint32_t client)
{
    const struct sim_machine_world *world = &discovery->machine->world;
    const struct sim_partition *partition = sim_partition_find(discovery->machine, discovery->dir);

    if (partition != NULL && discovery->cell->version != 0) {
        world->handed(world->ctx, client, partition, discovery->cell->version);
    }
}

static bool answer(void *ctx, const struct sim_request *request, struct sim_reply *out)
{
    struct discovery *discovery = ctx;
    struct poller_peer peer;

    if (sim_now_ms(discovery->machine->sim) < discovery->party->paused_until_ms) {
        return false;
    }
    if (request->kind == SIM_REQUEST_STATS) {
        answer_stats(discovery, request, out);
        return true;
    }
    if (refuse_join(discovery, request, out)) {
        return true;
    }
    if (request->kind == SIM_REQUEST_DELETE) {
        out->value = "NOT_FOUND";
        out->value_bytes = strlen(out->value);
    } else if (sim_partition_answer(discovery->machine, discovery->dir, discovery->cell, request,
                                    out)) {
        if (sim_polls(request, &peer)) {
            discovery->polled(discovery->source.ctx, &peer, discovery->cell->version);
            tell_world(discovery, request->client);
        }
        sim_memcached_answered_beside(discovery->machine, discovery->port.ip, discovery->port.port,
                                      request, discovery->cell);
    } else if (!answer_join(discovery, request, out)) {
        out->outcome = SIM_REFUSED;
        out->value = "ERROR";
        out->value_bytes = strlen(out->value);
    }
    return true;
}

static void greet(void *ctx, struct sim_wire *wire)
{
    const struct discovery *discovery = ctx;
    const struct session_source *source = &discovery->source;
    struct session_join join;
    size_t i = 0;

    sim_wire_say(wire, "CONFIG-CHANGED %u", discovery->cell->version);
    while (source->join_at != NULL && source->join_at(source->ctx, i++, &join)) {
        sim_wire_say(wire, "JOIN-REQUESTED %s", join.uid);
    }
}

int discovery_new(struct loop *loop, const struct discovery_options *options,
                  struct discovery **out, struct err *err)
{
    struct discovery *discovery = mem_alloc(sizeof(*discovery));
    struct sim_machine *machine = sim_machine_here();

    (void)loop;
    if (discovery == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    discovery->machine = machine;
    discovery->party = sim_running(machine->sim);
    discovery->cell = options->cell;
    discovery->source = options->source;
    discovery->polled = options->polled;
    discovery->version_told = options->cell->version;
    discovery->subscribers = (struct sim_audience){
        .sim = machine->sim, .party = discovery->party, .greet = greet, .ctx = discovery
    };
    discovery->port.audience = &discovery->subscribers;
    (void)snprintf(discovery->dir, PATH_BYTES, "%.*s",
                   (int)(strlen(options->inbox) - strlen("/inbox")), options->inbox);
    discovery->port.place = machine->place;
    discovery->port.port = options->port;
    discovery->port.serve = answer;
    discovery->port.ctx = discovery;
    CHECK(ipv4_parse(options->ip, &discovery->port.ip));
    if (!sim_alive(machine->sim) || !sim_listen(machine->sim, &discovery->port)) {
        free(discovery);
        return err_set(err, ERR_CONFLICT, "discovery port %s:%u is in use", options->ip,
                       options->port);
    }
    *out = discovery;
    return 0;
}

void discovery_free(struct discovery *discovery)
{
    if (discovery != NULL) {
        sim_unlisten(discovery->machine->sim, &discovery->port);
        sim_audience_leave(&discovery->subscribers);
        rows_deinit(&discovery->rows);
        free(discovery->answer);
        free(discovery);
    }
}

void discovery_changed(struct discovery *discovery)
{
    uint32_t version = discovery->cell->version;

    if (version != discovery->version_told) {
        discovery->version_told = version;
        sim_audience_say(&discovery->subscribers, "CONFIG-CHANGED %u", version);
    }
}

void discovery_joining(struct discovery *discovery, const char *uid)
{
    sim_audience_say(&discovery->subscribers, "JOIN-REQUESTED %s", uid);
}
