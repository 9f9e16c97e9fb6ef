#include "codec/json_text.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define INDENT_WIDTH 2

struct reader {
    const char *begin;
    const char *at;
    const char *end;
    struct str *out;
    int depth;
    bool yaml;
    struct err *err;
};

static int value(struct reader *r);

static int broken(struct reader *r, const char *expected)
{
    return err_set(r->err, ERR_INVALID, "byte %zu: expected %s", (size_t)(r->at - r->begin),
                   expected);
}

static void skip_space(struct reader *r)
{
    while (r->at < r->end && *r->at != '\0' && strchr(" \t\r\n", *r->at) != NULL) {
        r->at++;
    }
}

static char peek(const struct reader *r)
{
    return r->at < r->end ? *r->at : '\0';
}

static void line(struct reader *r, int depth)
{
    int i;

    str_append_char(r->out, '\n');
    for (i = 0; i < depth * INDENT_WIDTH; i++) {
        str_append_char(r->out, ' ');
    }
}

/* Pass over one escape sequence, `at` on its backslash. */
static bool skip_escape(struct reader *r)
{
    int i;

    r->at++;
    if (peek(r) == 'u') {
        for (i = 0; i < 4; i++) {
            r->at++;
            if (!isxdigit((unsigned char)peek(r))) {
                return false;
            }
        }
    } else if (peek(r) == '\0' || strchr("\"\\/bfnrt", peek(r)) == NULL) {
        return false;
    }
    r->at++;
    return true;
}

/* Pass over a text; [*first, *last) is what stands between its quotes. */
static int scan_text(struct reader *r, const char **first, const char **last)
{
    if (peek(r) != '"') {
        return broken(r, "a text");
    }
    r->at++;
    *first = r->at;
    while (peek(r) != '"') {
        if (r->at == r->end || (unsigned char)*r->at < 0x20) {
            return broken(r, "the end of the text");
        }
        if (*r->at == '\\') {
            if (!skip_escape(r)) {
                return broken(r, "an escape sequence");
            }
        } else {
            r->at++;
        }
    }
    *last = r->at;
    r->at++;
    return 0;
}

static size_t skip_digits(struct reader *r)
{
    const char *first = r->at;

    while (isdigit((unsigned char)peek(r))) {
        r->at++;
    }
    return (size_t)(r->at - first);
}

static bool scan_number(struct reader *r)
{
    const char *first;

    if (peek(r) == '-') {
        r->at++;
    }
    first = r->at;
    if (skip_digits(r) == 0 || (*first == '0' && 1 < r->at - first)) {
        return false;
    }
    if (peek(r) == '.') {
        r->at++;
        if (skip_digits(r) == 0) {
            return false;
        }
    }
    if (peek(r) == 'e' || peek(r) == 'E') {
        r->at++;
        if (peek(r) == '+' || peek(r) == '-') {
            r->at++;
        }
        return skip_digits(r) != 0;
    }
    return true;
}

static int scalar(struct reader *r)
{
    static const char *const words[] = { "true", "false", "null" };
    const char *first = r->at;
    size_t i;

    for (i = 0; i < ARRAY_COUNT(words); i++) {
        size_t size = strlen(words[i]);

        if (size <= (size_t)(r->end - r->at) && memcmp(r->at, words[i], size) == 0) {
            r->at += size;
            str_append(r->out, words[i], size);
            return 0;
        }
    }
    if (!scan_number(r)) {
        return broken(r, "a value");
    }
    str_append(r->out, first, (size_t)(r->at - first));
    return 0;
}

/*
 * Whether a text can stand in YAML without quotes and remain a text: a letter first, then letters
 * and what has no meaning inside of a word, and none of the words that readers of YAML 1.1 or 1.2
 * take for something else.
 */
static bool yaml_plain(const char *first, size_t size)
{
    static const char *const words[] = { "true", "false", "null", "yes", "no", "on",
                                         "off",  "y",     "n",    "inf", "nan" };
    size_t i;

    if (size == 0 || !isalpha((unsigned char)first[0]) || first[size - 1] == ' ') {
        return false;
    }
    for (i = 0; i < size; i++) {
        if (!isalnum((unsigned char)first[i]) && strchr("-_./ ", first[i]) == NULL) {
            return false;
        }
    }
    for (i = 0; i < ARRAY_COUNT(words); i++) {
        if (strlen(words[i]) == size && strncasecmp(first, words[i], size) == 0) {
            return false;
        }
    }
    return true;
}

static uint32_t hex4(const char *at)
{
    uint32_t number = 0;
    int i;

    for (i = 0; i < 4; i++) {
        unsigned char c = (unsigned char)at[i];

        number = number * 16 + (uint32_t)(isdigit(c) ? c - '0' : tolower(c) - 'a' + 10);
    }
    return number;
}

/* JSON's quoted form is YAML's, but for characters beyond U+FFFF, which JSON escapes in two halves.
 */
static void put_quoted(struct reader *r, const char *first, const char *last)
{
    str_append_char(r->out, '"');
    while (first < last) {
        bool pair = r->yaml && 12 <= last - first && first[0] == '\\' && first[1] == 'u' &&
                    first[6] == '\\' && first[7] == 'u';
        uint32_t high = pair ? hex4(first + 2) : 0;
        uint32_t low = pair ? hex4(first + 8) : 0;
        size_t size = first[0] == '\\' && 1 < last - first ? 2 : 1;

        if (0xd800 <= high && high < 0xdc00 && 0xdc00 <= low && low < 0xe000) {
            str_appendf(r->out, "\\U%08X",
                        (unsigned)(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)));
            first += 12;
            continue;
        }
        str_append(r->out, first, size);
        first += size;
    }
    str_append_char(r->out, '"');
}

static int text(struct reader *r)
{
    const char *first;
    const char *last;
    int rv = scan_text(r, &first, &last);

    if (rv < 0) {
        return rv;
    }
    if (r->yaml && yaml_plain(first, (size_t)(last - first))) {
        str_append(r->out, first, (size_t)(last - first));
    } else {
        put_quoted(r, first, last);
    }
    return 0;
}

/* Whether the value at hand is a list or an object with something in it. */
static bool is_block(struct reader *r)
{
    struct reader ahead = *r;
    char open = peek(r);

    if (open != '{' && open != '[') {
        return false;
    }
    ahead.at++;
    skip_space(&ahead);
    return peek(&ahead) != (open == '{' ? '}' : ']');
}

static int member(struct reader *r)
{
    int rv = text(r);

    if (rv < 0) {
        return rv;
    }
    skip_space(r);
    if (peek(r) != ':') {
        return broken(r, "':'");
    }
    r->at++;
    skip_space(r);
    str_append_char(r->out, ':');
    if (!r->yaml || !is_block(r)) {
        str_append_char(r->out, ' ');
    } else {
        line(r, r->depth);
    }
    return value(r);
}

static int element(struct reader *r)
{
    if (r->yaml) {
        str_append_text(r->out, "- ");
    }
    return value(r);
}

/* The parts of a list or object up to `close`; the first one is already known to be there. */
static int parts(struct reader *r, char close, int depth)
{
    int rv;

    for (;;) {
        skip_space(r);
        rv = close == '}' ? member(r) : element(r);
        if (rv < 0) {
            return rv;
        }
        skip_space(r);
        if (peek(r) == close) {
            r->at++;
            return 0;
        }
        if (peek(r) != ',') {
            return broken(r, close == '}' ? "',' or '}'" : "',' or ']'");
        }
        r->at++;
        if (!r->yaml) {
            str_append_char(r->out, ',');
        }
        line(r, depth);
    }
}

/* A YAML block begins where the caller stands: behind "- ", or on a line of its own. */
static int block(struct reader *r)
{
    char open = peek(r);
    char close = open == '{' ? '}' : ']';
    bool filled = is_block(r);
    int depth = r->depth;
    int rv;

    if (depth == JSON_TEXT_DEPTH_MAX) {
        return err_set(r->err, ERR_INVALID, "byte %zu: nested deeper than %d",
                       (size_t)(r->at - r->begin), JSON_TEXT_DEPTH_MAX);
    }
    r->at++;
    if (!filled) {
        skip_space(r);
        r->at++;
        str_append_char(r->out, open);
        str_append_char(r->out, close);
        return 0;
    }
    r->depth++;
    if (!r->yaml) {
        str_append_char(r->out, open);
        line(r, r->depth);
    }
    rv = parts(r, close, r->yaml ? depth : r->depth);
    r->depth = depth;
    if (0 <= rv && !r->yaml) {
        line(r, depth);
        str_append_char(r->out, close);
    }
    return rv;
}

static int value(struct reader *r)
{
    char first = peek(r);

    if (first == '{' || first == '[') {
        return block(r);
    }
    return first == '"' ? text(r) : scalar(r);
}

static int lay_out(const char *bytes, size_t size, bool yaml, struct str *out, struct err *err)
{
    struct reader r = {
        .begin = bytes, .at = bytes, .end = bytes + size, .out = out, .yaml = yaml, .err = err
    };
    int rv;

    skip_space(&r);
    rv = value(&r);
    if (rv < 0) {
        return rv;
    }
    skip_space(&r);
    if (r.at != r.end) {
        return broken(&r, "the end");
    }
    str_append_char(out, '\n');
    if (str_failed(out)) {
        return err_set(err, ERR_LIMIT, "more than %zu bytes, or out of memory", out->size_max);
    }
    return 0;
}

int json_pretty(const char *bytes, size_t size, struct str *out, struct err *err)
{
    return lay_out(bytes, size, false, out, err);
}

int json_to_yaml(const char *bytes, size_t size, struct str *out, struct err *err)
{
    return lay_out(bytes, size, true, out, err);
}
