#include "integration/hand.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "codec/envelope.h"
#include "codec/model_json.h"
#include "discovery/segment_writer.h"
#include "integration/ask.h"

#define ARENA_BYTES (8U << 20)

void hand_read(const char *ip, uint16_t port, struct hand_record *out)
{
    static char reply[HAND_RECORD_SIZE];
    size_t bytes = 0;
    char *at;

    (void)ask(ip, port, "get muster:config\r\n", "END\r\n", reply, sizeof(reply));
    cr_assert_eq(sscanf(reply, "VALUE muster:config 0 %zu", &bytes), 1, "%s: %.80s", ip, reply);
    at = strchr(reply, '\n') + 1;
    cr_assert_lt(bytes, sizeof(out->text));
    memcpy(out->text, at, bytes);
    out->text[bytes] = '\0';
    out->bytes = bytes;
}

void hand_sign(const struct hand_record *record, const char *key_file, uint32_t version,
               struct hand_record *out)
{
    CLEANUP(arena_deinit) struct arena arena;
    CLEANUP(str_deinit) struct str json;
    struct signing_key key;
    struct config config;
    struct config sealed;
    struct err err;

    arena_init(&arena, ARENA_BYTES);
    str_init(&json, HAND_RECORD_SIZE - 1);
    cr_assert_eq(signing_key_load(key_file, &key, &err), 0, "%s", err.msg);
    cr_assert_eq(json_decode_config(record->text, record->bytes, &arena, &config, &err), 0, "%s",
                 err.msg);
    config.head.version = version;
    cr_assert_eq(envelope_seal(&config.head, &key, &arena, &sealed, &err), 0, "%s", err.msg);
    cr_assert_eq(json_encode_config(&sealed, &json, &err), 0, "%s", err.msg);
    memcpy(out->text, str_text(&json), json.size + 1);
    out->bytes = json.size;
}

void hand_push(const char *ip, uint16_t port, const struct hand_record *record)
{
    char reply[ASK_REPLY_SIZE];
    char line[64];
    int fd = ask_connect(ip, port);

    cr_assert_geq(fd, 0, "nobody at %s:%u", ip, port);
    (void)snprintf(line, sizeof(line), "set muster:config 0 0 %zu\r\n", record->bytes);
    cr_assert(ask_send(fd, line, strlen(line)) && ask_send(fd, record->text, record->bytes) &&
              ask_send(fd, "\r\n", 2));
    (void)ask_read(fd, "\r\n", reply, sizeof(reply));
    (void)close(fd);
    cr_assert_str_eq(reply, "STORED\r\n");
}

void hand_overwrite(const char *segment, uint32_t version, const char *payload,
                    const struct hand_record *record)
{
    struct segment_cell cell = { .version = version,
                                 .payload = payload,
                                 .payload_bytes = strlen(payload),
                                 .record = record->text,
                                 .record_bytes = record->bytes };
    struct err err;
    int fd;

    cr_assert_eq(segment_create(segment, &fd, &err), 0, "%s", err.msg);
    cr_assert_eq(segment_write(fd, &cell, &err), 0, "%s", err.msg);
    (void)close(fd);
}
