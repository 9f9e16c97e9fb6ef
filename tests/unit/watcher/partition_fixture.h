/*
 * partition_fixture - one partition with a key of its own, and a count of what it told.
 *
 * Whatever can't be done stops the test.
 */
#ifndef TEST_WATCHER_PARTITION_FIXTURE_H
#define TEST_WATCHER_PARTITION_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "codec/envelope.h"
#include "loop/loop.h"
#include "support/scene.h"
#include "watcher/partition.h"

#define CLUSTER "demo"
#define UID_A "00000000000000aa"
#define UID_B "00000000000000bb"

struct partition_fixture {
    struct loop *loop;
    struct arena arena;
    struct signing_key key;
    struct trusted_keys trusted;
    struct scene_path dir;
    struct partitions *set;
    struct partition *partition;
    struct err problem;
    size_t served;
    size_t again;
    size_t refused;
    size_t conflicts;
    size_t repaired;
    char what[512];
    size_t awaited; /* events */
    bool done;
    struct err refusal;
    uint32_t begun;
};

void partition_set_up(struct partition_fixture *f);
void partition_tear_down(struct partition_fixture *f);

/* Open the partition (again) for an incarnation; as partition_open(). */
int partition_open_as(struct partition_fixture *f, const char *uid, uint32_t version_seen);

/* A key pair of that name in the scene; `trusted` may be NULL. */
void partition_make_key(const char *name, struct signing_key *key, struct trusted_keys *trusted);

struct config partition_seal(struct partition_fixture *f, const char *uid, uint64_t epoch,
                             uint32_t version, const struct signing_key *key);

/* Write into the inbox as entry `n`: a text, or a good record. */
void partition_put(struct partition_fixture *f, uint32_t n, const char *value);
void partition_push(struct partition_fixture *f, uint32_t n, uint32_t version);

/* Wait until so many events were told since partition_set_up(). */
void partition_await(struct partition_fixture *f, size_t count);

/* As readers find it; 0: nothing. */
uint32_t partition_version_in_segment(struct partition_fixture *f);

#endif
