#include "metrics/metric.h"

#include <string.h>

#include "base/check.h"

const char *metric_type_text(enum metric_type type)
{
    static const char *const texts[] = {
#define X(name, text) text,
        METRIC_TYPES(X)
#undef X
    };

    CHECK((size_t)type < sizeof(texts) / sizeof(texts[0]));
    return texts[type];
}

size_t metric_labels_count(const struct metric *metric)
{
    const char *at = metric->labels;
    size_t count = at[0] == '\0' ? 0 : 1;

    for (; *at != '\0'; at++) {
        count += *at == ',' ? 1 : 0;
    }
    return count;
}

const char *metric_label(const struct metric *metric, size_t i, size_t *size)
{
    const char *at = metric->labels;

    for (; 0 < i; i--) {
        at = strchr(at, ',');
        CHECK(at != NULL);
        at++;
    }
    *size = strcspn(at, ",");
    return at;
}
