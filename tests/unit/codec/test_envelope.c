#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "codec/envelope.h"
#include "codec/model_json.h"
#include "gen.h"
#include "support/scene.h"

#define ARENA_MAX (16U << 20)

struct keys {
    struct signing_key signing;
    struct trusted_keys trusted;
};

static void keys_make(const char *name, struct keys *out)
{
    struct scene_path secret = scene_path("%s.key", name);
    struct scene_path public = scene_path("%s.pub", name);
    struct err err;

    cr_assert_eq(signing_key_create(secret.text, public.text, &err), 0, "%s", err.msg);
    cr_assert_eq(signing_key_load(secret.text, &out->signing, &err), 0, "%s", err.msg);
    cr_assert_eq(trusted_keys_load(public.text, &out->trusted, &err), 0, "%s", err.msg);
}

/* A sealed record of some members. */
static void seal(uint64_t seed, const struct keys *keys, struct arena *arena, struct config *out)
{
    struct gen gen = { seed, arena };
    struct config_draft draft;
    struct err err;

    gen_draft(&gen, &draft);
    cr_assert_eq(envelope_seal(&draft, &keys->signing, arena, out, &err), 0, "%s", err.msg);
}

Test(envelope, a_sealed_record_verifies_and_holds_the_draft)
{
    CLEANUP(arena_deinit) struct arena arena = { 0 };
    struct gen gen = { 5, &arena };
    struct config_draft draft;
    struct config config;
    struct keys keys;
    struct err err;

    arena_init(&arena, ARENA_MAX);
    keys_make("a", &keys);
    gen_draft(&gen, &draft);
    cr_assert_eq(envelope_seal(&draft, &keys.signing, &arena, &config, &err), 0, "%s", err.msg);
    cr_expect_eq(envelope_verify(&config, &keys.trusted, &err), 0, "%s", err.msg);
    cr_expect_str_eq(config.head.cluster, draft.cluster);
    cr_expect_eq(config.head.epoch, draft.epoch);
    cr_expect(members_equal(config.head.members, config.head.members_count, draft.members,
                            draft.members_count));
    cr_expect_neq(config.head.members, draft.members, "a copy of its own");
    cr_expect_str_eq(config.key_id, keys.signing.id);
}

Test(envelope, the_same_draft_gives_the_same_record)
{
    CLEANUP(arena_deinit) struct arena arena = { 0 };
    struct config first;
    struct config second;
    struct keys keys;

    arena_init(&arena, ARENA_MAX);
    keys_make("a", &keys);
    seal(9, &keys, &arena, &first);
    seal(9, &keys, &arena, &second);
    cr_expect_str_eq(first.digest, second.digest);
    cr_expect_str_eq(first.signature, second.signature);
}

/* Flip each bit of `size` bytes in turn; no such record may verify. */
static void flip_bytes(const struct config *config, const struct trusted_keys *keys, char *bytes,
                       size_t size, const char *field)
{
    size_t bit;

    for (bit = 0; bit < 8 * size; bit++) {
        struct err err;

        bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << bit % 8));
        cr_assert_eq(envelope_verify(config, keys, &err), ERR_UNVERIFIED, "bit %zu of %s", bit,
                     field);
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << bit % 8));
    }
}

static void flip_text(const struct config *config, const struct trusted_keys *keys,
                      const char **text, const char *field)
{
    const char *before = *text;
    char *copy = strdup(before);

    *text = copy;
    flip_bytes(config, keys, copy, strlen(copy), field);
    *text = before;
    free(copy);
}

Test(envelope, no_flipped_bit_goes_unnoticed, .timeout = 60)
{
    CLEANUP(arena_deinit) struct arena arena = { 0 };
    struct member members[] = { { 1, "0001.web.local", "10.0.0.1", 11211 },
                                { 2, "0002.web.local", "10.0.0.2", 11211 } };
    const struct config_draft draft = { "web", "0123456789abcdef", 3, 7, members, 2 };
    struct config config;
    struct keys keys;
    struct err err;
    size_t i;

    arena_init(&arena, ARENA_MAX);
    keys_make("a", &keys);
    cr_assert_eq(envelope_seal(&draft, &keys.signing, &arena, &config, &err), 0);
    config.head.members = members;
    cr_assert_eq(envelope_verify(&config, &keys.trusted, &err), 0, "%s", err.msg);

    flip_text(&config, &keys.trusted, &config.head.cluster, "cluster");
    flip_text(&config, &keys.trusted, &config.head.uid, "uid");
    flip_text(&config, &keys.trusted, &config.payload, "payload");
    flip_text(&config, &keys.trusted, &config.digest, "digest");
    flip_text(&config, &keys.trusted, &config.key_id, "key id");
    flip_text(&config, &keys.trusted, &config.signature, "signature");
    flip_bytes(&config, &keys.trusted, (char *)&config.head.epoch, sizeof(uint64_t), "epoch");
    flip_bytes(&config, &keys.trusted, (char *)&config.head.version, sizeof(uint32_t), "version");
    for (i = 0; i < 2; i++) {
        flip_text(&config, &keys.trusted, &members[i].hostname, "hostname");
        flip_text(&config, &keys.trusted, &members[i].ip, "ip");
        flip_bytes(&config, &keys.trusted, (char *)&members[i].slot, sizeof(uint32_t), "slot");
        flip_bytes(&config, &keys.trusted, (char *)&members[i].port, sizeof(uint16_t), "port");
    }
    config.head.members_count = 1;
    cr_expect_eq(envelope_verify(&config, &keys.trusted, &err), ERR_UNVERIFIED);
    config.head.members_count = 2;
    config.payload_bytes--;
    cr_expect_eq(envelope_verify(&config, &keys.trusted, &err), ERR_UNVERIFIED);
    config.payload_bytes++;
    cr_expect_eq(envelope_verify(&config, &keys.trusted, &err), 0, "%s", err.msg);
}

/* What stands in the text of one field must not be able to stand for two. */
Test(envelope, bytes_can_not_move_from_one_field_to_the_next)
{
    CLEANUP(arena_deinit) struct arena arena = { 0 };
    static const struct member members[] = { { 1, "a", "10.0.0.1", 11211 } };
    struct config_draft draft = { "web", "0123456789abcdef", 12, 3, members, 1 };
    struct config first;
    struct config second;
    struct keys keys;
    struct err err;

    arena_init(&arena, ARENA_MAX);
    keys_make("a", &keys);
    cr_assert_eq(envelope_seal(&draft, &keys.signing, &arena, &first, &err), 0);
    draft.epoch = 1;
    draft.version = 23;
    cr_assert_eq(envelope_seal(&draft, &keys.signing, &arena, &second, &err), 0);
    cr_expect_str_neq(first.digest, second.digest);
}

Test(envelope, only_trusted_keys_count)
{
    CLEANUP(arena_deinit) struct arena arena = { 0 };
    struct trusted_keys none = { .count = 0 };
    struct trusted_keys both;
    struct config config;
    struct keys ours;
    struct keys theirs;
    struct err err;

    arena_init(&arena, ARENA_MAX);
    keys_make("ours", &ours);
    keys_make("theirs", &theirs);
    seal(1, &theirs, &arena, &config);
    cr_expect_eq(envelope_verify(&config, &none, &err), ERR_UNVERIFIED);
    cr_expect_eq(envelope_verify(&config, &ours.trusted, &err), ERR_UNVERIFIED);
    config.key_id = ours.signing.id;
    cr_expect_eq(envelope_verify(&config, &ours.trusted, &err), ERR_UNVERIFIED, "a stolen id");
    config.key_id = theirs.signing.id;
    both = ours.trusted;
    both.keys[both.count++] = theirs.trusted.keys[0];
    cr_expect_eq(envelope_verify(&config, &both, &err), 0, "%s", err.msg);
    seal(1, &ours, &arena, &config);
    cr_expect_eq(envelope_verify(&config, &both, &err), 0, "%s", err.msg);
}

Test(envelope, a_signature_has_one_form)
{
    CLEANUP(arena_deinit) struct arena arena = { 0 };
    struct config config;
    struct keys keys;
    struct err err;
    char upper[CONFIG_SIGNATURE_SIZE];
    size_t i;

    arena_init(&arena, ARENA_MAX);
    keys_make("a", &keys);
    seal(2, &keys, &arena, &config);
    for (i = 0; i < sizeof(upper); i++) {
        char c = config.signature[i];

        upper[i] = (char)('a' <= c && c <= 'f' ? c - 'a' + 'A' : c);
    }
    config.signature = upper;
    cr_expect_eq(envelope_verify(&config, &keys.trusted, &err), ERR_UNVERIFIED);
    config.signature = "";
    cr_expect_eq(envelope_verify(&config, &keys.trusted, &err), ERR_UNVERIFIED);
}

Test(envelope, verifies_after_json_was_encoded_again)
{
    CLEANUP(arena_deinit) struct arena arena = { 0 };
    struct keys keys;
    uint64_t seed;

    arena_init(&arena, ARENA_MAX);
    keys_make("a", &keys);
    for (seed = 0; seed < 50; seed++) {
        CLEANUP(str_deinit) struct str text = { 0 };
        CLEANUP(str_deinit) struct str spaced = { 0 };
        struct config config;
        struct config back;
        struct err err;
        size_t i;

        arena_clear(&arena);
        str_init(&text, JSON_VALUE_BYTES_MAX);
        str_init(&spaced, JSON_VALUE_BYTES_MAX);
        seal(seed, &keys, &arena, &config);
        cr_assert_eq(json_encode_config(&config, &text, &err), 0, "%s", err.msg);
        cr_assert_leq(text.size, CONFIG_RECORD_BYTES_MAX);
        for (i = 0; i < text.size; i++) { /* no text of a record has a comma */
            str_append_char(&spaced, text.bytes[i]);
            str_append_text(&spaced, text.bytes[i] == ',' ? "\n\t " : "");
        }
        cr_assert_eq(json_decode_config(spaced.bytes, spaced.size, &arena, &back, &err), 0, "%s",
                     err.msg);
        cr_assert_eq(envelope_verify(&back, &keys.trusted, &err), 0, "%s", err.msg);
    }
}

/* The largest cluster under the longest host names still is a record within its limit. */
Test(envelope, the_largest_record_is_within_its_limit)
{
    CLEANUP(arena_deinit) struct arena arena = { 0 };
    CLEANUP(str_deinit) struct str text = { 0 };
    struct config_draft draft = { "web", "0123456789abcdef", 1, CONFIG_VERSION_MAX, NULL, 0 };
    struct member *members;
    struct config config;
    struct keys keys;
    struct err err;
    size_t i;

    arena_init(&arena, ARENA_MAX);
    str_init(&text, JSON_VALUE_BYTES_MAX);
    keys_make("a", &keys);
    members = arena_calloc(&arena, CONFIG_MEMBERS_MAX, sizeof(*members));
    for (i = 0; i < CONFIG_MEMBERS_MAX; i++) {
        members[i] = (struct member){ (uint32_t)i + 1, "1.1.1.1", "1.1.1.1", 1 };
    }
    draft.members = members;
    draft.members_count = CONFIG_MEMBERS_MAX;
    cr_assert_eq(envelope_seal(&draft, &keys.signing, &arena, &config, &err), 0, "%s", err.msg);
    cr_expect_eq(envelope_verify(&config, &keys.trusted, &err), 0, "%s", err.msg);
    cr_assert_eq(json_encode_config(&config, &text, &err), 0, "%s", err.msg);
    cr_expect_leq(text.size, CONFIG_RECORD_BYTES_MAX, "%zu bytes", text.size);
}

Test(envelope, a_draft_without_identity_is_not_sealed)
{
    static const struct member members[] = { { 1, "a", "10.0.0.1", 11211 } };
    static const struct config_draft drafts[] = {
        { "", "0123456789abcdef", 1, 1, members, 1 },
        { "web", "", 1, 1, members, 1 },
        { "web", "0123456789abcdef", 1, 1, members, 0 },
        { "web", "0123456789abcdef", 1, 0, members, 1 },
    };
    CLEANUP(arena_deinit) struct arena arena = { 0 };
    struct config config = { .payload_bytes = 7 };
    struct keys keys;
    struct err err;
    size_t i;

    arena_init(&arena, ARENA_MAX);
    keys_make("a", &keys);
    for (i = 0; i < ARRAY_COUNT(drafts); i++) {
        cr_expect_eq(envelope_seal(&drafts[i], &keys.signing, &arena, &config, &err), ERR_INVALID);
        cr_expect_eq(config.payload_bytes, 7);
    }
}

Test(envelope, survives_every_allocation_failure)
{
    CLEANUP(arena_deinit) struct arena drafts = { 0 };
    struct gen gen = { 1, &drafts };
    struct config_draft draft;
    struct keys keys;
    struct err err;
    int n = 0;
    bool again = true;

    arena_init(&drafts, ARENA_MAX);
    gen_draft(&gen, &draft);
    keys_make("a", &keys);
    while (again) {
        CLEANUP(arena_deinit) struct arena arena = { 0 };
        struct config config = { 0 };
        int rv;

        arena_init(&arena, ARENA_MAX);
        mem_fail_after(n++);
        rv = envelope_seal(&draft, &keys.signing, &arena, &config, &err);
        if (rv == 0) {
            rv = envelope_verify(&config, &keys.trusted, &err);
        }
        again = mem_has_failed();
        cr_assert_eq(rv, again ? ERR_NOMEM : 0, "%s", err.msg);
    }
    mem_fail_after(-1);
    cr_expect_gt(n, 5);
}

Test(envelope, digests_and_random_texts_have_their_form)
{
    char digest[CONFIG_DIGEST_SIZE];
    char first[UID_TEXT_SIZE];
    char second[UID_TEXT_SIZE];

    digest_hex("abc", 3, digest);
    cr_expect_str_eq(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    random_hex16(first);
    random_hex16(second);
    cr_expect(name_is_uid(first));
    cr_expect_str_neq(first, second);
}
