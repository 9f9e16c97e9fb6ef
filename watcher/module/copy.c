#include "watcher/module/copy.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "discovery/checksum.h"

#define READ_TRIES 3 /* each is lost only to a writer that wrote twice meanwhile */

void copies_init(struct copies *copies)
{
    copies->path[0] = '\0';
    copies->fd = -1;
    copies->named_ms = 0;
    copies->last = NULL;
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
    if (0 <= copies->fd && segment_current(copies->path, copies->fd)) {
        return;
    }
    if (0 <= copies->fd) {
        (void)close(copies->fd);
        copies->fd = -1;
    }
    copies->trouble.code = 0;
    if (copies->path[0] != '\0' && segment_open(copies->path, &copies->fd, &copies->trouble) < 0) {
        copies->fd = -1;
    }
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
    int i;

    reopen_if_gone(copies);
    for (i = 0; 0 <= copies->fd && i < READ_TRIES; i++) {
        if (segment_peek(copies->fd, &head) != 0 || segment_same(&head, &copies->seen)) {
            return;
        }
        copy = read_copy(copies->fd, &head);
        if (copy != NULL) {
            replace_last(copies, copy);
            copies->seen = head;
            return;
        }
    }
}

struct copy *copies_get(struct copies *copies)
{
    struct copy *copy;

    (void)pthread_mutex_lock(&copies->lock);
    look(copies);
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
