/*
 * spec_judge - what the reader of specs says of each line of standard input, which is a document.
 *
 * A line of the answer is "ok", or the mistakes with '\x1f' between them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/str.h"
#include "codec/spec_yaml.h"

#define ARENA_BYTES_MAX (64U << 20)
#define MISTAKES_BYTES_MAX (1U << 20)

static int judge(const char *line, size_t size)
{
    CLEANUP(str_deinit) struct str mistakes;
    const struct spec *specs;
    struct arena arena;
    struct err err;
    size_t count;
    int rv;
    size_t i;

    str_init(&mistakes, MISTAKES_BYTES_MAX);
    arena_init(&arena, ARENA_BYTES_MAX);
    rv = spec_yaml_parse("-", line, size, &arena, &specs, &count, &mistakes, &err);
    arena_deinit(&arena);
    if (rv < 0 && rv != ERR_SPEC) {
        (void)fprintf(stderr, "spec_judge: %s\n", err.msg);
        return rv;
    }
    for (i = 0; i < mistakes.size; i++) {
        mistakes.bytes[i] = mistakes.bytes[i] == '\n' ? '\x1f' : mistakes.bytes[i];
    }
    (void)printf("%s\n", rv == 0 ? "ok" : str_text(&mistakes));
    return 0;
}

int main(void)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size;
    int rv = 0;

    while (0 <= rv && 0 < (size = getline(&line, &capacity, stdin))) {
        size -= line[size - 1] == '\n' ? 1 : 0;
        rv = judge(line, (size_t)size);
    }
    free(line);
    return rv < 0 ? 1 : 0;
}
