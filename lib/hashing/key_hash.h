/*
 * key_hash - the hashes of keys that client libraries spread them by.
 */
#ifndef HASHING_KEY_HASH_H
#define HASHING_KEY_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Bob Jenkins' one-at-a-time: libmemcached's default. */
uint32_t key_hash_one_at_a_time(const void *bytes, size_t size);

/* MurmurHash3, 32 bits, with seed 0: pymemcache's. */
uint32_t key_hash_murmur3(const void *bytes, size_t size);

/* The first four bytes of the MD5, the lowest first: libmemcached's for ketama. */
uint32_t key_hash_md5(const void *bytes, size_t size);

#endif
