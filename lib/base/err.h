/*
 * err - why something failed: a code for programs, one line for a human.
 *
 * A struct err lives on the caller's stack and allocates nothing; a message
 * that is too long is cut. Libraries fill it and pass it up (err_wrap adds
 * context on the way); programs print it once.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/cleanup.h"

#define ERR_MSG_MAX 512

/* name, value, text; the exit code of each stands in err_exit_code(). */
#define ERR_CODES(X)                           \
    X(FAILED, -1, "failed")                    \
    X(NOMEM, -2, "out of memory")              \
    X(INVALID, -3, "invalid input")            \
    X(LIMIT, -4, "limit exceeded")             \
    X(IO, -5, "input/output error")            \
    X(PROTOCOL, -6, "unexpected reply")        \
    X(TIMEOUT, -7, "timed out")                \
    X(CANCELED, -8, "canceled")                \
    X(NOT_FOUND, -9, "not found")              \
    X(CONFLICT, -10, "conflict")               \
    X(UNAVAILABLE, -11, "etcd is unavailable") \
    X(DENIED, -12, "permission denied")        \
    X(COMPACTED, -13, "revision is compacted") \
    X(USAGE, -14, "wrong usage")               \
    X(SPEC, -15, "bad spec")                   \
    X(UNVERIFIED, -16, "signature or digest does not verify")

enum err_code {
#define X(name, value, text) ERR_##name = (value),
    ERR_CODES(X)
#undef X
};

struct err {
    int code;
    char msg[ERR_MSG_MAX];
};

/*
 * Record a failure and yield its code: "return err_set(err, ERR_IO, ...)".
 * A macro, so that compilers and analyzers see the code at the place of use.
 */
#define err_set(err, code, ...) (err_record((err), (code), __VA_ARGS__), (code))

void err_record(struct err *err, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Put "prefix: " before the message already recorded and return its code. `err` is not NULL. */
int err_wrap(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The text of a code, "unknown error" for any other number. */
const char *err_text(int code);

/*
 * Exit code by class, the same for all programs: 0 done, 1 failed, 2 usage,
 * 3 bad spec, 4 not found, 5 conflict, 6 cannot reach etcd, 7 timed out.
 */
int err_exit_code(int code);

#endif
