/* What a JSON text must fulfil before cJSON sees it, and the bytes of texts. */
#include <string.h>

#include "codec/json_table.h"

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

static void append_byte(struct str *out, char c)
{
    if (c == '"' || c == '\\') {
        str_append_char(out, '\\');
        str_append_char(out, c);
    } else if ((unsigned char)c < 0x20) {
        str_appendf(out, "\\u%04x", (unsigned)(unsigned char)c);
    } else {
        str_append_char(out, c);
    }
}

void json_append_text(struct str *out, const char *text, size_t max)
{
    static const char replacement[] = "\xEF\xBF\xBD"; /* U+FFFD */
    size_t left = strlen(text);
    size_t written = 0;

    str_append_char(out, '"');
    while (0 < left) {
        size_t step = utf8_sequence(text, left);
        size_t bytes = step == 0 ? sizeof(replacement) - 1 : step;

        if (max - written < bytes) {
            break;
        }
        if (step == 1) {
            append_byte(out, text[0]);
        } else {
            str_append(out, step == 0 ? replacement : text, bytes);
        }
        written += bytes;
        text += step == 0 ? 1 : step;
        left -= step == 0 ? 1 : step;
    }
    str_append_char(out, '"');
}
