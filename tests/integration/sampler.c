#include "integration/sampler.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "integration/ps.h"

#define ANSWER_TRIES 3

static const uint16_t ports[SAMPLER_PORTS] = { LAB_DATA_PORT, LAB_DISCOVERY_PORT };

PRINTF_LIKE(2, 3)
static void violated(struct sampler *sampler, const char *fmt, ...)
{
    va_list args;

    if (atomic_load(&sampler->violations) == 0) {
        va_start(args, fmt);
        (void)vsnprintf(sampler->first_violation, sizeof(sampler->first_violation), fmt, args);
        va_end(args);
    }
    (void)atomic_fetch_add(&sampler->violations, 1);
}

static void note_content(struct sampler *sampler, const char *ip, const struct listing *listing)
{
    size_t i;

    for (i = 0; i < sampler->seen_count; i++) {
        if (sampler->seen[i].version == listing->version) {
            if (strcmp(sampler->seen[i].payload, listing->payload) != 0) {
                violated(sampler, "version %u is '%s' at %s and '%s' elsewhere", listing->version,
                         listing->payload, ip, sampler->seen[i].payload);
            }
            return;
        }
    }
    if (sampler->seen_count < SAMPLER_VERSIONS_MAX) {
        struct sampler_version *fresh = &sampler->seen[sampler->seen_count++];

        fresh->version = listing->version;
        (void)snprintf(fresh->payload, sizeof(fresh->payload), "%.*s",
                       (int)sizeof(fresh->payload) - 1, listing->payload);
    }
}

/* Whether a listed node answers; a busy machine gets several tries. */
static bool answers(const char *ip)
{
    struct listing ignored;
    int i;

    for (i = 0; i < ANSWER_TRIES; i++) {
        enum ask_outcome outcome = ask_cluster(ip, LAB_DATA_PORT, ASK_CONFIG, &ignored);

        if (outcome == ASK_LISTED || outcome == ASK_NONE) {
            return true;
        }
    }
    return false;
}

/* Each node of a list answers, or the one who told the list has a newer one by now. */
static void check_listed(struct sampler *sampler, const char *ip, uint16_t port,
                         const struct listing *listing)
{
    struct listing again;
    size_t i;

    for (i = 0; i < listing->count; i++) {
        if (!answers(listing->nodes[i].ip) &&
            ask_cluster(ip, port, ASK_CONFIG, &again) == ASK_LISTED &&
            listing_names(&again, listing->nodes[i].ip)) {
            violated(sampler, "%s:%u lists %s in version %u, which does not answer", ip,
                     (unsigned)port, listing->nodes[i].ip, again.version);
        }
    }
}

static void look_at_port(struct sampler *sampler, unsigned node, size_t at)
{
    uint32_t *last = &sampler->versions[node][at];
    bool *gone = &sampler->gone[node][at];
    struct listing listing;
    struct scene_ip address;
    const char *ip;
    enum ask_outcome outcome;

    address = scene_ip(node);
    ip = address.text;
    outcome = ask_cluster(ip, ports[at], ASK_CONFIG, &listing);
    if (outcome == ASK_WRONG) {
        violated(sampler, "%s:%u answers what no client accepts", ip, (unsigned)ports[at]);
    } else if (outcome == ASK_NONE && *last != 0 && !*gone && !atomic_load(&sampler->may_forget)) {
        violated(sampler, "%s:%u told version %u before and none now", ip, (unsigned)ports[at],
                 *last);
    } else if (outcome == ASK_LISTED) {
        if (listing.version < *last) {
            violated(sampler, "%s:%u went back from version %u to %u", ip, (unsigned)ports[at],
                     *last, listing.version);
        }
        *last = listing.version;
        note_content(sampler, ip, &listing);
        check_listed(sampler, ip, ports[at], &listing);
        *gone = false;
    } else if (outcome == ASK_SILENT) {
        /* A later node at this address may begin with no list, but not with an older one. */
        *gone = true;
    }
}

/* Whoever lists `gone` now lists a process that had ended before it was asked. */
static void check_gone(struct sampler *sampler, unsigned gone, pid_t pid)
{
    struct listing listing;
    struct scene_ip gone_address = scene_ip(gone);
    const char *gone_ip = gone_address.text;
    struct scene_ip address;
    const char *ip;
    unsigned i;

    for (i = 0; i < sampler->nodes * SAMPLER_PORTS; i++) {
        uint16_t port = ports[i % SAMPLER_PORTS];

        address = scene_ip(i / SAMPLER_PORTS + 1);
        ip = address.text;
        if (strcmp(ip, gone_ip) != 0 && ask_cluster(ip, port, ASK_CONFIG, &listing) == ASK_LISTED &&
            listing_names(&listing, gone_ip)) {
            violated(sampler, "%s:%u lists %s in version %u although its process %d has ended", ip,
                     (unsigned)port, gone_ip, listing.version, (int)pid);
        }
    }
}

static void look_at_processes(struct sampler *sampler)
{
    unsigned i;

    for (i = 1; i <= sampler->nodes; i++) {
        if (sampler->pids[i] != 0 && !ps_alive(sampler->pids[i])) {
            check_gone(sampler, i, sampler->pids[i]);
            sampler->pids[i] = 0;
        }
    }
}

static void find_processes(struct sampler *sampler)
{
    struct scene_ip address;
    const char *ip;
    unsigned i;

    for (i = 1; i <= sampler->nodes; i++) {
        if (sampler->pids[i] == 0) {
            address = scene_ip(i);
            ip = address.text;
            sampler->pids[i] = ps_memcached(ip);
        }
    }
}

static void *run(void *ctx)
{
    struct sampler *sampler = ctx;
    unsigned i;

    while (!atomic_load(&sampler->stop)) {
        find_processes(sampler);
        for (i = 0; i < sampler->nodes * SAMPLER_PORTS; i++) {
            look_at_processes(sampler);
            look_at_port(sampler, i / SAMPLER_PORTS + 1, i % SAMPLER_PORTS);
        }
        (void)atomic_fetch_add(&sampler->rounds, 1);
        (void)usleep(5000);
    }
    return NULL;
}

void sampler_start(struct sampler *sampler, unsigned nodes)
{
    memset(sampler, 0, sizeof(*sampler));
    sampler->nodes = nodes;
    cr_assert_eq(pthread_create(&sampler->thread, NULL, run, sampler), 0);
}

void sampler_must_go_round(struct sampler *sampler)
{
    uint64_t before = atomic_load(&sampler->rounds);

    cr_assert(WITHIN(LAB_PATIENCE_MS, before + 2 <= atomic_load(&sampler->rounds)),
              "the sampler hangs");
}

void sampler_stop(struct sampler *sampler)
{
    atomic_store(&sampler->stop, true);
    cr_assert_eq(pthread_join(sampler->thread, NULL), 0);
    cr_assert_eq(atomic_load(&sampler->violations), 0, "%llu violations, the first: %s",
                 (unsigned long long)atomic_load(&sampler->violations), sampler->first_violation);
}
