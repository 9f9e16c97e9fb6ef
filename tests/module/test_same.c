/*
 * With the module, memcached answers every byte as without it; each memcached of node_programs().
 *
 * MUSTER_TEST_OPERATIONS sets how many operations each mix has, in place of what some seconds
 * allow.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/module/each_program.h"
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
 * What a memcached with the module says more than a bare one: that a write came too soon after
 * others, where the bare one stores an item, and the configuration, where the bare one knows no
 * such command.
 */
static void as_bare(struct heard *heard)
{
    heard_replace(heard, NODE_CONFIG_ANSWER, "ERROR\r\n");
}

/*
 * Say the same to both; stop the test where the answers part. Where the servers close before they
 * have read everything, which resets the connection, the ends of their answers may be lost; and
 * where a client ends within a value, memcached may keep back what it has answered until then.
 */
enum end { END_WHOLE, END_MAY_RESET, END_LOST };

static void compare(const struct node *bare, const struct node *node, const struct speech *speech,
                    const char *what, enum end end)
{
    struct heard expected;
    struct heard heard;
    size_t at = 0;

    talk(node_connect(bare), speech, &expected);
    talk(node_connect(node), speech, &heard);
    as_bare(&heard);
    while (at < expected.size && at < heard.size && expected.bytes[at] == heard.bytes[at]) {
        at++;
    }
    if ((at != expected.size && !heard.reset && end != END_LOST) ||
        (at != heard.size && !expected.reset && end != END_LOST) ||
        (at != expected.size && at != heard.size) ||
        (end == END_WHOLE && (expected.reset || heard.reset))) {
        dump(speech);
        show("bare", &expected, at);
        show("with the module", &heard, at);
        cr_assert_fail("%s: the answers part at byte %zu", what, at);
    }
    free(expected.bytes);
    free(heard.bytes);
}

/* Whether the mix has gone on for long enough. */
static bool enough(const struct mix *mix, unsigned rounds, uint64_t start_ms)
{
    const char *operations = getenv("MUSTER_TEST_OPERATIONS");

    if (operations != NULL) {
        return strtoull(operations, NULL, 10) <= mix->operations;
    }
    return ROUNDS <= rounds || ROUNDS_MS_MAX <= clock_mono_ms() - start_ms;
}

static void compare_rounds(const struct node *bare, const struct node *node, struct mix *mix,
                           enum end end)
{
    const uint64_t start_ms = clock_mono_ms();
    char what[64];
    unsigned i;

    for (i = 0; !enough(mix, i, start_ms); i++) {
        const struct speech speech = mix_round(mix);

        (void)snprintf(what, sizeof(what), "seed %lu, round %u", (unsigned long)mix->seed, i);
        compare(bare, node, &speech, what, mix->ends_in_data ? END_LOST : end);
    }
    cr_log_info("%u rounds, %lu operations", i, (unsigned long)mix->operations);
}

static void compare_mix(const struct node *bare, const struct node *node, uint64_t seed,
                        enum mix_kind kind)
{
    static struct mix mix;

    mix_init(&mix, seed, kind);
    compare_rounds(bare, node, &mix, END_WHOLE);
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

/*
 * What would depend on memcached's clock is off: enough memory for all of a mix, so that nothing is
 * evicted, and no moving of items between slabs, each of which takes a cas.
 */
#define NO_MOVES "slab_automove=0"
#define MEMORY "-m", "512", "-o", NO_MOVES

EACH_PROGRAM(same, a_mix_of_all_commands_is_answered_alike)
{
    static const char *const arguments[] = { MEMORY, NULL };
    struct node bare;
    struct node node;

    node_use(program);
    node_start_bare(&bare, 1, arguments);
    node_start(&node, 2, arguments);
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

EACH_PROGRAM(same, reads_of_the_partition_stand_in_order_within_the_mix)
{
    static const char *const arguments[] = { MEMORY, NULL };

    node_use(program);
    compare_served(arguments, seed_or(2), MIX_READS);
}

EACH_PROGRAM(same, writes_to_the_partition_stand_in_order_within_the_mix)
{
    static const char *const arguments[] = { MEMORY, NULL };

    node_use(program);
    compare_served(arguments, seed_or(5), MIX_WRITES);
}

EACH_PROGRAM(same, one_request_per_event_and_many_threads_make_no_difference)
{
    static const char *const arguments[] = { MEMORY, "-R", "1", "-t", "8", "-o", "modern," NO_MOVES,
                                             NULL };

    node_use(program);
    compare_served(arguments, seed_or(3), MIX_READS);
}

/* Half of what is said is in the other protocol, and noise to this listener. */
EACH_PROGRAM(same, a_listener_of_one_protocol_stays_one)
{
    static const char *const arguments[][7] = { { MEMORY, "-B", "ascii", NULL },
                                                { MEMORY, "-B", "binary", NULL } };
    static struct mix mix;
    struct node bare;
    struct node node;
    unsigned i;

    node_use(program);
    for (i = 0; i < 2; i++) {
        node_start_bare(&bare, 1 + 2 * i, arguments[i]);
        node_start(&node, 2 + 2 * i, arguments[i]);
        mix_init(&mix, seed_or(4), MIX_PLAIN);
        mix.harmless = i == 0; /* to the other listener, text is no command at all */
        compare_rounds(&bare, &node, &mix, END_MAY_RESET);
    }
}

/*
 * The smuggling table: behind each malformed write line stands what a client may have meant as
 * the value, and it looks like commands of the partition and others. Whether they are some is for
 * memcached to say: the bare one holds the same items.
 */
static const char *const smuggled[] = {
    /* the first line is what a length of 29 takes */
    "get AmazonElastiCache:cluster\r\nget AmazonElastiCache:cluster\r\n"
    "mn\r\nget AmazonElastiCache:cluster\r\n",
    "config get cluster\r\nconfig get cluster\r\nget muster:config\r\nconfig get cluster\r\n",
    "set other 0 0 2\r\nhi\r\nget other\r\ndelete other\r\nget muster:config\r\nget other\r\n",
    "set muster:join:0123456789abcdef 0 0 31\r\nget AmazonElastiCache:cluster\r\n\r\n"
    "mg other v\r\nget muster:config\r\n",
    "x\r\nset other 0 0 29\r\nget AmazonElastiCache:cluster\r\nverbosity 0\r\nget muster:config\r\n",
};

static void smuggle(const struct node *bare, const struct node *node, const struct odd_line *line,
                    const char *value, size_t cut)
{
    char said[1024];
    const size_t value_bytes = strlen(value);
    const struct speech speech = { .bytes = said,
                                   .size = line->size + value_bytes,
                                   .cuts = &cut,
                                   .cuts_count = cut == 0 ? 0 : 1,
                                   .pause_us = 500 };

    memcpy(said, line->text, line->size);
    memcpy(said + line->size, value, value_bytes);
    compare(bare, node, &speech, line->text, END_WHOLE);
}

EACH_PROGRAM(same, nothing_is_smuggled_behind_malformed_lines)
{
    struct node bare;
    struct node node;
    size_t count = 0;
    size_t i;
    size_t j;

    node_use(program);
    node_start_bare(&bare, 1, NULL);
    node_start(&node, 2, NULL);
    store_items(&bare, &node);
    for (i = 0; i < odd_lines_count; i++) {
        if (odd_lines[i].bytes_max >= 16384) {
            continue;
        }
        for (j = 0; j < ARRAY_COUNT(smuggled); j++) {
            smuggle(&bare, &node, &odd_lines[i], smuggled[j], 0);
            smuggle(&bare, &node, &odd_lines[i], smuggled[j], odd_lines[i].size);
            smuggle(&bare, &node, &odd_lines[i], smuggled[j], odd_lines[i].size + 7);
            smuggle(&bare, &node, &odd_lines[i], smuggled[j], odd_lines[i].size - 1);
        }
        count++;
    }
    cr_assert_leq(100, count);
}

/* Where a line may announce as much data as memcached's whole buffer, the connection may end;
 * never is an answer given that memcached would not have given. */
EACH_PROGRAM(same, nothing_is_smuggled_where_the_boundaries_cannot_be_known)
{
    static const char get[] = "get AmazonElastiCache:cluster\r\n";
    static char said[200000];
    struct speech speech = { .bytes = said };
    struct heard expected;
    struct heard heard;
    struct node bare;
    struct node node;
    size_t i;

    node_use(program);
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
