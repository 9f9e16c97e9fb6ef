#include "codec/spec_yaml.h"

#include <stdio.h>
#include <string.h>

#include "codec/spec_yaml_read.h"

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
    bool is_section = false;
    size_t i;

    (void)snprintf(path, sizeof(path), "%s%s%s", section, section[0] == '\0' ? "" : ".", node->key);
    i = strchr(node->key, '.') == NULL ? field_find(path, &is_section) : SPEC_FIELDS_COUNT;
    if (i < SPEC_FIELDS_COUNT) {
        reading->set[i] = true;
        reading->broken[i] = !spec_yaml_read_value(reading, &spec_fields[i], node);
    } else if (strchr(node->key, '.') == NULL && is_section) {
        read_section(reading, node, path);
    } else if ((section[0] != '\0' || !spec_yaml_is_head(node->key))) {
        spec_yaml_tell_unknown(reading, section, node);
    }
}

static void read_section(struct reading *reading, const struct yaml_node *map, const char *section)
{
    const struct yaml_node *node;

    if (map->kind != YAML_MAP && map->kind != YAML_NONE) {
        (void)spec_yaml_wants(reading, map, section, "a mapping");
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
    yaml_mistake(reading->mistakes, spec_yaml_place(node_at(reading->root, path)), "%s: %s", path,
                 text);
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
        char what[SPEC_YAML_SHOWN_MAX];

        (void)snprintf(what, sizeof(what), "\"%s\"", wanted);
        return spec_yaml_wants(reading, node, name, what);
    }
    return true;
}

static void read_document(struct reading *reading)
{
    bool ours;

    spec_init(reading->spec);
    if (reading->root->kind != YAML_MAP) {
        (void)spec_yaml_wants(reading, reading->root, "document", "a mapping");
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

/* The documents of a file as they come in. */
struct collected {
    struct spec_document *list;
    size_t count;
    size_t capacity;
};

/* Room for one more document; what it outgrows stays in the arena. */
static int reserve(struct collected *all, struct arena *arena, struct err *err)
{
    size_t capacity = all->capacity == 0 ? 4 : 2 * all->capacity;
    struct spec_document *list;

    if (all->count < all->capacity) {
        return 0;
    }
    list = arena_calloc(arena, capacity, sizeof(*list));
    if (list == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    if (0 < all->count) {
        memcpy(list, all->list, all->count * sizeof(*list));
    }
    all->list = list;
    all->capacity = capacity;
    return 0;
}

static void check_unique(struct reading *reading, const struct collected *all)
{
    size_t i;

    for (i = 0; i < all->count; i++) {
        const struct spec_document *other = &all->list[i];

        if (other->spec.name[0] != '\0' && strcmp(other->spec.name, reading->spec->name) == 0) {
            yaml_mistake(reading->mistakes, node_at(reading->root, "metadata.name")->place,
                         "metadata.name: the document of line %u has the same name", other->line);
            return;
        }
    }
}

/* Besides the spec: what the document sets, and where it stands. */
static void note_place(const struct reading *reading, struct spec_document *out)
{
    size_t i;

    out->line = reading->root->place.line;
    out->column = reading->root->place.column;
    for (i = 0; i < SPEC_FIELDS_COUNT; i++) {
        out->set |= reading->set[i] ? UINT32_C(1) << i : 0;
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
        reading.spec = &all->list[all->count].spec;
        read_document(&reading);
        if (reading.no_memory) {
            return err_set(err, ERR_NOMEM, "out of memory");
        }
        check_unique(&reading, all);
        note_place(&reading, &all->list[all->count++]);
    }
}

static int parse(const struct spec_yaml_file *file, struct yaml_mistakes *mistakes,
                 struct collected *all, struct err *err)
{
    CLEANUP(yaml_reader_free_p) struct yaml_reader *reader = NULL;
    int rv;

    rv = yaml_reader_new(file->bytes, file->size, mistakes, &reader, err);
    if (rv == 0) {
        rv = read_documents(reader, mistakes, mistakes->arena, all, err);
    }
    if (rv == 0 && all->count == 0 && mistakes->count == 0 && !file->may_be_empty) {
        yaml_mistake(mistakes, (struct yaml_place){ 0, 0 }, "holds no document");
    }
    return rv;
}

int spec_yaml_read(const struct spec_yaml_file *file, struct arena *arena,
                   struct spec_documents *out, struct str *mistakes, struct err *err)
{
    struct collected all = { .count = 0 };
    struct yaml_mistakes *told = arena_alloc(arena, sizeof(*told));
    int rv = 0;

    if (told == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    yaml_mistakes_init(told, file->name, arena);
    if (SPEC_YAML_BYTES_MAX < file->size) {
        yaml_mistake(told, (struct yaml_place){ 0, 0 }, "is larger than %u bytes",
                     SPEC_YAML_BYTES_MAX);
    } else {
        rv = parse(file, told, &all, err);
    }
    if (rv == 0) {
        rv = yaml_mistakes_tell(told, mistakes, err);
    }
    if (rv < 0) {
        return rv;
    }
    *out = (struct spec_documents){ .list = all.list, .count = all.count };
    return 0;
}

int spec_yaml_parse(const char *file, const char *bytes, size_t size, struct arena *arena,
                    const struct spec **specs, size_t *specs_count, struct str *mistakes,
                    struct err *err)
{
    const struct spec_yaml_file whole = { .name = file, .bytes = bytes, .size = size };
    struct spec_documents documents = { .count = 0 };
    struct spec *list;
    size_t i;
    int rv = spec_yaml_read(&whole, arena, &documents, mistakes, err);

    if (rv < 0) {
        return rv;
    }
    list = arena_calloc(arena, documents.count, sizeof(*list));
    if (list == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    for (i = 0; i < documents.count; i++) {
        list[i] = documents.list[i].spec;
    }
    *specs = list;
    *specs_count = documents.count;
    return 0;
}
