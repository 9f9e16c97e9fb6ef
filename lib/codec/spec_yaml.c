#include "codec/spec_yaml.h"

#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "codec/yaml_mistakes.h"
#include "codec/yaml_tree.h"
#include "model/spec_field.h"

#define SHOWN_MAX 64
#define NAMES_MAX 24

/* The names that a mapping may have besides those of the fields' paths. */
static const char *const head_names[] = { "apiVersion", "kind" };

/* What other systems call our fields. */
static const struct {
    const char *theirs;
    const char *ours;
} synonyms[] = {
    { "replicas", "nodes" },       { "nodeCount", "nodes" },    { "count", "nodes" },
    { "maxMemory", "memory" },     { "memoryLimit", "memory" }, { "connections", "maxConnections" },
    { "itemSize", "maxItemSize" }, { "args", "extraArgs" },     { "topologySpread", "spreadBy" },
    { "drainTimeout", "drain" },
};

/* One document on its way to a spec. */
struct reading {
    struct yaml_mistakes *mistakes;
    struct arena *arena;
    const struct yaml_node *root;
    struct spec *spec;
    bool set[SPEC_FIELDS_COUNT];    /* the document has a value */
    bool broken[SPEC_FIELDS_COUNT]; /* and it could not be read, which is told already */
    bool no_memory;
};

static struct yaml_place key_place(const struct yaml_node *node)
{
    return node->kind == YAML_NONE && node->key != NULL ? node->key_place : node->place;
}

static const char *kind_text(const struct yaml_node *node)
{
    switch (node->kind) {
    case YAML_NONE:
        return "nothing";
    case YAML_LIST:
        return "a list";
    case YAML_MAP:
        return "a mapping";
    case YAML_TEXT:
        break;
    }
    return "a text";
}

/* Tell that the value is not what the field wants; yields false. */
static bool wants(struct reading *reading, const struct yaml_node *node, const char *path,
                  const char *what)
{
    if (node->kind == YAML_TEXT) {
        yaml_mistake(reading->mistakes, node->place, "%s: must be %s, got \"%.*s\"", path, what,
                     SHOWN_MAX, node->text);
    } else {
        yaml_mistake(reading->mistakes, key_place(node), "%s: must be %s, got %s", path, what,
                     kind_text(node));
    }
    return false;
}

static const char *keep(struct reading *reading, const char *text)
{
    const char *copy = arena_strdup(reading->arena, text);

    reading->no_memory = reading->no_memory || copy == NULL;
    return copy == NULL ? "" : copy;
}

static void *keep_list(struct reading *reading, size_t count, size_t size)
{
    void *list = arena_calloc(reading->arena, count, size);

    reading->no_memory = reading->no_memory || list == NULL;
    return list;
}

static size_t children_count(const struct yaml_node *node)
{
    const struct yaml_node *child;
    size_t count = 0;

    for (child = node->children; child != NULL; child = child->next) {
        count++;
    }
    return count;
}

static bool read_number(struct reading *reading, const struct spec_field *field,
                        const struct yaml_node *node)
{
    uint64_t value = 0;
    bool valid = node->kind == YAML_TEXT;
    const char *what;

    if (field->type == SPEC_FIELD_SIZE) {
        valid = valid && size_parse(node->text, &value);
        what = "a size such as 64Mi";
    } else if (field->type == SPEC_FIELD_DURATION) {
        valid = valid && duration_parse(node->text, &value);
        what = "a duration such as 30s";
    } else {
        valid = valid && node->plain && text_to_u64(node->text, 0, UINT64_MAX, &value);
        what = "a whole number without quotes";
    }
    if (!valid) {
        return wants(reading, node, field->path, what);
    }
    spec_field_set_number(field, value, reading->spec);
    return true;
}

static bool read_text(struct reading *reading, const struct spec_field *field,
                      const struct yaml_node *node)
{
    const char *text;

    if (node->kind != YAML_TEXT) {
        return wants(reading, node, field->path, "a text");
    }
    text = keep(reading, node->text);
    memcpy((unsigned char *)reading->spec + field->offset, &text, sizeof(text));
    return true;
}

static bool read_spread(struct reading *reading, const struct spec_field *field,
                        const struct yaml_node *node)
{
    if (node->kind != YAML_TEXT || !spec_spread_parse(node->text, &reading->spec->spread_by)) {
        return wants(reading, node, field->path, "\"zone\" or \"host\"");
    }
    return true;
}

static bool read_texts(struct reading *reading, const struct spec_field *field,
                       const struct yaml_node *node)
{
    size_t count = children_count(node);
    const char **texts;
    const struct yaml_node *child;
    size_t i = 0;

    if (node->kind != YAML_LIST && node->kind != YAML_NONE) {
        return wants(reading, node, field->path, "a list");
    }
    texts = count == 0 ? NULL : keep_list(reading, count, sizeof(*texts));
    for (child = node->children; child != NULL && texts != NULL; child = child->next) {
        char path[SPEC_PATH_SIZE];

        if (child->kind != YAML_TEXT) {
            (void)snprintf(path, sizeof(path), "%s[%zu]", field->path, i);
            return wants(reading, child, path, "a text");
        }
        texts[i++] = keep(reading, child->text);
    }
    memcpy((unsigned char *)reading->spec + field->offset, &texts, sizeof(texts));
    memcpy((unsigned char *)reading->spec + field->count_offset, &i, sizeof(i));
    return true;
}

static bool read_labels(struct reading *reading, const struct spec_field *field,
                        const struct yaml_node *node)
{
    size_t count = children_count(node);
    const struct yaml_node *child;
    struct label *labels;
    size_t used = 0;

    if (node->kind != YAML_MAP && node->kind != YAML_NONE) {
        return wants(reading, node, field->path, "a mapping");
    }
    labels = count == 0 ? NULL : keep_list(reading, count, sizeof(*labels));
    for (child = node->children; child != NULL && labels != NULL; child = child->next) {
        char path[SPEC_PATH_SIZE];
        size_t at = used++;

        if (child->kind != YAML_TEXT) {
            (void)snprintf(path, sizeof(path), "%s.%s", field->path, child->key);
            return wants(reading, child, path, "a text");
        }
        while (0 < at && 0 < strcmp(labels[at - 1].name, child->key)) {
            labels[at] = labels[at - 1];
            at--;
        }
        labels[at].name = keep(reading, child->key);
        labels[at].value = keep(reading, child->text);
    }
    reading->spec->labels = labels;
    reading->spec->labels_count = used;
    return true;
}

static bool read_value(struct reading *reading, const struct spec_field *field,
                       const struct yaml_node *node)
{
    switch (field->type) {
    case SPEC_FIELD_NAME:
    case SPEC_FIELD_DOMAIN:
        return read_text(reading, field, node);
    case SPEC_FIELD_COUNT:
    case SPEC_FIELD_SIZE:
    case SPEC_FIELD_DURATION:
        return read_number(reading, field, node);
    case SPEC_FIELD_SPREAD:
        return read_spread(reading, field, node);
    case SPEC_FIELD_ARGS:
    case SPEC_FIELD_HOSTS:
        return read_texts(reading, field, node);
    case SPEC_FIELD_LABELS:
        return read_labels(reading, field, node);
    }
    return false;
}

/* Whether `path` goes on below `section` ("" is above all); then the next name's size is in `size`.
 */
static bool path_below(const char *path, const char *section, const char **name, size_t *size)
{
    size_t skip = strlen(section);

    if (0 < skip && (strncmp(path, section, skip) != 0 || path[skip] != '.')) {
        return false;
    }
    *name = path + skip + (0 < skip ? 1 : 0);
    *size = strcspn(*name, ".");
    return true;
}

/* The names that may stand in a section, one after another in `text`. */
static size_t names_of(const char *section, char (*names)[SHOWN_MAX])
{
    size_t count = 0;
    size_t i;

    for (i = 0; section[0] == '\0' && i < ARRAY_COUNT(head_names); i++) {
        (void)snprintf(names[count++], SHOWN_MAX, "%s", head_names[i]);
    }
    for (i = 0; i < SPEC_FIELDS_COUNT && count < NAMES_MAX; i++) {
        const char *name;
        size_t size;

        if (!path_below(spec_fields[i].path, section, &name, &size)) {
            continue;
        }
        (void)snprintf(names[count], SHOWN_MAX, "%.*s", (int)size, name);
        if (count == 0 || strcmp(names[count - 1], names[count]) != 0) {
            count++;
        }
    }
    return count;
}

static const char *suggestion(const char *name, const char *const *names, size_t count)
{
    size_t i;
    size_t j;

    for (i = 0; i < ARRAY_COUNT(synonyms); i++) {
        for (j = 0; strcmp(synonyms[i].theirs, name) == 0 && j < count; j++) {
            if (strcmp(synonyms[i].ours, names[j]) == 0) {
                return names[j];
            }
        }
    }
    return text_nearest(name, names, count);
}

static void tell_unknown(struct reading *reading, const char *section, const struct yaml_node *node)
{
    char texts[NAMES_MAX][SHOWN_MAX];
    const char *names[NAMES_MAX];
    const char *separator = section[0] == '\0' ? "" : ": ";
    const char *nearest;
    size_t count = names_of(section, texts);
    size_t i;

    for (i = 0; i < count; i++) {
        names[i] = texts[i];
    }
    nearest = suggestion(node->key, names, count);
    if (nearest == NULL) {
        yaml_mistake(reading->mistakes, node->key_place, "%s%sunknown field \"%.*s\"", section,
                     separator, SHOWN_MAX, node->key);
        return;
    }
    yaml_mistake(reading->mistakes, node->key_place,
                 "%s%sunknown field \"%.*s\", did you mean \"%s\"?", section, separator, SHOWN_MAX,
                 node->key, nearest);
}

static bool is_head(const char *section, const char *name)
{
    size_t i;

    for (i = 0; section[0] == '\0' && i < ARRAY_COUNT(head_names); i++) {
        if (strcmp(head_names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* The field of that path; SPEC_FIELDS_COUNT when there is none, and whether it is a section. */
static size_t field_find(const char *path, bool *section)
{
    size_t size = strlen(path);
    size_t i;

    *section = false;
    for (i = 0; i < SPEC_FIELDS_COUNT; i++) {
        if (strncmp(spec_fields[i].path, path, size) != 0) {
            continue;
        }
        if (spec_fields[i].path[size] == '\0') {
            return i;
        }
        *section = *section || spec_fields[i].path[size] == '.';
    }
    return i;
}

static void read_section(struct reading *reading, const struct yaml_node *map, const char *section);

static void read_entry(struct reading *reading, const struct yaml_node *node, const char *section)
{
    char path[SPEC_PATH_SIZE];
    bool is_section;
    size_t i;

    (void)snprintf(path, sizeof(path), "%s%s%s", section, section[0] == '\0' ? "" : ".", node->key);
    i = strchr(node->key, '.') == NULL ? field_find(path, &is_section) : SPEC_FIELDS_COUNT;
    if (i < SPEC_FIELDS_COUNT) {
        reading->set[i] = true;
        reading->broken[i] = !read_value(reading, &spec_fields[i], node);
    } else if (strchr(node->key, '.') == NULL && is_section) {
        read_section(reading, node, path);
    } else if (!is_head(section, node->key)) {
        tell_unknown(reading, section, node);
    }
}

static void read_section(struct reading *reading, const struct yaml_node *map, const char *section)
{
    const struct yaml_node *node;

    if (map->kind != YAML_MAP && map->kind != YAML_NONE) {
        (void)wants(reading, map, section, "a mapping");
        return;
    }
    for (node = map->children; node != NULL; node = node->next) {
        read_entry(reading, node, section);
    }
}

/* The element of a list at "<index>]", or the list. */
static const struct yaml_node *element_at(const struct yaml_node *list, const char *index)
{
    const struct yaml_node *child = list->children;
    uint64_t i;

    if (!bytes_to_u64(index, strcspn(index, "]"), 0, YAML_CHILDREN_MAX, &i)) {
        return list;
    }
    for (; child != NULL && 0 < i; i--) {
        child = child->next;
    }
    return child == NULL ? list : child;
}

/* The node that a path leads to, or the nearest one above it. */
static const struct yaml_node *node_at(const struct yaml_node *node, const char *path)
{
    for (;;) {
        const struct yaml_node *child = yaml_member(node, path);
        char name[SPEC_PATH_SIZE];

        if (child != NULL) {
            return child; /* also a label whose name has a dot */
        }
        if (path[0] == '[') {
            return element_at(node, path + 1);
        }
        (void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(path, ".["), path);
        child = yaml_member(node, name);
        if (child == NULL) {
            return node;
        }
        path += strlen(name);
        path += path[0] == '.' ? 1 : 0;
        node = child;
        if (path[0] == '\0') {
            return node;
        }
    }
}

/* A mistake of the finished spec, unless its field could not be read or is missing anyhow. */
static void take_mistake(void *ctx, const char *path, const char *text)
{
    struct reading *reading = ctx;
    size_t i;

    for (i = 0; i < SPEC_FIELDS_COUNT; i++) {
        if (strncmp(spec_fields[i].path, path, strlen(spec_fields[i].path)) == 0 &&
            (reading->broken[i] || (spec_fields[i].required && !reading->set[i]))) {
            return;
        }
    }
    yaml_mistake(reading->mistakes, key_place(node_at(reading->root, path)), "%s: %s", path, text);
}

/* Required fields that are not there; in what should have been a section they are not missed. */
static void check_missing(struct reading *reading)
{
    size_t i;

    for (i = 0; i < SPEC_FIELDS_COUNT; i++) {
        const struct yaml_node *near = node_at(reading->root, spec_fields[i].path);

        if (spec_fields[i].required && !reading->set[i] &&
            (near->kind == YAML_MAP || near->kind == YAML_NONE)) {
            yaml_mistake(reading->mistakes, near->key == NULL ? near->place : near->key_place,
                         "%s: is missing", spec_fields[i].path);
        }
    }
}

static bool check_head(struct reading *reading, const char *name, const char *wanted)
{
    const struct yaml_node *node = yaml_member(reading->root, name);

    if (node == NULL) {
        yaml_mistake(reading->mistakes, reading->root->place, "%s: is missing, must be \"%s\"",
                     name, wanted);
        return false;
    }
    if (node->kind != YAML_TEXT || strcmp(node->text, wanted) != 0) {
        char what[SHOWN_MAX];

        (void)snprintf(what, sizeof(what), "\"%s\"", wanted);
        return wants(reading, node, name, what);
    }
    return true;
}

static void read_document(struct reading *reading)
{
    bool ours;

    spec_init(reading->spec);
    if (reading->root->kind != YAML_MAP) {
        (void)wants(reading, reading->root, "document", "a mapping");
        return;
    }
    ours = check_head(reading, "apiVersion", SPEC_YAML_API_VERSION);
    ours = check_head(reading, "kind", SPEC_YAML_KIND) && ours;
    if (!ours) {
        return; /* its fields are those of something else */
    }
    read_section(reading, reading->root, "");
    check_missing(reading);
    if (!reading->no_memory) {
        spec_check_each(reading->spec, take_mistake, reading);
    }
}

/* The specs of a file as they come in. */
struct collected {
    struct spec *specs;
    unsigned *lines;
    size_t count;
    size_t capacity;
};

/* Room for one more spec; what it outgrows stays in the arena. */
static int reserve(struct collected *all, struct arena *arena, struct err *err)
{
    size_t capacity = all->capacity == 0 ? 4 : 2 * all->capacity;
    struct spec *specs;
    unsigned *lines;

    if (all->count < all->capacity) {
        return 0;
    }
    specs = arena_calloc(arena, capacity, sizeof(*specs));
    lines = arena_calloc(arena, capacity, sizeof(*lines));
    if (specs == NULL || lines == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    if (0 < all->count) {
        memcpy(specs, all->specs, all->count * sizeof(*specs));
        memcpy(lines, all->lines, all->count * sizeof(*lines));
    }
    all->specs = specs;
    all->lines = lines;
    all->capacity = capacity;
    return 0;
}

static void check_unique(struct reading *reading, struct collected *all)
{
    size_t i;

    all->lines[all->count] = reading->root->place.line;
    for (i = 0; i < all->count; i++) {
        if (all->specs[i].name[0] != '\0' && strcmp(all->specs[i].name, reading->spec->name) == 0) {
            yaml_mistake(reading->mistakes, node_at(reading->root, "metadata.name")->place,
                         "metadata.name: the document of line %u has the same name", all->lines[i]);
            return;
        }
    }
}

static int read_documents(struct yaml_reader *reader, struct yaml_mistakes *mistakes,
                          struct arena *arena, struct collected *all, struct err *err)
{
    for (;;) {
        const struct yaml_node *root = NULL;
        struct reading reading = { .mistakes = mistakes, .arena = arena };
        int rv = yaml_reader_next(reader, &root, err);

        if (rv <= 0) {
            return rv;
        }
        if (root == NULL) {
            continue;
        }
        if (all->count == SPEC_YAML_DOCUMENTS_MAX) {
            yaml_mistake(mistakes, root->place, "more than %d documents", SPEC_YAML_DOCUMENTS_MAX);
            return 0;
        }
        rv = reserve(all, arena, err);
        if (rv < 0) {
            return rv;
        }
        reading.root = root;
        reading.spec = &all->specs[all->count];
        read_document(&reading);
        if (reading.no_memory) {
            return err_set(err, ERR_NOMEM, "out of memory");
        }
        check_unique(&reading, all);
        all->count++;
    }
}

static int parse(const char *bytes, size_t size, struct yaml_mistakes *mistakes,
                 struct collected *all, struct err *err)
{
    CLEANUP(yaml_reader_free_p) struct yaml_reader *reader = NULL;
    int rv;

    rv = yaml_reader_new(bytes, size, mistakes, &reader, err);
    if (rv == 0) {
        rv = read_documents(reader, mistakes, mistakes->arena, all, err);
    }
    if (rv == 0 && all->count == 0 && mistakes->count == 0) {
        yaml_mistake(mistakes, (struct yaml_place){ 0, 0 }, "holds no document");
    }
    return rv;
}

int spec_yaml_parse(const char *file, const char *bytes, size_t size, struct arena *arena,
                    const struct spec **specs, size_t *specs_count, struct str *mistakes,
                    struct err *err)
{
    struct collected all = { .count = 0 };
    struct yaml_mistakes *told = arena_alloc(arena, sizeof(*told));
    int rv = 0;

    if (told == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    yaml_mistakes_init(told, file, arena);
    if (SPEC_YAML_BYTES_MAX < size) {
        yaml_mistake(told, (struct yaml_place){ 0, 0 }, "is larger than %u bytes",
                     SPEC_YAML_BYTES_MAX);
    } else {
        rv = parse(bytes, size, told, &all, err);
    }
    if (rv == 0) {
        rv = yaml_mistakes_tell(told, mistakes, err);
    }
    if (rv < 0) {
        return rv;
    }
    *specs = all.specs;
    *specs_count = all.count;
    return 0;
}
