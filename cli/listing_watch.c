/* Following a listing: what each object was told as last, and what is new about it. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/follow.h"
#include "cli/listing.h"
#include "codec/json_list.h"
#include "codec/json_text.h"
#include "show/output.h"

#define SEEN_ARENA_BYTES_MAX (1024U << 20)

/* An object as it was told. */
struct seen {
    const char *name;
    const char *state; /* what is compared */
    size_t place;      /* among the objects of its look */
};

/* All objects of one look. */
struct look {
    struct arena arena;
    struct seen *seen; /* in order of their names once they are sorted */
    size_t count;
    struct table table; /* table forms */
};

struct watching {
    struct listing *listing;
    struct look looks[2];
    unsigned now; /* which of them is this look's */
    bool headed;
    size_t widths[TABLE_COLUMNS_MAX];
    bool done;
    int rv;
    struct err *err;
};

static bool is_table(const struct listing *listing)
{
    return listing->form == LISTING_TABLE || listing->form == LISTING_WIDE;
}

/* ---- A look ---- */

static int out_of_memory(struct err *err)
{
    return err_set(err, ERR_NOMEM, "no memory for what is listed");
}

/* One element of the JSON list, as the form has it. */
static const char *element_text(const struct listing *listing, const char *element, size_t size,
                                struct arena *arena, struct err *err)
{
    CLEANUP(str_deinit) struct str out;
    int rv = 0;

    str_init(&out, OUTPUT_BYTES_MAX);
    if (listing->form == LISTING_JSONPATH) {
        rv = jsonpath_render(listing->path, element, size, &out, err);
    } else if (listing->form == LISTING_YAML) {
        str_append_text(&out, "---\n");
        rv = json_to_yaml(element, size, &out, err);
    } else {
        str_append(&out, element, size);
        str_append_char(&out, '\n');
    }
    if (rv < 0 || str_check(&out, err) < 0) {
        return NULL;
    }
    element = arena_strdup(arena, str_text(&out));
    if (element == NULL) {
        (void)out_of_memory(err);
    }
    return element;
}

static int take_elements(const struct listing *listing, const struct facts *facts,
                         struct look *look, struct err *err)
{
    CLEANUP(str_deinit) struct str json;
    const char *element;
    const char *at;
    size_t size;
    size_t i = 0;
    int rv;

    str_init(&json, OUTPUT_BYTES_MAX);
    rv = listing->kind->json(facts, &listing->request, &json, err);
    if (0 <= rv) {
        rv = str_check(&json, err);
    }
    if (rv < 0) {
        return rv;
    }
    at = str_text(&json);
    while (i < look->count && json_list_next(&at, &element, &size)) {
        look->seen[i].state = element_text(listing, element, size, &look->arena, err);
        if (look->seen[i].state == NULL) {
            return err->code;
        }
        i++;
    }
    look->count = i;
    return 0;
}

/* The objects' names, a line each. */
static int take_names(const struct listing *listing, const struct facts *facts, struct look *look,
                      struct err *err)
{
    CLEANUP(str_deinit) struct str names;
    const char *at;
    size_t lines = 0;
    int rv;

    str_init(&names, OUTPUT_BYTES_MAX);
    rv = listing->kind->names(facts, &listing->request, &names, err);
    if (0 <= rv) {
        rv = str_check(&names, err);
    }
    if (rv < 0) {
        return rv;
    }
    for (at = str_text(&names); *at != '\0'; at++) {
        lines += *at == '\n' ? 1 : 0;
    }
    look->count = 0;
    look->seen = arena_calloc(&look->arena, lines + 1, sizeof(*look->seen));
    for (at = str_text(&names); look->seen != NULL && look->count < lines; look->count++) {
        size_t size = strcspn(at, "\n");
        char *name = arena_strndup(&look->arena, at, size);

        if (name == NULL) {
            return out_of_memory(err);
        }
        look->seen[look->count] = (struct seen){ .name = name, .state = "", .place = look->count };
        at += size + 1;
    }
    return look->seen == NULL ? out_of_memory(err) : 0;
}

static int take_states(const struct listing *listing, const struct facts *facts, struct look *look,
                       struct err *err)
{
    size_t i;
    int rv;

    if (listing->form == LISTING_NAME) {
        return 0;
    }
    if (!is_table(listing)) {
        return take_elements(listing, facts, look, err);
    }
    rv = show_rows(listing->kind, facts, &listing->request, &look->table, err);
    for (i = 0; 0 <= rv && i < look->count; i++) {
        look->seen[i].state = table_row_state(&look->table, i + 1);
    }
    return rv;
}

/* ---- What is new ---- */

static int by_name(const void *a, const void *b)
{
    const struct seen *x = a;
    const struct seen *y = b;

    return strcmp(x->name, y->name);
}

static const struct seen *find(const struct look *look, const struct seen *seen)
{
    return look->count == 0 ? NULL
                            : bsearch(seen, look->seen, look->count, sizeof(*look->seen), by_name);
}

static int append_one(struct watching *watching, const struct look *look, const struct seen *seen,
                      struct str *out)
{
    int rv = 0;

    if (watching->listing->form == LISTING_NAME) {
        str_appendf(out, "%s\n", seen->name);
        return 0;
    }
    if (!is_table(watching->listing)) {
        str_append_text(out, seen->state);
        return 0;
    }
    if (!watching->headed) {
        watching->headed = true;
        memcpy(watching->widths, look->table.widths, sizeof(watching->widths));
        rv = watching->listing->headless
                 ? 0
                 : table_render_row(&look->table, 0, watching->widths, out, watching->err);
    }
    return rv < 0 ? rv
                  : table_render_row(&look->table, seen->place + 1, watching->widths, out,
                                     watching->err);
}

/* In the order of the listing, whence the second array: the first one is to be sorted. */
static int append_news(struct watching *watching, struct look *look, const struct look *before,
                       struct str *out)
{
    struct seen *listed = arena_calloc(&look->arena, look->count + 1, sizeof(*listed));
    size_t i;
    int rv = 0;

    if (listed == NULL) {
        return out_of_memory(watching->err);
    }
    if (0 < look->count) {
        memcpy(listed, look->seen, look->count * sizeof(*listed));
        qsort(look->seen, look->count, sizeof(*look->seen), by_name);
    }
    for (i = 0; i < look->count && 0 <= rv; i++) {
        const struct seen *former = find(before, &listed[i]);

        if (former == NULL || strcmp(former->state, listed[i].state) != 0) {
            rv = append_one(watching, look, &listed[i], out);
        }
    }
    return rv;
}

static void append_gone(const struct listing *listing, const struct look *look,
                        const struct look *before, struct str *out)
{
    size_t i;

    for (i = 0; i < before->count && !listing->kind->fleeting; i++) {
        const struct seen *seen = &before->seen[i];

        if (find(look, seen) != NULL) {
            continue;
        }
        if (is_table(listing)) {
            str_appendf(out, "%s is gone\n", seen->name);
        } else if (listing->form == LISTING_JSON) {
            str_appendf(out, "{\"gone\":\"%s\",\"kind\":\"%s\"}\n", seen->name,
                        listing->kind->singular);
        }
    }
}

static int tell(struct watching *watching, const struct facts *facts)
{
    CLEANUP(str_deinit) struct str out;
    struct listing *listing = watching->listing;
    struct look *before = &watching->looks[watching->now];
    struct look *look = &watching->looks[1 - watching->now];
    int rv;

    str_init(&out, OUTPUT_BYTES_MAX);
    arena_clear(&look->arena);
    listing->request.now_ms = clock_wall_ms();
    listing->request.arena = &look->arena;
    rv = take_names(listing, facts, look, watching->err);
    if (0 <= rv) {
        rv = take_states(listing, facts, look, watching->err);
    }
    if (0 <= rv) {
        rv = append_news(watching, look, before, &out);
    }
    if (rv < 0) {
        return rv;
    }
    append_gone(listing, look, before, &out);
    watching->now = 1 - watching->now;
    return output_text(&out, watching->err);
}

static void on_change(void *ctx, struct facts *facts)
{
    struct watching *watching = ctx;

    watching->rv = tell(watching, facts);
    watching->done = watching->done || watching->rv < 0;
}

static void on_trouble(void *ctx, const char *reason)
{
    (void)ctx;
    if (reason[0] == '\0') {
        (void)fprintf(stderr, "muster: etcd is heard again\n");
    } else {
        (void)fprintf(stderr, "muster: etcd can't be heard, what follows may be late: %s\n",
                      reason);
    }
}

static void on_signal(void *ctx)
{
    struct watching *watching = ctx;

    watching->done = true;
}

/* ---- Following ---- */

/* The `i`-th key to follow, in full; NULL: no memory. */
static const char *follow_key(const struct listing *listing, size_t i)
{
    const char *pattern = listing->kind->follows[i];
    const char *name = listing->request.name;
    const char *hole = strstr(pattern, "%s");

    if (hole == NULL) {
        return context_key(listing->context, "%s", pattern);
    }
    return context_key(listing->context, "%.*s%s%s", (int)(hole - pattern), pattern,
                       name == NULL ? "" : name, name == NULL ? "" : "/");
}

static int follow_all(struct watching *watching, struct follow **out, struct err *err)
{
    CLEANUP(follow_free_p) struct follow *follow = NULL;
    const struct listing *listing = watching->listing;
    size_t i;
    int rv = 0;

    for (i = 0; 0 <= rv && i < SHOW_FOLLOWS_MAX && listing->kind->follows[i] != NULL; i++) {
        const char *key = follow_key(listing, i);

        if (key == NULL) {
            rv = out_of_memory(err);
        } else if (i == 0) {
            rv = follow_new(listing->context, key, on_change, watching, &follow, err);
        } else {
            rv = follow_also(follow, key, err);
        }
    }
    if (rv < 0) {
        return rv;
    }
    follow_tell_trouble(follow, on_trouble);
    *out = TAKE(follow);
    return 0;
}

static int run(struct watching *watching, uint64_t timeout_ms, struct err *err)
{
    CLEANUP(loop_signal_free_p) struct loop_signal *interrupt = NULL;
    CLEANUP(loop_signal_free_p) struct loop_signal *terminate = NULL;
    CLEANUP(follow_free_p) struct follow *follow = NULL;
    struct loop *loop = watching->listing->context->loop;
    const char *name = watching->listing->request.name;
    int rv = follow_all(watching, &follow, err);

    /* The key was made with the one name; from now on a list is asked for. */
    if (name != NULL) {
        watching->listing->request.name = NULL;
        watching->listing->request.names = &name;
        watching->listing->request.names_count = 1;
    }
    if (0 <= rv) {
        rv = loop_signal_new(loop, SIGINT, on_signal, watching, &interrupt, err);
    }
    if (0 <= rv) {
        rv = loop_signal_new(loop, SIGTERM, on_signal, watching, &terminate, err);
    }
    if (0 <= rv) {
        rv = follow_until(follow, &watching->done, timeout_ms, err);
    }
    if (rv == ERR_TIMEOUT) {
        rv = 0; /* as asked */
    }
    return rv < 0 ? rv : watching->rv;
}

int listing_watch(struct listing *listing, uint64_t timeout_ms, struct err *err)
{
    struct err told = { 0 };
    struct watching watching = { .listing = listing, .err = &told };
    int rv;

    if (listing->kind->follows[0] == NULL) {
        return err_set(err, ERR_USAGE, "--watch: %s can't be followed", listing->kind->name);
    }
    if (listing->sort != NULL) {
        return err_set(err, ERR_USAGE, "--sort-by: what is followed has no order");
    }
    arena_init(&watching.looks[0].arena, SEEN_ARENA_BYTES_MAX);
    arena_init(&watching.looks[1].arena, SEEN_ARENA_BYTES_MAX);
    rv = run(&watching, timeout_ms, err);
    arena_deinit(&watching.looks[0].arena);
    arena_deinit(&watching.looks[1].arena);
    if (watching.rv < 0) {
        *err = told;
    }
    return rv;
}
