#include "watcher/module/counting.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define WRITE_EVERY_MS 250U
#define MS_PER_S 1000U
#define NS_PER_MS 1000000U

static uint64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint64_t)now.tv_sec * MS_PER_S + (uint64_t)now.tv_nsec / NS_PER_MS;
}

void counting_begin(struct counting *counting)
{
    size_t i;

    for (i = 0; i < TALLY_COUNT; i++) {
        atomic_init(&counting->counts[i], 0);
    }
    atomic_init(&counting->dirty, false);
    atomic_init(&counting->due_ms, 0);
    (void)pthread_mutex_init(&counting->lock, NULL);
    counting->started_s = now_ms() / MS_PER_S;
    counting->path[0] = '\0';
    counting->fd = -1;
}

/* ---- The file ---- */

static void write_row(struct counting *counting, size_t i)
{
    const struct poller *row = &counting->pollers.rows[i];

    if (0 <= counting->fd && tally_write_row(counting->fd, i, row) == 0) {
        counting->written_s[i] = row->seen_s;
    }
}

/* Rows have their place in memory; what another writer left in other places goes. */
static void write_all_rows(struct counting *counting)
{
    static const struct poller none = { .peer = { .family = POLLER_NONE } };
    size_t i;

    for (i = 0; i < POLLERS_MAX; i++) {
        if (i < counting->pollers.count) {
            write_row(counting, i);
        } else {
            (void)!tally_write_row(counting->fd, i, &none);
        }
    }
}

static void open_if_gone(struct counting *counting)
{
    if (0 <= counting->fd && tally_linked(counting->fd)) {
        return;
    }
    if (0 <= counting->fd) {
        (void)close(counting->fd);
        counting->fd = -1;
    }
    if (counting->path[0] != '\0' && tally_open(counting->path, &counting->fd) == 0) {
        write_all_rows(counting);
    }
}

static void write_counters(struct counting *counting)
{
    struct tally_counters counters = { .started_s = counting->started_s };
    size_t i;

    for (i = 0; i < TALLY_COUNT; i++) {
        counters.counts[i] = atomic_load(&counting->counts[i]);
    }
    if (0 <= counting->fd) {
        (void)!tally_write_counters(counting->fd, &counters);
    }
}

void counting_follow(struct counting *counting, const char *path)
{
    uint64_t since_s;
    size_t i;

    for (i = 0; i < TALLY_COUNT; i++) {
        atomic_store(&counting->counts[i], 0);
    }
    (void)snprintf(counting->path, sizeof(counting->path), "%s", path);
    if (tally_open(path, &counting->fd) == 0) {
        /* Rows that are damaged are about to go: who they were about stays unknown. */
        if (tally_read_rows(counting->fd, counting->started_s, &counting->pollers, &since_s) == 0) {
            (void)!tally_write_since(counting->fd, since_s);
        }
        write_all_rows(counting);
        write_counters(counting);
    }
}

/* Whoever finds the lock taken leaves it: the next one comes soon. */
void counting_write(struct counting *counting)
{
    uint64_t now = now_ms();

    if (now < atomic_load_explicit(&counting->due_ms, memory_order_relaxed) ||
        pthread_mutex_trylock(&counting->lock) != 0) {
        return;
    }
    atomic_store_explicit(&counting->due_ms, now + WRITE_EVERY_MS, memory_order_relaxed);
    /* First of all, so that what is counted from now on counts as not written. */
    atomic_store(&counting->dirty, false);
    open_if_gone(counting);
    write_counters(counting);
    (void)pthread_mutex_unlock(&counting->lock);
}

/* ---- Counting ---- */

void counting_add(struct counting *counting, enum tally_counter counter, uint64_t n)
{
    (void)atomic_fetch_add(&counting->counts[counter], n);
    if (!atomic_load(&counting->dirty)) {
        atomic_store(&counting->dirty, true);
    }
}

static enum tally_counter counter_of(enum request_kind kind)
{
    if (kind == REQUEST_CONFIG_GET) {
        return TALLY_CONFIG_GETS;
    }
    return kind == REQUEST_PAYLOAD_GET ? TALLY_PAYLOAD_GETS : TALLY_RECORD_GETS;
}

static void note(struct counting *counting, struct conn *conn, uint32_t version)
{
    struct poller seen = {
        .peer = *conn_peer(conn), .version = version, .count = 1, .seen_s = now_ms() / MS_PER_S
    };
    bool news = false;
    size_t i;

    (void)pthread_mutex_lock(&counting->lock);
    i = pollers_note(&counting->pollers, &seen, &news);
    if (i != POLLERS_NONE &&
        (news || counting->written_s[i] + TALLY_REFRESH_S <= counting->pollers.rows[i].seen_s)) {
        write_row(counting, i);
    }
    (void)pthread_mutex_unlock(&counting->lock);
}

/* Who reads the record is another node or the controller, not a client that hashes by the list. */
void counting_read(struct counting *counting, struct conn *conn, enum request_kind kind,
                   uint32_t version, bool sent)
{
    int saved = errno; /* it may be the caller's result */

    counting_add(counting, counter_of(kind), 1);
    counting_add(counting, version == 0 ? TALLY_NOTHING_YET : TALLY_HANDED_OUT, 1);
    if (kind != REQUEST_RECORD_GET && version != 0) {
        note(counting, conn, sent ? version : 0);
    }
    errno = saved;
}
