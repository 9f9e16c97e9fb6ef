#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"

Test(base64, the_vectors_of_the_standard_hold)
{
    static const struct {
        const char *bytes;
        const char *text;
    } table[] = {
        { "", "" },
        { "f", "Zg==" },
        { "fo", "Zm8=" },
        { "foo", "Zm9v" },
        { "foob", "Zm9vYg==" },
        { "fooba", "Zm9vYmE=" },
        { "foobar", "Zm9vYmFy" },
    };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(table); i++) {
        CLEANUP(str_deinit) struct str out;
        char text[16];
        size_t size = 99;

        str_init(&out, 64);
        base64_append(&out, table[i].bytes, strlen(table[i].bytes));
        cr_expect_str_eq(str_text(&out), table[i].text);
        (void)snprintf(text, sizeof(text), "%s", table[i].text);
        cr_expect(base64_decode(text, &size));
        cr_expect_eq(size, strlen(table[i].bytes));
        cr_expect_str_eq(text, table[i].bytes);
    }
}

Test(base64, each_byte_at_each_place_comes_back)
{
    unsigned char bytes[5] = { 0 };
    unsigned value;
    size_t place;

    for (place = 0; place < sizeof(bytes); place++) {
        for (value = 0; value < 256; value++) {
            CLEANUP(str_deinit) struct str out;
            size_t size = 0;

            bytes[place] = (unsigned char)value;
            str_init(&out, 64);
            base64_append(&out, bytes, sizeof(bytes));
            cr_assert(base64_decode(out.bytes, &size));
            cr_assert_eq(size, sizeof(bytes));
            cr_assert_arr_eq(out.bytes, bytes, sizeof(bytes));
            cr_assert_eq(out.bytes[size], '\0');
        }
    }
}

Test(base64, what_is_none_is_refused)
{
    static const char *const table[] = { "Z",    "Zg",   "Zg=",  "=",        "====",   "Z===",
                                         "Zm9-", "Zm9_", "Zm 9", "Zg==Zm9v", "Zm9v\n", "Zm\xff=" };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(table); i++) {
        char text[16];
        size_t size;

        (void)snprintf(text, sizeof(text), "%s", table[i]);
        cr_expect_not(base64_decode(text, &size), "'%s'", table[i]);
    }
}
