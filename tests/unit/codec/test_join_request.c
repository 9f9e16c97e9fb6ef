/* Who holds the token of a cluster may ask to join it, and nobody can change what was asked. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "codec/join_request.h"
#include "codec/model_json.h"
#include "gen.h"
#include "support/scene.h"

#define ARENA_MAX (8U << 20)
#define TOKEN_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define TOKEN_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static struct join a_request(void)
{
    return (struct join){ .cluster = "web",
                          .cluster_uid = "00000000000000aa",
                          .uid = "0123456789abcdef",
                          .host = "cache-7",
                          .ip = "10.0.0.7",
                          .data_port = 11211,
                          .discovery_port = 11210,
                          .slot_wanted = 4,
                          .settings = { .memory_bytes = UINT64_C(64) << 20,
                                        .threads = 4,
                                        .connections_max = 1024,
                                        .item_bytes_max = 1U << 20 },
                          .issued_ms = 1700000000000,
                          .nonce = "00112233445566778899aabbccddeeff",
                          .mac = "" };
}

static struct join_tokens tokens_of(const char *text)
{
    struct join_tokens tokens;
    struct err err;

    cr_assert_eq(join_tokens_read(text, strlen(text), "tokens", &tokens, &err), 0, "%s", err.msg);
    return tokens;
}

static const char *sealed(const struct join *join, const struct join_tokens *tokens,
                          struct arena *arena)
{
    CLEANUP(str_deinit) struct str json;
    struct err err;

    str_init(&json, JSON_VALUE_BYTES_MAX);
    cr_assert_eq(join_request_seal(join, tokens, &json, &err), 0, "%s", err.msg);
    return arena_strdup(arena, str_text(&json));
}

static int open_request(const char *text, const struct join_tokens *tokens, struct arena *arena,
                        struct err *err)
{
    struct join join;
    int rv = join_request_decode(text, strlen(text), arena, &join, err);

    return rv < 0 ? rv : join_request_verify(&join, tokens, err);
}

/* The code was computed apart from this program, with Python's hmac over the text that the
 * header describes: who writes a joiner of his own can hold to it. */
Test(join_request, has_the_code_that_anybody_computes)
{
    CLEANUP(arena_deinit) struct arena arena = { 0 };
    struct join_tokens tokens = tokens_of(TOKEN_A "\n");
    struct join join = a_request();
    struct err err;

    arena_init(&arena, ARENA_MAX);
    cr_assert_not_null(
        strstr(sealed(&join, &tokens, &arena),
               "\"mac\":\"8f213038119ee373dd9b6ed534e3437e1756b2264f29ba4f1ea4d1101cef87a3\""),
        "%s", sealed(&join, &tokens, &arena));
    cr_assert_eq(open_request(sealed(&join, &tokens, &arena), &tokens, &arena, &err), 0, "%s",
                 err.msg);
}

Test(join_request, of_any_content_verifies_as_it_was_sealed)
{
    struct join_tokens tokens = tokens_of(TOKEN_A "\n");
    uint64_t seed;

    for (seed = 0; seed < 300; seed++) {
        CLEANUP(arena_deinit) struct arena arena = { 0 };
        struct gen gen = { seed, &arena };
        struct join join = { 0 };
        struct err err;

        arena_init(&arena, ARENA_MAX);
        gen_join(&gen, &join);
        join.settings.extra_args_count = 0; /* many long ones don't fit a request */
        cr_assert_eq(open_request(sealed(&join, &tokens, &arena), &tokens, &arena, &err), 0,
                     "seed %u: %s", (unsigned)seed, err.msg);
    }
}

struct change {
    const char *from;
    const char *to;
};

/* Each field, and the code itself, is vouched for. */
static const struct change changes[] = {
    { "\"cluster\":\"web\"", "\"cluster\":\"wec\"" },
    { "00000000000000aa", "00000000000000ab" },
    { "0123456789abcdef", "0123456789abcdee" },
    { "cache-7", "cache-8" },
    { "10.0.0.7", "10.0.0.8" },
    { "\"dataPort\":11211,\"discoveryPort\":11210", "\"dataPort\":11213,\"discoveryPort\":11212" },
    { "\"slotWanted\":4", "\"slotWanted\":5" },
    { "\"memoryBytes\":67108864", "\"memoryBytes\":134217728" },
    { "\"threads\":4", "\"threads\":5" },
    { "\"maxConnections\":1024", "\"maxConnections\":1025" },
    { "\"maxItemBytes\":1048576", "\"maxItemBytes\":2097152" },
    { "\"extraArgs\":[]", "\"extraArgs\":[\"-R\",\"10\"]" },
    { "\"issuedMs\":1700000000000", "\"issuedMs\":1700000000001" },
    { "ccddeeff", "ccddeefe" },
    { "\"mac\":\"8f21", "\"mac\":\"0f21" },
};

static const char *replaced(const char *text, const char *from, const char *to, struct arena *arena)
{
    const char *at = strstr(text, from);

    cr_assert_not_null(at, "%s in %s", from, text);
    return arena_printf(arena, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
}

Test(join_request, altered_anywhere_is_refused)
{
    CLEANUP(arena_deinit) struct arena arena = { 0 };
    struct join_tokens tokens = tokens_of(TOKEN_A "\n");
    struct join join = a_request();
    const char *text;
    size_t i;

    arena_init(&arena, ARENA_MAX);
    text = sealed(&join, &tokens, &arena);
    for (i = 0; i < ARRAY_COUNT(changes); i++) {
        const char *altered = replaced(text, changes[i].from, changes[i].to, &arena);
        struct err err;

        cr_expect_eq(open_request(altered, &tokens, &arena, &err), ERR_UNVERIFIED, "%s: %s",
                     changes[i].to, err.msg);
    }
}

/* What is no request at all says so, and is never looked at further. */
static const struct change mistakes[] = {
    { "\"dataPort\":11211", "\"dataPort\":1" },
    { "\"discoveryPort\":11210", "\"discoveryPort\":11211" },
    { "\"nonce\":\"00", "\"nonce\":\"0" },
    { "\"nonce\":\"00", "\"nonce\":\"0G" },
    { "\"uid\":\"0123456789abcdef\"", "\"uid\":\"0123456789ABCDEF\"" },
    { "\"host\":\"cache-7\"", "\"host\":\"../../etc\"" },
    { "\"ip\":\"10.0.0.7\"", "\"ip\":\"cache\"" },
    { "\"slotWanted\":4", "\"slotWanted\":10000" },
    { "\"issuedMs\":1700000000000", "\"issuedMs\":-1" },
    { "{", "[" },
};

Test(join_request, malformed_is_told_from_forged)
{
    CLEANUP(arena_deinit) struct arena arena = { 0 };
    struct join_tokens tokens = tokens_of(TOKEN_A "\n");
    struct join join = a_request();
    char huge[JOIN_BYTES_MAX + 2];
    struct err err;
    size_t i;

    arena_init(&arena, ARENA_MAX);
    for (i = 0; i < ARRAY_COUNT(mistakes); i++) {
        const char *text =
            replaced(sealed(&join, &tokens, &arena), mistakes[i].from, mistakes[i].to, &arena);

        cr_expect_eq(open_request(text, &tokens, &arena, &err), ERR_INVALID, "%s", mistakes[i].to);
    }
    memset(huge, ' ', sizeof(huge) - 1);
    huge[sizeof(huge) - 1] = '\0';
    cr_expect_eq(open_request(huge, &tokens, &arena, &err), ERR_LIMIT);
}

Test(join_request, tokens_rotate_without_a_gap)
{
    CLEANUP(arena_deinit) struct arena arena = { 0 };
    struct join_tokens first = tokens_of(TOKEN_A "\n");
    struct join_tokens both = tokens_of("# new first\n" TOKEN_B "\n" TOKEN_A "\r\n\n");
    struct join_tokens second = tokens_of(TOKEN_B);
    struct join join = a_request();
    struct err err;

    arena_init(&arena, ARENA_MAX);
    cr_assert_eq(both.count, 2);
    cr_expect_eq(open_request(sealed(&join, &first, &arena), &both, &arena, &err), 0);
    cr_expect_eq(open_request(sealed(&join, &both, &arena), &second, &arena, &err), 0);
    cr_expect_eq(open_request(sealed(&join, &both, &arena), &first, &arena, &err), ERR_UNVERIFIED);
}

Test(join_request, sealed_beyond_its_limit_is_none)
{
    CLEANUP(str_deinit) struct str json;
    struct join_tokens tokens = tokens_of(TOKEN_A);
    struct join join = a_request();
    const char *args[SPEC_EXTRA_ARGS_MAX];
    char value[SPEC_EXTRA_ARG_BYTES_MAX];
    struct err err;
    size_t i;

    memset(value, '0', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    memcpy(value, "slab_automove=", 14);
    for (i = 0; i < SPEC_EXTRA_ARGS_MAX; i += 2) {
        args[i] = "-o";
        args[i + 1] = value;
    }
    join.settings.extra_args = args;
    join.settings.extra_args_count = SPEC_EXTRA_ARGS_MAX;
    str_init(&json, JSON_VALUE_BYTES_MAX);
    cr_assert_lt(join_request_seal(&join, &tokens, &json, &err), 0);
    cr_assert_eq(json.size, 0);
}

static const struct {
    const char *text;
    int rv;
} files[] = {
    { "", ERR_INVALID },
    { "# nothing\n\n", ERR_INVALID },
    { "too-short\n", ERR_INVALID },
    { TOKEN_A "\nshort\n", ERR_INVALID },
    { "two words of at least thirty-two characters\n", ERR_INVALID },
    { "  " TOKEN_A "\n", ERR_INVALID },
    { TOKEN_A "\x01\n", ERR_INVALID },
    { TOKEN_A " \t\r\n# " TOKEN_B, 0 },
    { TOKEN_A, 0 },
};

Test(join_token, file_holds_tokens_and_nothing_else)
{
    char many[(JOIN_TOKENS_MAX + 1) * sizeof(TOKEN_A "\n")] = "";
    struct join_tokens tokens;
    struct err err;
    size_t i;

    for (i = 0; i < ARRAY_COUNT(files); i++) {
        cr_expect_eq(join_tokens_read(files[i].text, strlen(files[i].text), "f", &tokens, &err),
                     files[i].rv, "%zu", i);
    }
    for (i = 0; i <= JOIN_TOKENS_MAX; i++) {
        (void)snprintf(many + strlen(many), sizeof(many) - strlen(many), "%s\n", TOKEN_A);
    }
    cr_expect_eq(join_tokens_read(many, strlen(many), "f", &tokens, &err), ERR_LIMIT);
    cr_expect_null(strstr(err.msg, "aaaa"), "a message tells the token");
}

Test(join_token, file_that_others_may_read_is_refused)
{
    struct scene_path path = scene_write("token", TOKEN_A "\n");
    struct join_tokens tokens;
    struct err err;

    cr_assert_eq(chmod(path.text, 0640), 0);
    cr_expect_eq(join_tokens_load(path.text, &tokens, &err), ERR_DENIED);
    cr_assert_eq(chmod(path.text, 0600), 0);
    cr_expect_eq(join_tokens_load(path.text, &tokens, &err), 0, "%s", err.msg);
    cr_expect_eq(tokens.count, 1);
    cr_expect_eq(join_tokens_load(scene_path("none").text, &tokens, &err), ERR_NOT_FOUND);
    cr_expect_eq(join_tokens_load(scene_dir(), &tokens, &err), ERR_INVALID);
}
