/*
 * sim - one simulated run: virtual time, chance, the network between machines, and the story.
 *
 * The whole of muster's daemons runs in one process: their edges (loop, etcd client, memd, clock,
 * log, random ids, probe; on the node side processes, health, partition, discovery, files) are
 * substituted at link time by functions of the same names, which end here. One seed gives one run,
 * byte for byte: nothing here reads a clock, the environment or the heap's addresses.
 *
 * Time stands still while a callback runs. Only events make it go on; of those that are due at the
 * same time the one that was planned first comes first.
 */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct sim;
struct sim_etcd;

/* ---- Faults: what chance and the steps may do; each has a name for --faults ---- */

#define SIM_FAULTS(X)                                                                   \
    X(CONTROLLER_CRASH, "controller-crash") /* at any effect: before it, after it */    \
    X(CONTROLLER_PAUSE, "controller-pause") /* stopped past its lease, continued */     \
    X(NET_LOSS, "net-loss")                                                             \
    X(NET_DELAY, "net-delay")                                                           \
    X(NET_DUPLICATE, "net-duplicate")                                                   \
    X(NET_PARTITION, "net-partition") /* one direction between two machines, or both */ \
    X(ETCD_QUORUM, "etcd-quorum")     /* lost for a while */                            \
    X(ETCD_UNKNOWN, "etcd-unknown")   /* a transaction's answer is lost */              \
    X(ETCD_COMPACT, "etcd-compact")                                                     \
    X(ETCD_RESTORE, "etcd-restore") /* from an older backup */                          \
    X(WATCH_END, "watch-end")                                                           \
    X(WATCH_STALL, "watch-stall") /* silent until it is renewed */                      \
    X(WATCH_DUPLICATE, "watch-duplicate")                                               \
    X(LEASE_EARLY, "lease-early")                                                       \
    X(LEASE_LATE, "lease-late")                                                         \
    X(CLOCK_JUMP, "clock-jump")                                                         \
    X(WATCHER_CRASH, "watcher-crash")                                                   \
    X(WATCHER_PAUSE, "watcher-pause")                                                   \
    X(MEMCACHED_CRASH, "memcached-crash")                                               \
    X(MEMCACHED_HANG, "memcached-hang")                                                 \
    X(MEMCACHED_SLOW, "memcached-slow") /* comes up slowly, or not at the first try */  \
    X(HOST_CRASH, "host-crash")         /* the machine; it may return with its files */ \
    X(STRANGER, "stranger")             /* somebody writes into inboxes and segments */

enum sim_fault {
#define X(name, text) SIM_##name,
    SIM_FAULTS(X)
#undef X
        SIM_FAULT_COUNT
};

#define SIM_FAULTS_ALL ((UINT64_C(1) << SIM_FAULT_COUNT) - 1)

const char *sim_fault_text(enum sim_fault fault);

/* ---- One run ---- */

struct sim_options {
    uint64_t seed;
    uint32_t steps;
    uint64_t faults; /* bits of enum sim_fault */
    bool walks;      /* it is a walk of specs: sim_walk.h */
    bool tracing;    /* the story is written to `trace_fd` */
    int trace_fd;
};

struct sim *sim_new(const struct sim_options *options);
void sim_free(struct sim *sim);

const struct sim_options *sim_options(const struct sim *sim);

/* The one etcd of the run, at place 0; sim_etcd.h. */
struct sim_etcd *sim_etcd(struct sim *sim);

/* Milliseconds since the run began. */
uint64_t sim_now_ms(const struct sim *sim);

/*
 * The run whose code is running: production code has no place for a context where it reads a
 * clock, asks for randomness or writes its log. There is one run at a time in a process.
 */
struct sim *sim_current(void);

/* ---- Chance: one stream for each use, so that one does not shift the other ---- */

enum sim_stream {
    SIM_CHANCE_WORLD,  /* what there is: hosts, clusters, settings */
    SIM_CHANCE_STEPS,  /* what happens next */
    SIM_CHANCE_NET,    /* ordinary delays */
    SIM_CHANCE_IDS,    /* what the programs draw themselves */
    SIM_CHANCE_NODES,  /* the modelled memcacheds, clients and hosts */
    SIM_CHANCE_FAULTS, /* and one more for each fault */
    SIM_CHANCE_COUNT = SIM_CHANCE_FAULTS + SIM_FAULT_COUNT
};

uint64_t sim_random(struct sim *sim, enum sim_stream stream);
/* 0 .. n - 1; 0 for n = 0. */
uint64_t sim_below(struct sim *sim, enum sim_stream stream, uint64_t n);
/* min .. max. */
uint64_t sim_between(struct sim *sim, enum sim_stream stream, uint64_t min, uint64_t max);
bool sim_chance(struct sim *sim, enum sim_stream stream, unsigned per_mille);

/* Whether the fault happens here and now; never while it is switched off or the world heals. */
bool sim_strikes(struct sim *sim, enum sim_fault fault, unsigned per_mille);
/* Never 0. */
uint64_t sim_hash(const char *bytes, size_t size);

/* More of that fault's own stream. */
uint64_t sim_fault_between(struct sim *sim, enum sim_fault fault, uint64_t min, uint64_t max);

/* ---- Parties: processes, each with its own clock, at a machine ---- */

#define SIM_PLACES_MAX 128
#define SIM_PARTY_NAME_MAX 23

typedef void sim_fn(void *ctx);

struct sim_machine;

/* What the clocks of healthy machines may be off, each way, at the end of a run as well. */
#define SIM_SKEW_MS_MAX 5000

/*
 * Lives as long as the run; the process in it may die and be started again. A process that dies
 * within its own callback goes on to the callback's end without any effect: every fake asks
 * sim_alive() first. Then `bury` frees it.
 */
struct sim_party {
    struct sim *sim;
    char name[SIM_PARTY_NAME_MAX + 1];
    unsigned place;
    bool alive;
    uint32_t incarnation;     /* of the process: one more with each sim_party_start() */
    int64_t wall_offset_ms;   /* of its wall clock from the true time */
    uint64_t paused_until_ms; /* nothing of it runs before */
    uint32_t effects_left;    /* it dies at this effect; 0: not planned */
    bool dies_after;          /* when the effect is done, not before */
    sim_fn *bury;
    void *ctx;
    struct sim_machine *machine; /* its files and processes; NULL: it has none */
};

void sim_party_init(struct sim *sim, struct sim_party *party, unsigned place, sim_fn *bury,
                    void *ctx, const char *fmt, ...) PRINTF_LIKE(6, 7);

/* Its process is started: alive, nothing planned. */
void sim_party_start(struct sim_party *party);

/* End its process here and now, without any last word; `bury` is called as soon as none of its
 * code runs (now, or when its callback returns). */
void sim_party_kill(struct sim_party *party);

void sim_party_pause(struct sim_party *party, uint64_t for_ms);

/* Whose code runs; NULL: the world's. */
struct sim_party *sim_running(const struct sim *sim);

/* Run `fn` as code of `party` now (nothing, when it is dead), and bury it when it died. */
void sim_run_as(struct sim_party *party, sim_fn *fn, void *ctx);

/* Whether the running party may still have effects; true for the world itself. */
bool sim_alive(const struct sim *sim);

/*
 * Around everything of the running party that others can see: a request, a file, a process.
 *     if (sim_effect_begins(sim, "put report")) { … do it … sim_effect_ends(sim); }
 * Either may be the instant of its death.
 */
bool sim_effect_begins(struct sim *sim, const char *what);
void sim_effect_ends(struct sim *sim);

/* ---- Events: the caller's memory, which must outlive being planned ---- */

struct sim_event {
    uint64_t at_ms;
    uint64_t order;
    size_t place;            /* in the queue, from 1; 0: not planned */
    struct sim_party *party; /* whose code it is; NULL: the world's */
    uint32_t incarnation;
    sim_fn *fn;
    void *ctx;
};

/* `party`: held while that is paused, dropped when that died or was started again. */
void sim_event_init(struct sim_event *event, struct sim_party *party, sim_fn *fn, void *ctx);
/* Plan it; a planned one is moved. */
void sim_event_plan(struct sim *sim, struct sim_event *event, uint64_t after_ms);
void sim_event_cancel(struct sim *sim, struct sim_event *event);
bool sim_event_planned(const struct sim_event *event);

/* Run the next event if it is due until `until_ms`; false: none is, and time is `until_ms` then. */
bool sim_next(struct sim *sim, uint64_t until_ms);

/* ---- The network between machines ---- */

/*
 * Place 0 is etcd, then come the controllers, then hosts, then clients' machines. Within one place
 * nothing is lost or cut. A machine that is down neither sends nor receives.
 */
unsigned sim_place_add(struct sim *sim);
void sim_place_set_up(struct sim *sim, unsigned place, bool up);
bool sim_place_is_up(const struct sim *sim, unsigned place);
unsigned sim_places(const struct sim *sim);
/* Nothing gets from one to the other for a while; what is on its way is lost, too. */
void sim_cut_for(struct sim *sim, unsigned from, unsigned to, uint64_t for_ms);
bool sim_is_cut(const struct sim *sim, unsigned from, unsigned to);

/*
 * Send: `arrive` is called with a copy of the body, once, or never, or twice (`may_repeat`), after
 * the network's delay; in the name of the world. Messages overtake each other.
 */
typedef void sim_arrive_fn(struct sim *sim, void *body);
void sim_send(struct sim *sim, unsigned from, unsigned to, bool may_repeat, sim_arrive_fn *arrive,
              const void *body, size_t size);

/*
 * Send `body` itself: `arrive` is called once or never, then `release` in any case. With a
 * `receiver` it arrives as that process's code: later when it is paused, never when it has died
 * meanwhile.
 */
struct sim_post {
    unsigned from;
    unsigned to;
    struct sim_party *receiver;
    bool in_stream; /* no loss and no delay but `delay_ms`: the sender keeps the order */
    uint64_t delay_ms;
    sim_arrive_fn *arrive;
    sim_fn *release;
    void *body;
};
void sim_post(struct sim *sim, const struct sim_post *post);

/* A delay such as sim_send() takes one. */
uint64_t sim_delay_ms(struct sim *sim, unsigned from, unsigned to);

/* Whether messages get from one machine to the other now. */
bool sim_carries(const struct sim *sim, unsigned from, unsigned to);

/* ---- Ports: what listens at an address, and asking it ---- */

enum sim_request_kind {
    SIM_REQUEST_VERSION,
    SIM_REQUEST_STATS,
    SIM_REQUEST_DELETE, /* `config delete cluster`: tells who answers discovery */
    SIM_REQUEST_CONFIG, /* `config get cluster`; the reply's value is the payload alone */
    SIM_REQUEST_GET,
    SIM_REQUEST_SET
};

struct sim_request {
    enum sim_request_kind kind;
    uint32_t client; /* the address of a client of the cluster; 0: it is one of our programs */
    const char *key; /* of GET and SET; the group of STATS */
    const char *value;
    size_t value_bytes;
    uint64_t listener; /* who has to be there, as a reply said; 0: anybody */
    uint32_t round;    /* of the connection, as its first reply said; 0: it is a new one */
};

enum sim_outcome {
    SIM_OK,
    SIM_NOT_FOUND,
    SIM_REFUSED,     /* it answered with an error line: `value` */
    SIM_UNREACHABLE, /* nothing listens there */
    SIM_TIMEOUT      /* no answer, whatever happened there */
};

struct sim_reply {
    enum sim_outcome outcome;
    const char *value; /* NUL-terminated behind value_bytes; NULL: none */
    size_t value_bytes;
    uint64_t listener; /* who has answered */
    uint32_t round;    /* of the module's gate when the connection was made (sim_gate.c) */
};

/* Answer a request; false: silence (it hangs). `out->value` must be valid until the next request.
 */
typedef bool sim_serve_fn(void *ctx, const struct sim_request *request, struct sim_reply *out);

struct sim_port {
    uint32_t ip; /* in host order, see ipv4_parse() */
    uint16_t port;
    unsigned place;
    sim_serve_fn *serve;
    void *ctx;
    struct sim_audience *audience; /* NULL: nobody is sent lines there; sim_wire.h */
    struct sim_port *next;         /* the registry's, as is: */
    uint64_t listener;             /* of all that ever listened, which one it is */
};

/* The caller's memory. false: the address is in use. */
MUST_USE bool sim_listen(struct sim *sim, struct sim_port *port);
void sim_unlisten(struct sim *sim, struct sim_port *port);
/* `count` addresses from `ip_first` on belong to a machine, also when nothing listens there. */
void sim_addresses(struct sim *sim, uint32_t ip_first, uint32_t count, unsigned place);

struct sim_ask;
typedef void sim_ask_fn(void *ctx, const struct sim_reply *reply);

/*
 * Ask as the running party (the request is copied); `done` comes once, later, as that party's code,
 * unless it is dropped or dies. To be freed never: it frees itself after `done`.
 */
struct sim_ask *sim_ask(struct sim *sim, uint32_t ip, uint16_t port,
                        const struct sim_request *request, uint64_t timeout_ms, sim_ask_fn *done,
                        void *ctx);
void sim_ask_drop(struct sim *sim, struct sim_ask *ask);

/* Be told of each write of a program to a partition that is not its machine's affair alone. */
typedef void sim_write_fn(void *ctx, uint32_t ip, uint16_t port, const struct sim_request *request);
void sim_writes_tell(struct sim *sim, sim_write_fn *fn, void *ctx);

/* How often in a row the party has probed that port in vain; 0 also when it does not probe. */
unsigned sim_probed_in_vain(struct sim *sim, const struct sim_party *party, uint32_t ip,
                            uint16_t port);

/* ---- The story, and promises that are broken ---- */

/* One line of the trace, with time and party before it. Arguments are evaluated only when wanted.
 */
#define sim_trace(sim, ...)                      \
    do {                                         \
        if (sim_options(sim)->tracing) {         \
            sim_trace_write((sim), __VA_ARGS__); \
        }                                        \
    } while (0)
void sim_trace_write(struct sim *sim, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* A promise ("P3") does not hold. The first one counts, and ends the run. */
void sim_broken(struct sim *sim, const char *promise, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* "" while all hold, else "P3: …". */
const char *sim_broken_text(const struct sim *sim);

/* From now on nothing bad happens any more. */
void sim_heal(struct sim *sim);
bool sim_healing(const struct sim *sim);

#endif
