/*
 * Stock discovery clients from npm against a real cluster: each discovers it through
 * `muster endpoint`, uses every node, and follows a scale-out and a scale-in without a restart.
 * What a client says on its standard output is described in follow.js.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "integration/lab.h"
#include "support/process.h"

#define NODES 3
#define NODES_MORE 5
#define NODES_LESS 2

TestSuite(clients, .timeout = 150);

/* "nodes 3 127.a.b.1:11211,127.a.b.2:11211,…": what the client says of nodes 1..`nodes`. */
static void expected_line(unsigned nodes, char *out, size_t size)
{
    size_t used = (size_t)snprintf(out, size, "nodes %u ", nodes);
    unsigned i;

    for (i = 1; i <= nodes; i++) {
        used += (size_t)snprintf(out + used, size - used, "%s%s:%d", i == 1 ? "" : ",",
                                 scene_ip(i).text, LAB_DATA_PORT);
    }
    (void)snprintf(out + used, size - used, "\n");
}

static void must_reach(struct process *client, unsigned nodes)
{
    char line[1024];

    expected_line(nodes, line, sizeof(line));
    if (!process_wait_output(client, line)) {
        CLEANUP(mem_free_p) char *said = process_output(client);

        cr_assert_fail("'%s' is missing in:\n%s", line, said);
    }
}

/* It runs, and no operation of it failed at any time. */
static void must_be_content(struct process *client)
{
    CLEANUP(mem_free_p) char *said = process_output(client);

    cr_assert(process_running(client), "%s", said);
    cr_assert_null(strstr(said, "failed"), "%s", said);
}

static void follow(const char *package)
{
    struct run_result result;
    struct process *client;
    struct scene_path script;
    const char *installed = getenv("MUSTER_CLIENTS_DIR");

    cr_assert_not_null(installed, "MUSTER_CLIENTS_DIR is not set: run the tests with ctest");
    /* Longer than a client polls, and longer than its connections stay idle. */
    lab_write_spec(NODES, "  rollout:\n    drain: 8s\n");
    lab_up(NULL);
    MUST_MUSTER(&result, 0, "endpoint", LAB_CLUSTER);
    result.out[strcspn(result.out, "\n")] = '\0';
    (void)snprintf(script.text, sizeof(script.text), "%.200s/follow.js", installed);
    client = process_startl(package, "node", script.text, package, result.out, NULL);
    must_reach(client, NODES);

    must_scale(NODES_MORE);
    must_reach(client, NODES_MORE);

    MUST_OK("scale", LAB_CLUSTER, "--nodes", "2");
    must_reach(client, NODES_LESS);
    must_converge();
    must_reach(client, NODES_LESS);
    must_be_content(client);
    process_kill(client);
    lab_close();
}

Test(clients, memcached_elasticache_follows)
{
    follow("memcached-elasticache");
}

Test(clients, memcache_follows)
{
    follow("memcache");
}

Test(clients, elasticache_client_follows)
{
    follow("elasticache-client");
}
