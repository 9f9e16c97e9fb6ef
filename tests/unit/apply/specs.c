#include "specs.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "codec/spec_yaml.h"

struct merge_wish specs_wish(struct arena *arena, const char *source, const char *fields,
                             const char *labels)
{
    CLEANUP(str_deinit) struct str mistakes;
    const char *text = arena_printf(arena,
                                    "apiVersion: muster/v1\nkind: MemcachedCluster\n"
                                    "metadata: { name: c%s%s }\nspec: %s\n",
                                    labels[0] == '\0' ? "" : ", labels: ", labels, fields);
    const struct spec_yaml_file file = { .name = "t", .bytes = text, .size = strlen(text) };
    struct spec_documents read;
    struct err err;

    str_init(&mistakes, 1U << 16);
    cr_assert_eq(spec_yaml_read(&file, arena, &read, &mistakes, &err), 0, "%s", err.msg);
    return (
        struct merge_wish){ .source = source, .spec = &read.list[0].spec, .set = read.list[0].set };
}

static struct spec_record after(const struct merge *merge)
{
    return (struct spec_record){ .spec = merge->spec,
                                 .uid = "0123456789abcdef",
                                 .generation = 1,
                                 .managers = merge->managers,
                                 .managers_count = merge->managers_count };
}

struct spec_record specs_apply(struct arena *arena, const struct spec_record *live,
                               const struct merge_wish *wish)
{
    struct merge merge;
    struct err err;

    cr_assert_eq(merge_document(live, wish, arena, &merge, &err), 0, "%s", err.msg);
    cr_assert_eq(merge.conflicts_count, 0);
    return after(&merge);
}

struct spec_record specs_scale(struct arena *arena, const struct spec_record *live, const char *who,
                               uint32_t nodes)
{
    struct spec wanted = live->spec;
    struct merge merge;
    struct err err;

    wanted.nodes = nodes;
    cr_assert_eq(merge_act(live, &wanted, who, arena, &merge, &err), 0, "%s", err.msg);
    return after(&merge);
}
