#include "codec/payload.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "model/name.h"

static int member_check(const struct config_draft *draft, size_t i, struct err *err)
{
    const struct member *member = &draft->members[i];

    if (member->slot < 1 || SLOT_MAX < member->slot ||
        (0 < i && member->slot <= draft->members[i - 1].slot)) {
        return err_set(err, ERR_INVALID, "member %zu: slot %u is out of order", i, member->slot);
    }
    if (!name_is_hostname(member->hostname)) {
        return err_set(err, ERR_INVALID, "slot %u: \"%.64s\" is no host name", member->slot,
                       member->hostname);
    }
    if (!name_is_ipv4(member->ip)) {
        return err_set(err, ERR_INVALID, "slot %u: \"%.64s\" is no IPv4 address", member->slot,
                       member->ip);
    }
    if (member->port == 0) {
        return err_set(err, ERR_INVALID, "slot %u: has no port", member->slot);
    }
    return 0;
}

static int render(const struct config_draft *draft, struct str *out, struct err *err)
{
    size_t i;

    if (draft->version < 1 || CONFIG_VERSION_MAX < draft->version) {
        return err_set(err, ERR_INVALID, "version %u is not within 1..%d", draft->version,
                       CONFIG_VERSION_MAX);
    }
    if (draft->members_count == 0) {
        return err_set(err, ERR_INVALID, "no members: clients would have nowhere to go");
    }
    str_appendf(out, "%u\n", draft->version);
    for (i = 0; i < draft->members_count; i++) {
        const struct member *member = &draft->members[i];
        int rv = member_check(draft, i, err);

        if (rv < 0) {
            return rv;
        }
        str_appendf(out, "%s%s|%s|%u", i == 0 ? "" : " ", member->hostname, member->ip,
                    (unsigned)member->port);
    }
    str_append_char(out, '\n');
    return str_check(out, err);
}

int payload_render(const struct config_draft *draft, struct arena *arena, const char **payload,
                   size_t *payload_bytes, struct err *err)
{
    CLEANUP(str_deinit) struct str text = { 0 };
    const char *copy;
    int rv;

    str_init(&text, CONFIG_PAYLOAD_BYTES_MAX);
    rv = render(draft, &text, err);
    if (rv < 0) {
        return err_wrap(err, "node list");
    }
    copy = arena_strndup(arena, text.bytes, text.size);
    if (copy == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    *payload = copy;
    *payload_bytes = text.size;
    return 0;
}

struct reader {
    const char *bytes;
    size_t size;
    size_t at;
    struct arena *arena;
    struct err *err;
};

static int fail(struct reader *reader, const char *expected)
{
    return err_set(reader->err, ERR_INVALID, "byte %zu: expected %s", reader->at, expected);
}

/* How many bytes come before the next of `ends`, or before the end. */
static size_t span(const struct reader *reader, const char *ends)
{
    size_t n = 0;

    while (reader->at + n < reader->size && reader->bytes[reader->at + n] != '\0' &&
           strchr(ends, reader->bytes[reader->at + n]) == NULL) {
        n++;
    }
    return n;
}

static int take(struct reader *reader, char c, const char *expected)
{
    if (reader->at == reader->size || reader->bytes[reader->at] != c) {
        return fail(reader, expected);
    }
    reader->at++;
    return 0;
}

/* Decimal without leading zeros, so that a number has one form. */
static int take_number(struct reader *reader, uint64_t max, const char *expected, uint64_t *out)
{
    size_t n = span(reader, " |\n");

    if (n == 0 || reader->bytes[reader->at] == '0' ||
        !bytes_to_u64(reader->bytes + reader->at, n, 1, max, out)) {
        return fail(reader, expected);
    }
    reader->at += n;
    return 0;
}

static int take_text(struct reader *reader, bool (*holds)(const char *text), const char *expected,
                     const char **out)
{
    size_t n = span(reader, " |\n");
    const char *text = arena_strndup(reader->arena, reader->bytes + reader->at, n);

    if (text == NULL) {
        return err_set(reader->err, ERR_NOMEM, "out of memory");
    }
    if (!holds(text)) {
        return fail(reader, expected);
    }
    reader->at += n;
    *out = text;
    return take(reader, '|', "'|'");
}

static uint32_t slot_of(const char *hostname)
{
    char text[SLOT_TEXT_SIZE];
    uint32_t slot = 0;

    if (strcspn(hostname, ".") != SLOT_TEXT_SIZE - 1 || hostname[SLOT_TEXT_SIZE - 1] == '\0') {
        return 0;
    }
    (void)snprintf(text, sizeof(text), "%s", hostname);
    return slot_parse(text, &slot) ? slot : 0;
}

static int take_member(struct reader *reader, struct member *out)
{
    uint64_t port = 0;
    int rv;

    rv = take_text(reader, name_is_hostname, "a host name", &out->hostname);
    if (rv == 0) {
        rv = take_text(reader, name_is_ipv4, "an IPv4 address", &out->ip);
    }
    if (rv == 0) {
        rv = take_number(reader, UINT16_MAX, "a port", &port);
    }
    out->port = (uint16_t)port;
    out->slot = rv == 0 ? slot_of(out->hostname) : 0;
    return rv;
}

static size_t count_members(const struct reader *reader)
{
    size_t count = 1;
    size_t i;

    for (i = reader->at; i < reader->size; i++) {
        count += reader->bytes[i] == ' ' ? 1 : 0;
    }
    return count;
}

static int take_members(struct reader *reader, struct member *members, size_t count)
{
    size_t i;
    int rv = 0;

    for (i = 0; i < count && rv == 0; i++) {
        rv = i == 0 ? 0 : take(reader, ' ', "a space");
        if (rv == 0) {
            rv = take_member(reader, &members[i]);
        }
    }
    if (rv == 0) {
        rv = take(reader, '\n', "a line end");
    }
    if (rv == 0 && reader->at != reader->size) {
        rv = fail(reader, "the end");
    }
    return rv;
}

int payload_parse(const char *bytes, size_t size, struct arena *arena, uint32_t *version,
                  struct member **members, size_t *members_count, struct err *err)
{
    struct reader reader = { bytes, size, 0, arena, err };
    struct member *list;
    uint64_t number = 0;
    size_t count;
    int rv;

    if (CONFIG_PAYLOAD_BYTES_MAX < size) {
        return err_set(err, ERR_INVALID, "%zu bytes, at most %d are allowed", size,
                       CONFIG_PAYLOAD_BYTES_MAX);
    }
    rv = take_number(&reader, CONFIG_VERSION_MAX, "a version", &number);
    if (rv == 0) {
        rv = take(&reader, '\n', "a line end");
    }
    if (rv < 0) {
        return rv;
    }
    count = count_members(&reader);
    list = count <= CONFIG_MEMBERS_MAX ? arena_calloc(arena, count, sizeof(*list)) : NULL;
    if (list == NULL) {
        return count <= CONFIG_MEMBERS_MAX ? err_set(err, ERR_NOMEM, "out of memory")
                                           : fail(&reader, "fewer nodes");
    }
    rv = take_members(&reader, list, count);
    if (rv < 0) {
        return rv;
    }
    *version = (uint32_t)number;
    *members = list;
    *members_count = count;
    return 0;
}
