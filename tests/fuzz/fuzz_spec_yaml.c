/* Any bytes for a file of specs: what is read can be written, and then reads the same. */
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "codec/spec_yaml.h"

#define ARENA_MAX (64U << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* NOLINTNEXTLINE(bugprone-reserved-identifier): the sanitizer's name for it */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);

/*
 * libfyaml 0.7.12 leaks the buffer of a long quoted text that does not end. That ours are released
 * is seen by the unit tests, which run without this. The sanitizer looks for the name from outside
 * of the program, which hides its names otherwise.
 */
const char *__lsan_default_suppressions(void)
{
    return "leak:libfyaml.so";
}

static void check_round_trip(const struct spec *spec)
{
    CLEANUP(arena_deinit) struct arena arena = { 0 };
    CLEANUP(str_deinit) struct str text = { 0 };
    CLEANUP(str_deinit) struct str mistakes = { 0 };
    const struct spec *back;
    size_t count;
    struct err err;

    arena_init(&arena, ARENA_MAX);
    str_init(&text, SPEC_YAML_BYTES_MAX);
    str_init(&mistakes, SPEC_YAML_BYTES_MAX);
    CHECK(spec_check(spec, &err) == 0);
    CHECK(spec_yaml_render(spec, &text, &err) == 0);
    CHECK(spec_yaml_parse("-", text.bytes, text.size, &arena, &back, &count, &mistakes, &err) == 0);
    CHECK(count == 1);
    CHECK(spec_equal(spec, back));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_deinit) struct arena arena = { 0 };
    CLEANUP(str_deinit) struct str mistakes = { 0 };
    const struct spec *specs;
    size_t count;
    struct err err;
    size_t i;
    int rv;

    arena_init(&arena, ARENA_MAX);
    str_init(&mistakes, SPEC_YAML_BYTES_MAX);
    rv = spec_yaml_parse("-", (const char *)data, size, &arena, &specs, &count, &mistakes, &err);
    if (rv < 0) {
        CHECK(rv == ERR_SPEC);
        CHECK(0 < mistakes.size);
        CHECK(mistakes.bytes[mistakes.size - 1] == '\n');
        return 0;
    }
    CHECK(0 < count);
    for (i = 0; i < count; i++) {
        check_round_trip(&specs[i]);
    }
    return 0;
}
