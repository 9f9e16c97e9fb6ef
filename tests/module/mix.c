#include "tests/module/mix.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "support/scene.h"
#include "tests/module/odd_lines.h"

#define LONG_GET_KEYS 500 /* of a line that memcached may not get into its buffer at once */
#define OPERATIONS_MAX 60
#define KEYS 24

void mix_init(struct mix *mix, uint64_t seed, enum mix_kind kind)
{
    mix->seed = seed;
    mix->random = seed * 0x9e3779b97f4a7c15ULL + 1;
    mix->kind = kind;
    mix->operations = 0;
    mix->harmless = false;
    mix->size = 0;
    mix->ends_in_data = false;
}

static uint32_t below(struct mix *mix, uint32_t limit)
{
    mix->random ^= mix->random << 13;
    mix->random ^= mix->random >> 7;
    mix->random ^= mix->random << 17;
    return (uint32_t)((mix->random >> 16) % limit);
}

static void add(struct mix *mix, const void *bytes, size_t size)
{
    if (MIX_BYTES_MAX - mix->size < size) {
        scene_fail("a round is too long");
    }
    memcpy(mix->bytes + mix->size, bytes, size);
    mix->size += size;
}

static void addf(struct mix *mix, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void addf(struct mix *mix, const char *fmt, ...)
{
    char text[512];
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    add(mix, text, (size_t)n);
}

static unsigned key(struct mix *mix)
{
    return below(mix, KEYS);
}

/* Sizes around all the buffers involved, mostly small. */
static size_t value_size(struct mix *mix)
{
    static const uint32_t edges[] = { 0, 1, 2, 2046, 2048, 16360, 16382, 16384, 16386, 40000 };

    if (below(mix, 12) == 0 && !mix->harmless) {
        return edges[below(mix, ARRAY_COUNT(edges))];
    }
    return below(mix, 60);
}

/*
 * Values look like commands, numbers or noise. Those of the partition's that the bare memcached
 * could not answer stand only where all agree that they are data.
 */
static void add_value(struct mix *mix, size_t size, bool certain)
{
    static const char *const looks[] = {
        "\r\nEND\r\n",          "set x 0 0 3\r\n", "noise ",
        "\x80\x60\0\0",         "12345678",        "config get cluster\r\n",
        "get muster:config\r\n"
    };
    const char *look =
        looks[below(mix, mix->harmless ? 3 : ARRAY_COUNT(looks) - (certain ? 0 : 2))];
    size_t look_bytes = strlen(look);
    size_t n;

    while (0 < size) {
        n = size < look_bytes ? size : look_bytes;
        add(mix, look, n);
        size -= n;
    }
}

static const char *noreply(struct mix *mix)
{
    return below(mix, 5) == 0 ? " noreply" : "";
}

static void text_store(struct mix *mix)
{
    static const char *const verbs[] = {
        "set", "set", "set", "add", "replace", "append", "prepend"
    };
    size_t size = value_size(mix);

    addf(mix, "%s k%u %u %d %zu%s\r\n", verbs[below(mix, ARRAY_COUNT(verbs))], key(mix),
         below(mix, 9), below(mix, 9) == 0 ? -1 : 0, size, noreply(mix));
    add_value(mix, size, true);
    add(mix, "\r\n", 2);
}

/* Values around the largest item; with keys of their own, which no long get names. */
static void text_large(struct mix *mix)
{
    static const uint32_t sizes[] = { 500000, 1048000, 1048576, 1100000 };
    size_t size = sizes[below(mix, ARRAY_COUNT(sizes))];

    if (below(mix, 2) == 0) {
        addf(mix, "get L%u\r\n", below(mix, 4));
    } else {
        addf(mix, "%s L%u 0 0 %zu%s\r\n", below(mix, 3) == 0 ? "append" : "set", below(mix, 4),
             size, noreply(mix));
        add_value(mix, size, true);
        add(mix, "\r\n", 2);
    }
}

static void text_cas(struct mix *mix)
{
    size_t size = value_size(mix);

    /* Writes to the partition use up no cas of memcached's: there, only none that fits. */
    addf(mix, "cas k%u 0 0 %zu %u%s\r\n", key(mix), size,
         below(mix, 50) + (mix->kind == MIX_WRITES ? 1U << 30 : 0), noreply(mix));
    add_value(mix, size, true);
    add(mix, below(mix, 20) == 0 ? "xx" : "\r\n", 2); /* sometimes a bad data chunk */
}

static void text_get(struct mix *mix)
{
    const bool shows_cas = mix->kind != MIX_WRITES && below(mix, 3) == 0;
    const uint32_t keys =
        below(mix, 30) == 0 ? LONG_GET_KEYS + below(mix, 6000) : 1 + below(mix, 5);
    uint32_t count = keys;

    add(mix, shows_cas ? "gets" : "get", shows_cas ? 4 : 3);
    while (0 < count) {
        addf(mix, " k%u", key(mix));
        count--;
    }
    addf(mix, "%s\n", below(mix, 10) == 0 ? "" : "\r");
    mix->has_long_line = mix->has_long_line || LONG_GET_KEYS <= keys;
}

/*
 * Numbers have keys of their own and never get shorter: whether memcached shortens an item in
 * place depends on answers that are on their way.
 */
static void text_small(struct mix *mix)
{
    switch (below(mix, 9)) {
    case 0:
        addf(mix, "incr n%u %u%s\r\n", key(mix), below(mix, 100), noreply(mix));
        break;
    case 1:
        addf(mix, "decr %c%u 0\r\n", below(mix, 2) == 0 ? 'n' : 'x', key(mix));
        break;
    case 2:
        addf(mix, "touch k%u 0%s\r\n", key(mix), noreply(mix));
        break;
    case 3:
        addf(mix, "delete k%u%s\r\n", key(mix), noreply(mix));
        break;
    case 4:
        addf(mix, "gat 0 k%u k%u\r\n", key(mix), key(mix));
        break;
    case 5:
        add(mix, "version\r\n", 9);
        break;
    case 6:
        add(mix, "verbosity 0\r\n", 13);
        break;
    case 7:
        addf(mix, "set n%u 0 0 8%s\r\n12345678\r\n", key(mix), noreply(mix));
        break;
    default:
        add(mix, "mn\r\n", 4);
        break;
    }
}

static void text_meta(struct mix *mix)
{
    static const char *const flags[] = { "",   " v",       " s v", " k q", " O123 v",
                                         " f", " v k O77", " q v", " N0 v" };
    size_t size = value_size(mix);

    switch (below(mix, 6)) {
    case 0:
        addf(mix, "mg k%u%s\r\n", key(mix), flags[below(mix, ARRAY_COUNT(flags))]);
        break;
    case 1:
        addf(mix, "ms k%u %zu%s\r\n", key(mix), size,
             below(mix, 2) == 0   ? ""
             : below(mix, 2) == 0 ? " T0 F3 q"
                                  : " MA O9 k");
        add_value(mix, size, false);
        add(mix, "\r\n", 2);
        break;
    case 2:
        addf(mix, "md k%u q\r\n", key(mix));
        break;
    case 3:
        addf(mix, "ma n%u v D%u\r\n", key(mix), below(mix, 30));
        break;
    case 4:
        add(mix, "mn\r\n", 4);
        break;
    default:
        size %= 16000;
        addf(mix, "ms k%u %zu b X\r\n", key(mix), size); /* flags that no version likes */
        add_value(mix, size, false);
        add(mix, "\r\n", 2);
        break;
    }
}

/* Any bytes but the ends of lines and words, behind one that begins no command. */
static void add_noise(struct mix *mix, char first, size_t size)
{
    char byte = first;

    for (; 0 < size; size--) {
        add(mix, &byte, 1);
        byte = (char)(33 + below(mix, 223));
    }
}

static void text_garbage(struct mix *mix)
{
    static const char *const lines[] = { "",
                                         " ",
                                         "foo",
                                         "foo 5 6 7",
                                         "get",
                                         "gets",
                                         "config",
                                         "config get",
                                         "config get other",
                                         "version now",
                                         "stats nope",
                                         "  get k1",
                                         "get  k1",
                                         "GET k1",
                                         "mg",
                                         "incr k1 x",
                                         "delete",
                                         "config watch cluster",
                                         "me k99 ",
                                         "touch k1",
                                         "unknown 99999" };

    if (below(mix, 3) == 0) {
        add_noise(mix, 'x', 1 + below(mix, 60));
        add(mix, "\r\n", 2);
    } else {
        addf(mix, "%s\r\n", lines[below(mix, ARRAY_COUNT(lines))]);
    }
}

static void text_odd(struct mix *mix)
{
    const struct odd_line *line = &odd_lines[below(mix, (uint32_t)odd_lines_count)];

    if (line->bytes_max <= 29) { /* whoever takes it for data takes the whole line */
        add(mix, line->text, line->size);
        add(mix, "get k1 k2 k3 k4 k5 k6 k7 k8 x\r\n", 31);
    }
}

static void text_partition(struct mix *mix)
{
    switch (below(mix, mix->kind == MIX_WRITES ? 4 : 3)) {
    case 0:
        add(mix, "get AmazonElastiCache:cluster\r\n", 31);
        break;
    case 1:
        if (mix->kind == MIX_READS) {
            add(mix, "gets AmazonElastiCache:cluster\n", 31);
        }
        break;
    case 2:
        add(mix, "get muster:config\r\n", 19);
        break;
    default:
        addf(mix, "set muster:join:0123456789abcdef 0 0 20%s\r\nconfig get cluster\r\n\r\n",
             noreply(mix));
        break;
    }
}

static void text_operation(struct mix *mix)
{
    if (below(mix, 300) == 0 && !mix->harmless) {
        text_large(mix);
        return;
    }
    switch (below(mix, mix->kind == MIX_PLAIN ? 11 : 14)) {
    case 0:
    case 1:
    case 2:
        text_store(mix);
        break;
    case 3:
    case 4:
        text_get(mix);
        break;
    case 5:
    case 6:
        text_small(mix);
        break;
    case 7:
        text_meta(mix);
        break;
    case 8:
        text_garbage(mix);
        break;
    case 9:
        text_odd(mix);
        break;
    case 10:
        text_cas(mix);
        break;
    default:
        text_partition(mix);
        break;
    }
}

static void binary(struct mix *mix, uint8_t opcode, const char *extras, size_t extras_bytes,
                   const char *name, size_t value_bytes)
{
    const size_t key_bytes = strlen(name);
    const size_t body = extras_bytes + key_bytes + value_bytes;
    const unsigned char header[24] = { 0x80,
                                       opcode,
                                       (unsigned char)(key_bytes >> 8),
                                       (unsigned char)key_bytes,
                                       (unsigned char)extras_bytes,
                                       0,
                                       0,
                                       0,
                                       (unsigned char)(body >> 24),
                                       (unsigned char)(body >> 16),
                                       (unsigned char)(body >> 8),
                                       (unsigned char)body,
                                       (unsigned char)below(mix, 256),
                                       1,
                                       2,
                                       3 };

    add(mix, header, sizeof(header));
    add(mix, extras, extras_bytes);
    add(mix, name, key_bytes);
    add_value(mix, value_bytes, opcode != 0x50);
}

static void binary_partition(struct mix *mix)
{
    static const uint8_t gets[] = { 0x00, 0x09, 0x0c, 0x0d };

    binary(mix, gets[below(mix, 4)], "", 0, "AmazonElastiCache:cluster", 0);
}

static void binary_operation(struct mix *mix)
{
    static const uint8_t gets[] = { 0x00, 0x09, 0x0c, 0x0d };
    static const uint8_t stores[] = { 0x01, 0x02, 0x03, 0x11, 0x12, 0x13, 0x01, 0x11 };
    static const uint8_t joins[] = { 0x0e, 0x0f, 0x19, 0x1a };
    static const uint8_t counts[] = { 0x05, 0x15 };
    static const uint8_t touches[] = { 0x1c, 0x1d, 0x1e };
    static const char zeros[20] = { 0 };
    char name[16];

    (void)snprintf(name, sizeof(name), "k%u", key(mix));
    switch (below(mix, mix->kind == MIX_PLAIN ? 10 : 13)) {
    case 0:
    case 1:
        binary(mix, gets[below(mix, 4)], "", 0, name, 0);
        break;
    case 2:
    case 3:
        binary(mix, stores[below(mix, 8)], zeros, 8, name, value_size(mix));
        break;
    case 4:
        binary(mix, joins[below(mix, 4)], "", 0, name, value_size(mix));
        break;
    case 5:
        name[0] = 'n';
        binary(mix, counts[below(mix, 2)], "\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\5\0\0\0\0", 20, name, 0);
        break;
    case 6:
        binary(mix, below(mix, 2) == 0 ? 0x04 : 0x14, "", 0, name, 0);
        break;
    case 7:
        binary(mix, touches[below(mix, 3)], zeros, 4, name, 0);
        break;
    case 8:
        binary(mix, below(mix, 2) == 0 ? 0x0a : 0x0b, "", 0, "", 0);
        break;
    case 9: /* an opcode that nobody knows, sometimes with a value */
        binary(mix, 0x50, "", 0, "", below(mix, 4) == 0 ? below(mix, 100) : 0);
        break;
    default:
        binary_partition(mix);
        break;
    }
}

/*
 * How a connection ends early: what comes behind is not answered by anybody. Memcached 1.6.38 gives
 * the cas of a binary connection's last command to the first item that the next connection with
 * the same descriptor stores; so all end with the same one.
 */
static void add_end(struct mix *mix, bool is_binary)
{
    if (is_binary) {
        binary(mix, 0x0a, "", 0, "", 0);
    }
    switch (below(mix, 12)) {
    case 0:
        if (is_binary) {
            binary(mix, 0x07, "", 0, "", 0);
        } else {
            add(mix, "quit\r\n", 6);
        }
        break;
    case 1:
        if (is_binary) {
            binary(mix, 0x10, "", 0, "nope", 0);
        } else {
            add(mix, "get k1", 6); /* without its end */
        }
        break;
    case 2:
        if (is_binary) {
            add(mix, "\x80\x01\0", 3); /* a header that never comes whole */
        } else {
            add_noise(mix, '!', 1500);
        }
        break;
    case 3:
        if (!is_binary) {
            addf(mix, "set k%u 0 0 500\r\n", key(mix)); /* data that never comes whole */
            add_value(mix, 300, true);
            mix->ends_in_data = true;
        }
        break;
    default:
        break;
    }
}

static int ascending(const void *a, const void *b)
{
    const size_t x = *(const size_t *)a;
    const size_t y = *(const size_t *)b;

    return x < y ? -1 : x > y;
}

struct speech mix_round(struct mix *mix)
{
    const bool is_binary = below(mix, 4) == 0 && mix->kind != MIX_WRITES;
    uint32_t operations = 1 + below(mix, mix->harmless ? 10 : OPERATIONS_MAX);
    struct speech speech = { .bytes = mix->bytes, .cuts = mix->cuts };
    size_t i;

    mix->size = 0;
    mix->ends_in_data = false;
    mix->has_long_line = false;
    mix->operations += operations;
    while (0 < operations) {
        if (is_binary) {
            binary_operation(mix);
        } else {
            text_operation(mix);
        }
        operations--;
    }
    if (mix->harmless) { /* whatever memcached still waits for: answers are lost at an early end */
        for (i = 0; i < 100; i++) {
            add(mix, "\r\n", 2);
        }
    } else if (mix->has_long_line) {
        add(mix, "mn\r\n", 4);
        speech.last_word = "MN\r\n";
    } else {
        add_end(mix, is_binary);
    }
    speech.size = mix->size;
    speech.cuts_count = below(mix, 3) == 0 ? below(mix, MIX_CUTS_MAX) : below(mix, 4);
    speech.pause_us = below(mix, 3) == 0 ? 0 : 100;
    for (i = 0; i < speech.cuts_count; i++) {
        mix->cuts[i] = below(mix, (uint32_t)mix->size + 1);
    }
    qsort(mix->cuts, speech.cuts_count, sizeof(mix->cuts[0]), ascending);
    return speech;
}
