#include "integration/follower.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/clock.h"

static void failed(struct follower *follower, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void failed(struct follower *follower, const char *fmt, ...)
{
    va_list args;

    if (atomic_load(&follower->failures) == 0) {
        va_start(args, fmt);
        (void)vsnprintf(follower->first_failure, sizeof(follower->first_failure), fmt, args);
        va_end(args);
    }
    (void)atomic_fetch_add(&follower->failures, 1);
}

static void disconnect(struct follower *follower)
{
    size_t i;

    for (i = 0; i < follower->known.count; i++) {
        fd_close_p(&follower->fds[i]);
        follower->fds[i] = -1;
    }
}

static void take_over(struct follower *follower, const struct listing *listing)
{
    size_t i;

    disconnect(follower);
    follower->known = *listing;
    follower->known_since_ms = clock_mono_ms();
    for (i = 0; i < listing->count; i++) {
        follower->fds[i] = -1;
        follower->told[i] = 0;
    }
}

/* Ask one node; false when the list is another one after that. */
static bool ask_node(struct follower *follower, size_t i)
{
    const struct ask_node *node = &follower->known.nodes[i];
    uint32_t version = follower->known.version;
    struct listing listing;

    if (follower->fds[i] < 0) {
        follower->fds[i] = ask_connect(node->ip, node->port);
    }
    if (follower->fds[i] < 0) {
        failed(follower, "%s is listed in version %u and takes no connection", node->ip, version);
        return true;
    }
    if (ask_cluster_on(follower->fds[i], ASK_CONFIG, &listing) != ASK_LISTED) {
        failed(follower, "%s is listed in version %u and does not answer", node->ip, version);
        fd_close_p(&follower->fds[i]);
        follower->fds[i] = -1;
        return true;
    }
    if (listing.version < follower->told[i] ||
        (listing.version < version &&
         follower->known_since_ms + FOLLOWER_LAG_MS < clock_mono_ms())) {
        failed(follower, "%s tells version %u after version %u was told", node->ip, listing.version,
               version);
    }
    follower->told[i] = listing.version;
    if (listing.version <= version) {
        return true;
    }
    take_over(follower, &listing);
    return false;
}

static void *run(void *arg)
{
    struct follower *follower = arg;

    while (!atomic_load(&follower->stop)) {
        bool same = true;
        size_t i;

        for (i = 0; same && i < follower->known.count; i++) {
            same = ask_node(follower, i);
        }
        if (same) {
            (void)atomic_fetch_add(&follower->rounds, 1);
        }
        lab_pause();
    }
    disconnect(follower);
    return NULL;
}

void follower_start(struct follower *follower, const char *endpoint)
{
    struct listing listing;

    memset(follower, 0, sizeof(*follower));
    cr_assert_eq(ask_cluster(endpoint, LAB_DATA_PORT, ASK_CONFIG, &listing), ASK_LISTED);
    take_over(follower, &listing);
    cr_assert_eq(pthread_create(&follower->thread, NULL, run, follower), 0);
}

void follower_must_go_round(struct follower *follower)
{
    uint64_t rounds = atomic_load(&follower->rounds);

    cr_assert(WITHIN(LAB_PATIENCE_MS, rounds + 2 <= atomic_load(&follower->rounds)));
}

void follower_stop(struct follower *follower)
{
    atomic_store(&follower->stop, true);
    (void)pthread_join(follower->thread, NULL);
    cr_assert_gt(atomic_load(&follower->rounds), 0);
    cr_assert_eq(atomic_load(&follower->failures), 0, "%llu failures, the first: %s",
                 (unsigned long long)atomic_load(&follower->failures), follower->first_failure);
}
