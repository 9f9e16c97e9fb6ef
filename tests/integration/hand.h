/*
 * hand - configurations that a test signs and writes itself, with the controller's own key: what
 * nodes make of them when nobody else is there.
 */
#ifndef INTEGRATION_HAND_H
#define INTEGRATION_HAND_H

#include <stddef.h>
#include <stdint.h>

#include "integration/lab.h"

#define HAND_RECORD_SIZE 65536

struct hand_record {
    char text[HAND_RECORD_SIZE];
    size_t bytes;
};

/* The record that a port serves. */
void hand_read(const char *ip, uint16_t port, struct hand_record *out);

/* The same configuration as version `version`, signed with the key in `key_file`. */
void hand_sign(const struct hand_record *record, const char *key_file, uint32_t version,
               struct hand_record *out);

/* `set muster:config` at a port; it must be answered with STORED. */
void hand_push(const char *ip, uint16_t port, const struct hand_record *record);

/* Put a record into a segment as it is, with `payload`, as somebody who may write there. */
void hand_overwrite(const char *segment, uint32_t version, const char *payload,
                    const struct hand_record *record);

#endif
