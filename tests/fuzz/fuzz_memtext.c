/*
 * A reply of memcached's, whole, in pieces, and as a reference reads it: the same end, or the same
 * refusal; and the block that is found in it is what its line announces.
 *
 * The first byte of the input chooses the kind of reply and the size of the pieces.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "memd/memtext_scan.h"
#include "tests/fuzz/target.h"

#define REPLY_BYTES_MAX 65536
#define LINE_BYTES_MAX 4096

/* A line as a text of its own; false when its end has not come. */
static bool next_line(const char *bytes, size_t size, size_t at, char *line, size_t *next)
{
    size_t length = 0;

    while (at + length < size && bytes[at + length] != '\n') {
        length++;
    }
    if (at + length == size) {
        return false;
    }
    *next = at + length + 1;
    if (0 < length && bytes[at + length - 1] == '\r') {
        length--;
    }
    length = length < LINE_BYTES_MAX - 1 ? length : LINE_BYTES_MAX - 1;
    memcpy(line, bytes + at, length);
    line[length] = '\0';
    return true;
}

static bool starts(const char *line, const char *word)
{
    return strncmp(line, word, strlen(word)) == 0;
}

/* The number that stands third behind the first word; -1 when none does. */
static long announced(const char *line)
{
    char *end;
    long number;
    int i;

    for (i = 0; i < 3; i++) {
        line = strchr(line, ' ');
        if (line == NULL) {
            return -1;
        }
        line++;
    }
    if (*line < '0' || '9' < *line) {
        return -1;
    }
    number = strtol(line, &end, 10);
    return (*end == '\0' || *end == ' ') && number <= (long)MEMTEXT_REPLY_BYTES_MAX ? number : -1;
}

static bool is_end(enum memtext_reply kind, const char *line)
{
    return kind == MEMTEXT_LINE || strcmp(line, "END") == 0 || strcmp(line, "ERROR") == 0 ||
           starts(line, "CLIENT_ERROR") || starts(line, "SERVER_ERROR");
}

/* What the reference finds: the reply's length, 0 for "more is needed", or ERR_PROTOCOL. */
static long reference_length(enum memtext_reply kind, const char *bytes, size_t size)
{
    static char line[LINE_BYTES_MAX];
    size_t at = 0;
    size_t next;
    long block;

    while (next_line(bytes, size, at, line, &next)) {
        if (is_end(kind, line)) {
            return (long)next;
        }
        if (starts(line, "VALUE ") || starts(line, "CONFIG ")) {
            block = announced(line);
            if (block < 0) {
                return ERR_PROTOCOL;
            }
            if (size - next < (size_t)block + 2) {
                return 0;
            }
            if (bytes[next + (size_t)block] != '\r' || bytes[next + (size_t)block + 1] != '\n') {
                return ERR_PROTOCOL;
            }
            next += (size_t)block + 2;
        }
        at = next;
    }
    return 0;
}

static void find_block(const char *bytes, size_t length)
{
    size_t reply_bytes = length - (2 <= length && bytes[length - 2] == '\r' ? 2 : 1);
    const char *block = NULL;
    size_t block_bytes = 0;
    struct err err;
    int rv = memtext_block(bytes, reply_bytes, &block, &block_bytes, &err);

    CHECK(rv == 0 || rv == ERR_NOT_FOUND || rv == ERR_PROTOCOL);
    if (rv == 0) {
        CHECK(bytes < block && block_bytes <= reply_bytes);
        CHECK(block + block_bytes + strlen("\r\nEND") == bytes + reply_bytes);
        CHECK(block[-1] == '\n');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char come[REPLY_BYTES_MAX + 2]; /* what has come so far, and behind it, nothing of it */
    struct memtext_scan scan = { .at = 0 };
    const char *bytes = (const char *)data + 1;
    size_t step;
    size_t length = 0;
    size_t shown = 0;
    struct err err;
    long expected;
    int rv = 0;

    if (size < 2 || REPLY_BYTES_MAX < size || memchr(bytes, '\0', size - 1) != NULL) {
        return 0; /* lines are texts to the reference */
    }
    size--;
    scan.kind = data[0] % 2 == 0 ? MEMTEXT_LINE : MEMTEXT_END;
    step = 1 + (size_t)data[0] / 2 * 11;
    expected = reference_length(scan.kind, bytes, size);
    while (rv == 0 && shown < size) {
        shown += size - shown < step ? size - shown : step;
        memcpy(come, bytes, shown);
        come[shown] = '?';
        come[shown + 1] = '?';
        rv = memtext_scan(&scan, come, shown, &length, &err);
    }
    CHECK(rv < 0 ? expected == rv : (long)length == expected);
    if (rv == 1) {
        CHECK(length <= shown);
        find_block(bytes, length);
    }
    return 0;
}
