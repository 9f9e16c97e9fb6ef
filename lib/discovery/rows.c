#include "discovery/rows.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_FIRST 1024U

void rows_deinit(struct rows *rows)
{
    free(rows->bytes);
    *rows = (struct rows){ .bytes = NULL };
}

void rows_begin(struct rows *rows, const struct request *request)
{
    if (ROWS_KEPT_BYTES_MAX < rows->capacity) {
        rows_deinit(rows);
    }
    rows->request = request;
    rows->size = 0;
    rows->failed = false;
}

static bool make_room(struct rows *rows, size_t size)
{
    size_t capacity = rows->capacity < CAPACITY_FIRST ? CAPACITY_FIRST : rows->capacity;
    char *bytes;

    if (ROWS_BYTES_MAX - rows->size < size) {
        return false;
    }
    if (size <= rows->capacity - rows->size) {
        return true;
    }
    while (capacity - rows->size < size) {
        capacity *= 2;
    }
    bytes = realloc(rows->bytes, capacity);
    if (bytes == NULL) {
        return false;
    }
    rows->bytes = bytes;
    rows->capacity = capacity;
    return true;
}

void rows_append(struct rows *rows, const void *bytes, size_t size)
{
    if (rows->failed || size == 0) {
        return;
    }
    if (!make_room(rows, size)) {
        rows->failed = true;
        return;
    }
    memcpy(rows->bytes + rows->size, bytes, size);
    rows->size += size;
}

/* Whatever stands in a row must not end it, nor part its name from its value. */
static size_t take_clean(char *out, size_t out_max, const char *text, char lowest)
{
    size_t size = 0;

    for (; *text != '\0' && size < out_max; text++) {
        out[size++] = *text < lowest || *text == 0x7f ? '?' : *text;
    }
    return size;
}

void rows_add(struct rows *rows, const char *name, const char *value)
{
    char text[ROWS_NAME_BYTES_MAX + ROWS_VALUE_BYTES_MAX + 2];
    size_t name_bytes = take_clean(text, ROWS_NAME_BYTES_MAX, name, '!');
    size_t value_bytes;

    if (rows->request->protocol == REQUEST_BINARY) {
        struct reply head;

        value_bytes = take_clean(text + name_bytes, ROWS_VALUE_BYTES_MAX, value, ' ');
        reply_row(rows->request, name_bytes, value_bytes, &head);
        rows_append(rows, head.head, head.head_bytes);
        rows_append(rows, text, name_bytes + value_bytes);
        return;
    }
    text[name_bytes++] = ' ';
    value_bytes = take_clean(text + name_bytes, ROWS_VALUE_BYTES_MAX, value, ' ');
    rows_append(rows, "STAT ", 5);
    rows_append(rows, text, name_bytes + value_bytes);
    rows_append(rows, "\r\n", 2);
}

void rows_add_number(struct rows *rows, const char *name, uint64_t value)
{
    rows_addf(rows, name, "%" PRIu64, value);
}

void rows_addf(struct rows *rows, const char *name, const char *fmt, ...)
{
    char value[ROWS_VALUE_BYTES_MAX + 1];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(value, sizeof(value), fmt, args);
    va_end(args);
    rows_add(rows, name, value);
}

void rows_end(struct rows *rows, struct reply *out)
{
    struct reply end;

    if (rows->request->protocol == REQUEST_BINARY) {
        reply_row(rows->request, 0, 0, &end);
        rows_append(rows, end.head, end.head_bytes);
    } else {
        rows_append(rows, "END\r\n", 5);
    }
    rows_end_lines(rows, out);
}

void rows_end_lines(struct rows *rows, struct reply *out)
{
    if (rows->failed) {
        reply_write(rows->request, REPLY_NO_ROOM, out);
        return;
    }
    *out = (struct reply){ .body = rows->bytes, .body_bytes = rows->size };
}
