#include "cli/listing_sort.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "codec/json_list.h"

#define KEY_BYTES_MAX (64U << 10)

enum rank { RANK_NOTHING, RANK_NUMBER, RANK_TEXT };

static int no_memory(struct err *err)
{
    return err_set(err, ERR_NOMEM, "no memory for what is listed");
}

int listing_sort_parse(const char *text, struct jsonpath **out, struct err *err)
{
    CLEANUP(str_deinit) struct str path;
    int rv;

    str_init(&path, JSONPATH_TEXT_MAX);
    if (text[0] == '{') {
        str_append_text(&path, text);
    } else {
        str_appendf(&path, "{%s%s}", text[0] == '.' ? "" : ".", text);
    }
    rv = str_check(&path, err);
    if (0 <= rv) {
        rv = jsonpath_parse(str_text(&path), out, err);
    }
    return rv < 0 ? err_wrap(err, "--sort-by") : 0;
}

static size_t count_elements(const char *json)
{
    const char *element;
    size_t count = 0;
    size_t size;

    while (json_list_next(&json, &element, &size)) {
        count++;
    }
    return count;
}

/* "nan" is a name, and in no order among numbers. */
static enum rank rank_of(const char *key, double *number)
{
    char *end;

    *number = strtod(key, &end);
    if (key[0] == '\0') {
        return RANK_NOTHING;
    }
    return *end == '\0' && isfinite(*number) ? RANK_NUMBER : RANK_TEXT;
}

static int take_key(const struct jsonpath *by, struct sorted *sorted, struct arena *arena,
                    struct err *err)
{
    CLEANUP(str_deinit) struct str key;
    int rv;

    str_init(&key, KEY_BYTES_MAX);
    rv = jsonpath_render(by, sorted->element, sorted->size, &key, err);
    if (rv < 0) {
        return err_wrap(err, "--sort-by");
    }
    sorted->key = arena_strdup(arena, str_text(&key));
    if (sorted->key == NULL) {
        return no_memory(err);
    }
    sorted->rank = (int)rank_of(sorted->key, &sorted->number);
    return 0;
}

static int by_key(const void *a, const void *b)
{
    const struct sorted *x = a;
    const struct sorted *y = b;
    int order = x->rank - y->rank;

    if (order == 0 && x->rank == RANK_NUMBER) {
        order = (x->number > y->number) - (x->number < y->number);
    } else if (order == 0) {
        order = strcmp(x->key, y->key);
    }
    return order != 0 ? order : (x->place > y->place) - (x->place < y->place);
}

int listing_sort(const struct jsonpath *by, const char *json, struct arena *arena,
                 struct listing_order *out, struct err *err)
{
    struct listing_order order = { .count = count_elements(json) };
    size_t found = 0;
    size_t i;
    int rv = 0;

    order.list = arena_calloc(arena, order.count + 1, sizeof(*order.list));
    if (order.list == NULL) {
        return no_memory(err);
    }
    for (i = 0; i < order.count && 0 <= rv; i++) {
        struct sorted *sorted = &order.list[i];

        sorted->place = i;
        (void)json_list_next(&json, &sorted->element, &sorted->size);
        rv = take_key(by, sorted, arena, err);
        found += 0 <= rv && sorted->rank != RANK_NOTHING ? 1 : 0;
    }
    if (rv < 0) {
        return rv;
    }
    if (0 < order.count && found == 0) {
        return err_set(err, ERR_USAGE,
                       "--sort-by: no object has that; -o json shows what they have");
    }
    qsort(order.list, order.count, sizeof(*order.list), by_key);
    *out = order;
    return 0;
}

void listing_sort_json(const struct listing_order *order, struct str *out)
{
    size_t i;

    str_append_char(out, '[');
    for (i = 0; i < order->count; i++) {
        str_append_text(out, i == 0 ? "" : ",");
        str_append(out, order->list[i].element, order->list[i].size);
    }
    str_append_char(out, ']');
}

int listing_sort_lines(const struct listing_order *order, const char *lines, struct arena *arena,
                       struct str *out, struct err *err)
{
    const char **starts = arena_calloc(arena, order->count + 1, sizeof(*starts));
    size_t i;

    if (starts == NULL) {
        return no_memory(err);
    }
    for (i = 0; i < order->count; i++) {
        size_t size = strcspn(lines, "\n");

        starts[i] = lines;
        lines += size + (lines[size] == '\n' ? 1 : 0);
    }
    for (i = 0; i < order->count; i++) {
        const char *line = starts[order->list[i].place];

        str_append(out, line, strcspn(line, "\n"));
        str_append_char(out, '\n');
    }
    return str_check(out, err);
}
