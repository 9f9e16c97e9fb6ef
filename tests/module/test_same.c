/*
 * With the module, memcached answers every byte as without it.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/module/mix.h"
#include "tests/module/node.h"
#include "tests/module/odd_lines.h"

#define ROUNDS 1000
#define ROUNDS_MS_MAX 5000 /* on a machine that is busy with other things, fewer rounds */

static void show(const char *name, const struct heard *heard, size_t at)
{
    size_t from = at < 60 ? 0 : at - 60;
    size_t size = heard->size - from < 120 ? heard->size - from : 120;

    cr_log_error("%s: %zu bytes; around byte %zu: <<%.*s>>", name, heard->size, at, (int)size,
                 heard->bytes + from);
}

/* For a closer look: what was said, in the file that MUSTER_TEST_DUMP names. */
static void dump(const struct speech *speech)
{
    const char *path = getenv("MUSTER_TEST_DUMP");
    FILE *file = path == NULL ? NULL : fopen(path, "w");

    if (file != NULL) {
        (void)fwrite(speech->bytes, 1, speech->size, file);
        (void)fclose(file);
    }
}

/*
 * Say the same to both; stop the test where the answers part. Where the servers close before they
 * have read everything, which resets the connection, the ends of their answers may be lost.
 */
static void compare(const struct node *bare, const struct node *node, const struct speech *speech,
                    const char *what, bool may_reset)
{
    struct heard expected;
    struct heard heard;
    size_t at = 0;

    talk(node_connect(bare), speech, &expected);
    talk(node_connect(node), speech, &heard);
    while (at < expected.size && at < heard.size && expected.bytes[at] == heard.bytes[at]) {
        at++;
    }
    if ((at != expected.size && !heard.reset) || (at != heard.size && !expected.reset) ||
        (!may_reset && (expected.reset || heard.reset))) {
        dump(speech);
        show("bare", &expected, at);
        show("with the module", &heard, at);
        cr_assert_fail("%s: the answers part at byte %zu", what, at);
    }
    free(expected.bytes);
    free(heard.bytes);
}

static void compare_rounds(const struct node *bare, const struct node *node, struct mix *mix,
                           bool may_reset)
{
    const uint64_t start_ms = clock_mono_ms();
    char what[64];
    unsigned i;

    for (i = 0; i < ROUNDS && clock_mono_ms() - start_ms < ROUNDS_MS_MAX; i++) {
        const struct speech speech = mix_round(mix);

        (void)snprintf(what, sizeof(what), "seed %lu, round %u", (unsigned long)mix->seed, i);
        compare(bare, node, &speech, what, may_reset);
    }
    cr_log_info("%u rounds", i);
}

static void compare_mix(const struct node *bare, const struct node *node, uint64_t seed,
                        enum mix_kind kind)
{
    static struct mix mix;

    mix_init(&mix, seed, kind);
    compare_rounds(bare, node, &mix, false);
}

/*
 * What the partition serves, as ordinary items of a memcached that has no partition. The version
 * that the partition serves is the cas of the first one there; the other memcached counts as far.
 */
static void store_items(const struct node *bare, struct node *node)
{
    char said[1024];
    unsigned cas;
    char *answer;

    (void)snprintf(
        said, sizeof(said),
        "set AmazonElastiCache:cluster 0 0 %zu\r\n%s\r\nset muster:config 0 0 %zu\r\n%s\r\n",
        strlen(NODE_PAYLOAD), NODE_PAYLOAD, strlen(NODE_RECORD), NODE_RECORD);
    node_expect(bare, said, "STORED\r\nSTORED\r\n");
    node_expect(node, "set one 0 0 0\r\n\r\nset two 0 0 0\r\n\r\n", "STORED\r\nSTORED\r\n");
    answer = node_ask(bare, "gets AmazonElastiCache:cluster\r\n");
    cr_assert_eq(sscanf(answer, "VALUE AmazonElastiCache:cluster 0 %*u %u", &cas), 1);
    free(answer);
    node_publish(node, cas, NODE_PAYLOAD, NODE_RECORD);
}

/* A seed from the environment repeats a run. */
static uint64_t seed_or(uint64_t seed)
{
    const char *text = getenv("MUSTER_TEST_SEED");

    return text == NULL ? seed : strtoull(text, NULL, 10);
}

Test(same, a_mix_of_all_commands_is_answered_alike)
{
    struct node bare;
    struct node node;

    node_start_bare(&bare, 1, NULL);
    node_start(&node, 2, NULL);
    compare_mix(&bare, &node, seed_or(1), MIX_PLAIN);
}

/* Here the bare one holds the payload and the record as items: its answers are the expected ones.
 */
static void compare_served(const char *const *arguments, uint64_t seed, enum mix_kind kind)
{
    struct node bare;
    struct node node;

    node_start_bare(&bare, 1, arguments);
    node_start(&node, 2, arguments);
    store_items(&bare, &node);
    compare_mix(&bare, &node, seed, kind);
}

Test(same, reads_of_the_partition_stand_in_order_within_the_mix)
{
    compare_served(NULL, seed_or(2), MIX_READS);
}

Test(same, writes_to_the_partition_stand_in_order_within_the_mix)
{
    compare_served(NULL, seed_or(5), MIX_WRITES);
}

Test(same, one_request_per_event_and_many_threads_make_no_difference)
{
    static const char *const arguments[] = { "-R", "1", "-t", "8", "-o", "modern", NULL };

    compare_served(arguments, seed_or(3), MIX_READS);
}

/* Half of what is said is in the other protocol, and noise to this listener. */
Test(same, a_listener_of_one_protocol_stays_one)
{
    static const char *const arguments[][3] = { { "-B", "ascii", NULL }, { "-B", "binary", NULL } };
    static struct mix mix;
    struct node bare;
    struct node node;
    unsigned i;

    for (i = 0; i < 2; i++) {
        node_start_bare(&bare, 1 + 2 * i, arguments[i]);
        node_start(&node, 2 + 2 * i, arguments[i]);
        mix_init(&mix, seed_or(4), MIX_PLAIN);
        mix.harmless = i == 0; /* to the other listener, text is no command at all */
        compare_rounds(&bare, &node, &mix, true);
    }
}

/*
 * The smuggling table: behind each malformed write line stands what a client may have meant as
 * the value, and it looks like a command of the partition. Whether it is one is for memcached to
 * say: the bare one holds the same item.
 */
static void smuggle(const struct node *bare, const struct node *node, const struct odd_line *line,
                    size_t cut, unsigned pause_us)
{
    static const char value[] = "get AmazonElastiCache:cluster\r\nget AmazonElastiCache:cluster\r\n"
                                "mn\r\nget AmazonElastiCache:cluster\r\n";
    char said[1024];
    const struct speech speech = { .bytes = said,
                                   .size = line->size + sizeof(value) - 1,
                                   .cuts = &cut,
                                   .cuts_count = cut == 0 ? 0 : 1,
                                   .pause_us = pause_us };

    memcpy(said, line->text, line->size);
    memcpy(said + line->size, value, sizeof(value) - 1);
    compare(bare, node, &speech, line->text, false);
}

Test(same, nothing_is_smuggled_behind_malformed_lines)
{
    struct node bare;
    struct node node;
    size_t i;

    node_start_bare(&bare, 1, NULL);
    node_start(&node, 2, NULL);
    store_items(&bare, &node);
    for (i = 0; i < odd_lines_count; i++) {
        if (odd_lines[i].bytes_max < 16384) {
            smuggle(&bare, &node, &odd_lines[i], 0, 0);
            smuggle(&bare, &node, &odd_lines[i], odd_lines[i].size, 2000);
            smuggle(&bare, &node, &odd_lines[i], odd_lines[i].size + 7, 2000);
            smuggle(&bare, &node, &odd_lines[i], odd_lines[i].size - 1, 2000);
        }
    }
}

/* Where a line may announce as much data as memcached's whole buffer, the connection may end;
 * never is an answer given that memcached would not have given. */
Test(same, nothing_is_smuggled_where_the_boundaries_cannot_be_known)
{
    static const char get[] = "get AmazonElastiCache:cluster\r\n";
    static char said[200000];
    struct speech speech = { .bytes = said };
    struct heard expected;
    struct heard heard;
    struct node bare;
    struct node node;
    size_t i;

    node_start_bare(&bare, 1, NULL);
    node_start(&node, 2, NULL);
    store_items(&bare, &node);
    for (i = 0; i < odd_lines_count; i++) {
        if (odd_lines[i].bytes_max < 16384) {
            continue;
        }
        memcpy(said, odd_lines[i].text, odd_lines[i].size);
        speech.size = odd_lines[i].size;
        while (speech.size < 60000) {
            memcpy(said + speech.size, get, sizeof(get) - 1);
            speech.size += sizeof(get) - 1;
        }
        talk(node_connect(&bare), &speech, &expected);
        talk(node_connect(&node), &speech, &heard);
        cr_assert_leq(heard.size, expected.size, "behind %s", odd_lines[i].text);
        cr_assert_arr_eq(heard.bytes, expected.bytes, heard.size, "behind %s", odd_lines[i].text);
        free(expected.bytes);
        free(heard.bytes);
    }
}
