#include "show/output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "codec/json_text.h"

#define SECOND_MS UINT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)

int output_format_parse(const char *text, enum output_format *out, struct err *err)
{
    static const char *const names[] = {
#define X(name, text) text,
        OUTPUT_FORMATS(X)
#undef X
    };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(names); i++) {
        if (text_equal(text, names[i])) {
            *out = (enum output_format)i;
            return 0;
        }
    }
    return err_set(err, ERR_USAGE, "--output: must be table, json, yaml or name, got '%s'", text);
}

int output_text(const struct str *text, struct err *err)
{
    if (str_failed(text)) {
        return err_set(err, ERR_LIMIT, "the output is larger than %zu bytes", text->size_max);
    }
    if (fwrite(str_text(text), 1, text->size, stdout) != text->size || fflush(stdout) != 0) {
        return err_set(err, ERR_IO, "standard output: %s", strerror(errno));
    }
    return 0;
}

static bool is_set(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static bool takes_colours(void)
{
    const char *term = getenv("TERM");

    return isatty(STDOUT_FILENO) && is_set(term) && strcmp(term, "dumb") != 0 &&
           !is_set(getenv("NO_COLOR"));
}

static const char *colour_of(const char *line, size_t size)
{
    static const struct {
        char sign;
        const char *colour;
    } colours[] = {
        { '+', "\033[32m" }, { '-', "\033[31m" }, { '~', "\033[33m" }, { '!', "\033[1;31m" }
    };
    size_t i = 0;
    size_t k;

    while (i < size && line[i] == ' ') {
        i++;
    }
    for (k = 0; i + 1 < size && k < ARRAY_COUNT(colours); k++) {
        if (line[i] == colours[k].sign && line[i + 1] == ' ') {
            return colours[k].colour;
        }
    }
    return NULL;
}

static const char *diff_colour_of(const char *line, size_t size)
{
    switch (size == 0 ? '\0' : line[0]) {
    case '+':
        return "\033[32m";
    case '-':
        return "\033[31m";
    case '@':
        return "\033[36m";
    default:
        return NULL;
    }
}

typedef const char *colour_fn(const char *line, size_t size);

static int output_coloured(const struct str *text, colour_fn *choose, struct err *err)
{
    CLEANUP(str_deinit) struct str coloured;
    const char *line = str_text(text);

    str_init(&coloured, OUTPUT_BYTES_MAX);
    if (str_failed(text) || !takes_colours()) {
        return output_text(text, err);
    }
    while (*line != '\0') {
        size_t size = strcspn(line, "\n");
        const char *colour = choose(line, size);

        str_append_text(&coloured, colour == NULL ? "" : colour);
        str_append(&coloured, line, size);
        str_append_text(&coloured, colour == NULL ? "" : "\033[0m");
        line += size;
        if (*line == '\n') {
            str_append_char(&coloured, '\n');
            line++;
        }
    }
    return output_text(&coloured, err);
}

int output_marked(const struct str *text, struct err *err)
{
    return output_coloured(text, colour_of, err);
}

int output_diff(const struct str *text, struct err *err)
{
    return output_coloured(text, diff_colour_of, err);
}

int output_json(const struct str *json, enum output_format format, struct err *err)
{
    CLEANUP(str_deinit) struct str laid_out;
    int rv;

    str_init(&laid_out, OUTPUT_BYTES_MAX);
    if (format == OUTPUT_YAML) {
        rv = json_to_yaml(str_text(json), json->size, &laid_out, err);
    } else {
        rv = json_pretty(str_text(json), json->size, &laid_out, err);
    }
    return rv < 0 ? rv : output_text(&laid_out, err);
}

void output_age(uint64_t now_ms, uint64_t then_ms, char *out, size_t out_size)
{
    /* Two of a unit before the next larger one is used: "90s", not "1m". */
    static const struct {
        uint64_t ms;
        char letter;
    } units[] = { { DAY_MS, 'd' }, { HOUR_MS, 'h' }, { MINUTE_MS, 'm' }, { SECOND_MS, 's' } };
    uint64_t age_ms = then_ms < now_ms ? now_ms - then_ms : 0;
    size_t i = 0;

    while (i + 1 < ARRAY_COUNT(units) && age_ms < 2 * units[i].ms) {
        i++;
    }
    (void)snprintf(out, out_size, "%llu%c", (unsigned long long)(age_ms / units[i].ms),
                   units[i].letter);
}
