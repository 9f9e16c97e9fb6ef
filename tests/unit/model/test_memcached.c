/* The bounds of settings against the memcached that is installed. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/spec.h"
#include "model/spec_field.h"
#include "support/net.h"
#include "support/process.h"
#include "support/scene.h"
#include "support/wait.h"

#define ARGS_MAX 24

struct start {
    struct process *process;
    const char *ip;
};

static bool decided(void *ctx)
{
    const struct start *start = ctx;

    return !process_running(start->process) || net_answers(start->ip, 11211);
}

/* Whether a small item and one in several chunks can be stored; some settings fail only then. */
static bool stores(const char *ip)
{
    static char request[1 << 20];
    const size_t sizes[] = { 10, 500, 20000, 600000 };
    size_t i;
    bool stored = true;

    for (i = 0; i < ARRAY_COUNT(sizes); i++) {
        int head = snprintf(request, sizeof(request), "set k 0 0 %zu\r\n", sizes[i]);
        char *answer;

        memset(request + head, 'x', sizes[i]);
        (void)strcpy(request + head + sizes[i], "\r\nquit\r\n");
        answer = net_ask(ip, 11211, request, NULL);
        stored = stored && strcmp(answer, "STORED\r\n") == 0;
        free(answer);
    }
    return stored;
}

/* Whether memcached comes up with the settings, and serves. */
static bool serves(const struct node_settings *settings, const char *ip)
{
    char memory[32];
    char threads[32];
    char connections[32];
    char item[32];
    const char *argv[ARGS_MAX] = { "memcached", "-l", ip,     "-p", "11211", "-U",
                                   "0",         "-m", memory, "-t", threads, "-c",
                                   connections, "-I", item,   "-u", "root" };
    size_t used = geteuid() == 0 ? 17 : 15;
    const struct process_spec spec = { "memcached", argv, NULL };
    struct start start = { NULL, ip };
    size_t i;
    bool running;

    argv[used] = NULL;
    for (i = 0; i < settings->extra_args_count; i++) {
        argv[used++] = settings->extra_args[i];
        argv[used] = NULL;
    }
    (void)snprintf(memory, sizeof(memory), "%llu",
                   (unsigned long long)(settings->memory_bytes >> 20));
    (void)snprintf(threads, sizeof(threads), "%u", settings->threads);
    (void)snprintf(connections, sizeof(connections), "%u", settings->connections_max);
    (void)snprintf(item, sizeof(item), "%llu", (unsigned long long)settings->item_bytes_max);
    start.process = process_start(&spec);
    cr_assert(wait_until(decided, &start, WAIT_MS));
    running = process_running(start.process);
    running = running && stores(ip) && process_running(start.process);
    process_kill(start.process);
    return running;
}

static struct node_settings default_settings(void)
{
    struct spec spec;

    spec_init(&spec);
    return spec.settings;
}

/* Both ends of every bound of the allow-list. */
static const char *const allowed[][2] = {
    { "-b", "1" },
    { "-b", "65535" },
    { "-B", "auto" },
    { "-B", "ascii" },
    { "-C", NULL },
    { "-D", ":" },
    { "-D", "-" },
    { "-f", "1.001" },
    { "-f", "100" },
    { "-F", NULL },
    { "-L", NULL },
    { "-M", NULL },
    { "-n", "1" },
    { "-n", "4096" },
    { "-R", "1" },
    { "-R", "100000" },
    { "-W", NULL },
    { "-X", NULL },
    { "-o", "hash_algorithm=jenkins" },
    { "-o", "hash_algorithm=murmur3" },
    { "-o", "hash_algorithm=xxh3" },
    { "-o", "hashpower=17" },
    { "-o", "hashpower=27" },
    { "-o", "hot_lru_pct=1,warm_lru_pct=1" },
    { "-o", "hot_lru_pct=40,warm_lru_pct=40" },
    { "-o", "hot_lru_pct=40" },
    { "-o", "warm_lru_pct=40" },
    { "-o", "hot_max_factor=0.001" },
    { "-o", "hot_max_factor=1000" },
    { "-o", "warm_max_factor=0.001" },
    { "-o", "warm_max_factor=1000" },
    { "-o", "idle_timeout=0" },
    { "-o", "idle_timeout=86400" },
    { "-o", "lru_crawler" },
    { "-o", "no_lru_crawler" },
    { "-o", "lru_crawler_sleep=0" },
    { "-o", "lru_crawler_sleep=1000000" },
    { "-o", "lru_crawler_tocrawl=0" },
    { "-o", "lru_crawler_tocrawl=4294967295" },
    { "-o", "lru_maintainer" },
    { "-o", "no_lru_maintainer" },
    { "-o", "maxconns_fast" },
    { "-o", "no_maxconns_fast" },
    { "-o", "modern" },
    { "-o", "no_modern" },
    { "-o", "no_hashexpand" },
    { "-o", "read_buf_mem_limit=0" },
    { "-o", "read_buf_mem_limit=1" },
    { "-o", "read_buf_mem_limit=65536" },
    { "-o", "slab_automove=0" },
    { "-o", "slab_automove=2" },
    { "-o", "slab_automove_freeratio=0" },
    { "-o", "slab_automove_freeratio=1" },
    { "-o", "slab_automove_ratio=0.001" },
    { "-o", "slab_automove_ratio=0.999" },
    { "-o", "slab_automove_window=3" },
    { "-o", "slab_automove_window=86400" },
    { "-o", "slab_reassign" },
    { "-o", "no_slab_reassign" },
    { "-o", "temporary_ttl=0" },
    { "-o", "temporary_ttl=86400" },
    { "-o", "track_sizes" },
    { "-o", "modern,no_lru_crawler,no_lru_maintainer,no_slab_reassign,track_sizes" },
};

Test(memcached, serves_with_everything_that_the_allow_list_lets_through, .timeout = 60)
{
    struct scene_ip ip = scene_ip(1);
    size_t i;

    for (i = 0; i < ARRAY_COUNT(allowed); i++) {
        struct node_settings settings = default_settings();
        struct err err;

        settings.extra_args = allowed[i];
        settings.extra_args_count = allowed[i][1] == NULL ? 1 : 2;
        cr_expect_eq(node_settings_check(&settings, &err), 0, "%s", err.msg);
        cr_expect(serves(&settings, ip.text), "%s %s", allowed[i][0],
                  allowed[i][1] == NULL ? "" : allowed[i][1]);
    }
}

/* What we let through starts, and what we refuse for the sake of memcached does not. */
Test(memcached, agrees_on_sizes_of_memory_and_items, .timeout = 60)
{
    static const struct {
        uint64_t memory_bytes;
        uint64_t item_bytes;
        bool good;
    } rows[] = {
        { SPEC_MEMORY_BYTES_MIN, SPEC_ITEM_BYTES_DEFAULT, true },
        { SPEC_MEMORY_BYTES_MIN, SPEC_MEMORY_BYTES_MIN / 2, true },
        { SPEC_MEMORY_BYTES_MIN, SPEC_MEMORY_BYTES_MIN / 2 + SPEC_ITEM_BYTES_STEP, false },
        { UINT64_C(64) << 20, UINT64_C(32) << 20, true },
        { UINT64_C(64) << 20, (UINT64_C(32) << 20) + SPEC_ITEM_BYTES_STEP, false },
        { UINT64_C(64) << 20, 256 << 10, false },
        { UINT64_C(64) << 20, 600000, false },
        { UINT64_C(64) << 20, 1000000, false },
        { UINT64_C(64) << 20, 1536 << 10, true },
        { UINT64_C(4) << 30, SPEC_ITEM_BYTES_MAX, true },
        { UINT64_C(4) << 30, SPEC_ITEM_BYTES_MAX + SPEC_ITEM_BYTES_STEP, false },
        { SPEC_MEMORY_BYTES_MAX, SPEC_ITEM_BYTES_DEFAULT, true },
    };
    struct scene_ip ip = scene_ip(1);
    size_t i;

    for (i = 0; i < ARRAY_COUNT(rows); i++) {
        struct node_settings settings = default_settings();
        struct err err;

        settings.memory_bytes = rows[i].memory_bytes;
        settings.item_bytes_max = rows[i].item_bytes;
        cr_expect_eq(node_settings_check(&settings, &err), rows[i].good ? 0 : ERR_INVALID,
                     "row %zu", i);
        cr_expect_eq(serves(&settings, ip.text), rows[i].good, "row %zu", i);
    }
}

Test(memcached, serves_with_the_least_connections_of_its_threads, .timeout = 60)
{
    static const uint32_t threads[] = { 1, 2, 4, 8, 16, 64 };
    struct scene_ip ip = scene_ip(1);
    size_t i;

    for (i = 0; i < ARRAY_COUNT(threads); i++) {
        struct node_settings settings = default_settings();
        struct err err;

        settings.threads = threads[i];
        settings.connections_max = 16 + SPEC_CONNECTIONS_PER_THREAD_MIN * threads[i];
        cr_expect_eq(node_settings_check(&settings, &err), 0, "%s", err.msg);
        cr_expect(serves(&settings, ip.text), "%u threads", threads[i]);
        settings.connections_max--;
        cr_expect_eq(node_settings_check(&settings, &err), ERR_INVALID);
    }
}
