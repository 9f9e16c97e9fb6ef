#include "watcher/partition.h"

#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/check.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "codec/model_json.h"
#include "discovery/inbox.h"
#include "discovery/names.h"
#include "discovery/segment.h"
#include "watcher/judge.h"

#define DECODE_BYTES_MAX (8U << 20)
#define NAMES_ARENA_BYTES (64U << 10)
#define EVENT_BYTES 4096

struct partitions {
    int inotify;
    struct loop_fd *watch;
    struct partitions_options options;
    struct partition *first;
};

struct partition {
    struct partitions *set;
    struct partition *next;
    char cluster[CLUSTER_NAME_MAX + 1];
    char uid[UID_TEXT_SIZE];
    uint32_t slot;
    struct arena names;
    const char *above; /* the cluster's directory */
    const char *dir;
    const char *inbox;
    const char *segment;
    int fd;                   /* of the segment */
    int wd;                   /* of the inbox */
    struct segment_cell cell; /* what is in force, as the segment should hold it */
    char *cell_bytes;
    uint64_t epoch;
    uint32_t version;
    uint32_t version_seen;
    char digest[CONFIG_DIGEST_SIZE];
    struct partition_events events;
    void *ctx;
};

bool partitions_in_memory(const char *dir)
{
    struct statfs info;

    return statfs(dir, &info) == 0 && (info.f_type == TMPFS_MAGIC || info.f_type == RAMFS_MAGIC);
}

/* ---- What may be served ---- */

static struct partition_id id_of(const struct partition *p)
{
    return (struct partition_id){ .cluster = p->cluster, .slot = p->slot, .uid = p->uid };
}

/* Keep a copy of what is put in force. It can be put there again, whatever happens to the file. */
static int keep_cell(struct partition *p, const struct config *config, const struct str *record,
                     struct err *err)
{
    char *bytes = mem_alloc(config->payload_bytes + record->size + 1);

    if (bytes == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    memcpy(bytes, config->payload, config->payload_bytes);
    memcpy(bytes + config->payload_bytes, str_text(record), record->size);
    free(p->cell_bytes);
    p->cell_bytes = bytes;
    p->cell = (struct segment_cell){ .version = config->head.version,
                                     .payload = bytes,
                                     .payload_bytes = config->payload_bytes,
                                     .record = bytes + config->payload_bytes,
                                     .record_bytes = record->size };
    return 0;
}

static int note_served(struct partition *p, const struct config *config, const struct str *record,
                       struct err *err)
{
    int rv = keep_cell(p, config, record, err);

    if (rv < 0) {
        return rv;
    }
    p->epoch = config->head.epoch;
    p->version = config->head.version;
    (void)snprintf(p->digest, sizeof(p->digest), "%s", config->digest);
    if (p->version_seen < p->version) {
        p->version_seen = p->version;
    }
    return 0;
}

static void note_nothing(struct partition *p)
{
    p->epoch = 0;
    p->version = 0;
    p->digest[0] = '\0';
    p->cell = (struct segment_cell){ 0 };
}

/* ---- The segment ---- */

/* Whether readers find in the file, by its name, what is in force. */
static bool segment_is_good(const struct partition *p)
{
    struct segment_head head;

    if (!segment_linked(p->fd) || segment_peek(p->fd, &head) != 0) {
        return false;
    }
    return head.version == p->cell.version && head.payload_bytes == p->cell.payload_bytes &&
           head.record_bytes == p->cell.record_bytes;
}

/* A segment that somebody deleted, replaced or cut is made anew. */
static int remake_segment(struct partition *p, struct err *err)
{
    int fd;
    int rv = segment_create(p->segment, &fd, err);

    if (rv < 0) {
        return rv;
    }
    rv = segment_write(fd, &p->cell, err);
    if (rv < 0) {
        (void)close(fd);
        return rv;
    }
    (void)close(p->fd);
    p->fd = fd;
    return 0;
}

static int write_segment(struct partition *p, const struct segment_cell *cell, struct err *err)
{
    int rv = segment_is_good(p) ? 0 : remake_segment(p, err);

    return rv < 0 ? rv : segment_write(p->fd, cell, err);
}

/* Decode, judge, and put in force when it may be. Outcomes and failures as judge_config(). */
static int offer(struct partition *p, const char *bytes, size_t size, struct arena *arena,
                 struct err *err)
{
    CLEANUP(str_deinit) struct str record;
    struct partition_id id = id_of(p);
    struct served served = partition_served(p);
    struct segment_cell cell;
    struct config config;
    int rv;

    str_init(&record, CONFIG_RECORD_BYTES_MAX);
    rv = json_decode_config(bytes, size, arena, &config, err);
    if (rv < 0) {
        return rv;
    }
    rv = judge_config(&config, p->set->options.keys, &id, &served, p->version_seen, err);
    if (rv != 0) {
        return rv;
    }
    rv = json_encode_config(&config, &record, err);
    if (rv < 0) {
        return rv;
    }
    cell = (struct segment_cell){ .version = config.head.version,
                                  .payload = config.payload,
                                  .payload_bytes = config.payload_bytes,
                                  .record = str_text(&record),
                                  .record_bytes = record.size };
    rv = write_segment(p, &cell, err);
    return rv < 0 ? rv : note_served(p, &config, &record, err);
}

/* ---- The inbox ---- */

static void take_entry(struct partition *p, const char *name, char *buffer)
{
    CLEANUP(arena_deinit) struct arena arena;
    struct inbox_entry entry;
    struct err err;
    int rv;

    arena_init(&arena, DECODE_BYTES_MAX);
    rv = inbox_take(p->inbox, name, buffer, &entry, &err);
    if (rv == ERR_NOT_FOUND) {
        return;
    }
    if (rv == 0) {
        rv = offer(p, entry.value, entry.value_bytes, &arena, &err);
    }
    if (rv < 0) {
        p->events.refused(p->ctx, &err);
    } else {
        p->events.served(p->ctx, rv == 1);
    }
}

static bool is_config(const char *name)
{
    return strncmp(name, "config.", strlen("config.")) == 0;
}

void partition_look(struct partition *p)
{
    CLEANUP(mem_free_p) char *buffer = NULL;
    struct inbox_list list;
    struct err err;
    size_t i;

    if (inbox_scan(p->inbox, &list, &err) != 0) {
        return;
    }
    for (i = 0; i < list.count; i++) {
        if (!is_config(list.names[i])) {
            continue;
        }
        if (buffer == NULL) {
            buffer = mem_alloc(INBOX_BUFFER_BYTES);
        }
        if (buffer != NULL) {
            take_entry(p, list.names[i], buffer);
        }
    }
}

/* Somebody removed the inbox: without it, no push arrives any more. */
static void heal(struct partition *p)
{
    struct err err;

    p->wd = -1;
    if (partition_repair(p, &err) < 0) {
        p->events.refused(p->ctx, &err);
    }
}

static void look_at_watch(struct partitions *set, const struct inotify_event *event)
{
    struct partition *p;

    for (p = set->first; p != NULL; p = p->next) {
        bool meant = p->wd == event->wd;

        if (meant && (event->mask & IN_IGNORED) != 0) {
            heal(p);
        }
        if (meant || (event->mask & IN_Q_OVERFLOW) != 0) {
            partition_look(p);
        }
    }
}

static void on_inotify(void *ctx, unsigned events)
{
    struct partitions *set = ctx;
    char bytes[EVENT_BYTES] __attribute__((aligned(__alignof__(struct inotify_event))));
    ssize_t got = read(set->inotify, bytes, sizeof(bytes));
    int looked_at = -1;
    ssize_t at = 0;

    (void)events;
    while (at < got) {
        struct inotify_event event;
        const char *name;

        memcpy(&event, bytes + at, sizeof(event));
        name = bytes + at + sizeof(event);
        at += (ssize_t)(sizeof(event) + event.len);
        if (0 < event.len && name[0] == '.') {
            continue; /* an entry that is being taken */
        }
        /* One look takes in all that the directory holds. */
        if (event.mask != IN_MOVED_TO || event.wd != looked_at) {
            look_at_watch(set, &event);
        }
        looked_at = event.wd;
    }
}

/* ---- Files ---- */

static int make_inbox(struct partition *p, struct err *err)
{
    struct partitions *set = p->set;

    if (mkdir(p->inbox, 0700) < 0 && errno != EEXIST) {
        return err_set(err, ERR_IO, "make %s: %s", p->inbox, strerror(errno));
    }
    if (geteuid() == 0 && chown(p->inbox, set->options.uid, set->options.gid) < 0) {
        return err_set(err, ERR_IO, "give %s to memcached's user: %s", p->inbox, strerror(errno));
    }
    /* Watching a directory that is watched already gives the same descriptor. */
    p->wd = inotify_add_watch(set->inotify, p->inbox, IN_MOVED_TO | IN_ONLYDIR);
    if (p->wd < 0) {
        return err_set(err, ERR_IO, "watch %s: %s", p->inbox, strerror(errno));
    }
    return 0;
}

static int clear_segment(struct partition *p, struct err *err)
{
    note_nothing(p);
    return segment_write(p->fd, &p->cell, err);
}

/* The content of segment `fd` in `*bytes` (payload, then record); NULL when there is none. */
static void read_segment(int fd, struct segment_head *head, char **bytes)
{
    char *buffer;

    *bytes = NULL;
    if (segment_peek(fd, head) != 0 || head->version == 0) {
        return;
    }
    buffer = mem_alloc((size_t)head->payload_bytes + head->record_bytes + 1);
    if (buffer != NULL && segment_read(fd, head, buffer) == 0) {
        *bytes = TAKE(buffer);
    }
    free(buffer);
}

/* Whether what the segment holds is what `config` says, so that it may stay. */
static int check_segment(struct partition *p, const struct segment_head *head, const char *bytes,
                         struct arena *arena, struct err *problem)
{
    CLEANUP(str_deinit) struct str record;
    const struct served nothing = { 0, 0, "" };
    struct partition_id id = id_of(p);
    struct config config;
    int rv;

    str_init(&record, CONFIG_RECORD_BYTES_MAX);
    rv = json_decode_config(bytes + head->payload_bytes, head->record_bytes, arena, &config,
                            problem);
    if (rv == 0) {
        rv = envelope_verify(&config, p->set->options.keys, problem);
    }
    if (rv < 0) {
        return rv;
    }
    if (strcmp(config.head.cluster, p->cluster) == 0 && p->version_seen < config.head.version) {
        p->version_seen = config.head.version;
    }
    rv = judge_config(&config, p->set->options.keys, &id, &nothing, p->version_seen, problem);
    if (rv < 0) {
        return rv;
    }
    rv = json_encode_config(&config, &record, problem);
    if (rv < 0) {
        return rv;
    }
    if (head->version != config.head.version || head->payload_bytes != config.payload_bytes ||
        head->record_bytes != record.size ||
        memcmp(bytes, config.payload, config.payload_bytes) != 0 ||
        memcmp(bytes + head->payload_bytes, str_text(&record), record.size) != 0) {
        return err_set(problem, ERR_INVALID, "payload and record do not belong together");
    }
    return note_served(p, &config, &record, problem);
}

/* Take over what an earlier watcher put in force, or clear it. */
static int inherit(struct partition *p, struct err *problem, struct err *err)
{
    CLEANUP(arena_deinit) struct arena arena;
    CLEANUP(mem_free_p) char *bytes = NULL;
    struct segment_head head;

    arena_init(&arena, DECODE_BYTES_MAX);
    *problem = (struct err){ 0 };
    note_nothing(p);
    read_segment(p->fd, &head, &bytes);
    if (bytes == NULL) {
        return 0;
    }
    if (check_segment(p, &head, bytes, &arena, problem) < 0) {
        return clear_segment(p, err);
    }
    return 0;
}

int partition_repair(struct partition *p, struct err *err)
{
    int rv = dir_make(p->dir, err);

    if (rv == 0) {
        rv = make_inbox(p, err);
    }
    if (rv == 0 && !segment_is_good(p)) {
        rv = remake_segment(p, err);
    }
    return rv;
}

/* ---- Lifecycle ---- */

int partitions_new(struct loop *loop, const struct partitions_options *options,
                   struct partitions **out, struct err *err)
{
    CLEANUP(partitions_free_p) struct partitions *set = NULL;
    int rv;

    rv = dir_make(options->dir, err);
    if (rv < 0) {
        return rv;
    }
    set = mem_alloc(sizeof(*set));
    if (set == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    set->options = *options;
    set->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (set->inotify < 0) {
        return err_set(err, ERR_IO, "inotify: %s", strerror(errno));
    }
    rv = loop_fd_new(loop, set->inotify, on_inotify, set, &set->watch, err);
    if (rv < 0) {
        return rv;
    }
    loop_fd_want(set->watch, LOOP_READABLE);
    *out = TAKE(set);
    return 0;
}

void partitions_free(struct partitions *set)
{
    if (set == NULL) {
        return;
    }
    CHECK(set->first == NULL);
    loop_fd_free(set->watch);
    fd_close_p(&set->inotify);
    free(set);
}

static int name_files(struct partition *p, const struct partition_id *id, struct err *err)
{
    const char *root = p->set->options.dir;
    char slot[SLOT_TEXT_SIZE];

    slot_format(id->slot, slot);
    (void)snprintf(p->cluster, sizeof(p->cluster), "%s", id->cluster);
    (void)snprintf(p->uid, sizeof(p->uid), "%s", id->uid);
    p->slot = id->slot;
    p->above = arena_printf(&p->names, "%s/%s", root, id->cluster);
    p->dir = arena_printf(&p->names, "%s/%s/%s", root, id->cluster, slot);
    p->inbox = arena_printf(&p->names, "%s/%s", p->dir, PARTITION_INBOX);
    p->segment = arena_printf(&p->names, "%s/%s", p->dir, PARTITION_SEGMENT);
    if (p->above == NULL || p->dir == NULL || p->inbox == NULL || p->segment == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    return 0;
}

int partition_open(struct partitions *set, const struct partition_id *id, uint32_t version_seen,
                   const struct partition_events *events, void *ctx, struct partition **out,
                   struct err *problem, struct err *err)
{
    CLEANUP(partition_free_p) struct partition *p = mem_alloc(sizeof(*p));
    int rv;

    if (p == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    p->set = set;
    p->fd = -1;
    p->wd = -1;
    p->events = *events;
    p->ctx = ctx;
    p->version_seen = version_seen;
    p->next = set->first;
    set->first = p;
    arena_init(&p->names, NAMES_ARENA_BYTES);
    rv = name_files(p, id, err);
    if (rv == 0) {
        rv = dir_make(p->dir, err);
    }
    if (rv == 0) {
        rv = segment_create(p->segment, &p->fd, err);
    }
    if (rv == 0) {
        rv = inherit(p, problem, err);
    }
    if (rv == 0) {
        rv = make_inbox(p, err);
    }
    if (rv < 0) {
        return rv;
    }
    *out = TAKE(p);
    return 0;
}

void partition_free(struct partition *p)
{
    struct partition **at;

    if (p == NULL) {
        return;
    }
    for (at = &p->set->first; *at != p; at = &(*at)->next) {
        CHECK(*at != NULL);
    }
    *at = p->next;
    if (0 <= p->wd) {
        (void)inotify_rm_watch(p->set->inotify, p->wd);
    }
    fd_close_p(&p->fd);
    free(p->cell_bytes);
    arena_deinit(&p->names);
    free(p);
}

void partition_remove(struct partition *p)
{
    struct inbox_list list;
    char path[PATH_MAX];
    size_t i;

    if (inbox_scan(p->inbox, &list, NULL) == 0) {
        for (i = 0; i < list.count; i++) {
            if (snprintf(path, sizeof(path), "%s/%s", p->inbox, list.names[i]) < PATH_MAX) {
                (void)unlink(path);
            }
        }
    }
    (void)rmdir(p->inbox);
    (void)unlink(p->segment);
    (void)rmdir(p->dir);
    (void)rmdir(p->above); /* goes when this was the cluster's last one here */
    partition_free(p);
}

int partition_reset(struct partition *p, const char *uid, struct err *err)
{
    (void)snprintf(p->uid, sizeof(p->uid), "%s", uid);
    return clear_segment(p, err);
}

const char *partition_path(const struct partition *p)
{
    return p->dir;
}

const char *partition_segment_path(const struct partition *p)
{
    return p->segment;
}

const char *partition_inbox_path(const struct partition *p)
{
    return p->inbox;
}

const char *partition_uid(const struct partition *p)
{
    return p->uid;
}

struct served partition_served(const struct partition *p)
{
    return (struct served){ .epoch = p->epoch, .version = p->version, .digest = p->digest };
}

uint32_t partition_version_seen(const struct partition *p)
{
    return p->version_seen;
}

bool partition_holds(const struct partition *p, const char *record, size_t record_bytes)
{
    return p->version != 0 && p->cell.record_bytes == record_bytes &&
           memcmp(p->cell.record, record, record_bytes) == 0;
}

const struct segment_cell *partition_cell(const struct partition *p)
{
    return &p->cell;
}
