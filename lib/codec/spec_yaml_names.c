/* What a field may be called, and what was meant by another name. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "codec/spec_yaml_read.h"

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

/* Whether `path` goes on below `section` ("" is above all), and with which name. */
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

/* The names that may stand in a section; how many there are. */
static size_t names_of(const char *section, char (*names)[SPEC_YAML_SHOWN_MAX])
{
    size_t count = 0;
    size_t i;

    for (i = 0; section[0] == '\0' && i < ARRAY_COUNT(head_names); i++) {
        (void)snprintf(names[count++], SPEC_YAML_SHOWN_MAX, "%s", head_names[i]);
    }
    for (i = 0; i < SPEC_FIELDS_COUNT && count < NAMES_MAX; i++) {
        const char *name;
        size_t size;

        if (!path_below(spec_fields[i].path, section, &name, &size)) {
            continue;
        }
        (void)snprintf(names[count], SPEC_YAML_SHOWN_MAX, "%.*s", (int)size, name);
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

void spec_yaml_tell_unknown(struct reading *reading, const char *section,
                            const struct yaml_node *node)
{
    char texts[NAMES_MAX][SPEC_YAML_SHOWN_MAX];
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
                     separator, SPEC_YAML_SHOWN_MAX, node->key);
        return;
    }
    yaml_mistake(reading->mistakes, node->key_place,
                 "%s%sunknown field \"%.*s\", did you mean \"%s\"?", section, separator,
                 SPEC_YAML_SHOWN_MAX, node->key, nearest);
}

bool spec_yaml_is_head(const char *name)
{
    size_t i;

    for (i = 0; i < ARRAY_COUNT(head_names); i++) {
        if (strcmp(head_names[i], name) == 0) {
            return true;
        }
    }
    return false;
}
