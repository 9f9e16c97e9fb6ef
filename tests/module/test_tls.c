/*
 * Listeners that speak TLS: the partition is served on them as on plain ones.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "discovery/inbox.h"
#include "support/net.h"
#include "support/wait.h"
#include "tests/module/launch.h"
#include "tests/module/tls_client.h"

#define CONFIG_GET "config get cluster\r\n"
#define PLAIN_PORT 21213
#define RECORD_BYTES 16384 /* the most that one TLS record carries */

struct arguments {
    char options[2 * SCENE_PATH_SIZE + 64];
    char plain[64];
    const char *list[16];
};

/* -Z with a new certificate, and a plain listener beside it. */
static void make_arguments(struct arguments *arguments, unsigned host)
{
    const struct scene_path certificate = scene_path("certificate");
    const struct scene_path key = scene_path("key");
    const char *const list[] = { "-Z", "-o", arguments->options, "-l", arguments->plain, NULL };

    tls_make_certificate(certificate.text, key.text);
    (void)snprintf(arguments->options, sizeof(arguments->options), "ssl_chain_cert=%s,ssl_key=%s",
                   certificate.text, key.text);
    (void)snprintf(arguments->plain, sizeof(arguments->plain), "notls:%s:%d", scene_ip(host).text,
                   PLAIN_PORT);
    memcpy(arguments->list, list, sizeof(list));
}

static void start(struct node *node, unsigned host, const char *program)
{
    struct arguments arguments;
    struct launch spec = { .program = program, .arguments = arguments.list };

    make_arguments(&arguments, host);
    launch(node, host, &spec);
}

static void converse(const struct node *node, const char *said, const char *answer)
{
    struct tls_client client;

    tls_client_open(&client, node_connect(node));
    tls_client_say(&client, said, strlen(said));
    tls_client_expect(&client, answer);
    tls_client_close(&client);
}

Test(tls, the_partition_is_served_between_other_commands)
{
    size_t count;
    const char *const *programs = launch_programs(&count);
    size_t i;

    for (i = 0; i < count; i++) {
        struct node node;

        start(&node, (unsigned)i + 1, programs[i]);
        converse(
            &node,
            "get k\r\n" CONFIG_GET "set k 0 0 20\r\n" CONFIG_GET "\r\n" CONFIG_GET
            "get k\r\nset muster:config 0 0 9\r\nsomething\r\n" CONFIG_GET "version 1\r\nmn\r\n",
            "END\r\n" NODE_CONFIG_ANSWER "STORED\r\n" NODE_CONFIG_ANSWER
            "VALUE k 0 20\r\n" CONFIG_GET "\r\nEND\r\nSTORED\r\n" NODE_CONFIG_ANSWER "VERSION");
    }
}

static bool plain_listens(void *ctx)
{
    const struct node *node = ctx;

    return net_answers(node->ip.text, PLAIN_PORT);
}

Test(tls, a_plain_listener_beside_it_serves_too)
{
    struct node node;
    char *answer;

    start(&node, 1, NULL);
    cr_assert(wait_until(plain_listens, &node, WAIT_MS)); /* it may come up behind the other one */
    answer = net_ask(node.ip.text, PLAIN_PORT, "get k\r\n" CONFIG_GET "quit\r\n", NULL);
    cr_expect_str_eq(answer, "END\r\n" NODE_CONFIG_ANSWER);
    free(answer);
    converse(&node, CONFIG_GET, NODE_CONFIG_ANSWER);
}

/* Each piece is a record of its own. */
Test(tls, a_stream_may_be_split_anywhere)
{
    static const char said[] = "set k 0 0 20\r\n" CONFIG_GET "\r\n" CONFIG_GET "get k\r\n";
    static const char answer[] =
        "STORED\r\n" NODE_CONFIG_ANSWER "VALUE k 0 20\r\n" CONFIG_GET "\r\nEND\r\n";
    struct node node;
    size_t cut;

    start(&node, 1, NULL);
    for (cut = 1; cut < sizeof(said) - 1; cut++) {
        struct tls_client client;

        tls_client_open(&client, node_connect(&node));
        tls_client_say(&client, said, cut);
        usleep(300); /* so that memcached mostly reads the pieces apart */
        tls_client_say(&client, said + cut, sizeof(said) - 1 - cut);
        tls_client_expect(&client, answer);
        tls_client_close(&client);
    }
}

/* What one record holds beyond memcached's read is decrypted and known to no kernel. */
Test(tls, commands_behind_a_value_of_their_own_record_are_not_forgotten)
{
    static char value[RECORD_BYTES + 1];
    static char said[RECORD_BYTES + 256];
    size_t value_bytes;
    struct node node;

    start(&node, 1, NULL);
    memset(value, 'v', RECORD_BYTES);
    for (value_bytes = RECORD_BYTES - 120; value_bytes <= RECORD_BYTES; value_bytes += 7) {
        struct tls_client client;
        int head = snprintf(said, sizeof(said), "set k 0 0 %zu\r\n", value_bytes);
        int size = snprintf(said + head, sizeof(said) - (size_t)head,
                            "%.*s\r\n" CONFIG_GET "mn\r\n" CONFIG_GET, (int)value_bytes, value);

        tls_client_open(&client, node_connect(&node));
        tls_client_say(&client, said, (size_t)head);
        tls_client_say(&client, said + head, (size_t)size);
        tls_client_expect(&client, "STORED\r\n" NODE_CONFIG_ANSWER "MN\r\n" NODE_CONFIG_ANSWER);
        tls_client_close(&client);
    }
}

/* Half a command in one record, the rest at the head of a full one. */
Test(tls, a_full_record_behind_half_a_command_is_read_whole)
{
    static char said[RECORD_BYTES + 64];
    static char heard[2 * RECORD_BYTES * 8];
    const size_t commands = (RECORD_BYTES - 15) / 4; /* "mn\r\n" each */
    struct tls_client client;
    struct node node;
    size_t size;
    size_t i;

    start(&node, 1, NULL);
    memcpy(said, "get cluster\r\n", 13);
    size = 13;
    for (i = 0; i < commands; i++) {
        memcpy(said + size, "mn\r\n", 4);
        size += 4;
    }
    cr_assert_leq(size, RECORD_BYTES);
    size = (size_t)snprintf(heard, sizeof(heard), NODE_CONFIG_ANSWER);
    for (i = 0; i < commands; i++) {
        memcpy(heard + size, "MN\r\n", 4);
        size += 4;
    }
    tls_client_open(&client, node_connect(&node));
    tls_client_say(&client, "config ", 7);
    usleep(20000); /* so that memcached reads the beginning alone */
    tls_client_say(&client, said, 13 + 4 * commands);
    tls_client_expect(&client, heard);
    tls_client_close(&client);
}

/* Answers of several records, to a client that does not read: they wait, in order. */
Test(tls, an_answer_waits_for_a_client_that_does_not_read)
{
    enum { PAYLOAD = 60000, FLOOD = 200 };
    static char payload[PAYLOAD + 1];
    static char one[PAYLOAD + 128];
    static const char ask[] = CONFIG_GET "get k\r\n";
    struct tls_client client;
    struct node node;
    unsigned i;

    start(&node, 1, NULL);
    memset(payload, 'p', PAYLOAD);
    node_publish(&node, 2, payload, NODE_RECORD);
    converse(&node, "set k 0 0 2\r\nhi\r\n", "STORED\r\n");
    (void)snprintf(one, sizeof(one),
                   "CONFIG cluster 0 %d\r\n%s\r\nEND\r\nVALUE k 0 2\r\nhi\r\nEND\r\n", PAYLOAD,
                   payload);
    tls_client_open(&client, node_connect(&node));
    for (i = 0; i < FLOOD; i++) {
        tls_client_say(&client, ask, sizeof(ask) - 1);
    }
    for (i = 0; i < 20; i++) { /* meanwhile, others */
        converse(&node, "get k\r\n", "VALUE k 0 2\r\nhi\r\nEND\r\n");
    }
    for (i = 0; i < FLOOD; i++) {
        tls_client_expect(&client, one);
    }
    tls_client_close(&client);
}

Test(tls, clients_that_go_away_in_the_middle_harm_nobody)
{
    enum { PAYLOAD = 60000, CLIENTS = 20 };
    static char payload[PAYLOAD + 1];
    struct node node;
    unsigned i;
    unsigned k;

    start(&node, 1, NULL);
    memset(payload, 'p', PAYLOAD);
    node_publish(&node, 2, payload, NODE_RECORD);
    for (i = 0; i < CLIENTS; i++) {
        const struct linger reset = { .l_onoff = 1, .l_linger = 0 };
        struct tls_client client;

        tls_client_open(&client, node_connect(&node));
        for (k = 0; k < 100; k++) {
            tls_client_say(&client, CONFIG_GET, strlen(CONFIG_GET));
        }
        if (i % 2 == 0) {
            (void)setsockopt(client.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        }
        tls_client_close(&client);
        converse(&node, "mn\r\n", "MN\r\n");
    }
}

/* Plain bytes at a TLS port are no request, and get no answer of ours. */
Test(tls, plain_bytes_at_a_tls_port_are_not_answered)
{
    struct node node;
    char *answer;

    start(&node, 1, NULL);
    answer = net_ask(node.ip.text, NODE_PORT, CONFIG_GET CONFIG_GET CONFIG_GET, NULL);
    cr_expect_null(strstr(answer, "CONFIG"), "%s", answer);
    free(answer);
    converse(&node, CONFIG_GET, NODE_CONFIG_ANSWER);
}

/* Newer releases ask libssl what a result means, and tell watchers of errors. */
Test(tls, having_nothing_to_read_is_no_error)
{
    static const char watch[] = "watch connevents\r\n";
    size_t count;
    const char *const *programs = launch_programs(&count);
    char heard[4096] = "";
    size_t size = 0;
    struct node node;
    ssize_t n;
    int fd;

    start(&node, 1, programs[count - 1]);
    fd = net_connect(node.ip.text, PLAIN_PORT);
    cr_assert_eq(send(fd, watch, sizeof(watch) - 1, MSG_NOSIGNAL), (ssize_t)sizeof(watch) - 1);
    cr_assert_eq(recv(fd, heard, 4, MSG_WAITALL), 4);
    cr_assert_str_eq(heard, "OK\r\n");
    converse(&node, CONFIG_GET "mn\r\n" CONFIG_GET, NODE_CONFIG_ANSWER "MN\r\n" NODE_CONFIG_ANSWER);
    while (strstr(heard, "type=conn_close") == NULL) {
        n = recv(fd, heard + size, sizeof(heard) - 1 - size, 0);
        cr_assert_gt(n, 0);
        size += (size_t)n;
        heard[size] = '\0';
    }
    cr_expect_null(strstr(heard, "tlserr"), "%s", heard);
    (void)close(fd);
}
