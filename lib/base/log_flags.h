/*
 * log_flags - the options with which every program is told how to log.
 *
 *     static const struct opt opts[] = { LOG_FLAGS(struct my_flags, log), … };
 */
#ifndef BASE_LOG_FLAGS_H
#define BASE_LOG_FLAGS_H

#include <stddef.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/opt.h"

struct log_flags {
    const char *level;
    const char *format;
};

/* Rows for struct opt_table; `member` is the struct log_flags inside `type`. */
/* clang-format off */
#define LOG_FLAGS(type, member)                                                               \
    { "log-level", 0, OPT_TEXT, offsetof(type, member.level), "LEVEL", "info",                \
      "least level that is logged: debug, info, warn, error" },                               \
    { "log-format", 0, OPT_TEXT, offsetof(type, member.format), "FORMAT", "text",             \
      "form of the log lines on stderr: text (key=value) or json" }
/* clang-format on */

/* A log on stderr as the flags want it; ERR_USAGE names the option with a bad value. */
MUST_USE int log_flags_load(const struct log_flags *flags, const char *program, struct log *out,
                            struct err *err);

#endif
