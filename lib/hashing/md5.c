#include "hashing/md5.h"

#include <string.h>

#define BLOCK_BYTES 64
#define LENGTH_BYTES 8

/* The fractions of sines, as RFC 1321 has them. */
static const uint32_t sines[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
};

static const unsigned shifts[4][4] = {
    { 7, 12, 17, 22 }, { 5, 9, 14, 20 }, { 4, 11, 16, 23 }, { 6, 10, 15, 21 }
};

static uint32_t rotate(uint32_t value, unsigned by)
{
    return value << by | value >> (32 - by);
}

/* The function of a round, and which word of the block its step takes. */
static uint32_t mix(unsigned step, uint32_t b, uint32_t c, uint32_t d, unsigned *word)
{
    switch (step / 16) {
    case 0:
        *word = step;
        return (b & c) | (~b & d);
    case 1:
        *word = (5 * step + 1) % 16;
        return (d & b) | (~d & c);
    case 2:
        *word = (3 * step + 5) % 16;
        return b ^ c ^ d;
    default:
        *word = 7 * step % 16;
        return c ^ (b | ~d);
    }
}

static uint32_t word_at(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

static void take_block(uint32_t state[4], const unsigned char block[BLOCK_BYTES])
{
    uint32_t a = state[0];
    uint32_t b = state[1];
    uint32_t c = state[2];
    uint32_t d = state[3];
    unsigned step;

    for (step = 0; step < 64; step++) {
        unsigned word;
        uint32_t sum = a + mix(step, b, c, d, &word) + sines[step];

        sum += word_at(block + (size_t)word * 4);
        a = d;
        d = c;
        c = b;
        b += rotate(sum, shifts[step / 16][step % 4]);
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
}

/* What is left, a bit, zeros, and the length in bits: one block or two. */
static void take_end(uint32_t state[4], const unsigned char *left, size_t left_size, size_t size)
{
    unsigned char blocks[2 * BLOCK_BYTES] = { 0 };
    size_t count = left_size + 1 + LENGTH_BYTES <= BLOCK_BYTES ? 1 : 2;
    uint64_t bits = (uint64_t)size * 8;
    size_t i;

    if (0 < left_size) {
        memcpy(blocks, left, left_size);
    }
    blocks[left_size] = 0x80;
    for (i = 0; i < LENGTH_BYTES; i++) {
        blocks[count * BLOCK_BYTES - LENGTH_BYTES + i] = (unsigned char)(bits >> (8 * i));
    }
    for (i = 0; i < count; i++) {
        take_block(state, blocks + i * BLOCK_BYTES);
    }
}

void md5(const void *bytes, size_t size, unsigned char digest[MD5_BYTES])
{
    uint32_t state[4] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476 };
    const unsigned char *at = bytes;
    size_t i;

    for (i = 0; i + BLOCK_BYTES <= size; i += BLOCK_BYTES) {
        take_block(state, at + i);
    }
    take_end(state, at + i, size - i, size);
    for (i = 0; i < MD5_BYTES; i++) {
        digest[i] = (unsigned char)(state[i / 4] >> (8 * (i % 4)));
    }
}
