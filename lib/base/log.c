#include "base/log.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/str.h"

/* The closing brace and the newline have room beyond this. */
#define BODY_MAX (LOG_LINE_MAX - 2)

/* What one escaped character takes at most. */
#define ESCAPE_MAX 6

struct line {
    char bytes[LOG_LINE_MAX];
    size_t size;
    bool full; /* something did not fit */
};

static const char *const level_names[] = {
#define X(name, text) text,
    LOG_LEVELS(X)
#undef X
};

static void put_char(struct line *line, char c)
{
    if (line->size < BODY_MAX) {
        line->bytes[line->size++] = c;
    } else {
        line->full = true;
    }
}

static void put(struct line *line, const char *text)
{
    while (*text != '\0') {
        put_char(line, *text++);
    }
}

/* What would end a line, move a cursor, or break a reader of UTF-8. */
static bool is_unsafe(const char *sequence, size_t size)
{
    unsigned char head = (unsigned char)sequence[0];

    return size == 0 || head < 0x20 || head == 0x7f || head == '"' || head == '\\' ||
           (size == 2 && memcmp(sequence, "\xC2\xA0", 2) < 0) ||
           (size == 3 && memcmp(sequence, "\xE2\x80\xA8", 2) == 0 &&
            ((unsigned char)sequence[2] & 0xFEU) == 0xA8);
}

static void put_escape(struct line *line, const char *sequence, size_t size)
{
    unsigned char head = (unsigned char)sequence[0];
    char escape[8];

    if (head == '"' || head == '\\') {
        put_char(line, '\\');
        put_char(line, (char)head);
    } else if (head == '\n') {
        put(line, "\\n");
    } else if (size == 0) {
        put(line, "\\ufffd");
    } else {
        /* The only longer ones are U+0080 to U+009F, U+2028 and U+2029. */
        (void)snprintf(escape, sizeof(escape), "\\u%04x",
                       size == 3   ? 0x2000U | ((unsigned char)sequence[2] & 0x3FU)
                       : size == 2 ? (unsigned char)sequence[1]
                                   : head);
        put(line, escape);
    }
}

/* In quotes; cut where the rest and the quote would not fit. */
static void put_quoted(struct line *line, const char *text)
{
    size_t left = strlen(text);

    put_char(line, '"');
    while (0 < left && line->size + ESCAPE_MAX < BODY_MAX) {
        size_t size = utf8_sequence(text, left);
        size_t step = size == 0 ? 1 : size;
        size_t i;

        if (is_unsafe(text, size)) {
            put_escape(line, text, size);
        } else {
            for (i = 0; i < size; i++) {
                put_char(line, text[i]);
            }
        }
        text += step;
        left -= step;
    }
    put_char(line, '"');
}

static bool is_plain(const char *text)
{
    if (*text == '\0') {
        return false;
    }
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if (c <= 0x20 || c == '"' || c == '=' || c == '\\' || 0x7f <= c) {
            return false;
        }
    }
    return true;
}

static void put_name(struct line *line, enum log_format format, const char *name)
{
    if (format == LOG_FORMAT_JSON) {
        put_char(line, line->size == 0 ? '{' : ',');
        put_quoted(line, name);
        put_char(line, ':');
        return;
    }
    if (line->size != 0) {
        put_char(line, ' ');
    }
    put(line, name);
    put_char(line, '=');
}

/* A value without quotes; of a text in plain, as much as fits. */
static void put_bare(struct line *line, const char *text)
{
    while (*text != '\0' && line->size < BODY_MAX) {
        put_char(line, *text++);
    }
}

/* All of a field or nothing of it, its text perhaps cut: what is left is a line of its format. */
static void put_field(struct line *line, enum log_format format, const struct log_field *field)
{
    size_t before = line->size;
    char number[24];

    put_name(line, format, field->name);
    if (field->text == NULL) {
        (void)snprintf(number, sizeof(number), "%llu", (unsigned long long)field->number);
        put(line, number);
    } else if (format == LOG_FORMAT_TEXT && is_plain(field->text)) {
        put_bare(line, field->text);
    } else {
        put_quoted(line, field->text);
    }
    if (line->full) {
        line->size = before;
        line->full = false;
    }
}

static void put_text(struct line *line, enum log_format format, const char *name, const char *text)
{
    const struct log_field field = { name, text, 0 };

    put_field(line, format, &field);
}

void log_write_fields(const struct log *log, enum log_level level, const char *event,
                      const struct log_field *fields, size_t count)
{
    struct line line = { .size = 0 };
    char now[CLOCK_TEXT_SIZE];
    size_t i;
    ssize_t written;

    if (log == NULL || level < log->level) {
        return;
    }
    clock_format(clock_wall_ms(), now);
    put_text(&line, log->format, "time", now);
    put_text(&line, log->format, "level", level_names[level]);
    put_text(&line, log->format, "program", log->program);
    put_text(&line, log->format, "event", event);
    for (i = 0; i < count; i++) {
        put_field(&line, log->format, &fields[i]);
    }
    if (log->format == LOG_FORMAT_JSON) {
        line.bytes[line.size++] = '}';
    }
    line.bytes[line.size++] = '\n';
    written = write(log->fd, line.bytes, line.size);
    (void)written; /* nobody is left to tell */
}

bool log_level_parse(const char *text, enum log_level *out)
{
    size_t i;

    for (i = 0; i < ARRAY_COUNT(level_names); i++) {
        if (strcmp(text, level_names[i]) == 0) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

bool log_format_parse(const char *text, enum log_format *out)
{
    if (strcmp(text, "text") == 0) {
        *out = LOG_FORMAT_TEXT;
        return true;
    }
    if (strcmp(text, "json") == 0) {
        *out = LOG_FORMAT_JSON;
        return true;
    }
    return false;
}
