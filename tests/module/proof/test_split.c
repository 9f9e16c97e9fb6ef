/*
 * Every command of the partition between two stores of memcached's, cut at every place: what comes
 * back is what comes back uncut. With MUSTER_TEST_FULL, also cut at every two places.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/module/each_program.h"
#include "tests/unit/discovery/stories.h"

#define SCENE_BYTES_MAX 1024
#define PAUSE_US 20U /* and what the kernel adds to it */

/* A store with an answer that depends on nothing but that `s` is there. */
struct store {
    const char *said;
    size_t said_bytes;
    const char *answer;
    size_t answer_bytes;
};

#define STORE(said, answer)                                \
    {                                                      \
        said, sizeof(said) - 1, answer, sizeof(answer) - 1 \
    }
#define BINARY(opcode, key, extras, body) \
    "\x80" opcode "\0" key extras "\0\0\0\0\0\0" body "\0\0\0\7\0\0\0\0\0\0\0\0"
#define REFUSED(opcode, status, body) \
    "\x81" opcode "\0\0\0\0\0" status "\0\0\0" body "\0\0\0\7\0\0\0\0\0\0\0\0"
#define ZEROS "\0\0\0\0\0\0\0\0"

static const struct store text_stores[] = {
    STORE("set s 0 0 5\r\nhello\r\n", "STORED\r\n"),
    STORE("set s 0 0 5 noreply\r\nhello\r\n", ""),
    STORE("set s 0 0 20\r\nconfig get cluster\r\n\r\n", "STORED\r\n"),
    STORE("set s 0 0 0\r\n\r\n", "STORED\r\n"),
    STORE("set s 0 0 5\r\nhelloXX", "CLIENT_ERROR bad data chunk\r\n"),
    STORE("add s 0 0 5\r\nhello\r\n", "NOT_STORED\r\n"),
    STORE("replace s 0 0 5\r\nhello\r\n", "STORED\r\n"),
    STORE("append s 0 0 0\r\n\r\n", "STORED\r\n"),
    STORE("prepend nobody 0 0 5\r\nhello\r\n", "NOT_STORED\r\n"),
    STORE("cas s 0 0 5 4294967295000\r\nhello\r\n", "EXISTS\r\n"),
    STORE("cas s 0 0 5 4294967295000 noreply\r\nhello\r\n", ""),
    STORE("ms s 5\r\nhello\r\n", "HD\r\n"),
    STORE("ms s 5 q\r\nhello\r\n", ""),
    STORE("ms s 5 ME\r\nhello\r\n", "NS\r\n"),
    STORE("set  s 0 0 5\r\nhello\r\n", "STORED\r\n"), /* a malformed one, to the module */
};

static const struct store binary_stores[] = {
    STORE(BINARY("\x11", "\1", "\x8", "\xe") ZEROS "shello", ""),
    STORE(BINARY("\x11", "\1", "\x8", "\x9") ZEROS "s", ""),
    STORE(BINARY("\x12", "\1", "\x8", "\xe") ZEROS "shello",
          REFUSED("\x12", "\2", "\x14") "Data exists for key."),
    STORE(BINARY("\2", "\1", "\x8", "\xe") ZEROS "shello",
          REFUSED("\2", "\2", "\x14") "Data exists for key."),
    STORE(BINARY("\3", "\6", "\x8", "\x13") ZEROS "nobodyhello",
          REFUSED("\3", "\1", "\x9") "Not found"),
    STORE(BINARY("\x13", "\1", "\x8", "\xe") ZEROS "shello", ""),
    STORE(BINARY("\x19", "\1", "\0", "\1") "s", ""),
    STORE(BINARY("\xe", "\6", "\0", "\xb") "nobodyhello",
          REFUSED("\xe", "\5", "\xb") "Not stored."),
};

struct scene {
    char said[SCENE_BYTES_MAX];
    size_t said_bytes;
    char answer[SCENE_BYTES_MAX];
    size_t answer_bytes;
};

static void add(char *out, size_t *size, const char *bytes, size_t bytes_size)
{
    cr_assert_leq(bytes_size, SCENE_BYTES_MAX - *size);
    memcpy(out + *size, bytes, bytes_size);
    *size += bytes_size;
}

static void add_said(struct scene *scene, const char *bytes, size_t size)
{
    add(scene->said, &scene->said_bytes, bytes, size);
}

static void add_answer(struct scene *scene, const char *bytes, size_t size)
{
    add(scene->answer, &scene->answer_bytes, bytes, size);
}

static void add_store(struct scene *scene, const struct store *store)
{
    add_said(scene, store->said, store->said_bytes);
    add_answer(scene, store->answer, store->answer_bytes);
}

static bool is_binary(const struct story *story)
{
    return (unsigned char)story->said[0] == 0x80;
}

/* The end of a round: everything before it was answered. */
static void add_end(struct scene *scene, bool binary)
{
    static const char noop[] = BINARY("\xa", "\0", "\0", "\0");
    static const char done[] = "\x81\xa\0\0\0\0\0\0\0\0\0\0\0\0\0\7\0\0\0\0\0\0\0";

    add_said(scene, binary ? noop : "mn\r\n", binary ? sizeof(noop) - 1 : 4);
    add_answer(scene, binary ? done : "MN\r\n", binary ? sizeof(done) : 4);
}

static void make_scene(struct scene *scene, const struct store *before, const struct story *story,
                       const struct store *after)
{
    *scene = (struct scene){ .said_bytes = 0 };
    add_store(scene, before);
    add_said(scene, story->said, story->said_bytes);
    add_answer(scene, story->answer, story->answer_bytes);
    add_store(scene, after);
    add_end(scene, is_binary(story));
}

static void say(int fd, const char *bytes, size_t size, bool pause)
{
    if (0 < size) {
        cr_assert_eq(send(fd, bytes, size, MSG_NOSIGNAL), (ssize_t)size);
        if (pause) {
            usleep(PAUSE_US);
        }
    }
}

/* Hear the scene's answer, to its last byte and no more. */
static void hear(int fd, const struct scene *scene, size_t first, size_t second)
{
    char heard[SCENE_BYTES_MAX + 1];
    size_t size = 0;
    ssize_t n;

    while (size < scene->answer_bytes) {
        n = recv(fd, heard + size, sizeof(heard) - size, 0);
        size += n < 0 ? 0 : (size_t)n;
        if (n <= 0 || scene->answer_bytes < size || memcmp(heard, scene->answer, size) != 0) {
            cr_assert_fail("cut at %zu and %zu: %.*s gave %.*s", first, second,
                           (int)scene->said_bytes, scene->said, (int)size, heard);
        }
    }
}

static void play(int fd, const struct scene *scene, size_t first, size_t second)
{
    say(fd, scene->said, first, true);
    say(fd, scene->said + first, second - first, second < scene->said_bytes);
    say(fd, scene->said + second, scene->said_bytes - second, false);
    hear(fd, scene, first, second);
}

static void play_everywhere(int fd, const struct scene *scene, bool twice)
{
    size_t first;
    size_t second;

    for (first = 0; first < scene->said_bytes; first++) {
        play(fd, scene, first, scene->said_bytes);
        for (second = first + 1; twice && second < scene->said_bytes; second++) {
            play(fd, scene, first, second);
        }
    }
}

static int connected(const struct node *node)
{
    int on = 1;
    int fd = node_connect(node);

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

/*
 * Each story has one store before it and one behind it, in turn. At full size it has all, and is
 * cut at every two places between the first ones.
 */
static unsigned play_stories(const struct node *node, bool binary, const struct store *stores,
                             size_t stores_count)
{
    const bool full = getenv("MUSTER_TEST_FULL") != NULL;
    const size_t step = full ? 1 : stores_count;
    int fd = connected(node);
    struct scene scene;
    unsigned played = 0;
    size_t i;
    size_t j;

    for (i = 0; i < stories_count; i++) {
        for (j = 0; is_binary(&stories[i]) == binary && j < stores_count; j += step) {
            make_scene(&scene, &stores[(i + j) % stores_count], &stories[i],
                       &stores[(7 * i + j + 1) % stores_count]);
            play_everywhere(fd, &scene, full && j == 0);
            played++;
        }
    }
    (void)close(fd);
    return played;
}

EACH_PROGRAM(split, each_command_of_the_partition_between_stores_may_be_cut_anywhere)
{
    struct node node;

    node_use(program);
    node_start(&node, 1, NULL);
    node_publish(&node, story_cell.version, STORY_PAYLOAD, STORY_RECORD);
    node_expect(&node, "set s 0 0 5\r\nhello\r\n", "STORED\r\n");
    cr_assert_lt(10, play_stories(&node, false, text_stores, ARRAY_COUNT(text_stores)));
    cr_assert_lt(10, play_stories(&node, true, binary_stores, ARRAY_COUNT(binary_stores)));
}
