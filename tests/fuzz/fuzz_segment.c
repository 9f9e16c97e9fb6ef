/*
 * A reader survives any file, and a writer makes a good one of any file that it accepts.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"
#include "discovery/segment_writer.h"
#include "tests/fuzz/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct segment_cell cell = { 5, "payload", 7, "record", 6 };
    static char bytes[SEGMENT_CELL_BYTES];
    struct segment_head head;
    struct err err;
    int fd = memfd_create("segment", MFD_CLOEXEC);

    CHECK(0 <= fd);
    CHECK(write(fd, data, size) == (ssize_t)size);
    if (segment_peek(fd, &head) == 0) {
        CHECK(head.payload_bytes <= DISCOVERY_PAYLOAD_BYTES_MAX);
        CHECK(head.record_bytes <= DISCOVERY_RECORD_BYTES_MAX);
        (void)!segment_read(fd, &head, bytes);
    }
    if (segment_write(fd, &cell, &err) == 0) {
        CHECK(segment_peek(fd, &head) == 0);
        CHECK(segment_read(fd, &head, bytes) == 0);
        CHECK(memcmp(bytes, "payloadrecord", 13) == 0);
    }
    (void)close(fd);
    return 0;
}
