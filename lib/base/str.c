#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define CAPACITY_MIN 64U
#define NEAREST_TEXT_MAX 64U
#define SHORT_TEXT_MAX 3

void str_init(struct str *str, size_t size_max)
{
    *str = (struct str){ .size_max = size_max };
}

void str_deinit(struct str *str)
{
    free(str->bytes);
    *str = (struct str){ .size_max = str->size_max };
}

void str_clear(struct str *str)
{
    str_truncate(str, 0);
}

void str_truncate(struct str *str, size_t size)
{
    str->failed = false;
    str->full = false;
    if (size < str->size) {
        str->size = size;
        str->bytes[size] = '\0';
    }
}

static bool reserve(struct str *str, size_t more)
{
    size_t capacity = str->capacity < CAPACITY_MIN ? CAPACITY_MIN : str->capacity;
    size_t need;
    char *grown;

    if (str->failed) {
        return false;
    }
    if (str->size_max < more || str->size_max - more < str->size) {
        str->failed = true;
        str->full = true;
        return false;
    }
    need = str->size + more + 1;
    if (need <= str->capacity) {
        return true;
    }
    while (capacity < need) {
        capacity *= 2;
    }
    grown = mem_realloc(str->bytes, capacity);
    if (grown == NULL) {
        str->failed = true;
        return false;
    }
    str->bytes = grown;
    str->capacity = capacity;
    return true;
}

void str_append(struct str *str, const void *bytes, size_t size)
{
    if (!reserve(str, size)) {
        return;
    }
    if (0 < size) {
        memcpy(str->bytes + str->size, bytes, size);
    }
    str->size += size;
    str->bytes[str->size] = '\0';
}

void str_append_text(struct str *str, const char *text)
{
    str_append(str, text, strlen(text));
}

void str_append_char(struct str *str, char c)
{
    str_append(str, &c, 1);
}

void str_appendf(struct str *str, const char *fmt, ...)
{
    va_list args;
    va_list again;
    int n;

    va_start(args, fmt);
    va_copy(again, args);
    n = vsnprintf(NULL, 0, fmt, args);
    if (n < 0) {
        str->failed = true;
    } else if (reserve(str, (size_t)n)) {
        (void)vsnprintf(str->bytes + str->size, (size_t)n + 1, fmt, again);
        str->size += (size_t)n;
    }
    va_end(again);
    va_end(args);
}

void str_drop_head(struct str *str, size_t size)
{
    if (str->size <= size) {
        size = str->size;
    }
    if (size == 0) {
        return;
    }
    memmove(str->bytes, str->bytes + size, str->size - size + 1);
    str->size -= size;
}

bool str_failed(const struct str *str)
{
    return str->failed;
}

int str_check(const struct str *str, struct err *err)
{
    if (!str->failed) {
        return 0;
    }
    if (str->full) {
        return err_set(err, ERR_LIMIT, "text of more than %zu bytes", str->size_max);
    }
    return err_set(err, ERR_NOMEM, "out of memory");
}

const char *str_text(const struct str *str)
{
    return str->bytes == NULL ? "" : str->bytes;
}

bool bytes_to_u64(const char *bytes, size_t size, uint64_t min, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;
    size_t i;

    if (size == 0) {
        return false;
    }
    for (i = 0; i < size; i++) {
        uint64_t digit;

        if (bytes[i] < '0' || '9' < bytes[i]) {
            return false;
        }
        digit = (uint64_t)(bytes[i] - '0');
        if ((UINT64_MAX - digit) / 10 < value) {
            return false;
        }
        value = value * 10 + digit;
    }
    if (value < min || max < value) {
        return false;
    }
    *out = value;
    return true;
}

bool text_to_u64(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
    return bytes_to_u64(text, strlen(text), min, max, out);
}

bool text_equal(const char *a, const char *b)
{
    if (a == NULL || b == NULL) {
        return a == b;
    }
    return strcmp(a, b) == 0;
}

void text_make_plain(char *text)
{
    unsigned char *at = (unsigned char *)text;

    for (; *at != '\0'; at++) {
        if (*at == '\n' || *at == '\r' || *at == '\t') {
            *at = ' ';
        } else if (*at < ' ' || *at == 0x7f) {
            *at = '?';
        } else if (*at == 0xc2 && 0x80 <= at[1] && at[1] < 0xa0) { /* U+0080 to U+009F */
            at[0] = '?';
            at[1] = '?';
            at++;
        }
    }
}

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;

    return least < c ? least : c;
}

/* Levenshtein distance by the usual one-row table. */
static size_t edit_distance(const char *a, size_t a_size, const char *b, size_t b_size)
{
    size_t row[NEAREST_TEXT_MAX + 1];
    size_t i;
    size_t j;

    for (j = 0; j <= b_size; j++) {
        row[j] = j;
    }
    for (i = 1; i <= a_size; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (j = 1; j <= b_size; j++) {
            size_t above = row[j];

            row[j] = min3(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1));
            diagonal = above;
        }
    }
    return row[b_size];
}

const char *text_nearest(const char *text, const char *const *names, size_t count)
{
    size_t size = strlen(text);
    size_t limit = size / 3 < 2 ? 2 : size / 3;
    const char *nearest = NULL;
    size_t i;

    if (size == 0 || NEAREST_TEXT_MAX < size) {
        return NULL;
    }
    for (i = 0; i < count; i++) {
        size_t name_size = strlen(names[i]);
        size_t distance;

        if (NEAREST_TEXT_MAX < name_size) {
            continue;
        }
        distance = edit_distance(text, size, names[i], name_size);
        /* Of a short word, two letters that differ leave nothing alike, but for swapped ones. */
        if (size <= SHORT_TEXT_MAX && 1 < distance && names[i][0] != text[0]) {
            continue;
        }
        if (distance <= limit && distance < name_size) {
            nearest = names[i];
            limit = distance == 0 ? 0 : distance - 1;
        }
        if (distance == 0) {
            break;
        }
    }
    return nearest;
}

static bool is_tail(const char *bytes, size_t count)
{
    size_t i;

    for (i = 1; i < count; i++) {
        if (((unsigned char)bytes[i] & 0xC0U) != 0x80U) {
            return false;
        }
    }
    return true;
}

size_t utf8_sequence(const char *bytes, size_t size)
{
    unsigned char head = size == 0 ? 0 : (unsigned char)bytes[0];
    unsigned char next = size < 2 ? 0 : (unsigned char)bytes[1];

    if (size == 0) {
        return 0;
    }
    if (head < 0x80) {
        return 1;
    }
    if (0xC2 <= head && head <= 0xDF) {
        return 2 <= size && is_tail(bytes, 2) ? 2 : 0;
    }
    /* Without overlong forms and surrogates, ... */
    if (0xE0 <= head && head <= 0xEF) {
        bool narrow = (head == 0xE0 && next < 0xA0) || (head == 0xED && 0x9F < next);

        return 3 <= size && !narrow && is_tail(bytes, 3) ? 3 : 0;
    }
    /* ... and none beyond U+10FFFF. */
    if (0xF0 <= head && head <= 0xF4) {
        bool narrow = (head == 0xF0 && next < 0x90) || (head == 0xF4 && 0x8F < next);

        return 4 <= size && !narrow && is_tail(bytes, 4) ? 4 : 0;
    }
    return 0;
}
