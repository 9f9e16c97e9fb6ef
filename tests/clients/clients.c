/*
 * Stock clients against a real cluster, all at once: each discovers it through `muster endpoint`,
 * uses every node, and follows a scale-out, a drained host (a slot that moves to another address)
 * and a scale-in without a restart. What they say on standard output is described in follow.js.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/clock.h"
#include "integration/ask.h"
#include "integration/fleet.h"
#include "integration/lab.h"
#include "support/process.h"

#define HOSTS 3
#define NODES 3
#define NODES_MORE 5
#define NODES_LESS 2
#define ENDPOINT_SIZE 64
#define ARGS_MAX 5

TestSuite(clients, .timeout = 300);

struct client {
    const char *name;
    const char
        *argv[3]; /* before the endpoint; "@" stands for a script in the clients' directory */
    struct process *process;
};

/* From npm those that discover by themselves, then those that are given the list. */
static struct client clients[] = {
    { "memcached-elasticache", { "node", "@follow.js", "memcached-elasticache" }, NULL },
    { "memcache", { "node", "@follow.js", "memcache" }, NULL },
    { "elasticache-client", { "node", "@follow.js", "elasticache-client" }, NULL },
    { "memcache-plus", { "node", "@follow.js", "memcache-plus" }, NULL },
    { "ecad", { "node", "@follow.js", "ecad" }, NULL },
    { "libmemcached", { "@follow_libmemcached", NULL, NULL }, NULL },
    { "dalli", { "/usr/bin/ruby", "@follow.rb", NULL }, NULL },
    { "pymemcache", { "/usr/bin/python3", "@follow.py", NULL }, NULL },
};

static void endpoint_now(char out[ENDPOINT_SIZE])
{
    struct run_result result;

    MUST_MUSTER(&result, 0, "endpoint", LAB_CLUSTER);
    (void)snprintf(out, ENDPOINT_SIZE, "%.*s", (int)strcspn(result.out, "\n"), result.out);
}

static struct listing listing_now(void)
{
    char endpoint[ENDPOINT_SIZE];
    struct listing listing;

    endpoint_now(endpoint);
    endpoint[strcspn(endpoint, ":")] = '\0';
    cr_assert_eq(ask_cluster(endpoint, LAB_DATA_PORT, ASK_CONFIG, &listing), ASK_LISTED);
    return listing;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* "nodes 3 127.a.b.1:11211,127.a.b.2:11211,…": what a client says when it uses that list. */
static void line_for(const struct listing *listing, char *out, size_t size)
{
    char names[LAB_NODES_MAX][ENDPOINT_SIZE];
    size_t used = (size_t)snprintf(out, size, "nodes %zu ", listing->count);
    size_t i;

    for (i = 0; i < listing->count; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "%s:%u", listing->nodes[i].ip,
                       listing->nodes[i].port);
    }
    qsort(names, listing->count, sizeof(names[0]), compare_texts);
    for (i = 0; i < listing->count; i++) {
        used += (size_t)snprintf(out + used, size - used, "%s%s", i == 0 ? "" : ",", names[i]);
    }
    (void)snprintf(out + used, size - used, "\n");
}

static void start(struct client *client, const char *endpoint)
{
    const char *installed = getenv("MUSTER_CLIENTS_DIR");
    const char *argv[ARGS_MAX] = { NULL };
    struct process_spec spec = { .name = client->name, .argv = argv };
    struct scene_path scripts[ARRAY_COUNT(client->argv)];
    size_t i;

    cr_assert_not_null(installed, "MUSTER_CLIENTS_DIR is not set: run the tests with ctest");
    for (i = 0; i < ARRAY_COUNT(client->argv) && client->argv[i] != NULL; i++) {
        argv[i] = client->argv[i];
        if (argv[i][0] == '@') {
            (void)snprintf(scripts[i].text, sizeof(scripts[i].text), "%.180s/%s", installed,
                           client->argv[i] + 1);
            argv[i] = scripts[i].text;
        }
    }
    argv[i] = endpoint;
    client->process = process_start(&spec);
}

/* It runs, and no operation of it has failed at any time. */
static void must_be_content(const struct client *client)
{
    CLEANUP(mem_free_p) char *said = process_output(client->process);

    cr_assert(process_running(client->process), "%s: %s", client->name, said);
    cr_assert_null(strstr(said, "failed"), "%s: %s", client->name, said);
}

/* Each client uses what the endpoint lists now. */
static void all_must_follow(const char *step)
{
    struct listing listing = listing_now();
    uint64_t began_ms = clock_mono_ms();
    char line[1024];
    size_t i;

    line_for(&listing, line, sizeof(line));
    for (i = 0; i < ARRAY_COUNT(clients); i++) {
        if (!process_wait_output(clients[i].process, line)) {
            CLEANUP(mem_free_p) char *said = process_output(clients[i].process);

            cr_assert_fail("%s: after %s '%s' is missing in:\n%s", clients[i].name, step, line,
                           said);
        }
        must_be_content(&clients[i]);
    }
    (void)fprintf(stderr, "all clients follow %s, %llu ms after it was converged\n", step,
                  (unsigned long long)(clock_mono_ms() - began_ms));
}

/* A host with nodes that the endpoint is not on: a client that was told the address, as they are
 * here, can't look the name up again. */
static const char *host_to_drain(void)
{
    static const char *const names[] = { "h1", "h2", "h3" };
    struct listing listing = listing_now();
    char endpoint[ENDPOINT_SIZE];
    size_t i;

    endpoint_now(endpoint);
    endpoint[strcspn(endpoint, ":")] = '\0';
    for (i = 0; i < listing.count; i++) {
        unsigned host = fleet_host_of(listing.nodes[i].ip);

        if (host != 0 && host != fleet_host_of(endpoint)) {
            return names[host - 1];
        }
    }
    cr_assert_fail("all nodes are on one host");
    return "";
}

Test(clients, follow_scale_out_replacement_and_scale_in)
{
    char endpoint[ENDPOINT_SIZE];
    const char *host;
    size_t i;

    fleet_start(HOSTS, NULL);
    /* Longer than a client polls, and longer than its connections stay idle. */
    lab_write_spec(NODES, "  rollout:\n    drain: 8s\n");
    MUST_OK("apply", "-f", lab_spec().text);
    must_converge();
    endpoint_now(endpoint);
    for (i = 0; i < ARRAY_COUNT(clients); i++) {
        start(&clients[i], endpoint);
    }
    all_must_follow("the start");

    must_scale(NODES_MORE);
    all_must_follow("a scale-out");

    host = host_to_drain();
    MUST_OK("drain", host, "--timeout", "90s");
    must_converge();
    all_must_follow("a drained host");

    must_scale(NODES_LESS);
    all_must_follow("a scale-in");
    for (i = 0; i < ARRAY_COUNT(clients); i++) {
        process_kill(clients[i].process);
    }
    fleet_close();
}
