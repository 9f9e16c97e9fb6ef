/* What the liveness probe of a memcached's container says (muster-pod alive). */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/net.h"
#include "support/process.h"
#include "support/scene.h"
#include "support/wait.h"

TestSuite(pod, .timeout = 60);

#define PORT 11211
#define SILENCE_MS 1000
#define CLIENTS "64" /* that it may have at a time, files of its own among them */

enum { ALIVE = 0, NOT_ALIVE = 1, WRONG_USE = 2 };

/* The exit code of `muster-pod VERB...` with that address in its environment; NULL: none. */
static int pod(const char *address, const char *const *words)
{
    struct scene_path program = scene_program("muster-pod");
    const char *argv[] = { program.text, words[0], words[1], words[2], NULL };
    char variable[64] = "NOTHING=";
    const char *env[] = { variable, NULL };
    struct process_spec spec = { .name = "muster-pod", .argv = argv, .env = env };

    if (address != NULL) {
        (void)snprintf(variable, sizeof(variable), "MUSTER_MEMCACHED_ADDRESS=%s", address);
    }
    return process_run(&spec, NULL);
}

static int look(void)
{
    char address[64];

    (void)snprintf(address, sizeof(address), "%s:%d", scene_ip(1).text, PORT);
    return pod(address, (const char *const[]){ "alive", "2", NULL });
}

static bool answers(void *ctx)
{
    (void)ctx;
    return look() == ALIVE;
}

static struct process *start_memcached(const char *full)
{
    struct process *memcached =
        process_startl("memcached", "memcached", "-l", scene_ip(1).text, "-p", "11211", "-u",
                       "nobody", "-m", "16", "-t", "1", "-c", CLIENTS, "-o", full, NULL);

    cr_assert(wait_until(answers, NULL, WAIT_MS), "it never answers");
    return memcached;
}

/* The kernel goes on accepting for it, so that a connection alone would not tell. */
Test(pod, a_memcached_that_hangs_is_not_alive)
{
    struct process *memcached = start_memcached("maxconns_fast");

    process_signal(memcached, SIGSTOP);
    cr_expect(net_answers(scene_ip(1).text, PORT));
    cr_expect_eq(look(), NOT_ALIVE);
    process_signal(memcached, SIGCONT);
    cr_expect(wait_until(answers, NULL, WAIT_MS));
    process_kill(memcached);
    cr_expect_eq(look(), NOT_ALIVE);
}

static bool is_served(int fd)
{
    static const char question[] = "version\r\n";
    char reply[64] = "";

    return 0 <= fd &&
           send(fd, question, strlen(question), MSG_NOSIGNAL) == (ssize_t)strlen(question) &&
           0 < recv(fd, reply, sizeof(reply) - 1, 0) && strncmp(reply, "VERSION", 7) == 0;
}

/* It sends whoever comes away; ending it would only take its cache from those who are there. Each
 * is served before the next one comes: many at once may be more than it has descriptors for, before
 * it has counted them, and then it does not even send them away. */
Test(pod, a_memcached_with_all_the_clients_it_may_have_is_alive)
{
    int clients[128];
    size_t count = 0;
    bool served = true;

    (void)start_memcached("maxconns_fast");
    while (served) {
        cr_assert_lt(count, sizeof(clients) / sizeof(clients[0]), "there is room for more");
        clients[count] = net_connect(scene_ip(1).text, PORT);
        served = is_served(clients[count++]);
    }
    cr_expect_gt(count, 1);
    cr_expect_eq(look(), ALIVE);
    while (0 < count) {
        (void)close(clients[--count]);
    }
}

static int begin_connection(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(PORT) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    cr_assert_eq(inet_pton(AF_INET, scene_ip(1).text, &at.sin_addr), 1);
    cr_assert_leq(0, fd);
    (void)connect(fd, (struct sockaddr *)&at, sizeof(at));
    return fd;
}

/* Whoever comes is not even sent away. */
static bool is_silent(void *ctx)
{
    int fd = begin_connection();
    struct pollfd writable = { .fd = fd, .events = POLLOUT };
    struct pollfd readable = { .fd = fd, .events = POLLIN };
    bool silent;

    (void)ctx;
    if (poll(&writable, 1, SILENCE_MS) == 1) {
        (void)!send(fd, "version\r\n", 9, MSG_NOSIGNAL);
    }
    silent = poll(&readable, 1, SILENCE_MS) == 0;
    (void)close(fd);
    return silent;
}

/* It has no open file left, and takes nobody until one of its clients goes. */
Test(pod, a_memcached_that_can_open_no_file_is_alive)
{
    struct process *memcached = start_memcached("no_maxconns_fast");
    int clients[128];
    size_t i;

    for (i = 0; i < sizeof(clients) / sizeof(clients[0]); i++) {
        clients[i] = begin_connection();
    }
    cr_assert(wait_until(is_silent, NULL, WAIT_MS));
    cr_expect_eq(look(), ALIVE);
    for (i = 0; i < sizeof(clients) / sizeof(clients[0]); i++) {
        (void)close(clients[i]);
    }
    cr_assert(wait_until(answers, NULL, WAIT_MS));
    process_signal(memcached, SIGSTOP);
    cr_expect_eq(look(), NOT_ALIVE);
}

Test(pod, what_is_no_address_or_no_command_is_refused)
{
    static const char *const addresses[] = { "",           "127.0.0.1",      "127.0.0.1:",
                                             ":11211",     "127.0.0.1:0",    "127.0.0.1:65536",
                                             "host:11211", "127.0.0.1:112x", "255.255.255.2555:1" };
    static const char *const commands[][3] = {
        { NULL, NULL, NULL },      { "alive", "61", NULL },  { "alive", "", NULL },
        { "alive", "1s", NULL },   { "leave", NULL, NULL },  { "leave", "/f", "259201" },
        { "leave", "/f", "-1x" },  { "stay", NULL, NULL },   { "install", NULL, NULL },
        { "install", "/a", "/b" }, { "fly", "/away", NULL },
    };
    size_t i;

    for (i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        cr_expect_eq(pod(addresses[i], (const char *const[]){ "alive", NULL, NULL }), NOT_ALIVE,
                     "'%s'", addresses[i]);
    }
    cr_expect_eq(pod(NULL, (const char *const[]){ "alive", NULL, NULL }), WRONG_USE);
    for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        cr_expect_eq(pod(NULL, commands[i]), WRONG_USE, "%zu", i);
    }
}
