#include "watcher/partition_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "discovery/segment_writer.h"
#include "model/name.h"

#define NAMES_ARENA_BYTES (64U << 10)
#define EVENT_BYTES 4096
#define REMOVED_MAX 65536 /* entries of an inbox at a time */
#define MS_PER_S 1000U

/* What is watched: the inbox for entries, the directory for what has the names of inbox and
 * segment, and the file that is the segment for writes. */
#define INBOX_EVENTS (IN_MOVED_TO | IN_ONLYDIR | IN_DONT_FOLLOW)
#define DIR_EVENTS                                                                         \
    (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | \
     IN_ONLYDIR)
#define SEGMENT_EVENTS (IN_MODIFY | IN_ATTRIB)

/* News of one partition, gathered before they are told. */
#define NEWS_ARRIVED 1U
#define NEWS_LOST 2U
#define NEWS_TOUCHED 4U

struct inboxes {
    int inotify;
    struct loop_fd *watch;
    uid_t uid;
    gid_t gid;
    struct partition_files *first;
};

struct partition_files {
    struct inboxes *set;
    struct partition_files *next;
    struct arena names;
    bool shared;       /* the directory is another's, and stays */
    const char *above; /* the cluster's directory */
    const char *dir;
    const char *inbox;
    const char *segment;
    const char *active; /* the kill switch */
    const char *closed; /* no inbox */
    const char *old_inbox;
    int fd;         /* of the segment */
    int wd_inbox;   /* -1: not watched */
    int wd_dir;     /* -1: not watched */
    int wd_segment; /* -1: not watched */
    bool shut;      /* the inbox was taken away, for `closed` is there */
    unsigned news;
    const char *tally;
    int tally_fd;
    bool fresh; /* nothing was ever served here, so nobody was handed anything */
    struct partition_files_events events;
    void *ctx;
};

bool partitions_in_memory(const char *dir)
{
    struct statfs info;

    return statfs(dir, &info) == 0 && (info.f_type == TMPFS_MAGIC || info.f_type == RAMFS_MAGIC);
}

/* ---- The segment ---- */

/* Best effort: what is not noticed at once, a later look shows. */
static void watch_segment(struct partition_files *files)
{
    int wd = inotify_add_watch(files->set->inotify, files->segment, SEGMENT_EVENTS);

    if (0 <= files->wd_segment && files->wd_segment != wd) {
        (void)inotify_rm_watch(files->set->inotify, files->wd_segment);
    }
    files->wd_segment = wd;
}

bool partition_files_hold(const struct partition_files *files, const struct segment_cell *cell)
{
    return segment_current(files->segment, files->fd) && segment_holds(files->fd, cell);
}

/* Whether or not it can be written: readers may find it from now on. */
static void note_served(struct partition_files *files, const struct segment_cell *cell)
{
    files->fresh = files->fresh && cell->version == 0;
}

int partition_files_write(struct partition_files *files, const struct segment_cell *cell,
                          struct err *err)
{
    note_served(files, cell);
    return segment_write(files->fd, cell, err);
}

int partition_files_renew(struct partition_files *files, const struct segment_cell *cell,
                          uint32_t takes_back, struct err *err)
{
    int fd;
    int rv = segment_create(files->segment, &fd, err);

    if (rv < 0) {
        return rv;
    }
    note_served(files, cell);
    rv = segment_write_back(fd, cell, takes_back, err);
    if (rv < 0) {
        (void)close(fd);
        return rv;
    }
    (void)close(files->fd);
    files->fd = fd;
    watch_segment(files);
    return 0;
}

static char *read_segment(int fd, struct segment_head *head)
{
    CLEANUP(mem_free_p) char *buffer = NULL;

    if (segment_peek(fd, head) != 0 || head->version == 0) {
        return NULL;
    }
    buffer = mem_alloc((size_t)head->payload_bytes + head->record_bytes + 1);
    return buffer != NULL && segment_read(fd, head, buffer) == 0 ? TAKE(buffer) : NULL;
}

void partition_files_read(const struct partition_files *files, struct segment_head *head,
                          char **bytes)
{
    CLEANUP(fd_close_p) int fd = -1;

    *bytes = NULL;
    if (segment_current(files->segment, files->fd)) {
        *bytes = read_segment(files->fd, head);
    } else if (segment_open(files->segment, &fd, NULL) == 0) {
        *bytes = read_segment(fd, head);
    }
}

/* ---- The inbox ---- */

static void take_entry(struct partition_files *files, const char *name, char *buffer,
                       partition_entry_fn *fn)
{
    struct inbox_entry entry;
    struct err err;
    int rv = inbox_take(files->inbox, name, buffer, &entry, &err);

    if (rv != ERR_NOT_FOUND) {
        fn(files->ctx, rv == 0 ? &entry : NULL, rv == 0 ? NULL : &err);
    }
}

static bool is_config(const char *name)
{
    return strncmp(name, "config.", strlen("config.")) == 0;
}

static size_t configs_in(const struct inbox_list *list)
{
    size_t count = 0;
    size_t i;

    for (i = 0; i < list->count; i++) {
        count += is_config(list->names[i]) ? 1 : 0;
    }
    return count;
}

static void drop_entry(const struct partition_files *files, const char *name)
{
    char path[PATH_MAX];

    if (snprintf(path, sizeof(path), "%s/%s", files->inbox, name) < PATH_MAX) {
        file_remove(path);
    }
}

size_t partition_files_take(struct partition_files *files, size_t configs_max,
                            partition_entry_fn *fn)
{
    CLEANUP(mem_free_p) char *buffer = NULL;
    struct inbox_list list;
    size_t too_many;
    size_t dropped = 0;
    size_t i;

    if (inbox_scan(files->inbox, &list, NULL) != 0 || list.count == 0) {
        return 0;
    }
    buffer = mem_alloc(INBOX_BUFFER_BYTES);
    too_many = configs_max < configs_in(&list) ? configs_in(&list) - configs_max : 0;
    for (i = 0; i < list.count && buffer != NULL; i++) {
        if (is_config(list.names[i]) && configs_max == 0) {
            continue;
        }
        if (is_config(list.names[i]) && dropped < too_many) {
            drop_entry(files, list.names[i]);
            dropped++;
        } else {
            take_entry(files, list.names[i], buffer, fn);
        }
    }
    return dropped;
}

/* What an event on the directory is about. */
static unsigned news_of_name(const struct inotify_event *event, const char *name)
{
    if (event->len == 0) {
        return NEWS_TOUCHED | NEWS_LOST; /* the directory itself */
    }
    if (strcmp(name, PARTITION_SEGMENT) == 0) {
        return NEWS_TOUCHED;
    }
    if (strcmp(name, PARTITION_CLOSED) == 0) {
        return NEWS_LOST; /* or found again: either is looked at */
    }
    return strcmp(name, PARTITION_INBOX) == 0 && (event->mask & IN_MOVED_FROM) != 0 ? NEWS_LOST : 0;
}

static unsigned news_for(const struct partition_files *files, const struct inotify_event *event,
                         const char *name)
{
    bool ignored = (event->mask & IN_IGNORED) != 0;

    if ((event->mask & IN_Q_OVERFLOW) != 0) {
        return NEWS_ARRIVED | NEWS_TOUCHED | NEWS_LOST;
    }
    if (event->wd == files->wd_inbox) {
        return ignored ? NEWS_LOST : NEWS_ARRIVED;
    }
    if (event->wd == files->wd_dir) {
        return ignored ? NEWS_LOST : news_of_name(event, name);
    }
    return event->wd == files->wd_segment ? NEWS_TOUCHED : 0;
}

/* The kernel has taken a watch away with what it was on. */
static void forget_watch(struct partition_files *files, int wd)
{
    if (files->wd_inbox == wd) {
        files->wd_inbox = -1;
    } else if (files->wd_dir == wd) {
        files->wd_dir = -1;
    } else if (files->wd_segment == wd) {
        files->wd_segment = -1;
    }
}

static void note_event(struct inboxes *set, const struct inotify_event *event, const char *name)
{
    struct partition_files *files;

    for (files = set->first; files != NULL; files = files->next) {
        files->news |= news_for(files, event, name);
        if ((event->mask & IN_IGNORED) != 0) {
            forget_watch(files, event->wd);
        }
    }
}

/* One look takes in all that an inbox holds, however many events told of it. */
static void tell_news(struct inboxes *set)
{
    struct partition_files *files;

    for (files = set->first; files != NULL; files = files->next) {
        unsigned news = files->news;

        files->news = 0;
        if ((news & NEWS_LOST) != 0) {
            files->events.lost(files->ctx);
        }
        if ((news & (NEWS_ARRIVED | NEWS_LOST)) != 0) {
            files->events.arrived(files->ctx);
        }
        if ((news & NEWS_TOUCHED) != 0 && files->events.touched != NULL) {
            files->events.touched(files->ctx);
        }
    }
}

static void on_inotify(void *ctx, unsigned events)
{
    struct inboxes *set = ctx;
    char bytes[EVENT_BYTES] __attribute__((aligned(__alignof__(struct inotify_event))));
    ssize_t got = read(set->inotify, bytes, sizeof(bytes));
    ssize_t at = 0;

    (void)events;
    while (at < got) {
        struct inotify_event event;
        const char *name;

        memcpy(&event, bytes + at, sizeof(event));
        name = bytes + at + sizeof(event);
        at += (ssize_t)(sizeof(event) + event.len);
        if (0 < event.len && name[0] == '.') {
            continue; /* an entry that is being taken, a segment that is being made */
        }
        note_event(set, &event, name);
    }
    tell_news(set);
}

int inboxes_new(struct loop *loop, uid_t uid, gid_t gid, struct inboxes **out, struct err *err)
{
    CLEANUP(inboxes_free_p) struct inboxes *set = mem_alloc(sizeof(*set));
    int rv;

    if (set == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    set->uid = uid;
    set->gid = gid;
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

void inboxes_free(struct inboxes *set)
{
    if (set == NULL) {
        return;
    }
    CHECK(set->first == NULL);
    loop_fd_free(set->watch);
    fd_close_p(&set->inotify);
    free(set);
}

static void watch_dir(struct partition_files *files)
{
    files->wd_dir = inotify_add_watch(files->set->inotify, files->dir, DIR_EVENTS);
    watch_segment(files);
}

static bool is_there(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0;
}

/* Entries, and what writers that died have left: all that the module puts there. What else its
 * owner may have made stays. */
static void remove_all_of(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    size_t i;

    for (i = 0; dir != NULL && i < REMOVED_MAX && (entry = readdir(dir)) != NULL; i++) {
        (void)unlinkat(fd, entry->d_name, 0);
    }
    if (dir != NULL) {
        (void)closedir(dir);
    } else {
        fd_close_p(&fd);
    }
    if (rmdir(path) < 0 && errno == ENOTDIR) {
        (void)unlink(path);
    }
}

/* In one step, whoever writes at that moment: he has its directory, not its name. What can't be
 * emptied keeps the name that it gets, so the next one may need another. */
static int take_inbox_away(const struct partition_files *files, struct err *err)
{
    char other[PATH_MAX];
    const char *to = files->old_inbox;

    remove_all_of(to);
    if (is_there(to)) {
        (void)snprintf(other, sizeof(other), "%s.%llu", to, (unsigned long long)clock_mono_ns());
        to = other;
    }
    if (rename(files->inbox, to) < 0) {
        return errno == ENOENT
                   ? 0
                   : err_set(err, ERR_IO, "take %s away: %s", files->inbox, strerror(errno));
    }
    remove_all_of(to);
    return 0;
}

/* Never through a link: whoever owns a directory that is shared could point it at another's. */
static int make_inbox(struct partition_files *files, struct err *err)
{
    struct inboxes *set = files->set;
    CLEANUP(fd_close_p) int fd = -1;

    if (mkdir(files->inbox, 0700) < 0 && errno != EEXIST) {
        return err_set(err, ERR_IO, "make %s: %s", files->inbox, strerror(errno));
    }
    fd = open(files->inbox, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return err_set(err, ERR_IO, "open %s: %s", files->inbox, strerror(errno));
    }
    if (geteuid() == 0 && fchown(fd, set->uid, set->gid) < 0) {
        return err_set(err, ERR_IO, "give %s to memcached's user: %s", files->inbox,
                       strerror(errno));
    }
    /* Watching a directory that is watched already gives the same descriptor. */
    files->wd_inbox = inotify_add_watch(set->inotify, files->inbox, INBOX_EVENTS);
    if (files->wd_inbox < 0) {
        return err_set(err, ERR_IO, "watch %s: %s", files->inbox, strerror(errno));
    }
    return 0;
}

/* ---- The directory and the kill switch ---- */

static int switch_on(const struct partition_files *files, struct err *err)
{
    int fd = open(files->active, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);

    if (fd < 0) {
        return err_set(err, ERR_IO, "make %s: %s", files->active, strerror(errno));
    }
    (void)close(fd);
    return 0;
}

/* A directory that is made here is switched on. One that is there stays as it is: whoever has
 * removed the switch from it wants it to stay off. */
static int make_dir(const struct partition_files *files, struct err *err)
{
    int rv = dir_make(files->above, err);

    if (rv < 0) {
        return rv;
    }
    if (mkdir(files->dir, 0755) == 0) {
        return switch_on(files, err);
    }
    return errno == EEXIST ? 0 : err_set(err, ERR_IO, "make %s: %s", files->dir, strerror(errno));
}

/* Whether no watcher has come so far as to make a segment in the directory. */
static bool is_new(const struct partition_files *files)
{
    return !is_there(files->segment) && errno == ENOENT;
}

/* ---- The tally ---- */

static void make_tally(struct partition_files *files)
{
    uint64_t since_s = files->fresh ? 0 : clock_mono_ms() / MS_PER_S;
    struct err ignored;
    int fd;

    if (tally_create(files->tally, files->set->uid, files->set->gid, since_s, &fd, &ignored) == 0) {
        fd_close_p(&files->tally_fd);
        files->tally_fd = fd;
        files->fresh = false;
    }
}

bool partition_files_tally(struct partition_files *files, uint64_t now_s,
                           struct tally_counters *counters, struct pollers *pollers,
                           uint64_t *since_s)
{
    if (files->tally_fd < 0 || !tally_linked(files->tally_fd) ||
        tally_read_rows(files->tally_fd, now_s, pollers, since_s) != 0) {
        make_tally(files);
        *since_s = now_s;
        return false;
    }
    return tally_read_counters(files->tally_fd, counters) == 0;
}

void partition_files_uncount(struct partition_files *files)
{
    const struct tally_counters none = { .started_s = 0 };
    int fd = -1;

    if (tally_open(files->tally, &fd) == 0) {
        (void)!tally_write_counters(fd, &none);
        fd_close_p(&fd);
    }
}

int partition_files_make(struct partition_files *files, struct err *err)
{
    int rv = make_dir(files, err);

    if (rv < 0) {
        return rv;
    }
    make_tally(files);
    watch_dir(files); /* first, so that nothing that is done to the switch goes unseen */
    files->shut = is_there(files->closed);
    return files->shut ? take_inbox_away(files, err) : make_inbox(files, err);
}

bool partition_files_lack_inbox(const struct partition_files *files)
{
    return !files->shut && !is_there(files->closed) &&
           (files->wd_inbox < 0 || !is_there(files->inbox));
}

bool partition_files_closed(const struct partition_files *files)
{
    return files->shut;
}

/* ---- Lifecycle ---- */

static int name_files(struct partition_files *files, const char *root, const char *cluster,
                      uint32_t number, struct err *err)
{
    char slot[SLOT_TEXT_SIZE];

    slot_format(number, slot);
    files->shared = cluster == NULL;
    files->above = arena_printf(&files->names, "%s/%s", root, cluster == NULL ? "" : cluster);
    files->dir = cluster == NULL ? arena_strdup(&files->names, root)
                                 : arena_printf(&files->names, "%s/%s/%s", root, cluster, slot);
    files->inbox = arena_printf(&files->names, "%s/%s", files->dir, PARTITION_INBOX);
    files->segment = arena_printf(&files->names, "%s/%s", files->dir, PARTITION_SEGMENT);
    files->active = arena_printf(&files->names, "%s/%s", files->dir, PARTITION_ACTIVE);
    files->closed = arena_printf(&files->names, "%s/%s", files->dir, PARTITION_CLOSED);
    files->old_inbox = arena_printf(&files->names, "%s/.%s", files->dir, PARTITION_INBOX);
    files->tally = arena_printf(&files->names, "%s/%s", files->dir, PARTITION_TALLY);
    if (files->above == NULL || files->dir == NULL || files->inbox == NULL ||
        files->segment == NULL || files->active == NULL || files->closed == NULL ||
        files->old_inbox == NULL || files->tally == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    return 0;
}

int partition_files_open(struct inboxes *set, const char *root, const char *cluster, uint32_t slot,
                         const struct partition_files_events *events, void *ctx,
                         struct partition_files **out, struct err *err)
{
    CLEANUP(partition_files_free_p) struct partition_files *files = mem_alloc(sizeof(*files));
    struct segment_head head;
    int rv;

    if (files == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    files->set = set;
    files->fd = -1;
    files->wd_inbox = -1;
    files->wd_dir = -1;
    files->wd_segment = -1;
    files->tally_fd = -1;
    files->events = *events;
    files->ctx = ctx;
    files->next = set->first;
    set->first = files;
    arena_init(&files->names, NAMES_ARENA_BYTES);
    rv = name_files(files, root, cluster, slot, err);
    if (rv == 0) {
        rv = make_dir(files, err);
    }
    if (rv == 0 && is_new(files)) {
        rv = switch_on(files, err);
    }
    if (rv == 0) {
        rv = segment_create(files->segment, &files->fd, err);
        files->fresh = rv == 0 && (segment_peek(files->fd, &head) != 0 || head.version == 0);
    }
    if (rv < 0) {
        return rv;
    }
    *out = TAKE(files);
    return 0;
}

static void unwatch(const struct partition_files *files, int wd)
{
    if (0 <= wd) {
        (void)inotify_rm_watch(files->set->inotify, wd);
    }
}

void partition_files_free(struct partition_files *files)
{
    struct partition_files **at;

    if (files == NULL) {
        return;
    }
    for (at = &files->set->first; *at != files; at = &(*at)->next) {
        CHECK(*at != NULL);
    }
    *at = files->next;
    unwatch(files, files->wd_inbox);
    unwatch(files, files->wd_dir);
    unwatch(files, files->wd_segment);
    fd_close_p(&files->fd);
    fd_close_p(&files->tally_fd);
    arena_deinit(&files->names);
    free(files);
}

void partition_files_remove(struct partition_files *files)
{
    char path[PATH_MAX];

    remove_all_of(files->inbox);
    remove_all_of(files->old_inbox);
    file_remove(files->segment);
    file_remove(files->active);
    file_remove(files->closed);
    file_remove(files->tally);
    if (snprintf(path, sizeof(path), "%s" SEGMENT_NEW_SUFFIX, files->segment) < PATH_MAX) {
        file_remove(path); /* of a writer that died before it was complete */
    }
    if (!files->shared) {
        dir_drop_empty(files->dir);
        dir_drop_empty(files->above); /* goes when this was the cluster's last one here */
    }
    partition_files_free(files);
}

const char *partition_files_dir(const struct partition_files *files)
{
    return files->dir;
}

const char *partition_files_segment(const struct partition_files *files)
{
    return files->segment;
}

const char *partition_files_inbox(const struct partition_files *files)
{
    return files->inbox;
}
