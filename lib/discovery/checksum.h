/*
 * checksum - 64 bits that tell whole bytes from torn ones.
 *
 * Guards against crashes and accidents only; whoever may write the file can also write a sum that
 * fits. Signatures are checked elsewhere, before anything is written.
 */
#ifndef DISCOVERY_CHECKSUM_H
#define DISCOVERY_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

uint64_t checksum64(const void *bytes, size_t size);

#endif
