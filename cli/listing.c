#include "cli/listing.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cli/listing_sort.h"
#include "codec/json_text.h"
#include "model/name.h"
#include "show/output.h"

#define JSONPATH_FORM "jsonpath="

void listing_deinit(struct listing *listing)
{
    jsonpath_free(listing->path);
    jsonpath_free(listing->sort);
    listing->path = NULL;
    listing->sort = NULL;
}

int listing_use_form(struct listing *listing, const char *text, struct err *err)
{
    static const struct {
        const char *text;
        enum listing_form form;
    } forms[] = { { "table", LISTING_TABLE },
                  { "wide", LISTING_WIDE },
                  { "json", LISTING_JSON },
                  { "yaml", LISTING_YAML },
                  { "name", LISTING_NAME } };
    size_t i;
    int rv;

    for (i = 0; i < ARRAY_COUNT(forms); i++) {
        if (text_equal(text, forms[i].text)) {
            listing->form = forms[i].form;
            listing->request.wide = forms[i].form == LISTING_WIDE;
            return 0;
        }
    }
    if (strncmp(text, JSONPATH_FORM, strlen(JSONPATH_FORM)) != 0) {
        return err_set(err, ERR_USAGE, "--output: must be " LISTING_FORMS ", got '%s'", text);
    }
    listing->form = LISTING_JSONPATH;
    rv = jsonpath_parse(text + strlen(JSONPATH_FORM), &listing->path, err);
    return rv < 0 ? err_wrap(err, "--output") : 0;
}

int listing_use_selector(struct listing *listing, const char *text, struct err *err)
{
    int rv;

    if (text == NULL) {
        return 0;
    }
    if (!listing->kind->labelled) {
        return err_set(err, ERR_USAGE, "--selector: %s have no labels", listing->kind->name);
    }
    rv = selector_parse(text, &listing->selector, err);
    listing->request.selector = &listing->selector;
    return rv;
}

int listing_use_sort(struct listing *listing, const char *text, struct err *err)
{
    if (text == NULL) {
        return 0;
    }
    if (listing->form == LISTING_YAML && listing->kind->yaml != NULL) {
        return err_set(err, ERR_USAGE, "--sort-by: documents of %s are in order of their names",
                       listing->kind->name);
    }
    return listing_sort_parse(text, &listing->sort, err);
}

/* What the names that are given are names of. */
static const char *named(const struct show_kind *kind)
{
    return kind->of_cluster || kind == &show_nodes ? "cluster" : kind->singular;
}

int listing_use_names(struct listing *listing, const char *const *names, size_t count,
                      struct err *err)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (!name_is_label(names[i], HOST_NAME_TEXT_MAX)) {
            return err_set(err, ERR_USAGE, "'%s' can't be the name of a %s", names[i],
                           named(listing->kind));
        }
    }
    if (count == 1) {
        listing->request.name = names[0];
    } else if (1 < count) {
        listing->request.names = names;
        listing->request.names_count = count;
    }
    return 0;
}

static int make_json(const struct listing *listing, const struct facts *facts, struct str *out,
                     struct err *err)
{
    int rv = listing->kind->json(facts, &listing->request, out, err);

    return rv < 0 ? rv : str_check(out, err);
}

static bool is_sorted(const struct listing *listing)
{
    return listing->sort != NULL;
}

static int sort_json(const struct listing *listing, struct str *json, struct err *err)
{
    CLEANUP(str_deinit) struct str sorted;
    struct listing_order order;
    int rv;

    str_init(&sorted, OUTPUT_BYTES_MAX);
    if (!is_sorted(listing) || str_text(json)[0] != '[') {
        return 0;
    }
    rv = listing_sort(listing->sort, str_text(json), listing->request.arena, &order, err);
    if (rv < 0) {
        return rv;
    }
    listing_sort_json(&order, &sorted);
    str_clear(json);
    str_append_text(json, str_text(&sorted));
    return str_failed(&sorted) ? str_check(&sorted, err) : str_check(json, err);
}

static int render_json(const struct listing *listing, const struct facts *facts, struct str *out,
                       struct err *err)
{
    CLEANUP(str_deinit) struct str json;
    int rv;

    str_init(&json, OUTPUT_BYTES_MAX);
    rv = make_json(listing, facts, &json, err);
    if (0 <= rv) {
        rv = sort_json(listing, &json, err);
    }
    if (rv < 0) {
        return rv;
    }
    if (listing->form == LISTING_JSONPATH) {
        return jsonpath_render(listing->path, str_text(&json), json.size, out, err);
    }
    return listing->form == LISTING_JSON ? json_pretty(str_text(&json), json.size, out, err)
                                         : json_to_yaml(str_text(&json), json.size, out, err);
}

/* In which order objects are told; a single one that is told by its own name has none. `json`, of
 * which the order is made, outlives it. */
static int make_order(const struct listing *listing, const struct facts *facts, struct str *json,
                      struct listing_order *out, struct err *err)
{
    int rv = make_json(listing, facts, json, err);

    *out = (struct listing_order){ .count = 0 };
    return rv < 0 || str_text(json)[0] != '['
               ? rv
               : listing_sort(listing->sort, str_text(json), listing->request.arena, out, err);
}

static int render_table(const struct listing *listing, const struct facts *facts, struct str *out,
                        struct err *err)
{
    CLEANUP(str_deinit) struct str json;
    struct listing_order order = { .count = 0 };
    struct table table;
    size_t *places;
    size_t i;
    int rv = show_rows(listing->kind, facts, &listing->request, &table, err);

    str_init(&json, OUTPUT_BYTES_MAX);
    if (0 <= rv && is_sorted(listing)) {
        rv = make_order(listing, facts, &json, &order, err);
    }
    if (rv < 0) {
        return rv;
    }
    places = arena_calloc(listing->request.arena, order.count + 1, sizeof(*places));
    if (places == NULL) {
        return err_set(err, ERR_NOMEM, "no memory for what is listed");
    }
    for (i = 0; i < order.count; i++) {
        places[i] = order.list[i].place;
    }
    if (0 < order.count) {
        table_reorder(&table, places, order.count);
    }
    table.headless = listing->headless;
    return table_render(&table, 0, out, err);
}

static int render_names(const struct listing *listing, const struct facts *facts, struct str *out,
                        struct err *err)
{
    CLEANUP(str_deinit) struct str names;
    CLEANUP(str_deinit) struct str json;
    struct listing_order order;
    int rv;

    str_init(&names, OUTPUT_BYTES_MAX);
    str_init(&json, OUTPUT_BYTES_MAX);
    if (!is_sorted(listing)) {
        return listing->kind->names(facts, &listing->request, out, err);
    }
    rv = listing->kind->names(facts, &listing->request, &names, err);
    if (0 <= rv) {
        rv = make_order(listing, facts, &json, &order, err);
    }
    if (rv < 0) {
        return rv;
    }
    if (order.count == 0) {
        str_append_text(out, str_text(&names));
        return 0;
    }
    return listing_sort_lines(&order, str_text(&names), listing->request.arena, out, err);
}

int listing_render(const struct listing *listing, const struct facts *facts, struct str *out,
                   struct err *err)
{
    const struct show_kind *kind = listing->kind;

    switch (listing->form) {
    case LISTING_TABLE:
    case LISTING_WIDE:
        return render_table(listing, facts, out, err);
    case LISTING_NAME:
        return render_names(listing, facts, out, err);
    case LISTING_YAML:
        if (kind->yaml != NULL) {
            return kind->yaml(facts, &listing->request, out, err);
        }
        break;
    case LISTING_JSON:
    case LISTING_JSONPATH:
        break;
    }
    return render_json(listing, facts, out, err);
}

/* ---- Once ---- */

static bool has_cluster(const struct facts *facts, const char *name)
{
    const struct cluster_facts *cluster = facts_cluster(facts, name);

    return cluster != NULL && cluster->spec_revision != 0;
}

/* Whether there is anything of that name, a selector aside. */
static bool is_there(const struct listing *listing, const struct facts *facts, const char *name)
{
    struct show_request request = { .name = name,
                                    .now_ms = listing->request.now_ms,
                                    .arena = listing->request.arena };

    return 0 < listing->kind->count(facts, &request) ||
           (listing->kind->of_cluster && has_cluster(facts, name));
}

/* The first of the names that stands for nothing; NULL: each is there. */
static const char *missing_name(const struct listing *listing, const struct facts *facts)
{
    const struct show_request *request = &listing->request;
    size_t i;

    if (request->name != NULL && !is_there(listing, facts, request->name)) {
        return request->name;
    }
    for (i = 0; i < request->names_count; i++) {
        if (!is_there(listing, facts, request->names[i])) {
            return request->names[i];
        }
    }
    return NULL;
}

static int not_found(const struct show_kind *kind, const char *name, struct err *err)
{
    return err_set(err, ERR_NOT_FOUND, "there is no %s '%s'",
                   kind == &show_nodes ? "node of cluster" : named(kind), name);
}

static int print(const struct listing *listing, const struct facts *facts, struct err *err)
{
    CLEANUP(str_deinit) struct str text;
    int rv;

    str_init(&text, OUTPUT_BYTES_MAX);
    rv = listing_render(listing, facts, &text, err);
    return rv < 0 ? rv : output_text(&text, err);
}

int listing_print(struct listing *listing, struct err *err)
{
    struct context *context = listing->context;
    struct show_request *request = &listing->request;
    struct facts facts;
    const char *missing;
    size_t count;
    int rv;

    request->now_ms = clock_wall_ms();
    request->arena = &context->arena;
    facts_init(&facts, &context->arena, context->prefix);
    rv = listing->kind->read(context, request, &facts, err);
    if (rv < 0) {
        return rv;
    }
    if (facts.bad_count != 0) {
        (void)fprintf(stderr, "muster: %s%s\n", facts.bad,
                      facts.bad_count == 1 ? "" : " (and others)");
    }
    count = listing->kind->count(&facts, request);
    missing = missing_name(listing, &facts);
    if (count == 0 && missing == NULL && !(LISTING_WIDE < listing->form)) {
        (void)fprintf(stderr, "There are no %s.\n", listing->kind->name);
        return 0;
    }
    if (0 < count || missing == NULL) {
        rv = print(listing, &facts, err);
    }
    return 0 <= rv && missing != NULL ? not_found(listing->kind, missing, err) : rv;
}
