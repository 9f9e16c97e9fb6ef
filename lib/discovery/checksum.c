#include "discovery/checksum.h"

#include <string.h>

#define MULTIPLIER 0x9e3779b97f4a7c15ULL /* 2^64 / golden ratio: odd, bits well spread */

static uint64_t mix(uint64_t sum, uint64_t word)
{
    sum = (sum ^ word) * MULTIPLIER;
    return sum ^ (sum >> 29);
}

uint64_t checksum64(const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    uint64_t sum = mix(MULTIPLIER, size);
    size_t left = size;
    uint64_t word;

    while (sizeof(word) <= left) {
        memcpy(&word, at, sizeof(word));
        sum = mix(sum, word);
        at += sizeof(word);
        left -= sizeof(word);
    }
    word = 0;
    if (0 < left) {
        memcpy(&word, at, left);
    }
    return mix(mix(sum, word), MULTIPLIER);
}
