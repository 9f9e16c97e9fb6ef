/*
 * stories - what is said to a partition, and what it has to answer, in both protocols.
 */
#ifndef TESTS_DISCOVERY_STORIES_H
#define TESTS_DISCOVERY_STORIES_H

#include <stddef.h>

#include "discovery/segment.h"

struct story {
    const char *said;
    size_t said_bytes;
    const char *answer;
    size_t answer_bytes;
};

#define STORY_PAYLOAD "7\na.cfg.local|127.0.0.1|11211 b.cfg.local|127.0.0.2|11211\n"
#define STORY_RECORD "{\"version\":7}"
#define STORY_UID "0123456789abcdef"

/* What is served while the stories are told. */
extern const struct segment_cell story_cell;

/* Every command that the partition answers itself, with its answer. */
extern const struct story stories[];
extern const size_t stories_count;

#endif
