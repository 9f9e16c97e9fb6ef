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
    const struct segment_cell *cell;
    uint32_t version_told;
    char dir[PATH_BYTES];
};

static bool answer(void *ctx, const struct sim_request *request, struct sim_reply *out)
{
    struct discovery *discovery = ctx;

    if (sim_now_ms(discovery->machine->sim) < discovery->party->paused_until_ms) {
        return false;
    }
    if (sim_partition_answer(discovery->machine, discovery->dir, discovery->cell, request, out)) {
        sim_memcached_answered_beside(discovery->machine, discovery->port.ip, discovery->port.port,
                                      request, discovery->cell);
    } else {
        out->outcome = SIM_REFUSED;
        out->value = "ERROR";
        out->value_bytes = strlen(out->value);
    }
    return true;
}

static void greet(void *ctx, struct sim_wire *wire)
{
    const struct discovery *discovery = ctx;

    sim_wire_say(wire, "CONFIG-CHANGED %u", discovery->cell->version);
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
