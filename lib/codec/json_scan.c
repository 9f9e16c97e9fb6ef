/* What a JSON text must fulfil before cJSON sees it, and the bytes of texts. */
#include <string.h>

#include "codec/json_table.h"
#include "codec/json_text.h"

/* The size of the escape at `at` (a backslash); 0 when it stands for NUL or is cut. */
static size_t escape_size(const char *at, size_t left)
{
    if (left < 2) {
        return 0;
    }
    if (at[1] == 'u' && (left < 6 || memcmp(at + 2, "0000", 4) == 0)) {
        return 0;
    }
    return 2;
}

int json_scan(const char *bytes, size_t size, struct err *err)
{
    bool in_text = false;
    size_t depth = 0;
    size_t step;
    size_t i;

    for (i = 0; i < size; i += step) {
        char c = bytes[i];

        step = in_text && c == '\\' ? escape_size(bytes + i, size - i)
                                    : utf8_sequence(bytes + i, size - i);
        if (step == 0 || (unsigned char)c < (in_text ? 0x20 : 0x01)) {
            return err_set(err, ERR_INVALID, "byte %zu: not a text in UTF-8 without NUL", i);
        }
        if (c == '"') {
            in_text = !in_text;
        } else if (!in_text && (c == '{' || c == '[')) {
            depth++;
        } else if (!in_text && (c == '}' || c == ']') && 0 < depth) {
            depth--;
        }
        if (JSON_DEPTH_MAX < depth) {
            return err_set(err, ERR_INVALID, "byte %zu: nested deeper than %d", i, JSON_DEPTH_MAX);
        }
    }
    return 0;
}

static void append_escaped(struct str *out, char c)
{
    if (c == '"' || c == '\\') {
        str_append_char(out, '\\');
        str_append_char(out, c);
    } else {
        str_appendf(out, "\\u%04x", (unsigned)(unsigned char)c);
    }
}

/* How many bytes at the head stand for themselves, whole sequences only. */
static size_t plain_run(const char *text, size_t size)
{
    size_t run = 0;

    while (run < size) {
        size_t step = utf8_sequence(text + run, size - run);

        if (step == 0 || (unsigned char)text[run] < 0x20 || text[run] == '"' || text[run] == '\\') {
            break;
        }
        run += step;
    }
    return run;
}

void json_append_text(struct str *out, const char *text, size_t max)
{
    static const char replacement[] = "\xEF\xBF\xBD"; /* U+FFFD */
    size_t left = strlen(text);

    str_append_char(out, '"');
    while (0 < left && 0 < max) {
        size_t run = plain_run(text, left < max ? left : max);
        size_t used = run;

        if (0 < run) {
            str_append(out, text, run);
        } else if (utf8_sequence(text, left) == 1) {
            append_escaped(out, text[0]);
            used = 1;
        } else if (utf8_sequence(text, left) == 0 && sizeof(replacement) - 1 <= max) {
            str_append_text(out, replacement);
            used = 1;
            max -= sizeof(replacement) - 2;
        } else {
            break; /* no room for a whole character */
        }
        text += used;
        left -= used;
        max -= used;
    }
    str_append_char(out, '"');
}

void json_quote(const char *text, struct str *out)
{
    json_append_text(out, text, SIZE_MAX);
}
