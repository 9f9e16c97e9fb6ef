/*
 * str - text that grows to a limit, and strict number parsing.
 *
 * struct str owns its bytes; they are always NUL-terminated (the NUL does not
 * count) and may contain NULs themselves. Appending fails as a whole: either
 * all bytes are added or none. A failure sticks, so that a row of appends needs
 * one look at str_failed() at its end.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"

struct str {
    char *bytes; /* NULL while empty; see str_text() */
    size_t size;
    size_t capacity;
    size_t size_max;
    bool failed;
    bool full; /* it failed because size_max was reached */
};

/* Empty text of at most `size_max` bytes; nothing is allocated yet. */
void str_init(struct str *str, size_t size_max);

/* Release the bytes. For CLEANUP: CLEANUP(str_deinit) struct str s. */
void str_deinit(struct str *str);

/* Empty again, memory kept, failure forgotten. */
void str_clear(struct str *str);

void str_append(struct str *str, const void *bytes, size_t size);
void str_append_text(struct str *str, const char *text);
void str_append_char(struct str *str, char c);
void str_appendf(struct str *str, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Remove the first `size` bytes (all, when there are fewer). */
void str_drop_head(struct str *str, size_t size);

/* Whether an append failed since str_init() or str_clear(), for want of memory or room. */
bool str_failed(const struct str *str);

/* 0, or why an append failed: ERR_LIMIT at size_max, else ERR_NOMEM. */
MUST_USE int str_check(const struct str *str, struct err *err);

/* Cut to the first `size` bytes and forget a failure; for an append that is to be undone. */
void str_truncate(struct str *str, size_t size);

/* The text, "" while empty; valid until the next change. */
const char *str_text(const struct str *str);

/*
 * Decimal digits only (no sign, space, or empty text), within [min, max].
 * Returns whether `out` was set.
 */
MUST_USE bool text_to_u64(const char *text, uint64_t min, uint64_t max, uint64_t *out);

/* The same on `size` bytes that need no NUL. */
MUST_USE bool bytes_to_u64(const char *bytes, size_t size, uint64_t min, uint64_t max,
                           uint64_t *out);

/* Whether the texts are equal; NULL equals only NULL. */
bool text_equal(const char *a, const char *b);

/*
 * Blot out what would steer a terminal: control characters of ASCII, and in UTF-8 those of Latin-1,
 * become '?', ends of lines and tabs become spaces. The text keeps its size. For texts of
 * strangers: titles of commits, names of files, what other programs say.
 */
void text_make_plain(char *text);

/* The member of `names` nearest to `text` (edit distance at most 2 or a third of it; of up to three
 * letters at most 1 where the first differs), or NULL. */
const char *text_nearest(const char *text, const char *const *names, size_t count);

/*
 * The size of the UTF-8 sequence at the head of the bytes, 1..4; 0 when it is none (overlong,
 * surrogate, beyond U+10FFFF, cut) or `size` is 0.
 */
size_t utf8_sequence(const char *bytes, size_t size);

#endif
