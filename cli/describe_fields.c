#include "cli/describe_fields.h"

#include <string.h>

#include "apply/merge.h"
#include "show/table.h"

#define SHOWN_MAX 40 /* bytes of a value */

static void add_value(struct table *table, const char *value)
{
    table_addf(table, "%.*s%s", SHOWN_MAX, value, SHOWN_MAX < strlen(value) ? "…" : "");
}

int describe_fields(const struct spec_record *record, struct arena *arena, struct str *out,
                    struct err *err)
{
    static const char *const headings[] = { "FIELD", "VALUE", "MANAGER", "OTHERS SAY", NULL };
    const struct merge_held *held = NULL;
    struct table table;
    size_t count = 0;
    size_t i;
    int rv = merge_tell(record, arena, &held, &count, err);

    if (rv < 0) {
        return rv;
    }
    table_init(&table, arena, headings);
    for (i = 0; i < count; i++) {
        table_add(&table, held[i].path);
        add_value(&table, held[i].value);
        table_add(&table, held[i].managers);
        add_value(&table, held[i].others);
    }
    str_append_text(out, "Managed by:\n");
    return table_render(&table, 2, out, err);
}
