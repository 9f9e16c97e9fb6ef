#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "codec/jsonpath_parts.h"

#define INDEX_DIGITS_MAX 9

struct reader {
    const char *begin;
    const char *at;
    struct jsonpath *path;
    size_t ranges[JSONPATH_DEPTH_MAX]; /* the parts of those that are open */
    size_t depth;
    struct err *err;
};

static int broken(const struct reader *r, const char *what)
{
    return err_set(r->err, ERR_USAGE, "jsonpath: byte %zu: %s", (size_t)(r->at - r->begin) + 1,
                   what);
}

static void skip_space(struct reader *r)
{
    while (*r->at == ' ' || *r->at == '\t' || *r->at == '\n') {
        r->at++;
    }
}

/* The pool takes twice what a template can hold: each byte of it once, and a NUL. */
static char *pool_end(struct reader *r)
{
    return r->path->pool + r->path->pool_used;
}

static const char *keep(struct reader *r, const char *bytes, size_t size)
{
    char *text = pool_end(r);

    memcpy(text, bytes, size);
    text[size] = '\0';
    r->path->pool_used += size + 1;
    return text;
}

static int add_step(struct reader *r, struct jsonpath_step step)
{
    if (r->path->steps_count == JSONPATH_STEPS_MAX) {
        return broken(r, "too many steps");
    }
    r->path->steps[r->path->steps_count++] = step;
    return 0;
}

static int add_part(struct reader *r, struct jsonpath_part part)
{
    if (r->path->parts_count == JSONPATH_PARTS_MAX) {
        return broken(r, "too many parts");
    }
    r->path->parts[r->path->parts_count++] = part;
    return 0;
}

/* ---- Texts and names ---- */

static char unescaped(char c)
{
    switch (c) {
    case 'n':
        return '\n';
    case 't':
        return '\t';
    case 'r':
        return '\r';
    default:
        return c;
    }
}

/* A text in quotes, `at` on the first one. */
static int read_quoted(struct reader *r, const char **out)
{
    char quote = *r->at;
    char *text = pool_end(r);
    size_t size = 0;

    r->at++;
    while (*r->at != quote) {
        if (*r->at == '\0') {
            return broken(r, "the text has no end");
        }
        if (*r->at == '\\') {
            r->at++;
            if (*r->at == '\0' || strchr("ntr\\\"'", *r->at) == NULL) {
                return broken(r, "expected n, t, r, \\ or a quote behind \\");
            }
            text[size++] = unescaped(*r->at);
        } else {
            text[size++] = *r->at;
        }
        r->at++;
    }
    r->at++;
    text[size] = '\0';
    r->path->pool_used += size + 1;
    *out = text;
    return 0;
}

static bool is_name_end(char c)
{
    return c == '\0' || strchr(" \t\n.[]{}()'\"=!<>,?*@$", c) != NULL;
}

static int read_name(struct reader *r, const char **out)
{
    const char *begin = r->at;

    while (!is_name_end(*r->at)) {
        r->at++;
    }
    if (r->at == begin) {
        return broken(r, "expected a name");
    }
    *out = keep(r, begin, (size_t)(r->at - begin));
    return 0;
}

static bool starts_number(char c)
{
    return c == '-' || ('0' <= c && c <= '9');
}

static int read_index(struct reader *r, long *out)
{
    const char *begin = r->at;
    size_t digits;

    begin += *begin == '-' ? 1 : 0;
    digits = strspn(begin, "0123456789");
    if (digits == 0 || INDEX_DIGITS_MAX < digits) {
        return broken(r, "expected a small number");
    }
    *out = strtol(r->at, NULL, 10);
    r->at = begin + digits;
    return 0;
}

/* ---- Steps ---- */

static int read_steps(struct reader *r, bool within_filter);

static int read_op(struct reader *r, enum filter_op *out)
{
    static const struct {
        const char *text;
        enum filter_op op;
    } ops[] = { { "==", FILTER_EQ }, { "!=", FILTER_NE }, { "<=", FILTER_LE },
                { ">=", FILTER_GE }, { "<", FILTER_LT },  { ">", FILTER_GT } };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(ops); i++) {
        if (strncmp(r->at, ops[i].text, strlen(ops[i].text)) == 0) {
            r->at += strlen(ops[i].text);
            *out = ops[i].op;
            return 0;
        }
    }
    return broken(r, "expected ==, !=, <, <=, >, >= or )");
}

static int read_literal(struct reader *r, struct jsonpath_literal *out)
{
    char *end;

    if (*r->at == '"' || *r->at == '\'') {
        out->kind = LITERAL_TEXT;
        return read_quoted(r, &out->text);
    }
    if (starts_number(*r->at)) {
        out->kind = LITERAL_NUMBER;
        out->number = strtod(r->at, &end);
        if (end == r->at) {
            return broken(r, "expected a number");
        }
        r->at = end;
        return 0;
    }
    if (strncmp(r->at, "true", strlen("true")) == 0) {
        out->kind = LITERAL_TRUE;
        r->at += strlen("true");
        return 0;
    }
    if (strncmp(r->at, "false", strlen("false")) == 0) {
        out->kind = LITERAL_FALSE;
        r->at += strlen("false");
        return 0;
    }
    return broken(r, "expected a text in quotes, a number, true or false");
}

/* "?(@.a.b=="x")", `at` on the question mark. */
static int read_filter(struct reader *r)
{
    size_t place = r->path->steps_count;
    struct jsonpath_step step = { .kind = STEP_FILTER, .op = FILTER_EXISTS };
    int rv;

    if (strncmp(r->at, "?(", 2) != 0) {
        return broken(r, "expected ?(@");
    }
    r->at += 2;
    skip_space(r);
    if (*r->at != '@') {
        return broken(r, "expected @");
    }
    r->at++;
    rv = add_step(r, step);
    if (0 <= rv) {
        rv = read_steps(r, true);
    }
    if (rv < 0) {
        return rv;
    }
    step.left_count = r->path->steps_count - place - 1;
    skip_space(r);
    if (*r->at != ')') {
        rv = read_op(r, &step.op);
        skip_space(r);
        rv = rv < 0 ? rv : read_literal(r, &step.right);
        skip_space(r);
    }
    if (rv < 0) {
        return rv;
    }
    if (*r->at != ')') {
        return broken(r, "expected )");
    }
    r->at++;
    r->path->steps[place] = step;
    return 0;
}

static int read_slice(struct reader *r)
{
    struct jsonpath_step step = { .kind = STEP_INDEX };
    int rv = *r->at == ':' ? 0 : read_index(r, &step.from);

    if (0 <= rv && *r->at == ':') {
        step.kind = STEP_SLICE;
        r->at++;
        step.to_end = *r->at == ']';
        rv = step.to_end ? 0 : read_index(r, &step.to);
    }
    return rv < 0 ? rv : add_step(r, step);
}

/* What stands between brackets, `at` behind the first one. */
static int read_brackets(struct reader *r, bool within_filter)
{
    struct jsonpath_step step = { .kind = STEP_MEMBER };
    int rv;

    if (starts_number(*r->at) || *r->at == ':') {
        rv = read_slice(r);
    } else if (*r->at == '\'' || *r->at == '"') {
        rv = read_quoted(r, &step.name);
        rv = rv < 0 ? rv : add_step(r, step);
    } else if (*r->at == '*') {
        r->at++;
        step.kind = STEP_ALL;
        rv = add_step(r, step);
    } else if (*r->at == '?' && !within_filter) {
        rv = read_filter(r);
    } else {
        return broken(r, "expected a number, a name in quotes, * or ?(");
    }
    if (rv < 0) {
        return rv;
    }
    if (*r->at != ']') {
        return broken(r, "expected ]");
    }
    r->at++;
    return 0;
}

/* A name behind one dot, or behind two. */
static int read_member(struct reader *r)
{
    struct jsonpath_step step = { .kind = STEP_MEMBER };
    int rv = 0;

    r->at++;
    if (*r->at == '.') {
        step.kind = STEP_DEEP;
        r->at++;
    }
    if (*r->at == '*') {
        step.kind = step.kind == STEP_DEEP ? STEP_DEEP : STEP_ALL;
        r->at++;
    } else {
        rv = read_name(r, &step.name);
    }
    return rv < 0 ? rv : add_step(r, step);
}

static int read_steps(struct reader *r, bool within_filter)
{
    int rv = 0;

    while (0 <= rv && (*r->at == '.' || *r->at == '[')) {
        if (*r->at == '[') {
            r->at++;
            rv = read_brackets(r, within_filter);
        } else {
            rv = read_member(r);
        }
    }
    return rv;
}

/* ---- Parts ---- */

/* An expression that selects values, into `part`. */
static int read_values(struct reader *r, struct jsonpath_part *part)
{
    int rv;

    part->first_step = r->path->steps_count;
    if (*r->at == '$' || *r->at == '@') {
        part->of_all = *r->at == '$';
        r->at++;
    } else if (*r->at != '.' && *r->at != '[') {
        return broken(r, "expected ., [, $, @, a text in quotes, range or end");
    }
    rv = 0;
    if (*r->at == '.' && (r->at[1] == '}' || r->at[1] == ' ')) {
        r->at++; /* "{.}": the value itself */
    } else {
        rv = read_steps(r, false);
    }
    part->steps_count = r->path->steps_count - part->first_step;
    return rv;
}

static bool takes_word(struct reader *r, const char *word)
{
    size_t size = strlen(word);

    if (strncmp(r->at, word, size) != 0 || !is_name_end(r->at[size])) {
        return false;
    }
    r->at += size;
    return true;
}

static int read_range(struct reader *r)
{
    struct jsonpath_part part = { .kind = PART_RANGE };
    int rv;

    if (r->depth == JSONPATH_DEPTH_MAX) {
        return broken(r, "too many ranges within each other");
    }
    skip_space(r);
    rv = read_values(r, &part);
    if (0 <= rv) {
        r->ranges[r->depth++] = r->path->parts_count;
        rv = add_part(r, part);
    }
    return rv;
}

static int read_end(struct reader *r)
{
    if (r->depth == 0) {
        return broken(r, "end without range");
    }
    r->depth--;
    r->path->parts[r->ranges[r->depth]].end = r->path->parts_count;
    return add_part(r, (struct jsonpath_part){ .kind = PART_END });
}

/* What stands between braces, `at` behind the first one. */
static int read_braces(struct reader *r)
{
    struct jsonpath_part part = { .kind = PART_VALUES };
    int rv;

    skip_space(r);
    if (*r->at == '"' || *r->at == '\'') {
        part.kind = PART_TEXT;
        rv = read_quoted(r, &part.text);
        rv = rv < 0 ? rv : add_part(r, part);
    } else if (takes_word(r, "range")) {
        rv = read_range(r);
    } else if (takes_word(r, "end")) {
        rv = read_end(r);
    } else {
        rv = read_values(r, &part);
        rv = rv < 0 ? rv : add_part(r, part);
    }
    if (rv < 0) {
        return rv;
    }
    skip_space(r);
    if (*r->at != '}') {
        return broken(r, "expected }");
    }
    r->at++;
    return 0;
}

static int read_all(struct reader *r)
{
    int rv = 0;

    while (0 <= rv && *r->at != '\0') {
        size_t size = strcspn(r->at, "{");

        if (0 < size) {
            rv = add_part(
                r, (struct jsonpath_part){ .kind = PART_TEXT, .text = keep(r, r->at, size) });
            r->at += size;
        } else {
            r->at++;
            rv = read_braces(r);
        }
    }
    if (0 <= rv && 0 < r->depth) {
        return broken(r, "range without end");
    }
    return rv;
}

int jsonpath_parse(const char *text, struct jsonpath **out, struct err *err)
{
    CLEANUP(jsonpath_free_p) struct jsonpath *path = NULL;
    struct reader reader = { .begin = text, .at = text, .err = err };
    int rv;

    if (JSONPATH_TEXT_MAX <= strlen(text)) {
        return err_set(err, ERR_USAGE, "jsonpath: longer than %d bytes", JSONPATH_TEXT_MAX - 1);
    }
    path = mem_calloc(1, sizeof(*path));
    if (path == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for a jsonpath");
    }
    reader.path = path;
    rv = read_all(&reader);
    if (rv < 0) {
        return rv;
    }
    *out = TAKE(path);
    return 0;
}

void jsonpath_free(struct jsonpath *path)
{
    free(path);
}
