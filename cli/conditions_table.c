#include "cli/conditions_table.h"

#include "show/output.h"
#include "show/table.h"

#define AGE_TEXT_SIZE 24
#define INDENT 2

int conditions_table(const struct status *status, const char *heading, uint64_t now_ms,
                     struct arena *arena, struct str *out, struct err *err)
{
    const char *const headings[] = { heading, "STATUS", "SINCE", "REASON", "MESSAGE", NULL };
    struct table table;
    int type;

    table_init(&table, arena, headings);
    for (type = 0; type < CONDITION_COUNT; type++) {
        const struct condition *condition = &status->conditions[type];
        char age[AGE_TEXT_SIZE];

        if (condition->reason == NULL || condition->reason[0] == '\0') {
            continue;
        }
        output_age(now_ms, condition->since_ms, age, sizeof(age));
        table_add(&table, condition_type_text((enum condition_type)type));
        table_add(&table, condition->status ? "True" : "False");
        table_add(&table, age);
        table_add(&table, condition->reason);
        table_add(&table, condition->message);
    }
    return table_render(&table, INDENT, out, err);
}
