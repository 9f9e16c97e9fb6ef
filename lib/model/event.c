#include "model/event.h"

#include <string.h>

#include "base/check.h"

static const struct event_row rows[] = {
#define X(name, text, type, program, meaning, action) \
    { (text), EVENT_TYPE_##type, EVENT_BY_##program, (meaning), (action) },
    EVENT_REASONS(X)
#undef X
};

const struct event_row *event_row(enum event_reason reason)
{
    CHECK((size_t)reason < ARRAY_COUNT(rows));
    return &rows[reason];
}

bool event_reason_parse(const char *text, enum event_reason *out)
{
    size_t i;

    for (i = 0; i < ARRAY_COUNT(rows); i++) {
        if (strcmp(text, rows[i].reason) == 0) {
            *out = (enum event_reason)i;
            return true;
        }
    }
    return false;
}
