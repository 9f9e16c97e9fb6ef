#include "base/log_flags.h"

#include <unistd.h>

int log_flags_load(const struct log_flags *flags, const char *program, struct log *out,
                   struct err *err)
{
    struct log log = { .fd = STDERR_FILENO, .program = program };

    if (!log_level_parse(flags->level, &log.level)) {
        return err_set(err, ERR_USAGE, "--log-level: must be debug, info, warn or error, got '%s'",
                       flags->level);
    }
    if (!log_format_parse(flags->format, &log.format)) {
        return err_set(err, ERR_USAGE, "--log-format: must be text or json, got '%s'",
                       flags->format);
    }
    *out = log;
    return 0;
}
