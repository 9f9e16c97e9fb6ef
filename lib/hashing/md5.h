/*
 * md5 - RFC 1321's digest, as clients hash keys and nodes by it. No protection against anybody.
 */
#ifndef HASHING_MD5_H
#define HASHING_MD5_H

#include <stddef.h>
#include <stdint.h>

#define MD5_BYTES 16

void md5(const void *bytes, size_t size, unsigned char digest[MD5_BYTES]);

#endif
