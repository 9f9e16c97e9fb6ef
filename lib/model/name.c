#include "model/name.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/str.h"

static bool is_lower_or_digit(char c)
{
    return ('a' <= c && c <= 'z') || ('0' <= c && c <= '9');
}

static bool label_of(const char *text, size_t size, size_t max)
{
    size_t i;

    if (size == 0 || max < size || text[0] == '-' || text[size - 1] == '-') {
        return false;
    }
    for (i = 0; i < size; i++) {
        if (!is_lower_or_digit(text[i]) && text[i] != '-') {
            return false;
        }
    }
    return true;
}

bool name_is_label(const char *text, size_t max)
{
    return label_of(text, strlen(text), max);
}

static bool labels_with_dots(const char *text, size_t max)
{
    size_t size = strlen(text);

    if (size == 0 || max < size) {
        return false;
    }
    for (;;) {
        size_t label = strcspn(text, ".");

        if (!label_of(text, label, LABEL_TEXT_MAX)) {
            return false;
        }
        if (text[label] == '\0') {
            return true;
        }
        text += label + 1;
    }
}

bool name_is_domain(const char *text)
{
    return labels_with_dots(text, DOMAIN_MAX);
}

bool name_is_hostname(const char *text)
{
    return labels_with_dots(text, HOSTNAME_TEXT_MAX);
}

bool name_is_label_value(const char *text)
{
    size_t i;

    for (i = 0; text[i] != '\0'; i++) {
        char c = text[i];

        if (LABEL_TEXT_MAX <= i ||
            (!is_lower_or_digit(c) && !('A' <= c && c <= 'Z') && strchr("-_.", c) == NULL)) {
            return false;
        }
    }
    return true;
}

bool name_is_uid(const char *text)
{
    return strlen(text) == UID_TEXT_SIZE - 1 &&
           strspn(text, "0123456789abcdef") == UID_TEXT_SIZE - 1;
}

void slot_format(uint32_t slot, char out[SLOT_TEXT_SIZE])
{
    CHECK(1 <= slot);
    CHECK(slot <= SLOT_MAX);
    (void)snprintf(out, SLOT_TEXT_SIZE, "%04u", slot % 10000U);
}

bool slot_parse(const char *text, uint32_t *out)
{
    uint64_t slot;

    if (strlen(text) != SLOT_TEXT_SIZE - 1 || !text_to_u64(text, 1, SLOT_MAX, &slot)) {
        return false;
    }
    *out = (uint32_t)slot;
    return true;
}

bool ipv4_parse(const char *text, uint32_t *out)
{
    struct in_addr address;

    /* inet_pton() takes dotted quads without leading zeros only. */
    if (inet_pton(AF_INET, text, &address) != 1) {
        return false;
    }
    *out = ntohl(address.s_addr);
    return true;
}

bool name_is_ipv4(const char *text)
{
    uint32_t address;

    return ipv4_parse(text, &address);
}

void ipv4_format(uint32_t address, char out[IPV4_TEXT_SIZE])
{
    (void)snprintf(out, IPV4_TEXT_SIZE, "%u.%u.%u.%u", address >> 24, (address >> 16) & 255U,
                   (address >> 8) & 255U, address & 255U);
}
