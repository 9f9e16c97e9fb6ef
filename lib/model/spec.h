/*
 * spec - what an operator wants a cluster to be.
 *
 * Plain data; all texts and lists belong to the arena they were made in and live
 * as long as it does. A spec in this form is complete: defaults are filled in, and
 * spec_check() holds. docs/spec.md is its reference for users.
 */
#ifndef MODEL_SPEC_H
#define MODEL_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define SPEC_NODES_MAX 1024
#define SPEC_LABELS_MAX 32
#define SPEC_HOSTS_MAX 256
#define SPEC_EXTRA_ARGS_MAX 32
#define SPEC_EXTRA_ARG_BYTES_MAX 256

#define SPEC_MEMORY_BYTES_DEFAULT (UINT64_C(64) << 20)
#define SPEC_MEMORY_BYTES_MIN (UINT64_C(8) << 20)
#define SPEC_MEMORY_BYTES_MAX (UINT64_C(4) << 40)
#define SPEC_THREADS_DEFAULT 4
#define SPEC_THREADS_MAX 64
#define SPEC_CONNECTIONS_DEFAULT 1024
#define SPEC_CONNECTIONS_MIN 24
/* memcached 1.6.18 counts its own descriptors, 5 a thread, as connections. */
#define SPEC_CONNECTIONS_PER_THREAD_MIN 8
#define SPEC_CONNECTIONS_MAX 1000000
#define SPEC_ITEM_BYTES_DEFAULT (UINT64_C(1) << 20)
#define SPEC_ITEM_BYTES_MIN SPEC_ITEM_BYTES_STEP
#define SPEC_ITEM_BYTES_MAX (UINT64_C(1) << 30)
/* memcached takes whole MiB of memory, and for the size of items whole chunks only. */
#define SPEC_MEMORY_BYTES_STEP (UINT64_C(1) << 20)
#define SPEC_ITEM_BYTES_STEP (UINT64_C(512) << 10)
#define SPEC_UNAVAILABLE_DEFAULT 1
#define SPEC_SURGE_DEFAULT 1
/* Polling clients ask every 60 s and may need 50 s more to act (AWS Java). */
#define SPEC_DRAIN_MS_DEFAULT 120000
#define SPEC_CONVERGE_TIMEOUT_MS_DEFAULT 30000
#define SPEC_FAIL_AFTER_MS_DEFAULT 30000
#define SPEC_PROGRESS_DEADLINE_MS_DEFAULT 600000
#define SPEC_TIMEOUT_MS_MIN 1000 /* of all durations but drain, which may be 0 */
#define SPEC_DURATION_MS_MAX 86400000

enum spec_spread { SPEC_SPREAD_ZONE, SPEC_SPREAD_HOST };

/* Who may be a node: what muster placed alone, also a memcached that asks to join, or only such. */
enum spec_membership { SPEC_MEMBERSHIP_MANAGED, SPEC_MEMBERSHIP_JOINABLE, SPEC_MEMBERSHIP_JOINED };

/* When a leaver has lost its clients, within the time that it has to lose them: with its last
 * connection; when besides all that polled lately were told that it left; or never before. */
enum spec_drain_ends { SPEC_DRAIN_CLIENTS, SPEC_DRAIN_EVIDENCE, SPEC_DRAIN_TIME };

/* How the cluster's clients say that they spread keys over nodes. A declaration for those who look:
 * nodes, configuration and rollout don't depend on it. */
enum spec_hashing { SPEC_HASHING_KETAMA, SPEC_HASHING_MODULO, SPEC_HASHING_RENDEZVOUS };

struct label {
    const char *name;
    const char *value;
};

/* What a memcached is started with; a change of any of it means a restart of the node. */
struct node_settings {
    uint64_t memory_bytes;
    uint32_t threads;
    uint32_t connections_max;
    uint64_t item_bytes_max;
    const char *const *extra_args; /* each one argument of memcached, from the allow-list */
    size_t extra_args_count;
    uint64_t restart_ms; /* wall clock of the operator who wanted a new start; 0: nobody. No field
                            of a document: specs of documents have 0. */
};

struct spec {
    const char *name;
    const struct label *labels; /* in order of their names */
    size_t labels_count;
    uint32_t nodes; /* that there are to be; spec_placed() of them are muster's to place */
    enum spec_membership membership;
    uint32_t nodes_max; /* those that joined included; 0 unless joinable */
    struct node_settings settings;
    enum spec_spread spread_by;
    const char *const *hosts; /* where nodes may run; none: on every host */
    size_t hosts_count;
    const struct label *host_labels; /* that a host must have; in order of their names */
    size_t host_labels_count;
    uint32_t unavailable_max; /* nodes that muster may have down at once, by itself */
    uint32_t surge_max;       /* nodes beyond `nodes` that may run during a change */
    uint64_t drain_ms;        /* how long a leaver may keep its clients */
    enum spec_drain_ends drain_ends;
    uint64_t converge_timeout_ms;  /* how long one slow node may hold up the others */
    uint64_t progress_deadline_ms; /* how long a rollout may show no progress before it stops */
    uint64_t fail_after_ms; /* how long a node is silent and unreachable before it is replaced */
    const char *domain;     /* "" : hostnames are the addresses */
    enum spec_hashing hashing;
};

#define SPEC_SOURCES_MAX 8   /* managers that apply documents */
#define SPEC_MANAGERS_MAX 16 /* all of them */
#define SPEC_MANAGER_NAME_MAX 63
#define SPEC_MANAGED_MAX 128         /* fields of one manager; each label is one */
#define SPEC_MANAGED_BYTES_MAX 65536 /* of a value */

/* A field that a manager has set, and what to. */
struct managed_field {
    const char *path;  /* as in spec_field.h, a label's with its name: "metadata.labels.team" */
    const char *value; /* as in a document, in one line; a label's as it is */
};

/* Who has set fields of a spec: a source that applies documents, or a verb that changes some. */
struct spec_manager {
    const char *name;
    bool applies;                       /* `fields` is what its last document said */
    const struct managed_field *fields; /* in the order of a document */
    size_t fields_count;
};

/* The stored form: what `clusters/<c>/spec` holds. */
struct spec_record {
    struct spec spec;
    const char *uid;     /* of this incarnation of the cluster */
    uint64_t generation; /* 1, and one more with each change of `spec` */
    uint64_t created_ms;
    uint64_t changed_ms;   /* when this generation was made */
    bool deleting;         /* deletion was asked for; there is no way back */
    bool paused;           /* no node is taken down, or gets a successor, for new settings */
    uint64_t resumed_ms;   /* a rollout that made no progress was told to go on then; 0: never.
                              On the operator's clock: what counts is that it changes. */
    uint64_t confirmed_ms; /* nodes that were dead then are dead, also in a mass failure; 0: none */
    const struct spec_manager *managers; /* for those who write specs; nothing else looks at them */
    size_t managers_count;               /* 0 also in what older releases wrote */
};

/*
 * Whether both are the same start of memcached, order of extra arguments included.
 */
bool node_settings_equal(const struct node_settings *a, const struct node_settings *b);

/*
 * Whether a node with settings `have` need not be started anew for `wanted`: they are the same, but
 * that it may have been started anew later than is wanted. (etcd may have forgotten that wish.)
 */
bool node_settings_meet(const struct node_settings *have, const struct node_settings *wanted);

/* How many nodes muster places: the slots 1..n. The others are for who joins. */
uint32_t spec_placed(const struct spec *spec);
/* Whether a memcached may join. */
bool spec_is_open(const struct spec *spec);

/* Whether both ask for the same cluster. */
bool spec_equal(const struct spec *a, const struct spec *b);

#define SPEC_PATH_SIZE 128
#define SPEC_MISTAKE_SIZE 384

/* Told of each mistake: where ("spec.placement.hosts[2]") and what. */
typedef void spec_mistake_fn(void *ctx, const char *path, const char *text);

/*
 * Tell of everything that is wrong with `spec`: bounds of the fields, names, and the rules over
 * several fields, among them every combination that memcached 1.6.18 refuses to start with.
 */
void spec_check_each(const struct spec *spec, spec_mistake_fn *mistake, void *ctx);

/* The first mistake as ERR_INVALID, "spec.nodes: must be between 1 and 1024, got 0"; or 0. */
MUST_USE int spec_check(const struct spec *spec, struct err *err);

/* The same for the settings alone, as an intent has them. */
MUST_USE int node_settings_check(const struct node_settings *settings, struct err *err);

/*
 * Whether an extra argument of memcached is on the allow-list: options that neither
 * move its port, its user, its memory or its module, nor open files.
 * `value` is the argument that follows it, or NULL. Returns 1 when the option takes the
 * following argument as its value, 0 when it stands alone, ERR_INVALID when it is refused.
 */
MUST_USE int spec_extra_arg_check(const char *arg, const char *value, struct err *err);

#endif
