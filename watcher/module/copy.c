#include "watcher/module/copy.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "discovery/checksum.h"
#include "watcher/module/tick.h"

#define READ_TRIES 3 /* each is lost only to a writer that wrote twice meanwhile */

void copies_init(struct copies *copies)
{
    copies->path[0] = '\0';
    atomic_init(&copies->fd, -1);
    atomic_init(&copies->named_ms, 0);
    atomic_init(&copies->last, NULL);
    copies->seen = (struct segment_head){ .generation = 0 };
    copies->version_known = 0;
    copies->payload_known_sum = 0;
    copies->trouble.code = 0;
    (void)pthread_mutex_init(&copies->lock, NULL);
}

void copies_follow(struct copies *copies, const char *path)
{
    (void)snprintf(copies->path, sizeof(copies->path), "%s", path);
}

static struct copy *read_copy(int fd, const struct segment_head *head)
{
    size_t size = (size_t)head->payload_bytes + head->record_bytes;
    struct copy *copy = malloc(sizeof(*copy) + size);

    if (copy == NULL) {
        return NULL;
    }
    if (segment_read(fd, head, copy->bytes) != 0) {
        free(copy);
        return NULL;
    }
    atomic_init(&copy->users, 1);
    copy->cell = (struct segment_cell){ .version = head->version,
                                        .payload = copy->bytes,
                                        .payload_bytes = head->payload_bytes,
                                        .record = copy->bytes + head->payload_bytes,
                                        .record_bytes = head->record_bytes };
    copy->takes_back = head->takes_back;
    return copy;
}

static void reopen_if_gone(struct copies *copies)
{
    int fd = atomic_load(&copies->fd);
    int opened = -1;

    if (0 <= fd && segment_current(copies->path, fd)) {
        atomic_store(&copies->named_ms, tick_ms());
        return;
    }
    atomic_store(&copies->fd, -1);
    if (0 <= fd) {
        (void)close(fd);
    }
    copies->trouble.code = 0;
    if (copies->path[0] != '\0' && segment_open(copies->path, &opened, &copies->trouble) == 0) {
        atomic_store(&copies->named_ms, tick_ms());
        atomic_store(&copies->fd, opened);
    }
}

/*
 * What the segment says, without the lock, unless its name is to be looked up. Another thread may
 * close the descriptor meanwhile, and a third one open something else under its number: that is no
 * segment, or says so.
 */
static bool peek(struct copies *copies, struct segment_head *head)
{
    const uint64_t named_ms = atomic_load(&copies->named_ms);
    const int fd = atomic_load(&copies->fd);

    return 0 <= fd && tick_ms() - named_ms < COPY_NAME_CHECK_MS && segment_peek(fd, head) == 0;
}

/* Whether `copy` may follow what was served here; then it is what is known from now on. */
static int note_known(struct copies *copies, const struct copy *copy)
{
    const struct segment_cell *cell = &copy->cell;
    uint64_t sum = checksum64(cell->payload, cell->payload_bytes);
    int taken_back = copy->takes_back != 0 && copy->takes_back == copies->version_known;

    if (cell->version == 0) {
        copies->version_known = taken_back ? 0 : copies->version_known;
        return 1;
    }
    if (!taken_back &&
        (cell->version < copies->version_known ||
         (cell->version == copies->version_known && sum != copies->payload_known_sum))) {
        return 0;
    }
    copies->version_known = cell->version;
    copies->payload_known_sum = sum;
    return 1;
}

static void replace_last(struct copies *copies, struct copy *copy)
{
    if (note_known(copies, copy)) {
        copy_put(copies->last);
        copies->last = copy;
    } else {
        copy_put(copy);
    }
}

/* Take over what the segment holds, if that is something new and good. */
static void look(struct copies *copies)
{
    struct segment_head head;
    struct copy *copy;
    int fd;
    int i;

    reopen_if_gone(copies);
    fd = atomic_load(&copies->fd);
    for (i = 0; 0 <= fd && i < READ_TRIES; i++) {
        if (segment_peek(fd, &head) != 0 || segment_same(&head, &copies->seen)) {
            return;
        }
        copy = read_copy(fd, &head);
        if (copy != NULL) {
            replace_last(copies, copy);
            copies->seen = head;
            return;
        }
    }
}

void copies_look(struct copies *copies)
{
    struct segment_head head;
    bool peeked = peek(copies, &head);

    (void)pthread_mutex_lock(&copies->lock);
    if (!peeked || !segment_same(&head, &copies->seen)) {
        look(copies);
    }
    (void)pthread_mutex_unlock(&copies->lock);
}

struct copy *copies_get(struct copies *copies)
{
    struct copy *copy;

    (void)pthread_mutex_lock(&copies->lock);
    copy = copies->last;
    if (copy != NULL) {
        (void)atomic_fetch_add(&copy->users, 1);
    }
    (void)pthread_mutex_unlock(&copies->lock);
    return copy;
}

bool copies_usable(struct copies *copies, struct err *why)
{
    bool usable;

    if (atomic_load_explicit(&copies->last, memory_order_relaxed) != NULL) {
        return true;
    }
    (void)pthread_mutex_lock(&copies->lock);
    if (copies->last == NULL) {
        look(copies);
    }
    usable =
        copies->last != NULL || copies->trouble.code == 0 || copies->trouble.code == ERR_NOT_FOUND;
    if (!usable) {
        *why = copies->trouble;
    }
    (void)pthread_mutex_unlock(&copies->lock);
    return usable;
}

void copy_put(struct copy *copy)
{
    if (copy != NULL && atomic_fetch_sub(&copy->users, 1) == 1) {
        free(copy);
    }
}

const struct segment_cell *copy_cell(const struct copy *copy)
{
    static const struct segment_cell nothing = { .version = 0 };

    return copy != NULL ? &copy->cell : &nothing;
}
