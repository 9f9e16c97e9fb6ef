#include "base/base64.h"

#include <stdint.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_append(struct str *out, const void *bytes, size_t size)
{
    const unsigned char *in = bytes;

    while (0 < size) {
        size_t taken = size < 3 ? size : 3;
        uint32_t group = (uint32_t)in[0] << 16U;
        char text[4];

        group |= taken < 2 ? 0U : (uint32_t)in[1] << 8U;
        group |= taken < 3 ? 0U : (uint32_t)in[2];
        text[0] = digits[group >> 18U];
        text[1] = digits[(group >> 12U) & 63U];
        text[2] = taken < 2 ? '=' : digits[(group >> 6U) & 63U];
        text[3] = taken < 3 ? '=' : digits[group & 63U];
        str_append(out, text, sizeof(text));
        in += taken;
        size -= taken;
    }
}

/* The value of a digit; 64 for anything else. */
static uint32_t digit_value(char c)
{
    if ('A' <= c && c <= 'Z') {
        return (uint32_t)(c - 'A');
    }
    if ('a' <= c && c <= 'z') {
        return (uint32_t)(c - 'a') + 26U;
    }
    if ('0' <= c && c <= '9') {
        return (uint32_t)(c - '0') + 52U;
    }
    if (c == '+') {
        return 62U;
    }
    return c == '/' ? 63U : 64U;
}

/* One group of four digits, of which the last `padding` are '='. */
static bool decode_group(const char *text, size_t padding, char *out)
{
    uint32_t group = 0;
    size_t i;

    for (i = 0; i < 4; i++) {
        uint32_t value = i < 4 - padding ? digit_value(text[i]) : 0U;

        if (63U < value) {
            return false;
        }
        group = group << 6U | value;
    }
    out[0] = (char)(group >> 16U);
    if (padding < 2) {
        out[1] = (char)(group >> 8U & 255U);
    }
    if (padding < 1) {
        out[2] = (char)(group & 255U);
    }
    return true;
}

bool base64_decode(char *text, size_t *size)
{
    size_t text_size = strlen(text);
    size_t padding = 0;
    size_t used = 0;
    size_t i;

    if (text_size % 4 != 0) {
        return false;
    }
    while (padding < 2 && padding < text_size && text[text_size - 1 - padding] == '=') {
        padding++;
    }
    for (i = 0; i < text_size; i += 4) {
        size_t missing = i + 4 == text_size ? padding : 0;

        /* The bytes of a group lie before its text: writing never overtakes reading. */
        if (!decode_group(text + i, missing, text + used)) {
            return false;
        }
        used += 3 - missing;
    }
    text[used] = '\0';
    *size = used;
    return true;
}
