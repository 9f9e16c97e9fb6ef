#include "hashing/key_hash.h"

#include "hashing/md5.h"

uint32_t key_hash_one_at_a_time(const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    uint32_t hash = 0;
    size_t i;

    for (i = 0; i < size; i++) {
        hash += at[i];
        hash += hash << 10;
        hash ^= hash >> 6;
    }
    hash += hash << 3;
    hash ^= hash >> 11;
    return hash + (hash << 15);
}

static uint32_t rotate(uint32_t value, unsigned by)
{
    return value << by | value >> (32 - by);
}

static uint32_t scramble(uint32_t word)
{
    return rotate(word * 0xcc9e2d51U, 15) * 0x1b873593U;
}

uint32_t key_hash_murmur3(const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    uint32_t hash = 0;
    uint32_t word = 0;
    size_t i;

    for (i = 0; i < size; i++) {
        word |= (uint32_t)at[i] << (8 * (i % 4));
        if (i % 4 == 3) {
            hash = rotate(hash ^ scramble(word), 13) * 5 + 0xe6546b64U;
            word = 0;
        }
    }
    hash ^= scramble(word); /* of what is left: nothing, for none */
    hash ^= (uint32_t)size;
    hash = (hash ^ hash >> 16) * 0x85ebca6bU;
    hash = (hash ^ hash >> 13) * 0xc2b2ae35U;
    return hash ^ hash >> 16;
}

uint32_t key_hash_md5(const void *bytes, size_t size)
{
    unsigned char digest[MD5_BYTES];

    md5(bytes, size, digest);
    return (uint32_t)digest[0] | (uint32_t)digest[1] << 8 | (uint32_t)digest[2] << 16 |
           (uint32_t)digest[3] << 24;
}
