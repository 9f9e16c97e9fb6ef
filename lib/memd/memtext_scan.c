#include "memd/memtext_scan.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/str.h"

static bool begins(const char *line, size_t size, const char *word)
{
    size_t length = strlen(word);

    return length <= size && memcmp(line, word, length) == 0;
}

static bool is_line(const char *line, size_t size, const char *word)
{
    return size == strlen(word) && memcmp(line, word, size) == 0;
}

static bool is_error(const char *line, size_t size)
{
    return is_line(line, size, "ERROR") || begins(line, size, "CLIENT_ERROR") ||
           begins(line, size, "SERVER_ERROR");
}

/* The fourth word of "VALUE <key> <flags> <bytes>[ <cas>]" or "CONFIG <key> <flags> <bytes>". */
static bool block_bytes(const char *line, size_t size, size_t *out)
{
    const char *end = line + size;
    uint64_t bytes;
    int word;

    for (word = 0; word < 3; word++) {
        line = memchr(line, ' ', (size_t)(end - line));
        if (line == NULL) {
            return false;
        }
        line++;
    }
    size = (size_t)(end - line);
    if (memchr(line, ' ', size) != NULL) {
        size = (size_t)((const char *)memchr(line, ' ', size) - line);
    }
    if (!bytes_to_u64(line, size, 0, MEMTEXT_REPLY_BYTES_MAX, &bytes)) {
        return false;
    }
    *out = (size_t)bytes;
    return true;
}

/* The line at `from` without its end; `*next` is behind it. false: it is not whole yet. */
static bool line_at(const char *bytes, size_t size, size_t from, size_t *line_size, size_t *next)
{
    const char *end = from < size ? memchr(bytes + from, '\n', size - from) : NULL;

    if (end == NULL) {
        return false;
    }
    *next = (size_t)(end - bytes) + 1;
    *line_size = *next - 1 - from;
    if (0 < *line_size && end[-1] == '\r') {
        (*line_size)--;
    }
    return true;
}

/* 0 when a block of `block` bytes and its line end lie before `size`. */
static int pass_block(const char *bytes, size_t size, size_t from, size_t block, size_t *next,
                      struct err *err)
{
    if (size - from < block + 2) {
        return 1;
    }
    if (memcmp(bytes + from + block, "\r\n", 2) != 0) {
        return err_set(err, ERR_PROTOCOL, "a data block does not end where it should");
    }
    *next = from + block + 2;
    return 0;
}

/* 1: the reply ends with this line; 0: it does not, and scan->at moved on; 2: more is needed. */
static int take_line(struct memtext_scan *scan, const char *bytes, size_t size, struct err *err)
{
    const char *line = bytes + scan->at;
    size_t line_size;
    size_t next;
    size_t block;
    int rv;

    if (!line_at(bytes, size, scan->at, &line_size, &next)) {
        return 2;
    }
    if (scan->kind == MEMTEXT_LINE || is_line(line, line_size, "END") ||
        is_error(line, line_size)) {
        scan->at = next;
        return 1;
    }
    if (begins(line, line_size, "VALUE ") || begins(line, line_size, "CONFIG ")) {
        if (!block_bytes(line, line_size, &block)) {
            return err_set(err, ERR_PROTOCOL, "no reply of memcached: '%.*s'",
                           (int)(line_size < 80 ? line_size : 80), line);
        }
        rv = pass_block(bytes, size, next, block, &next, err);
        if (rv != 0) {
            return rv < 0 ? rv : 2;
        }
    }
    scan->at = next;
    return 0;
}

int memtext_scan(struct memtext_scan *scan, const char *bytes, size_t size, size_t *length,
                 struct err *err)
{
    int rv;

    do {
        rv = take_line(scan, bytes, size, err);
    } while (rv == 0);
    if (rv < 0) {
        return rv;
    }
    if (MEMTEXT_REPLY_BYTES_MAX < (rv == 1 ? scan->at : size)) {
        return err_set(err, ERR_LIMIT, "a reply of more than %u bytes", MEMTEXT_REPLY_BYTES_MAX);
    }
    if (rv == 2) {
        return 0;
    }
    *length = scan->at;
    return 1;
}

bool memtext_is_partition(const char *reply, size_t reply_bytes)
{
    return reply_bytes == strlen("NOT_FOUND") && memcmp(reply, "NOT_FOUND", reply_bytes) == 0;
}

int memtext_block(const char *reply, size_t reply_bytes, const char **block, size_t *block_size,
                  struct err *err)
{
    size_t line_size;
    size_t next;
    size_t bytes;
    size_t end;

    if (is_line(reply, reply_bytes, "END")) {
        return err_set(err, ERR_NOT_FOUND, "no value");
    }
    if ((!begins(reply, reply_bytes, "VALUE ") && !begins(reply, reply_bytes, "CONFIG ")) ||
        !line_at(reply, reply_bytes, 0, &line_size, &next) ||
        !block_bytes(reply, line_size, &bytes) ||
        pass_block(reply, reply_bytes, next, bytes, &end, NULL) != 0 ||
        !is_line(reply + end, reply_bytes - end, "END")) {
        return err_set(err, ERR_PROTOCOL, "no value in the reply '%.*s'",
                       (int)(reply_bytes < 80 ? reply_bytes : 80), reply);
    }
    *block = reply + next;
    *block_size = bytes;
    return 0;
}
