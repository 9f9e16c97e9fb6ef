/*
 * sim_machine - one modelled machine: its disk, its partitions in memory, its memcacheds.
 *
 * What a watcher does through base/file.h, watcher/partition_files.h and proc/proc.h happens at the
 * machine of the running party. All of it survives the watcher; files alone survive the machine.
 * Paths are plain texts: a directory is there when something is below it.
 */
#ifndef SIM_SIM_MACHINE_H
#define SIM_SIM_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "discovery/inbox.h"
#include "discovery/names.h"
#include "discovery/pollers.h"
#include "discovery/segment.h"
#include "model/name.h"
#include "proc/proc.h"
#include "sim/sim.h"

#define SIM_MEMCACHED_VERSION "1.6.18"

struct partition_files;

/* ---- The disk ---- */

struct sim_file {
    struct sim_file *next; /* in the order of paths */
    char *path;
    char *bytes;
    size_t size;
    uint64_t written_ms;
};

/* ---- Partitions ---- */

/* What is served: the bytes of both are one block. */
struct sim_copy {
    uint64_t generation; /* one number for each content ever; 0: none */
    struct segment_cell cell;
    char *bytes;
};

struct sim_inbox_entry {
    uint64_t order;               /* 0: free */
    char uid[JOIN_UID_CHARS + 1]; /* of who wants to join; "": it is a configuration */
    char *value;
    size_t value_bytes;
};

struct sim_partition {
    struct sim_partition *next;
    char *dir;
    bool has_segment; /* a readable one */
    bool off;         /* the kill switch was removed */
    struct sim_copy segment;
    bool has_inbox;
    uint32_t writes;
    uint32_t version_max; /* that was ever in force, of this cluster: */
    char cluster[CLUSTER_NAME_MAX + 1];
    struct sim_inbox_entry ring[INBOX_RING];
    struct sim_inbox_entry joins[INBOX_RING];
    uint32_t joins_written;
    struct partition_files *followed_by; /* of the watcher that runs; NULL */
    uint64_t id;                         /* of this one among all that ever were on any machine */
    bool has_tally;
    struct pollers tally; /* as the module keeps it, in a file beside the segment */
    uint64_t tally_since_s;
};

/* ---- memcacheds ---- */

enum sim_memcached_state {
    SIM_MEMCACHED_STARTING,
    SIM_MEMCACHED_SERVING,
    SIM_MEMCACHED_HUNG, /* it listens, and answers nothing */
};

struct sim_memcached {
    struct sim_memcached *next;
    struct sim_machine *machine;
    pid_t pid;
    char cluster[CLUSTER_NAME_MAX + 1];
    uint32_t slot;
    char *args;          /* one line */
    char *partition_dir; /* that the module was told; NULL: it runs without */
    char *log_path;
    struct sim_port port;
    enum sim_memcached_state state;
    struct sim_event life; /* its next turn: it listens, or ends */
    bool dooms;            /* `life` ends it */
    int status;            /* that it will end with */
    bool asked_to_end;     /* by SIGTERM */
    uint64_t begun_ms;     /* when it was started */
    uint64_t steady_ms;    /* since when it is in its state */
    struct sim_copy copy;  /* the module's own, last good one */
    bool shut;             /* the module's gate, as it was found last */
    uint32_t round;        /* ends when the gate is shut */
    char *item;            /* muster:config as an ordinary item; NULL: none */
    size_t item_bytes;
    struct proc *watched_by;
};

/* What the world around a machine wants to know of it, or knows. */
struct sim_machine_world {
    /* A configuration was put into the segment of the partition `dir`; its version may be 0. */
    void (*in_force)(void *ctx, struct sim_machine *machine, const char *dir,
                     const struct segment_cell *cell);
    /* It is about to be sent `signum` by the watcher. */
    void (*ending)(void *ctx, const struct sim_memcached *memcached, int signum);
    /* It was started. */
    void (*begun)(void *ctx, const struct sim_memcached *memcached);
    /* A client was handed `version` by the node that has the partition, at either port. */
    void (*handed)(void *ctx, uint32_t client, const struct sim_partition *partition,
                   uint32_t version);
    /* How many clients are connected there. */
    size_t (*clients)(void *ctx, uint32_t ip, uint16_t port);
    void *ctx;
};

/* What is known for ever of a memcached, by its pid. */
struct sim_life {
    bool answered;    /* anything */
    uint32_t version; /* the highest that was read there as a record, in it or beside it */
};

struct sim_machine {
    struct sim *sim;
    struct sim_machine_world world;
    unsigned place;
    struct sim_file *files;
    struct sim_partition *partitions;
    struct sim_memcached *memcacheds;
    bool no_program;        /* memcached is not installed just now */
    pid_t pids;             /* the last one that was given */
    uint64_t generations;   /* of segments */
    uint64_t orders;        /* of inbox entries */
    struct sim_life *lives; /* one for each pid that was given */
    size_t lives_capacity;
    char text[128]; /* of the last answer that was made up */
};

void sim_machine_init(struct sim_machine *machine, struct sim *sim, unsigned place,
                      const struct sim_machine_world *world);
void sim_machine_deinit(struct sim_machine *machine);

/* Processes and memory are gone at once; the disk stays, but for what was written just before: it
 * may be as if it was never written, or empty. No watcher runs there any more. */
void sim_machine_lose_power(struct sim_machine *machine);

/* The machine of the running party. */
struct sim_machine *sim_machine_here(void);

/* ---- sim_disk.c ---- */

/* What the machine itself does, at no effect of a party. */
void sim_disk_put(struct sim_machine *machine, const char *path, const char *bytes, size_t size);
struct sim_file *sim_disk_find(struct sim_machine *machine, const char *path);
void sim_disk_remove(struct sim_machine *machine, const char *path);
void sim_disk_lose_power(struct sim_machine *machine);
void sim_disk_deinit(struct sim_machine *machine);

/* ---- sim_partition.c ---- */

struct sim_partition *sim_partition_find(struct sim_machine *machine, const char *dir);

bool sim_partition_is_of(const struct sim_partition *partition, const char *cluster);

/* A write that came in through the protocol, of a configuration, or of a request to join when `uid`
 * is not ""; false: there is no inbox. */
bool sim_partition_put(struct sim_machine *machine, const char *dir, const char *uid,
                       const char *value, size_t value_bytes);

/* What a reader with a copy of its own does: take the segment over, if it is another and whole. */
void sim_partition_read(struct sim_machine *machine, const char *dir, struct sim_copy *copy);
void sim_copy_clear(struct sim_copy *copy);

/* Whether a client asks; who it is. */
bool sim_polls(const struct sim_request *request, struct poller_peer *out);

/* What others may do to the files. */
void sim_partition_break_segment(struct sim_machine *machine, struct sim_partition *partition);
void sim_partition_overwrite(struct sim_machine *machine, struct sim_partition *partition,
                             const struct segment_cell *cell);
void sim_partition_remove_inbox(struct sim_machine *machine, struct sim_partition *partition);
void sim_partitions_deinit(struct sim_machine *machine);

/* ---- sim_memcached.c ---- */

#define SIM_STATE_DIR "/state"
#define SIM_PARTITION_DIR "/partitions"
#define SIM_SIDECAR_DIR "/partition" /* of the one node beside a sidecar */
#define SIM_TOKENS_DIR "/tokens"

/* NULL: no such pid was ever given. */
struct sim_life *sim_life_of(struct sim_machine *machine, int64_t pid);

/* Start one as a watcher asks for it. */
struct sim_memcached *sim_memcached_start(struct sim_machine *machine,
                                          const struct proc_spec *spec);
/* Its watcher sends it SIGTERM or SIGKILL. */
void sim_memcached_signal(struct sim_memcached *memcached, int signum);
/* The arguments as one line; to be freed. */
char *sim_args_text(const char *const *argv);
/* It dies, or stops answering until it is killed. */
void sim_memcached_crash(struct sim_memcached *memcached);
void sim_memcached_hang(struct sim_memcached *memcached);
void sim_memcached_recover(struct sim_memcached *memcached);
/* The one that listens there. */
struct sim_memcached *sim_memcached_at(struct sim_machine *machine, const char *ip, uint16_t port);
void sim_memcacheds_deinit(struct sim_machine *machine);
/* ---- sim_gate.c ---- */

/* The operator removes or makes the kill switch of a partition. */
void sim_gate_flip(struct sim_partition *partition);
/* A connection whose bytes all pass to memcached: it answers as if there was no module. Returns
 * whether it did; else, and for what memcached answers anyhow, the rest is told as always. */
bool sim_gate_answers(struct sim_memcached *memcached, const struct sim_request *request,
                      struct sim_reply *out);

/* The discovery port beside one has answered. */
void sim_memcached_answered_beside(struct sim_machine *machine, uint32_t ip,
                                   uint16_t discovery_port, const struct sim_request *request,
                                   const struct segment_cell *cell);

/* Who watches is told that it ended, or is never told: its machine is gone. sim_proc.c. */
void sim_proc_ended(struct proc *proc, int status);
void sim_proc_lost(struct proc *proc);

/* Answer what is asked of a partition that serves `cell`; false: something else is asked. */
bool sim_partition_answer(struct sim_machine *machine, const char *dir,
                          const struct segment_cell *cell, const struct sim_request *request,
                          struct sim_reply *out);

#endif
