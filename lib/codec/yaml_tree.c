#include "codec/yaml_tree.h"

#include <stdlib.h>
#include <string.h>

#include <libfyaml.h>

#include "base/mem.h"
#include "base/str.h"

#define KEY_SHOWN_MAX 64

struct yaml_reader {
    struct fy_diag *diag;
    struct fy_parser *parser;
    struct arena arena;
    struct yaml_mistakes *mistakes;
    bool over;   /* nothing more can be read */
    bool failed; /* for want of memory */
};

void yaml_reader_free(struct yaml_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    fy_parser_destroy(reader->parser);
    fy_diag_destroy(reader->diag);
    arena_deinit(&reader->arena);
    free(reader);
}

/* What YAML 1.2 calls printable, or nearly; the parser is spared everything else. */
static void check_bytes(struct yaml_reader *reader, const char *bytes, size_t size)
{
    struct yaml_place place = { 1, 1 };
    size_t step;
    size_t i;

    for (i = 0; i < size; i += step) {
        unsigned char c = (unsigned char)bytes[i];

        step = utf8_sequence(bytes + i, size - i);
        if (step == 0 || c == 0x7f || (c < 0x20 && c != '\t' && c != '\n' && c != '\r')) {
            yaml_mistake(reader->mistakes, place, "byte 0x%02x: not a text in UTF-8", c);
            reader->over = true;
            return;
        }
        place.column++;
        if (c == '\n') {
            place.line++;
            place.column = 1;
        }
    }
}

static int open_parser(struct yaml_reader *reader, const char *bytes, size_t size)
{
    struct fy_diag_cfg diag_cfg;
    struct fy_parse_cfg cfg = { .search_path = "",
                                .flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_JSON_NONE |
                                         FYPCF_DEFAULT_VERSION_1_2 | FYPCF_ALLOW_DUPLICATE_KEYS };

    fy_diag_cfg_default(&diag_cfg);
    diag_cfg.fp = NULL;
    diag_cfg.colorize = false;
    reader->diag = fy_diag_create(&diag_cfg);
    if (reader->diag == NULL) {
        return -1;
    }
    fy_diag_set_collect_errors(reader->diag, true);
    cfg.diag = reader->diag;
    reader->parser = fy_parser_create(&cfg);
    if (reader->parser == NULL) {
        return -1;
    }
    return fy_parser_set_string(reader->parser, bytes, size);
}

int yaml_reader_new(const char *bytes, size_t size, struct yaml_mistakes *mistakes,
                    struct yaml_reader **out, struct err *err)
{
    CLEANUP(yaml_reader_free_p) struct yaml_reader *reader = mem_alloc(sizeof(*reader));

    if (reader == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    arena_init(&reader->arena, YAML_TREE_BYTES_MAX);
    reader->mistakes = mistakes;
    check_bytes(reader, bytes, size);
    if (!reader->over && open_parser(reader, bytes, size) < 0) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    *out = TAKE(reader);
    return 0;
}

static bool is_quoted(const struct fy_event *event)
{
    enum fy_scalar_style style = fy_scalar_token_get_style(event->scalar.value);

    return style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED;
}

/* A mark counts from 0, and the one of a quoted text stands behind the quote. */
static struct yaml_place place_of(struct fy_event *event)
{
    const struct fy_mark *mark = fy_event_start_mark(event);
    struct yaml_place place = { 1, 1 };

    if (mark == NULL) {
        return place;
    }
    place.line = (unsigned)mark->line + 1;
    place.column = (unsigned)mark->column + 1;
    if (event->type == FYET_SCALAR && 1 < place.column && is_quoted(event)) {
        place.column--;
    }
    return place;
}

/* The first error that the parser has recorded; what follows from it helps nobody. */
static void tell_syntax(struct yaml_reader *reader)
{
    void *previous = NULL;
    const struct fy_diag_error *error = fy_diag_errors_iterate(reader->diag, &previous);
    struct yaml_place place = { 0, 0 };

    if (error == NULL) {
        yaml_mistake(reader->mistakes, place, "not YAML");
        return;
    }
    place.line = error->line < 1 ? 1 : (unsigned)error->line;
    place.column = error->column < 1 ? 1 : (unsigned)error->column;
    yaml_mistake(reader->mistakes, place, "%s", error->msg == NULL ? "not YAML" : error->msg);
}

/* The next event, or NULL at the end and at a syntax error. */
static struct fy_event *next_event(struct yaml_reader *reader)
{
    struct fy_event *event = reader->over ? NULL : fy_parser_parse(reader->parser);

    if (event != NULL) {
        return event;
    }
    if (!reader->over && fy_parser_get_stream_error(reader->parser)) {
        tell_syntax(reader);
    }
    reader->over = true;
    return NULL;
}

static void release(struct yaml_reader *reader, struct fy_event *event)
{
    fy_parser_event_free(reader->parser, event);
}

/* Anchors and tags change what a reader sees against what is written. */
static void check_properties(struct yaml_reader *reader, struct fy_event *event)
{
    const struct fy_token *anchor = NULL;
    const struct fy_token *tag = NULL;

    if (event->type == FYET_SCALAR) {
        anchor = event->scalar.anchor;
        tag = event->scalar.tag;
    } else if (event->type == FYET_SEQUENCE_START) {
        anchor = event->sequence_start.anchor;
        tag = event->sequence_start.tag;
    } else if (event->type == FYET_MAPPING_START) {
        anchor = event->mapping_start.anchor;
        tag = event->mapping_start.tag;
    } else if (event->type == FYET_ALIAS) {
        yaml_mistake(reader->mistakes, place_of(event), "aliases are not supported");
    }
    if (anchor != NULL) {
        yaml_mistake(reader->mistakes, place_of(event), "anchors are not supported");
    }
    if (tag != NULL) {
        yaml_mistake(reader->mistakes, place_of(event), "tags are not supported");
    }
}

static const char *copy_text(struct yaml_reader *reader, struct fy_event *event)
{
    size_t size = 0;
    const char *bytes = fy_token_get_text(event->scalar.value, &size);
    const char *copy = arena_strndup(&reader->arena, bytes == NULL ? "" : bytes, size);

    if (copy == NULL) {
        reader->failed = true;
    } else if (strlen(copy) != size) {
        yaml_mistake(reader->mistakes, place_of(event), "a text must not hold a NUL");
    }
    return copy;
}

static bool is_null(const char *text)
{
    return text[0] == '\0' || strcmp(text, "~") == 0 || strcmp(text, "null") == 0 ||
           strcmp(text, "Null") == 0 || strcmp(text, "NULL") == 0;
}

static struct yaml_node *node_new(struct yaml_reader *reader, struct fy_event *event,
                                  enum yaml_kind kind)
{
    struct yaml_node *node = arena_alloc(&reader->arena, sizeof(*node));

    if (node == NULL) {
        reader->failed = true;
        return NULL;
    }
    node->kind = kind;
    node->place = place_of(event);
    return node;
}

static struct yaml_node *read_scalar(struct yaml_reader *reader, struct fy_event *event)
{
    struct yaml_node *node = node_new(reader, event, YAML_TEXT);

    if (node == NULL) {
        return NULL;
    }
    node->text = copy_text(reader, event);
    if (node->text == NULL) {
        return NULL;
    }
    /* Where nothing is written there is no token either. */
    node->plain =
        event->scalar.value == NULL || fy_scalar_token_get_style(event->scalar.value) == FYSS_PLAIN;
    node->kind = node->plain && is_null(node->text) ? YAML_NONE : YAML_TEXT;
    return node;
}

/* Pass over the rest of the node that `type` began. */
static void skip_node(struct yaml_reader *reader, enum fy_event_type type)
{
    size_t depth = type == FYET_MAPPING_START || type == FYET_SEQUENCE_START ? 1 : 0;

    while (0 < depth) {
        struct fy_event *event = next_event(reader);

        if (event == NULL) {
            return;
        }
        if (event->type == FYET_MAPPING_START || event->type == FYET_SEQUENCE_START) {
            depth++;
        } else if (event->type == FYET_MAPPING_END || event->type == FYET_SEQUENCE_END) {
            depth--;
        }
        release(reader, event);
    }
}

static struct yaml_node *read_node(struct yaml_reader *reader, struct fy_event *event,
                                   size_t depth);

/* The key at `event` as a text; NULL, with its mistake told, when it is none. */
static const char *read_key(struct yaml_reader *reader, struct fy_event *event)
{
    check_properties(reader, event);
    if (event->type == FYET_SCALAR) {
        return copy_text(reader, event);
    }
    if (event->type != FYET_ALIAS) {
        yaml_mistake(reader->mistakes, place_of(event), "a key must be a text");
    }
    skip_node(reader, event->type);
    return NULL;
}

static void append_child(struct yaml_node *parent, struct yaml_node **last, struct yaml_node *child)
{
    if (*last == NULL) {
        parent->children = child;
    } else {
        (*last)->next = child;
    }
    *last = child;
}

/* Read the value behind a key and add it, unless the key is there already. */
static void read_member(struct yaml_reader *reader, struct fy_event *key_event, size_t depth,
                        struct yaml_node *map, struct yaml_node **last)
{
    const char *key = read_key(reader, key_event);
    struct yaml_place key_place = place_of(key_event);
    struct fy_event *event = next_event(reader);
    const struct yaml_node *same;
    struct yaml_node *child;

    if (event == NULL) {
        return;
    }
    child = read_node(reader, event, depth);
    release(reader, event);
    if (key == NULL || child == NULL) {
        return;
    }
    same = yaml_member(map, key);
    if (same != NULL) {
        yaml_mistake(reader->mistakes, key_place, "\"%.*s\" is there already, in line %u",
                     KEY_SHOWN_MAX, key, same->key_place.line);
        return;
    }
    child->key = key;
    child->key_place = key_place;
    append_child(map, last, child);
}

static void read_children(struct yaml_reader *reader, size_t depth, struct yaml_node *parent)
{
    bool is_map = parent->kind == YAML_MAP;
    enum fy_event_type end = is_map ? FYET_MAPPING_END : FYET_SEQUENCE_END;
    struct yaml_node *last = NULL;
    size_t count = 0;

    for (;;) {
        struct fy_event *event = next_event(reader);

        if (event == NULL || event->type == end) {
            release(reader, event);
            return;
        }
        if (YAML_CHILDREN_MAX < ++count) {
            yaml_mistake(reader->mistakes, place_of(event), "more than %d elements",
                         YAML_CHILDREN_MAX);
            skip_node(reader, event->type);
            release(reader, event);
            skip_node(reader, FYET_MAPPING_START); /* to the end of this one */
            return;
        }
        if (is_map) {
            read_member(reader, event, depth, parent, &last);
        } else {
            struct yaml_node *child = read_node(reader, event, depth);

            if (child != NULL) {
                append_child(parent, &last, child);
            }
        }
        release(reader, event);
    }
}

/* The node that `event` begins; NULL when it was left out. The caller releases the event. */
static struct yaml_node *read_node(struct yaml_reader *reader, struct fy_event *event, size_t depth)
{
    struct yaml_node *node;

    check_properties(reader, event);
    if (event->type == FYET_SCALAR) {
        return read_scalar(reader, event);
    }
    if (event->type != FYET_MAPPING_START && event->type != FYET_SEQUENCE_START) {
        return NULL;
    }
    if (YAML_DEPTH_MAX <= depth) {
        yaml_mistake(reader->mistakes, place_of(event), "nested deeper than %d", YAML_DEPTH_MAX);
        skip_node(reader, event->type);
        return NULL;
    }
    node = node_new(reader, event, event->type == FYET_MAPPING_START ? YAML_MAP : YAML_LIST);
    if (node == NULL) {
        skip_node(reader, event->type);
        return NULL;
    }
    read_children(reader, depth + 1, node);
    return node;
}

int yaml_reader_next(struct yaml_reader *reader, const struct yaml_node **root, struct err *err)
{
    struct yaml_node *node = NULL;
    bool found = false;

    arena_clear(&reader->arena);
    while (!reader->over) {
        struct fy_event *event = next_event(reader);
        enum fy_event_type type = event == NULL ? FYET_STREAM_END : event->type;

        if (event == NULL || type == FYET_DOCUMENT_END) {
            release(reader, event);
            break;
        }
        if (type == FYET_DOCUMENT_START) {
            found = true;
        } else if (type != FYET_STREAM_START && type != FYET_STREAM_END) {
            node = read_node(reader, event, 0);
        }
        release(reader, event);
    }
    if (reader->failed) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    if (!found || reader->over) {
        return 0;
    }
    *root = node == NULL || node->kind == YAML_NONE ? NULL : node;
    return 1;
}

const struct yaml_node *yaml_member(const struct yaml_node *map, const char *key)
{
    const struct yaml_node *node;

    if (map == NULL || map->kind != YAML_MAP) {
        return NULL;
    }
    for (node = map->children; node != NULL; node = node->next) {
        if (strcmp(node->key, key) == 0) {
            return node;
        }
    }
    return NULL;
}
