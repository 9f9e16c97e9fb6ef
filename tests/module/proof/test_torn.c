/*
 * Writers die anywhere, the segment is torn, exchanged, lost and put back to what it was, and
 * memcached is killed: who asks gets a whole configuration that was published, never an older one
 * from the same process, and what is published at last is served. MUSTER_TEST_FULL plays a minute.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "discovery/segment_writer.h"
#include "support/wait.h"
#include "tests/module/each_program.h"

#define PLAY_MS 2500
#define PLAY_FULL_MS 60000
#define ASKS_PER_ROUND 3
#define RECORD_BYTES 20000

struct play {
    struct node node;
    char *images[2];        /* of the segment: as it was at some time, and room for another */
    bool saved;             /* the first one is there */
    atomic_uint *published; /* shared with the writers; raised before a version is written */
    uint32_t random;
    unsigned served; /* highest version that this memcached has served */
    unsigned restarts;
    unsigned damages;
    unsigned deaths;
};

static uint32_t below(struct play *play, uint32_t limit)
{
    play->random = play->random * 1664525U + 1013904223U;
    return (play->random >> 8) % limit;
}

static size_t payload_of(unsigned version, char *out, size_t size)
{
    return (size_t)snprintf(out, size, "%u\n%u.cfg.local|127.0.0.%u|11211\n", version,
                            version * 7919, version % 250);
}

/* A record that is long, so that a writer can die within it. */
static void put(int fd, unsigned version)
{
    static char record[RECORD_BYTES];
    char payload[128];
    struct segment_cell cell = { .version = version, .payload = payload, .record = record };

    cell.payload_bytes = payload_of(version, payload, sizeof(payload));
    memset(record, 'a' + (int)(version % 26), sizeof(record));
    cell.record_bytes = sizeof(record);
    (void)!segment_write(fd, &cell, NULL);
}

__attribute__((noreturn)) static void write_for_ever(struct play *play)
{
    const struct scene_path path = node_segment(&play->node);
    int fd = -1;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        if (0 <= fd) {
            (void)close(fd);
            fd = -1;
        }
        if (segment_create(path.text, &fd, NULL) == 0) {
            put(fd, atomic_fetch_add(play->published, 1) + 1);
        }
    }
}

/* A writer that lives for up to two milliseconds. */
static void let_a_writer_die(struct play *play)
{
    pid_t pid = fork();

    cr_assert_leq(0, pid);
    if (pid == 0) {
        write_for_ever(play);
    }
    usleep(below(play, 2000));
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    play->deaths++;
}

/* Noise of some length somewhere. */
static void scribble(struct play *play, int fd)
{
    char noise[512];
    off_t at = (off_t)below(play, below(play, 2) == 0 ? 256 : SEGMENT_FILE_BYTES);

    memset(noise, (int)below(play, 256), sizeof(noise));
    (void)!pwrite(fd, noise, 1 + below(play, sizeof(noise)), at);
}

/* Put the segment of earlier in the place of the present one, and keep this one for later. */
static void bring_back(struct play *play, int fd)
{
    char *present = play->images[1];

    if (fd < 0 || pread(fd, present, SEGMENT_FILE_BYTES, 0) != SEGMENT_FILE_BYTES) {
        return;
    }
    if (play->saved) {
        (void)!pwrite(fd, play->images[0], SEGMENT_FILE_BYTES, 0);
    }
    play->images[1] = play->images[0];
    play->images[0] = present;
    play->saved = true;
}

static void damage(struct play *play)
{
    const struct scene_path path = node_segment(&play->node);
    int fd = open(path.text, O_RDWR | O_CLOEXEC | O_NONBLOCK);

    switch (below(play, 8)) {
    case 0:
        (void)!ftruncate(fd, (off_t)below(play, SEGMENT_FILE_BYTES));
        break;
    case 1:
        (void)unlink(path.text);
        break;
    case 2:
        (void)unlink(path.text);
        (void)mkdir(path.text, 0755);
        break;
    case 3:
        (void)unlink(path.text);
        (void)mkfifo(path.text, 0644);
        break;
    case 4:
    case 5:
        bring_back(play, fd);
        break;
    default:
        scribble(play, fd);
        break;
    }
    if (0 <= fd) {
        (void)close(fd);
    }
    play->damages++;
}

/* Make the segment usable, with something in it, as the watcher does before it starts memcached:
 * beside one that can't be used and without any last good copy, the module stays silent. */
static void start_with_something(struct play *play)
{
    int fd = -1;

    cr_assert_eq(segment_create(node_segment(&play->node).text, &fd, NULL), 0);
    put(fd, atomic_fetch_add(play->published, 1) + 1);
    (void)close(fd);
    node_start_empty(&play->node, 1, NULL);
}

static void start_again(struct play *play)
{
    process_kill(play->node.process);
    start_with_something(play);
    play->served = 0;
    play->restarts++;
}

/* Ask for the configuration, and hold it against what was published. */
static void ask(struct play *play)
{
    char *answer = node_ask(&play->node, "config get cluster\r\nmn\r\n");
    char payload[128];
    char expected[256];
    unsigned version = 0;

    cr_assert_eq(sscanf(answer, "CONFIG cluster 0 %*u\r\n%u\n", &version), 1, "%s", answer);
    (void)snprintf(expected, sizeof(expected), "CONFIG cluster 0 %zu\r\n%s\r\nEND\r\nMN\r\n",
                   payload_of(version, payload, sizeof(payload)), payload);
    cr_assert_str_eq(answer, expected);
    cr_assert_leq(version, atomic_load(play->published));
    cr_assert_leq(play->served, version, "back from version %u", play->served);
    play->served = version;
    free(answer);
}

static void play_on(struct play *play, uint64_t end_ms)
{
    unsigned i;

    while (clock_mono_ms() < end_ms) {
        let_a_writer_die(play);
        if (below(play, 3) == 0) {
            damage(play);
        }
        if (below(play, 10) == 0) {
            start_again(play);
        }
        for (i = 0; i < ASKS_PER_ROUND; i++) {
            ask(play);
        }
    }
}

EACH_PROGRAM(torn, whoever_dies_and_whatever_is_torn_what_is_served_is_whole_and_newer)
{
    const uint64_t play_ms = getenv("MUSTER_TEST_FULL") != NULL ? PLAY_FULL_MS : PLAY_MS;
    struct play play = { .random = (uint32_t)clock_mono_ns() };
    uint64_t end_ms;
    unsigned version;
    int fd = -1;

    cr_log_info("random %u", play.random);
    play.images[0] = scene_alloc(SEGMENT_FILE_BYTES);
    play.images[1] = scene_alloc(SEGMENT_FILE_BYTES);
    node_use(program);
    play.published = mmap(NULL, sizeof(*play.published), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(play.published, MAP_FAILED);
    play.node.partition = scene_path("partition-1"); /* that of host 1 */
    (void)mkdir(play.node.partition.text, 0755);
    node_switch_on(&play.node);
    start_with_something(&play);
    end_ms = clock_mono_ms() + play_ms;
    play_on(&play, end_ms);
    version = atomic_fetch_add(play.published, 1) + 1;
    cr_assert_eq(segment_create(node_segment(&play.node).text, &fd, NULL), 0);
    put(fd, version);
    while (play.served != version) { /* a new file is noticed some milliseconds later */
        cr_assert_lt(clock_mono_ms(), end_ms + WAIT_MS);
        ask(&play);
    }
    cr_log_info("%u versions, %u writers died, %u damages, %u restarts", version, play.deaths,
                play.damages, play.restarts);
    cr_assert_lt(0, play.restarts);
    cr_assert_lt(0, play.damages);
    (void)close(fd);
}
