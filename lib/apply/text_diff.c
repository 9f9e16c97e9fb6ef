#include "apply/text_diff.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define NOWHERE "/dev/null"

struct line {
    const char *text;
    size_t size; /* with its newline */
};

struct lines {
    struct line *list;
    size_t count;
};

/* A line of the outcome. */
struct step {
    char mark; /* ' ', '-' or '+' */
    struct line line;
};

struct diffing {
    struct lines before;
    struct lines after;
    uint16_t *common; /* [i][j]: how many lines the rests from i and j have in common */
    struct step *steps;
    size_t steps_count;
};

static int no_memory(struct err *err)
{
    return err_set(err, ERR_NOMEM, "no memory to compare texts");
}

static int split(const char *text, struct arena *arena, struct lines *out, struct err *err)
{
    const char *at;

    out->list = arena_calloc(arena, TEXT_DIFF_LINES_MAX, sizeof(*out->list));
    if (out->list == NULL) {
        return no_memory(err);
    }
    for (at = text == NULL ? "" : text; *at != '\0'; at += out->list[out->count++].size) {
        const char *end = strchr(at, '\n');

        if (out->count == TEXT_DIFF_LINES_MAX) {
            return err_set(err, ERR_LIMIT, "more than %d lines to compare", TEXT_DIFF_LINES_MAX);
        }
        out->list[out->count] =
            (struct line){ at, end == NULL ? strlen(at) : (size_t)(end - at) + 1 };
    }
    return 0;
}

static bool same(const struct diffing *diffing, size_t i, size_t j)
{
    const struct line *a = &diffing->before.list[i];
    const struct line *b = &diffing->after.list[j];

    return a->size == b->size && memcmp(a->text, b->text, a->size) == 0;
}

static uint16_t *common_at(const struct diffing *diffing, size_t i, size_t j)
{
    return &diffing->common[i * (diffing->after.count + 1) + j];
}

static int find_common(struct diffing *diffing, struct arena *arena, struct err *err)
{
    size_t i;
    size_t j;

    diffing->common = arena_calloc(arena, (diffing->before.count + 1) * (diffing->after.count + 1),
                                   sizeof(*diffing->common));
    if (diffing->common == NULL) {
        return no_memory(err);
    }
    for (i = diffing->before.count; 0 < i--;) {
        for (j = diffing->after.count; 0 < j--;) {
            uint16_t down = *common_at(diffing, i + 1, j);
            uint16_t right = *common_at(diffing, i, j + 1);
            uint16_t most = down < right ? right : down;

            *common_at(diffing, i, j) =
                same(diffing, i, j) ? (uint16_t)(*common_at(diffing, i + 1, j + 1) + 1) : most;
        }
    }
    return 0;
}

static void add(struct diffing *diffing, char mark, struct line line)
{
    diffing->steps[diffing->steps_count++] = (struct step){ mark, line };
}

/* From the first line to the last; what goes stands before what comes. */
static int find_steps(struct diffing *diffing, struct arena *arena, struct err *err)
{
    size_t before = diffing->before.count;
    size_t after = diffing->after.count;
    size_t i = 0;
    size_t j = 0;

    diffing->steps = arena_calloc(arena, before + after + 1, sizeof(*diffing->steps));
    if (diffing->steps == NULL) {
        return no_memory(err);
    }
    while (i < before || j < after) {
        if (i < before && j < after && same(diffing, i, j)) {
            add(diffing, ' ', diffing->before.list[i++]);
            j++;
        } else if (j == after ||
                   (i < before && *common_at(diffing, i, j + 1) <= *common_at(diffing, i + 1, j))) {
            add(diffing, '-', diffing->before.list[i++]);
        } else {
            add(diffing, '+', diffing->after.list[j++]);
        }
    }
    return 0;
}

/* ---- Hunks ---- */

/* Steps [first, end) as a hunk; `before` and `after` are the lines that came before it. */
static void put_hunk(const struct diffing *diffing, size_t first, size_t end, size_t before,
                     size_t after, struct str *out)
{
    size_t before_count = 0;
    size_t after_count = 0;
    size_t i;

    for (i = first; i < end; i++) {
        before_count += diffing->steps[i].mark != '+';
        after_count += diffing->steps[i].mark != '-';
    }
    str_appendf(out, "@@ -%zu,%zu +%zu,%zu @@\n", before + (0 < before_count), before_count,
                after + (0 < after_count), after_count);
    for (i = first; i < end; i++) {
        const struct line *line = &diffing->steps[i].line;

        str_append_char(out, diffing->steps[i].mark);
        str_append(out, line->text, line->size);
    }
}

/* The next step from `at` on that changes something. */
static size_t next_change(const struct diffing *diffing, size_t at)
{
    while (at < diffing->steps_count && diffing->steps[at].mark == ' ') {
        at++;
    }
    return at;
}

/* Behind the last change that belongs to the hunk which the change at `at` begins. */
static size_t hunk_end(const struct diffing *diffing, size_t at)
{
    size_t end = at;

    while (at < diffing->steps_count && at <= end + 2 * (size_t)TEXT_DIFF_CONTEXT) {
        end = at + 1;
        at = next_change(diffing, end);
    }
    return end;
}

static void put_hunks(const struct diffing *diffing, struct str *out)
{
    size_t at = next_change(diffing, 0);
    size_t told = 0;
    size_t before = 0;
    size_t after = 0;

    while (at < diffing->steps_count) {
        size_t first = at < told + TEXT_DIFF_CONTEXT ? told : at - TEXT_DIFF_CONTEXT;
        size_t end = hunk_end(diffing, at) + TEXT_DIFF_CONTEXT;

        end = diffing->steps_count < end ? diffing->steps_count : end;
        for (; told < first; told++) {
            before++;
            after++;
        }
        put_hunk(diffing, first, end, before, after, out);
        for (; told < end; told++) {
            before += diffing->steps[told].mark != '+';
            after += diffing->steps[told].mark != '-';
        }
        at = next_change(diffing, end);
    }
}

int text_diff(const struct text_diff *diff, struct arena *arena, struct str *out, struct err *err)
{
    struct diffing diffing = { .steps_count = 0 };
    int rv = split(diff->before, arena, &diffing.before, err);

    if (0 <= rv) {
        rv = split(diff->after, arena, &diffing.after, err);
    }
    if (0 <= rv) {
        rv = find_common(&diffing, arena, err);
    }
    if (0 <= rv) {
        rv = find_steps(&diffing, arena, err);
    }
    if (rv < 0 || next_change(&diffing, 0) == diffing.steps_count) {
        return rv;
    }
    str_appendf(out, "--- %s\n+++ %s\n", diff->before == NULL ? NOWHERE : diff->before_name,
                diff->after == NULL ? NOWHERE : diff->after_name);
    put_hunks(&diffing, out);
    return str_check(out, err);
}
