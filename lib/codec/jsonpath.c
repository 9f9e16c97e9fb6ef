#include "codec/jsonpath.h"

#include <limits.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/check.h"
#include "codec/json_table.h"
#include "codec/jsonpath_parts.h"

struct render {
    const struct jsonpath *path;
    const cJSON *all;
    struct str *out;
    size_t visits;
    struct err *err;
};

/* Told of each value that steps lead to. */
typedef int value_fn(void *ctx, const cJSON *value);

struct walk {
    struct render *render;
    value_fn *fn;
    void *ctx;
};

static int walk_steps(const struct walk *walk, size_t at, size_t end, const cJSON *value);

static int count_visit(struct render *render)
{
    if (render->visits == JSONPATH_VISITS_MAX) {
        return err_set(render->err, ERR_LIMIT, "jsonpath: it looks at more than %d values",
                       JSONPATH_VISITS_MAX);
    }
    render->visits++;
    return 0;
}

static bool has_children(const cJSON *value)
{
    return cJSON_IsArray(value) || cJSON_IsObject(value);
}

/* ---- Filters ---- */

struct found {
    const cJSON *value;
};

static int take_first(void *ctx, const cJSON *value)
{
    struct found *found = ctx;

    found->value = found->value == NULL ? value : found->value;
    return 0;
}

static bool order_holds(enum filter_op op, int order)
{
    switch (op) {
    case FILTER_EQ:
        return order == 0;
    case FILTER_NE:
        return order != 0;
    case FILTER_LT:
        return order < 0;
    case FILTER_LE:
        return order <= 0;
    case FILTER_GT:
        return order > 0;
    case FILTER_GE:
        return order >= 0;
    case FILTER_EXISTS:
        break;
    }
    return true;
}

/* Values of another type than the literal are only unequal to it. */
static bool filter_holds(const struct jsonpath_step *step, const cJSON *value)
{
    const struct jsonpath_literal *right = &step->right;

    if (step->op == FILTER_EXISTS || value == NULL) {
        return value != NULL;
    }
    if (right->kind == LITERAL_TEXT && cJSON_IsString(value)) {
        return order_holds(step->op, strcmp(value->valuestring, right->text));
    }
    if (right->kind == LITERAL_NUMBER && cJSON_IsNumber(value)) {
        return order_holds(step->op, (value->valuedouble > right->number) -
                                         (value->valuedouble < right->number));
    }
    if ((right->kind == LITERAL_TRUE || right->kind == LITERAL_FALSE) && cJSON_IsBool(value)) {
        return order_holds(step->op, cJSON_IsTrue(value) == (right->kind == LITERAL_TRUE) ? 0 : 1);
    }
    return step->op == FILTER_NE;
}

static int walk_filter(const struct walk *walk, size_t at, size_t end, const cJSON *value)
{
    const struct jsonpath_step *step = &walk->render->path->steps[at];
    size_t rest = at + 1 + step->left_count;
    const cJSON *child = has_children(value) ? value->child : NULL;
    int rv = 0;

    for (; child != NULL && 0 <= rv; child = child->next) {
        struct found found = { .value = NULL };
        struct walk left = { .render = walk->render, .fn = take_first, .ctx = &found };

        rv = walk_steps(&left, at + 1, rest, child);
        if (0 <= rv && filter_holds(step, found.value)) {
            rv = walk_steps(walk, rest, end, child);
        }
    }
    return rv;
}

/* ---- Steps ---- */

static int walk_children(const struct walk *walk, size_t at, size_t end, const cJSON *value,
                         long from, long to)
{
    const cJSON *child = has_children(value) ? value->child : NULL;
    long i;
    int rv = 0;

    for (i = 0; child != NULL && i < to && 0 <= rv; i++) {
        if (from <= i) {
            rv = walk_steps(walk, at + 1, end, child);
        }
        child = child->next;
    }
    return rv;
}

static int walk_slice(const struct walk *walk, size_t at, size_t end, const cJSON *value)
{
    const struct jsonpath_step *step = &walk->render->path->steps[at];
    long count = cJSON_IsArray(value) ? cJSON_GetArraySize(value) : 0;
    long from = step->from < 0 ? step->from + count : step->from;
    long to = step->to < 0 ? step->to + count : step->to;

    if (step->kind == STEP_INDEX) {
        to = from + 1;
    } else if (step->to_end) {
        to = count;
    }
    if (count == 0 || (step->kind == STEP_INDEX && from < 0)) {
        return 0;
    }
    return walk_children(walk, at, end, value, from, to);
}

static int walk_deep(const struct walk *walk, size_t at, size_t end, const cJSON *value)
{
    const char *name = walk->render->path->steps[at].name;
    const cJSON *child = has_children(value) ? value->child : NULL;
    int rv = count_visit(walk->render);

    for (; child != NULL && 0 <= rv; child = child->next) {
        if (name == NULL || (child->string != NULL && strcmp(child->string, name) == 0)) {
            rv = walk_steps(walk, at + 1, end, child);
        }
        if (0 <= rv) {
            rv = walk_deep(walk, at, end, child);
        }
    }
    return rv;
}

static int walk_steps(const struct walk *walk, size_t at, size_t end, const cJSON *value)
{
    const struct jsonpath_step *step;
    const cJSON *member;
    int rv = count_visit(walk->render);

    if (rv < 0) {
        return rv;
    }
    if (at == end) {
        return walk->fn(walk->ctx, value);
    }
    step = &walk->render->path->steps[at];
    switch (step->kind) {
    case STEP_MEMBER:
        member = cJSON_IsObject(value) ? cJSON_GetObjectItemCaseSensitive(value, step->name) : NULL;
        return member == NULL ? 0 : walk_steps(walk, at + 1, end, member);
    case STEP_ALL:
        return walk_children(walk, at, end, value, 0, LONG_MAX);
    case STEP_INDEX:
    case STEP_SLICE:
        return walk_slice(walk, at, end, value);
    case STEP_DEEP:
        return walk_deep(walk, at, end, value);
    case STEP_FILTER:
        break;
    }
    return walk_filter(walk, at, end, value);
}

/* ---- Parts ---- */

struct printing {
    struct render *render;
    bool begun;
};

static int print_value(void *ctx, const cJSON *value)
{
    struct printing *printing = ctx;
    struct str *out = printing->render->out;
    char *text;

    str_append_text(out, printing->begun ? " " : "");
    printing->begun = true;
    if (cJSON_IsNull(value)) {
        return 0;
    }
    if (cJSON_IsString(value)) {
        str_append_text(out, value->valuestring);
        return 0;
    }
    text = cJSON_PrintUnformatted(value);
    if (text == NULL) {
        return err_set(printing->render->err, ERR_NOMEM, "no memory for a value");
    }
    str_append_text(out, text);
    cJSON_free(text);
    return 0;
}

static int render_parts(struct render *render, size_t from, size_t to, const cJSON *value);

struct ranging {
    struct render *render;
    size_t from;
    size_t to;
};

static int render_element(void *ctx, const cJSON *value)
{
    struct ranging *ranging = ctx;

    return render_parts(ranging->render, ranging->from, ranging->to, value);
}

static int render_steps(struct render *render, const struct jsonpath_part *part, value_fn *fn,
                        void *ctx, const cJSON *value)
{
    struct walk walk = { .render = render, .fn = fn, .ctx = ctx };

    return walk_steps(&walk, part->first_step, part->first_step + part->steps_count,
                      part->of_all ? render->all : value);
}

static int render_parts(struct render *render, size_t from, size_t to, const cJSON *value)
{
    size_t i;
    int rv = 0;

    for (i = from; i < to && 0 <= rv; i++) {
        const struct jsonpath_part *part = &render->path->parts[i];
        struct printing printing = { .render = render };
        struct ranging ranging = { .render = render, .from = i + 1, .to = part->end };

        switch (part->kind) {
        case PART_TEXT:
            str_append_text(render->out, part->text);
            break;
        case PART_VALUES:
            rv = render_steps(render, part, print_value, &printing, value);
            break;
        case PART_RANGE:
            rv = render_steps(render, part, render_element, &ranging, value);
            i = part->end;
            break;
        case PART_END:
            break;
        }
    }
    return rv;
}

/* A list becomes the member `items` of an object, which takes it over. */
static int with_items(cJSON **value, struct err *err)
{
    cJSON *object;

    if (!cJSON_IsArray(*value)) {
        return 0;
    }
    object = cJSON_CreateObject();
    if (object == NULL || !cJSON_AddItemToObject(object, "items", *value)) {
        cJSON_Delete(object);
        return err_set(err, ERR_NOMEM, "no memory for a value");
    }
    *value = object;
    return 0;
}

static int read_value(const char *json, size_t size, cJSON **out, struct err *err)
{
    int rv = json_scan(json, size, err);

    if (rv < 0) {
        return rv;
    }
    *out = cJSON_ParseWithLength(json, size);
    return *out == NULL ? err_set(err, ERR_INVALID, "not JSON") : 0;
}

static void value_free(cJSON **value)
{
    cJSON_Delete(*value);
}

int jsonpath_render(const struct jsonpath *path, const char *json, size_t size, struct str *out,
                    struct err *err)
{
    CLEANUP(value_free) cJSON *value = NULL;
    struct render render = { .path = path, .out = out, .err = err };
    int rv = read_value(json, size, &value, err);

    if (0 <= rv) {
        rv = with_items(&value, err);
    }
    if (rv < 0) {
        return rv;
    }
    render.all = value;
    rv = render_parts(&render, 0, path->parts_count, value);
    return rv < 0 ? rv : str_check(out, err);
}
