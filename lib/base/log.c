#include "base/log.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

/* What one escaped character, the closing quote, brace and newline take at most. */
#define ESCAPE_ROOM 16

struct line {
    char bytes[LOG_LINE_MAX];
    size_t size;
};

static const char *const level_names[] = {
#define X(name, text) text,
    LOG_LEVELS(X)
#undef X
};

/* Leaves room for the closing brace and the newline; what does not fit is cut. */
static void put_char(struct line *line, char c)
{
    if (line->size < sizeof(line->bytes) - 3) {
        line->bytes[line->size++] = c;
    }
}

static void put(struct line *line, const char *text)
{
    while (*text != '\0') {
        put_char(line, *text++);
    }
}

static void put_escaped(struct line *line, const char *text)
{
    put_char(line, '"');
    for (; *text != '\0' && line->size < sizeof(line->bytes) - ESCAPE_ROOM; text++) {
        unsigned char c = (unsigned char)*text;
        char escape[8];

        if (c == '"' || c == '\\') {
            put_char(line, '\\');
            put_char(line, (char)c);
        } else if (c == '\n') {
            put(line, "\\n");
        } else if (c < 0x20 || c == 0x7f) {
            (void)snprintf(escape, sizeof(escape), "\\u%04x", c);
            put(line, escape);
        } else {
            put_char(line, (char)c);
        }
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
        put_escaped(line, name);
        put_char(line, ':');
        return;
    }
    if (line->size != 0) {
        put_char(line, ' ');
    }
    put(line, name);
    put_char(line, '=');
}

static void put_text(struct line *line, enum log_format format, const char *name, const char *text)
{
    put_name(line, format, name);
    if (format == LOG_FORMAT_TEXT && is_plain(text)) {
        put(line, text);
    } else {
        put_escaped(line, text);
    }
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
        char number[24];

        if (fields[i].text != NULL) {
            put_text(&line, log->format, fields[i].name, fields[i].text);
            continue;
        }
        (void)snprintf(number, sizeof(number), "%llu", (unsigned long long)fields[i].number);
        put_name(&line, log->format, fields[i].name);
        put(&line, number);
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
