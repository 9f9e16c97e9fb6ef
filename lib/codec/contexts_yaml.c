#include "codec/contexts_yaml.h"

#include <stdio.h>
#include <string.h>

#include "codec/yaml_mistakes.h"
#include "codec/yaml_tree.h"

#define FIELD_NAMES_MAX 16
#define PATH_SIZE 96
#define SHOWN_MAX 64
#define ENDPOINTS_BYTES_MAX 4096

/* The fields of a context: section ("" is the context itself), name, place. */
#define AT(member) offsetof(struct context_entry, member)
static const struct field {
    const char *section;
    const char *name;
    size_t offset;
} fields[] = {
    { "", "name", AT(name) },
    { "", "prefix", AT(prefix) },
    { "etcd", "endpoints", AT(endpoints) },
    { "etcd", "cacert", AT(ca_file) },
    { "etcd", "cert", AT(cert_file) },
    { "etcd", "key", AT(key_file) },
    { "etcd", "user", AT(user) },
    { "etcd", "passwordFile", AT(password_file) },
    { "discovery", "cacert", AT(discovery_ca) },
    { "discovery", "name", AT(discovery_name) },
    { "discovery", "cert", AT(discovery_cert) },
    { "discovery", "key", AT(discovery_key) },
};

static const char *const sections[] = { "etcd", "discovery" };

struct reading {
    struct yaml_mistakes *mistakes;
    struct arena *arena;
    bool no_memory;
};

static struct yaml_place place_of(const struct yaml_node *node)
{
    return node->kind == YAML_NONE && node->key != NULL ? node->key_place : node->place;
}

static const char *keep(struct reading *reading, const char *text)
{
    const char *copy = arena_strdup(reading->arena, text);

    reading->no_memory = reading->no_memory || copy == NULL;
    return copy;
}

static void unknown(struct reading *reading, const struct yaml_node *node, const char *path,
                    const char *const *names, size_t count)
{
    const char *nearest = text_nearest(node->key, names, count);

    yaml_mistake(reading->mistakes, node->key_place, "%s%sunknown field \"%.*s\"%s%s%s", path,
                 path[0] == '\0' ? "" : ": ", SHOWN_MAX, node->key,
                 nearest == NULL ? "" : ", did you mean \"", nearest == NULL ? "" : nearest,
                 nearest == NULL ? "" : "\"?");
}

/* A list of texts as one text with commas. */
static const char *join(struct reading *reading, const struct yaml_node *node)
{
    CLEANUP(str_deinit) struct str text;
    const struct yaml_node *child;

    str_init(&text, ENDPOINTS_BYTES_MAX);
    for (child = node->children; child != NULL; child = child->next) {
        if (child->kind != YAML_TEXT) {
            return NULL;
        }
        str_appendf(&text, "%s%s", text.size == 0 ? "" : ",", child->text);
    }
    return text.size == 0 || str_failed(&text) ? NULL : keep(reading, str_text(&text));
}

static void read_field(struct reading *reading, const struct field *field, const char *path,
                       const struct yaml_node *node, struct context_entry *entry)
{
    bool listed = field->offset == AT(endpoints);
    const char *text = NULL;

    if (node->kind == YAML_TEXT && node->text[0] != '\0') {
        text = keep(reading, node->text);
    } else if (listed && node->kind == YAML_LIST) {
        text = join(reading, node);
    }
    if (text == NULL && !reading->no_memory) {
        yaml_mistake(reading->mistakes, place_of(node), "%s.%s: must be %s", path, field->name,
                     listed ? "a list of URLs" : "a text");
        return;
    }
    memcpy((unsigned char *)entry + field->offset, &text, sizeof(text));
}

static void read_section(struct reading *reading, const char *section, const char *path,
                         const struct yaml_node *map, struct context_entry *entry);

/* One member of a section: a field of it, or a section of its own. */
static void read_member(struct reading *reading, const char *section, const char *path,
                        const struct yaml_node *node, struct context_entry *entry)
{
    const char *names[FIELD_NAMES_MAX];
    char below[PATH_SIZE];
    size_t count = 0;
    size_t i;

    for (i = 0; i < ARRAY_COUNT(fields); i++) {
        if (strcmp(fields[i].section, section) != 0) {
            continue;
        }
        names[count++] = fields[i].name;
        if (strcmp(fields[i].name, node->key) == 0) {
            read_field(reading, &fields[i], path, node, entry);
            return;
        }
    }
    for (i = 0; i < ARRAY_COUNT(sections) && section[0] == '\0'; i++) {
        names[count++] = sections[i];
        if (strcmp(sections[i], node->key) == 0) {
            (void)snprintf(below, sizeof(below), "%s.%s", path, sections[i]);
            read_section(reading, sections[i], below, node, entry);
            return;
        }
    }
    unknown(reading, node, path, names, count);
}

static void read_section(struct reading *reading, const char *section, const char *path,
                         const struct yaml_node *map, struct context_entry *entry)
{
    const struct yaml_node *node;

    if (map->kind != YAML_MAP) {
        yaml_mistake(reading->mistakes, place_of(map), "%s: must be a mapping", path);
        return;
    }
    for (node = map->children; node != NULL; node = node->next) {
        read_member(reading, section, path, node, entry);
    }
}

static void read_entry(struct reading *reading, const struct yaml_node *node, struct contexts *out)
{
    struct context_entry *entry = &out->list[out->count];
    char path[PATH_SIZE];

    (void)snprintf(path, sizeof(path), "contexts[%zu]", out->count);
    *entry = (struct context_entry){ .name = NULL };
    read_section(reading, "", path, node, entry);
    if (node->kind != YAML_MAP) {
        return;
    }
    if (entry->name == NULL) {
        yaml_mistake(reading->mistakes, node->place, "%s.name: is missing", path);
        return;
    }
    if (entry->endpoints == NULL) {
        yaml_mistake(reading->mistakes, node->place, "%s.etcd.endpoints: is missing", path);
    }
    if (contexts_find(out, entry->name) != NULL) {
        yaml_mistake(reading->mistakes, yaml_member(node, "name")->place,
                     "%s.name: there is a context \"%.*s\" already", path, SHOWN_MAX, entry->name);
    }
    out->count++;
}

static void read_list(struct reading *reading, const struct yaml_node *list, struct contexts *out)
{
    const struct yaml_node *node;

    if (list->kind != YAML_LIST && list->kind != YAML_NONE) {
        yaml_mistake(reading->mistakes, place_of(list), "contexts: must be a list");
        return;
    }
    for (node = list->children; node != NULL; node = node->next) {
        if (out->count == CONTEXTS_MAX) {
            yaml_mistake(reading->mistakes, node->place, "more than %d contexts", CONTEXTS_MAX);
            return;
        }
        read_entry(reading, node, out);
    }
}

static void check_current(struct reading *reading, const struct yaml_node *node,
                          struct contexts *out)
{
    const char *nearest;

    if (node->kind != YAML_TEXT) {
        yaml_mistake(reading->mistakes, place_of(node), "current: must be a text");
        return;
    }
    out->current = keep(reading, node->text);
    out->current_line = node->key_place.line;
    if (out->current == NULL || contexts_find(out, out->current) != NULL) {
        return;
    }
    nearest = contexts_nearest(out, out->current);
    yaml_mistake(reading->mistakes, node->place, "current: there is no context \"%.*s\"%s%s%s",
                 SHOWN_MAX, out->current, nearest == NULL ? "" : ", did you mean \"",
                 nearest == NULL ? "" : nearest, nearest == NULL ? "" : "\"?");
}

static void read_document(struct reading *reading, const struct yaml_node *root,
                          struct contexts *out)
{
    static const char *const names[] = { "current", "contexts" };
    const struct yaml_node *current = yaml_member(root, "current");
    const struct yaml_node *list = yaml_member(root, "contexts");
    const struct yaml_node *node;

    if (root->kind != YAML_MAP) {
        yaml_mistake(reading->mistakes, root->place, "must be a mapping");
        return;
    }
    for (node = root->children; node != NULL; node = node->next) {
        if (node != current && node != list) {
            unknown(reading, node, "", names, ARRAY_COUNT(names));
        }
    }
    if (list != NULL) {
        read_list(reading, list, out);
    }
    if (current != NULL) {
        check_current(reading, current, out);
    }
}

static int parse(const char *bytes, size_t size, struct reading *reading, struct contexts *out,
                 struct err *err)
{
    CLEANUP(yaml_reader_free_p) struct yaml_reader *reader = NULL;
    const struct yaml_node *root = NULL;
    int rv = yaml_reader_new(bytes, size, reading->mistakes, &reader, err);

    if (0 <= rv) {
        rv = yaml_reader_next(reader, &root, err);
    }
    if (rv <= 0 || root == NULL) {
        return rv < 0 ? rv : 0;
    }
    read_document(reading, root, out);
    rv = yaml_reader_next(reader, &root, err);
    if (0 < rv && root != NULL) {
        yaml_mistake(reading->mistakes, root->place, "there must be one document only");
    }
    return rv < 0 ? rv : 0;
}

int contexts_yaml_parse(const char *file, const char *bytes, size_t size, struct arena *arena,
                        struct contexts *out, struct str *mistakes, struct err *err)
{
    struct yaml_mistakes *told = arena_alloc(arena, sizeof(*told));
    struct reading reading = { .mistakes = told, .arena = arena };
    int rv;

    if (told == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    *out = (struct contexts){ .count = 0 };
    yaml_mistakes_init(told, file, arena);
    rv = parse(bytes, size, &reading, out, err);
    if (0 <= rv && reading.no_memory) {
        rv = err_set(err, ERR_NOMEM, "out of memory");
    }
    return rv < 0 ? rv : yaml_mistakes_tell(told, mistakes, err);
}

const struct context_entry *contexts_find(const struct contexts *contexts, const char *name)
{
    size_t i;

    for (i = 0; i < contexts->count; i++) {
        if (strcmp(contexts->list[i].name, name) == 0) {
            return &contexts->list[i];
        }
    }
    return NULL;
}

const char *contexts_nearest(const struct contexts *contexts, const char *name)
{
    const char *names[CONTEXTS_MAX];
    size_t i;

    for (i = 0; i < contexts->count; i++) {
        names[i] = contexts->list[i].name;
    }
    return text_nearest(name, names, contexts->count);
}
