/*
 * log - one line per event on a descriptor, as key=value or as JSON.
 *
 *     log_write(log, LOG_INFO, "config-committed", LOG_TEXT("cluster", name),
 *               LOG_NUMBER("version", version));
 *
 * gives
 *
 *     time=2026-11-22T15:04:05.123Z level=info program=muster-controller event=config-committed
 * cluster=sessions version=7
 *
 * A line is one write(2) and at most LOG_LINE_MAX bytes; values are quoted where
 * they need it. Only programs log, and on change, not per pass. A struct log holds
 * no memory; it can be copied.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_LINE_MAX 4096

#define LOG_LEVELS(X) \
    X(DEBUG, "debug") \
    X(INFO, "info")   \
    X(WARN, "warn")   \
    X(ERROR, "error")

enum log_level {
#define X(name, text) LOG_##name,
    LOG_LEVELS(X)
#undef X
};

enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

struct log {
    int fd;
    enum log_level level; /* lines below are dropped */
    enum log_format format;
    const char *program; /* static text */
};

struct log_field {
    const char *name;
    const char *text; /* NULL: `number` counts */
    uint64_t number;
};

#define LOG_TEXT(name_, text_) ((struct log_field){ (name_), (text_), 0 })
#define LOG_NUMBER(name_, number_) ((struct log_field){ (name_), NULL, (uint64_t)(number_) })

/* Write one line; at least one field is needed. A NULL log writes nothing. */
#define log_write(log, level, event, ...)                                                \
    log_write_fields((log), (level), (event), (const struct log_field[]){ __VA_ARGS__ }, \
                     sizeof((const struct log_field[]){ __VA_ARGS__ }) / sizeof(struct log_field))

void log_write_fields(const struct log *log, enum log_level level, const char *event,
                      const struct log_field *fields, size_t count);

/* Read a level ("debug" ... "error") or a format ("text", "json"). Returns whether `out` was set.
 */
bool log_level_parse(const char *text, enum log_level *out);
bool log_format_parse(const char *text, enum log_format *out);

#endif
