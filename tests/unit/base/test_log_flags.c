#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "base/log_flags.h"

struct flags {
    int other;
    struct log_flags log;
};

static const struct opt opts[] = { LOG_FLAGS(struct flags, log) };
static const struct opt_table table = {
    .program = "test", .synopsis = "", .summary = "", .opts = opts, .count = ARRAY_COUNT(opts)
};

Test(log_flags, make_a_log)
{
    static const struct {
        char *argv[5];
        int count;
        int rv;
        enum log_level level;
        enum log_format format;
    } cases[] = {
        { { "test" }, 1, 0, LOG_INFO, LOG_FORMAT_TEXT },
        { { "test", "--log-level", "debug" }, 3, 0, LOG_DEBUG, LOG_FORMAT_TEXT },
        { { "test", "--log-level", "error", "--log-format", "json" },
          5,
          0,
          LOG_ERROR,
          LOG_FORMAT_JSON },
        { { "test", "--log-level", "loud" }, 3, ERR_USAGE, LOG_INFO, LOG_FORMAT_TEXT },
        { { "test", "--log-format", "xml" }, 3, ERR_USAGE, LOG_INFO, LOG_FORMAT_TEXT },
    };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(cases); i++) {
        struct flags flags = { 0 };
        struct opt_result result;
        struct log log;
        struct err err;

        cr_assert_eq(opt_parse(&table, cases[i].count, cases[i].argv, &flags, &result, &err), 0);
        cr_expect_eq(log_flags_load(&flags.log, "test", &log, &err), cases[i].rv, "case %zu", i);
        if (cases[i].rv == 0) {
            cr_expect_eq(log.fd, STDERR_FILENO);
            cr_expect_eq(log.level, cases[i].level);
            cr_expect_eq(log.format, cases[i].format);
            cr_expect_str_eq(log.program, "test");
        } else {
            cr_expect_not_null(strstr(err.msg, cases[i].argv[1]), "%s", err.msg);
        }
    }
}
