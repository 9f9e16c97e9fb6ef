#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void err_record(struct err *err, int code, const char *fmt, ...)
{
    va_list args;

    if (err == NULL) {
        return;
    }
    err->code = code;
    va_start(args, fmt);
    (void)vsnprintf(err->msg, sizeof(err->msg), fmt, args);
    va_end(args);
}

int err_wrap(struct err *err, const char *fmt, ...)
{
    char inner[ERR_MSG_MAX];
    va_list args;
    size_t used;

    memcpy(inner, err->msg, sizeof(inner));
    va_start(args, fmt);
    (void)vsnprintf(err->msg, sizeof(err->msg), fmt, args);
    va_end(args);
    used = strlen(err->msg);
    (void)snprintf(err->msg + used, sizeof(err->msg) - used, ": %.*s",
                   (int)(sizeof(inner) - 3 - used), inner);
    return err->code;
}

const char *err_text(int code)
{
    switch (code) {
#define X(name, value, text) \
    case ERR_##name:         \
        return text;
        ERR_CODES(X)
#undef X
    default:
        return "unknown error";
    }
}

int err_exit_code(int code)
{
    static const struct {
        int code;
        int exit_code;
    } table[] = {
        { ERR_USAGE, 2 },    { ERR_SPEC, 3 },        { ERR_NOT_FOUND, 4 },
        { ERR_CONFLICT, 5 }, { ERR_UNAVAILABLE, 6 }, { ERR_TIMEOUT, 7 },
    };
    size_t i;

    if (0 <= code) {
        return 0;
    }
    for (i = 0; i < ARRAY_COUNT(table); i++) {
        if (table[i].code == code) {
            return table[i].exit_code;
        }
    }
    return 1;
}
