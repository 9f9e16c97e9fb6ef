#include <criterion/criterion.h>
#include <string.h>

#include "model/name.h"

struct row {
    const char *text;
    bool valid;
};

#define LABEL_40 "aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd"
#define LABEL_63 LABEL_40 "eeeeeeeeeeffffffffffggg"

static bool is_cluster(const char *text)
{
    return name_is_label(text, CLUSTER_NAME_MAX);
}

static void check_rows(const struct row *rows, size_t count, bool (*is)(const char *text))
{
    size_t i;

    for (i = 0; i < count; i++) {
        cr_expect_eq(is(rows[i].text), rows[i].valid, "\"%s\"", rows[i].text);
    }
}

Test(name, labels_are_safe_in_keys_names_and_paths)
{
    static const struct row rows[] = {
        { "a", true },      { "a-b", true },         { "0", true },      { "web1", true },
        { LABEL_40, true }, { LABEL_40 "e", false }, { "", false },      { "-a", false },
        { "a-", false },    { "-", false },          { "A", false },     { "a_b", false },
        { "a.b", false },   { "a/b", false },        { "..", false },    { "a b", false },
        { "a\n", false },   { "\xC3\xBC", false },   { "a\x80", false }, { "%", false },
    };

    check_rows(rows, ARRAY_COUNT(rows), is_cluster);
}

Test(name, domains_are_labels_with_dots)
{
    static const struct row rows[] = {
        { "local", true },
        { "cache.example.com", true },
        { "a.b", true },
        { LABEL_63, true },
        { LABEL_63 ".a", true },
        { LABEL_63 "h", false },
        { "", false },
        { ".", false },
        { "a.", false },
        { ".a", false },
        { "a..b", false },
        { "a.-b", false },
        { "Cache.a", false },
        { LABEL_63 "." LABEL_63, true },
        { LABEL_63 "." LABEL_63 ".a", false },
    };

    check_rows(rows, ARRAY_COUNT(rows), name_is_domain);
}

Test(name, host_names_may_be_as_long_as_a_slot_of_the_longest_domain)
{
    cr_expect(name_is_hostname("0001." LABEL_40 "." LABEL_63 "." LABEL_63));
    cr_expect(name_is_hostname("127.0.0.1"));
    cr_expect_not(name_is_hostname("0001." LABEL_40 "." LABEL_63 "." LABEL_63 ".aa"));
    cr_expect_not(name_is_hostname("a|b"));
    cr_expect_not(name_is_hostname(""));
}

Test(name, label_values_may_be_empty_and_have_more_characters)
{
    static const struct row rows[] = {
        { "", true },     { "Web_1.2-x", true }, { LABEL_63, true }, { LABEL_63 "a", false },
        { "a b", false }, { "a/b", false },      { "\"", false },    { "\xC3\xBC", false },
    };

    check_rows(rows, ARRAY_COUNT(rows), name_is_label_value);
}

Test(name, uids_are_sixteen_hex_digits)
{
    static const struct row rows[] = {
        { "0123456789abcdef", true },   { "0123456789ABCDEF", false },
        { "0123456789abcde", false },   { "", false },
        { "0123456789abcdef0", false },
    };

    check_rows(rows, ARRAY_COUNT(rows), name_is_uid);
}

Test(name, slots_have_four_digits_in_both_directions)
{
    static const char *const bad[] = { "0000", "1", "00001", "10000", "", "001x", "+001", " 001" };
    uint32_t slot;
    uint32_t back;
    size_t i;

    for (slot = 1; slot <= SLOT_MAX; slot++) {
        char text[SLOT_TEXT_SIZE];

        slot_format(slot, text);
        cr_assert(slot_parse(text, &back), "%s", text);
        cr_assert_eq(back, slot);
    }
    for (i = 0; i < ARRAY_COUNT(bad); i++) {
        cr_expect_not(slot_parse(bad[i], &back), "%s", bad[i]);
    }
}

Test(name, addresses_are_dotted_quads)
{
    static const struct row rows[] = {
        { "127.0.0.1", true },  { "255.255.255.255", true },
        { "0.0.0.0", true },    { "127.0.0.01", false },
        { "127.0.0", false },   { "127.0.0.256", false },
        { "1.2.3.4.5", false }, { "::1", false },
        { "", false },          { " 1.2.3.4", false },
        { "1.2.3.4 ", false },  { "0x7f.0.0.1", false },
    };
    uint32_t address = 0;
    char text[IPV4_TEXT_SIZE];

    check_rows(rows, ARRAY_COUNT(rows), name_is_ipv4);
    cr_assert(ipv4_parse("127.1.2.3", &address));
    cr_expect_eq(address, 0x7F010203);
    ipv4_format(address + 1, text);
    cr_expect_str_eq(text, "127.1.2.4");
    ipv4_format(UINT32_MAX, text);
    cr_expect_str_eq(text, "255.255.255.255");
}
